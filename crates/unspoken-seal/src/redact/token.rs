//! Values that are too short to be looked for inside of words.

use zeroize::Zeroizing;

use super::index::Hit;
use crate::Secret;

/// Values that are found as whole words alone.
#[derive(Default)]
pub(super) struct Tokens {
    values: Vec<(Zeroizing<String>, u32)>,
    /// Which bytes begin one.
    first: Vec<bool>,
    longest: usize,
}

impl Tokens {
    pub(super) fn add(&mut self, secret: &Secret, owner: u32) {
        let value = secret.expose().trim();
        self.longest = self.longest.max(value.len());
        self.first.resize(256, false);
        if let Some(first) =
            value.bytes().next().and_then(|byte| self.first.get_mut(usize::from(byte)))
        {
            *first = true;
        }
        self.values.push((Zeroizing::new(value.to_owned()), owner));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Tells every occurrence.
    pub(super) fn scan(&self, text: &[u8], mut tell: impl FnMut(Hit)) {
        for at in self.places(text, 0) {
            for (token, owner) in &self.values {
                let range = at..at + token.len();
                let ends = !text.get(range.end).is_some_and(|&byte| is_word(byte))
                    || !token.bytes().last().is_some_and(is_word);
                if ends && text.get(range.clone()) == Some(token.as_bytes()) {
                    tell(Hit { range, owner: *owner });
                }
            }
        }
    }

    /// Where the end of a text begins that may go on to be one, or to be another
    /// word; its length when there is no such end.
    pub(super) fn unfinished(&self, text: &[u8]) -> usize {
        let from = text.len().saturating_sub(self.longest);
        let may_be = |&at: &usize| {
            let rest = text.get(at..).unwrap_or_default();
            self.values.iter().any(|(token, _)| token.as_bytes().starts_with(rest))
        };
        self.places(text, from).find(may_be).unwrap_or(text.len())
    }

    /// Where one may begin.
    fn places<'t>(&'t self, text: &'t [u8], from: usize) -> impl Iterator<Item = usize> + 't {
        let text = if self.is_empty() { &[] } else { text };
        let mut before = from.checked_sub(1).and_then(|at| text.get(at)).copied().unwrap_or(b' ');
        text.iter().enumerate().skip(from).filter_map(move |(at, &byte)| {
            let begins = !is_word(before) || !is_word(byte);
            before = byte;
            (self.first.get(usize::from(byte)) == Some(&true) && begins).then_some(at)
        })
    }
}

/// Whether a byte belongs to a word; those of longer characters do.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

#[test]
fn a_short_value_is_found_as_a_whole_word() {
    let mut tokens = Tokens::default();
    tokens.add(&Secret::new(b"hunter2".to_vec()).unwrap(), 0);
    let find = |text: &str| {
        let mut starts = Vec::new();
        tokens.scan(text.as_bytes(), |hit| starts.push(hit.range.start));
        starts
    };
    assert_eq!(find("hunter2"), [0]);
    assert_eq!(find("pw=hunter2, 'hunter2'"), [3, 13]);
    assert!(find("hunter22 xhunter2 hunter2_ hunter_2 \u{e4}hunter2").is_empty());
    assert_eq!(tokens.unfinished(b"pw=hunter2"), 3);
    assert_eq!(tokens.unfinished(b"pw=hunter2 "), 11);
    assert_eq!(tokens.unfinished(b"pw=hu"), 3);
    assert_eq!(tokens.unfinished(b"pw=huh"), 6);
}
