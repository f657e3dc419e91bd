//! One stream of a command: read here, written there.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use unspoken_seal::{LazyMatcher, Redactor};
use zeroize::Zeroizing;

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

    pub(super) fn new(from: OwnedFd, stream: Stream) -> io::Result<Self> {
        Ok(Self {
            stream,
            from: Some(from),
            to: stream.target()?,
            redactor: Redactor::default(),
            out: Vec::new(),
            written: 0,
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
        self.written == self.out.len()
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
        match rustix::io::read(from, buffer.0.as_mut_slice()) {
            // A terminal that all others have closed says that it failed.
            Ok(0) | Err(Errno::IO) => {
                // Where nothing was said, nothing is learnt.
                if self.redactor.waiting() > 0 {
                    self.redactor.release(matcher.get(), &mut self.out);
                }
                self.from = None;
            }
            Ok(count) => {
                let waited = self.redactor.waiting() > 0;
                self.owed = self.owed.saturating_sub(count as u64);
                let bytes = buffer.0.get(..count).unwrap_or_default();
                self.redactor.push(matcher.get(), bytes, &mut self.out);
                // What waits on waits since then.
                if !waited || !self.out.is_empty() {
                    self.since = Instant::now();
                }
            }
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        while let Some(left @ [_, ..]) = self.out.get(self.written..) {
            let piece =
                if self.to.is_ready { left } else { left.get(..Target::LEAST).unwrap_or(left) };
            match rustix::io::write(&self.to.fd, piece) {
                // There may be no room for another piece.
                Ok(count) if !self.to.is_ready => {
                    self.written += count;
                    return Ok(());
                }
                Ok(count) => self.written += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => {
                    // Whoever writes learns it in the same way. A terminal fails that is gone.
                    self.from = None;
                    self.written = self.out.len();
                    self.redactor = Redactor::default();
                    return if matches!(error, Errno::PIPE | Errno::IO) {
                        Ok(())
                    } else {
                        Err(error.into())
                    };
                }
            }
        }
        Ok(())
    }

    /// Passes on what waits, if it has waited long enough by then.
    pub(super) fn release(&mut self, matcher: &mut LazyMatcher, now: Instant) -> io::Result<()> {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.release_now(matcher)?;
        }
        Ok(())
    }
}
