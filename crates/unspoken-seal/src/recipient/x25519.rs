//! `age1…`: X25519.

use crate::hazmat::hybrid::is_contributory;
use crate::key_text;

const PREFIX: &str = "age";

/// Reads a key. One that would give everybody the same secret is refused here:
/// the age crate panics when it wraps for it.
pub(super) fn parse(text: &str) -> Option<age::x25519::Recipient> {
    let bytes = key_text::parse(PREFIX, text)?;
    let bytes: &[u8; 32] = bytes.as_slice().try_into().ok()?;
    if is_contributory(bytes) { text.parse().ok() } else { None }
}
