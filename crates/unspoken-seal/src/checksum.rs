//! Checksums: whether bytes are the ones that were written. No proof of who
//! wrote them.

use std::fmt;

use crate::hazmat::sha256;

/// The SHA-256 of some bytes. Its text is what `sha256sum` prints.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Checksum([u8; 32]);

impl Checksum {
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha256(bytes))
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[test]
fn the_text_is_the_published_one() {
    assert_eq!(
        Checksum::of(b"abc").to_string(),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}
