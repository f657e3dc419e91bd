//! Key ids: which environment key a document was made for.

use std::fmt;

use thiserror::Error;

/// The first 16 hex digits of SHA-256 over a key's public `age1…` text.
///
/// Invariant: exactly 16 lowercase hex digits, so it is a safe file name.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KeyId(String);

/// Why a text is no [`KeyId`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a key id is 16 lowercase hex digits")]
pub struct KeyIdError;

impl KeyId {
    pub const LENGTH: usize = 16;

    pub fn parse(text: &str) -> Result<Self, KeyIdError> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == Self::LENGTH && text.bytes().all(hex) {
            Ok(Self(text.to_owned()))
        } else {
            Err(KeyIdError)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[test]
fn only_sixteen_lowercase_hex_digits_are_an_id() {
    assert!(KeyId::parse("0123456789abcdef").is_ok());
    for wrong in
        ["", "0123456789abcde", "0123456789ABCDEF", "../../../../etc/pw", "0123456789abcdefg"]
    {
        assert_eq!(KeyId::parse(wrong), Err(KeyIdError), "{wrong:?}");
    }
}
