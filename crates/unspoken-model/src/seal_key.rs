//! Seal keys: the public keys that documents are verified with.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

/// The public Ed25519 key of a document's seal, as it is pinned in the project
/// file. Public: with it anyone can check a document, nobody can open one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SealKey([u8; 32]);

/// Why a text is no [`SealKey`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a seal key is 32 bytes in base64")]
pub struct SealKeyError;

impl SealKey {
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn parse(text: &str) -> Result<Self, SealKeyError> {
        let bytes = STANDARD.decode(text).map_err(|_| SealKeyError)?;
        bytes.try_into().map(Self).map_err(|_| SealKeyError)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

#[test]
fn a_seal_key_is_read_as_it_is_printed() {
    let key = SealKey::new([7; 32]);
    assert_eq!(SealKey::parse(&key.to_string()), Ok(key));
    for wrong in ["", "AA==", "not base64", &STANDARD.encode([0; 31])] {
        assert_eq!(SealKey::parse(wrong), Err(SealKeyError), "{wrong:?}");
    }
}
