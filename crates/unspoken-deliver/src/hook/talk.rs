//! The conversation with a hook: writes the old value, reads what is printed,
//! watches the clock and the interrupts, and leaves no process behind that was
//! to be ended.
//!
//! Rules:
//! - A process group is signalled only while its leader is not reaped: until
//!   then no other group can have its number.
//! - Every wait has an end.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, ChildStdin, ChildStdout, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use unspoken_seal::Secret;
use zeroize::Zeroizing;

use super::answer::LIMIT;
use super::{HookError, Interrupts};

/// How long a group has between being asked to end and being ended.
const GRACE: Duration = Duration::from_secs(2);

/// The pause between two looks at what a leader has left behind.
const PAUSE: Duration = Duration::from_millis(10);

/// A hook that runs.
pub(super) struct Talk {
    running: Running,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    /// Room for all that is taken, so that it never moves and leaves a copy.
    output: Zeroizing<Vec<u8>>,
    interrupts: Interrupts,
    limit: Duration,
    deadline: Instant,
}

/// A process that is ended, with its group, unless it has ended by itself.
struct Running {
    child: Child,
    pid: Pid,
    /// Readable when the process has ended; that does not reap it.
    ended: OwnedFd,
    is_reaped: bool,
}

/// What poll found.
#[derive(Clone, Copy, Debug, Default)]
struct Ready {
    ended: bool,
    interrupted: bool,
    stdout: bool,
    stdin: bool,
}

impl Talk {
    /// Takes over a process that was started in a group of its own.
    pub(super) fn begin(mut child: Child, limit: Duration) -> Result<Self, HookError> {
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let prepared = Interrupts::hold().and_then(|interrupts| {
            for pipe in [stdin.as_ref().map(AsFd::as_fd), stdout.as_ref().map(AsFd::as_fd)] {
                let Some(pipe) = pipe else { continue };
                fcntl_setfl(pipe, fcntl_getfl(pipe)? | OFlags::NONBLOCK)?;
            }
            let pid = Pid::from_child(&child);
            Ok((interrupts, pid, pidfd_open(pid, PidfdFlags::empty())?))
        });
        let (interrupts, pid, ended) = match prepared {
            Ok(prepared) => prepared,
            Err(source) => {
                let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
                let _ = child.wait();
                return Err(HookError::Talk { source });
            }
        };
        Ok(Self {
            running: Running { child, pid, ended, is_reaped: false },
            stdin,
            stdout,
            output: Zeroizing::new(Vec::with_capacity(LIMIT)),
            interrupts,
            limit,
            deadline: Instant::now() + limit,
        })
    }

    /// Talks until the hook ends, and gives what it printed.
    pub(super) fn finish(
        mut self,
        old: Option<&Secret>,
    ) -> Result<(Zeroizing<Vec<u8>>, Interrupts), HookError> {
        match self.talk(old.map_or(&[], |old| old.expose().as_bytes())) {
            Ok(status) if status.success() => Ok((self.output, self.interrupts)),
            Ok(status) => Err(HookError::Failed { status }),
            Err(error) => {
                self.stdin = None;
                self.end();
                Err(error)
            }
        }
    }

    fn talk(&mut self, mut input: &[u8]) -> Result<ExitStatus, HookError> {
        let broken = |source| HookError::Talk { source };
        loop {
            if input.is_empty() {
                // The hook sees the end of its input.
                self.stdin = None;
            }
            let wait = self.deadline.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                return Err(HookError::Late { limit: self.limit });
            }
            let ready = self.wait(wait).map_err(broken)?;
            if ready.interrupted && self.interrupts.take() {
                return Err(HookError::Interrupted);
            }
            if ready.stdin {
                input = self.write(input).map_err(broken)?;
            }
            if ready.stdout || ready.ended {
                self.read().map_err(broken)?;
            }
            if self.output.len() >= LIMIT {
                return Err(HookError::TooMuch);
            }
            if ready.ended {
                // Whoever holds the other end of the pipe now was left behind.
                return self.running.reap().map_err(broken);
            }
        }
    }

    fn wait(&self, wait: Duration) -> io::Result<Ready> {
        let mut fds = vec![
            PollFd::new(&self.running.ended, PollFlags::IN),
            PollFd::new(&self.interrupts, PollFlags::IN),
        ];
        // A side that is closed is not asked about: it would answer at once.
        let (stdout, stdin) = (self.stdout.as_ref(), self.stdin.as_ref());
        fds.extend(stdout.map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        fds.extend(stdin.map(|pipe| PollFd::new(pipe, PollFlags::OUT)));
        let timeout = Timespec::try_from(wait).ok();
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(Ready::default()),
            Err(error) => return Err(error.into()),
        }
        let mut found = fds.iter().map(|fd| !fd.revents().is_empty());
        let mut next = |is_asked: bool| is_asked && found.next().unwrap_or(false);
        let (ended, interrupted) = (next(true), next(true));
        let (stdout, stdin) = (next(stdout.is_some()), next(stdin.is_some()));
        Ok(Ready { ended, interrupted, stdout, stdin })
    }

    /// Writes what fits, and gives what is left of it.
    fn write<'i>(&mut self, input: &'i [u8]) -> io::Result<&'i [u8]> {
        let Some(pipe) = &mut self.stdin else { return Ok(input) };
        match pipe.write(input) {
            Ok(count) => Ok(input.get(count..).unwrap_or_default()),
            // A hook need not read what it has no use for.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(&[]),
            Err(error) if is_passing(&error) => Ok(input),
            Err(error) => Err(error),
        }
    }

    /// Reads what is there, up to the limit.
    fn read(&mut self) -> io::Result<()> {
        while let Some(pipe) = &mut self.stdout {
            let filled = self.output.len();
            if filled >= LIMIT {
                return Ok(());
            }
            self.output.resize(LIMIT, 0);
            let read = pipe.read(self.output.get_mut(filled..).unwrap_or_default());
            self.output.truncate(filled + *read.as_ref().unwrap_or(&0));
            match read {
                Ok(0) => self.stdout = None,
                Ok(_) => {}
                Err(error) if is_passing(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Ends the hook and its group: asks, waits, and then does not ask.
    fn end(&mut self) {
        self.running.signal(Signal::TERM);
        let deadline = Instant::now() + GRACE;
        loop {
            let wait = deadline.saturating_duration_since(Instant::now());
            let Ok(ready) = self.wait(wait) else { break };
            // A second key press changes nothing any more.
            while self.interrupts.take() {}
            // Nothing that is printed now counts; the pipe shows who is left.
            self.output.clear();
            if self.read().is_err() || ready.ended && self.stdout.is_none() || wait.is_zero() {
                break;
            }
            if ready.ended {
                // From here on poll answers at once.
                std::thread::sleep(wait.min(PAUSE));
            }
        }
        // Dropping this ends what is left.
    }
}

impl Running {
    fn signal(&self, signal: Signal) {
        // What has ended already needs no signal.
        let _ = kill_process_group(self.pid, signal);
    }

    fn reap(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait()?;
        self.is_reaped = true;
        Ok(status)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_reaped {
            self.signal(Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// Whether it is worth trying again.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
