//! Finding many texts at once.
//!
//! Each text that is looked for is at least as long as a group of bytes, and most
//! are at least [`Index::SHORTEST`] bytes long. So when every `stride`-th place of a text is looked at, one of these places lies
//! in each occurrence, with four bytes of it behind. For each text, and for each
//! way in which it may lie between these places, one such group of four bytes is
//! kept, the rarest that it has. A place whose group is in no table is passed
//! over; at another, the few texts that may stand there are compared.
//!
//! An automaton would hold all texts in tables that nobody wipes, takes longer to
//! build than most commands run, and reads each byte: see
//! `docs/decisions/0015-own-matcher.md`.

use std::ops::Range;

use zeroize::Zeroizing;

use super::filter::{Filter, GROUP, Pairs, group_at, hash};

/// Texts, each with a number of its owner, and where they may stand.
pub(super) struct Index {
    /// One text after the other.
    bytes: Zeroizing<Vec<u8>>,
    texts: Vec<Text>,
    /// How many characters of one byte in a row each text has.
    plain: usize,
    longest: usize,
    stride: usize,
    /// By groups inside of texts.
    groups: Groups,
    /// The first group of each text.
    starts: Filter,
    /// The texts' numbers in the order of the texts.
    order: Vec<u32>,
    /// All groups of all texts, and all pairs.
    all: Filter,
    pairs: Pairs,
    /// Which one, two and three bytes begin a text.
    first: Zeroizing<Vec<u64>>,
}

#[derive(Clone, Copy)]
struct Text {
    start: u32,
    length: u32,
    owner: u32,
}

/// One occurrence.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Hit {
    pub(super) range: Range<usize>,
    pub(super) owner: u32,
}

/// Texts by the hash of four bytes.
struct Groups {
    /// So that most places cost one look.
    filter: Filter,
    /// Where the entries of each hash begin.
    heads: Zeroizing<Vec<u32>>,
    head_bits: u32,
    entries: Zeroizing<Vec<u64>>,
}

/// How many bits of the table of beginnings each length has.
const FIRST_BITS: u32 = 16;

/// How often a group may be met in text that holds no secret: the more, the worse.
fn commonness(group: u32) -> u32 {
    let bytes = group.to_le_bytes();
    let plain = |byte: &&u8| byte.is_ascii_lowercase() || b" 0/:.=\",-\\%".contains(byte);
    let common = bytes.iter().filter(plain).count();
    let repeated = bytes.windows(2).filter(|pair| pair.first() == pair.last()).count();
    u32::try_from(common + repeated).unwrap_or(u32::MAX)
}

impl Groups {
    fn new(entries: Vec<(u32, u32, u32)>) -> Self {
        let count = u32::try_from(entries.len().max(64)).unwrap_or(u32::MAX);
        let head_bits = (u32::BITS - count.leading_zeros() - 1).min(24);
        let mut filter = Filter::new(entries.len());
        let mut heads = Zeroizing::new(vec![0_u32; (1 << head_bits) + 1]);
        for &(group, ..) in &entries {
            filter.add(group);
            let head = hash(group) >> (u32::BITS - head_bits);
            if let Some(head) = heads.get_mut(head as usize + 1) {
                *head += 1;
            }
        }
        let mut sum = 0;
        for head in heads.iter_mut() {
            sum += *head;
            *head = sum;
        }
        // Each goes where those of its hash begin, in no particular order among them.
        let mut next = Zeroizing::new(heads.to_vec());
        let mut packed = Zeroizing::new(vec![0; entries.len()]);
        for &(group, text, offset) in &entries {
            let Some(place) = next.get_mut((hash(group) >> (u32::BITS - head_bits)) as usize)
            else {
                continue;
            };
            if let Some(entry) = packed.get_mut(*place as usize) {
                *entry = u64::from(text) << 32 | u64::from(offset);
            }
            *place += 1;
        }
        drop(Zeroizing::new(entries));
        Self { filter, heads, head_bits, entries: packed }
    }

    /// The texts that may stand where a group is, each with the group's place in
    /// it.
    fn find(&self, group: u32) -> impl Iterator<Item = (usize, usize)> {
        let head = (hash(group) >> (u32::BITS - self.head_bits)) as usize;
        let bounds = (self.heads.get(head), self.heads.get(head + 1));
        let range = match bounds {
            (Some(&start), Some(&end)) => start as usize..end as usize,
            _ => 0..0,
        };
        let entries = self.entries.get(range).unwrap_or_default();
        entries.iter().map(|entry| ((entry >> 32) as usize, (entry & 0xffff_ffff) as usize))
    }
}

impl Index {
    /// The length that a text has at least which is found within others.
    pub(super) const SHORTEST: usize = 8;

    /// How many places are passed over at most.
    const WIDEST: usize = 16;
    const WIDE: usize = 8;

    /// With how few characters of one byte in a row a text is found with separators between
    /// them by chance alone.
    const FEW: usize = 12;

    /// How many groups of a text are weighed against each other, for each way in
    /// which it may lie.
    const CHOICE: usize = 6;

    /// Takes the texts one after the other from `bytes`: the end of each, and its
    /// owner.
    pub(super) fn new(bytes: Zeroizing<Vec<u8>>, ends: &[(usize, u32)]) -> Self {
        let mut texts = Vec::with_capacity(ends.len());
        let mut start = 0;
        for &(end, owner) in ends {
            let (Ok(begin), Ok(length)) = (u32::try_from(start), u32::try_from(end - start)) else {
                break;
            };
            start = end;
            if length as usize >= GROUP {
                texts.push(Text { start: begin, length, owner });
            }
        }
        let lengths = || texts.iter().map(|text| text.length as usize);
        let longest = lengths().max().unwrap_or(0);
        let shortest = lengths().min().unwrap_or(Self::SHORTEST);
        // The usual ones are known to the compiler.
        let stride = match shortest + 1 - GROUP {
            Self::WIDEST.. => Self::WIDEST,
            Self::WIDE.. => Self::WIDE,
            narrow => narrow,
        };
        let groups = Groups::new(choose(&bytes, &texts, stride));
        let of = |text: &Text| bytes.get(text.start as usize..).unwrap_or_default();
        let whole = |text: &Text| of(text).get(..text.length as usize).unwrap_or_default();
        let mut starts = Filter::new(texts.len());
        texts.iter().filter_map(|text| group_at(of(text), 0)).for_each(|group| starts.add(group));
        let mut order: Vec<u32> = (0..).take(texts.len()).collect();
        let text_of = |number: &u32| texts.get(*number as usize).map(whole).unwrap_or_default();
        order.sort_unstable_by(|one, other| text_of(one).cmp(text_of(other)));
        let (mut all, mut pairs) = (Filter::new(bytes.len()), Pairs::new());
        for text in texts.iter().map(whole) {
            let groups = text.windows(GROUP).filter_map(|group| group_at(group, 0));
            groups.for_each(|group| all.add(group));
            let held = text.windows(2).filter_map(|pair| pair.first_chunk::<2>());
            held.for_each(|pair| pairs.add(*pair));
        }
        let mut first = Zeroizing::new(vec![0_u64; 3 << (FIRST_BITS - 6)]);
        for text in &texts {
            for length in 1..GROUP {
                let (word, bit) = beginning(of(text), length);
                if let Some(word) = first.get_mut(word) {
                    *word |= 1 << bit;
                }
            }
        }
        let plain = texts.iter().map(|text| plain(whole(text))).min().unwrap_or(Self::SHORTEST);
        Self { bytes, texts, plain, longest, stride, groups, starts, order, all, pairs, first }
    }

    /// The length of the longest text; 0 when there is none.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// How many characters of one byte follow each other in each text. One that has less
    /// than [`Index::FEW`] counts as one of so many, or as all of such where it is shorter.
    pub(super) fn plain(&self) -> usize {
        self.plain
    }

    /// All texts, each with its owner.
    pub(super) fn texts(&self) -> impl ExactSizeIterator<Item = (&[u8], u32)> {
        (0..self.texts.len()).map(|number| self.text(number).unwrap_or_default())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Whether two bytes follow each other in a text.
    #[inline]
    pub(super) fn has_pair(&self, pair: [u8; 2]) -> bool {
        self.pairs.has(pair)
    }

    /// Whether four bytes may follow each other in a text.
    pub(super) fn has_group(&self, group: [u8; GROUP]) -> bool {
        self.all.may_have(u32::from_le_bytes(group))
    }

    /// Whether a text may stand across the middle of eight bytes, judged by the
    /// groups around it: of eight bytes of a text, four stand before or after.
    pub(super) fn may_cross(&self, around: [u8; 2 * GROUP]) -> bool {
        let has = |at: usize| group_at(&around, at).is_some_and(|group| self.all.may_have(group));
        (has(0) && has(1)) || (has(4) && has(3))
    }

    /// Tells every occurrence, in no particular order.
    pub(super) fn scan(&self, text: &[u8], mut tell: impl FnMut(Hit)) {
        if self.is_empty() {
            return;
        }
        match self.stride {
            Self::WIDEST => self.stride_over::<{ Self::WIDEST }>(text, &mut tell),
            Self::WIDE => self.stride_over::<{ Self::WIDE }>(text, &mut tell),
            stride => {
                for (at, bytes) in text.windows(GROUP).enumerate().step_by(stride) {
                    self.look(text, at, bytes, &mut tell);
                }
            }
        }
    }

    /// Looks at several places at once: nearly always there is nothing at any.
    fn stride_over<const STRIDE: usize>(&self, text: &[u8], tell: &mut impl FnMut(Hit)) {
        let places = text.as_chunks::<STRIDE>().0;
        let (several, _) = places.as_chunks::<4>();
        let may_have = |place: &[u8; STRIDE]| {
            let group = place.first_chunk::<GROUP>();
            group.is_some_and(|group| self.groups.filter.may_have(u32::from_le_bytes(*group)))
        };
        for (number, [one, two, three, four]) in several.iter().enumerate() {
            if may_have(one) | may_have(two) | may_have(three) | may_have(four) {
                let at = 4 * STRIDE * number;
                for (place, bytes) in [one, two, three, four].into_iter().enumerate() {
                    self.look(text, at + place * STRIDE, bytes, tell);
                }
            }
        }
        // After the last whole stride there may be one more group.
        let seen = 4 * STRIDE * several.len();
        let rest = text.get(seen..).unwrap_or_default();
        for (number, bytes) in rest.chunks(STRIDE).enumerate() {
            self.look(text, seen + number * STRIDE, bytes, tell);
        }
    }

    #[inline]
    fn look(&self, text: &[u8], at: usize, bytes: &[u8], tell: &mut impl FnMut(Hit)) {
        if let Some(group) = group_at(bytes, 0)
            && self.groups.filter.may_have(group)
        {
            self.verify(text, at, group, tell);
        }
    }

    #[inline(never)]
    fn verify(&self, text: &[u8], at: usize, group: u32, tell: &mut impl FnMut(Hit)) {
        for (number, offset) in self.groups.find(group) {
            let Some((found, owner)) = self.text(number) else { continue };
            let Some(start) = at.checked_sub(offset) else { continue };
            let range = start..start + found.len();
            let Some(there) = text.get(range.clone()) else { continue };
            // What is like it for long differs at the end.
            if there.last() == found.last() && there == found {
                tell(Hit { range, owner });
            }
        }
    }

    /// Whether a text goes on after it has begun like this.
    fn begins_longer(&self, beginning: &[u8]) -> bool {
        let text =
            |number: &u32| self.text(*number as usize).map(|(text, _)| text).unwrap_or_default();
        let at = self.order.partition_point(|number| text(number) < beginning);
        // The same text stands before those that go on.
        let mut next = self.order.iter().skip(at).take(2).map(text);
        next.any(|text| text.len() > beginning.len() && text.starts_with(beginning))
    }

    fn text(&self, number: usize) -> Option<(&[u8], u32)> {
        let text = self.texts.get(number)?;
        let start = text.start as usize;
        Some((self.bytes.get(start..start + text.length as usize)?, text.owner))
    }

    /// Where the end of `text` begins that may be the beginning of an occurrence;
    /// its length when there is none.
    pub(super) fn unfinished(&self, text: &[u8]) -> usize {
        let from = text.len().saturating_sub(self.longest.saturating_sub(1));
        let tail = text.get(from..).unwrap_or_default();
        for (at, window) in tail.windows(GROUP).enumerate() {
            let Some(group) = group_at(window, 0) else { continue };
            let rest = tail.get(at..).unwrap_or_default();
            if self.starts.may_have(group) && self.begins_longer(rest) {
                return from + at;
            }
        }
        for length in (1..GROUP.min(text.len() + 1)).rev() {
            let at = text.len() - length;
            let (word, bit) = beginning(text.get(at..).unwrap_or_default(), length);
            if self.first.get(word).is_some_and(|word| word >> bit & 1 == 1) {
                return at;
            }
        }
        text.len()
    }
}

/// How many characters of one byte follow each other in a text: see [`Index::plain`].
fn plain(text: &[u8]) -> usize {
    let runs = text.split(|byte| !byte.is_ascii());
    let longest =
        if text.is_ascii() { text.len() } else { runs.map(<[u8]>::len).max().unwrap_or(0) };
    longest.max(text.len().min(Index::FEW))
}

/// The word and the bit that the first bytes of a text have in the table.
fn beginning(text: &[u8], length: usize) -> (usize, u32) {
    let mut group = [0; GROUP];
    for (to, from) in group.iter_mut().zip(text.iter().take(length)) {
        *to = *from;
    }
    let hash = hash(u32::from_le_bytes(group)) >> (u32::BITS - FIRST_BITS);
    ((((length - 1) << FIRST_BITS) + hash as usize) / 64, hash % 64)
}

/// For each text and each way in which it may lie, its rarest group.
fn choose(bytes: &[u8], texts: &[Text], stride: usize) -> Vec<(u32, u32, u32)> {
    let mut counts = vec![0_u16; 1 << 16];
    let slot = |group: u32| (hash(group) >> 16) as usize;
    let mut chosen = Vec::with_capacity(texts.len() * stride);
    for (text, number) in texts.iter().zip(0_u32..) {
        let start = text.start as usize;
        let held = bytes.get(start..start + text.length as usize).unwrap_or_default();
        for way in 0..stride {
            let places = (held.len() + stride - way).saturating_sub(GROUP) / stride;
            // Some from all over it: many texts begin alike.
            let spread = places.div_ceil(Index::CHOICE).max(1);
            let places = (0..places).rev().step_by(spread).map(|place| way + place * stride);
            let groups = places.filter_map(|at| Some((group_at(held, at)?, at)));
            let weight = |&(group, _): &(u32, usize)| {
                4 * u32::from(counts.get(slot(group)).copied().unwrap_or(0)) + commonness(group)
            };
            let Some((group, at)) = groups.min_by_key(weight) else { continue };
            if let Some(count) = counts.get_mut(slot(group)) {
                *count = count.saturating_add(1);
            }
            chosen.push((group, number, u32::try_from(at).unwrap_or(0)));
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(texts: &[&[u8]]) -> Index {
        let mut bytes = Vec::new();
        let mut ends = Vec::new();
        for (text, owner) in texts.iter().zip(0..) {
            bytes.extend_from_slice(text);
            ends.push((bytes.len(), owner));
        }
        Index::new(Zeroizing::new(bytes), &ends)
    }

    fn scan(index: &Index, text: &[u8]) -> Vec<(usize, usize, u32)> {
        let mut hits = Vec::new();
        index.scan(text, |hit| hits.push((hit.range.start, hit.range.end, hit.owner)));
        hits.sort_unstable();
        hits
    }

    proptest::proptest! {
        #[test]
        fn every_occurrence_is_told_and_nothing_else(
            texts in proptest::collection::vec(proptest::collection::vec(b'a'..b'd', 4..20), 1..12),
            text in proptest::collection::vec(b'a'..b'd', 0..400),
        ) {
            let texts: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
            let index = index(&texts);
            let mut expected = Vec::new();
            for (wanted, owner) in texts.iter().zip(0..) {
                for (at, window) in text.windows(wanted.len()).enumerate() {
                    if window == *wanted {
                        expected.push((at, at + wanted.len(), owner));
                    }
                }
            }
            expected.sort_unstable();
            assert_eq!(scan(&index, &text), expected);
        }

        #[test]
        fn the_beginning_of_a_text_is_known_at_the_end(
            texts in proptest::collection::vec(proptest::collection::vec(b'a'..b'd', 8..20), 1..6),
            text in proptest::collection::vec(b'a'..b'd', 0..40),
        ) {
            let texts: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
            let begins = |at: usize| texts.iter().any(|wanted| {
                wanted.len() > text.len() - at && wanted.starts_with(&text[at..])
            });
            let expected = (0..text.len()).find(|&at| begins(at)).unwrap_or(text.len());
            assert_eq!(index(&texts).unfinished(&text), expected);
        }
    }
}
