//! A folder that is in memory and ours alone.
//!
//! Rules:
//! - It is on tmpfs or ramfs, which is asked of the opened folder, not of a path.
//! - No link is followed on the way. Every folder on the way belongs to root or
//!   to us and can be changed by nobody else, or is sticky as `/dev/shm` is.
//! - What is missing is made, 0700, and only in memory: a refusal leaves nothing
//!   on a disk.
//! - The folder itself is ours and closed to others. A looser one is refused,
//!   not mended.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use thiserror::Error;

use super::MadeError;

/// An open folder in memory. Nobody else of ours works in it meanwhile.
#[derive(Debug)]
pub struct MemoryFolder {
    pub(super) fd: OwnedFd,
    pub(super) path: PathBuf,
    pub(super) user: u32,
}

/// Why a folder, or a file in it, is not used.
#[derive(Debug, Error)]
pub enum FolderError {
    #[error("`{}` is no absolute path without `..`", .path.display())]
    Path { path: PathBuf },
    #[error("`{}` is on a disk: secret files are written to memory alone", .path.display())]
    NotMemory { path: PathBuf },
    #[error("`{}` is a link, which is not followed", .path.display())]
    Link { path: PathBuf },
    #[error("`{}` is no folder", .path.display())]
    NotFolder { path: PathBuf },
    #[error("`{}` belongs to user {found} where it must belong to {required}", .path.display())]
    Owner { path: PathBuf, found: u32, required: u32 },
    #[error("`{}` is open to others: its mode is {found:04o}", .path.display())]
    Loose { path: PathBuf, found: u32 },
    #[error("`{}` is there already, and was not made by us", .path.display())]
    Foreign { path: PathBuf },
    #[error("`{}` is not our record of what was made: {error}", .path.display())]
    Record { path: PathBuf, error: MadeError },
    #[error("cannot {operation} `{}`", .path.display())]
    Io { operation: &'static str, path: PathBuf, source: io::Error },
}

/// Whether what is missing is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Missing {
    Make,
    Leave,
}

impl MemoryFolder {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a folder, and makes what is missing of it.
    pub fn create(path: &Path) -> Result<Self, FolderError> {
        match Self::walk(path, Missing::Make)? {
            Some(folder) => Ok(folder),
            None => Err(error("find", path, Errno::NOENT)),
        }
    }

    /// Opens a folder; `None` when there is none.
    pub fn find(path: &Path) -> Result<Option<Self>, FolderError> {
        Self::walk(path, Missing::Leave)
    }

    fn walk(path: &Path, missing: Missing) -> Result<Option<Self>, FolderError> {
        let user = rustix::process::geteuid().as_raw();
        let mut components = path.components();
        if components.next() != Some(Component::RootDir) {
            return Err(FolderError::Path { path: path.to_owned() });
        }
        let mut here = PathBuf::from("/");
        let mut loose = Ok(());
        let mut fd = open(CWD, OsStr::new("/")).map_err(|found| error("open", &here, found))?;
        for component in components {
            let Component::Normal(name) = component else {
                return Err(FolderError::Path { path: path.to_owned() });
            };
            // That it is on a disk is the better reason, where there are two.
            loose = loose.and_then(|()| judge_way(fd.as_fd(), &here, user));
            let parent = std::mem::take(&mut here);
            here = parent.join(name);
            let opened = match open(fd.as_fd(), name) {
                Err(Errno::NOENT) if missing == Missing::Leave => return Ok(None),
                Err(Errno::NOENT) => {
                    demand_memory(fd.as_fd(), &parent)?;
                    std::mem::replace(&mut loose, Ok(()))?;
                    make(fd.as_fd(), name).map_err(|found| error("make", &here, found))?;
                    open(fd.as_fd(), name)
                }
                opened => opened,
            };
            fd = match opened {
                Ok(opened) => opened,
                Err(Errno::LOOP | Errno::NOTDIR) => return Err(not_folder(fd.as_fd(), name, here)),
                Err(found) => return Err(error("open", &here, found)),
            };
        }
        demand_memory(fd.as_fd(), &here)?;
        loose?;
        judge_folder(fd.as_fd(), &here, user)?;
        rustix::fs::flock(&fd, FlockOperation::LockExclusive)
            .map_err(|found| error("lock", &here, found))?;
        Ok(Some(Self { fd, path: here, user }))
    }
}

pub(super) fn error(operation: &'static str, path: &Path, errno: Errno) -> FolderError {
    FolderError::Io { operation, path: path.to_owned(), source: errno.into() }
}

fn open(parent: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::empty())
}

fn make(parent: BorrowedFd<'_>, name: &OsStr) -> Result<(), Errno> {
    match rustix::fs::mkdirat(parent, name, Mode::RWXU) {
        // Somebody was faster; whether it will do is judged when it is opened.
        Err(Errno::EXIST) => Ok(()),
        made => made,
    }
}

/// A folder on the way: nobody but root and us may exchange what is in it.
fn judge_way(fd: BorrowedFd<'_>, path: &Path, user: u32) -> Result<(), FolderError> {
    let (owner, mode) = owner_and_mode(fd, path)?;
    if owner != 0 && owner != user {
        return Err(FolderError::Owner { path: path.to_owned(), found: owner, required: user });
    }
    if mode & 0o022 != 0 && mode & 0o1000 == 0 {
        return Err(FolderError::Loose { path: path.to_owned(), found: mode });
    }
    Ok(())
}

fn judge_folder(fd: BorrowedFd<'_>, path: &Path, user: u32) -> Result<(), FolderError> {
    let (owner, mode) = owner_and_mode(fd, path)?;
    if owner != user {
        return Err(FolderError::Owner { path: path.to_owned(), found: owner, required: user });
    }
    if mode & 0o077 != 0 {
        return Err(FolderError::Loose { path: path.to_owned(), found: mode });
    }
    Ok(())
}

fn owner_and_mode(fd: BorrowedFd<'_>, path: &Path) -> Result<(u32, u32), FolderError> {
    let found = rustix::fs::fstat(fd).map_err(|found| error("inspect", path, found))?;
    Ok((found.st_uid, Mode::from_raw_mode(found.st_mode).as_raw_mode() & 0o7777))
}

fn demand_memory(fd: BorrowedFd<'_>, path: &Path) -> Result<(), FolderError> {
    match is_memory(fd) {
        Ok(true) => Ok(()),
        Ok(false) => Err(FolderError::NotMemory { path: path.to_owned() }),
        Err(found) => Err(error("inspect", path, found)),
    }
}

#[cfg(target_os = "linux")]
fn is_memory(fd: BorrowedFd<'_>) -> Result<bool, Errno> {
    const TMPFS: u32 = 0x0102_1994;
    const RAMFS: u32 = 0x8584_58f6;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::unnecessary_cast,
        reason = "a number of 32 bits, in a type that differs between machines"
    )]
    let kind = rustix::fs::fstatfs(fd)?.f_type as u32;
    Ok([TMPFS, RAMFS].contains(&kind))
}

/// No other system has a file system that is known to be in memory.
#[cfg(not(target_os = "linux"))]
fn is_memory(_: BorrowedFd<'_>) -> Result<bool, Errno> {
    Ok(false)
}

/// Names what stands where a folder should. It is refused already, so looking
/// at it by name only words the error.
fn not_folder(parent: BorrowedFd<'_>, name: &OsStr, path: PathBuf) -> FolderError {
    let found = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW);
    match found.map(|found| FileType::from_raw_mode(found.st_mode)) {
        Ok(FileType::Symlink) => FolderError::Link { path },
        _ => FolderError::NotFolder { path },
    }
}
