//! Values that are too short to be looked for inside of words.

use std::collections::HashSet;

use memchr::memmem::Finder;
use zeroize::Zeroizing;

use super::index::{Hit, Index};

/// Values that are found as whole words alone.
pub(super) struct Tokens(Index);

impl Tokens {
    const FEW: usize = 8;

    /// Each value once, for its first owner.
    pub(super) fn new(values: &[(Zeroizing<String>, u32)]) -> Self {
        let length = values.iter().map(|(value, _)| value.len()).sum();
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        let mut ends = Vec::with_capacity(values.len());
        let mut known = HashSet::new();
        for (value, owner) in values.iter().filter(|(value, _)| known.insert(value.as_str())) {
            bytes.extend_from_slice(value.as_bytes());
            ends.push((bytes.len(), *owner));
        }
        Self(Index::new(bytes, &ends))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells every occurrence.
    pub(super) fn scan(&self, text: &[u8], mut tell: impl FnMut(Hit)) {
        self.each(text, |hit| {
            if is_border(text, hit.range.start) && is_border(text, hit.range.end) {
                tell(hit);
            }
        });
    }

    /// So short texts are met in so many ways that a few are found sooner one by one.
    fn each(&self, text: &[u8], mut tell: impl FnMut(Hit)) {
        if self.0.texts().len() > Self::FEW {
            return self.0.scan(text, tell);
        }
        for (token, owner) in self.0.texts() {
            // Made anew each time: one that is kept has a copy that nobody wipes.
            let finder = Finder::new(token);
            let mut from = 0;
            while let Some(at) = text.get(from..).and_then(|rest| finder.find(rest)) {
                let start = from + at;
                tell(Hit { range: start..start + token.len(), owner });
                // Another one may begin within it.
                from = start + 1;
            }
        }
    }

    /// Where the end of a text begins that may go on to be one, or to be another
    /// word; its length when there is no such end.
    pub(super) fn unfinished(&self, text: &[u8]) -> usize {
        // One that is whole may still be the beginning of a word.
        let mut at = text.len();
        let from = text.len().saturating_sub(self.0.longest());
        let tail = text.get(from..).unwrap_or_default();
        self.0.scan(tail, |hit| {
            if hit.range.end == tail.len() {
                at = at.min(from + hit.range.start);
            }
        });
        at.min(self.0.unfinished(text))
    }
}

/// Whether a word ends or begins at a place.
fn is_border(text: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    let is_within = |byte: Option<&u8>| byte.is_some_and(|&byte| is_word(byte));
    !(is_within(before) && is_within(text.get(at)))
}

/// Whether a byte belongs to a word; those of longer characters do.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

#[test]
fn a_short_value_is_found_as_a_whole_word() {
    let tokens = Tokens::new(&[(Zeroizing::new("hunter2".to_owned()), 0)]);
    let find = |text: &str| {
        let mut starts = Vec::new();
        tokens.scan(text.as_bytes(), |hit| starts.push(hit.range.start));
        starts
    };
    assert_eq!(find("hunter2"), [0]);
    assert_eq!(find("pw=hunter2, 'hunter2'"), [3, 13]);
    assert_eq!(find("hunter2 hunter2\nhunter2"), [0, 8, 16]);
    assert!(find("hunter22 xhunter2 hunter2_ hunter_2 \u{e4}hunter2").is_empty());
    assert_eq!(tokens.unfinished(b"pw=hunter2"), 3);
    assert_eq!(tokens.unfinished(b"pw=hunter2 "), 11);
    assert_eq!(tokens.unfinished(b"pw=hu"), 3);
    assert_eq!(tokens.unfinished(b"pw=huh"), 5);
}

#[test]
fn few_are_found_as_many_are() {
    let value = |number: usize| (Zeroizing::new(format!("-a{number}-a{number}")), 0);
    let text = b"-a1-a1-a1 -a0-a0 x-a2-a2 -a3-a3-a4-a4-a4-a4";
    let find = |count: usize| {
        let tokens = Tokens::new(&(0..count).map(value).collect::<Vec<_>>());
        let mut starts = Vec::new();
        tokens.scan(text, |hit| starts.push(hit.range.start));
        starts.sort_unstable();
        starts
    };
    assert_eq!(find(Tokens::FEW), [0, 3, 10, 18, 25, 31, 34, 37]);
    assert_eq!(find(Tokens::FEW), find(Tokens::FEW + 1));
}
