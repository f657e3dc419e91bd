//! Rules: which literal gives a kind away, and what must stand around it.
//!
//! - An anchor is a literal that is rare in ordinary text, for each is looked at.
//! - Every look is bounded: a text may be one line of 100 MB.
//! - A token ends where its alphabet ends. One that goes on is another thing.

mod ai;
pub(crate) mod aws;
mod chat;
mod check;
mod cloud;
mod code;
mod jwt;
pub(crate) mod key;
mod saas;
mod url;

use std::ops::Range;

use crate::sighting::{Sighting, Verified};
use crate::{Kind, floor};

/// One way to see one kind, or a few that have their anchor in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) kinds: &'static [Kind],
    pub(crate) anchors: &'static [&'static str],
    how: How,
}

#[derive(Clone, Copy, Debug)]
enum How {
    /// The anchor, then these parts; and what is checked of the whole.
    Form(&'static [Part], Check),
    /// The same, where the anchor is a name and not a part of the secret.
    Named(&'static [Part], Check),
    /// What no row of parts can say.
    Look(Look),
}

/// Says of a token whether it is one, and how sure that is.
type Check = fn(&[u8]) -> Option<Verified>;

/// Looks at a text around an anchor's range.
type Look = fn(&[u8], Range<usize>) -> Option<Sighting>;

#[derive(Clone, Copy, Debug)]
enum Part {
    /// This literal.
    Text(&'static str),
    /// One of these literals.
    Any(&'static [&'static str]),
    /// As many characters of a set as there are, within these bounds.
    Run(Set, usize, usize),
}
use Part::{Any, Run, Text};

/// Sets of characters that tokens are written in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Set {
    Digit,
    /// Lowercase hex.
    Hex,
    /// Letters and digits.
    Alnum,
    Upper,
    /// Letters, digits, `-`, `_`.
    Word,
    /// Letters, digits, `+`, `/`.
    Base64,
    /// All of these, and `.`, `=`, `~`.
    Loose,
}

impl Set {
    fn has(self, byte: u8) -> bool {
        let word = || byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        match self {
            Self::Digit => byte.is_ascii_digit(),
            Self::Hex => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Word => word(),
            Self::Base64 => byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/',
            Self::Loose => word() || b"+/.=~".contains(&byte),
        }
    }

    /// How many of its characters a text begins with, at most `max`.
    fn run(self, text: &[u8], max: usize) -> usize {
        text.iter().take(max).take_while(|&&byte| self.has(byte)).count()
    }

    /// How many of its characters a text ends with, at most `max`.
    fn run_back(self, text: &[u8], max: usize) -> usize {
        text.iter().rev().take(max).take_while(|&&byte| self.has(byte)).count()
    }
}

impl Rule {
    const fn form(
        kinds: &'static [Kind],
        anchors: &'static [&'static str],
        parts: &'static [Part],
        check: Check,
    ) -> Self {
        Self { kinds, anchors, how: How::Form(parts, check) }
    }

    const fn named(
        kinds: &'static [Kind],
        anchors: &'static [&'static str],
        parts: &'static [Part],
        check: Check,
    ) -> Self {
        Self { kinds, anchors, how: How::Named(parts, check) }
    }

    const fn look(kinds: &'static [Kind], anchors: &'static [&'static str], look: Look) -> Self {
        Self { kinds, anchors, how: How::Look(look) }
    }

    /// Looks at the anchor that stands at `anchor`.
    pub(crate) fn see(&self, text: &[u8], anchor: Range<usize>) -> Option<Sighting> {
        let (parts, check, start) = match self.how {
            How::Look(look) => return look(text, anchor),
            How::Form(parts, check) => (parts, check, anchor.start),
            How::Named(parts, check) => (parts, check, anchor.end),
        };
        let end = anchor.end + length(parts, text.get(anchor.end..)?)?;
        if !begins(text, anchor.start) {
            return None;
        }
        let token = text.get(start..end)?;
        let body = text.get(anchor.end..end)?;
        if !floor::is_random(body) {
            return None;
        }
        let verified = check(token)?;
        Some(Sighting { kind: *self.kinds.first()?, range: start..end, verified })
    }
}

/// Every rule.
pub(crate) fn all() -> impl Iterator<Item = &'static Rule> {
    [code::RULES, cloud::RULES, saas::RULES, ai::RULES, aws::RULES, chat::RULES]
        .into_iter()
        .chain([key::RULES, jwt::RULES, url::RULES])
        .flatten()
}

/// Whether a kind says where a secret stands rather than whose it is.
pub(crate) fn is_general(kind: Kind) -> bool {
    kind == url::URL || kind == jwt::JWT
}

/// How long the parts are that a text begins with. `None` when it does not, or
/// when the last of them goes on.
fn length(parts: &[Part], text: &[u8]) -> Option<usize> {
    let mut at = 0;
    for (index, part) in parts.iter().enumerate() {
        let rest = text.get(at..)?;
        at += match *part {
            Text(literal) => rest.starts_with(literal.as_bytes()).then_some(literal.len())?,
            Any(literals) => {
                literals.iter().find(|literal| rest.starts_with(literal.as_bytes()))?.len()
            }
            Run(set, min, max) => {
                let count = set.run(rest, max);
                let goes_on = rest.get(count).is_some_and(|&byte| set.has(byte));
                let is_last = index + 1 == parts.len();
                (count >= min && !(is_last && goes_on)).then_some(count)?
            }
        };
    }
    Some(at)
}

/// Whether a token may begin here: not within a word, unless what stands before
/// is the end of an escape.
fn begins(text: &[u8], at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    match before {
        [.., b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => true,
        [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f']
        | [.., b'\\', b'u', _, _, _, _]
        | [.., b'\\', b'x', _, _]
        | [] => true,
        [.., last] => !last.is_ascii_alphanumeric(),
    }
}

/// A sighting that a look has made.
#[expect(clippy::unnecessary_wraps, reason = "it ends every look, which may also say no")]
fn seen(kind: Kind, range: Range<usize>, verified: Verified) -> Option<Sighting> {
    Some(Sighting { kind, range, verified })
}

#[cfg(test)]
mod tests;
