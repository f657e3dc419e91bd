//! AWS: a secret access key has no prefix. It is known by what stands beside
//! it: the name of its variable, or the id that it belongs to.

use std::ops::Range;

use super::Set::{Alnum, Base64};
use super::{Kind, Rule, begins, seen};
use crate::floor;
use crate::sighting::{Sighting, Verified};

const SECRET: Kind = Kind::new(
    "aws-secret-key",
    "an AWS secret access key",
    "Deactivate it with `aws iam update-access-key --status Inactive`.",
);
const BEDROCK: Kind = Kind::new(
    "aws-bedrock-key",
    "an Amazon Bedrock API key",
    "Delete it with `aws iam delete-service-specific-credential`.",
);

/// How far from the id a secret may stand.
const NEAR: usize = 200;

/// How long a secret is.
const LENGTH: usize = 40;

pub(super) const RULES: &[Rule] = &[
    Rule::look(&[SECRET], &["AKIA", "ASIA"], beside_id),
    Rule::look(
        &[SECRET],
        &["secret_access_key", "SECRET_ACCESS_KEY", "ecretAccessKey"],
        behind_name,
    ),
    Rule::form(&[BEDROCK], &["ABSK"], &[super::Run(Base64, 109, 269)], super::check::mixed),
];

/// Sixteen characters of base 32 behind the prefix, and a secret near by.
fn beside_id(text: &[u8], anchor: Range<usize>) -> Option<Sighting> {
    let id = text.get(anchor.end..anchor.end + 16)?;
    let end = anchor.end + 16;
    let is_base32 = id.iter().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7'));
    let goes_on = text.get(end).is_some_and(|&byte| Alnum.has(byte));
    if !is_base32 || goes_on || !begins(text, anchor.start) {
        return None;
    }
    let behind = end..text.len().min(end + NEAR);
    let before = anchor.start.saturating_sub(NEAR)..anchor.start;
    let found = secret_in(text, behind).or_else(|| secret_in(text, before))?;
    seen(SECRET, found, Verified::Shape)
}

/// A secret behind its name and what assigns it.
fn behind_name(text: &[u8], anchor: Range<usize>) -> Option<Sighting> {
    let rest = text.get(anchor.end..text.len().min(anchor.end + 24))?;
    let assigns = |byte: &u8| b" \t\"'`:=>(,\\".contains(byte);
    let skipped = rest.iter().take_while(|byte| assigns(byte)).count();
    let start = anchor.end + skipped;
    let end = start + LENGTH;
    if skipped == 0 || Base64.run(text.get(start..)?, LENGTH + 1) != LENGTH {
        return None;
    }
    is_secret(text.get(start..end)?).then(|| seen(SECRET, start..end, Verified::Shape))?
}

/// The first run of exactly forty characters that is a secret.
fn secret_in(text: &[u8], range: Range<usize>) -> Option<Range<usize>> {
    let mut at = range.start;
    // A run that was begun before the range is passed by.
    let before = text.get(..at)?;
    if Base64.run_back(before, 1) == 1 {
        at += Base64.run(text.get(at..range.end)?, NEAR);
    }
    while at < range.end {
        let run = Base64.run(text.get(at..)?, LENGTH + 1);
        let end = at + run;
        let is_value = text.get(end) != Some(&b'=');
        if run == LENGTH && is_value && is_secret(text.get(at..end)?) {
            return Some(at..end);
        }
        at = if run > LENGTH { at + Base64.run(text.get(at..range.end)?, NEAR) } else { end };
        at += 1;
    }
    None
}

/// Whether forty characters are none of a hash, a path or a name.
fn is_secret(run: &[u8]) -> bool {
    let has = |test: fn(&u8) -> bool| run.iter().any(test);
    let slashes = memchr::memchr_iter(b'/', run).count();
    has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
        && slashes <= 5
        && floor::distinct(run) >= 18
        && floor::is_random(run)
}
