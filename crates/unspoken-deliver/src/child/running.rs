//! A child that this process stays beside.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};

use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
use unspoken_wire::Descriptors;

use super::call::Call;
use super::harden::lock_memory;
use super::readiness::{Readiness, Said};
use super::{Environment, Event, StartError};
use crate::fd::{Channel, Filled, Rest, apart_from, keep_only};
use crate::output::Outlets;
use crate::terminal::{Link, Order, Post, Report, Slave};

/// A child that was started and not yet waited for.
pub struct Running {
    pid: Pid,
    /// Means this child even when its number is another's already.
    pidfd: OwnedFd,
    /// What it has not read yet of its bundle, and we hold.
    rest: Option<Rest>,
    /// What it says when it is ready.
    readiness: Option<Readiness>,
    /// The way to who watches over it on a terminal of its own. Then this is about
    /// that process.
    link: Option<Link>,
}

/// What a child finds open besides the standard streams.
#[derive(Debug)]
pub struct Passage<'a> {
    pub channel: Channel,
    pub descriptors: &'a Descriptors,
    /// Whether it also finds where to say that it is ready.
    pub asks_readiness: bool,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    Code(u8),
    Signal(i32),
}

impl Ending {
    /// The exit code by which this is passed on: 128 and the signal's number.
    pub fn code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Signal(number) => u8::try_from(number).map_or(255, |n| n.saturating_add(128)),
        }
    }
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(number) => match Signal::try_from(*number) {
                Ok(signal) => f.write_str(signal.as_str()),
                Err(_) => write!(f, "signal {number}"),
            },
        }
    }
}

impl Running {
    /// Starts a command beside this process, in its process group and on its
    /// terminal. With a passage it finds, of what is open here, the standard
    /// streams and what is passed alone. With outlets its output goes there.
    pub fn start(
        command: &[OsString],
        mut environment: Environment,
        passage: Option<Passage<'_>>,
        outlets: Option<Outlets>,
    ) -> Result<Self, StartError> {
        let failed = |source: io::Error| StartError::Supervise { source };
        let mut actions = PosixSpawnFileActions::init().map_err(io::Error::from).map_err(failed)?;
        let (mut read, mut rest, mut report) = (None, None, None);
        let mut ends = Vec::new();
        let (pipes, slave) = outlets.map(|outlets| (outlets.pipes, outlets.slave)).unzip();
        for (end, numbers) in pipes.into_iter().flatten() {
            put_on(&mut actions, &end, &numbers).map_err(failed)?;
            ends.push(end);
        }
        let mut taken = Vec::new();
        if let Some(Passage { channel, descriptors, asks_readiness }) = passage {
            keep_only(&[]).map_err(failed)?;
            let bundle = descriptors.numbers();
            let ready = if asks_readiness { Readiness::beside(bundle) } else { Vec::new() };
            // One number is given away after the other: none may be the source of a later one.
            let numbers = [bundle, &ready].concat();
            let (end, left) = channel.into_parts();
            if left.is_some() {
                lock_memory();
            }
            let end = apart_from(end, &numbers).map_err(failed)?;
            taken.extend_from_slice(&numbers);
            put_on(&mut actions, &end, bundle).map_err(failed)?;
            (read, rest) = (Some(end), left);
            if !ready.is_empty() {
                let (readiness, write) = Readiness::new().map_err(failed)?;
                let write = apart_from(write, &numbers).map_err(failed)?;
                put_on(&mut actions, &write, &ready).map_err(failed)?;
                environment.note(Readiness::VARIABLE, &Readiness::list(&ready));
                report = Some((readiness, write));
            }
        }
        let mut attributes = attributes().map_err(failed)?;
        let mut link = None;
        let call = match slave.flatten() {
            None => Call::new(command, environment)?,
            Some(slave) => {
                let (ours, post) = set_up(&slave, &taken, &mut actions, &mut attributes, &mut ends)
                    .map_err(failed)?;
                link = Some(ours);
                Call::monitor(post, command, environment)?
            }
        };
        let pid = call.attempt(|file, arguments, variables| {
            posix_spawn(file, &actions, &attributes, arguments, variables)
        })?;
        // From here the child alone holds the ends that are its own.
        drop((read, ends));
        let readiness = report.map(|(readiness, _write)| readiness);
        match open(pid) {
            Ok(pidfd) => Self { pid, pidfd, rest, readiness, link }.started(command),
            Err(source) => {
                // Nobody would watch over it.
                let _ = kill(pid, Signal::SIGKILL);
                let _ = waitpid(pid, None);
                Err(failed(source))
            }
        }
    }

    /// Waits until the command itself has started, where another process starts it.
    fn started(mut self, command: &[OsString]) -> Result<Self, StartError> {
        let failed = |source: io::Error| StartError::Supervise { source };
        let Some(link) = &mut self.link else { return Ok(self) };
        match link.report().map_err(failed)? {
            // Who was ended before it could report is waited for as any other.
            Some(Report::Started) | None => Ok(self),
            Some(Report::Refused(refusal)) => {
                self.release().map_err(failed)?;
                Err(refusal.into_error(command.first().cloned().unwrap_or_default()))
            }
            Some(_) => Err(failed(io::ErrorKind::InvalidData.into())),
        }
    }

    /// Lets who watches over an ended command go.
    pub(super) fn release(&mut self) -> io::Result<()> {
        if self.link.take().is_some() {
            self.reap()?;
        }
        Ok(())
    }

    /// Tells who watches over the command what to do.
    pub(crate) fn order(&self, order: Order) {
        if let Some(link) = &self.link {
            link.order(order);
        }
    }

    /// Sends a signal; to one that has ended it does nothing.
    pub fn signal(&self, signal: Signal) {
        if let Some(signal) = rustix::process::Signal::from_named_raw(signal as i32) {
            // It can only fail because the child is no more.
            let _ = pidfd_send_signal(&self.pidfd, signal);
        }
    }

    /// Whether this is the child's number.
    pub(super) fn is(&self, pid: Pid) -> bool {
        self.pid == pid
    }

    /// Becomes readable when the child has ended.
    pub(super) fn ended(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Becomes writable when the child has read something, while there is more.
    pub(super) fn wants(&self) -> Option<BorrowedFd<'_>> {
        self.rest.as_ref().map(|rest| rest.write.as_fd())
    }

    /// Becomes readable when the child says something of its port.
    pub(super) fn says(&self) -> Option<BorrowedFd<'_>> {
        let readiness = self.readiness.as_ref().map(Readiness::as_fd);
        readiness.or_else(|| self.link.as_ref().and_then(Link::says))
    }

    /// What it says, or who watches over it.
    pub(super) fn hear(&mut self) -> io::Result<Option<Event>> {
        let Some(link) = &mut self.link else { return Ok(self.port().map(Event::Ready)) };
        Ok(match link.report()? {
            Some(Report::Stopped(number)) => Some(Event::Stopped(number)),
            Some(Report::Ended(ending)) => {
                self.rest = None;
                Some(Event::Ended(ending))
            }
            _ => None,
        })
    }

    /// The port, once, when the child has said it.
    fn port(&mut self) -> Option<u16> {
        match self.readiness.as_mut()?.read() {
            Said::Nothing => None,
            Said::Never => {
                self.readiness = None;
                None
            }
            Said::Port(port) => {
                self.readiness = None;
                Some(port)
            }
        }
    }

    /// Writes on. What cannot be written is the child's to miss.
    pub(super) fn feed(&mut self) {
        if let Some(rest) = &mut self.rest
            && !matches!(rest.fill(), Ok(Filled::Partly))
        {
            self.rest = None;
        }
    }

    /// Waits for the end, and leaves no zombie.
    pub(super) fn reap(&mut self) -> io::Result<Ending> {
        (self.rest, self.link) = (None, None);
        loop {
            match waitpid(self.pid, None)? {
                WaitStatus::Exited(_, code) => {
                    return Ok(Ending::Code(u8::try_from(code & 0xff).unwrap_or(255)));
                }
                WaitStatus::Signaled(_, signal, _) => return Ok(Ending::Signal(signal as i32)),
                // Stopped or continued: not the end.
                _ => {}
            }
        }
    }
}

fn open(pid: Pid) -> io::Result<OwnedFd> {
    let pid = rustix::process::Pid::from_raw(pid.as_raw()).ok_or(io::ErrorKind::InvalidData)?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

/// The child finds `source` on each of these numbers.
fn put_on(
    actions: &mut PosixSpawnFileActions,
    source: &OwnedFd,
    numbers: &[u16],
) -> io::Result<()> {
    for &number in numbers {
        actions.add_dup2(source.as_raw_fd(), number.into())?;
    }
    Ok(())
}

/// Has the child lead a session on a terminal of its own, and find the way to us.
fn set_up(
    slave: &Slave,
    taken: &[u16],
    actions: &mut PosixSpawnFileActions,
    attributes: &mut PosixSpawnAttr,
    ends: &mut Vec<OwnedFd>,
) -> io::Result<(Link, Post)> {
    let (ours, theirs) = Link::pair()?;
    let theirs = apart_from(theirs, taken)?;
    let number = u16::try_from(theirs.as_raw_fd()).map_err(io::Error::other)?;
    put_on(actions, &theirs, &[number])?;
    ends.push(theirs);
    slave.open_in(actions)?;
    let session = PosixSpawnFlags::from_bits_retain(libc::POSIX_SPAWN_SETSID.into());
    attributes.set_flags(attributes.flags()? | session)?;
    let terminal = slave.numbers.first().copied().unwrap_or(1);
    Ok((ours, Post { link: number, terminal, is_foreground: slave.is_foreground }))
}

/// The child starts with no signal held back, and ignores what this process was
/// started to ignore.
pub(crate) fn attributes() -> io::Result<PosixSpawnAttr> {
    let mut attributes = PosixSpawnAttr::init()?;
    // The runtime of this language ignores it.
    let ignored: SigSet = [Signal::SIGPIPE].into_iter().collect();
    attributes.set_sigdefault(&ignored)?;
    attributes.set_sigmask(&SigSet::empty())?;
    attributes.set_flags(
        PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK,
    )?;
    Ok(attributes)
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("pid", &self.pid).finish_non_exhaustive()
    }
}
