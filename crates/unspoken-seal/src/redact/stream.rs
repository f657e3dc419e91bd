//! A stream of text without its values.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::matcher::{Matcher, Scratch, Unfinished};

/// Passes text on as it comes, and a mark for each value in it.
///
/// What may be the beginning of a value waits until it is known to be one or not.
/// Whoever passes the text on decides how long it waits: see [`Redactor::release`].
#[derive(Default)]
pub struct Redactor {
    /// Some text that was passed on, and all that was not.
    held: Zeroizing<Vec<u8>>,
    /// How much of it was passed on.
    done: usize,
    /// Whose mark stands right before what comes next.
    marked: Option<usize>,
    /// Whose values were left out.
    seen: BTreeSet<usize>,
    /// How much of a value what waits may be.
    known: usize,
    /// Whether only what tells something waits.
    is_eager: bool,
    scratch: Scratch,
}

/// How much text is kept that was passed on: what comes may show that it belongs
/// to a value.
const CONTEXT: usize = 16;

impl Redactor {
    /// How much room is made at once for what waits.
    const ROOM: usize = 4096;

    /// How long a beginning is that tells something.
    const TELLING: usize = 4;

    /// One for a person at a terminal, who sees each character as it comes: less than
    /// four characters may be the beginning of almost anything, and do not wait.
    pub fn eager() -> Self {
        Self { is_eager: true, ..Self::default() }
    }

    /// Adds what can be passed on now to `out`.
    pub fn push(&mut self, matcher: &Matcher, bytes: &[u8], out: &mut Vec<u8>) {
        self.make_room(bytes.len());
        self.held.extend_from_slice(bytes);
        let Unfinished { at, known } = matcher.unfinished(&self.held);
        let is_passed = self.is_eager && known < Self::TELLING;
        let end = if is_passed { self.held.len() } else { at };
        self.known = if is_passed { 0 } else { known };
        if end <= self.done {
            return;
        }
        let left = self.pass_on(matcher, end, out);
        // What was passed on is not needed any more, but for a little before it.
        let keep = end.min(self.done).min(left).saturating_sub(CONTEXT);
        self.held.drain(..keep);
        self.done -= keep;
    }

    /// How many bytes wait.
    pub fn waiting(&self) -> usize {
        self.held.len() - self.done
    }

    /// Whose values were left out, by their places in [`Matcher::names`].
    pub fn seen(&self) -> impl Iterator<Item = usize> {
        self.seen.iter().copied()
    }

    /// How much of a value what waits may be.
    pub fn known(&self) -> usize {
        self.known
    }

    /// What waits. It may be the beginning of a value: show it to nobody.
    pub fn held(&self) -> &[u8] {
        self.held.get(self.done..).unwrap_or_default()
    }

    /// Adds all that waits to `out`: nothing more came for a while. When a value
    /// goes on afterwards, at least its end is not passed on.
    pub fn release(&mut self, matcher: &Matcher, out: &mut Vec<u8>) {
        let end = self.held.len();
        self.pass_on(matcher, end, out);
    }

    /// Passes on what stands before `end`. Answers where a value begins that waits
    /// for a longer one, else `end`.
    fn pass_on(&mut self, matcher: &Matcher, end: usize, out: &mut Vec<u8>) -> usize {
        let mut left = end;
        for found in matcher.find(&self.held, &mut self.scratch) {
            let range = found.range;
            if range.end <= self.done {
                continue;
            }
            if range.start.max(self.done) >= end {
                // Belongs to what may be a longer one.
                left = range.start;
                break;
            }
            if range.start > self.done {
                out.extend_from_slice(self.held.get(self.done..range.start).unwrap_or_default());
                self.marked = None;
            }
            // Of one value there is one mark, also when it is found in pieces.
            if self.marked.is_none()
                || (self.marked != Some(found.name) && range.start >= self.done)
            {
                out.extend_from_slice(matcher.mark(found.name).as_bytes());
            }
            self.marked = Some(found.name);
            self.seen.insert(found.name);
            self.done = range.end;
        }
        if self.done < end {
            out.extend_from_slice(self.held.get(self.done..end).unwrap_or_default());
            self.marked = None;
            self.done = end;
        }
        left
    }

    /// Grows into a new place, and wipes the old one.
    fn make_room(&mut self, room: usize) {
        if self.held.capacity() - self.held.len() < room {
            let capacity = (self.held.len() + room).max(2 * self.held.capacity()).max(Self::ROOM);
            let mut wider = Zeroizing::new(Vec::with_capacity(capacity));
            wider.extend_from_slice(&self.held);
            self.held = wider;
        }
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor").field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}
