//! CRC-32, the checksum that vendors put into their tokens, and its spellings.

use unspoken_model::BASE62;
pub(crate) use unspoken_seal::crc32;

const LOWER: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// A number in six base-62 digits: digits, uppercase, lowercase.
pub(crate) fn base62(number: u32) -> [u8; 6] {
    spell(number, BASE62)
}

/// A number in seven base-36 digits.
pub(crate) fn base36(number: u32) -> [u8; 7] {
    spell(number, LOWER)
}

fn spell<const N: usize>(mut number: u32, digits: &[u8]) -> [u8; N] {
    let mut text = [b'0'; N];
    let base = u32::try_from(digits.len()).unwrap_or(u32::MAX);
    for place in text.iter_mut().rev() {
        *place = digits.get((number % base) as usize).copied().unwrap_or(b'0');
        number /= base;
    }
    text
}

#[test]
fn checksums_are_those_of_the_vendors() {
    assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    // The start of a token that is published as an example, and its end.
    assert_eq!(&base62(crc32(b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ")), b"0mLq17");
    assert_eq!(&base62(u32::MAX), b"4gfFC3");
    assert_eq!(&base36(u32::MAX), b"1z141z3");
}
