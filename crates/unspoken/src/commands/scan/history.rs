//! The history of a repository: every content, message and tag that it keeps,
//! each read once.
//!
//! Rules:
//! - Git lists its objects and hands them out, to as many readers as there are
//!   processors, in an order in which it and they have least to do: see `order`.
//!   Trees are left out.
//! - Of a file's many versions each is read, and looked through where it differs
//!   from one in which nothing was found: see `versions`.
//! - Which commit brought a content is asked only when something was found.
//! - What no branch, tag or stash leads to is counted and not told as a finding:
//!   git drops it in time.

mod order;
mod origin;
mod versions;

use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::process::{ChildStdout, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use zeroize::Zeroizing;

use self::order::Part;
use self::origin::{Commits, Origins};
use self::versions::Versions;
use super::findings::Findings;
use super::search::{BLOCK, Room, Search, Spot};
use super::trace::Trace;
use super::work_tree::threads;
use crate::failure::Failure;
use crate::git::{Git, GitError, ObjectId};

/// An object in which something was found.
#[derive(Debug)]
pub(super) struct Hit {
    pub(super) id: ObjectId,
    pub(super) kind: Kind,
    pub(super) spots: Vec<Spot>,
}

/// All of them so far. With the first one, git begins to list the commits.
#[derive(Debug, Default)]
struct Hits {
    list: Vec<Hit>,
    commits: Option<Commits>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Blob,
    Commit,
    Tag,
}

/// A list of a repository's objects that git makes while something else is done.
#[derive(Debug)]
pub(crate) struct Listing(JoinHandle<Result<Vec<Part>, GitError>>);

impl Listing {
    pub(crate) fn start(git: &Git) -> Self {
        let git = git.clone();
        Self(std::thread::spawn(move || list(&git)))
    }
}

/// Looks through all of a repository's history. Says how much was found that
/// nothing leads to any more.
pub(crate) fn scan(
    git: &Git,
    objects: Listing,
    search: &Search,
    findings: &Findings,
) -> Result<usize, Failure> {
    let hits = Mutex::new(Hits::default());
    let parts = objects.0.join().unwrap_or_else(|_| Err(torn()))?;
    let looked = std::thread::scope(|scope| {
        let hits = &hits;
        let read = |part| scope.spawn(move || read(git, part, search, hits));
        let readers: Vec<_> = parts.iter().map(read).collect();
        let joined =
            readers.into_iter().map(|reader| reader.join().unwrap_or_else(|_| Err(torn())));
        joined.sum::<Result<usize, GitError>>()
    })?;
    findings.looked(looked);
    let Hits { list: hits, commits } = hits.into_inner().unwrap_or_else(PoisonError::into_inner);
    let Some(commits) = commits else { return Ok(0) };
    let origins = Origins::of(git, &commits.join()?, &hits)?;
    let mut lost = 0;
    for hit in hits {
        let Some((path, place)) = origins.find(&hit) else {
            lost += hit.spots.len();
            continue;
        };
        for spot in hit.spots {
            findings.push(Trace {
                path: path.clone(),
                place: place.clone(),
                position: spot.position,
                what: spot.what,
                text: spot.text,
            });
        }
    }
    Ok(lost)
}

/// Every object that is no tree, for as many readers as there are processors: see
/// [`order::parts`].
fn list(git: &Git) -> Result<Vec<Part>, GitError> {
    let format = format!("--batch-check={}", order::FORMAT);
    let arguments = [AS_KEPT, "cat-file", "--batch-all-objects", "--unordered", &format];
    let start = |source| GitError::Start { source };
    let mut command = git.command(arguments);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(start)?;
    let stdout = child.stdout.take().ok_or_else(torn)?;
    let parts = order::parts(BufReader::with_capacity(64 * 1024, stdout), threads());
    let status = child.wait().map_err(start)?;
    parts.ok().filter(|_| status.success()).ok_or_else(torn)
}

/// What a reference under `refs/replace` hides is looked at, too.
pub(super) const AS_KEPT: &str = "--no-replace-objects";

/// How many bytes git keeps of what others are made of, at least. The less it is, the
/// more of it stays in the processor's own memory.
const KEPT: u64 = 16 * 1024 * 1024;

/// Reads objects, one after the other from one process.
fn read(git: &Git, part: &Part, search: &Search, hits: &Mutex<Hits>) -> Result<usize, GitError> {
    let kept = format!("core.deltaBaseCacheLimit={}", part.kept.max(KEPT));
    let setting = if part.kept < order::MOST { vec!["-c", &kept] } else { Vec::new() };
    let words = setting.into_iter().chain([AS_KEPT, "cat-file", "--batch", "--buffer"]);
    let mut command = git.command(words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let start = |source| GitError::Start { source };
    let mut child = command.spawn().map_err(start)?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(torn());
    };
    let questions: String = part.ids.iter().map(|id| format!("{id}\n")).collect();
    // Its own thread: git answers before it has read all questions.
    std::thread::spawn(move || stdin.write_all(questions.as_bytes()));
    widen(&stdout);
    let mut answers = BufReader::with_capacity(256 * 1024, stdout);
    let mut room = Room::new();
    let (mut versions, mut letter) = (Versions::new(search), Zeroizing::new(Vec::new()));
    let mut looked = 0;
    for id in &part.ids {
        let Some((kind, size)) = header(&mut answers)? else { continue };
        let mut content = answers.by_ref().take(size);
        let spots = match (kind, usize::try_from(size).ok().filter(|&size| size < BLOCK)) {
            (Kind::Blob, Some(size)) => versions.look(&mut content, size, &mut room),
            (Kind::Blob, None) => search.look(&mut content, &mut room),
            (Kind::Commit | Kind::Tag, Some(size)) => {
                letter = fitting(letter, size);
                match content.read_exact(&mut letter) {
                    Ok(()) if search.is_clean(&letter, &mut room) => Ok(Vec::new()),
                    Ok(()) => message(&mut letter.as_slice(), search, &mut room),
                    Err(error) => Err(error),
                }
            }
            (Kind::Commit | Kind::Tag, None) => message(&mut content, search, &mut room),
        };
        let spots = spots.map_err(|_| torn())?;
        if content.limit() > 0 || answers.read_exact(&mut [0]).is_err() {
            return Err(torn());
        }
        looked += 1;
        if !spots.is_empty() {
            let mut hits = hits.lock().unwrap_or_else(PoisonError::into_inner);
            hits.commits.get_or_insert_with(|| Commits::start(git));
            hits.list.push(Hit { id: id.clone(), kind, spots });
        }
    }
    child.wait().map_err(start)?;
    Ok(looked)
}

/// A text of this size, in the room of an older one where that is large enough: it
/// never grows, for it would move and leave a copy.
fn fitting(old: Zeroizing<Vec<u8>>, size: usize) -> Zeroizing<Vec<u8>> {
    let mut room = old;
    if room.capacity() < size {
        room = Zeroizing::new(Vec::with_capacity(size.next_power_of_two()));
    }
    room.resize(size, 0);
    room
}

/// Lets git write further ahead. With the room that a pipe has from the start, the
/// two wait for each other more than they work.
fn widen(pipe: &ChildStdout) {
    #[cfg(target_os = "linux")]
    let _ = rustix::pipe::fcntl_setpipe_size(pipe, 1024 * 1024);
    #[cfg(not(target_os = "linux"))]
    let _ = pipe;
}

/// Kind and size of the next object; `None` for one that git does not have.
fn header(answers: &mut BufReader<ChildStdout>) -> Result<Option<(Kind, u64)>, GitError> {
    let mut line = String::new();
    // No header is as long as that.
    answers.take(256).read_line(&mut line).map_err(|_| torn())?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, kind, size] = words.as_slice() else {
        return if line.ends_with(" missing\n") { Ok(None) } else { Err(torn()) };
    };
    let kind = match *kind {
        "blob" => Kind::Blob,
        "commit" => Kind::Commit,
        "tag" => Kind::Tag,
        _ => return Err(torn()),
    };
    Ok(Some((kind, size.parse().map_err(|_| torn())?)))
}

/// How much may stand before the message of a commit or a tag: signatures, and
/// the tags that a merge has brought.
const HEAD_LIMIT: u64 = 1024 * 1024;

/// Looks through a commit or a tag, lines being counted from its message.
fn message(content: &mut impl BufRead, search: &Search, room: &mut Room) -> io::Result<Vec<Spot>> {
    let (mut head, mut before) = (Zeroizing::new(Vec::new()), 0);
    while (head.len() as u64) < HEAD_LIMIT {
        let rest = HEAD_LIMIT - head.len() as u64;
        match content.by_ref().take(rest).read_until(b'\n', &mut head)? {
            0 => break,
            // The line between the two counts as one of the first.
            1 if head.ends_with(b"\n\n") => {
                before = memchr::memchr_iter(b'\n', &head).count();
                break;
            }
            _ => {}
        }
    }
    let mut spots = search.look(head.as_slice().chain(content), room)?;
    for spot in &mut spots {
        spot.position.line = spot.position.line.saturating_sub(before).max(1);
    }
    Ok(spots)
}

pub(super) fn torn() -> GitError {
    GitError::Failed { what: "cat-file".to_owned(), words: "the answer does not read".to_owned() }
}
