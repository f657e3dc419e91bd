//! What a bundle is sent through: a pipe, or a memory file when it has to be
//! read more than once.
//!
//! Rules:
//! - What the pipe's buffer takes is written before the receiver starts. When
//!   that is all, nobody has to stay behind to write.
//! - Whatever has been written is wiped here.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::fs::{MemfdFlags, OFlags, SealFlags};
use rustix::io::Errno;
use rustix::pipe::PipeFlags;
use thiserror::Error;
use zeroize::{Zeroize as _, Zeroizing};

/// What a bundle is sent through.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ChannelKind {
    /// Read once, by one process.
    #[default]
    Pipe,
    /// Sealed memory that stays readable, for every descendant too.
    Memory,
}

/// An end to read from, and what is still to be written.
pub struct Channel {
    pub(crate) read: OwnedFd,
    rest: Option<Rest>,
}

/// What a pipe did not take yet.
pub(crate) struct Rest {
    pub(crate) write: OwnedFd,
    bytes: Zeroizing<Vec<u8>>,
    written: usize,
}

/// How far a writing came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Filled {
    /// There is room for no more at present.
    Partly,
    /// Everything is written, or nobody reads any more.
    Done,
}

/// Why there is nothing to send through.
#[derive(Debug, Error)]
pub enum ChannelError {
    #[error("cannot make a pipe")]
    Pipe { source: io::Error },
    #[error("cannot make a memory file")]
    Memory { source: io::Error },
}

impl Channel {
    /// Up to here a pipe's buffer may grow without privilege.
    const LARGEST_BUFFER: usize = 1024 * 1024;
    const USUAL_BUFFER: usize = 64 * 1024;
    /// By this name a reader tells a memory file of ours.
    const NAME: &str = "unspoken";

    /// Makes a channel and puts as much of the bundle into it as it takes.
    pub fn new(kind: ChannelKind, bundle: Zeroizing<Vec<u8>>) -> Result<Self, ChannelError> {
        match kind {
            ChannelKind::Pipe => Self::pipe(bundle).map_err(|source| ChannelError::Pipe { source }),
            ChannelKind::Memory => {
                Self::memory(&bundle).map_err(|source| ChannelError::Memory { source })
            }
        }
    }

    /// Whether everything is in it, so that nobody has to write on.
    pub fn is_full(&self) -> bool {
        self.rest.is_none()
    }

    pub(crate) fn into_parts(self) -> (OwnedFd, Option<Rest>) {
        (self.read, self.rest)
    }

    fn pipe(bytes: Zeroizing<Vec<u8>>) -> io::Result<Self> {
        let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        // Of the writing end alone: the two ends are two open files.
        rustix::fs::fcntl_setfl(&write, OFlags::NONBLOCK)?;
        if (Self::USUAL_BUFFER + 1..=Self::LARGEST_BUFFER).contains(&bytes.len()) {
            // Where it is not granted, somebody writes on.
            let _ = rustix::pipe::fcntl_setpipe_size(&write, bytes.len());
        }
        let mut rest = Rest { write, bytes, written: 0 };
        let rest = match rest.fill()? {
            Filled::Done => None,
            Filled::Partly => Some(rest),
        };
        Ok(Self { read, rest })
    }

    fn memory(bytes: &[u8]) -> io::Result<Self> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        // Where it is known it may be demanded: a system can refuse memory that could be executed.
        let file = match rustix::fs::memfd_create(Self::NAME, flags | MemfdFlags::NOEXEC_SEAL) {
            Err(Errno::INVAL) => rustix::fs::memfd_create(Self::NAME, flags)?,
            made => made?,
        };
        let mut written = 0;
        while let Some(left @ [_, ..]) = bytes.get(written..) {
            let at = u64::try_from(written).map_err(io::Error::other)?;
            written += rustix::io::pwrite(&file, left, at)?;
        }
        let all = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
        rustix::fs::fcntl_add_seals(&file, all)?;
        Ok(Self { read: file, rest: None })
    }
}

impl Rest {
    /// Writes as much as there is room for.
    pub(crate) fn fill(&mut self) -> io::Result<Filled> {
        while let Some(left @ [_, ..]) = self.bytes.get_mut(self.written..) {
            match rustix::io::write(self.write.as_fd(), left) {
                Ok(count) => {
                    if let Some(done) = left.get_mut(..count) {
                        done.zeroize();
                    }
                    self.written += count;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(Filled::Partly),
                // The receiver does not want it, or has ended.
                Err(Errno::PIPE) => return Ok(Filled::Done),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Filled::Done)
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").field("is_full", &self.is_full()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn channel(kind: ChannelKind, bytes: usize) -> Channel {
        Channel::new(kind, Zeroizing::new(vec![b'x'; bytes])).unwrap()
    }

    #[test]
    fn a_pipe_takes_a_megabyte_and_the_rest_waits() {
        for bytes in [0, 1, 65_536, 65_537, 1_000_000] {
            let (read, rest) = channel(ChannelKind::Pipe, bytes).into_parts();
            assert!(rest.is_none(), "{bytes}");
            let mut found = Vec::new();
            std::fs::File::from(read).read_to_end(&mut found).unwrap();
            assert_eq!(found.len(), bytes);
        }
        let (read, rest) = channel(ChannelKind::Pipe, 3_000_000).into_parts();
        let mut rest = rest.unwrap();
        let reader = std::thread::spawn(move || {
            let mut found = Vec::new();
            std::fs::File::from(read).read_to_end(&mut found).unwrap();
            found
        });
        while rest.fill().unwrap() == Filled::Partly {
            std::thread::yield_now();
        }
        drop(rest);
        assert_eq!(reader.join().unwrap().len(), 3_000_000);
    }

    #[test]
    fn a_reader_that_has_gone_ends_the_writing() {
        let (read, rest) = channel(ChannelKind::Pipe, 3_000_000).into_parts();
        drop(read);
        let mut rest = rest.unwrap();
        // A process that another test starts at this moment has the end for a moment, too.
        let done = |_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            rest.fill().unwrap() == Filled::Done
        };
        assert!((0..500).any(done));
    }

    #[test]
    fn a_memory_file_is_whole_and_cannot_be_changed() {
        let (read, rest) = channel(ChannelKind::Memory, 3_000_000).into_parts();
        assert!(rest.is_none());
        assert_eq!(rustix::fs::fstat(&read).unwrap().st_size, 3_000_000);
        assert_eq!(rustix::io::pwrite(&read, b"y", 0).unwrap_err(), Errno::PERM);
        assert!(rustix::fs::ftruncate(&read, 0).is_err());
    }
}
