//! Readers of strangers' bytes, for who tries them with bytes of all kinds (`fuzz/`). Nothing else
//! uses this.
//!
//! Each takes what it is given as far as it goes, and stops the process where something holds that
//! must not.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::federation::{Judgement, Proof, read_published};
use crate::http::{Front, read_forms};

/// A signed proof and its issuer's keys, with a zero byte between them.
pub fn proof(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let (text, keys) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let Some(proof) = std::str::from_utf8(text).ok().and_then(Proof::read) else { return };
    let document = document(&proof.issuer);
    let Some(published) = read_published(&proof.issuer, document.as_bytes(), keys) else { return };
    if let Judgement::Holds(said) = proof.judge(&published.keys, "https://vault.example") {
        let texts = ["iss", "sub", "email", "nonce"].map(|name| said.text(name));
        assert!(texts[0].as_ref() == Some(&proof.issuer) && texts[1].is_some());
        let _ = (said.is_only_for("https://vault.example"), said.is_true("email_verified"));
    }
}

/// What an issuer publishes, and its keys, with a zero byte between them.
pub fn issuer(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let (document, keys) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let Some(published) = read_published("https://issuer.example", document, keys) else { return };
    for place in published.endpoints.iter().flat_map(|it| [&it.authorization, &it.token]) {
        let is_safe = place.starts_with("https://")
            || place.starts_with("http://127.0.0.1")
            || place.starts_with("http://localhost");
        assert!(is_safe && place.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"'));
    }
}

/// What a browser says that it was given to keep.
pub fn cookie(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let headers: HeaderMap = [(header::COOKIE, value)].into_iter().collect();
    for url in ["http://127.0.0.1:8750", "https://vault.example"] {
        let Some(front) = Front::parse(url) else { return };
        let Some(browser) = front.browser(&headers) else { continue };
        let set = front.set_cookie(Some(&browser));
        let pair = set.split(';').next().unwrap_or_default();
        let again: HeaderMap =
            HeaderValue::from_str(pair).into_iter().map(|value| (header::COOKIE, value)).collect();
        assert!(front.browser(&again).is_some_and(|again| again.hash() == browser.hash()));
    }
}

/// What the forms of pages send, and what stands behind the question mark of their addresses.
pub fn form(bytes: &[u8]) {
    read_forms(bytes);
}

/// The least that an issuer says of itself.
fn document(issuer: &str) -> String {
    let keys = "https://issuer.example/keys";
    serde_json::json!({ "issuer": issuer, "jwks_uri": keys }).to_string()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use crate::hazmat;

    /// What the fuzzer does for longer: seeds, cut and changed at random.
    fn try_seeds(target: &str, read: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
        let mut count = 0;
        for seed in fs::read_dir(folder).unwrap() {
            let seed = fs::read(seed.unwrap().path()).unwrap();
            count += 1;
            read(&seed);
            for _ in 0..2000 {
                let random: [u8; 8] = hazmat::random();
                let at = |one: u8, two: u8| {
                    usize::from(u16::from_be_bytes([one, two])) % seed.len().max(1)
                };
                let mut bytes = seed.clone();
                bytes[at(random[0], random[1])] = random[2];
                match random[3] % 4 {
                    0 => bytes.truncate(at(random[4], random[5])),
                    1 => bytes.rotate_left(at(random[4], random[5])),
                    2 => bytes.extend_from_within(at(random[4], random[5])..),
                    _ => bytes[at(random[4], random[5])] ^= random[6],
                }
                read(&bytes);
            }
        }
        assert!(count > 1, "{target} has no seeds");
    }

    #[test]
    fn seeds_that_are_changed_at_random_are_read_or_refused() {
        try_seeds("vault_proof", super::proof);
        try_seeds("vault_issuer", super::issuer);
        try_seeds("vault_cookie", super::cookie);
        try_seeds("vault_form", super::form);
    }
}
