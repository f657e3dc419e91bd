//! One writer at a time.
//!
//! Rules:
//! - The lock is a file beside the document, because the document itself is
//!   replaced by each writer, and a lock on the old one would lock nothing.
//! - The lock file is never removed: whoever waits for it holds it open.
//! - It has one name and is reached over no link of its own: what is written
//!   into it must not arrive in a file of somebody's.
//! - Its holder writes its process id into it, for the message of those who
//!   waited in vain. The lock itself is the kernel's, so a killed holder
//!   holds nothing.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use thiserror::Error;

use crate::regular_file::RegularFile;
use crate::temporary::{open_parent, remove_leftovers};
use crate::{FileError, Operation};

/// The pauses between two attempts grow from the first to the last of these.
/// They stay short, so that in a crowd everybody gets a turn.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(5));

/// The right to replace a document, until it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: RegularFile,
}

/// Why a [`Lock`] was not acquired.
#[derive(Debug, Error)]
pub enum LockError {
    #[error(
        "`{}` was locked for {:.1} s by {}", .document.display(), .waited.as_secs_f32(), who(*.holder)
    )]
    Held { document: PathBuf, waited: Duration, holder: Option<u32> },
    #[error(transparent)]
    File(#[from] FileError),
}

impl Lock {
    /// How long a command waits for others.
    pub const WAIT: Duration = Duration::from_secs(10);

    /// Acquires the lock of a document within `wait`, and removes what killed
    /// writers of that document left. The document's folder must exist.
    pub fn acquire(document: &Path, wait: Duration) -> Result<Self, LockError> {
        let (folder, folder_path, name) = open_parent(document)?;
        let path = folder_path.join(file_name(name));
        let start = Instant::now();
        let mut pause = PAUSES.0;
        let mut file = open(&path)?;
        loop {
            if try_lock(&file, &path)? {
                // Somebody may have cleaned the folder while we waited.
                if file.is_at(&path) {
                    let lock = Self { file };
                    lock.sign(&path)?;
                    remove_leftovers(folder.as_fd(), name);
                    return Ok(lock);
                }
                file = open(&path)?;
                continue;
            }
            let waited = start.elapsed();
            if waited >= wait {
                let (document, holder) = (document.to_owned(), holder(&file));
                return Err(LockError::Held { document, waited, holder });
            }
            thread::sleep(pause.min(wait.saturating_sub(waited)));
            pause = (pause * 3 / 2).min(PAUSES.1);
        }
    }

    fn sign(&self, path: &Path) -> Result<(), FileError> {
        let file = self.file.file();
        let line = format!("{}\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.write_all_at(line.as_bytes(), 0))
            .map_err(|error| FileError::new(Operation::Write, path, error))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The name goes before the lock does, so that it is never a former
        // holder's. Should this fail, closing the file still releases it.
        let _ = self.file.file().set_len(0);
        let _ = rustix::fs::flock(self.file.file(), FlockOperation::Unlock);
    }
}

fn open(path: &Path) -> Result<RegularFile, FileError> {
    let access = OFlags::RDWR | OFlags::CREATE;
    let file =
        RegularFile::open_at(CWD, path, path.to_owned(), access, Mode::from_raw_mode(0o600))?;
    match file.links() {
        // With none it was removed meanwhile, which `acquire` sees.
        0 | 1 => Ok(file),
        links => Err(FileError::HardLinks { path: path.to_owned(), links }),
    }
}

fn try_lock(file: &RegularFile, path: &Path) -> Result<bool, FileError> {
    match rustix::fs::flock(file.file(), FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(false),
        Err(error) => Err(FileError::new(Operation::Lock, path, error)),
    }
}

/// Who says it holds the lock. Between two lines there is nobody.
fn holder(file: &RegularFile) -> Option<u32> {
    let mut bytes = [0; 16];
    let read: io::Result<usize> = file.file().read_at(&mut bytes, 0);
    let text = std::str::from_utf8(bytes.get(..read.ok()?)?).ok()?;
    text.strip_suffix('\n')?.parse().ok()
}

fn file_name(document: &OsStr) -> OsString {
    let mut name = OsString::from(".");
    name.push(document);
    name.push(".lock");
    name
}

fn who(holder: Option<u32>) -> String {
    match holder {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const SHORT: Duration = Duration::from_millis(30);

    #[test]
    fn who_waits_in_vain_is_told_for_whom() {
        let folder = tempfile::tempdir().unwrap();
        let document = folder.path().join("production.json");
        let lock = Lock::acquire(&document, SHORT).unwrap();

        let error = Lock::acquire(&document, SHORT).unwrap_err();
        let us = std::process::id();
        let LockError::Held { document: path, waited, holder } = &error else {
            panic!("{error:?}")
        };
        assert_eq!((path, *holder), (&document, Some(us)));
        assert!(*waited >= SHORT && *waited < Lock::WAIT);
        assert!(error.to_string().ends_with(&format!(" s by process {us}")), "{error}");

        // Another document's lock is another.
        Lock::acquire(&folder.path().join("staging.json"), SHORT).unwrap();
        drop(lock);
        Lock::acquire(&document, Duration::ZERO).unwrap();
    }

    #[test]
    fn a_lock_file_is_private_stays_and_names_nobody_when_free() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".a.json.lock");
        drop(Lock::acquire(&folder.path().join("a.json"), SHORT).unwrap());

        let metadata = fs::symlink_metadata(&path).unwrap();
        assert_eq!((metadata.permissions().mode() & 0o7777, metadata.len()), (0o600, 0));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_hundred_writers_get_their_turns_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let document = folder.path().join("a.json");
        let inside = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..100 {
                scope.spawn(|| {
                    let lock = Lock::acquire(&document, Lock::WAIT).unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    thread::sleep(Duration::from_millis(3));
                    assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                    drop(lock);
                });
            }
        });
    }

    #[test]
    fn a_lock_on_a_file_that_was_removed_meanwhile_is_not_taken_for_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let document = folder.path().join("a.json");
        let path = folder.path().join(".a.json.lock");
        let first = Lock::acquire(&document, SHORT).unwrap();

        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| Lock::acquire(&document, Lock::WAIT).unwrap());
            thread::sleep(SHORT);
            fs::remove_file(&path).unwrap();
            drop(first);
            let second = waiting.join().unwrap();
            assert!(second.file.is_at(&path));
            assert!(matches!(
                Lock::acquire(&document, Duration::ZERO).unwrap_err(),
                LockError::Held { .. }
            ));
        });
    }

    #[test]
    fn acquiring_removes_what_a_killed_writer_left() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let leftover = folder.path().join(format!(".a.json.{}-0.tmp", child.id()));
        fs::write(&leftover, "").unwrap();

        Lock::acquire(&folder.path().join("a.json"), SHORT).unwrap();
        assert!(!leftover.exists());
    }

    #[test]
    fn a_second_name_of_another_file_in_place_of_the_lock_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("precious"), "kept").unwrap();
        fs::hard_link(at("precious"), at(".a.json.lock")).unwrap();

        let error = Lock::acquire(&at("a.json"), SHORT).unwrap_err();
        assert!(
            matches!(&error, LockError::File(FileError::HardLinks { path, links: 2 })
                if *path == at(".a.json.lock")),
            "{error:?}"
        );
        assert_eq!(fs::read_to_string(at("precious")).unwrap(), "kept");

        fs::remove_file(at(".a.json.lock")).unwrap();
        drop(Lock::acquire(&at("a.json"), SHORT).unwrap());
        assert_eq!(fs::read_to_string(at("precious")).unwrap(), "kept");
    }

    #[test]
    fn a_link_in_place_of_the_lock_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("target"), "kept").unwrap();
        symlink(at("target"), at(".a.json.lock")).unwrap();
        symlink(at("new"), at(".b.json.lock")).unwrap();

        for name in ["a.json", "b.json"] {
            let error = Lock::acquire(&at(name), SHORT).unwrap_err();
            assert!(matches!(&error, LockError::File(FileError::Symlink { .. })), "{error:?}");
        }
        assert_eq!(fs::read_to_string(at("target")).unwrap(), "kept");
        assert!(!at("new").exists());
        let error = Lock::acquire(&at("absent/a.json"), SHORT).unwrap_err();
        assert!(matches!(&error, LockError::File(FileError::NotFound { .. })), "{error:?}");
    }
}
