//! Files on their way: written beside their target, then moved over it.
//!
//! Rules:
//! - A file on its way is named `.<target>.<pid>-<n>.tmp`, so that the writer
//!   can be told and, once it is dead, its leftovers be removed.
//! - It is created exclusively, with its mode, and gone again when anything
//!   fails before it stands in its place.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use rustix::process::Pid;

use crate::{FileError, Operation};

/// How many names are tried before giving up. Each taken one is a leftover of
/// a killed process that had our id.
const ATTEMPTS: u32 = 1000;

/// A new file that has not reached its place yet.
#[derive(Debug)]
pub(crate) struct Temporary<'a> {
    folder: BorrowedFd<'a>,
    name: OsString,
    target: &'a OsStr,
    /// What an error calls the target.
    path: PathBuf,
    file: File,
    is_in_place: bool,
}

impl<'a> Temporary<'a> {
    /// Creates an empty file beside `target` in `folder`, which errors call
    /// `folder_path`.
    pub(crate) fn create(
        folder: BorrowedFd<'a>,
        folder_path: &Path,
        target: &'a OsStr,
        mode: Mode,
    ) -> Result<Self, FileError> {
        let path = folder_path.join(target);
        let flags = OFlags::WRONLY
            | OFlags::CREATE
            | OFlags::EXCL
            | OFlags::NOFOLLOW
            | OFlags::NOCTTY
            | OFlags::CLOEXEC;
        let mut last = Errno::EXIST;
        for attempt in 0..ATTEMPTS {
            let name = name_of(target, std::process::id(), attempt);
            match rustix::fs::openat(folder, &name, flags, mode) {
                Ok(fd) => {
                    let file = File::from(fd);
                    return Ok(Self { folder, name, target, path, file, is_in_place: false });
                }
                Err(Errno::EXIST | Errno::INTR) => {}
                Err(error) => {
                    last = error;
                    break;
                }
            }
        }
        Err(FileError::new(Operation::Create, &path, last))
    }

    /// Sets the mode against the process's mask.
    pub(crate) fn set_mode(&self, mode: Mode) -> Result<(), FileError> {
        rustix::fs::fchmod(&self.file, mode)
            .map_err(|error| FileError::new(Operation::Create, &self.path, error))
    }

    /// Writes all bytes and has them on the disk when it returns.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.file
            .write_all(bytes)
            .map_err(|error| FileError::new(Operation::Write, &self.path, error))?;
        self.file.sync_all().map_err(|error| FileError::new(Operation::Sync, &self.path, error))
    }

    /// Puts the file in the place of whatever file is there.
    pub(crate) fn replace(mut self) -> Result<(), FileError> {
        rustix::fs::renameat(self.folder, &self.name, self.folder, self.target)
            .map_err(|error| FileError::new(Operation::Rename, &self.path, error))?;
        self.is_in_place = true;
        self.sync_folder()
    }

    /// Puts the file in its place if nothing is there; says whether it did.
    pub(crate) fn place_new(mut self) -> Result<bool, FileError> {
        let flags = RenameFlags::NOREPLACE;
        let renamed =
            rustix::fs::renameat_with(self.folder, &self.name, self.folder, self.target, flags);
        match renamed {
            Ok(()) => {
                self.is_in_place = true;
                self.sync_folder()?;
                Ok(true)
            }
            Err(Errno::EXIST) => Ok(false),
            // Not every file system can; all that keep modes have hard links.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => self.link_new(),
            Err(error) => Err(FileError::new(Operation::Rename, &self.path, error)),
        }
    }

    fn link_new(self) -> Result<bool, FileError> {
        let flags = AtFlags::empty();
        match rustix::fs::linkat(self.folder, &self.name, self.folder, self.target, flags) {
            Ok(()) => {
                self.sync_folder()?;
                Ok(true)
            }
            Err(Errno::EXIST) => Ok(false),
            Err(error) => Err(FileError::new(Operation::Rename, &self.path, error)),
        }
    }

    fn sync_folder(&self) -> Result<(), FileError> {
        rustix::fs::fsync(self.folder)
            .map_err(|error| FileError::new(Operation::Sync, &self.path, error))
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.is_in_place {
            // There is nobody left to tell, and a later writer sweeps.
            let _ = rustix::fs::unlinkat(self.folder, &self.name, AtFlags::empty());
        }
    }
}

/// Opens the folder that a path lies in, and splits off the path's last part.
pub(crate) fn open_parent(path: &Path) -> Result<(OwnedFd, &Path, &OsStr), FileError> {
    let Some(name) = path.file_name() else {
        return Err(FileError::NotRegular { path: path.to_owned() });
    };
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(parent, flags, Mode::empty())
        .map_err(|error| FileError::new(Operation::Open, parent, error))?;
    Ok((folder, parent, name))
}

/// Removes what killed writers of `target` left behind; a living writer's file
/// stays.
///
/// What cannot be removed stays too: a leftover is ciphertext, or it lies in a
/// private folder.
pub(crate) fn remove_leftovers(folder: BorrowedFd<'_>, target: &OsStr) {
    let Ok(entries) = rustix::fs::Dir::read_from(folder) else { return };
    for entry in entries.flatten() {
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if writer_of(name, target).is_some_and(is_dead) {
            let _ = rustix::fs::unlinkat(folder.as_fd(), name, AtFlags::empty());
        }
    }
}

fn is_dead(writer: Pid) -> bool {
    rustix::process::test_kill_process(writer) == Err(Errno::SRCH)
}

fn name_of(target: &OsStr, writer: u32, attempt: u32) -> OsString {
    let mut name = b".".to_vec();
    name.extend_from_slice(target.as_bytes());
    name.extend_from_slice(format!(".{writer}-{attempt}.tmp").as_bytes());
    OsString::from_vec(name)
}

/// The process that named a file as [`name_of`] does.
fn writer_of(name: &OsStr, target: &OsStr) -> Option<Pid> {
    let rest = name.as_bytes().strip_prefix(b".")?.strip_prefix(target.as_bytes())?;
    let rest = rest.strip_prefix(b".")?.strip_suffix(b".tmp")?;
    let (writer, attempt) = std::str::from_utf8(rest).ok()?.split_once('-')?;
    attempt.parse::<u32>().ok()?;
    Pid::from_raw(writer.parse().ok().filter(|&writer| writer > 0)?)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_failure_at_the_last_step_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("target");
        let (fd, parent, name) = open_parent(&path).unwrap();
        let mut temporary =
            Temporary::create(fd.as_fd(), parent, name, Mode::from_raw_mode(0o600)).unwrap();
        temporary.write(b"new").unwrap();
        let on_its_way = format!(".target.{}-0.tmp", std::process::id());
        assert_eq!(names(folder.path()), [on_its_way.as_str()]);
        assert_eq!(
            fs::metadata(folder.path().join(on_its_way)).unwrap().permissions().mode() & 0o7777,
            0o600
        );
        // A folder in the target's place stops even root.
        fs::create_dir(&path).unwrap();

        let error = temporary.replace().unwrap_err();

        assert!(matches!(error, FileError::Io { operation: Operation::Rename, .. }), "{error:?}");
        assert_eq!(names(folder.path()), ["target"]);
    }

    #[test]
    fn what_is_there_is_not_replaced_by_what_is_new() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("target");
        let (fd, parent, name) = open_parent(&path).unwrap();
        let new = |text: &str| {
            let mode = Mode::from_raw_mode(0o600);
            let mut temporary = Temporary::create(fd.as_fd(), parent, name, mode).unwrap();
            temporary.write(text.as_bytes()).unwrap();
            temporary
        };

        assert!(new("first").place_new().unwrap());
        assert!(!new("second").place_new().unwrap());
        assert!(!new("third").link_new().unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        assert_eq!(names(folder.path()), ["target"]);

        fs::remove_file(&path).unwrap();
        assert!(new("fourth").link_new().unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "fourth");
        assert_eq!(names(folder.path()), ["target"]);
    }

    #[test]
    fn only_leftovers_of_dead_writers_of_this_target_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let dead = {
            let mut child = std::process::Command::new("true").spawn().unwrap();
            child.wait().unwrap();
            child.id()
        };
        let alive = std::process::id();
        let kept = [
            format!(".a.json.{alive}-0.tmp"),
            format!(".a.jsonx.{dead}-0.tmp"),
            format!(".b.json.{dead}-0.tmp"),
            format!(".a.json.{dead}.tmp"),
            format!(".a.json.-{dead}-0.tmp"),
            ".a.json.0-0.tmp".to_owned(),
            "a.json".to_owned(),
        ];
        let gone = [format!(".a.json.{dead}-0.tmp"), format!(".a.json.{dead}-17.tmp")];
        for name in kept.iter().chain(&gone) {
            fs::write(folder.path().join(name), "").unwrap();
        }

        let path = folder.path().join("a.json");
        let (fd, _, name) = open_parent(&path).unwrap();
        remove_leftovers(fd.as_fd(), name);

        let mut expected = kept.to_vec();
        expected.sort();
        assert_eq!(names(folder.path()), expected);
    }
}
