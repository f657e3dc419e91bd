//! What the repository knows, asked of the `git` program.
//!
//! Rules:
//! - Git reads here and never writes, fetches, pages or starts another program.
//! - Of our environment it gets where programs and its settings are, nothing
//!   else: no key, and no `GIT_*` of a hook that we run in.
//! - What it answers is foreign: bounded where a repository decides the length,
//!   and shown escaped.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use unspoken_model::shown;

use crate::failure::{Code, Failure};

/// The variables that git gets from ours.
const PASSED: [&str; 4] = ["PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR"];

/// The variables that keep git from what nobody asked for here.
const SET: [(&str, &str); 6] = [
    ("LC_ALL", "C"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    // What a partial clone lacks is not fetched, by a protocol that there cannot be.
    // For a word, a repository can have an alias that stands for git's helper.
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_ALLOW_PROTOCOL", "/"),
];

/// Settings of the user or the repository that would change what is answered,
/// or start a program.
const SETTINGS: [&str; 5] = [
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "log.follow=false",
    "log.showSignature=false",
];

/// A repository, seen from a folder in it.
#[derive(Debug)]
pub(crate) struct Repository {
    folder: PathBuf,
    /// Whether part of the history was not cloned.
    pub(crate) is_shallow: bool,
    /// The folder's path in the repository; empty at its root, else with a
    /// slash at its end.
    pub(crate) prefix: String,
}

/// Why git did not answer.
#[derive(Debug)]
pub(crate) enum GitError {
    /// There is no such program.
    Absent,
    Start {
        source: io::Error,
    },
    Failed {
        command: &'static str,
        message: String,
    },
    /// It stopped in the middle.
    Ended,
    /// It said what we do not understand.
    Answer {
        command: &'static str,
    },
}

/// A `git cat-file` that hands out one object after the other.
#[derive(Debug)]
pub(crate) struct Objects {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// One answer of [`Objects`].
#[derive(Debug)]
pub(crate) enum Object {
    Content(Vec<u8>),
    Missing,
    /// Larger than was asked for, or no file.
    Other,
}

impl Repository {
    /// Finds the repository that a folder is in; `None` outside of any.
    pub(crate) fn find(folder: &Path) -> Result<Option<Self>, GitError> {
        let words = ["rev-parse", "--is-shallow-repository", "--show-prefix"];
        let answer = match ask(folder, "rev-parse", &words) {
            Ok(answer) => answer,
            Err(GitError::Failed { message, .. })
                if message.starts_with("fatal: not a git repository") =>
            {
                return Ok(None);
            }
            // A container may have neither.
            Err(GitError::Absent) if folder.ancestors().all(|f| !f.join(".git").exists()) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let text = String::from_utf8_lossy(&answer);
        let (shallow, prefix) =
            text.split_once('\n').ok_or(GitError::Answer { command: "rev-parse" })?;
        let prefix = prefix.strip_suffix('\n').unwrap_or(prefix).to_owned();
        Ok(Some(Self { folder: folder.to_owned(), is_shallow: shallow == "true", prefix }))
    }

    /// What git prints for these words.
    pub(crate) fn ask(&self, command: &'static str, words: &[&str]) -> Result<Vec<u8>, GitError> {
        ask(&self.folder, command, words)
    }

    /// The files below the folder that git tracks and these patterns mean.
    pub(crate) fn tracked(&self, patterns: &[&str]) -> Result<Vec<String>, GitError> {
        let words = [&["ls-files", "-z", "--"], patterns].concat();
        let answer = self.ask("ls-files", &words)?;
        let paths = answer.split(|&byte| byte == 0).filter(|path| !path.is_empty());
        Ok(paths.map(|path| String::from_utf8_lossy(path).into_owned()).collect())
    }

    /// Begins to hand out objects.
    pub(crate) fn objects(&self) -> Result<Objects, GitError> {
        let mut child = command(&self.folder)
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(start_error)?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let output = BufReader::new(output.ok_or(GitError::Ended)?);
        Ok(Objects { child, input, output })
    }
}

fn ask(folder: &Path, name: &'static str, words: &[&str]) -> Result<Vec<u8>, GitError> {
    let output = command(folder).args(words).stdin(Stdio::null()).output().map_err(start_error)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let message: String = text.lines().next().unwrap_or_default().chars().take(400).collect();
    Err(GitError::Failed { command: name, message: shown(&message) })
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(folder).env_clear().envs(SET);
    command.envs(PASSED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.arg("--no-pager");
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    command
}

fn start_error(source: io::Error) -> GitError {
    if source.kind() == io::ErrorKind::NotFound {
        GitError::Absent
    } else {
        GitError::Start { source }
    }
}

impl Objects {
    /// The content of what `name` names, if it is a file of at most `limit`
    /// bytes. A name is one line.
    pub(crate) fn read(&mut self, name: &str, limit: u64) -> Result<Object, GitError> {
        let input = self.input.as_mut().ok_or(GitError::Ended)?;
        let asked = input.write_all(format!("{name}\n").as_bytes()).and_then(|()| input.flush());
        asked.map_err(|_| GitError::Ended)?;
        let mut head = Vec::new();
        let read = (&mut self.output).take(64 * 1024).read_until(b'\n', &mut head);
        if read.is_err() || head.pop() != Some(b'\n') {
            return Err(GitError::Ended);
        }
        let head = String::from_utf8_lossy(&head);
        // `ID TYPE SIZE`, or the name and why there is none.
        let Some((rest, last)) = head.rsplit_once(' ') else {
            return Err(GitError::Answer { command: "cat-file" });
        };
        if last == "missing" {
            return Ok(Object::Missing);
        }
        let size: u64 = last.parse().map_err(|_| GitError::Answer { command: "cat-file" })?;
        if !rest.ends_with(" blob") || size > limit {
            let skipped = io::copy(&mut (&mut self.output).take(size + 1), &mut io::sink());
            return skipped.map(|_| Object::Other).map_err(|_| GitError::Ended);
        }
        let mut content = Vec::new();
        let read = (&mut self.output).take(size + 1).read_to_end(&mut content);
        if read.is_err() || content.pop() != Some(b'\n') || content.len() as u64 != size {
            return Err(GitError::Ended);
        }
        Ok(Object::Content(content))
    }
}

impl From<GitError> for Failure {
    fn from(error: GitError) -> Self {
        let status = "Run `git status` to see what is wrong there.";
        match error {
            GitError::Absent => Self::new(Code::Other, "the program `git` is not there")
                .hint("The history is read with it: install git."),
            GitError::Start { source } => {
                Self::new(Code::Other, format!("cannot start `git`: {source}"))
            }
            GitError::Failed { command, message } => {
                Self::new(Code::Other, format!("`git {command}` failed: {message}")).hint(status)
            }
            GitError::Ended => {
                Self::new(Code::Other, "git stopped before it had handed out the history").hint(
                    "Where git was told to clone less than all, run `git fetch --refetch \
                     --no-filter`; else `git fsck` tells.",
                )
            }
            GitError::Answer { command } => {
                Self::new(Code::Other, format!("the answer of `git {command}` is not understood"))
                    .hint(status)
            }
        }
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        // Git ends when its input does; only then can it be waited for.
        drop(self.input.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests;
