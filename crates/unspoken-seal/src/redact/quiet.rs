//! A text without its noise, as a whole or around places at which noise may part something.

use std::ops::Range;

use zeroize::Zeroizing;

use super::gap::{Found, Gaps};
use super::noise::{End, noise_at};
use super::odd::each_odd;

/// A text without its noise, and where its parts come from.
#[derive(Default)]
pub(super) struct Quiet {
    pub(super) text: Zeroizing<Vec<u8>>,
    /// Where the text begins that it comes from, in a longer one.
    base: usize,
    /// Where each part begins: here, and in the text that it comes from.
    parts: Vec<(usize, usize)>,
    /// What stands between noise, in the text that was split last.
    runs: Vec<Range<usize>>,
}

impl Quiet {
    /// `None` when there is no noise in it.
    pub(super) fn of(text: &[u8], end: End) -> Option<Self> {
        let mut quiet = Self::default();
        if !quiet.split(text, end) {
            return None;
        }
        let runs = std::mem::take(&mut quiet.runs);
        quiet.join(text, runs.into_iter());
        Some(quiet)
    }

    /// Tells the quiet text around each place where noise may interrupt something:
    /// `is_pair` judges by the bytes right before and after, `may_cross` by four of
    /// both, and what they look for is no longer than `reach`.
    pub(super) fn around(
        &mut self,
        text: &[u8],
        reach: usize,
        is_pair: impl Fn([u8; 2]) -> bool,
        may_cross: impl Fn([u8; 8]) -> bool,
        mut tell: impl FnMut(&Self),
    ) {
        let Found { parts, ends } = Gaps::find(text, reach, is_pair, may_cross);
        let mut ends = ends.as_slice();
        for part in parts {
            let (these, others) = ends.split_at(ends.partition_point(|&end| end < part.end));
            ends = others;
            self.base = part.start;
            self.around_each(text.get(part).unwrap_or_default(), these, reach, &mut tell);
        }
    }

    /// Tells the quiet text around the noise that ends at these places of the longer text.
    fn around_each(
        &mut self,
        text: &[u8],
        ends: &[usize],
        reach: usize,
        tell: &mut impl FnMut(&Self),
    ) {
        self.split(text, End::Closed);
        let runs = std::mem::take(&mut self.runs);
        let begun = |end: &usize| {
            let start = end.checked_sub(self.base)?;
            runs.binary_search_by_key(&start, |run| run.start).ok()
        };
        let chosen: Vec<usize> = ends.iter().filter_map(begun).collect();
        let mut places = chosen.into_iter().peekable();
        while let Some(place) = places.next() {
            let first = before(&runs, place, reach);
            let mut last = after(&runs, place, reach);
            // What is near enough is looked at together.
            while let Some(next) = places.next_if(|&next| next <= last) {
                last = after(&runs, next, reach);
            }
            let cut = |(at, run): (usize, &Range<usize>)| {
                let start = if at == first {
                    run.start.max(run.end.saturating_sub(reach))
                } else {
                    run.start
                };
                let end =
                    if at == last { run.end.min(run.start.saturating_add(reach)) } else { run.end };
                start..end.max(start)
            };
            let chosen = runs.iter().enumerate().skip(first).take(last + 1 - first);
            self.join(text, chosen.map(cut));
            tell(self);
        }
        self.runs = runs;
    }

    /// Finds what stands between noise. `false` when there is no noise.
    fn split(&mut self, text: &[u8], end: End) -> bool {
        self.runs.clear();
        let (mut begun, mut is_noisy) = (0, false);
        each_odd(text, |found| {
            if found < begun {
                // Within what was taken already.
                return;
            }
            let length = noise_at(text, found, end);
            if length > 0 {
                is_noisy = true;
                if begun < found {
                    self.runs.push(begun..found);
                }
                begun = found + length;
            }
        });
        if begun < text.len() {
            self.runs.push(begun..text.len());
        }
        is_noisy
    }

    /// Takes these parts of a text, one right after the other.
    fn join(&mut self, text: &[u8], parts: impl Iterator<Item = Range<usize>> + Clone) {
        let length = parts.clone().map(|part| part.len()).sum();
        if self.text.capacity() < length {
            // The old place is wiped.
            self.text = Zeroizing::new(Vec::with_capacity(length));
        }
        // What a shorter text leaves of a longer one stays until this is dropped.
        self.text.clear();
        self.parts.clear();
        for part in parts {
            self.parts.push((self.text.len(), part.start));
            self.text.extend_from_slice(text.get(part).unwrap_or_default());
        }
    }

    /// Where a byte of the quiet text comes from.
    pub(super) fn origin(&self, at: usize) -> usize {
        let part = self.parts.partition_point(|&(here, _)| here <= at);
        match part.checked_sub(1).and_then(|part| self.parts.get(part)) {
            Some(&(here, there)) => self.base + there + (at - here),
            None => self.base + at,
        }
    }

    /// Where a range of it comes from, when there is noise in between.
    pub(super) fn noisy(&self, range: &Range<usize>) -> Option<Range<usize>> {
        let (start, last) = (self.origin(range.start), self.origin(range.end.checked_sub(1)?));
        (last - start >= range.len()).then_some(start..last + 1)
    }
}

/// The run in which the last `reach` bytes before another one begin.
fn before(runs: &[Range<usize>], at: usize, reach: usize) -> usize {
    let mut length = 0;
    let mut back = runs.iter().enumerate().take(at).rev();
    let found = back.find(|(_, run)| {
        length += run.len();
        length >= reach
    });
    found.map_or(0, |(number, _)| number)
}

/// The run in which the first `reach` bytes from another one on end.
fn after(runs: &[Range<usize>], at: usize, reach: usize) -> usize {
    let mut length = 0;
    let found = runs.iter().enumerate().skip(at).find(|(_, run)| {
        length += run.len();
        length >= reach
    });
    found.map_or(runs.len().saturating_sub(1), |(number, _)| number)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::index::Index;
    use super::*;

    #[test]
    fn noise_is_taken_out_and_known_by_its_place() {
        #[track_caller]
        fn case(text: &str, expected: &str) {
            let quiet = Quiet::of(text.as_bytes(), End::Open);
            let found = quiet.as_ref().map_or(text.as_bytes(), |quiet| &quiet.text);
            assert_eq!(String::from_utf8_lossy(found), expected, "{text:?}");
            let quiet = quiet.unwrap_or_default();
            for at in 0..quiet.text.len() {
                assert_eq!(text.as_bytes()[quiet.origin(at)], quiet.text[at]);
            }
        }

        case("plain", "plain");
        case("a\nb\r\nc", "abc");
        case("\x1b[1;31mred\x1b[0m!", "red!");
        case("a\x1b]8;;http://x\x07b\x1b]8;;\x1b\\c", "abc");
        case("a\x1b(Bb\x1bMc", "abc");
        case("a\u{200b}b\u{2060}c\u{feff}d\u{ad}e", "abcde");
        case("a\u{2019}b\u{a9}c", "a\u{2019}b\u{a9}c");
        case("a\x1b[31", "a");
        case("a\nb\x1b[31", "ab");
        case("\x1b[\u{1}a\nb", "[\u{1}ab");
        let closed = Quiet::of(b"a\x1b]0;b\nc", End::Closed).unwrap();
        assert_eq!(*closed.text, b"a]0;bc");
    }

    #[test]
    fn only_what_has_noise_within_is_noisy() {
        let quiet = Quiet::of(b"ab\x1b[0mcd", End::Closed).unwrap();
        assert_eq!(quiet.noisy(&(0..2)), None);
        assert_eq!(quiet.noisy(&(2..4)), None);
        assert_eq!(quiet.noisy(&(1..3)), Some(1..7));
    }

    /// Where noise stands that parts one of these texts, by the index and by hand.
    fn parted(texts: &[&str], text: &[u8]) -> [BTreeSet<(usize, usize)>; 2] {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for one in texts {
            bytes.extend_from_slice(one.as_bytes());
            ends.push((bytes.len(), 0));
        }
        let index = Index::new(Zeroizing::new(bytes), &ends);
        let mut told = BTreeSet::new();
        let is_pair = |pair| index.has_pair(pair);
        let may_cross = |around| index.may_cross(around);
        Quiet::default().around(text, index.longest(), is_pair, may_cross, |quiet| {
            index.scan(&quiet.text, |hit| {
                told.extend(quiet.noisy(&hit.range).map(|range| (range.start, range.end)));
            });
        });
        // By hand: without all noise, and then whatever had some in it.
        let whole = Quiet::of(text, End::Closed).unwrap_or_default();
        let mut expected = BTreeSet::new();
        for (one, _) in index.texts() {
            let windows = whole.text.windows(one.len()).enumerate();
            let found = windows.filter(|(_, window)| *window == one);
            let ranges = found.filter_map(|(at, _)| whole.noisy(&(at..at + one.len())));
            expected.extend(ranges.map(|range| (range.start, range.end)));
        }
        [told, expected]
    }

    #[test]
    fn noise_parts_a_text_wherever_a_block_ends() {
        for between in ["\n", "\n\n", "\r\n", "\x1b[m", "\u{ad}", "\n\x1b[m\n"] {
            for before in 0..140 {
                for lines in 0..4 {
                    let filled = [".".repeat(before), "\n".repeat(lines)].concat();
                    let text = format!("{filled}canary{between}-val{between}ue-1");
                    let expected = BTreeSet::from([(filled.len(), text.len())]);
                    for text in [text.clone(), format!("{text}{}", "\n".repeat(70))] {
                        let found = parted(&["canary-value-1"], text.as_bytes());
                        assert_eq!(found, [expected.clone(), expected.clone()], "{text:?}");
                    }
                }
            }
        }
    }

    /// Letters, some of them far apart, and all kinds of noise.
    fn noisy_text() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            6 => "[ab]{1,9}",
            3 => Just("\n".to_owned()),
            1 => "[\r\n]{1,70}",
            1 => Just("\x1b[0m".to_owned()),
            1 => Just("\u{200b}".to_owned()),
            1 => Just("\u{e4}\t\0".to_owned()),
            1 => (0_usize..300).prop_map(|length| "-".repeat(length)),
            1 => (0_usize..40).prop_map(|lines| "--- ----- --\n".repeat(lines)),
        ];
        vec(piece, 0..60).prop_map(|pieces| pieces.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn whatever_noise_parts_is_told(
            wanted in vec("[ab]{4,12}", 1..4),
            hidden in vec("[ab]{1,3}", 3..12),
            between in prop::sample::select(vec!["\n", "\r\n", "\n\n", "\x1b[31m", "\u{feff}"]),
            before in noisy_text(),
            after in noisy_text(),
        ) {
            let mut wanted: Vec<String> = wanted;
            wanted.push(hidden.concat());
            let text = [&before, hidden.join(between).as_bytes(), &after].concat();
            let texts: Vec<&str> =
                wanted.iter().map(String::as_str).filter(|one| one.len() >= 8).collect();
            let [told, expected] = parted(&texts, &text);
            prop_assert_eq!(told, expected);
        }
    }
}
