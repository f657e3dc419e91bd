//! Folders and files that nobody but us may read.
//!
//! Rules:
//! - A folder is 0700, a file 0600, both are ours. Anything looser is refused,
//!   not mended: whoever could read it may have done so already.
//! - A link is refused in the place of the folder and of each file.
//! - A folder is opened once; what is in it is reached through that descriptor,
//!   so it cannot be exchanged between a check and a use.
//! - A file has its mode from its first byte.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use thiserror::Error;
use unspoken_model::KeyStubError;
use zeroize::Zeroizing;

use crate::file_error::if_found;
use crate::regular_file::RegularFile;
use crate::temporary::{Temporary, remove_leftovers};
use crate::{CommandError, FileError, KeychainError, Operation};

const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// An open folder that is ours alone.
#[derive(Debug)]
pub(crate) struct PrivateFolder {
    fd: OwnedFd,
    path: PathBuf,
    user: u32,
}

/// What came of writing a file that must not replace another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Written {
    New,
    /// The same bytes were there already.
    Unchanged,
}

/// Why a private folder or file is not used.
#[derive(Debug, Error)]
pub enum PrivateError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(
        "`{}` is open to others: its mode is {found:04o} where it must be {required:04o}",
        .path.display()
    )]
    Loose { path: PathBuf, found: u32, required: u32 },
    #[error("`{}` belongs to user {found} where it must belong to {required}", .path.display())]
    Owner { path: PathBuf, found: u32, required: u32 },
    #[error("`{}` holds another key already", .path.display())]
    Different { path: PathBuf },
    /// Keys come from commands as well.
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error(
        "`{}` does not say which entry of the keychain its key is{}",
        .path.display(), .error.map_or(String::new(), |error| format!(": {error}"))
    )]
    Stub { path: PathBuf, error: Option<KeyStubError> },
    #[error("the key of `{}` is in the keychain", .path.display())]
    Keychain { path: PathBuf, source: KeychainError },
}

/// Reads one private file, wherever it lies; `None` when there is none.
pub(crate) fn read_private(
    path: &Path,
    user: u32,
) -> Result<Option<Zeroizing<Vec<u8>>>, PrivateError> {
    read_at(CWD, path, path, (user, PrivateFolder::LIMIT))
}

impl PrivateFolder {
    /// How much of a private file is read.
    pub(crate) const LIMIT: u64 = 64 * 1024;

    /// Opens a folder of `user`'s; `None` when there is none.
    pub(crate) fn open(path: &Path, user: u32) -> Result<Option<Self>, PrivateError> {
        Self::open_at(CWD, path, path.to_owned(), user)
    }

    /// Opens a folder in this one; `None` when there is none.
    pub(crate) fn folder(&self, name: &OsStr) -> Result<Option<Self>, PrivateError> {
        Self::open_at(self.fd.as_fd(), Path::new(name), self.path.join(name), self.user)
    }

    /// Makes a folder in this one, unless it is there.
    pub(crate) fn create_folder(&self, name: &OsStr) -> Result<Self, PrivateError> {
        let path = self.path.join(name);
        let mode = Mode::from_raw_mode(0o700);
        match rustix::fs::mkdirat(&self.fd, name, mode) {
            // A key that is lost in a crash is lost with all that it sealed.
            Ok(()) => rustix::fs::fsync(&self.fd)
                .map_err(|error| FileError::new(Operation::Sync, &self.path, error))?,
            Err(Errno::EXIST) => {}
            Err(error) => return Err(FileError::new(Operation::Create, &path, error).into()),
        }
        Ok(self.folder(name)?.ok_or(FileError::NotFound { path })?)
    }

    /// Reads a file in this folder; `None` when there is none.
    pub(crate) fn read(&self, name: &OsStr) -> Result<Option<Zeroizing<Vec<u8>>>, PrivateError> {
        self.read_large(name, Self::LIMIT)
    }

    /// Reads a file that is larger than usual; `None` when there is none.
    pub(crate) fn read_large(
        &self,
        name: &OsStr,
        limit: u64,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, PrivateError> {
        read_at(self.fd.as_fd(), Path::new(name), &self.path.join(name), (self.user, limit))
    }

    /// The names of everything in this folder, sorted.
    pub(crate) fn names(&self) -> Result<Vec<OsString>, PrivateError> {
        let error = |error| FileError::new(Operation::List, &self.path, error);
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd).map_err(error)? {
            let entry = entry.map_err(error)?;
            names.push(OsString::from_vec(entry.file_name().to_bytes().to_vec()));
        }
        names.retain(|name| name != "." && name != "..");
        names.sort();
        Ok(names)
    }

    /// Writes a file that is not there, never over one that is. The same
    /// content twice is no mistake.
    pub(crate) fn write_new(&self, name: &OsStr, bytes: &[u8]) -> Result<Written, PrivateError> {
        let path = self.path.join(name);
        if let Some(old) = self.read(name)? {
            return unchanged(&old, bytes, path);
        }
        remove_leftovers(self.fd.as_fd(), name);
        let mode = Mode::from_raw_mode(0o600);
        let mut temporary = Temporary::create(self.fd.as_fd(), &self.path, name, mode)?;
        temporary.write(bytes)?;
        if temporary.place_new()? {
            return Ok(Written::New);
        }
        // Somebody was faster: what counts is whether it is the same.
        match self.read(name)? {
            Some(old) => unchanged(&old, bytes, path),
            None => Err(FileError::Changed { path }.into()),
        }
    }

    /// Writes a file over whatever file was there.
    pub(crate) fn replace(&self, name: &OsStr, bytes: &[u8]) -> Result<(), PrivateError> {
        remove_leftovers(self.fd.as_fd(), name);
        let mode = Mode::from_raw_mode(0o600);
        let mut temporary = Temporary::create(self.fd.as_fd(), &self.path, name, mode)?;
        temporary.write(bytes)?;
        Ok(temporary.replace()?)
    }

    /// Removes what killed writers of a file left beside it.
    pub(crate) fn sweep(&self, name: &OsStr) {
        remove_leftovers(self.fd.as_fd(), name);
    }

    /// Opens a file to read and write it, and makes it where it is missing.
    pub(crate) fn open_file(&self, name: &OsStr) -> Result<RegularFile, PrivateError> {
        let (path, access) = (self.path.join(name), OFlags::RDWR | OFlags::CREATE);
        let mode = Mode::from_raw_mode(0o600);
        let file = RegularFile::open_at(self.fd.as_fd(), Path::new(name), path, access, mode)?;
        judge(&self.path.join(name), (file.owner(), self.user), (file.mode(), FILE_MODE))?;
        Ok(file)
    }

    /// Removes a file; `false` when there was none.
    pub(crate) fn remove(&self, name: &OsStr) -> Result<bool, PrivateError> {
        let error = |error| FileError::new(Operation::Remove, &self.path.join(name), error).into();
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) => {}
            Err(Errno::NOENT) => return Ok(false),
            Err(found) => return Err(error(found)),
        }
        rustix::fs::fsync(&self.fd).map_err(error)?;
        Ok(true)
    }

    fn open_at(
        parent: BorrowedFd<'_>,
        name: &Path,
        path: PathBuf,
        user: u32,
    ) -> Result<Option<Self>, PrivateError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = match rustix::fs::openat(parent, name, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NOTDIR) => return Err(not_folder(parent, name, path).into()),
            Err(error) => return Err(FileError::from_open(&path, error).into()),
        };
        let file = File::from(fd);
        let metadata =
            file.metadata().map_err(|error| FileError::new(Operation::Inspect, &path, error))?;
        judge(&path, (metadata.uid(), user), (metadata.mode() & 0o7777, FOLDER_MODE))?;
        Ok(Some(Self { fd: file.into(), path, user }))
    }
}

fn read_at(
    folder: BorrowedFd<'_>,
    name: &Path,
    path: &Path,
    (user, limit): (u32, u64),
) -> Result<Option<Zeroizing<Vec<u8>>>, PrivateError> {
    let opened = RegularFile::open_at(folder, name, path.to_owned(), OFlags::RDONLY, Mode::empty());
    let Some(file) = if_found(opened)? else { return Ok(None) };
    judge(path, (file.owner(), user), (file.mode(), FILE_MODE))?;
    Ok(Some(file.read(limit)?))
}

/// Compares what is found with what is required: the owner, then the mode.
fn judge(path: &Path, owner: (u32, u32), mode: (u32, u32)) -> Result<(), PrivateError> {
    if owner.0 != owner.1 {
        return Err(PrivateError::Owner {
            path: path.to_owned(),
            found: owner.0,
            required: owner.1,
        });
    }
    if mode.0 & 0o077 != 0 {
        return Err(PrivateError::Loose { path: path.to_owned(), found: mode.0, required: mode.1 });
    }
    Ok(())
}

/// Names what stands where a folder should. It is refused already, so looking
/// at it by name only words the error.
fn not_folder(parent: BorrowedFd<'_>, name: &Path, path: PathBuf) -> FileError {
    let found = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW);
    match found.map(|found| FileType::from_raw_mode(found.st_mode)) {
        Ok(FileType::Symlink) => FileError::Symlink { path },
        _ => FileError::NotFolder { path },
    }
}

fn unchanged(old: &[u8], new: &[u8], path: PathBuf) -> Result<Written, PrivateError> {
    if old == new { Ok(Written::Unchanged) } else { Err(PrivateError::Different { path }) }
}
