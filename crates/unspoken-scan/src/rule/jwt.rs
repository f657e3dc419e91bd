//! JSON web tokens: three parts, of which the first two are JSON.

use std::ops::Range;

use memchr::memmem;

use super::Set::Word;
use super::check::decode_url_safe;
use super::{Kind, Rule, seen};
use crate::floor;
use crate::sighting::{Sighting, Verified};

pub(crate) const JWT: Kind = Kind::new(
    "json-web-token",
    "a signed JSON web token",
    "End the session or revoke the token where it was issued.",
);

const HEADER: usize = 4 * 1024;
const PAYLOAD: usize = 16 * 1024;
const SIGNATURE: usize = 2 * 1024;

/// The payload of every token begins like this, and stands behind a dot.
pub(super) const RULES: &[Rule] = &[Rule::look(&[JWT], &[".eyJ"], jwt)];

fn jwt(text: &[u8], anchor: Range<usize>) -> Option<Sighting> {
    let dot = anchor.start;
    let head = Word.run_back(text.get(..dot)?, HEADER);
    // Something may stand before it, such as the number in a token of GitHub.
    let word = text.get(dot - head..dot)?;
    let start = dot - head + memmem::find(word, b"eyJ")?;
    let payload = Word.run(text.get(dot + 1..)?, PAYLOAD);
    let second = dot + 1 + payload;
    if text.get(second) != Some(&b'.') {
        return None;
    }
    let signature = Word.run(text.get(second + 1..)?, SIGNATURE);
    let end = second + 1 + signature;
    let header = decode_url_safe(text.get(start..dot)?)?;
    let payload = decode_url_safe(text.get(dot + 1..second)?)?;
    let is_object = |json: &[u8]| json.starts_with(b"{") && json.ends_with(b"}");
    let has = |name: &[u8]| memmem::find(&header, name).is_some();
    let signed = signature >= 20 && has(b"\"alg\"") && !has(b"\"none\"");
    if !signed || !is_object(&header) || !is_object(&payload) || is_harmless(&payload) {
        return None;
    }
    let is_random = floor::is_random(text.get(second + 1..end)?);
    is_random.then(|| seen(JWT, start..end, Verified::Shape))?
}

/// Tokens of examples, and those that every visitor of a page is handed.
fn is_harmless(payload: &[u8]) -> bool {
    let says: [&[u8]; 4] = [b"\"1234567890\"", b"John Doe", b"\"role\":\"anon\"", b"example.com"];
    says.iter().any(|text| memmem::find(payload, text).is_some())
}
