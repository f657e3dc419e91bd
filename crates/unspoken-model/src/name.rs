//! Names: the public half of a secret.
//!
//! A name may be printed, logged, listed and committed. A value may not, and
//! this crate has no type that could hold one.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A secret's name, such as `DATABASE_URL`.
///
/// Invariant: an uppercase letter, then uppercase letters, digits and `_`, at
/// most [`SecretName::MAX`] bytes. So a name is a legal variable in every shell
/// and a legal identifier in every language that we generate. Two families are
/// reserved by the sops format: names that start with `SOPS_` (metadata lines
/// of a dotenv document) and names that end in `_UNENCRYPTED` (sops would leave
/// the value in the clear).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SecretName(String);

/// Why a text is no [`SecretName`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum NameError {
    #[error("a secret name cannot be empty")]
    Empty,
    #[error("a secret name holds at most {max} bytes, this one has {found}", max = SecretName::MAX)]
    TooLong { found: usize },
    #[error("{found:?} at byte {at} cannot stand in a secret name (A-Z, then A-Z, 0-9 and `_`)")]
    Character { found: char, at: usize },
    #[error("names that start with `SOPS_` are reserved by the sops format")]
    ReservedPrefix,
    #[error("a name that ends in `_UNENCRYPTED` would be stored in the clear by the sops format")]
    ReservedSuffix,
}

impl SecretName {
    pub const MAX: usize = 128;

    /// Reads a name, or says what spoils it.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        Self::check(text).map(|()| Self(text.to_owned()))
    }

    /// The same, for a caller that has no use for the name.
    pub fn check(text: &str) -> Result<(), NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > Self::MAX {
            return Err(NameError::TooLong { found: text.len() });
        }
        let fits = |(at, byte): (usize, u8)| match byte {
            b'A'..=b'Z' => true,
            b'0'..=b'9' | b'_' => at > 0,
            _ => false,
        };
        if let Some(at) = text.bytes().enumerate().position(|each| !fits(each)) {
            // Everything before it is ASCII, so a character begins here.
            let found = text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or_default();
            return Err(NameError::Character { found, at });
        }
        if text.starts_with("SOPS_") {
            return Err(NameError::ReservedPrefix);
        }
        if text.ends_with("_UNENCRYPTED") {
            return Err(NameError::ReservedSuffix);
        }
        Ok(())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<SecretName> for String {
    fn from(name: SecretName) -> Self {
        name.0
    }
}

impl FromStr for SecretName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_names_what_spoils_it() {
        #[track_caller]
        fn case(text: &str, expected: Result<(), NameError>) {
            assert_eq!(SecretName::parse(text).map(drop), expected, "{text:?}");
        }

        case("DATABASE_URL", Ok(()));
        case("A", Ok(()));
        case("S3_KEY_2", Ok(()));
        case("", Err(NameError::Empty));
        case("2FA", Err(NameError::Character { found: '2', at: 0 }));
        case("_A", Err(NameError::Character { found: '_', at: 0 }));
        case("API-KEY", Err(NameError::Character { found: '-', at: 3 }));
        case("Api", Err(NameError::Character { found: 'p', at: 1 }));
        case("A\0", Err(NameError::Character { found: '\0', at: 1 }));
        case("A=B", Err(NameError::Character { found: '=', at: 1 }));
        case("ÄB", Err(NameError::Character { found: 'Ä', at: 0 }));
        case("SOPS_AGE_KEY", Err(NameError::ReservedPrefix));
        case("SOPSX", Ok(()));
        case("PUBLIC_UNENCRYPTED", Err(NameError::ReservedSuffix));
        case(&"A".repeat(128), Ok(()));
        case(&"A".repeat(129), Err(NameError::TooLong { found: 129 }));
    }
}
