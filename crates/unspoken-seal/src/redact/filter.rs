//! What a text certainly does not have: answers that cost one look.

use zeroize::Zeroizing;

/// How many bytes are looked up at once.
pub(super) const GROUP: usize = 4;

/// Two bits of one word for each hash of a group that is there. One that is not there
/// may seem to be.
pub(super) struct Filter {
    words: Zeroizing<Vec<u64>>,
    shift: u32,
}

/// A bit for each two bytes that follow each other somewhere; exact, and so small
/// that it stays near the processor.
pub(super) struct Pairs(Zeroizing<Vec<u64>>);

const PAIR_WORDS: usize = (1 << 16) / 64;

pub(super) fn hash(group: u32) -> u32 {
    group.wrapping_mul(0x9e37_79b1)
}

pub(super) fn group_at(text: &[u8], at: usize) -> Option<u32> {
    let bytes = text.get(at..)?.first_chunk::<GROUP>()?;
    Some(u32::from_le_bytes(*bytes))
}

impl Filter {
    /// For so many groups.
    pub(super) fn new(count: usize) -> Self {
        let count = u32::try_from(count.max(64)).unwrap_or(u32::MAX);
        let bits = (u32::BITS - count.leading_zeros() + 4).min(26) - u64::BITS.trailing_zeros();
        Self { words: Zeroizing::new(vec![0; 1 << bits]), shift: u64::BITS - bits }
    }

    pub(super) fn add(&mut self, group: u32) {
        let hash = spread(group);
        let [one, other] = bits(hash);
        if let Some(word) = self.words.get_mut(place(hash, self.shift)) {
            *word |= 1 << one | 1 << other;
        }
    }

    #[inline]
    pub(super) fn may_have(&self, group: u32) -> bool {
        let hash = spread(group);
        let [one, other] = bits(hash);
        let word = self.words.get(place(hash, self.shift)).copied().unwrap_or(0);
        (word >> one) & (word >> other) & 1 == 1
    }
}

/// A hash whose upper half is good.
#[inline]
fn spread(group: u32) -> u64 {
    u64::from(group).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The word, which the highest bits tell.
#[inline]
fn place(hash: u64, shift: u32) -> usize {
    usize::try_from(hash >> shift).unwrap_or(usize::MAX)
}

/// The bits in a word, apart from what tells the word.
#[inline]
fn bits(hash: u64) -> [u64; 2] {
    [(hash >> 38) % 64, (hash >> 32) % 64]
}

impl Pairs {
    pub(super) fn new() -> Self {
        Self(Zeroizing::new(vec![0; PAIR_WORDS]))
    }

    pub(super) fn add(&mut self, pair: [u8; 2]) {
        let bit = usize::from(u16::from_le_bytes(pair));
        if let Some(word) = self.0.get_mut(bit / 64) {
            *word |= 1 << (bit % 64);
        }
    }

    #[inline]
    pub(super) fn has(&self, pair: [u8; 2]) -> bool {
        let bit = usize::from(u16::from_le_bytes(pair));
        // Of a known length, so that it is asked for once where many are looked up.
        let words = self.0.first_chunk::<PAIR_WORDS>();
        words.and_then(|words| words.get(bit / 64)).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }
}

#[test]
fn what_was_added_is_there() {
    let (mut filter, mut pairs) = (Filter::new(3), Pairs::new());
    for group in [*b"abcd", *b"\0\0\0\0", [0xff; 4]] {
        filter.add(u32::from_le_bytes(group));
        assert!(filter.may_have(u32::from_le_bytes(group)));
    }
    assert!(!filter.may_have(u32::from_le_bytes(*b"dcba")));
    pairs.add(*b"ab");
    assert!(pairs.has(*b"ab") && !pairs.has(*b"ba"));
}
