//! A project on disk: its folder, and what its project file says.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use thiserror::Error;
use unspoken_model::{DocumentForm, EnvironmentName, Place, ProjectFile, ProjectFileError};

use crate::file_error::if_found;
use crate::{FileError, Found, Lock, LockError, Operation, read_limited, replace};

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

    /// Where an environment's document is, to speak of it, and in which form.
    /// To use the path, [`Project::reach`] it.
    pub fn document(&self, environment: &EnvironmentName) -> (PathBuf, DocumentForm) {
        let path = self.file.document_path(environment);
        // The project file's reader has refused every other ending.
        let form = DocumentForm::of(&path).unwrap_or(DocumentForm::Json);
        (self.root.join(path), form)
    }

    /// The path of an environment's document, to read it, lock it or make it
    /// there: no folder on the way may be a link.
    ///
    /// A checkout can hold a link to anywhere. Behind it another project's
    /// documents would be read, replaced and have locks laid beside them.
    pub fn reach(&self, environment: &EnvironmentName) -> Result<PathBuf, FileError> {
        self.reach_below(Path::new(&self.file.document_path(environment)))
    }

    /// The same for any path below the root.
    pub fn reach_below(&self, below: &Path) -> Result<PathBuf, FileError> {
        reach(&self.root, below)
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
            replace(&path, file.print().as_bytes())?;
        }
        self.file = file;
        Ok(())
    }
}

/// The lock on the project file. It lies beside the documents' locks, so that
/// one ignore rule covers them.
pub(crate) fn lock(root: &Path) -> Result<Lock, LockError> {
    let path = reach(root, &Path::new(SECRETS).join(ProjectFile::NAME))?;
    Lock::acquire(&path, Lock::WAIT)
}

/// Joins `below` to `root`, unless a folder between them is a link or no
/// folder. The last part is for the caller to open without following a link;
/// where a folder is missing, the caller finds nothing.
pub fn reach(root: &Path, below: &Path) -> Result<PathBuf, FileError> {
    let mut path = root.to_owned();
    for folder in below.parent().unwrap_or(Path::new("")) {
        path.push(folder);
        match if_found(inspect(&path))? {
            None => break,
            Some(found) if found.is_symlink() => return Err(FileError::Symlink { path }),
            Some(found) if !found.is_dir() => return Err(FileError::NotFolder { path }),
            Some(_) => {}
        }
    }
    Ok(root.join(below))
}

fn inspect(path: &Path) -> Result<Metadata, FileError> {
    path.symlink_metadata().map_err(|error| FileError::new(Operation::Inspect, path, error))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_link_between_the_root_and_a_document_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("real/secrets/a")).unwrap();
        fs::create_dir(at("victim")).unwrap();
        fs::write(at("real/file"), "").unwrap();
        symlink(at("real"), at("root")).unwrap();
        symlink("../../victim", at("real/secrets/out")).unwrap();
        symlink("a", at("real/secrets/in")).unwrap();
        symlink("nowhere", at("real/dangling")).unwrap();
        symlink(at("victim"), at("real/a.json")).unwrap();

        // What leads to the root is the user's own business.
        for root in [at("real"), at("root")] {
            let case = |below: &str| reach(&root, Path::new(below));
            for below in ["b.json", "secrets/b.json", "secrets/a/b.json", "new/deep/b.json"] {
                assert_eq!(case(below).unwrap(), root.join(below));
            }
            // The document itself is opened without following a link.
            assert_eq!(case("a.json").unwrap(), root.join("a.json"));
            for (below, link) in [
                ("secrets/out/b.json", "secrets/out"),
                ("secrets/out/deep/b.json", "secrets/out"),
                ("secrets/in/b.json", "secrets/in"),
                ("dangling/b.json", "dangling"),
            ] {
                let error = case(below).unwrap_err();
                assert!(
                    matches!(&error, FileError::Symlink { path } if *path == root.join(link)),
                    "{error:?}"
                );
            }
            let error = case("file/b.json").unwrap_err();
            assert!(
                matches!(&error, FileError::NotFolder { path } if *path == root.join("file")),
                "{error:?}"
            );
        }
    }
}
