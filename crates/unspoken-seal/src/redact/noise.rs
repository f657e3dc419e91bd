//! What stands between the characters of a text and is not seen: colours and
//! other sequences for a terminal, line ends, characters without width.

use std::ops::Range;

use zeroize::Zeroizing;

use super::odd::each_odd;

/// A text without its noise, and where its parts come from.
#[derive(Default)]
pub(super) struct Quiet {
    pub(super) text: Zeroizing<Vec<u8>>,
    /// Where each part begins: here, and in the text that it comes from.
    parts: Vec<(usize, usize)>,
    /// What stands between noise, in the text that was split last.
    runs: Vec<Range<usize>>,
    /// The runs before which something may be interrupted.
    places: Vec<usize>,
}

/// Whether a text goes on: then what its end may become counts as that already.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    Open,
    Closed,
}

/// The longest sequence for a terminal that counts as one.
const LONGEST: usize = 256;

impl Quiet {
    /// `None` when there is no noise in it.
    pub(super) fn of(text: &[u8], end: End) -> Option<Self> {
        let mut quiet = Self::default();
        if !quiet.split(text, end, |_| false) {
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
        self.split(text, End::Closed, is_pair);
        if self.places.is_empty() {
            return;
        }
        let (runs, chosen) = (std::mem::take(&mut self.runs), std::mem::take(&mut self.places));
        let is_near = |&at: &usize| near(text, &runs, at).is_none_or(&may_cross);
        let mut places = chosen.iter().copied().filter(is_near).peekable();
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
        (self.runs, self.places) = (runs, chosen);
    }

    /// Finds what stands between noise, and where the bytes around it are a pair.
    /// `false` when there is no noise.
    fn split(&mut self, text: &[u8], end: End, is_pair: impl Fn([u8; 2]) -> bool) -> bool {
        self.runs.clear();
        self.places.clear();
        let (mut begun, mut is_noisy) = (0, false);
        let mut last = None;
        let mut take = |run: Range<usize>| {
            let (Some(&first), Some(&next)) = (text.get(run.start), text.get(run.end - 1)) else {
                return;
            };
            if last.is_some_and(|last| is_pair([last, first])) {
                self.places.push(self.runs.len());
            }
            self.runs.push(run);
            last = Some(next);
        };
        each_odd(text, |found| {
            if found < begun {
                // Within what was taken already.
                return;
            }
            let length = match text.get(found) {
                Some(b'\n' | b'\r') => 1,
                Some(0x1b | 0x80..) => noise(text.get(found..).unwrap_or_default(), end),
                _ => 0,
            };
            if length > 0 {
                is_noisy = true;
                if begun < found {
                    take(begun..found);
                }
                begun = found + length;
            }
        });
        if begun < text.len() {
            take(begun..text.len());
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
            Some(&(here, there)) => there + (at - here),
            None => at,
        }
    }

    /// Where a range of it comes from, when there is noise in between.
    pub(super) fn noisy(&self, range: &Range<usize>) -> Option<Range<usize>> {
        let (start, last) = (self.origin(range.start), self.origin(range.end.checked_sub(1)?));
        (last - start >= range.len()).then_some(start..last + 1)
    }
}

/// The four bytes before and after the beginning of a run, without what is in
/// between; `None` where there are less.
fn near(text: &[u8], runs: &[Range<usize>], at: usize) -> Option<[u8; 8]> {
    // Nearly always both are long enough, and no byte is looked for one by one.
    let (before, after) = (runs.get(at.checked_sub(1)?)?, runs.get(at)?);
    let left = text.get(before.clone())?.last_chunk::<4>();
    let right = text.get(after.clone())?.first_chunk::<4>();
    if let (Some(&[a, b, c, d]), Some(&[e, f, g, h])) = (left, right) {
        return Some([a, b, c, d, e, f, g, h]);
    }
    let mut around = [0; 8];
    let (left, right) = around.split_at_mut(4);
    let before = runs.get(..at)?.iter().rev().flat_map(|run| run.clone().rev());
    let after = runs.get(at..)?.iter().flat_map(Range::clone);
    // Before the first byte stands nothing that anybody looks for.
    for (byte, from) in left.iter_mut().rev().zip(before) {
        *byte = *text.get(from)?;
    }
    let mut after = after.map(|from| text.get(from));
    for byte in right {
        *byte = *after.next()??;
    }
    Some(around)
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

/// How many bytes at the beginning of a text are one piece of noise.
fn noise(text: &[u8], end: End) -> usize {
    match text {
        [0x1b, ..] => sequence(text).unwrap_or(if end == End::Open { text.len() } else { 1 }),
        // The beginning of one of the others.
        [0xc2 | 0xe2 | 0xef] | [0xe2, 0x80 | 0x81] | [0xef, 0xb8 | 0xbb] if end == End::Open => {
            text.len()
        }
        [b'\n' | b'\r', ..] => 1,
        // A soft hyphen.
        [0xc2, 0xad, ..] => 2,
        // Zero width, marks of direction, joiners, the byte order mark, variation selectors.
        [0xe2, 0x80, 0x8b..=0x8f | 0xaa..=0xae, ..]
        | [0xe2, 0x81, 0xa0..=0xaf, ..]
        | [0xef, 0xbb, 0xbf, ..]
        | [0xef, 0xb8, 0x80..=0x8f, ..] => 3,
        _ => 0,
    }
}

/// The length of a sequence that a terminal obeys. One that is broken, or longer
/// than any, is its first byte alone; `None` for one that the end cuts off.
fn sequence(text: &[u8]) -> Option<usize> {
    let rest = text.get(..LONGEST).unwrap_or(text);
    let body = |skip: usize| rest.iter().enumerate().skip(skip);
    let end = match rest.get(1) {
        Some(b'[') => {
            let end = body(2).find(|&(_, byte)| !(0x20..=0x3f).contains(byte));
            match end {
                Some((at, 0x40..=0x7e)) => Some(at + 1),
                Some(_) => return Some(1),
                None => None,
            }
        }
        Some(b']' | b'P' | b'X' | b'^' | b'_') => body(2).find_map(|(at, byte)| match byte {
            0x07 => Some(at + 1),
            b'\\' if rest.get(at - 1) == Some(&0x1b) => Some(at + 1),
            _ => None,
        }),
        Some(0x20..=0x2f) => match body(2).find(|&(_, byte)| !(0x20..=0x2f).contains(byte)) {
            Some((at, 0x30..=0x7e)) => Some(at + 1),
            Some(_) => return Some(1),
            None => None,
        },
        Some(0x30..=0x7e) => Some(2),
        Some(_) => return Some(1),
        None => None,
    };
    // What goes on beyond the longest one is none.
    end.or((rest.len() < text.len()).then_some(1))
}

#[cfg(test)]
mod tests {
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
}
