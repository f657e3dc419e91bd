//! The real terminal, which is given back as it was found.

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::getpgrp;
use rustix::termios::{
    OptionalActions, SpecialCodeIndex, Termios, Winsize, tcgetattr, tcgetpgrp, tcgetwinsize,
    tcsetattr,
};

/// A terminal that this process was started on.
#[derive(Debug)]
pub(super) struct Outer {
    fd: OwnedFd,
    /// How it was set when it was taken, while it is.
    before: Option<Termios>,
}

impl Outer {
    pub(super) fn open(fd: BorrowedFd<'_>) -> io::Result<Self> {
        // An open file of our own, in which nobody else has to wait or not to wait.
        let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(fd) => fd,
            // It may be another user's, as behind `su`.
            Err(_) => fcntl_dupfd_cloexec(fd, 3)?,
        };
        Ok(Self { fd, before: None })
    }

    pub(super) fn settings(&self) -> io::Result<Termios> {
        Ok(tcgetattr(&self.fd)?)
    }

    pub(super) fn size(&self) -> io::Result<Winsize> {
        Ok(tcgetwinsize(&self.fd)?)
    }

    /// Whether keys that are typed there are for us at present.
    pub(super) fn is_ours(&self) -> bool {
        match tcgetpgrp(&self.fd) {
            Ok(group) => group == getpgrp(),
            // Not the terminal of our session: then it knows no foreground.
            Err(error) => error == Errno::NOTTY,
        }
    }

    /// Has it hand over each key as it is. To be called in the foreground alone.
    pub(super) fn take(&mut self) -> io::Result<()> {
        let mut settings = self.settings()?;
        let before = self.before.get_or_insert_with(|| settings.clone());
        settings.clone_from(before);
        settings.make_raw();
        settings.special_codes[SpecialCodeIndex::VMIN] = 1;
        settings.special_codes[SpecialCodeIndex::VTIME] = 0;
        Ok(tcsetattr(&self.fd, OptionalActions::Now, &settings)?)
    }

    pub(super) fn is_taken(&self) -> bool {
        self.before.is_some()
    }

    pub(super) fn give_back(&mut self) {
        if let Some(before) = self.before.take()
            // Who has it now has set it, and from the background it would stop us.
            && self.is_ours()
        {
            // Where the terminal is gone, there is nothing to be set.
            let _ = tcsetattr(&self.fd, OptionalActions::Now, &before);
        }
    }
}

impl AsFd for Outer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Outer {
    fn drop(&mut self) {
        self.give_back();
    }
}
