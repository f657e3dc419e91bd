//! One file for each secret, in a folder that is in memory.
//!
//! Rules:
//! - Everything is looked at before anything is written: a refusal leaves what
//!   was there.
//! - A file appears whole, under its name and with its mode, or not at all.
//! - Only what the record names is replaced or removed, and only a regular file.
//!   The record is ahead of the files, so that none is ours without it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::str::FromStr;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use thiserror::Error;
use unspoken_model::SecretName;
use unspoken_seal::SecretSet;

use super::memory_folder::error;
use super::{Composition, FolderError, Made, MemoryFolder};

/// The mode of each file. A container sees the file with this mode and with its
/// owner's number; the folder above, which it does not see, keeps others on this
/// machine out.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FileMode {
    /// 0400: for containers whose user has our number, or is root.
    #[default]
    Owner,
    /// 0440: and our group.
    Group,
    /// 0444: for containers that run as any user.
    Everybody,
}

/// A text that is no [`FileMode`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the mode of a secret file is 400, 440 or 444")]
pub struct FileModeError;

impl FileMode {
    fn mode(self) -> Mode {
        match self {
            Self::Owner => Mode::RUSR,
            Self::Group => Mode::RUSR | Mode::RGRP,
            Self::Everybody => Mode::RUSR | Mode::RGRP | Mode::ROTH,
        }
    }
}

impl FromStr for FileMode {
    type Err = FileModeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix('0').unwrap_or(text) {
            "400" => Ok(Self::Owner),
            "440" => Ok(Self::Group),
            "444" => Ok(Self::Everybody),
            _ => Err(FileModeError),
        }
    }
}

impl MemoryFolder {
    /// The record of what was made. No secret's name begins with a full stop.
    const RECORD: &str = ".unspoken-made";

    /// A file that is being written.
    const DRAFT: &str = ".unspoken-draft";

    /// Writes what a composition gives to its services, removes what an earlier
    /// one had and this one has not, and wipes the set.
    #[expect(clippy::needless_pass_by_value, reason = "a sink ends the life of the set")]
    pub fn place(
        &self,
        composition: &Composition,
        set: SecretSet,
        mode: FileMode,
    ) -> Result<(), FolderError> {
        let names: BTreeSet<SecretName> = composition.names().into_iter().cloned().collect();
        let earlier = self.read_record()?.unwrap_or_default().0;
        for name in &names {
            match self.kind(name.as_str())? {
                None => {}
                Some(FileType::RegularFile) if earlier.contains(name) => {}
                Some(_) => {
                    return Err(FolderError::Foreign { path: self.path.join(name.as_str()) });
                }
            }
        }
        self.write_record(&Made(earlier.union(&names).cloned().collect()))?;
        for name in &names {
            let bytes = set.get(name).map_or("", |secret| secret.expose()).as_bytes();
            self.write(name.as_str(), bytes, mode.mode())?;
        }
        for name in earlier.difference(&names) {
            self.remove_file(name.as_str())?;
        }
        self.write_record(&Made(names))
    }

    /// Removes what was made, and the folder with it when nothing else is in it.
    /// Gives the number of secrets that were there.
    pub fn clear(self) -> Result<usize, FolderError> {
        let Some(made) = self.read_record()? else { return Ok(0) };
        let mut count = 0;
        for name in &made.0 {
            count += usize::from(self.remove_file(name.as_str())?);
        }
        self.remove_file(Self::DRAFT)?;
        self.remove_file(Self::RECORD)?;
        // What is not empty holds somebody else's files, and stays.
        let _ = std::fs::remove_dir(&self.path);
        Ok(count)
    }

    fn read_record(&self) -> Result<Option<Made>, FolderError> {
        let path = self.path.join(Self::RECORD);
        match self.kind(Self::RECORD)? {
            None => return Ok(None),
            Some(FileType::RegularFile) => {}
            Some(_) => return Err(FolderError::Foreign { path }),
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&self.fd, Self::RECORD, flags, Mode::empty());
        let file = File::from(opened.map_err(|found| error("open", &path, found))?);
        let mut bytes = Vec::new();
        file.take(Made::MAX_BYTES).read_to_end(&mut bytes).map_err(|source| FolderError::Io {
            operation: "read",
            path: path.clone(),
            source,
        })?;
        match Made::parse(&bytes) {
            Ok(made) => Ok(Some(made)),
            Err(error) => Err(FolderError::Record { path, error }),
        }
    }

    fn write_record(&self, made: &Made) -> Result<(), FolderError> {
        self.write(Self::RECORD, made.print().as_bytes(), Mode::RUSR | Mode::WUSR)
    }

    /// Writes a file over whatever file was there.
    fn write(&self, name: &str, bytes: &[u8], mode: Mode) -> Result<(), FolderError> {
        let path = self.path.join(name);
        // A killed writer's; nobody else writes now.
        self.remove_file(Self::DRAFT)?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let draft = rustix::fs::openat(&self.fd, Self::DRAFT, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|found| error("create", &path, found))?;
        let written = self.fill(draft, bytes, mode, &path).and_then(|()| {
            rustix::fs::renameat(&self.fd, Self::DRAFT, &self.fd, name)
                .map_err(|found| error("replace", &path, found))
        });
        if written.is_err() {
            // The first error is the one to tell.
            let _ = self.remove_file(Self::DRAFT);
        }
        written
    }

    fn fill(&self, fd: OwnedFd, bytes: &[u8], mode: Mode, path: &Path) -> Result<(), FolderError> {
        let mut file = File::from(fd);
        file.write_all(bytes).map_err(|source| FolderError::Io {
            operation: "write",
            path: path.to_owned(),
            source,
        })?;
        // Whatever the mask of this process takes away.
        rustix::fs::fchmod(&file, mode).map_err(|found| error("set the mode of", path, found))
    }

    /// Removes a regular file; `false` when there was none. Anything else stays.
    fn remove_file(&self, name: &str) -> Result<bool, FolderError> {
        if self.kind(name)? != Some(FileType::RegularFile) {
            return Ok(false);
        }
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(found) => Err(error("remove", &self.path.join(name), found)),
        }
    }

    /// What has a name; a link itself, not where it leads.
    fn kind(&self, name: &str) -> Result<Option<FileType>, FolderError> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) if found.st_uid != self.user => {
                Err(FolderError::Foreign { path: self.path.join(name) })
            }
            Ok(found) => Ok(Some(FileType::from_raw_mode(found.st_mode))),
            Err(Errno::NOENT) => Ok(None),
            Err(found) => Err(error("inspect", &self.path.join(name), found)),
        }
    }
}
