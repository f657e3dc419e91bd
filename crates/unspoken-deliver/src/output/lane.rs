//! One stream of a command: read here, written there.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use unspoken_seal::{LazyMatcher, Redactor};
use zeroize::Zeroizing;

use super::bypass::Bypass;
use super::target::{Stream, Target};

/// A stream, and what of it is under way.
pub(crate) struct Lane {
    pub(super) stream: Stream,
    /// `None` at its end.
    pub(super) from: Option<OwnedFd>,
    to: Target,
    redactor: Redactor,
    /// What may be written, and how much of it was. No value stands here.
    out: Vec<u8>,
    written: usize,
    /// For a command that says much at once.
    bypass: Option<Bypass>,
    /// How often in a row as much was read as there was room for.
    filled: u32,
    /// When something was read last.
    since: Instant,
    long_patience: Duration,
    /// How much is still to come of what an ended command has said.
    owed: u64,
}

/// Room to read into.
pub(crate) struct Buffer(Zeroizing<Vec<u8>>);

impl Buffer {
    /// So little that all that is done with it stays near the processor.
    const SIZE: usize = 64 * 1024;

    pub(super) fn new() -> Self {
        Self(Zeroizing::new(vec![0; Self::SIZE]))
    }
}

impl Lane {
    /// How long the beginning of what may be a value waits.
    const PATIENCE: Duration = Duration::from_millis(50);

    /// The same for a beginning that is long enough to tell something.
    const LONG_PATIENCE: Duration = Duration::from_secs(1);
    const LONG: usize = 8;

    /// How often in a row the buffer is full until much is expected to come.
    const OFTEN: u32 = 16;

    pub(super) fn new(from: OwnedFd, stream: Stream) -> io::Result<Self> {
        Ok(Self {
            stream,
            from: Some(from),
            to: stream.target()?,
            redactor: Redactor::default(),
            out: Vec::new(),
            written: 0,
            bypass: None,
            filled: 0,
            since: Instant::now(),
            long_patience: Self::LONG_PATIENCE,
            owed: 0,
        })
    }

    /// The same for a person who types: nothing waits for long.
    pub(super) fn for_a_person(self) -> Self {
        Self { redactor: Redactor::eager(), long_patience: 2 * Self::PATIENCE, ..self }
    }

    /// Goes on with text that another process has read and not passed on.
    pub(super) fn take_up(&mut self, held: &[u8], matcher: &mut LazyMatcher) {
        if !held.is_empty() {
            self.redactor.push(matcher.get(), held, &mut self.out);
        }
    }

    /// What was read and not passed on.
    pub(super) fn held(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.redactor.held().to_vec())
    }

    /// Whose values were left out.
    pub(super) fn seen(&self) -> impl Iterator<Item = usize> {
        self.redactor.seen()
    }

    /// Whether nothing will come any more.
    pub(super) fn is_over(&self) -> bool {
        self.from.is_none() && self.is_written()
    }

    pub(super) fn is_written(&self) -> bool {
        self.written == self.out.len() && self.behind().is_none()
    }

    /// How much of what is written comes before what is passed on in another way.
    fn behind(&self) -> Option<usize> {
        self.bypass.as_ref().and_then(Bypass::waits_behind)
    }

    /// What has to happen for this to go on.
    pub(super) fn wants(&self) -> Option<PollFd<'_>> {
        if !self.is_written() {
            return Some(PollFd::from_borrowed_fd(self.to.fd.as_fd(), PollFlags::OUT));
        }
        let from = self.from.as_ref()?;
        Some(PollFd::from_borrowed_fd(from.as_fd(), PollFlags::IN))
    }

    /// When what waits has waited long enough.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.redactor.waiting() {
            0 => None,
            _ if !self.is_written() => None,
            _ if self.redactor.known() < Self::LONG => Some(self.since + Self::PATIENCE),
            _ => Some(self.since + self.long_patience),
        }
    }

    /// Goes on with what [`Lane::wants`] waited for.
    pub(super) fn turn(
        &mut self,
        matcher: &mut LazyMatcher,
        buffer: &mut Buffer,
    ) -> io::Result<()> {
        if !self.is_written() {
            return self.write();
        }
        self.read(matcher, buffer)?;
        // Another target may make us wait.
        if self.to.is_ready { self.write() } else { Ok(()) }
    }

    /// Notes how much an ended command has said that was not read yet.
    pub(super) fn owe(&mut self) {
        let from = self.from.as_ref();
        self.owed = from.and_then(|from| rustix::io::ioctl_fionread(from).ok()).unwrap_or(0);
    }

    /// Notes that what a terminal still holds is to be passed on, and no more: another
    /// one may go on to talk.
    pub(super) fn owe_at_most(&mut self, bytes: u64) {
        self.owed = bytes;
    }

    /// Passes on what waits, however short it has, and answers whether that was
    /// something.
    pub(super) fn release_now(&mut self, matcher: &mut LazyMatcher) -> io::Result<bool> {
        if !self.is_written() || self.redactor.waiting() == 0 {
            return Ok(!self.is_written());
        }
        self.out.clear();
        self.written = 0;
        self.redactor.release(matcher.get(), &mut self.out);
        self.write()?;
        Ok(true)
    }

    /// Whether all was passed on that an ended command has said.
    pub(super) fn is_even(&self) -> bool {
        self.is_over() || (self.owed == 0 && self.is_written())
    }

    fn read(&mut self, matcher: &mut LazyMatcher, buffer: &mut Buffer) -> io::Result<()> {
        let Some(from) = &self.from else { return Ok(()) };
        self.out.clear();
        self.written = 0;
        let waited = self.redactor.waiting() > 0;
        self.bypass.take_if(|bypass| !bypass.is_worth_it());
        let read = match &mut self.bypass {
            None => rustix::io::read(from, buffer.0.as_mut_slice()),
            Some(bypass) => bypass.look(from, matcher.get(), &mut self.redactor, &mut self.out),
        };
        match read {
            // A terminal that all others have closed says that it failed.
            Ok(0) | Err(Errno::IO) => {
                // Where nothing was said, nothing is learnt.
                if self.redactor.waiting() > 0 {
                    self.redactor.release(matcher.get(), &mut self.out);
                }
                self.from = None;
            }
            Ok(count) => {
                if self.bypass.is_none() {
                    self.owed = self.owed.saturating_sub(count as u64);
                    let bytes = buffer.0.get(..count).unwrap_or_default();
                    self.redactor.push(matcher.get(), bytes, &mut self.out);
                }
                // What waits on waits since then.
                if !waited || !self.out.is_empty() || self.behind().is_some() {
                    self.since = Instant::now();
                }
                self.expect(count);
            }
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Judges by how much was read how much is to come.
    fn expect(&mut self, count: usize) {
        self.filled = if count >= Buffer::SIZE { self.filled + 1 } else { 0 };
        if self.bypass.is_none() && self.filled == Self::OFTEN && self.to.is_ready {
            self.bypass = self.from.as_ref().and_then(|from| Bypass::open(from, &self.to.fd));
        }
    }

    fn write(&mut self) -> io::Result<()> {
        loop {
            let end = self.behind().unwrap_or(self.out.len());
            let written = if self.written < end { self.write_piece(end) } else { self.pass() };
            match written {
                Ok(true) => {}
                Ok(false) | Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return self.give_up(error),
            }
        }
    }

    /// Writes some of what is there, and answers whether there may be room for more.
    fn write_piece(&mut self, end: usize) -> Result<bool, Errno> {
        let left = self.out.get(self.written..end).unwrap_or_default();
        let piece = if self.to.is_ready { left } else { left.get(..Target::LEAST).unwrap_or(left) };
        match rustix::io::write(&self.to.fd, piece) {
            Ok(count) => self.written += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
        Ok(self.to.is_ready)
    }

    /// Goes on with what is passed on in another way, and answers whether there was any.
    fn pass(&mut self) -> Result<bool, Errno> {
        let is_under_way = self.behind().is_some();
        let Some((from, bypass)) = self.from.as_ref().zip(self.bypass.as_mut()) else {
            return Ok(false);
        };
        if is_under_way {
            let count = bypass.pass(from, &self.to.fd, &mut self.out)?;
            self.owed = self.owed.saturating_sub(count as u64);
        }
        Ok(is_under_way)
    }

    /// Stops what cannot be written any more.
    fn give_up(&mut self, error: Errno) -> io::Result<()> {
        // Whoever writes learns it in the same way. A terminal fails that is gone.
        self.from = None;
        self.bypass = None;
        self.written = self.out.len();
        self.redactor = Redactor::default();
        if matches!(error, Errno::PIPE | Errno::IO) { Ok(()) } else { Err(error.into()) }
    }

    /// Passes on what waits, if it has waited long enough by then.
    pub(super) fn release(&mut self, matcher: &mut LazyMatcher, now: Instant) -> io::Result<()> {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.release_now(matcher)?;
        }
        Ok(())
    }
}
