//! Values.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::hazmat;

/// A value that must not be seen.
///
/// There is no `Clone`, `Display`, `Serialize` or `PartialEq`: each would be a
/// way out that no reviewer notices. [`Secret::expose`] is the one door, and
/// its name is what we search for in a review. The bytes are wiped on drop.
///
/// Invariant: UTF-8 without NUL, at most [`Secret::MAX`] bytes, so that every
/// value can stand in an environment variable and in a document.
pub struct Secret(Zeroizing<String>);

/// Why bytes are no [`Secret`]. Says where, never what.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum SecretError {
    #[error("a value holds at most {max} bytes (64 KiB), this one has {found}", max = Secret::MAX)]
    TooLong { found: usize },
    #[error("the value is not UTF-8 text: byte {at} cannot be read")]
    NotText { at: usize },
    #[error("the value holds a NUL at byte {at}, which no environment variable can carry")]
    Nul { at: usize },
}

impl Secret {
    pub const MAX: usize = 64 * 1024;

    /// Takes the bytes over, or wipes them and says what is wrong.
    pub fn new(bytes: Vec<u8>) -> Result<Self, SecretError> {
        let mut bytes = Zeroizing::new(bytes);
        if bytes.len() > Self::MAX {
            return Err(SecretError::TooLong { found: bytes.len() });
        }
        if let Some(at) = memchr::memchr(0, &bytes) {
            return Err(SecretError::Nul { at });
        }
        match String::from_utf8(std::mem::take(&mut *bytes)) {
            Ok(text) => Ok(Self(Zeroizing::new(text))),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                drop(Zeroizing::new(error.into_bytes()));
                Err(SecretError::NotText { at })
            }
        }
    }

    /// A new random value: this many bytes as base64url without padding.
    pub fn random(bytes: usize) -> Self {
        let bytes = hazmat::random_bytes(bytes.min(Self::MAX / 4 * 3));
        Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(&*bytes)))
    }

    /// A second one, for the matcher that looks for it.
    pub(crate) fn copy(&self) -> Self {
        let mut text = String::with_capacity(self.0.len());
        text.push_str(&self.0);
        Self(Zeroizing::new(text))
    }

    /// Lends the plain text. Never log, store or format what this returns.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether two values are the same, without telling by time where they
    /// differ.
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([REDACTED])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_says_where_and_never_what() {
        assert_eq!(Secret::new(b"ab\0c".to_vec()).unwrap_err(), SecretError::Nul { at: 2 });
        assert_eq!(Secret::new(b"ab\xff".to_vec()).unwrap_err(), SecretError::NotText { at: 2 });
        assert_eq!(
            Secret::new(vec![b'a'; 65_537]).unwrap_err(),
            SecretError::TooLong { found: 65_537 }
        );
        assert!(Secret::new(vec![b'a'; 65_536]).is_ok());
        assert!(Secret::new(Vec::new()).unwrap().is_empty());
    }

    #[test]
    fn a_random_value_is_base64url_of_its_length_and_never_twice_the_same() {
        let (one, two) = (Secret::random(32), Secret::random(32));
        assert_eq!(one.expose().len(), 43);
        assert!(one.expose().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        assert!(!one.is_same(&two));
    }

    #[test]
    fn debug_shows_nothing() {
        let secret = Secret::new(b"canary".to_vec()).unwrap();
        assert_eq!(format!("{secret:?} {secret:#?}"), "Secret([REDACTED]) Secret([REDACTED])");
    }
}
