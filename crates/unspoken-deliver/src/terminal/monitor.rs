//! The leader of the command's session: starts the command, waits for it, and
//! tells the process in front what becomes of it.
//!
//! Rules:
//! - It does nothing of its own: it stays until the process in front lets go of
//!   the link, because the end of a session's leader takes the terminal away, and
//!   what was said there with it.
//! - When the process in front is gone, the command is told as it is when a
//!   terminal is.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::str::FromStr;
use std::sync::Arc;

use nix::spawn::{PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{Pid, getppid};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use rustix::process::{WaitOptions, WaitStatus, getpgrp, waitpid};
use rustix::termios::{tcgetpgrp, tcsetpgrp};
use unspoken_wire::Descriptors;

use super::report::{Order, Refusal, Report};
use crate::child::{
    Call, Ending, Environment, Handover, StartError, Watch, attributes, lock_memory,
};
use crate::fd::inherited;

/// The first argument of this program where it is a monitor.
pub(crate) const MONITOR: &str = "watch-over";

/// What a monitor is told besides the command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Post {
    /// The link's descriptor.
    pub(crate) link: u16,
    /// One of the standard streams that are the terminal.
    pub(crate) terminal: u16,
    pub(crate) is_foreground: bool,
}

impl fmt::Display for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ground = if self.is_foreground { "front" } else { "back" };
        write!(f, "{}:{}:{ground}", self.link, self.terminal)
    }
}

impl FromStr for Post {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split(':');
        let (Some(link), Some(terminal), Some(ground), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(());
        };
        let is_foreground = match ground {
            "front" => true,
            "back" => false,
            _ => return Err(()),
        };
        match (link.parse::<u16>(), terminal.parse::<u16>()) {
            (Ok(link @ 3..), Ok(terminal @ 0..=2)) => Ok(Self { link, terminal, is_foreground }),
            _ => Err(()),
        }
    }
}

/// The monitor's end of the link, and the command.
struct Monitor {
    link: UnixStream,
    terminal: OwnedFd,
    signals: SignalFd,
    pid: Pid,
    /// Whether it was stopped, and not let go on by us since.
    is_stopped: bool,
}

/// Watches over a command, if that is what this process was started for.
pub fn monitor(arguments: &[OsString]) -> Option<()> {
    let [_, name, post, command @ ..] = arguments else { return None };
    let post: Post = post.to_str().filter(|_| name == MONITOR)?.parse().ok()?;
    let link = inherited(post.link)?;
    let mut link = UnixStream::from(link);
    match Monitor::start(&link, post, command) {
        Ok(monitor) => monitor.stay(),
        Err(error) => {
            // Where nobody hears it, nobody waits for it.
            let _ = link.write_all(&Report::Refused(Refusal::of(&error)).print());
        }
    }
    Some(())
}

impl Monitor {
    fn start(link: &UnixStream, post: Post, command: &[OsString]) -> Result<Self, StartError> {
        let failed = |source: io::Error| StartError::Supervise { source };
        // The command must not find it.
        fcntl_setfd(link, FdFlags::CLOEXEC).map_err(io::Error::from).map_err(failed)?;
        let link = link.try_clone().map_err(failed)?;
        let terminal = terminal(post.terminal).map_err(failed)?;
        let signals = signals().map_err(failed)?;
        let handed_on = std::env::var(Handover::VARIABLE).ok();
        let environment = Environment::own();
        let attributes = attributes().and_then(|mut attributes| {
            let flags = attributes.flags()?;
            attributes.set_flags(flags | PosixSpawnFlags::POSIX_SPAWN_SETPGROUP)?;
            attributes.set_pgroup(Pid::from_raw(0))?;
            Ok(attributes)
        });
        let attributes = attributes.map_err(failed)?;
        let actions = PosixSpawnFileActions::init().map_err(io::Error::from).map_err(failed)?;
        let call = Call::new(command, environment)?;
        let pid = call.attempt(|file, arguments, variables| {
            posix_spawn(file, &actions, &attributes, arguments, variables)
        })?;
        let monitor = Self { link, terminal, signals, pid, is_stopped: false };
        if post.is_foreground {
            monitor.put_in_front();
        }
        // The bundle is the command's alone.
        if let Some(numbers) = handed_on.and_then(|listed| Descriptors::parse(&listed).ok()) {
            numbers.numbers().iter().filter_map(|&number| inherited(number)).for_each(drop);
        }
        lock_memory();
        Ok(monitor)
    }

    /// Tells what happens until the process in front lets go.
    fn stay(mut self) {
        self.tell(&Report::Started);
        while self.wait().is_ok_and(|goes_on| goes_on) {}
    }

    /// Waits for one thing, and does what it asks for. Answers whether there may be
    /// more.
    fn wait(&mut self) -> io::Result<bool> {
        let mut watched = [
            PollFd::from_borrowed_fd(self.signals.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.link.as_fd(), PollFlags::IN),
        ];
        match poll(&mut watched, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let [signalled, ordered] = watched.map(|found| !found.revents().is_empty());
        while signalled && let Some(found) = self.signals.read_signal()? {
            match Signal::try_from(found.ssi_signo.cast_signed()) {
                Ok(Signal::SIGCHLD) if !self.look()? => return Ok(false),
                Ok(signal) if Watch::HELD.contains(&signal) => self.send(self.pid, signal),
                _ => {}
            }
        }
        if ordered { self.obey() } else { Ok(true) }
    }

    /// Looks at what the command did. Answers `false` when it has ended and the
    /// process in front knows.
    fn look(&mut self) -> io::Result<bool> {
        let options = WaitOptions::NOHANG | WaitOptions::UNTRACED | WaitOptions::CONTINUED;
        let pid = rustix::process::Pid::from_raw(self.pid.as_raw());
        while let Some((_, status)) = waitpid(pid, options)? {
            if let Some(ending) = ending(status) {
                self.tell(&Report::Ended(ending));
                self.wait_for_release();
                return Ok(false);
            }
            if let Some(signal) = status.stopping_signal() {
                let wants_keys = [libc::SIGTTIN, libc::SIGTTOU].contains(&signal);
                if wants_keys && self.is_in_front() {
                    // It was quicker than we were with the terminal.
                    self.go_on();
                } else {
                    // Whoever lets it go on, it has the terminal when we say so.
                    let _ = tcsetpgrp(&self.terminal, getpgrp());
                    self.was_let_go_on();
                    self.is_stopped = true;
                    self.tell(&Report::Stopped(signal));
                }
            } else {
                self.was_let_go_on();
            }
        }
        Ok(true)
    }

    /// Has the process in front go on, too, when somebody else has let the command go
    /// on. That may be seen only when it has stopped again.
    fn was_let_go_on(&mut self) {
        if std::mem::take(&mut self.is_stopped) {
            let _ = kill(getppid(), Signal::SIGCONT);
        }
    }

    fn obey(&mut self) -> io::Result<bool> {
        let mut order = [0; 2];
        match self.link.read_exact(&mut order) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(true),
            Err(error) => {
                self.send(self.group(), Signal::SIGHUP);
                self.send(self.group(), Signal::SIGCONT);
                return Err(error);
            }
        }
        match Order::parse(order) {
            Some(Order::Signal(number)) => self.send(self.pid, Signal::try_from(number)?),
            Some(Order::Key(number)) => self.send(self.group(), Signal::try_from(number)?),
            Some(Order::Continue { is_foreground }) => {
                if is_foreground {
                    self.put_in_front();
                }
                self.go_on();
            }
            None => return Err(io::ErrorKind::InvalidData.into()),
        }
        Ok(true)
    }

    fn go_on(&mut self) {
        self.is_stopped = false;
        self.send(self.group(), Signal::SIGCONT);
    }

    fn group(&self) -> Pid {
        Pid::from_raw(-self.pid.as_raw())
    }

    /// To be called while the command was not waited for: its number is its own.
    fn send(&self, to: Pid, signal: Signal) {
        // It can only fail because the command has ended, or is another user's.
        let _ = kill(to, signal);
    }

    fn put_in_front(&self) {
        if let Some(group) = rustix::process::Pid::from_raw(self.pid.as_raw()) {
            // It can only fail because the command has ended.
            let _ = tcsetpgrp(&self.terminal, group);
        }
    }

    fn is_in_front(&self) -> bool {
        tcgetpgrp(&self.terminal)
            .is_ok_and(|group| group.as_raw_nonzero().get() == self.pid.as_raw())
    }

    fn tell(&self, report: &Report) {
        // Where nobody hears it, the link's end is seen next.
        let _ = (&self.link).write_all(&report.print());
    }

    /// What still comes is for a command that is no more.
    fn wait_for_release(&self) {
        let mut last = [0; 64];
        loop {
            match (&self.link).read(&mut last) {
                Ok(0) => return,
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return,
                _ => {}
            }
        }
    }
}

/// The command's terminal, on a descriptor that the command does not find.
fn terminal(number: u16) -> io::Result<OwnedFd> {
    let terminal = match number {
        0 => fcntl_dupfd_cloexec(io::stdin(), 3),
        1 => fcntl_dupfd_cloexec(io::stdout(), 3),
        _ => fcntl_dupfd_cloexec(io::stderr(), 3),
    };
    Ok(terminal?)
}

/// Holds back what would end this process, and what would stop it when it gives the
/// terminal to another one.
fn signals() -> io::Result<SignalFd> {
    let held = Watch::HELD.into_iter().chain([Signal::SIGCHLD]);
    let told: SigSet = held.collect();
    let signals = SignalFd::with_flags(&told, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
    // Who started us may have it ignored, and then no child has an ending that could be told.
    signal_hook::flag::register(libc::SIGCHLD, Arc::default())?;
    let mut held = told;
    held.extend([Signal::SIGTTOU, Signal::SIGTTIN, Signal::SIGTSTP]);
    held.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    Ok(signals)
}

fn ending(status: WaitStatus) -> Option<Ending> {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Some(Ending::Code(u8::try_from(code & 0xff).unwrap_or(255))),
        (_, Some(number)) => Some(Ending::Signal(number)),
        _ => None,
    }
}

#[test]
fn a_post_is_read_as_it_was_written() {
    for is_foreground in [true, false] {
        let post = Post { link: 7, terminal: 1, is_foreground };
        assert_eq!(post.to_string().parse(), Ok(post));
    }
    for text in ["", "7:1", "2:1:front", "7:3:front", "7:1:side", "7:1:front:x", "x:1:back"] {
        assert_eq!(text.parse::<Post>(), Err(()), "{text:?}");
    }
}
