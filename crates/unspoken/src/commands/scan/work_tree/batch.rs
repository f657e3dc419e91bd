//! Files that lie together, and how they are opened: by their names within the
//! folder, so that the way there is gone once.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use rustix::io::{Errno, retry_on_intr};

/// Some files of one folder.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) folder: PathBuf,
    /// Each with a zero behind it.
    names: Vec<u8>,
    count: usize,
}

/// A folder whose files are opened.
#[derive(Debug)]
pub(super) struct Folder<'a> {
    path: &'a Path,
    /// Who may not list a folder may read its files all the same, by their paths.
    open: Option<OwnedFd>,
}

/// A file that is read to its end.
#[derive(Debug)]
pub(super) struct Whole {
    file: File,
    /// How much is not read yet of what there was. `None` where nobody can say: a file
    /// of the kernel's own has no size, and one may have grown.
    left: Option<u64>,
    is_read: bool,
}

/// How many files are handed on together.
const MANY: usize = 64;

impl Batch {
    pub(super) fn of(folder: PathBuf) -> Self {
        Self { folder, names: Vec::new(), count: 0 }
    }

    pub(super) fn push(&mut self, name: &[u8]) {
        self.names.extend_from_slice(name);
        self.names.push(0);
        self.count += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn is_full(&self) -> bool {
        self.count >= MANY
    }

    /// What was gathered; the same folder is gathered on.
    pub(super) fn take(&mut self) -> Self {
        let next = Self::of(self.folder.clone());
        std::mem::replace(self, next)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &OsStr> {
        self.names.split(|&byte| byte == 0).filter(|name| !name.is_empty()).map(OsStr::from_bytes)
    }
}

impl<'a> Folder<'a> {
    pub(super) fn open(path: &'a Path) -> Self {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Self { path, open: openat(CWD, path, flags, Mode::empty()).ok() }
    }

    /// Opens one of its files.
    pub(super) fn file(&self, name: &OsStr) -> io::Result<Option<Whole>> {
        match &self.open {
            Some(folder) => {
                whole(retry_on_intr(|| openat(folder.as_fd(), name, FLAGS, Mode::empty())))
            }
            None => Whole::open(&self.path.join(name)),
        }
    }
}

const FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

impl Whole {
    /// Opens a file without waiting for whoever should write it. `None` for what is
    /// no file, or none any more.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        whole(retry_on_intr(|| openat(CWD, path, FLAGS, Mode::empty())))
    }
}

fn whole(opened: rustix::io::Result<OwnedFd>) -> io::Result<Option<Whole>> {
    match opened {
        Ok(file) => {
            let found = fstat(&file)?;
            let left = u64::try_from(found.st_size).ok().filter(|&size| size > 0);
            let is_file = FileType::from_raw_mode(found.st_mode).is_file();
            let file = File::from(file);
            Ok(is_file.then_some(Whole { file, left, is_read: false }))
        }
        // Nobody listens at a socket's name.
        Err(Errno::NOTDIR | Errno::LOOP | Errno::NXIO) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Read for Whole {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.is_read {
            return Ok(0);
        }
        let count = self.file.read(room)?;
        self.left = self.left.and_then(|left| left.checked_sub(count as u64));
        // The file has said so, and did not fill the room: it need not be asked again.
        self.is_read = self.left == Some(0) && count < room.len();
        Ok(count)
    }
}
