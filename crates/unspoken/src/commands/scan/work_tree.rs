//! Files: those of a work tree, and whatever folder was named.
//!
//! Rules:
//! - In a repository git says which files there are: what it ignores is left out,
//!   unless it tracks it all the same. No ignore file is read here.
//! - Of ignored files, `.env` files alone are looked at, where the folder that they
//!   lie in is not ignored itself.
//! - No link is followed but what a person typed, which is resolved before. What
//!   is no file is not read from.
//! - A file that went away meanwhile is nothing to speak of. One that cannot be
//!   read is told.

mod listing;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};

use rustix::fs::OFlags;
use rustix::io::Errno;
use unspoken_scan::{Position, plaintext};
use zeroize::Zeroizing;

use self::listing::Listing;
use super::findings::Findings;
use super::search::{Room, Search};
use super::trace::{Place, Trace, What};
use crate::git::{Git, GitError};

/// How much of a `.env` file is read.
const ENV_LIMIT: u64 = 1024 * 1024;

/// Where files are looked for, and how they are called.
#[derive(Debug)]
pub(crate) struct Files<'a> {
    pub(crate) search: &'a Search,
    pub(crate) findings: &'a Findings,
    /// Paths below this are told relative to it.
    pub(crate) root: &'a Path,
    /// What stands before those that are.
    pub(crate) prefix: &'a str,
    /// In a work tree, git is asked.
    pub(crate) place: Place,
}

/// A file to look at.
#[derive(Debug)]
enum Found {
    File(PathBuf),
    /// Ignored: it is looked at only whether it is a plaintext `.env` file.
    Ignored(PathBuf),
}

impl Files<'_> {
    /// Looks through files and folders, with all that is in them.
    pub(crate) fn look_at_all(&self, paths: &[PathBuf]) -> Result<(), GitError> {
        self.look(paths, true)
    }

    /// Looks through files, and tells of whatever else has such a name.
    pub(crate) fn look_at_files(&self, paths: &[PathBuf]) -> Result<(), GitError> {
        self.look(paths, false)
    }

    /// Looks at files with several threads while others are still listed.
    fn look(&self, paths: &[PathBuf], folders: bool) -> Result<(), GitError> {
        if paths.is_empty() {
            return Ok(());
        }
        let (sender, receiver) = channel();
        let receiver = Mutex::new(receiver);
        std::thread::scope(|scope| {
            for _ in 0..threads() {
                scope.spawn(|| self.take(&receiver));
            }
            let asks = self.place == Place::WorkTree;
            let mut listing = Listing::new(sender, asks);
            for path in paths {
                match fs::symlink_metadata(path).map(|found| found.file_type()) {
                    Ok(kind) if kind.is_dir() && folders => listing.add_folder(path)?,
                    Ok(kind) if kind.is_file() => listing.add_file(path.clone()),
                    Ok(_) => self.refuse(path, "it is no file"),
                    Err(error) => self.refuse(path, &error.to_string()),
                }
            }
            for (path, error) in listing.unread() {
                self.refuse(&path, &error.to_string());
            }
            Ok(())
        })
    }

    fn refuse(&self, path: &Path, why: &str) {
        self.findings.unread(self.shown(path), why.to_owned());
    }

    /// Takes one file after the other, until there are no more.
    fn take(&self, files: &Mutex<Receiver<Found>>) {
        let mut room = Room::new();
        loop {
            let next = files.lock().unwrap_or_else(PoisonError::into_inner).recv();
            match next {
                Ok(Found::File(path)) => self.look_at(&path, &mut room),
                Ok(Found::Ignored(path)) => self.look_at_plaintext(&path),
                Err(_) => return,
            }
        }
    }

    fn look_at(&self, path: &Path, room: &mut Room) {
        if self.place == Place::WorkTree && path.file_name().is_some_and(is_env) {
            self.look_at_plaintext(path);
        }
        let outcome = match open(path) {
            Ok(Some(file)) => self.search.look(file, room),
            Ok(None) => return,
            Err(error) => Err(error),
        };
        self.findings.add(&self.shown(path), &self.place, outcome);
    }

    fn look_at_plaintext(&self, path: &Path) {
        let shown = self.shown(path);
        let mut bytes = Zeroizing::new(Vec::new());
        let read = open(path).and_then(|file| match file {
            Some(file) => file.take(ENV_LIMIT).read_to_end(&mut bytes),
            None => Ok(0),
        });
        if let Err(error) = read {
            self.findings.add(&shown, &self.place, Err(error));
        } else if plaintext::is_plaintext(&shown, &bytes) {
            self.findings.push(Trace {
                path: shown,
                position: Position { line: 1, column: 1 },
                place: self.place.clone(),
                what: What::Plaintext,
                text: None,
            });
        }
    }

    /// A path as it is told: relative to the root where it is below it.
    fn shown(&self, path: &Path) -> String {
        match path.strip_prefix(self.root) {
            Ok(below) => format!("{}{}", self.prefix, below.display()),
            Err(_) => path.display().to_string(),
        }
    }
}

fn is_env(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b".env")
}

/// Notes which `.env` files git ignores.
pub(crate) fn mark_ignored(git: &Git, traces: &mut [Trace]) -> Result<(), GitError> {
    let is_meant =
        |trace: &&mut Trace| trace.what == What::Plaintext && trace.place == Place::WorkTree;
    for trace in traces.iter_mut().filter(is_meant) {
        let path = format!(":(top,literal){}", trace.path);
        let words = ["ls-files", "--others", "--ignored", "--exclude-standard", "-z", "--", &path];
        if !git.bytes(&words)?.is_empty() {
            trace.place = Place::Ignored;
        }
    }
    Ok(())
}

/// Opens a file without waiting for whoever should write it. `None` for what is
/// no file, or none any more.
fn open(path: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    let is_link = |error: &io::Error| error.raw_os_error() == Some(Errno::LOOP.raw_os_error());
    match fs::OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => Ok(file.metadata()?.is_file().then_some(file)),
        Err(error) if error.kind() == ErrorKind::NotADirectory || is_link(&error) => Ok(None),
        // Nobody listens at a socket's name.
        Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// How many threads look at once.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get).min(16)
}
