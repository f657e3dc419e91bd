//! Files: those of a work tree, and whatever folder was named.
//!
//! Rules:
//! - What git ignores is left out, unless git tracks it all the same. Of ignored
//!   files, `.env` files alone are looked at, where the folder that they lie in
//!   is not ignored itself.
//! - Links are not followed, `.git` is not entered.
//! - A file that went away meanwhile is nothing to speak of. One that cannot be
//!   read is told.

use std::ffi::OsStr;
use std::fs::{self, File, FileType};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use ignore::{DirEntry, WalkBuilder, WalkState};
use rustix::fs::OFlags;
use unspoken_scan::{Position, plaintext};
use zeroize::Zeroizing;

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
    pub(crate) place: Place,
    /// Whether ignore files count.
    pub(crate) ignoring: bool,
}

impl Files<'_> {
    /// Looks through files and folders, with all that is in them.
    pub(crate) fn walk(&self, paths: &[PathBuf]) {
        let Some((first, further)) = paths.split_first() else { return };
        let mut builder = WalkBuilder::new(first);
        for path in further {
            builder.add(path);
        }
        builder.standard_filters(false).threads(threads());
        if self.ignoring {
            builder.git_ignore(true).git_exclude(true).git_global(true).parents(true);
        }
        builder.filter_entry(|entry| entry.depth() == 0 || entry.file_name() != ".git");
        builder.build_parallel().run(|| {
            let mut room = Room::new();
            Box::new(move |entry| {
                match entry {
                    Ok(entry) => self.enter(&entry, &mut room),
                    Err(error) => self.failed(&error),
                }
                WalkState::Continue
            })
        });
    }

    fn enter(&self, entry: &DirEntry, room: &mut Room) {
        // What a person named may be a link: it is what is meant.
        let kind = match entry.file_type() {
            Some(kind) if kind.is_symlink() && entry.depth() == 0 => {
                fs::metadata(entry.path()).ok().map(|found| found.file_type())
            }
            kind => kind,
        };
        if self.ignoring && kind.is_some_and(|kind| kind.is_dir()) {
            self.look_for_plaintext(entry.path());
        }
        if kind.is_some_and(|kind| kind.is_file()) {
            if self.ignoring && entry.depth() == 0 && is_env(entry.file_name()) {
                self.look_at_plaintext(entry.path());
            }
            self.look_at(entry.path(), room);
        }
    }

    fn look_at(&self, path: &Path, room: &mut Room) {
        let shown = self.shown(path);
        let outcome = open(path).and_then(|file| self.search.look(file, room));
        self.findings.add(&shown, &self.place, outcome);
    }

    fn failed(&self, error: &ignore::Error) {
        let is_gone = error.io_error().is_some_and(|e| e.kind() == io::ErrorKind::NotFound);
        // A pattern that git would pass over is no reason to speak.
        if error.io_error().is_some() && (!is_gone || error.depth() == Some(0)) {
            self.findings.unread(String::new(), error.to_string());
        }
    }

    /// Looks at the `.env` files of one folder, ignored or not.
    fn look_for_plaintext(&self, folder: &Path) {
        // That it does not read is told by the walk.
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let is_file = || entry.file_type().as_ref().is_ok_and(FileType::is_file);
            if is_env(&entry.file_name()) && is_file() {
                let path = entry.path();
                self.look_at_plaintext(&path);
            }
        }
    }

    fn look_at_plaintext(&self, path: &Path) {
        let shown = self.shown(path);
        let mut bytes = Zeroizing::new(Vec::new());
        let read = open(path).and_then(|file| file.take(ENV_LIMIT).read_to_end(&mut bytes));
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

    /// The files that git tracks though they are ignored, which the walk left out.
    pub(crate) fn walk_tracked(&self, git: &Git) {
        let list = ["ls-files", "-z", "--cached", "--ignored", "--exclude-standard", "--full-name"];
        let Ok(answer) = git.bytes(&list) else { return };
        let mut room = Room::new();
        for name in answer.split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
            let path = self.root.join(Path::new(OsStr::from_bytes(name)));
            let is_file = fs::symlink_metadata(&path).is_ok_and(|found| found.is_file());
            if is_file {
                self.look_at(&path, &mut room);
            }
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

/// Opens a file without waiting for whoever should write it.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    fs::OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// How many threads look at once.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get).min(16)
}
