//! The names of environment variables, as far as a user chooses them.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use unspoken_model::SecretName;

/// The variable that a secret is delivered in, under another name than its own.
///
/// Invariant: a letter or `_`, then letters, digits and `_`, at most
/// [`VariableName::MAX`] bytes. Lowercase is legal here, since some programs
/// ask for such variables.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct VariableName(String);

/// What is put before the names of secrets, such as `APP_`.
///
/// Invariant: the one of [`VariableName`]. So prefix and secret name together
/// are a legal variable too.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Prefix(VariableName);

/// Why a text is no [`VariableName`] and no [`Prefix`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum VariableError {
    #[error("it is empty")]
    Empty,
    #[error("it holds at most {max} bytes, this one has {found}", max = VariableName::MAX)]
    TooLong { found: usize },
    #[error("{found:?} at byte {at} cannot stand in it (a letter or `_`, then also digits)")]
    Character { found: char, at: usize },
}

impl VariableName {
    pub const MAX: usize = 256;

    /// Reads a name, or says what spoils it.
    pub fn parse(text: &str) -> Result<Self, VariableError> {
        if text.is_empty() {
            return Err(VariableError::Empty);
        }
        if text.len() > Self::MAX {
            return Err(VariableError::TooLong { found: text.len() });
        }
        match text.char_indices().find(|&(at, c)| !fits(at, c)) {
            Some((at, found)) => Err(VariableError::Character { found, at }),
            None => Ok(Self(text.to_owned())),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Prefix {
    /// Reads a prefix, or says what spoils it.
    pub fn parse(text: &str) -> Result<Self, VariableError> {
        VariableName::parse(text).map(Self)
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The variable for a secret.
    pub(super) fn before(&self, name: &SecretName) -> String {
        [self.as_str(), name.as_str()].concat()
    }
}

fn fits(at: usize, c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || (at > 0 && c.is_ascii_digit())
}

macro_rules! text_form {
    ($name:ident) => {
        impl FromStr for $name {
            type Err = VariableError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

text_form!(VariableName);
text_form!(Prefix);

#[test]
fn parse_names_what_spoils_it() {
    #[track_caller]
    fn case(text: &str, expected: Result<(), VariableError>) {
        assert_eq!(VariableName::parse(text).map(drop), expected, "{text:?}");
        assert_eq!(Prefix::parse(text).map(drop), expected, "{text:?}");
    }

    case("DATABASE_URL", Ok(()));
    case("_", Ok(()));
    case("npm_config_token2", Ok(()));
    case("", Err(VariableError::Empty));
    case("2A", Err(VariableError::Character { found: '2', at: 0 }));
    case("A-B", Err(VariableError::Character { found: '-', at: 1 }));
    case("A=B", Err(VariableError::Character { found: '=', at: 1 }));
    case("Ä", Err(VariableError::Character { found: 'Ä', at: 0 }));
    case(&"a".repeat(256), Ok(()));
    case(&"a".repeat(257), Err(VariableError::TooLong { found: 257 }));
}
