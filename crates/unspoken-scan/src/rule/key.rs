//! Private keys: PEM, age, and the bundles of ours; tokens of our vaults.

use std::ops::Range;

use memchr::memmem;
use unspoken_seal::{BundleError, Identity, KeyBundle, TokenAuth};
use zeroize::Zeroizing;

use super::Set::{Alnum, Base64, Loose};
use super::{Kind, Rule, Run, Text, begins, seen};
use crate::floor;
use crate::sighting::{Sighting, Verified};

const PEM: Kind = Kind::new(
    "private-key",
    "a private key",
    "Replace the key pair, and the public half wherever it is trusted.",
);
const PGP: Kind = Kind::new(
    "pgp-private-key",
    "a PGP private key",
    "Publish a revocation of it with `gpg --gen-revoke`, and make a new one.",
);
const SERVICE_ACCOUNT: Kind = Kind::new(
    "gcp-service-account-key",
    "the key of a Google service account",
    "Delete it with `gcloud iam service-accounts keys delete`.",
);
pub(crate) const AGE: Kind = Kind::new(
    "age-secret-key",
    "a private age key",
    "Make a new key, and take the old one out with `unspoken access remove`.",
);
pub(crate) const BUNDLE: Kind = Kind::new(
    "unspoken-key-bundle",
    "a key bundle of Unspoken",
    "Make a new key, and take the old one out with `unspoken access remove`.",
);

const TOKEN: Kind = Kind::new(
    "unspoken-token",
    "a token of an Unspoken vault",
    "Revoke it with `unspoken token revoke`.",
);

/// The longest PEM body that is looked through, of an RSA key of 16384 bits
/// with room to spare.
const BODY: usize = 16 * 1024;

/// The longest age identity of the two kinds that are looked for, with room to spare.
const IDENTITY: usize = 256;

/// The longest bundle, as `unspoken-seal` reads them.
const LONGEST: usize = 16 * 1024;

pub(super) const RULES: &[Rule] = &[
    Rule::look(&[PEM, PGP, SERVICE_ACCOUNT], &["PRIVATE KEY"], pem),
    Rule::look(&[AGE], &["AGE-SECRET-KEY-"], age),
    Rule::form(
        &[TOKEN],
        &["unsp_agent_", "unsp_cli_", "unsp_admin_", "unspa_"],
        &[Run(Alnum, 12, 12), Text("_"), Run(Alnum, 43, 43), Text("_"), Run(Alnum, 6, 6)],
        token,
    ),
    Rule::look(&[BUNDLE], &["unspoken-key-1:", "unspoken-sealed-key-1:"], bundle),
];

/// A token whose checksum fits, as it is shown or as it is sent.
fn token(text: &[u8]) -> Option<Verified> {
    let text = std::str::from_utf8(text).ok()?;
    TokenAuth::parse(text).ok().map(|_| Verified::Checksum)
}

/// A block that begins with `-----BEGIN … PRIVATE KEY` and has a body.
fn pem(text: &[u8], anchor: Range<usize>) -> Option<Sighting> {
    let head = text.get(anchor.start.saturating_sub(40)..anchor.start)?;
    let label = head.get(memmem::rfind(head, b"-----BEGIN ")? + 11..)?;
    if !label.iter().all(|&byte| byte.is_ascii_uppercase() || byte == b' ') {
        return None;
    }
    let start = anchor.start - label.len() - 11;
    let rest = text.get(anchor.end..text.len().min(anchor.end + BODY))?;
    let is_pgp = rest.starts_with(b" BLOCK-----");
    let rest = rest.strip_prefix(b" BLOCK").unwrap_or(rest).strip_prefix(b"-----")?;
    let stop = memmem::find(rest, b"-----");
    let closes =
        stop.and_then(|at| rest.get(at..)).is_some_and(|end| end.starts_with(b"-----END "));
    let body = rest.get(..stop.unwrap_or(rest.len()))?;
    let used = key_bytes(body, is_pgp)?;
    // Up to the end of the closing line, or of what is there of the body.
    let body_at = anchor.end + if is_pgp { 11 } else { 5 };
    let mut end = body_at + used;
    if closes {
        let closing = text.get(body_at + body.len() + 5..)?;
        let closing = closing.get(..closing.len().min(60))?;
        end = body_at + body.len() + 5;
        end += memmem::find(closing, b"-----").map_or(0, |at| at + 5);
    }
    let before = text.get(start.saturating_sub(400)..start)?;
    let is_account = memmem::find(before, b"private_key_id").is_some();
    let kind = if is_pgp { PGP } else { [PEM, SERVICE_ACCOUNT][usize::from(is_account)] };
    seen(kind, start..end, Verified::Shape)
}

/// How long the body of a key is, with its headers, escapes and quotes. `None`
/// where there is none.
fn key_bytes(body: &[u8], is_pgp: bool) -> Option<usize> {
    // Room for all, so that it never moves and leaves a copy.
    let mut key = Zeroizing::new(Vec::with_capacity(body.len()));
    let mut at = 0;
    let mut end = 0;
    while at < body.len() {
        let rest = body.get(at..)?;
        let run = Base64.run(rest, BODY);
        let line = rest.get(..run)?;
        // A newline's escape before a line has left its letter on it.
        let line = match body.get(..at)? {
            [.., b'\\'] => line.get(1..).unwrap_or_default(),
            _ => line,
        };
        if line.len() >= 16 || (!key.is_empty() && end + 8 >= at && run > 0) {
            key.extend_from_slice(line);
            end = at + run;
        } else if key.is_empty() && at > 600 {
            return None;
        }
        at += run + 1;
    }
    let begins = is_pgp || key.starts_with(b"M") || key.starts_with(b"b3BlbnNzaC1rZXktdjE");
    let is_key = key.len() >= 60 && begins && floor::distinct(&key) >= 20;
    (is_key && !floor::has_word(&key)).then_some(end)
}

/// An age identity whose checksum fits.
fn age(text: &[u8], anchor: Range<usize>) -> Option<Sighting> {
    let rest = text.get(anchor.end..text.len().min(anchor.end + IDENTITY))?;
    let set = |byte: &&u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || **byte == b'-';
    let end = anchor.end + rest.iter().take_while(set).count();
    if end - anchor.end < 50 || !begins(text, anchor.start) {
        return None;
    }
    let word = std::str::from_utf8(text.get(anchor.start..end)?).ok()?;
    Identity::parse(word)?;
    seen(AGE, anchor.start..end, Verified::Checksum)
}

/// A bundle whose checksum fits.
fn bundle(text: &[u8], anchor: Range<usize>) -> Option<Sighting> {
    let rest = text.get(anchor.end..text.len().min(anchor.end + LONGEST))?;
    let inner = Loose.run(rest, LONGEST);
    let colon = anchor.end + inner;
    let end = colon + 1 + Alnum.run(text.get(colon + 1..)?, 8);
    if inner < 40 || text.get(colon) != Some(&b':') || !begins(text, anchor.start) {
        return None;
    }
    let line = std::str::from_utf8(text.get(anchor.start..end)?).ok()?;
    match KeyBundle::parse(line) {
        // The checksum comes before the content.
        Ok(_) | Err(BundleError::Content | BundleError::OtherKey) => {
            seen(BUNDLE, anchor.start..end, Verified::Checksum)
        }
        Err(_) => None,
    }
}
