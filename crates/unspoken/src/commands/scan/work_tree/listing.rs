//! Which files there are: by git in a repository, by the folders elsewhere.
//!
//! Rules:
//! - A repository within another one, such as a submodule, is asked for itself.
//! - Where git cannot say, every file is listed: more is found then, not less.
//! - No folder is entered through a link.
//! - Git goes through the folders once: it is told to name `.env` files as if none
//!   were ignored, and then asked which of them are.

mod ignored;

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::Sender;

use self::ignored::{Ignored, may_be_ignored};
use super::batch::Batch;
use super::{Found, is_env};
use crate::git::{Git, GitError};

/// How deep repositories may lie in each other.
const DEPTH: usize = 16;

/// What has been listed.
pub(super) struct Listing {
    found: Sender<Found>,
    /// Whether git is asked.
    asks: bool,
    /// Folders, and whether they are such all the way from their repository.
    folders: HashMap<PathBuf, bool>,
    /// What is not sent yet.
    batch: Batch,
    unread: Vec<(PathBuf, io::Error)>,
}

/// The folder of the file that git has named last.
#[derive(Default)]
struct Last {
    name: Option<Vec<u8>>,
    is_within: bool,
}

impl Listing {
    pub(super) fn new(found: Sender<Found>, asks: bool) -> Self {
        let (folders, batch, unread) = (HashMap::new(), Batch::default(), Vec::new());
        Self { found, asks, folders, batch, unread }
    }

    /// The folders that could not be read. Nothing more is listed.
    pub(super) fn end(mut self) -> Vec<(PathBuf, io::Error)> {
        self.flush();
        self.unread
    }

    pub(super) fn add_file(&mut self, path: &Path) {
        if let (Some(folder), Some(name)) = (path.parent(), path.file_name()) {
            self.gather_in(folder);
            self.add(name.as_bytes());
        }
    }

    /// What is added from now on lies in this folder.
    fn gather_in(&mut self, folder: &Path) {
        if self.batch.folder.as_os_str() != folder.as_os_str() {
            self.flush();
            self.batch = Batch::of(folder.to_owned());
        }
    }

    fn add(&mut self, name: &[u8]) {
        self.batch.push(name);
        if self.batch.is_full() {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if !self.batch.is_empty() {
            let batch = self.batch.take();
            self.send(Found::Files(batch));
        }
    }

    /// Adds the files of a folder that was named.
    pub(super) fn add_folder(&mut self, folder: &Path) -> Result<(), GitError> {
        let git = Git::at(folder);
        match self.top(&git, folder) {
            // What was named is looked at, ignored or not.
            Some(top) if top == folder || !is_ignored(&git) => self.ask(&git, &top, 0),
            _ => self.walk(folder, 0),
        }
    }

    fn send(&self, found: Found) {
        // Who takes them goes away after us.
        drop(self.found.send(found));
    }

    /// The root of the repository that a folder is in. What only looks like a
    /// repository, being files in another one, is none.
    fn top(&self, git: &Git, folder: &Path) -> Option<PathBuf> {
        let words = ["-c", "safe.bareRepository=explicit", "rev-parse", "--show-toplevel"];
        let top = self.asks.then(|| git.bytes(&words).ok())??;
        let top = PathBuf::from(OsStr::from_bytes(top.strip_suffix(b"\n")?));
        folder.starts_with(&top).then_some(top)
    }

    /// Adds the files that git tracks or would add, and the `.env` files that it
    /// ignores.
    fn ask(&mut self, git: &Git, top: &Path, depth: usize) -> Result<(), GitError> {
        let words = ["--others", "--exclude-standard", "--exclude", NOT_IGNORED];
        let others = list(git, &words)?;
        let tracked = list(git, &["--cached", "--stage"]).and_then(answer)?;
        let (mut before, mut last): (&[u8], _) = (&[], Last::default());
        for entry in tracked.split(|&byte| byte == 0) {
            let Some(tab) = memchr::memchr(b'\t', entry) else { continue };
            let (mode, name) = entry.split_at(tab);
            // One that is not merged is there several times.
            if before != name {
                before = name;
                let name = name.get(1..).unwrap_or_default();
                if mode.starts_with(b"160000") {
                    self.enter_folder(top, name, depth)?;
                    last = Last::default();
                } else {
                    self.enter(top, name, &mut last);
                }
            }
        }
        let others = answer(others)?;
        let names = || others.split(|&byte| byte == 0).filter(|name| !name.is_empty());
        let ignored = Ignored::of(git, top, names().filter(|name| may_be_ignored(name)))?;
        for name in names() {
            if ignored.has(name) {
                let path = top.join(OsStr::from_bytes(name));
                if path.file_name().is_some_and(is_env) && !ignored.has_folder_of(name) {
                    self.send(Found::Ignored(path));
                }
            } else if name.ends_with(b"/") {
                self.enter_folder(top, name, depth)?;
                last = Last::default();
            } else {
                self.enter(top, name, &mut last);
            }
        }
        Ok(())
    }

    /// Adds a file that git has named.
    fn enter(&mut self, top: &Path, name: &[u8], last: &mut Last) {
        let (folder, file) = name.split_at(memchr::memrchr(b'/', name).map_or(0, |at| at + 1));
        if last.name.as_deref() != Some(folder) {
            let within = folder.strip_suffix(b"/").unwrap_or_default();
            let path = match within {
                [] => top.to_owned(),
                within => top.join(OsStr::from_bytes(within)),
            };
            last.is_within = self.is_within(top, &path);
            last.name = Some(folder.to_vec());
            self.gather_in(&path);
        }
        if last.is_within {
            self.add(file);
        }
    }

    /// Adds what git has named as a folder: another repository. Where it is none, it is
    /// a file by now, or nothing.
    fn enter_folder(&mut self, top: &Path, name: &[u8], depth: usize) -> Result<(), GitError> {
        let path = top.join(OsStr::from_bytes(name));
        if path.parent().is_some_and(|folder| !self.is_within(top, folder)) {
            return Ok(());
        }
        if fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir()) {
            return self.inner(&path, depth);
        }
        self.add_file(&path);
        Ok(())
    }

    /// Adds a repository within another one.
    fn inner(&mut self, folder: &Path, depth: usize) -> Result<(), GitError> {
        let git = Git::inside(folder);
        // A slash may stand at the end, which makes no difference here.
        match self.top(&git, folder) {
            Some(top) if top == folder && depth < DEPTH => self.ask(&git, &top, depth + 1),
            _ => self.walk(folder, depth + 1),
        }
    }

    /// Adds every file below a folder, but those of git's own.
    fn walk(&mut self, folder: &Path, depth: usize) -> Result<(), GitError> {
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    self.unread.push((folder, error));
                    continue;
                }
            };
            for entry in entries {
                let kind = entry.and_then(|entry| Ok((entry.file_type()?, entry)));
                match kind {
                    Ok((_, entry)) if entry.file_name() == ".git" => {}
                    Ok((kind, entry)) if kind.is_file() => self.add_file(&entry.path()),
                    Ok((kind, entry)) if kind.is_dir() => {
                        let path = entry.path();
                        if self.asks && depth < DEPTH && path.join(".git").exists() {
                            self.inner(&path, depth)?;
                        } else {
                            folders.push(path);
                        }
                    }
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => self.unread.push((folder.clone(), error)),
                }
            }
        }
        Ok(())
    }

    /// Whether no link leads to a folder from its repository's root.
    fn is_within(&mut self, top: &Path, folder: &Path) -> bool {
        if folder == top {
            return true;
        }
        if let Some(&known) = self.folders.get(folder) {
            return known;
        }
        let is_within = fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir())
            && folder.parent().is_some_and(|parent| self.is_within(top, parent));
        self.folders.insert(folder.to_owned(), is_within);
        is_within
    }
}

/// What is called so is named in spite of all ignore files, but for what lies in a
/// folder that is ignored.
const NOT_IGNORED: &str = "!.env*";

/// Starts git, to list files below the folder that it is asked in.
fn list(git: &Git, words: &[&str]) -> Result<Child, GitError> {
    let begin = ["ls-files", "-z", "--full-name"];
    let mut command = git.command([&begin[..], words, &["--", "."]].concat());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().map_err(|source| GitError::Start { source })
}

fn answer(child: Child) -> Result<Vec<u8>, GitError> {
    answer_of(child, &[0], "ls-files")
}

/// What a call prints that ends with one of these codes.
fn answer_of(child: Child, codes: &[i32], what: &str) -> Result<Vec<u8>, GitError> {
    let output = child.wait_with_output().map_err(|source| GitError::Start { source })?;
    if output.status.code().is_some_and(|code| codes.contains(&code)) {
        return Ok(output.stdout);
    }
    Err(GitError::Failed { what: what.to_owned(), words: output.status.to_string() })
}

/// Whether a folder is ignored as a whole.
fn is_ignored(git: &Git) -> bool {
    git.bytes(&["check-ignore", "--quiet", "."]).is_ok()
}
