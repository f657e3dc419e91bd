//! What the monitor and the process in front tell each other.
//!
//! Rules:
//! - A report is a kind, two numbers and a path, an order a kind and a number. No
//!   value stands in either.
//! - What cannot be read is no message, and ends the conversation.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use crate::child::{Ending, StartError};

/// What has become of the command.
#[derive(Debug)]
pub(crate) enum Report {
    Started,
    Refused(Refusal),
    /// By the signal of this number.
    Stopped(i32),
    Ended(Ending),
}

/// Why the command did not start.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    NotFound,
    NotExecutable { errno: i32 },
    NoInterpreter { program: PathBuf },
    TooLarge { bytes: usize, variables: usize },
    Io { errno: i32 },
    Supervise { errno: i32 },
}

/// What the monitor is to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Order {
    /// Sends a signal to the command.
    Signal(i32),
    /// Sends a signal to the command and those that it has started, as a key does.
    Key(i32),
    /// Lets the command go on, with the terminal or without.
    Continue { is_foreground: bool },
}

impl Report {
    const HEAD: usize = 11;
    /// No path is longer.
    const LONGEST: usize = 4096;

    pub(crate) fn print(&self) -> Vec<u8> {
        let (kind, first, second, path) = match self {
            Self::Started => (b'S', 0, 0, OsStr::new("")),
            Self::Stopped(signal) => (b'T', signal.cast_unsigned(), 0, OsStr::new("")),
            Self::Ended(Ending::Code(code)) => (b'E', u32::from(*code), 0, OsStr::new("")),
            Self::Ended(Ending::Signal(number)) => {
                (b'K', number.cast_unsigned(), 0, OsStr::new(""))
            }
            Self::Refused(refusal) => refusal.parts(),
        };
        let path = path.as_bytes().get(..Self::LONGEST).unwrap_or(path.as_bytes());
        let length = u16::try_from(path.len()).unwrap_or_default();
        let head = [&[kind], &first.to_le_bytes()[..], &second.to_le_bytes()].concat();
        [&head, &length.to_le_bytes()[..], path].concat()
    }

    /// Reads one report; `None` when there will be no more.
    pub(crate) fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut head = [0; Self::HEAD];
        match from.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let [kind, numbers @ ..] = head;
        let number = |at: usize| {
            let bytes = numbers.get(at..).and_then(<[u8]>::first_chunk);
            bytes.copied().map(u32::from_le_bytes).unwrap_or_default()
        };
        let (first, second) = (number(0), number(4));
        let length = numbers.last_chunk().copied().map(u16::from_le_bytes).unwrap_or_default();
        let length = usize::from(length);
        if length > Self::LONGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut path = vec![0; length];
        from.read_exact(&mut path)?;
        let number = first.cast_signed();
        let report = match kind {
            b'S' => Self::Started,
            b'T' => Self::Stopped(number),
            b'E' => Self::Ended(Ending::Code(
                u8::try_from(first).map_err(|_| io::ErrorKind::InvalidData)?,
            )),
            b'K' => Self::Ended(Ending::Signal(number)),
            b'N' => Self::Refused(Refusal::NotFound),
            b'X' => Self::Refused(Refusal::NotExecutable { errno: number }),
            b'I' => {
                let program = PathBuf::from(OsString::from_vec(path));
                Self::Refused(Refusal::NoInterpreter { program })
            }
            b'L' => {
                let [bytes, variables] =
                    [first, second].map(|count| usize::try_from(count).unwrap_or(usize::MAX));
                Self::Refused(Refusal::TooLarge { bytes, variables })
            }
            b'O' => Self::Refused(Refusal::Io { errno: number }),
            b'M' => Self::Refused(Refusal::Supervise { errno: number }),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        };
        Ok(Some(report))
    }
}

impl Refusal {
    pub(super) fn of(error: &StartError) -> Self {
        let errno = |source: &io::Error| source.raw_os_error().unwrap_or(libc::EIO);
        match error {
            StartError::NotFound { .. } => Self::NotFound,
            StartError::NotExecutable { source, .. } => {
                Self::NotExecutable { errno: errno(source) }
            }
            StartError::NoInterpreter { program } => {
                Self::NoInterpreter { program: program.clone() }
            }
            StartError::TooLarge { bytes, variables } => {
                Self::TooLarge { bytes: *bytes, variables: *variables }
            }
            StartError::Io { source, .. } => Self::Io { errno: errno(source) },
            StartError::Supervise { source } => Self::Supervise { errno: errno(source) },
            // The others are about descriptors and output, which the monitor leaves as they are.
            _ => Self::Supervise { errno: libc::EINVAL },
        }
    }

    /// The same for who has asked for the command.
    pub(crate) fn into_error(self, program: OsString) -> StartError {
        let source = io::Error::from_raw_os_error;
        match self {
            Self::NotFound => StartError::NotFound { program },
            Self::NotExecutable { errno } => {
                StartError::NotExecutable { program, source: source(errno) }
            }
            Self::NoInterpreter { program } => StartError::NoInterpreter { program },
            Self::TooLarge { bytes, variables } => StartError::TooLarge { bytes, variables },
            Self::Io { errno } => StartError::Io { program, source: source(errno) },
            Self::Supervise { errno } => StartError::Supervise { source: source(errno) },
        }
    }

    fn parts(&self) -> (u8, u32, u32, &OsStr) {
        let none = OsStr::new("");
        let count = |count: &usize| u32::try_from(*count).unwrap_or(u32::MAX);
        match self {
            Self::NotFound => (b'N', 0, 0, none),
            Self::NotExecutable { errno } => (b'X', errno.cast_unsigned(), 0, none),
            Self::NoInterpreter { program } => (b'I', 0, 0, program.as_os_str()),
            Self::TooLarge { bytes, variables } => (b'L', count(bytes), count(variables), none),
            Self::Io { errno } => (b'O', errno.cast_unsigned(), 0, none),
            Self::Supervise { errno } => (b'M', errno.cast_unsigned(), 0, none),
        }
    }
}

impl Order {
    pub(crate) fn print(self) -> [u8; 2] {
        let number = |signal: i32| u8::try_from(signal).unwrap_or_default();
        match self {
            Self::Signal(signal) => [b's', number(signal)],
            Self::Key(signal) => [b'k', number(signal)],
            Self::Continue { is_foreground } => [b'c', u8::from(is_foreground)],
        }
    }

    pub(crate) fn parse([kind, number]: [u8; 2]) -> Option<Self> {
        match kind {
            b's' => Some(Self::Signal(number.into())),
            b'k' => Some(Self::Key(number.into())),
            b'c' => Some(Self::Continue { is_foreground: number == 1 }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_report_is_read_as_it_was_written_and_only_when_it_is_whole() {
        let refusals = [
            Refusal::NotFound,
            Refusal::NotExecutable { errno: 13 },
            Refusal::NoInterpreter { program: "/a b/c".into() },
            Refusal::TooLarge { bytes: 4_000_000, variables: 3 },
            Refusal::Io { errno: 5 },
            Refusal::Supervise { errno: 24 },
        ];
        let reports = refusals.into_iter().map(Report::Refused).chain([
            Report::Started,
            Report::Stopped(20),
            Report::Ended(Ending::Code(255)),
            Report::Ended(Ending::Signal(64)),
        ]);
        for report in reports {
            let bytes = report.print();
            for end in 0..bytes.len() {
                assert!(!matches!(Report::read(&mut &bytes[..end]), Ok(Some(_))));
            }
            let more = [&bytes[..], b"S"].concat();
            let mut left = more.as_slice();
            let found = Report::read(&mut left).unwrap().unwrap();
            assert_eq!(left, b"S");
            assert_eq!(format!("{found:?}"), format!("{report:?}"));
        }
    }

    #[test]
    fn an_order_is_read_as_it_was_written() {
        for order in [
            Order::Signal(15),
            Order::Key(2),
            Order::Continue { is_foreground: true },
            Order::Continue { is_foreground: false },
        ] {
            assert_eq!(Order::parse(order.print()), Some(order));
        }
        assert_eq!(Order::parse(*b"x1"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = Report::read(&mut bytes.as_slice());
        }
    }
}
