//! Texts with one separator between their characters: `s e c r e t`, `s-e-c-r-e-t`.

use std::ops::Range;

use zeroize::Zeroizing;

/// The characters between equal separators, and where they stand.
pub(super) struct Spaced {
    pub(super) text: Zeroizing<Vec<u8>>,
    /// The origin of each byte of the text.
    origins: Vec<usize>,
}

/// How many equal separators draw attention.
const EQUAL: usize = 4;

/// Which bytes of eight are the same as the next but one where separators stand at even
/// and at odd places.
const SEPARATORS: [u64; 2] = [0x0000_00ff_00ff_00ff, 0x0000_ff00_ff00_ff00];

/// How many bytes are judged at a place: a separator and a character, [`EQUAL`] times.
const WINDOW: usize = 2 * EQUAL;

/// How far one look reads on.
const REACH: usize = 64 * 1024;

impl Spaced {
    /// Each run of separated characters that has four of them for which `is_group` holds
    /// at one of the places that are looked at, but for those that go on in another one.
    /// Of `shortest` characters of one byte, at least [`WINDOW`] many, some four stand at
    /// such a place.
    pub(super) fn each(
        text: &[u8],
        shortest: usize,
        is_group: impl Fn([u8; EQUAL]) -> bool,
        mut tell: impl FnMut(&Self),
    ) {
        let mut passed = [0; 2];
        let look = |at: usize, window: u64| {
            for (parity, mask) in SEPARATORS.iter().enumerate() {
                if !is_separated(window, *mask) || is_uniform(window) {
                    continue;
                }
                let first = at + parity;
                let Some(passed) = passed.get_mut(first % 2) else { continue };
                if first >= *passed && is_group(characters(window, parity)) {
                    let run = Self::around(text, first);
                    *passed = run.end();
                    tell(&run);
                }
            }
        };
        // So many windows within such a run begin one right after the other.
        match (2 * shortest).saturating_sub(WINDOW) {
            64.. => stride_over::<64>(text, look),
            32.. => stride_over::<32>(text, look),
            16.. => stride_over::<16>(text, look),
            _ => stride_over::<WINDOW>(text, look),
        }
    }

    /// The runs that may go on at the end of a text. What separates in one of them
    /// may be a character of the other.
    pub(super) fn at_end(text: &[u8]) -> impl Iterator<Item = Self> {
        (1..=2).filter(|&back| text.len() >= back + 2).filter_map(|back| {
            let last = text.len() - back;
            let separator = text.get(last)?;
            // Bytes of one longer character are no characters.
            let is_run = separator.is_ascii() && text.get(last - 2) == Some(separator);
            is_run.then(|| Self::around(text, last))
        })
    }

    /// The run that has a separator at `middle`.
    fn around(text: &[u8], middle: usize) -> Self {
        let separator = text.get(middle).copied().unwrap_or_default();
        let mut first = middle;
        let mut start = middle;
        // Backwards: a character, and before it the separator.
        while let Some(length) = last_character(text.get(..first).unwrap_or_default()) {
            start = first - length;
            match start.checked_sub(1) {
                Some(before) if text.get(before) == Some(&separator) && middle - before < REACH => {
                    first = before;
                }
                _ => break,
            }
        }
        let mut run = Self { text: Zeroizing::new(Vec::with_capacity(256)), origins: Vec::new() };
        let mut at = start;
        while let Some(length) = character(text.get(at..).unwrap_or_default()) {
            run.take(text, at..at + length);
            at += length;
            if text.get(at) != Some(&separator) || at - start > 2 * REACH {
                break;
            }
            at += 1;
        }
        run
    }

    fn take(&mut self, text: &[u8], range: Range<usize>) {
        let bytes = text.get(range.clone()).unwrap_or_default();
        if self.text.len() + bytes.len() > self.text.capacity() {
            // Grows into a new place, and wipes the old one.
            let mut wider = Zeroizing::new(Vec::with_capacity(2 * self.text.capacity()));
            wider.extend_from_slice(&self.text);
            self.text = wider;
        }
        self.text.extend_from_slice(bytes);
        self.origins.extend(range);
    }

    /// Where a byte of it stands.
    pub(super) fn origin(&self, at: usize) -> Option<usize> {
        self.origins.get(at).copied()
    }

    pub(super) fn range(&self, range: &Range<usize>) -> Option<Range<usize>> {
        Some(self.origin(range.start)?..self.origin(range.end.checked_sub(1)?)? + 1)
    }

    fn end(&self) -> usize {
        self.origins.last().map_or(0, |last| last + 1)
    }
}

fn is_separated(window: u64, separators: u64) -> bool {
    // Each byte against the next but one.
    (window ^ (window >> 16)) & separators == 0
}

/// Whether all bytes are one.
fn is_uniform(window: u64) -> bool {
    window == window.rotate_left(8)
}

/// The characters between separators, of which the first stands at such a place.
fn characters(window: u64, parity: usize) -> [u8; EQUAL] {
    let bytes = window.to_le_bytes();
    let mut every = bytes.iter().skip(1 - parity).step_by(2).copied();
    [(); EQUAL].map(|()| every.next().unwrap_or_default())
}

/// Tells the windows at equal distances that have separators in them.
fn stride_over<const STRIDE: usize>(text: &[u8], mut look: impl FnMut(usize, u64)) {
    let window = |place: &[u8]| {
        let window = place.first_chunk::<WINDOW>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let [even, odd] = SEPARATORS.map(|mask| is_separated(window, mask));
        ((even | odd) & !is_uniform(window)).then_some(window)
    };
    // Nearly always there is none at any of several places.
    let (several, _) = text.as_chunks::<STRIDE>().0.as_chunks::<4>();
    for (number, places) in several.iter().enumerate() {
        if places.iter().fold(false, |is_any, place| is_any | window(place).is_some()) {
            let found = places.iter().map(|place| window(place));
            for (place, found) in found.enumerate() {
                if let Some(found) = found {
                    look((4 * number + place) * STRIDE, found);
                }
            }
        }
    }
    let seen = 4 * STRIDE * several.len();
    for (number, place) in text.get(seen..).unwrap_or_default().chunks(STRIDE).enumerate() {
        if let Some(found) = window(place) {
            look(seen + number * STRIDE, found);
        }
    }
}

/// The length of the character that a text begins with; a byte that begins none
/// counts as one.
fn character(text: &[u8]) -> Option<usize> {
    let expected = match text.first()? {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let continues = text.iter().skip(1).take(expected - 1);
    let found = 1 + continues.take_while(|byte| (0x80..=0xbf).contains(*byte)).count();
    Some(if found == expected { expected } else { 1 })
}

fn last_character(text: &[u8]) -> Option<usize> {
    let back = text.iter().rev().take(4).take_while(|byte| (0x80..=0xbf).contains(*byte)).count();
    let start = text.len().checked_sub(back + 1)?;
    let length = character(text.get(start..)?)?;
    Some(if length == back + 1 { length } else { 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(text: &str) -> Vec<String> {
        let mut runs = Vec::new();
        Spaced::each(
            text.as_bytes(),
            8,
            |_| true,
            |run| {
                runs.push(String::from_utf8_lossy(&run.text).into_owned());
            },
        );
        runs
    }

    #[test]
    fn a_run_is_found_wherever_it_begins() {
        for before in 0..20 {
            let text = format!("{}s-e-c-r-e-t-e-d {}", "x".repeat(before), "y".repeat(7));
            let found = runs(&text);
            // What stands before the run is taken for a character of it.
            assert!(found.iter().any(|run| run.ends_with("secreted")), "{before} {found:?}");
        }
    }

    #[test]
    fn a_run_of_any_length_is_found_wherever_it_begins() {
        for length in 8..50 {
            let value: String = ('0'..='z').cycle().take(length).collect();
            let spaced: Vec<String> = value.chars().map(String::from).collect();
            let is_group = |group: [u8; EQUAL]| memchr::memmem::find(value.as_bytes(), &group);
            for before in 0..70 {
                let text = format!("{}{} end", "x".repeat(before), spaced.join("/"));
                let mut is_found = false;
                Spaced::each(
                    text.as_bytes(),
                    length,
                    |group| is_group(group).is_some(),
                    |run| {
                        is_found |= run.text.ends_with(value.as_bytes());
                    },
                );
                assert!(is_found, "{length} after {before}");
            }
        }
    }

    #[test]
    fn a_character_may_have_several_bytes() {
        assert!(runs("p.ä.s.s.w.ö.r.d.1.2.3.4.5.6").contains(&"pässwörd123456".to_owned()));
        assert!(runs("s\0e\0c\0r\0e\0t\0e\0d\0").contains(&"secreted".to_owned()));
        assert!(runs("no run at all stands here, nor there: ------------ 1, 2, 3").is_empty());
    }

    #[test]
    fn the_end_of_a_text_may_be_in_the_middle_of_a_run() {
        let end = |text: &str| {
            let mut runs = Spaced::at_end(text.as_bytes());
            runs.next().map(|run| String::from_utf8_lossy(&run.text).into_owned())
        };
        assert_eq!(end("so s-e-c").as_deref(), Some("sec"));
        assert_eq!(end("so s-e-c-").as_deref(), Some("sec"));
        assert_eq!(end("so s-e").as_deref(), None);
        assert_eq!(end(""), None);
    }
}
