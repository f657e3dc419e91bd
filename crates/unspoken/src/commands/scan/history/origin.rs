//! Where an object came from: the commit that brought it, and its path there.
//!
//! Rules:
//! - The oldest commit that has an object has brought it.
//! - Commits are compared with their parents oldest first, as many at once as there
//!   are processors, and no further than it takes.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, ChildStderr, ChildStdout, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use super::{AS_KEPT, Hit, Kind, torn};
use crate::commands::scan::trace::Place;
use crate::commands::scan::work_tree::threads;
use crate::git::{Git, GitError, ObjectId};

/// The origins of some objects, as far as something leads to them.
#[derive(Debug, Default)]
pub(super) struct Origins(HashMap<ObjectId, (String, Place)>);

impl Origins {
    /// Those of some hits, in a list of commits from [`Commits`].
    pub(super) fn of(git: &Git, commits: &[ObjectId], hits: &[Hit]) -> Result<Self, GitError> {
        let wanted =
            |kind| hits.iter().filter(move |hit| hit.kind == kind).map(|hit| hit.id.as_str());
        let mut origins = Self::default();
        let said: HashSet<&str> = wanted(Kind::Commit).collect();
        for id in commits.iter().filter(|id| said.contains(id.as_str())) {
            origins.put_message("commit", id.as_str().get(..10).unwrap_or_default(), id);
        }
        let brought = Brought::of(git, commits, wanted(Kind::Blob).collect())?;
        for (id, (at, path)) in brought {
            let commit = commits.get(at).map_or_else(String::new, ObjectId::to_string);
            origins.0.insert(id, (path, Place::Commit(commit)));
        }
        let said = wanted(Kind::Tag).collect::<HashSet<&str>>();
        if !said.is_empty() {
            origins.find_tags(git, &said)?;
        }
        Ok(origins)
    }

    pub(super) fn find(&self, hit: &Hit) -> Option<&(String, Place)> {
        self.0.get(&hit.id)
    }

    fn find_tags(&mut self, git: &Git, wanted: &HashSet<&str>) -> Result<(), GitError> {
        let tags = git.text(&["for-each-ref", "--format=%(objectname) %(refname:short)"])?;
        for (id, name) in tags.lines().filter_map(|line| line.split_once(' ')) {
            if let Some(id) = ObjectId::parse(id).filter(|id| wanted.contains(id.as_str())) {
                self.put_message("tag", name, &id);
            }
        }
        Ok(())
    }

    fn put_message(&mut self, what: &str, name: &str, id: &ObjectId) {
        let place = Place::Message(id.to_string());
        self.0.insert(id.clone(), (format!("{what} {name}"), place));
    }
}

/// All commits that something leads to, the oldest first. Git lists them while
/// something else is done.
#[derive(Debug)]
pub(super) struct Commits(JoinHandle<Result<Vec<ObjectId>, GitError>>);

impl Commits {
    pub(super) fn start(git: &Git) -> Self {
        let git = git.clone();
        Self(std::thread::spawn(move || commits(&git)))
    }

    pub(super) fn join(self) -> Result<Vec<ObjectId>, GitError> {
        self.0.join().unwrap_or_else(|_| Err(torn()))
    }
}

fn commits(git: &Git) -> Result<Vec<ObjectId>, GitError> {
    let mut words = vec![AS_KEPT, "rev-list", "--all", "--topo-order", "--reverse"];
    let stashes = git.find(&["reflog", "show", "--format=%H", "refs/stash"])?;
    words.extend(stashes.iter().flat_map(|list| list.lines()));
    words.push("--");
    let list = git.text(&words)?;
    Ok(list.lines().filter_map(ObjectId::parse).collect())
}

/// Which contents were met so far, in which commit and by which path.
struct Brought<'a> {
    wanted: HashSet<&'a str>,
    found: Mutex<HashMap<ObjectId, (usize, String)>>,
    /// The last commit that can tell anything new.
    last: AtomicUsize,
}

/// How many commits one process should have for a second one to be worth its start.
const WORTHWHILE: usize = 256;

/// How many commits each takes in a row: what git has made for one, it needs for the
/// next.
const ROW: usize = 64;

impl<'a> Brought<'a> {
    /// Looks for contents in a list of commits.
    fn of(
        git: &Git,
        commits: &[ObjectId],
        wanted: HashSet<&'a str>,
    ) -> Result<HashMap<ObjectId, (usize, String)>, GitError> {
        let last = AtomicUsize::new(usize::MAX);
        let brought = Self { wanted, found: Mutex::default(), last };
        if brought.wanted.is_empty() {
            return Ok(HashMap::new());
        }
        let count = threads().min(commits.len() / WORTHWHILE).max(1);
        std::thread::scope(|scope| {
            let brought = &brought;
            let follow = |turn| scope.spawn(move || brought.follow(git, commits, turn, count));
            let followers: Vec<_> = (0..count).map(follow).collect();
            let joined =
                followers.into_iter().map(|one| one.join().unwrap_or_else(|_| Err(torn())));
            joined.collect::<Result<(), GitError>>()
        })?;
        Ok(brought.found.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Goes through some of the commits: so many take turns.
    fn follow(
        &self,
        git: &Git,
        commits: &[ObjectId],
        turn: usize,
        count: usize,
    ) -> Result<(), GitError> {
        let is_own = move |(at, _): &(usize, &ObjectId)| at / ROW % count == turn;
        let own = || commits.iter().enumerate().filter(is_own);
        let questions: String = own().map(|(_, id)| format!("{id}\n")).collect();
        let mut call = Call::start(git, questions)?;
        let (mut own, mut at) = (own(), 0);
        while let Some(field) = call.field()? {
            let text = String::from_utf8_lossy(&field);
            if text.starts_with(':') {
                // Modes, then the objects: of each parent, and the new one.
                let id = text.rsplit(' ').nth(1);
                let id = id.filter(|id| self.wanted.contains(id)).and_then(ObjectId::parse);
                let path = call.field()?.unwrap_or_default();
                if let Some(id) = id {
                    self.put(id, at, &String::from_utf8_lossy(&path));
                }
                continue;
            }
            // A commit that changes nothing is not told.
            let Some((next, _)) = own.find(|(_, id)| id.as_str() == text) else {
                return Err(torn());
            };
            at = next;
            if at > self.last.load(Ordering::Relaxed) {
                return Ok(());
            }
        }
        call.end()
    }

    /// Notes where a content is, unless an older commit has it.
    fn put(&self, id: ObjectId, at: usize, path: &str) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.get(&id).is_none_or(|(before, _)| at <= *before) {
            found.insert(id, (at, path.to_owned()));
        }
        if found.len() == self.wanted.len() {
            let last = found.values().map(|(at, _)| *at).max().unwrap_or(0);
            self.last.store(last, Ordering::Relaxed);
        }
    }
}

/// Git comparing commits with their parents. It ends with this.
struct Call {
    child: Child,
    answers: BufReader<ChildStdout>,
    /// What git says of a failure.
    words: Option<JoinHandle<Vec<u8>>>,
}

/// How much of what git says of a failure is kept.
const WORDS_LIMIT: u64 = 4096;

impl Call {
    fn start(git: &Git, questions: String) -> Result<Self, GitError> {
        let mut words = vec![AS_KEPT, "diff-tree", "--stdin", "-r", "--root", "-c", "-z", "--raw"];
        words.extend(["--no-renames", "--no-abbrev", "--no-ext-diff", "--no-textconv"]);
        words.push("--ignore-submodules=all");
        let mut command = git.command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|source| GitError::Start { source })?;
        let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(torn());
        };
        // Threads of their own: git answers before it has read all questions, and
        // may complain meanwhile.
        std::thread::spawn(move || stdin.write_all(questions.as_bytes()));
        let words = child.stderr.take().map(|stderr| std::thread::spawn(|| complaint(stderr)));
        Ok(Self { child, answers: BufReader::new(stdout), words })
    }

    /// What stands before the next NUL; `None` at the end.
    fn field(&mut self) -> Result<Option<Vec<u8>>, GitError> {
        let mut field = Vec::new();
        self.answers.read_until(0, &mut field).map_err(|_| torn())?;
        Ok(field.pop().map(|_| field))
    }

    /// Whether git has answered everything.
    fn end(mut self) -> Result<(), GitError> {
        let status = self.child.wait().map_err(|source| GitError::Start { source })?;
        if status.success() {
            return Ok(());
        }
        let words = self.words.take().and_then(|words| words.join().ok()).unwrap_or_default();
        Err(GitError::of("diff-tree".to_owned(), status, &words))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // It may be in the middle of an answer.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn complaint(mut stderr: ChildStderr) -> Vec<u8> {
    let mut words = Vec::new();
    let _ = stderr.by_ref().take(WORDS_LIMIT).read_to_end(&mut words);
    let _ = std::io::copy(&mut stderr, &mut std::io::sink());
    words
}
