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

use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{Pid, getpid, getsid};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::running::{Ending, Running};
use crate::output::Relay;

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
    /// The command has stopped on its own terminal, by the signal of this number.
    Stopped(i32),
    /// The time is over.
    Time,
}

/// What a child is up to, and which lanes of its output can go on.
struct Ready {
    has_ended: bool,
    says: bool,
    wants: bool,
    lanes: Vec<usize>,
}

/// How the passing on of what an ended command has said came to an end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Drained {
    /// All of it, and nobody can say more.
    Whole,
    /// All of it; another process goes on to talk.
    Open,
    /// Somebody wants this process to end.
    Interrupted(Signal),
}

impl Event {
    /// The signal, whoever has sent it.
    fn signal(self) -> Option<Signal> {
        match self {
            Self::Signal(signal) | Self::Key(signal) => Some(signal),
            _ => None,
        }
    }
}

impl Watch {
    /// What asks a process to end.
    const ENDING: [Signal; 4] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];

    const PATIENCE: Duration = Duration::from_millis(100);

    pub(crate) const HELD: [Signal; 6] = [
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGQUIT,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
    ];

    /// What else is told to who watches over a terminal, too.
    const ON_TERMINAL: [Signal; 3] = [Signal::SIGWINCH, Signal::SIGCONT, Signal::SIGTSTP];

    pub fn begin() -> io::Result<Self> {
        Self::hold(Self::HELD.into_iter().collect())
    }

    /// The same for a command on a terminal of its own, which stops by itself.
    pub(crate) fn on_terminal() -> io::Result<Self> {
        Self::hold(Self::HELD.into_iter().chain(Self::ON_TERMINAL).collect())
    }

    fn hold(held: SigSet) -> io::Result<Self> {
        let signals = SignalFd::with_flags(&held, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        // Who started us may have it ignored, and then no child has an ending that could be told.
        signal_hook::flag::register(libc::SIGCHLD, Arc::default())?;
        let before = held.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        Ok(Self { before, signals })
    }

    /// Waits until something happens, and meanwhile gives the child what it has
    /// still to read, and passes on what it says. Without a limit it waits as long
    /// as it takes.
    pub fn next(
        &self,
        mut child: Option<&mut Running>,
        mut relay: Option<&mut Relay>,
        limit: Option<Duration>,
    ) -> io::Result<Event> {
        // One that reads little by little must not keep the time from passing.
        let end = limit.map(|limit| Instant::now() + limit);
        loop {
            if let Some(event) = self.signal()? {
                return Ok(event);
            }
            let ready = self.wait(child.as_deref(), relay.as_deref(), end)?;
            let Some(Ready { has_ended, wants, says, lanes }) = ready else { continue };
            if let Some(relay) = &mut relay {
                relay.turn(&lanes);
            }
            if end.is_some_and(|end| end <= Instant::now()) {
                return Ok(Event::Time);
            }
            let Some(child) = child.as_deref_mut() else { continue };
            // What the terminal has sent comes before what it has done to the child.
            if let Some(event) = self.signal()? {
                return Ok(event);
            }
            if says && let Some(event) = child.hear()? {
                return Ok(event);
            }
            if has_ended {
                return Ok(Event::Ended(child.reap()?));
            }
            if wants {
                child.feed();
            }
        }
    }

    /// Passes on what an ended command has said, before anybody says that it has
    /// ended, unless the reader is slow.
    pub fn settle(&self, relay: &mut Relay) -> io::Result<()> {
        let end = Instant::now() + Self::PATIENCE;
        relay.owe();
        while !relay.is_even() && Instant::now() < end {
            if let Some((lanes, _)) = ready_lanes(Some(relay), Vec::new(), Some(end))? {
                relay.turn(&lanes);
            }
        }
        relay.release();
        Ok(())
    }

    /// Passes on what an ended command has said, and a little longer, for what it
    /// has left behind.
    pub(crate) fn drain(
        &self,
        relay: &mut Relay,
        patience: Option<Duration>,
    ) -> io::Result<Drained> {
        let end = patience.map(|patience| Instant::now() + patience);
        relay.owe();
        loop {
            if relay.is_over() {
                return Ok(Drained::Whole);
            }
            // What does not ask for an end is nobody's concern any more.
            let signal = self.signal()?.and_then(Event::signal);
            if let Some(signal) = signal.filter(|signal| Self::ENDING.contains(signal)) {
                relay.release();
                return Ok(Drained::Interrupted(signal));
            }
            let is_late = end.is_some_and(|end| end <= Instant::now());
            // When it is late, one more look shows whether somebody still could talk.
            let limit = end.filter(|_| !is_late || relay.is_even());
            let Some(ready) = self.wait(None, Some(relay), limit)? else { continue };
            relay.turn(&ready.lanes);
            if is_late && ready.lanes.is_empty() && relay.is_even() {
                return Ok(Drained::Open);
            }
        }
    }

    /// Passes on what was said on the command's terminal so far. Answers what has
    /// come in between, if somebody seems to want something else.
    pub(crate) fn exhaust(&self, relay: &mut Relay) -> io::Result<Option<Event>> {
        relay.owe_terminal();
        while let Some((lane, is_written)) = relay.terminal_lane() {
            if let Some(event) = self.signal()? {
                let is_own = |signal| Self::ON_TERMINAL.contains(&signal);
                if !event.signal().is_some_and(is_own) {
                    return Ok(Some(event));
                }
            }
            let end = is_written.then(Instant::now);
            let Some(ready) = self.wait(None, Some(relay), end)? else { continue };
            relay.turn(&ready.lanes);
            if relay.settle_terminal(is_written && !ready.lanes.contains(&lane)) {
                break;
            }
        }
        Ok(None)
    }

    /// Stops this process group, as a key would, until somebody lets it go on.
    /// Answers what has come meanwhile; SIGCONT, if this process was stopped at all.
    pub(crate) fn stop(&self, signal: Signal) -> io::Result<Vec<Event>> {
        let mut events = Vec::new();
        while let Some(event) = self.signal()? {
            events.push(event);
        }
        events.retain(|&event| event != Event::Signal(Signal::SIGCONT));
        let held: SigSet = [signal].into_iter().collect();
        kill(Pid::from_raw(0), signal)?;
        if Self::ON_TERMINAL.contains(&signal) {
            held.thread_unblock()?;
            held.thread_block()?;
        }
        while let Some(event) = self.signal()? {
            events.push(event);
        }
        Ok(events)
    }

    /// Waits, and says what happened, perhaps nothing; `None` when a signal that is
    /// not held came in between.
    fn wait(
        &self,
        child: Option<&Running>,
        relay: Option<&Relay>,
        end: Option<Instant>,
    ) -> io::Result<Option<Ready>> {
        let signals = self.signals.as_fd();
        let ended = child.map(Running::ended);
        let says = child.and_then(Running::says);
        let wants = child.and_then(Running::wants);
        let mut watched = vec![PollFd::from_borrowed_fd(signals, PollFlags::IN)];
        let reads = ended.into_iter().chain(says);
        watched.extend(reads.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        watched.extend(wants.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::OUT)));
        let own = watched.len();
        let Some((lanes, results)) = ready_lanes(relay, watched, end)? else { return Ok(None) };
        let mut results = results.into_iter().take(own).skip(1);
        let mut happened = |asked: bool| asked && results.next().unwrap_or(false);
        Ok(Some(Ready {
            has_ended: happened(ended.is_some()),
            says: happened(says.is_some()),
            wants: happened(wants.is_some()),
            lanes,
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

/// Waits for some descriptors, and for the lanes of a relay. Answers which lanes can
/// go on, and for each of the descriptors whether something happened there.
fn ready_lanes<'a>(
    relay: Option<&'a Relay>,
    mut watched: Vec<PollFd<'a>>,
    end: Option<Instant>,
) -> io::Result<Option<(Vec<usize>, Vec<bool>)>> {
    let own = watched.len();
    let (numbers, lanes): (Vec<usize>, Vec<_>) = relay.into_iter().flat_map(Relay::wants).unzip();
    watched.extend(lanes);
    let end = end.into_iter().chain(relay.and_then(Relay::deadline)).min();
    let left = end.map(|end| end.saturating_duration_since(Instant::now()));
    let left = left.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
    match poll(&mut watched, left.as_ref()) {
        Ok(_) => {}
        Err(Errno::INTR) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let results: Vec<bool> = watched.iter().map(|found| !found.revents().is_empty()).collect();
    let happened = results.iter().skip(own).zip(numbers);
    let lanes = happened.filter(|(happened, _)| **happened).map(|(_, number)| number).collect();
    Ok(Some((lanes, results)))
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
