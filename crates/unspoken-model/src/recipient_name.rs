//! Recipient names: what a project calls the people and machines that may read.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The name of a person or machine in the project file's `[recipients]`, such
/// as `alice` or `ci`.
///
/// Invariant: a lowercase letter or digit, then lowercase letters, digits, and
/// `-`, `_`, `.`, `@`, `+`, at most 64 bytes. So it is no [`crate::SecretName`],
/// and one argument can be either.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RecipientName(String);

/// Why a text is no [`RecipientName`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum RecipientNameError {
    #[error("it is empty")]
    Empty,
    #[error("it holds at most {max} bytes, this one has {found}", max = RecipientName::MAX)]
    TooLong { found: usize },
    #[error(
        "{found:?} at byte {at} cannot stand in it (a-z or 0-9, then also `-`, `_`, `.`, `@`, `+`)"
    )]
    Character { found: char, at: usize },
}

impl RecipientName {
    pub const MAX: usize = 64;

    /// Reads a name, or says what spoils it.
    pub fn parse(text: &str) -> Result<Self, RecipientNameError> {
        if text.is_empty() {
            return Err(RecipientNameError::Empty);
        }
        if text.len() > Self::MAX {
            return Err(RecipientNameError::TooLong { found: text.len() });
        }
        let fits = |at: usize, c: char| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || (at > 0 && "-_.@+".contains(c))
        };
        match text.char_indices().find(|&(at, c)| !fits(at, c)) {
            Some((at, found)) => Err(RecipientNameError::Character { found, at }),
            None => Ok(Self(text.to_owned())),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RecipientName {
    type Err = RecipientNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for RecipientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[test]
fn a_recipient_is_named_in_lower_case_or_by_an_address() {
    #[track_caller]
    fn case(text: &str, expected: Result<(), RecipientNameError>) {
        assert_eq!(RecipientName::parse(text).map(drop), expected, "{text:?}");
    }

    case("alice", Ok(()));
    case("ci-main", Ok(()));
    case("alice+work@example.com", Ok(()));
    case("4ce5", Ok(()));
    case("", Err(RecipientNameError::Empty));
    case("Alice", Err(RecipientNameError::Character { found: 'A', at: 0 }));
    case("-e", Err(RecipientNameError::Character { found: '-', at: 0 }));
    case("a b", Err(RecipientNameError::Character { found: ' ', at: 1 }));
    case(&"a".repeat(65), Err(RecipientNameError::TooLong { found: 65 }));
}
