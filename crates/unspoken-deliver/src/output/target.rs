//! Where output goes to, and whether somebody may read it there.

use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, Stat, fstat};
use rustix::io::fcntl_dupfd_cloexec;

/// When values are left out of what a command says.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Redact {
    /// Where its output is not a terminal: a file, a pipe, an agent, a CI log.
    #[default]
    Auto,
    /// On a terminal, too.
    Always,
    Never,
}

/// Whether the standard output goes into a file.
pub fn is_written_to_file() -> bool {
    let kind = Stream::Out.stat().map(|stat| FileType::from_raw_mode(stat.st_mode));
    kind == Ok(FileType::RegularFile)
}

/// One of the two streams.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stream {
    Out,
    Error,
}

/// An open file that is written to.
pub(crate) struct Target {
    pub(crate) fd: OwnedFd,
    /// Whether writing to it never waits for a reader.
    pub(crate) is_ready: bool,
}

impl Stream {
    pub(crate) const BOTH: [Self; 2] = [Self::Out, Self::Error];

    pub(crate) fn number(self) -> u16 {
        match self {
            Self::Out => 1,
            Self::Error => 2,
        }
    }

    fn with<T>(self, act: impl FnOnce(BorrowedFd<'_>) -> T) -> T {
        match self {
            Self::Out => act(io::stdout().as_fd()),
            Self::Error => act(io::stderr().as_fd()),
        }
    }

    pub(crate) fn is_terminal(self) -> bool {
        self.with(|fd| rustix::termios::isatty(fd))
    }

    /// Whether what is written there is read by nobody, ever.
    pub(crate) fn is_null(self) -> bool {
        let null = rustix::fs::stat("/dev/null").map(|null| null.st_rdev);
        let is_device =
            |stat: &Stat| FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice;
        self.stat().is_ok_and(|stat| is_device(&stat) && null == Ok(stat.st_rdev))
    }

    /// Whether both lead to one file, so that their order can be told.
    pub(crate) fn are_one() -> bool {
        match Self::BOTH.map(Self::stat) {
            [Ok(out), Ok(error)] => (out.st_dev, out.st_ino) == (error.st_dev, error.st_ino),
            _ => false,
        }
    }

    fn stat(self) -> rustix::io::Result<Stat> {
        self.with(|fd| fstat(fd))
    }

    pub(crate) fn target(self) -> io::Result<Target> {
        self.with(Target::of)
    }
}

impl Target {
    /// What another one takes without delay when it says that it takes something.
    pub(crate) const LEAST: usize = 4096;

    fn of(fd: BorrowedFd<'_>) -> io::Result<Self> {
        let kind = FileType::from_raw_mode(fstat(fd)?.st_mode);
        if kind == FileType::Fifo {
            // An open file of our own: not to wait for room is no setting of those who share the
            // other one.
            let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
            let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
            if let Ok(fd) = rustix::fs::open(path, flags, Mode::empty()) {
                return Ok(Self { fd, is_ready: true });
            }
        }
        if rustix::termios::isatty(fd) {
            let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
            let flags = OFlags::WRONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
            // It may be another user's, as behind `su`.
            if let Ok(fd) = rustix::fs::open(path, flags, Mode::empty()) {
                return Ok(Self { fd, is_ready: true });
            }
        }
        let is_ready = kind == FileType::RegularFile;
        Ok(Self { fd: fcntl_dupfd_cloexec(fd, 3)?, is_ready })
    }
}
