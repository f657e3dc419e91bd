//! The files of agents as they lie in the repository.
//!
//! Rules:
//! - They lie at the repository's root, also when the project is a folder in it:
//!   that is where agents are started, and what they say holds in every folder.
//!   Without a repository it is the project's root.
//! - No link is followed on the way to one.
//! - A file that cannot be changed keeps no other from being changed.

use std::fs;
use std::path::{Path, PathBuf};

use unspoken_agents::{Artifact, EditError};
use unspoken_store::{FileError, reach, read_limited, replace};

use crate::context::Context;
use crate::failure::{Code, Failure};

/// How large a file may be.
const LIMIT: u64 = 1024 * 1024;

/// Where agents look for their files.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) root: PathBuf,
}

/// A file as it lies there.
#[derive(Debug)]
pub(super) struct Lying {
    pub(super) artifact: Artifact,
    path: PathBuf,
    pub(super) text: Option<String>,
}

impl Ground {
    pub(super) fn find(cx: &Context) -> Result<Self, Failure> {
        let project = cx.project()?;
        let mut folders = project.root.ancestors();
        let repository = folders.find(|folder| folder.join(".git").symlink_metadata().is_ok());
        Ok(Self { root: repository.unwrap_or(&project.root).to_owned() })
    }

    pub(super) fn read(&self, artifact: Artifact) -> Result<Lying, Failure> {
        let path = reach(&self.root, Path::new(artifact.path))?;
        let text = match read_limited(&path, LIMIT) {
            Ok(bytes) => Some(bytes),
            Err(FileError::NotFound { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let text = text.map(String::from_utf8).transpose().map_err(|_| {
            Failure::new(Code::Other, format!("`{}` is not UTF-8 text", artifact.path))
        })?;
        Ok(Lying { artifact, path, text })
    }

    /// Removes the folders that a removed file leaves empty.
    fn sweep(&self, below: &str) {
        let folders = Path::new(below).ancestors().skip(1);
        for folder in folders.filter(|folder| !folder.as_os_str().is_empty()) {
            // One with anything in it stays, and so do those above it.
            if fs::remove_dir(self.root.join(folder)).is_err() {
                return;
            }
        }
    }
}

impl Lying {
    /// Puts a text in its place, or takes the file away. Says whether anything
    /// was to be done.
    pub(super) fn write(&self, ground: &Ground, new: Option<&str>) -> Result<bool, Failure> {
        if new == self.text.as_deref() {
            return Ok(false);
        }
        let failed = |error: std::io::Error| {
            let message = format!("cannot write `{}`: {error}", self.artifact.path);
            Failure::new(Code::Other, message)
        };
        match new {
            Some(text) => {
                if let Some(folder) = self.path.parent() {
                    fs::create_dir_all(folder).map_err(failed)?;
                }
                replace(&self.path, text.as_bytes())?;
            }
            None => {
                fs::remove_file(&self.path).map_err(failed)?;
                ground.sweep(self.artifact.path);
            }
        }
        Ok(true)
    }

    /// Why the file is left as it is.
    pub(super) fn refused(&self, error: EditError) -> Failure {
        Failure::new(Code::Other, format!("`{}`: {error}", self.artifact.path))
    }
}
