//! Waiting for a child, for signals, and for time to pass, in one place.
//!
//! Rules:
//! - A signal that somebody sends to this process alone is told. One that the
//!   terminal sends goes to the child by itself, which is in the same process
//!   group: it does not end us, and is told as such.
//! - Stopping and continuing are the terminal's: nothing is held back there.

use std::io;
use std::os::fd::AsFd as _;
use std::time::Duration;

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::running::{Ending, Running};

/// Holds back the signals that would end this process, until it is dropped.
#[derive(Debug)]
pub struct Watch {
    before: SigSet,
    signals: SignalFd,
}

/// What happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    Ended(Ending),
    /// Somebody sent a signal to this process.
    Signal(Signal),
    /// The terminal sent one, to the child as well.
    Key(Signal),
    /// The time is over.
    Time,
}

impl Watch {
    const HELD: [Signal; 6] = [
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGQUIT,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
    ];

    pub fn begin() -> io::Result<Self> {
        let held: SigSet = Self::HELD.into_iter().collect();
        let signals = SignalFd::with_flags(&held, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        let before = held.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        Ok(Self { before, signals })
    }

    /// Waits until something happens, and meanwhile gives the child what it has
    /// still to read. Without a limit it waits as long as it takes.
    pub fn next(
        &self,
        mut child: Option<&mut Running>,
        limit: Option<Duration>,
    ) -> io::Result<Event> {
        let limit = limit.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
        loop {
            if let Some(event) = self.signal()? {
                return Ok(event);
            }
            let [has_ended, wants] = match self.wait(child.as_deref(), limit.as_ref()) {
                Ok(None) => return Ok(Event::Time),
                Ok(Some(ready)) => ready,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let Some(child) = child.as_deref_mut() else { continue };
            if has_ended {
                return Ok(Event::Ended(child.reap()?));
            }
            if wants {
                child.feed();
            }
        }
    }

    /// Whether the child has ended, and whether it wants more; `None` when the
    /// time is over.
    fn wait(
        &self,
        child: Option<&Running>,
        limit: Option<&Timespec>,
    ) -> Result<Option<[bool; 2]>, Errno> {
        let signals = self.signals.as_fd();
        let mut watched = vec![PollFd::from_borrowed_fd(signals, PollFlags::IN)];
        if let Some(child) = child {
            watched.push(PollFd::from_borrowed_fd(child.ended(), PollFlags::IN));
            let wants = child.wants().map(|wants| PollFd::from_borrowed_fd(wants, PollFlags::OUT));
            watched.extend(wants);
        }
        if poll(&mut watched, limit)? == 0 {
            return Ok(None);
        }
        let happened = |at: usize| watched.get(at).is_some_and(|found| !found.revents().is_empty());
        Ok(Some([happened(1), happened(2)]))
    }

    fn signal(&self) -> io::Result<Option<Event>> {
        let Some(found) = self.signals.read_signal()? else { return Ok(None) };
        let number = i32::try_from(found.ssi_signo).map_err(io::Error::other)?;
        let signal = Signal::try_from(number)?;
        let is_key = found.ssi_code == libc::SI_KERNEL;
        Ok(Some(if is_key { Event::Key(signal) } else { Event::Signal(signal) }))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // What arrived after the end is of no interest any more; without this it would end us with
        // its own exit code instead of the child's.
        while matches!(self.signals.read_signal(), Ok(Some(_))) {}
        // Setting back what was set cannot be refused.
        let _ = self.before.thread_set_mask();
    }
}
