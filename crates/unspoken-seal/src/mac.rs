//! Keyed hashes: texts that are recognised by whoever has the key, and told to
//! nobody else.

use std::fmt;

use zeroize::Zeroizing;

use crate::hazmat::{DataKey, hmac_sha256};

/// What keyed hashes are made with. Wiped on drop.
///
/// With the key a guess of a text can be tried, so it is kept like a private
/// key, and never beside the hashes.
pub struct MacKey(DataKey);

/// The first 128 bits of an HMAC-SHA-256, printed as 32 lowercase hex digits.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub struct Mac([u8; 16]);

impl MacKey {
    pub fn random() -> Self {
        Self(DataKey::random())
    }

    /// A key that was kept. `None` unless it has 32 bytes.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        DataKey::new(bytes).map(Self)
    }

    /// Lends the bytes, to keep them where private keys are kept.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// The hash of texts in their order, none of which can pass a part of itself
    /// to its neighbour.
    pub fn mac(&self, parts: &[&[u8]]) -> Mac {
        let room = parts.iter().map(|part| part.len() + 8).sum();
        let mut message = Zeroizing::new(Vec::with_capacity(room));
        for part in parts {
            message.extend_from_slice(&(part.len() as u64).to_be_bytes());
            message.extend_from_slice(part);
        }
        let mut short = [0; 16];
        short.iter_mut().zip(hmac_sha256(&self.0, &message)).for_each(|(to, from)| *to = from);
        Mac(short)
    }
}

impl Mac {
    /// Reads the one spelling.
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !text.as_bytes().iter().all(is_digit) {
            return None;
        }
        u128::from_str_radix(text, 16).ok().map(|number| Self(number.to_be_bytes()))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mac({self})")
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey([REDACTED])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_is_what_openssl_prints_and_has_one_spelling() {
        // printf '\0\0\0\0\0\0\0\3abc' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0707…
        let key = MacKey::new(&[7; 32]).unwrap();
        let mac = key.mac(&[b"abc"]);
        assert_eq!(mac.to_string(), "5d94cf78b32361191eaa6ec0faacbefa");
        assert_eq!(Mac::parse(&mac.to_string()), Some(mac));
        for wrong in ["", "0", &mac.to_string().to_uppercase(), &format!("{mac}0"), "+"] {
            assert_eq!(Mac::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Mac::parse(&format!("+{}", "0".repeat(31))), None);
    }

    #[test]
    fn parts_keyed_alike_and_cut_otherwise_are_told_apart() {
        let key = MacKey::random();
        let same = MacKey::new(key.expose()).unwrap();
        assert_eq!(key.mac(&[b"ab", b"c"]), same.mac(&[b"ab", b"c"]));
        assert_ne!(key.mac(&[b"ab", b"c"]), key.mac(&[b"a", b"bc"]));
        assert_ne!(key.mac(&[b"ab", b""]), key.mac(&[b"ab"]));
        assert_ne!(key.mac(&[b"ab"]), MacKey::random().mac(&[b"ab"]));
        assert!(MacKey::new(&[7; 31]).is_none());
        assert_eq!(format!("{key:?}"), "MacKey([REDACTED])");
    }
}
