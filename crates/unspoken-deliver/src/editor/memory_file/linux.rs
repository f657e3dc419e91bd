//! A file in memory, for the one child that inherits its descriptor.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use zeroize::Zeroizing;

use super::EditorError;

/// What the kernel calls the file. An editor that follows the link by its text
/// would make a file of that path; with a slash in it there is no folder for one.
const NAME: &str = "unspoken/edit";

/// An anonymous file that is overwritten before it goes.
#[derive(Debug)]
pub(super) struct MemoryFile {
    file: File,
}

/// Whether a child could open such a file.
pub(super) fn check() -> Result<(), EditorError> {
    // Without `/proc` a descriptor has no path.
    let found = std::fs::symlink_metadata("/proc/self/fd");
    found.map(drop).map_err(|source| EditorError::Memory { source })
}

impl MemoryFile {
    pub(super) fn create(text: &[u8]) -> io::Result<Self> {
        let file = Self { file: File::from(open()?) };
        file.file.write_all_at(text, 0)?;
        Ok(file)
    }

    /// What the child opens: its own descriptor, of the same number.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }

    /// Has a child inherit the descriptor: the one that is started meanwhile.
    pub(super) fn lend<T>(&self, start: impl FnOnce() -> T) -> io::Result<T> {
        fcntl_setfd(&self.file, FdFlags::empty())?;
        let started = start();
        fcntl_setfd(&self.file, FdFlags::CLOEXEC)?;
        Ok(started)
    }

    pub(super) fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Reads that many bytes into memory that never moves.
    pub(super) fn read(&self, length: u64) -> io::Result<Zeroizing<Vec<u8>>> {
        let length = usize::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let mut bytes = Zeroizing::new(vec![0; length]);
        self.file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// The editor may have left a process that still holds the descriptor.
    fn wipe(&self) -> io::Result<()> {
        static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
        let length = self.length()?;
        let mut at = 0;
        while at < length {
            let count = (length - at).min(ZEROS.len() as u64);
            let zeros = ZEROS.get(..usize::try_from(count).unwrap_or(0)).unwrap_or(&ZEROS);
            self.file.write_all_at(zeros, at)?;
            at += count;
        }
        self.file.set_len(0)
    }
}

/// Nobody executes a text; some systems demand that this is said, and kernels
/// before 6.3 do not know how.
fn open() -> rustix::io::Result<OwnedFd> {
    match memfd_create(NAME, MemfdFlags::CLOEXEC | MemfdFlags::NOEXEC_SEAL) {
        Err(Errno::INVAL) => memfd_create(NAME, MemfdFlags::CLOEXEC),
        opened => opened,
    }
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        // The kernel clears the pages before anybody else gets them.
        let _ = self.wipe();
    }
}
