//! What was committed: the versions of a document, and who could read what in
//! them.
//!
//! Rules:
//! - The history is that of the current commit. Other branches are not looked
//!   at, nor the path that a document had under another name.
//! - Nothing is verified: an old version was under an old seal key. What is said
//!   here is what the files say.
//! - A version that does not read is passed over, and counted.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use jiff::Timestamp;
use unspoken_model::{DocumentForm, ProjectFile, is_same_key};
use unspoken_seal::{Document, key_id};

use crate::access::{environment_key, without_comment};
use crate::repository::{GitError, Object, Objects, Repository};

/// How many versions of one file are looked at, the newest first.
pub(crate) const VERSIONS: usize = 10_000;

/// A commit that changed the file in question.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Commit {
    /// All its hex digits.
    pub(crate) id: String,
    pub(crate) time: Timestamp,
    /// Whom it names as its author. Foreign text.
    pub(crate) author: String,
}

/// A file as one commit left it; no bytes where that removed it.
#[derive(Debug)]
struct Blob {
    commit: Rc<Commit>,
    bytes: Option<Vec<u8>>,
}

/// A document as one commit left it; empty where that removed it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Version {
    /// The public keys of those who could open it.
    pub(crate) recipients: Vec<String>,
    /// Which of them was the environment's own.
    pub(crate) environment_key: Option<String>,
    pub(crate) names: BTreeSet<String>,
}

/// What could not be looked at.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Gaps {
    /// How many versions did not read.
    pub(crate) unread: usize,
    /// Whether there are more than [`VERSIONS`].
    pub(crate) is_cut: bool,
}

/// Until when somebody could read a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Reach {
    /// The newest version in which they could.
    pub(crate) last: Rc<Commit>,
    /// The version after it, in which they could not any more; `None` when none
    /// was committed.
    pub(crate) until: Option<Rc<Commit>>,
}

/// Who could read what, gathered over versions from the newest to the oldest.
#[derive(Debug, Default)]
pub(crate) struct Past {
    reaches: BTreeMap<String, BTreeMap<String, Reach>>,
    environment_keys: BTreeSet<String>,
    newer: Option<Rc<Commit>>,
}

/// Who had which key, by the project file's versions, the newest first.
#[derive(Debug, Default)]
pub(crate) struct Holders {
    /// A name and a key that it had, in the order in which they were met.
    pairs: Vec<(String, String)>,
}

/// Reads every version of a document.
pub(crate) fn documents(
    repository: &Repository,
    path: &str,
    form: DocumentForm,
) -> Result<(Past, Gaps), GitError> {
    let mut past = Past::default();
    let gaps = each(repository, path, Document::MAX_BYTES as u64, |blob| {
        let version = match &blob.bytes {
            None => Version::default(),
            Some(bytes) => match Document::parse(form, bytes) {
                Ok(document) => Version::of(&document),
                Err(_) => return false,
            },
        };
        past.add(blob.commit, version);
        true
    })?;
    Ok((past, gaps))
}

/// Reads every version of the project file, after the `current` one.
pub(crate) fn holders(
    repository: Option<&Repository>,
    current: &ProjectFile,
) -> Result<(Holders, Gaps), GitError> {
    let mut holders = Holders::default();
    holders.add(current);
    let Some(repository) = repository else { return Ok((holders, Gaps::default())) };
    let gaps = each(repository, ProjectFile::NAME, 1024 * 1024, |blob| {
        let Some(bytes) = blob.bytes else { return true };
        let file = std::str::from_utf8(&bytes).ok().and_then(|text| ProjectFile::parse(text).ok());
        file.as_ref().map(|file| holders.add(file)).is_some()
    })?;
    Ok((holders, gaps))
}

/// Hands out a file's versions, the newest first; `take` says whether it could
/// read one.
fn each(
    repository: &Repository,
    path: &str,
    limit: u64,
    mut take: impl FnMut(Blob) -> bool,
) -> Result<Gaps, GitError> {
    let mut commits = commits(repository, path)?;
    let mut gaps = Gaps { unread: 0, is_cut: commits.len() > VERSIONS };
    commits.truncate(VERSIONS);
    let mut objects = repository.objects()?;
    for commit in commits {
        let read = match read(&mut objects, &commit, path, limit)? {
            Object::Content(bytes) => take(Blob { commit: Rc::new(commit), bytes: Some(bytes) }),
            Object::Missing => take(Blob { commit: Rc::new(commit), bytes: None }),
            Object::Other => false,
        };
        gaps.unread += usize::from(!read);
    }
    Ok(gaps)
}

fn read(
    objects: &mut Objects,
    commit: &Commit,
    path: &str,
    limit: u64,
) -> Result<Object, GitError> {
    // `./` is the folder that git runs in, wherever in the repository that is.
    objects.read(&format!("{}:./{path}", commit.id), limit)
}

/// The commits that changed a file, the newest first, one more than are looked
/// at.
fn commits(repository: &Repository, path: &str) -> Result<Vec<Commit>, GitError> {
    // A repository without a commit has no history, which is no failure.
    if repository.ask("rev-parse", &["rev-parse", "--quiet", "--verify", "HEAD"]).is_err() {
        return Ok(Vec::new());
    }
    let count = format!("--max-count={}", VERSIONS + 1);
    let path = format!(":(literal){path}");
    let words = [
        "log",
        "-z",
        "--full-history",
        "--topo-order",
        "--no-patch",
        "--no-color",
        "--no-mailmap",
        "--encoding=UTF-8",
        "--format=tformat:%H %ct %<(80,trunc)%an",
        &count,
        "HEAD",
        "--",
        &path,
    ];
    let answer = repository.ask("log", &words)?;
    let records = answer.split(|&byte| byte == 0).filter(|record| !record.is_empty());
    let commit = |record| Commit::parse(&String::from_utf8_lossy(record));
    records.map(|record| commit(record).ok_or(GitError::Answer { command: "log" })).collect()
}

impl Commit {
    /// How many digits of an id are shown.
    const SHORT: usize = 10;

    fn parse(record: &str) -> Option<Self> {
        let (id, rest) = record.split_once(' ')?;
        let (seconds, author) = rest.split_once(' ')?;
        if id.len() < 40 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let time = Timestamp::from_second(seconds.parse().ok()?).ok()?;
        Some(Self { id: id.to_owned(), time, author: author.trim_end().to_owned() })
    }

    pub(crate) fn short(&self) -> &str {
        self.id.get(..Self::SHORT).unwrap_or(&self.id)
    }
}

impl Version {
    fn of(document: &Document<'_>) -> Self {
        let plain = |key: &str| without_comment(key).to_owned();
        Self {
            recipients: document.recipients().into_iter().map(plain).collect(),
            environment_key: environment_key(document).map(str::to_owned),
            names: document.names().map(str::to_owned).collect(),
        }
    }
}

impl Past {
    /// Takes the next older version.
    pub(crate) fn add(&mut self, commit: Rc<Commit>, version: Version) {
        for key in &version.recipients {
            let names = self.reaches.entry(key.clone()).or_default();
            for name in &version.names {
                // Only the newest version of what is known already counts.
                if !names.contains_key(name) {
                    let reach = Reach { last: Rc::clone(&commit), until: self.newer.clone() };
                    names.insert(name.clone(), reach);
                }
            }
        }
        self.environment_keys.extend(version.environment_key);
        self.newer = Some(commit);
    }

    /// The names that the holder of any of these keys could read.
    pub(crate) fn readable_by<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k str>,
    ) -> BTreeMap<&str, &Reach> {
        let reaches = |key: &'k str| self.reaches.get(without_comment(key));
        let mut names: BTreeMap<&str, &Reach> = BTreeMap::new();
        for (name, reach) in keys.into_iter().filter_map(reaches).flatten() {
            names
                .entry(name)
                .and_modify(|known| {
                    if known.last.time < reach.last.time {
                        *known = reach;
                    }
                })
                .or_insert(reach);
        }
        names
    }

    /// The keys that could open a value.
    pub(crate) fn readers_of(&self, name: &str) -> BTreeMap<&str, &Reach> {
        let keys = self.reaches.iter();
        keys.filter_map(|(key, names)| Some((key.as_str(), names.get(name)?))).collect()
    }

    /// Whether a key was once the environment's own.
    pub(crate) fn was_environment_key(&self, key: &str) -> bool {
        self.environment_keys.contains(key)
    }
}

impl Holders {
    fn add(&mut self, file: &ProjectFile) {
        for (name, key) in &file.recipients {
            let known =
                |pair: &(String, String)| pair.0 == name.as_str() && is_same_key(&pair.1, key);
            if !self.pairs.iter().any(known) {
                self.pairs.push((name.to_string(), key.clone()));
            }
        }
    }

    /// Every key that somebody of this name had.
    pub(crate) fn keys_of(&self, name: &str) -> Vec<&str> {
        self.pairs.iter().filter(|pair| pair.0 == name).map(|pair| pair.1.as_str()).collect()
    }

    /// Every name that the holder of a key had, the newest first.
    pub(crate) fn names_of(&self, key: &str) -> Vec<&str> {
        self.pairs
            .iter()
            .filter(|pair| is_same_key(&pair.1, key))
            .map(|pair| pair.0.as_str())
            .collect()
    }

    /// Everything that a document may call the holder of a key by who lost
    /// access: each name, else the start of the key, else its id.
    pub(crate) fn marks_of(&self, key: &str) -> BTreeSet<String> {
        let mut marks: BTreeSet<String> =
            self.names_of(key).into_iter().map(str::to_owned).collect();
        marks.insert(key.chars().take(20).collect());
        marks.insert(key_id(key).to_string());
        marks
    }

    /// Every name that there was.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        self.pairs.iter().map(|pair| pair.0.as_str()).collect()
    }
}

#[cfg(test)]
mod tests;
