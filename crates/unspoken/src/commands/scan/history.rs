//! The history of a repository: every content, message and tag that it keeps,
//! each read once.
//!
//! Rules:
//! - Git lists its objects in the order in which they lie, and hands them out in
//!   that order, to as many readers as there are processors. Trees are left out.
//! - Which commit brought a content is asked only when something was found.
//! - What no branch, tag or stash leads to is counted and not told as a finding:
//!   git drops it in time.

mod origin;

use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::process::{ChildStdout, Stdio};
use std::sync::{Mutex, PoisonError};

use zeroize::Zeroizing;

use self::origin::Origins;
use super::findings::Findings;
use super::search::{Room, Search, Spot};
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

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Blob,
    Commit,
    Tag,
}

/// Looks through all of a repository's history. Says how much was found that
/// nothing leads to any more.
pub(crate) fn scan(git: &Git, search: &Search, findings: &Findings) -> Result<usize, Failure> {
    let objects = list(git)?;
    let hits = Mutex::new(Vec::new());
    let parts = split(objects, threads());
    let looked = std::thread::scope(|scope| {
        let hits = &hits;
        let read = |part| scope.spawn(move || read(git, part, search, hits));
        let readers: Vec<_> = parts.iter().map(Vec::as_slice).map(read).collect();
        let joined =
            readers.into_iter().map(|reader| reader.join().unwrap_or_else(|_| Err(torn())));
        joined.sum::<Result<usize, GitError>>()
    })?;
    findings.looked(looked);
    let hits = hits.into_inner().unwrap_or_else(PoisonError::into_inner);
    if hits.is_empty() {
        return Ok(0);
    }
    let origins = Origins::of(git, &hits)?;
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

/// Every object that is no tree, in the order in which they lie.
fn list(git: &Git) -> Result<Vec<ObjectId>, GitError> {
    let format = "--batch-check=%(objectname) %(objecttype)";
    let arguments = [AS_KEPT, "cat-file", "--batch-all-objects", "--unordered", format];
    let output = git.command(arguments).stderr(Stdio::null()).output();
    let output = output.map_err(|source| GitError::Start { source })?;
    if !output.status.success() {
        return Err(torn());
    }
    let lines = output.stdout.split(|&byte| byte == b'\n');
    let object = |line: &[u8]| {
        let (id, kind) = std::str::from_utf8(line).ok()?.split_once(' ')?;
        (kind != "tree").then(|| ObjectId::parse(id)).flatten()
    };
    Ok(lines.filter_map(object).collect())
}

/// What a reference under `refs/replace` hides is looked at, too.
pub(super) const AS_KEPT: &str = "--no-replace-objects";

/// How many objects that lie together are read by one reader.
const TOGETHER: usize = 1024;

/// Parts of about the same size, of neighbours that git packs against each other.
fn split(objects: Vec<ObjectId>, count: usize) -> Vec<Vec<ObjectId>> {
    let mut parts = vec![Vec::new(); count.min(objects.len().div_ceil(TOGETHER))];
    let places = parts.len();
    for (at, id) in objects.into_iter().enumerate() {
        if let Some(part) = parts.get_mut(at / TOGETHER % places) {
            part.push(id);
        }
    }
    parts
}

/// Reads objects, one after the other from one process.
fn read(
    git: &Git,
    ids: &[ObjectId],
    search: &Search,
    hits: &Mutex<Vec<Hit>>,
) -> Result<usize, GitError> {
    let mut command = git.command([AS_KEPT, "cat-file", "--batch", "--buffer"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let start = |source| GitError::Start { source };
    let mut child = command.spawn().map_err(start)?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(torn());
    };
    let questions: String = ids.iter().map(|id| format!("{id}\n")).collect();
    // Its own thread: git answers before it has read all questions.
    std::thread::spawn(move || stdin.write_all(questions.as_bytes()));
    let mut answers = BufReader::with_capacity(256 * 1024, stdout);
    let mut room = Room::new();
    let mut looked = 0;
    for id in ids {
        let Some((kind, size)) = header(&mut answers)? else { continue };
        let mut content = answers.by_ref().take(size);
        let spots = match kind {
            Kind::Blob => search.look(&mut content, &mut room),
            Kind::Commit | Kind::Tag => message(&mut content, search, &mut room),
        };
        let spots = spots.map_err(|_| torn())?;
        if content.limit() > 0 || answers.read_exact(&mut [0]).is_err() {
            return Err(torn());
        }
        looked += 1;
        if !spots.is_empty() {
            let mut hits = hits.lock().unwrap_or_else(PoisonError::into_inner);
            hits.push(Hit { id: id.clone(), kind, spots });
        }
    }
    child.wait().map_err(start)?;
    Ok(looked)
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
