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

/// What goes on as it came, and is no copy in what is passed on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Unchanged {
    /// Where it belongs in what is passed on.
    pub at: usize,
    /// How many of the bytes that came last it is, from the first one on.
    pub length: usize,
    /// How many bytes came.
    pub count: usize,
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
        // A copy of all: the caller may use its own for something else.
        self.advance(matcher, self.held.len(), out);
    }

    /// The same for text that `read` adds to what waits, at most `room` bytes. What
    /// goes on as it came is not copied, where the caller still has it: see
    /// [`Unchanged`].
    pub fn push_by<E>(
        &mut self,
        matcher: &Matcher,
        room: usize,
        read: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
        out: &mut Vec<u8>,
    ) -> Result<Unchanged, E> {
        self.make_room(room);
        let fresh = self.held.len();
        let is_read = read(&mut self.held);
        let count = self.held.len() - fresh;
        let unchanged = self.advance(matcher, fresh, out);
        is_read.map(|()| Unchanged { count, ..unchanged })
    }

    /// Passes on what can be, but for what stands after `fresh` and goes on as it is.
    fn advance(&mut self, matcher: &Matcher, fresh: usize, out: &mut Vec<u8>) -> Unchanged {
        let Unfinished { at, known } = matcher.unfinished(&self.held);
        let is_passed = self.is_eager && known < Self::TELLING;
        let end = if is_passed { self.held.len() } else { at };
        self.known = if is_passed { 0 } else { known };
        if end <= self.done {
            return Unchanged::default();
        }
        let (left, unchanged) = self.pass_on(matcher, end, fresh, out);
        // What was passed on is not needed any more, but for a little before it.
        let keep = end.min(self.done).min(left).saturating_sub(CONTEXT);
        self.held.drain(..keep);
        self.done -= keep;
        unchanged
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
        self.pass_on(matcher, end, end, out);
    }

    /// Passes on what stands before `end`. Answers where a value begins that waits
    /// for a longer one, else `end`; and what goes on after `fresh` as it is.
    fn pass_on(
        &mut self,
        matcher: &Matcher,
        end: usize,
        fresh: usize,
        out: &mut Vec<u8>,
    ) -> (usize, Unchanged) {
        let mut left = end;
        let mut unchanged = Unchanged::default();
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
                self.copy(range.start, fresh, &mut unchanged, out);
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
            self.copy(end, fresh, &mut unchanged, out);
        }
        (left, unchanged)
    }

    /// Passes on text up to `end`; the first that reaches over `fresh` is a copy only up
    /// to there.
    fn copy(&mut self, end: usize, fresh: usize, unchanged: &mut Unchanged, out: &mut Vec<u8>) {
        let is_first = self.done <= fresh && fresh < end;
        let copied = if is_first { fresh } else { end };
        out.extend_from_slice(self.held.get(self.done..copied).unwrap_or_default());
        if is_first {
            *unchanged = Unchanged { at: out.len(), length: end - fresh, count: 0 };
        }
        self.marked = None;
        self.done = end;
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
