//! Checksums: bytes that are told apart by 32 of their own.

use std::fmt;

use thiserror::Error;

use crate::hazmat::sha256;

/// The SHA-256 of some bytes, printed as 64 lowercase hex digits.
///
/// For what may be known: files, paths, sealed things. Never of a value, which
/// could be guessed from it.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub struct Checksum([u8; 32]);

/// Why a text is no [`Checksum`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a checksum is 64 lowercase hex digits")]
pub struct ChecksumError;

impl Checksum {
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha256(bytes))
    }

    /// Reads the one spelling.
    pub fn parse(text: &str) -> Result<Self, ChecksumError> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(ChecksumError);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let [high, low] = [pair[0], pair[1]].map(digit);
            *byte = high.zip(low).map(|(high, low)| high << 4 | low).ok_or(ChecksumError)?;
        }
        Ok(Self(bytes))
    }
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checksum({self})")
    }
}

#[test]
fn a_checksum_is_what_sha256sum_prints_and_has_one_spelling() {
    // printf abc | sha256sum
    let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(Checksum::of(b"abc").to_string(), text);
    assert_eq!(Checksum::parse(text), Ok(Checksum::of(b"abc")));
    let (short, long) = (text.trim_end_matches('d'), format!("{text}0"));
    for wrong in ["", short, &long, &text.to_uppercase(), &text.replace('b', "g")] {
        assert_eq!(Checksum::parse(wrong), Err(ChecksumError), "{wrong}");
    }
    // As many bytes, and none of them half a pair.
    assert_eq!(Checksum::parse(&"ü".repeat(32)), Err(ChecksumError));
}
