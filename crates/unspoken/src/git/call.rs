//! Asking git: one place where it is started.
//!
//! Rules:
//! - No pager, no colour, no prompt, and no waiting for a lock that git can do
//!   without.
//! - No program that a repository's settings name is started, and nothing is
//!   fetched: who asks may sit in a repository that somebody else has made.
//! - Git gets none of the variables that hold private keys.
//! - What is asked for by name is bounded in size; what git says of a failure
//!   is shown as foreign text.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use thiserror::Error;
use unspoken_model::shown;

/// Settings that win over the repository's and the user's.
const SETTINGS: [&str; 4] =
    ["core.quotePath=false", "color.ui=never", "core.fsmonitor=false", "log.showSignature=false"];

/// The protocols that git may fetch by: one that there cannot be. For any word
/// that could be the name of one, a repository can have an alias that runs a
/// program in place of git's own helper.
const NO_PROTOCOL: &str = "/";

/// What git says of the repository that it was called for, and of no other.
const OF_THE_OUTER: [&str; 7] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
];

/// A repository to ask about, by a folder in it.
#[derive(Clone, Debug)]
pub(crate) struct Git {
    /// `None` is where this process is: git starts its helpers there, with
    /// variables that are relative to it.
    folder: Option<PathBuf>,
    /// Whether it lies in another one, which the environment speaks of.
    is_inner: bool,
}

/// Why git did not answer.
#[derive(Debug, Error)]
pub(crate) enum GitError {
    #[error("git cannot be started")]
    Start { source: io::Error },
    #[error("git {what}: {words}")]
    Failed { what: String, words: String },
    #[error("git {what}: the answer is not text")]
    NotText { what: String },
    #[error("git object `{name}` holds {found} bytes, at most {limit} are read")]
    TooLarge { name: String, found: u64, limit: u64 },
}

/// The name of an object: a commit, a file's content.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct ObjectId(String);

impl ObjectId {
    /// Reads a full name in hex.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (matches!(text.len(), 40 | 64) && text.bytes().all(hex)).then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Git {
    /// The repository that this process was started in.
    pub(crate) fn here() -> Self {
        Self { folder: None, is_inner: false }
    }

    /// The repository that a folder is in.
    pub(crate) fn at(folder: &Path) -> Self {
        Self { folder: Some(folder.to_owned()), is_inner: false }
    }

    /// A repository that lies in another one.
    pub(crate) fn inside(folder: &Path) -> Self {
        Self { folder: Some(folder.to_owned()), is_inner: true }
    }

    /// A call, for a caller that talks to it.
    pub(crate) fn command<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new("git");
        command.args(["--no-pager", "--no-optional-locks"]);
        command.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
        let mut arguments = arguments.into_iter().peekable();
        // These two are asked where the hooks are.
        let asks = |first: &S| ["config", "rev-parse"].iter().any(|word| first.as_ref() == *word);
        if !arguments.peek().is_some_and(asks) {
            command.args(["-c", "core.hooksPath=/dev/null"]);
        }
        if let Some(folder) = &self.folder {
            command.arg("-C").arg(folder);
        }
        command.args(arguments).stdin(Stdio::null());
        command.env("GIT_TERMINAL_PROMPT", "0");
        // Older ones do not know the first, and heed the second.
        command.env("GIT_NO_LAZY_FETCH", "1").env("GIT_ALLOW_PROTOCOL", NO_PROTOCOL);
        if self.is_inner {
            for name in OF_THE_OUTER {
                command.env_remove(name);
            }
        }
        for (name, _) in std::env::vars_os() {
            let bytes = name.as_encoded_bytes();
            if bytes.starts_with(b"UNSPOKEN_") || bytes.starts_with(b"SOPS_AGE_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// What git answers.
    pub(crate) fn bytes(&self, arguments: &[&str]) -> Result<Vec<u8>, GitError> {
        let output = self.command(arguments).output();
        let output = output.map_err(|source| GitError::Start { source })?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(GitError::of(what(arguments), output.status, &output.stderr))
    }

    /// What git answers, as text without the line end after it.
    pub(crate) fn text(&self, arguments: &[&str]) -> Result<String, GitError> {
        let bytes = self.bytes(arguments)?;
        let text =
            String::from_utf8(bytes).map_err(|_| GitError::NotText { what: what(arguments) })?;
        Ok(text.trim_end_matches('\n').to_owned())
    }

    /// The same, where a failure means that there is no such thing.
    pub(crate) fn find(&self, arguments: &[&str]) -> Result<Option<String>, GitError> {
        match self.text(arguments) {
            Ok(text) => Ok((!text.is_empty()).then_some(text)),
            Err(GitError::Failed { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Where a file of git's own is, such as `hooks`.
    pub(crate) fn path(&self, name: &str) -> Result<PathBuf, GitError> {
        let path = PathBuf::from(self.text(&["rev-parse", "--git-path", name])?);
        // Git answers relative to the folder that it was asked in.
        Ok(self.folder.as_ref().map_or_else(|| path.clone(), |folder| folder.join(&path)))
    }

    /// The content of a file that git keeps, at most `limit` bytes.
    pub(crate) fn blob(&self, id: &ObjectId, limit: u64) -> Result<Vec<u8>, GitError> {
        let size = self.text(&["cat-file", "-s", id.as_str()])?;
        let found = size.parse().unwrap_or(u64::MAX);
        if found > limit {
            return Err(GitError::TooLarge { name: id.to_string(), found, limit });
        }
        self.bytes(&["cat-file", "blob", id.as_str()])
    }

    /// The object that a revision means, if there is one.
    pub(crate) fn resolve(&self, revision: &str) -> Result<Option<ObjectId>, GitError> {
        let found = self.find(&["rev-parse", "--verify", "--quiet", revision])?;
        Ok(found.as_deref().and_then(ObjectId::parse))
    }
}

impl GitError {
    /// Why git has ended, as far as it has said anything about it.
    pub(crate) fn of(what: String, status: ExitStatus, stderr: &[u8]) -> Self {
        let words = match String::from_utf8_lossy(stderr).trim() {
            "" => format!("{status}"),
            words => shown(words.trim_start_matches("fatal: ")),
        };
        Self::Failed { what, words }
    }
}

/// The command, without what it was asked about.
fn what(arguments: &[&str]) -> String {
    arguments.first().map_or_else(String::new, |&word| word.to_owned())
}

#[test]
fn only_full_names_in_hex_are_objects() {
    assert!(ObjectId::parse(&"0a".repeat(20)).is_some());
    assert!(ObjectId::parse(&"0a".repeat(32)).is_some());
    for wrong in ["", "HEAD", "--all", &"0A".repeat(20), &"0a".repeat(19)] {
        assert_eq!(ObjectId::parse(wrong), None, "{wrong}");
    }
}
