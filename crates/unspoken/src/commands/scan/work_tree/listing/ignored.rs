//! Which of some paths git ignores: files, and the folders that they lie in.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use super::answer_of;
use crate::git::{Git, GitError};

/// Paths below a repository's root that are ignored.
#[derive(Debug, Default)]
pub(super) struct Ignored(HashSet<Vec<u8>>);

/// Whether a path was perhaps listed only because nothing called `.env` was left out.
pub(super) fn may_be_ignored(path: &[u8]) -> bool {
    path.starts_with(b".env") || memchr::memmem::find(path, b"/.env").is_some()
}

impl Ignored {
    /// Asks git about these paths, none of which it tracks.
    pub(super) fn of<'p>(
        git: &Git,
        top: &Path,
        paths: impl Iterator<Item = &'p [u8]>,
    ) -> Result<Self, GitError> {
        let mut questions = HashSet::new();
        for path in paths {
            questions.insert(path);
            // Another folder that was ignored would not have been entered.
            questions.extend(folder(path).filter(|folder| may_be_ignored(folder)));
        }
        if questions.is_empty() {
            return Ok(Self::default());
        }
        let text: Vec<u8> = questions.into_iter().flat_map(|path| [path, b"\0"].concat()).collect();
        let words = ["check-ignore", "--no-index", "--verbose", "-z", "--stdin"].map(AsRef::as_ref);
        let mut command = git.command(["-C".as_ref(), top.as_os_str()].into_iter().chain(words));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|source| GitError::Start { source })?;
        if let Some(mut stdin) = child.stdin.take() {
            // Its own thread: git answers before it has read all questions.
            std::thread::spawn(move || stdin.write_all(&text));
        }
        // It ends with 1 where none is ignored.
        let answer = answer_of(child, &[0, 1], "check-ignore")?;
        let fields: Vec<&[u8]> = answer.split(|&byte| byte == 0).collect();
        // The file, line and text of a pattern, and the path that it fits.
        let ignored = fields.chunks_exact(4).filter_map(|found| match found {
            [_, _, pattern, path] if !pattern.starts_with(b"!") => Some(path.to_vec()),
            _ => None,
        });
        Ok(Self(ignored.collect()))
    }

    pub(super) fn has(&self, path: &[u8]) -> bool {
        self.0.contains(path)
    }

    pub(super) fn has_folder_of(&self, path: &[u8]) -> bool {
        folder(path).is_some_and(|folder| self.has(folder))
    }
}

/// Where a file lies; none for what lies in the root.
fn folder(path: &[u8]) -> Option<&[u8]> {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    path.get(..memchr::memrchr(b'/', path)?)
}
