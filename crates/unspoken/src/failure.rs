//! How a command fails: an exit code, a message, a hint.
//!
//! Rules:
//! - The message is a lowercase fragment without a full stop that says what is
//!   wrong, names in backticks, never a value.
//! - The hint is a sentence with a command that can be pasted. Hints exist in
//!   this program only.
//! - The code is a contract: it is documented, and a new meaning is a new code.

mod explain;
mod rotation;

pub(crate) use explain::{mend, quoted};
pub(crate) use rotation::command_line;

use std::error::Error;

/// The exit codes of the program.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Code {
    Other,
    Usage,
    Missing,
    NoKey,
    Integrity,
    Locked,
    Found,
    Refused,
    Denied,
    Unreachable,
    Bundle,
    NotExecutable,
    NotFound,
    Interrupted,
    ClosedPipe,
}

impl Code {
    pub(crate) const ALL: [Self; 15] = [
        Self::Other,
        Self::Usage,
        Self::Missing,
        Self::NoKey,
        Self::Integrity,
        Self::Locked,
        Self::Found,
        Self::Refused,
        Self::Denied,
        Self::Unreachable,
        Self::Bundle,
        Self::NotExecutable,
        Self::NotFound,
        Self::Interrupted,
        Self::ClosedPipe,
    ];

    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Other => 1,
            Self::Usage => 2,
            Self::Missing => 3,
            Self::NoKey => 4,
            Self::Integrity => 5,
            Self::Locked => 6,
            Self::Found => 8,
            Self::Refused => 10,
            Self::Denied => 11,
            Self::Unreachable => 12,
            Self::Bundle => 78,
            Self::NotExecutable => 126,
            Self::NotFound => 127,
            Self::Interrupted => 130,
            Self::ClosedPipe => 141,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Usage => "usage",
            Self::Missing => "missing",
            Self::NoKey => "no key",
            Self::Integrity => "integrity",
            Self::Locked => "locked",
            Self::Found => "found",
            Self::Refused => "refused",
            Self::Denied => "denied",
            Self::Unreachable => "unreachable",
            Self::Bundle => "bundle",
            Self::NotExecutable => "not executable",
            Self::NotFound => "not found",
            Self::Interrupted => "interrupted",
            Self::ClosedPipe => "closed pipe",
        }
    }

    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Other => {
                "Something else failed: a file, the system, a value that cannot be stored."
            }
            Self::Usage => "The command line is not understood.",
            Self::Missing => "There is no such project, environment, document or name.",
            Self::NoKey => "No private key on this machine opens the document.",
            Self::Integrity => {
                "A document or the project file must not be used: tampered with, torn, in the \
                 wrong place, or changed by another program."
            }
            Self::Locked => "Another process held the document's lock for too long.",
            Self::Found => "`scan`: values or credentials were found where they should not be.",
            Self::Refused => "A confirmation was needed and not given.",
            Self::Denied => {
                "There is no token for the vault, or the vault refuses what was asked with it."
            }
            Self::Unreachable => "The vault cannot be reached, or cannot answer now.",
            Self::Bundle => {
                "What was handed over is no bundle, or a newer one, or has been read already. The \
                 libraries end an application with this code, too."
            }
            Self::NotExecutable => "`run`: the command was found and cannot be executed.",
            Self::NotFound => "`run`: there is no such command.",
            Self::Interrupted => "Interrupted at a prompt, or while a rotation hook ran.",
            Self::ClosedPipe => "Whoever read the output stopped reading.",
        }
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None }
    }

    /// An error of a lower crate, with all its sources.
    pub(crate) fn because(code: Code, error: &(dyn Error + 'static)) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            let text = error.to_string();
            // A transparent error repeats its source.
            if !message.ends_with(&text) {
                message = format!("{message}: {text}");
            }
            source = error.source();
        }
        Self::new(code, message)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

#[test]
fn every_code_has_its_own_number() {
    let mut numbers: Vec<u8> = Code::ALL.map(Code::number).into();
    numbers.dedup();
    assert_eq!(numbers.len(), Code::ALL.len());
    assert!(numbers.is_sorted());
}
