//! Reading files that somebody else may have put there.
//!
//! Rules:
//! - A file is judged by its descriptor, once it is open. Nothing is checked by
//!   name first, so there is no moment in between that could be used.
//! - A symbolic link is not followed, a pipe is not waited for.
//! - Every read has a bound, and memory is taken for what is there.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::fd::BorrowedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use zeroize::Zeroizing;

use crate::{FileError, Operation};

/// An open regular file that was not reached over a link of its own.
#[derive(Debug)]
pub(crate) struct RegularFile {
    file: File,
    metadata: Metadata,
    path: PathBuf,
}

/// Reads a regular file of at most `limit` bytes, without following a link.
pub fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let mut bytes = RegularFile::open(path)?.read(limit)?;
    Ok(std::mem::take(&mut *bytes))
}

impl RegularFile {
    pub(crate) fn open(path: &Path) -> Result<Self, FileError> {
        Self::open_at(CWD, path, path.to_owned(), OFlags::RDONLY, Mode::empty())
    }

    /// Opens `name` in `folder`; `path` is what an error calls it.
    pub(crate) fn open_at(
        folder: BorrowedFd<'_>,
        name: &Path,
        path: PathBuf,
        access: OFlags,
        mode: Mode,
    ) -> Result<Self, FileError> {
        let careful = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let open = || rustix::fs::openat(folder, name, access | careful, mode);
        let opened = rustix::io::retry_on_intr(open);
        let file = File::from(opened.map_err(|error| FileError::from_open(&path, error))?);
        let metadata =
            file.metadata().map_err(|error| FileError::new(Operation::Inspect, &path, error))?;
        if metadata.is_file() {
            Ok(Self { file, metadata, path })
        } else {
            Err(FileError::NotRegular { path })
        }
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn owner(&self) -> u32 {
        self.metadata.uid()
    }

    /// How many names the file had when it was opened.
    pub(crate) fn links(&self) -> u64 {
        self.metadata.nlink()
    }

    /// The permission bits.
    pub(crate) fn mode(&self) -> u32 {
        self.metadata.mode() & 0o7777
    }

    /// Whether the file is the one that `path` names now.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        let identity = |metadata: &Metadata| (metadata.dev(), metadata.ino());
        path.symlink_metadata().is_ok_and(|now| identity(&now) == identity(&self.metadata))
    }

    /// Reads all of it into one piece of memory that is never moved, so that
    /// wiping it leaves no copy.
    pub(crate) fn read(mut self, limit: u64) -> Result<Zeroizing<Vec<u8>>, FileError> {
        let found = self.metadata.len();
        let room = usize::try_from(found).ok().filter(|_| found <= limit);
        let Some(room) = room.and_then(|room| room.checked_add(1)) else {
            return Err(FileError::TooLarge { path: self.path, limit, found });
        };
        let mut bytes = Zeroizing::new(vec![0; room]);
        let mut filled = 0;
        loop {
            match self.file.read(&mut bytes[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(FileError::new(Operation::Read, &self.path, error)),
            }
        }
        if filled == room {
            return Err(FileError::Changed { path: self.path });
        }
        bytes.truncate(filled);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    #[test]
    fn only_a_regular_file_within_the_bound_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("plain"), "12345").unwrap();
        fs::write(at("empty"), "").unwrap();
        symlink(at("plain"), at("link")).unwrap();
        symlink(at("nothing"), at("dangling")).unwrap();
        fs::create_dir(at("folder")).unwrap();
        // With a blocking open this would hang for want of a writer.
        assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());

        assert_eq!(read_limited(&at("plain"), 5).unwrap(), b"12345");
        assert_eq!(read_limited(&at("empty"), 0).unwrap(), b"");
        assert!(matches!(
            read_limited(&at("plain"), 4).unwrap_err(),
            FileError::TooLarge { limit: 4, found: 5, .. }
        ));
        for name in ["link", "dangling"] {
            let error = read_limited(&at(name), 9).unwrap_err();
            assert!(matches!(error, FileError::Symlink { path } if path == at(name)));
        }
        for name in ["folder", "pipe"] {
            let error = read_limited(&at(name), 9).unwrap_err();
            assert!(matches!(error, FileError::NotRegular { path } if path == at(name)));
        }
        let error = read_limited(&at("absent"), 9).unwrap_err();
        assert!(matches!(error, FileError::NotFound { path } if path == at("absent")));
    }

    #[test]
    fn a_large_file_is_refused_before_memory_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sparse");
        File::create(&path).unwrap().set_len(1 << 50).unwrap_or_else(|_| {
            // Some file systems end earlier.
            File::create(&path).unwrap().set_len(1 << 40).unwrap();
        });

        let error = read_limited(&path, 1 << 20).unwrap_err();
        assert!(matches!(error, FileError::TooLarge { limit: 1_048_576, .. }));
    }

    #[test]
    fn a_file_that_grows_meanwhile_is_not_cut_short() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "old").unwrap();
        let opened = RegularFile::open(&path).unwrap();
        fs::write(&path, "old and new").unwrap();

        assert!(matches!(opened.read(100).unwrap_err(), FileError::Changed { .. }));
    }
}
