//! Checks: what a token says about itself, compared with what it is.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::crc::{base36, base62, crc32};
use crate::sighting::Verified::{self, Checksum, Shape};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Nothing more is known.
#[expect(clippy::unnecessary_wraps, reason = "the others may say no")]
pub(super) fn shape(_: &[u8]) -> Option<Verified> {
    Some(Shape)
}

/// Lowercase, uppercase and digits: where the prefix is a word of programs.
pub(super) fn mixed(token: &[u8]) -> Option<Verified> {
    let has = |test: fn(&u8) -> bool| token.iter().any(test);
    let all = has(u8::is_ascii_digit) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
    all.then_some(Shape)
}

/// CRC-32 of what is between a prefix of four and the last six characters.
pub(super) fn crc_base62(token: &[u8]) -> Option<Verified> {
    let (body, sum) = token.get(4..)?.split_last_chunk::<6>()?;
    (base62(crc32(body)) == *sum).then_some(Checksum)
}

/// The same, of a vendor who has also issued others.
pub(super) fn crc_base62_or_shape(token: &[u8]) -> Option<Verified> {
    crc_base62(token).or_else(|| mixed(token))
}

/// CRC-32 of everything before the last seven characters.
pub(super) fn crc_base36(token: &[u8]) -> Option<Verified> {
    let (body, sum) = token.split_last_chunk::<7>()?;
    (base36(crc32(body)) == *sum).then_some(Checksum)
}

/// CRC-32 of everything before the last eight characters, which are hex.
pub(super) fn crc_hex(token: &[u8]) -> Option<Verified> {
    let (body, sum) = token.split_last_chunk::<8>()?;
    let sum = u32::from_str_radix(std::str::from_utf8(sum).ok()?, 16).ok()?;
    (crc32(body) == sum).then_some(Checksum)
}

/// CRC-32, its bytes turned round, of everything before the last `_`.
pub(super) fn crc_hex_turned(token: &[u8]) -> Option<Verified> {
    let (body, sum) = token.split_last_chunk::<8>()?;
    let sum = u32::from_str_radix(std::str::from_utf8(sum).ok()?, 16).ok()?;
    (crc32(body.strip_suffix(b"_")?).swap_bytes() == sum).then_some(Checksum)
}

/// A macaroon of a package index: version 2, and the index's name.
pub(super) fn macaroon(token: &[u8]) -> Option<Verified> {
    let bytes = decode_url_safe(token.strip_prefix(b"pypi-")?)?;
    let rest = bytes.strip_prefix(&[2, 1])?;
    let (&length, rest) = rest.split_first()?;
    let name = rest.get(..usize::from(length))?;
    (name == b"pypi.org" || name == b"test.pypi.org").then_some(Shape)
}

/// JSON in base64 behind the first `_`, in either alphabet.
pub(super) fn json(token: &[u8]) -> Option<Verified> {
    let at = token.iter().position(|&byte| byte == b'_')?;
    let text = token.get(at + 1..)?;
    let end = text.iter().position(|&byte| byte == b'_').unwrap_or(text.len());
    let text = text.get(..end)?;
    let bytes = STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()?;
    let bytes = Zeroizing::new(bytes);
    bytes.starts_with(b"{\"").then_some(Shape)
}

/// The bytes of a text in base64url. `None` where it is none.
pub(super) fn decode_url_safe(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    URL_SAFE.decode(text).ok().map(Zeroizing::new)
}
