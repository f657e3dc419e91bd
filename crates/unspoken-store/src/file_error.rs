//! What can be wrong with a file.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use thiserror::Error;

/// Why a file or folder could not be used as it stands.
#[derive(Debug, Error)]
pub enum FileError {
    #[error("cannot {operation} `{}`", .path.display())]
    Io { operation: Operation, path: PathBuf, source: io::Error },
    #[error("`{}` does not exist", .path.display())]
    NotFound { path: PathBuf },
    #[error("`{}` is a symbolic link, which is not followed here", .path.display())]
    Symlink { path: PathBuf },
    #[error(
        "`{}` is one of {links} names of the same file, and the others would change with it",
        .path.display()
    )]
    HardLinks { path: PathBuf, links: u64 },
    #[error("`{}` is no regular file", .path.display())]
    NotRegular { path: PathBuf },
    #[error("`{}` is no folder", .path.display())]
    NotFolder { path: PathBuf },
    #[error("`{}` holds {found} bytes, at most {limit} are read", .path.display())]
    TooLarge { path: PathBuf, limit: u64, found: u64 },
    #[error("`{}` changed while it was read", .path.display())]
    Changed { path: PathBuf },
    #[error("`{}` is not UTF-8 text: byte {at} cannot be read", .path.display())]
    NotText { path: PathBuf, at: usize },
}

/// What was being done when the system refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operation {
    Open,
    Inspect,
    Read,
    List,
    Create,
    Write,
    Sync,
    Rename,
    Remove,
    Lock,
}

impl FileError {
    /// Takes the system's answer with what was asked of it.
    pub(crate) fn new(operation: Operation, path: &Path, error: impl Into<io::Error>) -> Self {
        let path = path.to_owned();
        match error.into() {
            error if error.kind() == io::ErrorKind::NotFound => Self::NotFound { path },
            source => Self::Io { operation, path, source },
        }
    }

    /// The same for an `open` that does not follow a link.
    pub(crate) fn from_open(path: &Path, error: Errno) -> Self {
        match error {
            Errno::LOOP => Self::Symlink { path: path.to_owned() },
            // A socket, or a pipe that nobody reads.
            Errno::NXIO => Self::NotRegular { path: path.to_owned() },
            error => Self::new(Operation::Open, path, error),
        }
    }

    pub(crate) fn not_text(path: &Path, error: std::str::Utf8Error) -> Self {
        Self::NotText { path: path.to_owned(), at: error.valid_up_to() }
    }
}

/// Turns the answer that there is no such file into `None`.
pub(crate) fn if_found<T>(result: Result<T, FileError>) -> Result<Option<T>, FileError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(FileError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Inspect => "inspect",
            Self::Read => "read",
            Self::List => "list",
            Self::Create => "create",
            Self::Write => "write",
            Self::Sync => "sync",
            Self::Rename => "move a finished file to",
            Self::Remove => "remove",
            Self::Lock => "lock",
        })
    }
}
