//! Looking through one text after the other, however long it is.
//!
//! Rules:
//! - A text is read in blocks into one buffer, which is used again and wiped at
//!   the end. No other copy of it is made.
//! - Where something stands is counted only when something was found, or when a
//!   text has more than one block.

use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::ops::Range;
use std::sync::Arc;

use unspoken_scan::{BaselineKey, Kinds, Lines, Position};
use unspoken_seal::{Mac, Scratch};
use zeroize::Zeroizing;

use super::known::Known;
use super::trace::What;

/// How much is looked at in one go.
pub(crate) const BLOCK: usize = 2 * 1024 * 1024;

/// Which part of a block is looked at again at the start of the next one, for what
/// goes on in it: the longest value in a wide disguise.
const AHEAD: usize = 4;

/// Which part of it is kept of what stands before.
const BEFORE: usize = 512;

/// What is looked for.
#[derive(Debug)]
pub(crate) struct Search {
    kinds: Kinds,
    known: Option<Known>,
    /// The baseline's, where there is one.
    key: Option<Arc<BaselineKey>>,
}

/// Room to work in, for one thread.
pub(crate) struct Room {
    scratch: Scratch,
    buffer: Zeroizing<Vec<u8>>,
}

/// Something in a text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Spot {
    pub(crate) position: Position,
    pub(crate) what: What,
    /// What stands for the text itself in a baseline.
    pub(crate) text: Option<Mac>,
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").finish_non_exhaustive()
    }
}

impl Room {
    fn of(block: usize) -> Self {
        Self { scratch: Scratch::default(), buffer: Zeroizing::new(vec![0; block]) }
    }

    pub(crate) fn new() -> Self {
        Self::of(BLOCK)
    }
}

impl Search {
    pub(crate) fn new(known: Option<Known>, key: Option<Arc<BaselineKey>>) -> Self {
        Self { kinds: Kinds::new(), known, key }
    }

    /// Everything in a text.
    pub(crate) fn look(&self, mut text: impl Read, room: &mut Room) -> io::Result<Vec<Spot>> {
        let Room { scratch, buffer } = room;
        let (ahead, before) = (buffer.len() / AHEAD, buffer.len() / BEFORE);
        let (mut filled, mut told) = (0, 0);
        let mut start = Position { line: 1, column: 1 };
        let mut spots = Vec::new();
        loop {
            let is_end = fill(&mut text, buffer, &mut filled)?;
            let block = buffer.get(..filled).unwrap_or_default();
            let until = if is_end { filled } else { filled.saturating_sub(ahead) };
            let mut lines = Lines::new(block);
            for (range, what) in self.find(block, scratch) {
                if range.start >= until {
                    break;
                }
                if range.start < told {
                    continue;
                }
                told = range.end;
                let position = after(start, lines.position(range.start));
                let text = self.key.as_ref().zip(block.get(range));
                let text = text.map(|(key, text)| key.text(text));
                spots.push(Spot { position, what, text });
            }
            if is_end {
                return Ok(spots);
            }
            let cut = char_start(block, until.saturating_sub(before));
            start = after(start, Position::of(block, cut));
            told = told.max(until) - cut;
            buffer.copy_within(cut..filled, 0);
            filled -= cut;
        }
    }

    /// Whether nothing stands in a text of less than a block.
    pub(crate) fn is_clean(&self, text: &[u8], room: &mut Room) -> bool {
        self.find(text, &mut room.scratch).is_empty()
    }

    /// How far apart two bytes of this text may be when one of them decides what is
    /// said of the other.
    pub(crate) fn reach(&self, text: &[u8]) -> usize {
        self.known.as_ref().map_or(0, Known::reach).max(self.kinds.reach(text))
    }

    /// What stands in a block, in its order. Where a value is of a known kind,
    /// it is told as the value.
    fn find(&self, text: &[u8], scratch: &mut Scratch) -> Vec<(Range<usize>, What)> {
        let mut found = Vec::new();
        if let Some(known) = &self.known {
            let values = known.matcher.find(text, scratch);
            found.extend(values.into_iter().map(|f| (f.range, What::Value(known.owners(f.name)))));
        }
        let values = found.len();
        for sighting in self.kinds.find(text) {
            let range = sighting.range;
            let known = found.get(..values).unwrap_or_default();
            let next = known.partition_point(|(value, _)| value.end <= range.start);
            if known.get(next).is_none_or(|(value, _)| value.start >= range.end) {
                found.push((range, What::Kind(sighting.kind, sighting.verified)));
            }
        }
        found.sort_by_key(|(range, _)| range.start);
        found
    }
}

/// Reads until the buffer is full. Says whether the text ends there.
fn fill(text: &mut impl Read, buffer: &mut [u8], filled: &mut usize) -> io::Result<bool> {
    while let Some(rest) = buffer.get_mut(*filled..).filter(|rest| !rest.is_empty()) {
        match text.read(rest) {
            Ok(0) => return Ok(true),
            Ok(count) => *filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// The position of what stands at `offset` in a text that begins at `start`.
fn after(start: Position, offset: Position) -> Position {
    match offset.line {
        1 => Position { line: start.line, column: start.column + offset.column - 1 },
        line => Position { line: start.line + line - 1, column: offset.column },
    }
}

/// The first byte of the character that `at` is in.
fn char_start(text: &[u8], at: usize) -> usize {
    let is_within = |at: &usize| text.get(*at).is_some_and(|byte| byte & 0xc0 == 0x80);
    (at.saturating_sub(3)..=at).rev().find(|at| !is_within(at)).unwrap_or(at)
}

#[cfg(test)]
pub(crate) mod tests;
