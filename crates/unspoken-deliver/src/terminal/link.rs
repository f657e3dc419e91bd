//! The way between the monitor and the process in front.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use super::{Order, Report};

/// The end of the process in front.
#[derive(Debug)]
pub(crate) struct Link {
    stream: UnixStream,
    /// What was read of a report that is not whole yet.
    read: Vec<u8>,
    is_over: bool,
}

impl Link {
    /// Makes both ends: ours, and the monitor's.
    pub(crate) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = UnixStream::pair()?;
        Ok((Self { stream: ours, read: Vec::new(), is_over: false }, theirs.into()))
    }

    /// Waits for a report; `None` when there will be no more.
    pub(crate) fn report(&mut self) -> io::Result<Option<Report>> {
        loop {
            if let Some((report, length)) = Report::parse(&self.read)? {
                self.read.drain(..length);
                return Ok(Some(report));
            }
            let mut part = [0; 512];
            match self.stream.read(&mut part) {
                Ok(0) => {
                    self.is_over = true;
                    return Ok(None);
                }
                Ok(count) => self.read.extend_from_slice(part.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.is_over = true;
                    return Err(error);
                }
            }
        }
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
