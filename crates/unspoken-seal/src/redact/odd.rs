//! Where a text has bytes that are no sign of ASCII: noise begins with such a byte.

use wide::i8x16;

/// How many bytes are looked at at once.
pub(super) const BLOCK: usize = 64;

/// Where noise may begin in a block: a bit for each byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Odd {
    /// Each byte that noise begins with, and perhaps others.
    pub(super) all: u64,
    /// Those that end a line.
    pub(super) lines: u64,
}

/// What noise begins with, but for the end of a line.
const FIRST: [u8; 5] = [b'\r', 0x1b, 0xc2, 0xe2, 0xef];

/// How many blocks are looked at before what was found there is told: telling would
/// interrupt looking.
const BLOCKS: usize = 8;

/// Places in some blocks; one more is written than is there.
struct Places {
    found: [u32; BLOCK * BLOCKS + 2],
    count: usize,
}

/// Tells each control character and each byte above ASCII.
pub(super) fn each_odd(text: &[u8], mut tell: impl FnMut(usize)) {
    let mut places = Places { found: [0; BLOCK * BLOCKS + 2], count: 0 };
    let mut start = 0;
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    for several in blocks.chunks(BLOCKS) {
        places.count = 0;
        let mut at = 0;
        for block in several {
            places.put(at, odd(block));
            at += 64;
        }
        for &place in places.found.get(..places.count).unwrap_or_default() {
            tell(start + place as usize);
        }
        start += several.len() * BLOCK;
    }
    let is_odd = |byte: &u8| !matches!(byte, 0x20..0x80);
    for (place, _) in (start..).zip(rest).filter(|(_, byte)| is_odd(byte)) {
        tell(place);
    }
}

impl Places {
    /// Adds the places of all bits. They are written two by two: mostly there are so
    /// few, and then it makes no difference how many.
    #[inline]
    fn put(&mut self, at: u32, mut bits: u64) {
        loop {
            for _ in 0..2 {
                if let Some(next) = self.found.get_mut(self.count) {
                    *next = at + bits.trailing_zeros();
                }
                self.count += usize::from(bits != 0);
                bits &= bits.wrapping_sub(1);
            }
            if bits == 0 {
                return;
            }
        }
    }
}

impl Odd {
    /// `None` where there is none.
    #[inline]
    pub(super) fn of(block: &[u8; BLOCK]) -> Option<Self> {
        let all = odd(block);
        if all == 0 {
            return None;
        }
        let lines = equal(block, [b'\n']);
        // Most other odd bytes are tabs and parts of characters.
        let all = if all == lines { lines } else { lines | equal(block, FIRST) };
        Some(Self { all, lines })
    }

    /// The same for what is less than a block.
    pub(super) fn of_rest(rest: &[u8]) -> u64 {
        let is_first = |byte: u8| byte == b'\n' || FIRST.contains(&byte);
        let bits = rest.iter().zip(0_u32..).take(BLOCK);
        bits.fold(0, |bits, (byte, at)| bits | u64::from(is_first(*byte)) << at)
    }
}

/// A bit for each byte of a block that is one of these.
#[inline]
fn equal<const COUNT: usize>(block: &[u8; BLOCK], bytes: [u8; COUNT]) -> u64 {
    let (lanes, _) = block.as_chunks::<16>();
    lanes.iter().rev().fold(0, |bits, lane| {
        let lane = i8x16::from(lane.map(u8::cast_signed));
        let found = bytes.map(|byte| lane.simd_eq(i8x16::splat(byte.cast_signed())));
        let found = found.into_iter().fold(i8x16::splat(0), |any, found| any | found);
        bits << 16 | u64::from(found.to_bitmask())
    })
}

/// A bit for each odd byte of a block. Bytes above ASCII are negative numbers here.
#[inline]
fn odd(block: &[u8; BLOCK]) -> u64 {
    let (lanes, _) = block.as_chunks::<16>();
    lanes.iter().rev().fold(0, |bits, lane| {
        let is_odd = i8x16::from(lane.map(u8::cast_signed)).simd_lt(i8x16::splat(0x20));
        bits << 16 | u64::from(is_odd.to_bitmask())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn odd_bytes_are_told_in_their_order(
            text in proptest::collection::vec(
                proptest::prop_oneof![4 => b' '..b'~', 1 => proptest::num::u8::ANY], 0..1500),
            all in proptest::bool::weighted(0.05),
        ) {
            let text = if all { vec![b'\n'; text.len()] } else { text };
            let mut told = Vec::new();
            each_odd(&text, |place| told.push(place));
            let is_odd = |place: &usize| text[*place] < 0x20 || text[*place] > 0x7f;
            assert_eq!(told, (0..text.len()).filter(is_odd).collect::<Vec<_>>());
        }
    }
}
