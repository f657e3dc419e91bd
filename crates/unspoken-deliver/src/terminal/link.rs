//! The way between the monitor and the process in front.

use std::io::{self, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use super::{Order, Report};

/// The end of the process in front.
#[derive(Debug)]
pub(crate) struct Link {
    stream: UnixStream,
    is_over: bool,
}

impl Link {
    /// Makes both ends: ours, and the monitor's.
    pub(crate) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = UnixStream::pair()?;
        Ok((Self { stream: ours, is_over: false }, theirs.into()))
    }

    /// Waits for a report, and reads no more than that: what comes behind it is told
    /// by [`Link::says`]. `None` when there will be no more.
    pub(crate) fn report(&mut self) -> io::Result<Option<Report>> {
        let read = Report::read(&mut self.stream);
        self.is_over = !matches!(read, Ok(Some(_)));
        read
    }

    pub(crate) fn order(&self, order: Order) {
        // Where it fails, there is no monitor any more, which is told in another way.
        let _ = (&self.stream).write_all(&order.print());
    }

    /// Becomes readable with a report, until there will be no more.
    pub(crate) fn says(&self) -> Option<BorrowedFd<'_>> {
        (!self.is_over).then(|| self.stream.as_fd())
    }
}
