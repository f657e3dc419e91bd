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

mod batch;
mod listing;

use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};

use unspoken_scan::{Position, plaintext};
use zeroize::Zeroizing;

use self::batch::{Batch, Folder, Whole};
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

/// What is to be looked at.
#[derive(Debug)]
enum Found {
    Files(Batch),
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
                    Ok(kind) if kind.is_file() => listing.add_file(path),
                    Ok(_) => self.refuse(path, "it is no file"),
                    Err(error) => self.refuse(path, &error.to_string()),
                }
            }
            for (path, error) in listing.end() {
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
        let (mut room, mut clean) = (Room::new(), 0);
        loop {
            let next = files.lock().unwrap_or_else(PoisonError::into_inner).recv();
            match next {
                Ok(Found::Files(batch)) => clean += self.look_at_batch(&batch, &mut room),
                Ok(Found::Ignored(path)) => self.look_at_plaintext(&path),
                Err(_) => break,
            }
        }
        self.findings.looked(clean);
    }

    /// Looks at the files of one folder. Says in how many of them nothing was found:
    /// of these, no more is noted.
    fn look_at_batch(&self, batch: &Batch, room: &mut Room) -> usize {
        let folder = Folder::open(&batch.folder);
        let mut clean = 0;
        for name in batch.names() {
            if self.place == Place::WorkTree && is_env(name) {
                self.look_at_plaintext(&batch.folder.join(name));
            }
            let outcome = match folder.file(name) {
                Ok(Some(file)) => self.search.look(file, room),
                Ok(None) => continue,
                Err(error) => Err(error),
            };
            if outcome.as_ref().is_ok_and(Vec::is_empty) {
                clean += 1;
            } else {
                let shown = self.shown(&batch.folder.join(name));
                self.findings.add(&shown, &self.place, outcome);
            }
        }
        clean
    }

    fn look_at_plaintext(&self, path: &Path) {
        let shown = self.shown(path);
        let mut bytes = Zeroizing::new(Vec::new());
        let read = Whole::open(path).and_then(|file| match file {
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

/// How many threads look at once.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get).min(16)
}
