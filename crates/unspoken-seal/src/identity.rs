//! Identities: the private halves of keys.

use std::fmt;
use std::str::FromStr as _;

use age::secrecy::ExposeSecret as _;
use jiff::Timestamp;
use thiserror::Error;
use unspoken_model::Place;
use zeroize::Zeroizing;

use crate::recipient::Recipient;
use crate::sops::metadata::{Wrapped, print_time};
use crate::wrapped;

/// A private key that may open documents.
///
/// No `Clone`, `Display` or `Serialize`: [`Identity::print_file`] is the one way
/// out, and its result is meant for a key file alone.
pub struct Identity(age::x25519::Identity);

/// What is wrong in an identity file, and in which line. Never its content.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum IdentityError {
    #[error("line {line} is no age identity")]
    Line { line: usize },
    #[error("the file is not text")]
    NotText,
    #[error("the file holds no identity of a known kind")]
    Empty,
}

impl Identity {
    /// Makes a new X25519 identity.
    pub fn generate() -> Self {
        Self(age::x25519::Identity::generate())
    }

    /// Reads an identity file: one identity a line, `#` comments, empty lines.
    /// Identities of kinds that are not known here are passed over, as they may
    /// stand beside one that is.
    pub fn parse_file(bytes: &[u8]) -> Result<Vec<Self>, IdentityError> {
        let text = std::str::from_utf8(bytes).map_err(|_| IdentityError::NotText)?;
        let mut identities = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let skipped = ["#", "AGE-PLUGIN-", "AGE-SECRET-KEY-PQ-"];
            if line.is_empty() || skipped.iter().any(|start| line.starts_with(start)) {
                continue;
            }
            let wrong = IdentityError::Line { line: index + 1 };
            identities.push(Self::parse(line).ok_or(wrong)?);
        }
        if identities.is_empty() { Err(IdentityError::Empty) } else { Ok(identities) }
    }

    /// Reads identities that are separated by any white space, as a variable
    /// holds them.
    pub fn parse_words(text: &str) -> Result<Vec<Self>, IdentityError> {
        let words = text.split_whitespace().enumerate();
        words
            .map(|(at, word)| Self::parse(word).ok_or(IdentityError::Line { line: at + 1 }))
            .collect()
    }

    fn parse(text: &str) -> Option<Self> {
        age::x25519::Identity::from_str(text).ok().map(Self)
    }

    /// The public half.
    pub fn recipient(&self) -> Recipient {
        Recipient::from_age(self.0.to_public())
    }

    /// The text of a key file, with the public half and what it is for.
    pub fn print_file(&self, place: Option<&Place>, now: Timestamp) -> Zeroizing<String> {
        let key = self.0.to_string();
        let mut text = Zeroizing::new(String::with_capacity(512));
        let public = self.recipient();
        let created = print_time(now);
        for part in ["# created: ", &created, "\n"] {
            text.push_str(part);
        }
        if let Some(place) = place {
            for part in ["# environment: ", &place.to_string(), "\n"] {
                text.push_str(part);
            }
        }
        for part in ["# public key: ", public.as_str(), "\n", key.expose_secret(), "\n"] {
            text.push_str(part);
        }
        text
    }

    /// Opens an age file that may be for this identity.
    pub(crate) fn open_file(&self, file: &str) -> Option<Zeroizing<Vec<u8>>> {
        wrapped::open_file(file, &self.0)
    }

    /// Unwraps one wrapped data key, or its share.
    pub(crate) fn unwrap_key(&self, wrapped: Wrapped<'_>) -> Option<Zeroizing<Vec<u8>>> {
        wrapped::open(wrapped.enc, &self.0)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity([REDACTED])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unspoken_model::{EnvironmentName, ProjectName};

    #[test]
    fn a_key_file_is_read_as_it_was_printed() {
        let identity = Identity::generate();
        let place = Place {
            project: ProjectName::parse("acme").unwrap(),
            environment: EnvironmentName::parse("production").unwrap(),
        };
        let text = identity.print_file(Some(&place), Timestamp::UNIX_EPOCH);
        assert!(text.starts_with(
            "# created: 1970-01-01T00:00:00Z\n# environment: acme/production\n# public key: age1"
        ));
        let again = Identity::parse_file(text.as_bytes()).unwrap();
        assert_eq!(again.len(), 1);
        assert_eq!(again[0].recipient().as_str(), identity.recipient().as_str());
        assert_eq!(format!("{identity:?}"), "Identity([REDACTED])");
    }

    #[test]
    fn a_wrong_line_is_named_and_not_shown() {
        #[track_caller]
        fn case(bytes: &[u8], expected: IdentityError) {
            assert_eq!(Identity::parse_file(bytes).unwrap_err(), expected);
        }

        case(b"", IdentityError::Empty);
        case(b"# only\n\n", IdentityError::Empty);
        case(b"AGE-PLUGIN-YUBIKEY-1CANARY\nAGE-SECRET-KEY-PQ-1CANARY\n", IdentityError::Empty);
        case(b"# a\n\nAGE-SECRET-KEY-1CANARY\n", IdentityError::Line { line: 3 });
        case(b" AGE-SECRET-KEY-1CANARY\n", IdentityError::Line { line: 1 });
        case(b"\xff", IdentityError::NotText);
    }
}
