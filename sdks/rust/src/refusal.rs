//! Bundles that end the process: exit code 78, a message, and no part of the content.

use std::{
    fmt,
    io::{self, Write as _},
    process,
};

/// The newest bundle that this library reads.
pub(crate) const VERSION: u64 = 1;

/// How many bytes a bundle may have.
pub(crate) const LARGEST: usize = 64 * 1024 * 1024;

/// How many secrets it may have.
pub(crate) const MOST: usize = 100_000;

/// `EX_CONFIG` of `sysexits.h`.
const EXIT_CODE: i32 = 78;

/// Why a bundle is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    Empty,
    Large,
    Many,
    Encoding,
    Syntax { line: usize, column: usize },
    Shape { key: &'static str, expected: &'static str },
    Version { found: u64 },
    Read { kind: io::ErrorKind },
}

impl Refusal {
    /// Says it and ends the process, from whichever thread.
    pub(crate) fn exit(self) -> ! {
        // A closed standard error must not turn the exit code into that of a panic.
        let _ = writeln!(io::stderr(), "unspoken: {self}");
        process::exit(EXIT_CODE)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty => f.write_str(
                "the bundle was already read by another process: a pipe can be read once; start \
                 the program that needs it directly, or use `unspoken run --fd-kind=memfd`",
            ),
            Self::Large => write!(f, "the bundle is larger than {LARGEST} bytes"),
            Self::Many => write!(f, "the bundle has more than {MOST} secrets"),
            Self::Encoding => f.write_str("the bundle is not UTF-8"),
            Self::Syntax { line, column } => {
                write!(f, "the bundle is not one JSON object: line {line}, column {column}")
            }
            Self::Shape { key: "", expected } => write!(f, "the bundle must be {expected}"),
            Self::Shape { key, expected } => {
                write!(f, "the bundle's `{key}` must be {expected}")
            }
            Self::Version { found } if found > VERSION => write!(
                f,
                "the bundle has version {found}, and this library reads version {VERSION}; \
                 update the library: cargo update -p unspoken-sdk"
            ),
            Self::Version { found } => {
                write!(f, "the bundle has version {found}, and there is none before {VERSION}")
            }
            Self::Read { kind } => write!(f, "the bundle could not be read: {kind}"),
        }
    }
}
