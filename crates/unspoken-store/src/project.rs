//! A project on disk: its folder, and what its project file says.

use std::path::{Path, PathBuf};

use thiserror::Error;
use unspoken_model::{DocumentForm, EnvironmentName, Place, ProjectFile, ProjectFileError};

use crate::{FileError, Found, Lock, LockError, ModePolicy, read_limited, replace};

/// How large a project file may be.
const LIMIT: u64 = 1024 * 1024;

/// The folder in which documents, and the locks on them, are.
pub const SECRETS: &str = "secrets";

#[derive(Clone, Debug)]
pub struct Project {
    pub root: PathBuf,
    pub file: ProjectFile,
}

/// Why a project's file cannot be used.
#[derive(Debug, Error)]
pub enum ProjectError {
    #[error("`{}`, {error}", .path.display())]
    Parse { path: PathBuf, error: ProjectFileError },
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Lock(#[from] LockError),
}

impl Project {
    /// Reads the project file that was found.
    pub fn read(found: Found) -> Result<Self, ProjectError> {
        Self::parse(found.root, &found.text)
    }

    fn parse(root: PathBuf, text: &str) -> Result<Self, ProjectError> {
        match ProjectFile::parse(text) {
            Ok(file) => Ok(Self { root, file }),
            Err(error) => Err(ProjectError::Parse { path: root.join(ProjectFile::NAME), error }),
        }
    }

    pub fn place(&self, environment: &EnvironmentName) -> Place {
        Place { project: self.file.project.clone(), environment: environment.clone() }
    }

    /// Where an environment's document is, and in which form.
    pub fn document(&self, environment: &EnvironmentName) -> (PathBuf, DocumentForm) {
        let path = self.file.document_path(environment);
        // The project file's reader has refused every other ending.
        let form = DocumentForm::of(&path).unwrap_or(DocumentForm::Json);
        (self.root.join(path), form)
    }

    /// Changes the project file under its lock, on top of what others have
    /// written meanwhile.
    pub fn edit(&mut self, change: impl FnOnce(&mut ProjectFile)) -> Result<(), ProjectError> {
        let path = self.root.join(ProjectFile::NAME);
        let _lock = lock(&self.root)?;
        let bytes = read_limited(&path, LIMIT)?;
        let text = String::from_utf8(bytes)
            .map_err(|error| FileError::not_text(&path, error.utf8_error()))?;
        let mut file = Self::parse(self.root.clone(), &text)?.file;
        change(&mut file);
        if file.print() != text {
            replace(&path, file.print().as_bytes(), ModePolicy::Kept)?;
        }
        self.file = file;
        Ok(())
    }
}

/// The lock on the project file. It lies beside the documents' locks, so that
/// one ignore rule covers them.
pub(crate) fn lock(root: &Path) -> Result<Lock, LockError> {
    Lock::acquire(&root.join(SECRETS).join(ProjectFile::NAME), Lock::WAIT)
}
