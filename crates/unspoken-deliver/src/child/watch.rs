//! Waiting for a child, for signals, and for time to pass, in one place.
//!
//! Rules:
//! - A signal that somebody sends to this process alone is told. One that the
//!   terminal sends goes to the child by itself, which is in the same process
//!   group: it does not end us, and is told as such. But that the terminal is
//!   gone, its session's leader is told alone.
//! - Stopping and continuing are the terminal's: nothing is held back there.

use std::io;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{getpid, getsid};
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
    /// The child says that it is ready, on this port.
    Ready(u16),
    /// The time is over.
    Time,
}

/// What a child is up to.
struct Ready {
    has_ended: bool,
    says: bool,
    wants: bool,
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
        // Who started us may have it ignored, and then no child has an ending that could be told.
        signal_hook::flag::register(libc::SIGCHLD, Arc::default())?;
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
        // One that reads little by little must not keep the time from passing.
        let end = limit.map(|limit| Instant::now() + limit);
        loop {
            if let Some(event) = self.signal()? {
                return Ok(event);
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let limit = left.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
            let Ready { has_ended, wants, says } = match self.wait(child.as_deref(), limit.as_ref())
            {
                Ok(None) => return Ok(Event::Time),
                Ok(Some(ready)) => ready,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let Some(child) = child.as_deref_mut() else { continue };
            // What the terminal has sent comes before what it has done to the child.
            if let Some(event) = self.signal()? {
                return Ok(event);
            }
            if has_ended {
                return Ok(Event::Ended(child.reap()?));
            }
            if wants {
                child.feed();
            }
            if let Some(port) = says.then(|| child.port()).flatten() {
                return Ok(Event::Ready(port));
            }
        }
    }

    /// What the child is up to; `None` when the time is over.
    fn wait(
        &self,
        child: Option<&Running>,
        limit: Option<&Timespec>,
    ) -> Result<Option<Ready>, Errno> {
        let signals = self.signals.as_fd();
        let ended = child.map(Running::ended);
        let says = child.and_then(Running::says);
        let wants = child.and_then(Running::wants);
        let mut watched = vec![PollFd::from_borrowed_fd(signals, PollFlags::IN)];
        let reads = ended.into_iter().chain(says);
        watched.extend(reads.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        watched.extend(wants.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::OUT)));
        if poll(&mut watched, limit)? == 0 {
            return Ok(None);
        }
        let mut results = watched.iter().map(|found| !found.revents().is_empty()).skip(1);
        let mut happened = |asked: bool| asked && results.next().unwrap_or(false);
        Ok(Some(Ready {
            has_ended: happened(ended.is_some()),
            says: happened(says.is_some()),
            wants: happened(wants.is_some()),
        }))
    }

    fn signal(&self) -> io::Result<Option<Event>> {
        let Some(found) = self.signals.read_signal()? else { return Ok(None) };
        let number = i32::try_from(found.ssi_signo).map_err(io::Error::other)?;
        let signal = Signal::try_from(number)?;
        // That the terminal is gone is told to the leader of its session alone.
        let to_us = signal == Signal::SIGHUP && getsid(None) == Ok(getpid());
        let is_key = found.ssi_code == libc::SI_KERNEL && !to_us;
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
