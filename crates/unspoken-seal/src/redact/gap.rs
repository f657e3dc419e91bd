//! Gaps: where noise in a text may interrupt what is looked for.
//!
//! Nearly always it does not, and nearly all noise is the end of a line. So ends of
//! lines are judged by the bytes right before and after, block by block; only where these
//! may belong together are four of both looked at; and only where those may, too, is the
//! text around told, for [`super::quiet`] to take the noise out.

use std::ops::Range;

use super::noise::{End, noise_at};
use super::odd::{BLOCK, Odd};

/// What is known of a text up to some place.
pub(super) struct Gaps<'t, P> {
    text: &'t [u8],
    /// Judges by the bytes right before and after a gap.
    is_pair: P,
    last: Gap,
    /// Whether the last one was not judged yet: it may go on.
    is_open: bool,
    /// After this place all noise is ends of lines.
    plain: usize,
    /// Those between the bytes of a pair.
    kept: Vec<Gap>,
    /// How much text without noise is to stand before and after a gap.
    reach: usize,
    /// Places at which no noise goes on, at least `reach` other bytes apart, and how much
    /// came after the last one.
    steps: Vec<usize>,
    since: usize,
}

/// Where noise is.
#[derive(Clone, Copy, Debug, Default)]
struct Gap {
    start: usize,
    end: usize,
    /// Between this place and the gap all noise is ends of lines.
    plain: usize,
}

/// What was found in a text.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Parts of the text, in their order.
    pub(super) parts: Vec<Range<usize>>,
    /// Where the gaps in them end, in their order.
    pub(super) ends: Vec<usize>,
}

impl<'t, P: Fn([u8; 2]) -> bool> Gaps<'t, P> {
    /// The gaps in a text that may be in the middle of something, and the parts of it that
    /// have such a gap, and at least `reach` other bytes before and after it, where there
    /// are as many. `is_pair` judges by the bytes right before and after a gap, `may_cross`
    /// by four of both.
    pub(super) fn find(
        text: &'t [u8],
        reach: usize,
        is_pair: P,
        may_cross: impl Fn([u8; 8]) -> bool,
    ) -> Found {
        let (last, is_open, plain, since) = (Gap::default(), false, 0, 0);
        let (kept, steps) = (Vec::new(), Vec::new());
        let mut gaps = Self { text, is_pair, last, is_open, plain, kept, reach, steps, since };
        let (blocks, rest) = text.as_chunks::<BLOCK>();
        let mut at = 0_usize;
        for block in blocks {
            if let Some(odd) = Odd::of(block) {
                gaps.see_block(at, odd);
            } else if gaps.last.end <= at {
                gaps.since += BLOCK;
            }
            at += BLOCK;
        }
        gaps.see_all(at, Odd::of_rest(rest));
        gaps.close();
        gaps.judged(may_cross)
    }

    #[inline]
    fn see_block(&mut self, at: usize, odd: Odd) {
        let around = at.checked_sub(1).and_then(|before| self.text.get(before..));
        match around.and_then(<[u8]>::first_chunk) {
            Some(around) if odd.all == odd.lines && self.last.end <= at => {
                self.step(at, odd.lines);
                self.see_lines(at, around, odd.lines);
            }
            _ => self.see_all(at, odd.all),
        }
    }

    /// Goes on to a block with these ends of lines, before which no noise goes on.
    #[inline]
    fn step(&mut self, at: usize, lines: u64) {
        if self.since >= self.reach {
            self.steps.push(at);
            self.since = 0;
        }
        self.since += quiet(lines);
    }

    /// Looks at a block in which all noise is ends of lines, given with the byte before it.
    #[inline]
    fn see_lines(&mut self, at: usize, around: &[u8; BLOCK + 1], mut lines: u64) {
        if self.is_open {
            if self.last.end == at {
                // It goes on here, or it ends.
                let more = lines.trailing_ones();
                self.last.end = at + more as usize;
                if more == u64::BITS {
                    return;
                }
                lines = lines >> more << more;
            }
            self.close();
        }
        let before = lines << 1;
        let (mut starts, mut ends) = (lines & !before, before & !lines);
        // One that goes on after the block is the last one, and has no end here.
        let open = starts.checked_ilog2().filter(|_| lines.leading_ones() > 0);
        let mut pairs = 0;
        // Two by two: mostly there are so few, and then it makes no difference how many.
        loop {
            for _ in 0..2 {
                let last = around.get(place(starts)).copied().unwrap_or_default();
                let first = around.get(place(ends) + 1).copied().unwrap_or_default();
                pairs |= if (self.is_pair)([last, first]) { ends } else { 0 };
                starts &= starts.wrapping_sub(1);
                ends &= ends.wrapping_sub(1);
            }
            if ends == 0 {
                break;
            }
        }
        if pairs != 0 {
            self.judge_lines(at, lines);
        }
        if let Some(start) = open {
            self.open(at + start as usize, at + BLOCK);
        }
    }

    /// Judges one by one those that end in this block.
    #[inline(never)]
    fn judge_lines(&mut self, at: usize, lines: u64) {
        let before = lines << 1;
        let (mut starts, mut ends) = (lines & !before, before & !lines);
        while ends != 0 {
            self.open(at + place(starts), at + place(ends));
            self.close();
            starts &= starts.wrapping_sub(1);
            ends &= ends.wrapping_sub(1);
        }
    }

    /// Looks at odd bytes of any kind.
    fn see_all(&mut self, at: usize, mut odd: u64) {
        while odd != 0 {
            let found = at + odd.trailing_zeros() as usize;
            odd &= odd.wrapping_sub(1);
            if found >= self.last.end {
                self.see(found);
            }
        }
    }

    fn see(&mut self, found: usize) {
        let length = noise_at(self.text, found, End::Closed);
        if length == 0 {
            return;
        }
        if self.last.end == found && self.is_open {
            self.last.end += length;
        } else {
            self.close();
            self.open(found, found + length);
        }
        if !matches!(self.text.get(found), Some(b'\n' | b'\r')) {
            self.plain = self.last.end;
        }
    }

    fn open(&mut self, start: usize, end: usize) {
        self.last = Gap { start, end, plain: self.plain };
        self.is_open = true;
    }

    /// Nothing more belongs to the last gap.
    fn close(&mut self) {
        if std::mem::take(&mut self.is_open) {
            self.judge();
        }
    }

    fn judge(&mut self) {
        let before = self.last.start.checked_sub(1).and_then(|before| self.text.get(before));
        if let (Some(&before), Some(&after)) = (before, self.text.get(self.last.end))
            && (self.is_pair)([before, after])
        {
            self.kept.push(self.last);
        }
    }

    /// Judges those that were kept, one right after the other.
    fn judged(self, may_cross: impl Fn([u8; 8]) -> bool) -> Found {
        let mut found = Found::default();
        for gap in &self.kept {
            // What cannot be told may be anything.
            if !gap.both_sides(self.text).is_none_or(&may_cross) {
                continue;
            }
            found.ends.push(gap.end);
            let before = self.steps.partition_point(|&step| step <= gap.start);
            let before = before.checked_sub(2).and_then(|two| self.steps.get(two));
            let after = self.steps.partition_point(|&step| step < gap.end) + 1;
            let part = before.copied().unwrap_or(0)
                ..self.steps.get(after).copied().unwrap_or(self.text.len());
            match found.parts.last_mut() {
                Some(last) if part.start <= last.end => last.end = part.end,
                _ => found.parts.push(part),
            }
        }
        found
    }
}

impl Gap {
    /// The four bytes before and after it, without other noise.
    fn both_sides(&self, text: &[u8]) -> Option<[u8; 8]> {
        let left = text.get(..self.start).and_then(<[u8]>::last_chunk::<4>);
        let right = text.get(self.end..).and_then(<[u8]>::first_chunk::<4>);
        if let (Some(left), Some(right)) = (left, right) {
            let sides = joined(*left, *right);
            if self.start >= self.plain + 4 && !is_odd(sides) {
                return Some(sides);
            }
        }
        Some(joined(self.before(text)?, self.after(text)?))
    }

    fn before(&self, text: &[u8]) -> Option<[u8; 4]> {
        let mut found = [0; 4];
        let mut at = self.start;
        for byte in found.iter_mut().rev() {
            loop {
                if at == 0 {
                    // Before the first byte stands nothing that anybody looks for.
                    return Some(found);
                }
                at -= 1;
                if at < self.plain {
                    return None;
                }
                *byte = *text.get(at)?;
                if !matches!(byte, b'\n' | b'\r') {
                    break;
                }
            }
        }
        Some(found)
    }

    fn after(&self, text: &[u8]) -> Option<[u8; 4]> {
        let mut found = [0; 4];
        let mut at = self.end;
        for byte in &mut found {
            while let length @ 1.. = noise_at(text, at, End::Closed) {
                at += length;
            }
            *byte = *text.get(at)?;
            at += 1;
        }
        Some(found)
    }
}

/// How many bytes of a block are no noise at least: a third, unless three ends of lines
/// stand in a row.
#[inline]
fn quiet(lines: u64) -> usize {
    if lines & (lines << 1) & (lines << 2) == 0 { BLOCK / 3 } else { 0 }
}

/// The first of these bits; any place where there is none.
#[inline]
fn place(bits: u64) -> usize {
    bits.trailing_zeros() as usize % BLOCK
}

fn joined(left: [u8; 4], right: [u8; 4]) -> [u8; 8] {
    let [left, right] = [left, right].map(|side| u64::from(u32::from_le_bytes(side)));
    (left | right << 32).to_le_bytes()
}

/// Whether one of these bytes may be no sign of ASCII.
fn is_odd(bytes: [u8; 8]) -> bool {
    let bytes = u64::from_le_bytes(bytes);
    (bytes | bytes.wrapping_sub(0x2020_2020_2020_2020)) & 0x8080_8080_8080_8080 != 0
}
