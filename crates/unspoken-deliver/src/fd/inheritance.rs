//! A bundle that this process was handed: by a descriptor, by a variable, or in
//! a file.
//!
//! Rules:
//! - The descriptor wins. Of the listed ones, the first counts that is a pipe
//!   or a memory file of ours; everything else that is open there is somebody
//!   else's, and is neither read nor closed.
//! - What is read is closed, on all its numbers, so that no child inherits it.

use std::io;
use std::os::fd::{AsFd, IntoRawFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{FileType, SealFlags};
use rustix::io::{Errno, FdFlags};
use thiserror::Error;
use unspoken_wire::{Bundle, Descriptors};
use zeroize::{Zeroize as _, Zeroizing};

use super::descriptor::inherited;

/// The bytes of a bundle that was handed over.
pub struct Inheritance(Zeroizing<Vec<u8>>);

/// What is open on a descriptor that was listed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Listed {
    /// A pipe, or a memory file of ours.
    Ours,
    /// Something of somebody else's.
    Foreign,
    Closed,
}

/// Why there are none.
#[derive(Debug, Error)]
pub enum InheritanceError {
    #[error("none of the descriptors {descriptors} is a pipe of ours")]
    Gone { descriptors: Descriptors },
    #[error("cannot read the descriptor {number}")]
    Read { number: u16, source: io::Error },
    #[error("what is on the descriptor {number} is larger than {max} bytes", max = Bundle::MAX_BYTES)]
    TooLarge { number: u16 },
}

impl Inheritance {
    /// Has no program that this one starts inherit what is listed and ours.
    pub fn keep_to_ourselves(descriptors: &Descriptors) {
        for &number in descriptors.numbers() {
            let Some(descriptor) = inherited(number) else { continue };
            if is_ours(&descriptor) {
                // It is open, so it can be marked.
                let _ = rustix::io::fcntl_setfd(&descriptor, FdFlags::CLOEXEC);
            }
            let _ = descriptor.into_raw_fd();
        }
    }

    /// Looks at what is listed, and reads and closes nothing.
    pub fn look(descriptors: &Descriptors) -> Vec<(u16, Listed)> {
        let look = |&number: &u16| {
            let Some(descriptor) = inherited(number) else { return (number, Listed::Closed) };
            let found = if is_ours(&descriptor) { Listed::Ours } else { Listed::Foreign };
            // It stays open.
            let _ = descriptor.into_raw_fd();
            (number, found)
        };
        descriptors.numbers().iter().map(look).collect()
    }

    /// Reads what is on the first descriptor of ours, and closes it.
    pub fn take(descriptors: &Descriptors) -> Result<Self, InheritanceError> {
        let mut bundle: Option<(u16, OwnedFd)> = None;
        for &number in descriptors.numbers() {
            let Some(descriptor) = inherited(number) else { continue };
            match &bundle {
                None if is_ours(&descriptor) => bundle = Some((number, descriptor)),
                // Dropped, and so closed.
                Some((_, first)) if is_same(first, &descriptor) => {}
                // Stays open, for whoever it belongs to.
                _ => {
                    let _ = descriptor.into_raw_fd();
                }
            }
        }
        let Some((number, descriptor)) = bundle else {
            return Err(InheritanceError::Gone { descriptors: descriptors.clone() });
        };
        match read(&descriptor) {
            Ok(Some(bytes)) => Ok(Self(bytes)),
            Ok(None) => Err(InheritanceError::TooLarge { number }),
            Err(error) => Err(InheritanceError::Read { number, source: error.into() }),
        }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

fn is_ours(descriptor: &impl AsFd) -> bool {
    let kind = rustix::fs::fstat(descriptor).map(|stat| FileType::from_raw_mode(stat.st_mode));
    match kind {
        Ok(FileType::Fifo) => !is_held_at_both_ends(descriptor),
        // A file that can still be written is not one that we sealed.
        Ok(FileType::RegularFile) => rustix::fs::fcntl_get_seals(descriptor)
            .is_ok_and(|seals| seals.contains(SealFlags::SEAL | SealFlags::WRITE)),
        _ => false,
    }
}

/// Whether this process could write into the pipe that it would read. That is a
/// pipe of somebody's own, such as the job server of `make`: the writing end of
/// ours is with who sends.
fn is_held_at_both_ends(descriptor: &impl AsFd) -> bool {
    let Ok(own) = rustix::fs::fstat(descriptor) else { return false };
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return false };
    entries.flatten().any(|entry| {
        let path = entry.path();
        let is_same = std::fs::metadata(&path)
            .is_ok_and(|other| (other.dev(), other.ino()) == (own.st_dev, own.st_ino));
        // The permissions of the link say how it was opened.
        let writes = || std::fs::symlink_metadata(&path).is_ok_and(|link| link.mode() & 0o200 != 0);
        is_same && writes()
    })
}

fn is_same(one: &impl AsFd, other: &impl AsFd) -> bool {
    match (rustix::fs::fstat(one), rustix::fs::fstat(other)) {
        (Ok(one), Ok(other)) => (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino),
        _ => false,
    }
}

/// Reads to the end; `None` when there is too much. A memory file is read from
/// its beginning: where an earlier reader stopped is common to all.
fn read(descriptor: &OwnedFd) -> Result<Option<Zeroizing<Vec<u8>>>, Errno> {
    let stat = rustix::fs::fstat(descriptor)?;
    let positional = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    let mut bytes = Zeroizing::new(Vec::with_capacity(64 * 1024));
    let mut part = Zeroizing::new(vec![0; 64 * 1024]);
    loop {
        let result = if positional {
            rustix::io::pread(descriptor, part.as_mut_slice(), bytes.len() as u64)
        } else {
            rustix::io::read(descriptor, part.as_mut_slice())
        };
        let count = match result {
            Ok(0) => return Ok(Some(bytes)),
            Ok(count) => count,
            Err(Errno::INTR) => continue,
            // Who had it before may have set it so, and what is set counts for everybody.
            Err(Errno::AGAIN) => {
                wait(descriptor)?;
                continue;
            }
            Err(error) => return Err(error),
        };
        if bytes.len() + count > Bundle::MAX_BYTES {
            return Ok(None);
        }
        push(&mut bytes, part.get(..count).unwrap_or_default());
    }
}

/// Waits until there is something to read, or the end.
fn wait(descriptor: &OwnedFd) -> Result<(), Errno> {
    match poll(&mut [PollFd::new(descriptor, PollFlags::IN)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Adds bytes, and wipes the place that they move from.
fn push(bytes: &mut Zeroizing<Vec<u8>>, part: &[u8]) {
    if bytes.len() + part.len() > bytes.capacity() {
        let mut roomy = Vec::with_capacity(2 * bytes.capacity() + part.len());
        roomy.extend_from_slice(bytes);
        bytes.zeroize();
        **bytes = roomy;
    }
    bytes.extend_from_slice(part);
}

impl std::fmt::Debug for Inheritance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inheritance([REDACTED])")
    }
}
