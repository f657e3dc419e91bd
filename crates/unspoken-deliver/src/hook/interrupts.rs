//! Interrupts that wait.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// Holds back what would end this process, until it is dropped: a new value
/// must not be lost to a key press.
///
/// A signal that came is either read here, or ends the process afterwards.
#[derive(Debug)]
pub struct Interrupts {
    before: SigSet,
    signals: SignalFd,
}

impl Interrupts {
    const HELD: [Signal; 4] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];

    /// Begins to hold them back, in this thread.
    pub(super) fn hold() -> io::Result<Self> {
        let held: SigSet = Self::HELD.into_iter().collect();
        let signals = SignalFd::with_flags(&held, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        let before = held.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        Ok(Self { before, signals })
    }

    /// Takes note of one that came; `false` when there is none.
    pub(super) fn take(&self) -> bool {
        matches!(self.signals.read_signal(), Ok(Some(_)))
    }
}

impl AsFd for Interrupts {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.signals.as_fd()
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        // Setting back what was set cannot be refused.
        let _ = self.before.thread_set_mask();
    }
}
