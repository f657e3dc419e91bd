//! The name by which a unit asks for a credential.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A credential's name, by which a unit asks for it.
///
/// Invariant: 1 to [`CredentialName::MAX`] of the characters A-Z, a-z, 0-9, `_`,
/// `-` and `.`, neither `.` nor `..`. So it is a legal file name, and needs no
/// escape in a unit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CredentialName(String);

/// Why a text is no [`CredentialName`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum CredentialNameError {
    #[error("a credential's name cannot be empty")]
    Empty,
    #[error("a credential's name holds at most {max} bytes", max = CredentialName::MAX)]
    TooLong,
    #[error("{found:?} cannot stand in a credential's name")]
    Character { found: char },
    #[error("`.` and `..` are names of folders")]
    Dots,
}

impl CredentialName {
    pub const MAX: usize = 255;

    /// Reads a name, or says what spoils it.
    pub fn parse(text: &str) -> Result<Self, CredentialNameError> {
        match text {
            "" => return Err(CredentialNameError::Empty),
            "." | ".." => return Err(CredentialNameError::Dots),
            _ if text.len() > Self::MAX => return Err(CredentialNameError::TooLong),
            _ => {}
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        match text.chars().find(|&c| !fits(c)) {
            Some(found) => Err(CredentialNameError::Character { found }),
            None => Ok(Self(text.to_owned())),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for CredentialName {
    fn default() -> Self {
        Self("unspoken".to_owned())
    }
}

impl FromStr for CredentialName {
    type Err = CredentialNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for CredentialName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[test]
fn a_name_is_a_file_name_without_surprises() {
    #[track_caller]
    fn case(text: &str, expected: Result<(), CredentialNameError>) {
        assert_eq!(CredentialName::parse(text).map(drop), expected, "{text:?}");
    }

    case("unspoken", Ok(()));
    case("acme-web.production_1", Ok(()));
    case("", Err(CredentialNameError::Empty));
    case("..", Err(CredentialNameError::Dots));
    case("a/b", Err(CredentialNameError::Character { found: '/' }));
    case("a:b", Err(CredentialNameError::Character { found: ':' }));
    case("a%b", Err(CredentialNameError::Character { found: '%' }));
    case(&"a".repeat(255), Ok(()));
    case(&"a".repeat(256), Err(CredentialNameError::TooLong));
}
