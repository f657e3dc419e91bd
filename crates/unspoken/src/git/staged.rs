//! What is staged: paths and contents in git's index.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdout, Stdio};

use super::{Git, GitError, ObjectId};

/// How much of one staged file is looked at.
const LIMIT: u64 = 32 * 1024 * 1024;

/// The paths that a commit would change.
#[derive(Debug, Default)]
pub(crate) struct Staged {
    /// What is there afterwards, and no other repository. A link's content is
    /// the text that it leads to.
    files: BTreeMap<String, ObjectId>,
    removed: BTreeSet<String>,
}

impl Staged {
    pub(crate) fn list(git: &Git) -> Result<Self, GitError> {
        let arguments = ["diff", "--cached", "--raw", "--no-abbrev", "--no-renames", "-z"];
        let guards = ["--no-ext-diff", "--no-textconv", "--ignore-submodules=all"];
        let bytes = git.bytes(&[&arguments[..], &guards].concat())?;
        let mut staged = Self::default();
        let mut fields = bytes.split(|&byte| byte == 0);
        while let (Some(change), Some(path)) = (fields.next(), fields.next()) {
            let change = String::from_utf8_lossy(change);
            let path = String::from_utf8_lossy(path).into_owned();
            let words: Vec<&str> = change.split(' ').collect();
            let [_, mode, _, id, ..] = words.as_slice() else { continue };
            match ObjectId::parse(id).filter(|_| is_content(mode)) {
                Some(id) => drop(staged.files.insert(path, id)),
                None => drop(staged.removed.insert(path)),
            }
        }
        Ok(staged)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.removed.is_empty()
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.files.contains_key(path) || self.removed.contains(path)
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &ObjectId)> {
        self.files.iter().map(|(path, id)| (path.as_str(), id))
    }
}

/// Whether git keeps a text for an entry of this mode: of a file or a link.
fn is_content(mode: &str) -> bool {
    mode.starts_with("100") || mode == "120000"
}

/// Entries of the index.
#[derive(Debug)]
pub(crate) struct Index(Vec<(String, ObjectId)>);

impl Index {
    /// The whole files that some pathspecs mean.
    pub(crate) fn of(git: &Git, pathspecs: &[&str]) -> Result<Self, GitError> {
        let list = ["ls-files", "--stage", "--full-name", "-z", "--"];
        let entries = stages(git, &[&list[..], pathspecs].concat())?;
        let whole = entries.into_iter().filter(|entry| entry.number == 0);
        Ok(Self(whole.map(|entry| (entry.path, entry.id)).collect()))
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &ObjectId)> {
        self.0.iter().map(|(path, id)| (path.as_str(), id))
    }
}

/// One version of a file in the index: 0 is whole; 1, 2 and 3 are the base,
/// ours and theirs of a conflict.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) path: String,
    pub(crate) number: u8,
    pub(crate) id: ObjectId,
}

/// The files that git could not merge, by their paths in the repository.
pub(crate) fn unmerged(git: &Git) -> Result<Vec<Stage>, GitError> {
    stages(git, &["ls-files", "--unmerged", "--full-name", "-z", "--", ":(top)"])
}

fn stages(git: &Git, arguments: &[&str]) -> Result<Vec<Stage>, GitError> {
    let bytes = git.bytes(arguments)?;
    let entry = |entry: &[u8]| {
        let text = String::from_utf8_lossy(entry);
        let (words, path) = text.split_once('\t')?;
        let mut words = words.split(' ');
        let mode = words.next()?;
        let id = ObjectId::parse(words.next()?)?;
        let number = words.next()?.parse().ok()?;
        mode.starts_with("100").then(|| Stage { path: path.to_owned(), number, id })
    };
    Ok(bytes.split(|&byte| byte == 0).filter_map(entry).collect())
}

/// The contents of many objects, read one after the other from one process.
#[derive(Debug)]
pub(crate) struct Contents {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Contents {
    pub(crate) fn read(git: &Git, ids: impl Iterator<Item = ObjectId>) -> Result<Self, GitError> {
        let mut command = git.command(["cat-file", "--batch"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let start = |source| GitError::Start { source };
        let mut child = command.spawn().map_err(start)?;
        let questions: String = ids.map(|id| format!("{id}\n")).collect();
        let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(torn());
        };
        // Its own thread: git answers before it has read all questions.
        std::thread::spawn(move || stdin.write_all(questions.as_bytes()));
        Ok(Self { child, answers: BufReader::new(stdout) })
    }

    /// The next content; `None` for one that is missing or too large to look at.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<u8>>, GitError> {
        let mut header = String::new();
        self.answers.read_line(&mut header).map_err(|_| torn())?;
        let Some(size) = header.trim_end().rsplit(' ').next().and_then(|word| word.parse().ok())
        else {
            return if header.trim_end().ends_with(" missing") { Ok(None) } else { Err(torn()) };
        };
        let mut content = self.answers.by_ref().take(size);
        let mut bytes = Vec::new();
        if size <= LIMIT {
            content.read_to_end(&mut bytes).map_err(|_| torn())?;
        } else {
            std::io::copy(&mut content, &mut std::io::sink()).map_err(|_| torn())?;
        }
        let mut end = [0];
        self.answers.read_exact(&mut end).map_err(|_| torn())?;
        Ok((size <= LIMIT).then_some(bytes))
    }

    /// Waits for git.
    pub(crate) fn end(mut self) -> Result<(), GitError> {
        self.child.wait().map(drop).map_err(|source| GitError::Start { source })
    }
}

fn torn() -> GitError {
    GitError::Failed { what: "cat-file".to_owned(), words: "the answer does not read".to_owned() }
}
