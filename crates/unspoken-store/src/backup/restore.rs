//! Putting a backup's files back: first all is looked at, then all is written.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use thiserror::Error;
use unspoken_model::{DocumentForm, ProjectFile};
use unspoken_seal::Document;

use super::Backup;
use crate::atomic::replace_all;
use crate::file_error::if_found;
use crate::project::{lock, reach};
use crate::{FileError, Lock, LockError, Operation, SECRETS, read_limited};

/// What a backup would change in a folder.
#[derive(Debug)]
pub struct Restore<'b> {
    root: PathBuf,
    steps: Vec<Step<'b>>,
}

/// One file of a backup, and what is in its place.
#[derive(Debug)]
pub struct Step<'b> {
    pub path: &'b str,
    pub state: State,
    /// What the backup holds.
    pub bytes: &'b [u8],
    /// What is there.
    pub old: Option<Vec<u8>>,
}

/// How a file of a backup stands to what is in its place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    New,
    Same,
    Different,
}

/// Why a backup's files were not written.
#[derive(Debug, Error)]
pub enum RestoreError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Lock(#[from] LockError),
}

impl<'b> Restore<'b> {
    /// Looks at what is in the place of every file. Nothing is written.
    pub fn plan(backup: &'b Backup, root: PathBuf) -> Result<Self, FileError> {
        let mut steps = Vec::new();
        for (path, bytes) in backup.files() {
            let old = read(&reach(&root, Path::new(path))?)?;
            let state = match &old {
                None => State::New,
                Some(old) if old == bytes => State::Same,
                Some(_) => State::Different,
            };
            steps.push(Step { path, state, bytes, old });
        }
        Ok(Self { root, steps })
    }

    pub fn steps(&self) -> &[Step<'b>] {
        &self.steps
    }

    /// Writes what is new or different. The locks of all documents are held, and
    /// what is there must still be what was looked at.
    pub fn perform(&self) -> Result<(), RestoreError> {
        let steps: Vec<&Step> =
            self.steps.iter().filter(|step| step.state != State::Same).collect();
        if steps.is_empty() {
            return Ok(());
        }
        make_folder(&self.root, Path::new(SECRETS))?;
        let mut locks = vec![lock(&self.root)?];
        let mut files = Vec::with_capacity(steps.len());
        for step in &steps {
            let below = Path::new(step.path);
            make_folder(&self.root, below.parent().unwrap_or(Path::new("")))?;
            let path = reach(&self.root, below)?;
            // What waits in an inbox is written once and never changed.
            if step.path != ProjectFile::NAME && DocumentForm::of(step.path).is_some() {
                locks.push(Lock::acquire(&path, Lock::WAIT)?);
            }
            if read(&path)? != step.old {
                return Err(FileError::Changed { path }.into());
            }
            files.push((path, step.bytes));
        }
        let files: Vec<(&Path, &[u8])> =
            files.iter().map(|(path, bytes)| (path.as_path(), *bytes)).collect();
        Ok(replace_all(&files)?)
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    if_found(read_limited(path, Document::MAX_BYTES as u64))
}

/// Makes the folders of a path that are missing, none of them over a link.
fn make_folder(root: &Path, below: &Path) -> Result<(), FileError> {
    let mut made = PathBuf::new();
    for part in below {
        made.push(part);
        let path = reach(root, &made)?;
        match DirBuilder::new().mode(0o755).create(&path) {
            Ok(()) => {}
            // What it is, the next `reach` judges.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(FileError::new(Operation::Create, &path, error)),
        }
    }
    reach(root, &below.join("file")).map(drop)
}
