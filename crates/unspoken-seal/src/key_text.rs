//! Keys as text: Bech32 without its limit of length.

use age_core::primitives::{bech32_decode, bech32_encode};
use bech32::Hrp;
use zeroize::Zeroizing;

/// The longest key that is read, in bytes.
pub(crate) const MAX: usize = 16 * 1024;

/// The bytes of a key. `None` unless `text` is spelt as [`print()`] spells it.
pub(crate) fn parse(prefix: &str, text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = decode(text, |found| found == prefix)?;
    (*print(prefix, &bytes)? == *text).then_some(bytes)
}

/// The bytes of a key whose prefix is not known before.
pub(crate) fn decode(text: &str, fits: impl Fn(&str) -> bool) -> Option<Zeroizing<Vec<u8>>> {
    if text.len() > MAX {
        return None;
    }
    let hrp = |hrp: Hrp| if fits(hrp.as_str()) { Ok(()) } else { Err(()) };
    // Room for all, so that a private key never moves and leaves a copy.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    bech32_decode(
        text,
        |_| (),
        hrp,
        |_, found| {
            bytes.extend(found);
            Ok(())
        },
    )
    .ok()?;
    Some(bytes)
}

/// A key as text, in the case of its prefix.
pub(crate) fn print(prefix: &str, bytes: &[u8]) -> Option<Zeroizing<String>> {
    let mut text = Zeroizing::new(bech32_encode(Hrp::parse(prefix).ok()?, bytes));
    if prefix.bytes().any(|byte| byte.is_ascii_uppercase()) {
        text.make_ascii_uppercase();
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_spelling() {
        for prefix in ["age1pq", "AGE-SECRET-KEY-PQ-"] {
            let text = print(prefix, &[7; 40]).unwrap();
            assert!(text.starts_with(&format!("{prefix}1")), "{prefix}");
            assert_eq!(parse(prefix, &text).unwrap().as_slice(), &[7; 40]);
            assert!(parse("age1", &text).is_none());
            assert!(parse(prefix, &text.to_ascii_lowercase()).is_none() == (prefix != "age1pq"));
            assert!(parse(prefix, &text.to_ascii_uppercase()).is_none() == (prefix == "age1pq"));
            assert!(parse(prefix, &format!("{}q", *text)).is_none());
        }
        assert!(parse("age1pq", &"q".repeat(MAX + 1)).is_none());
    }
}
