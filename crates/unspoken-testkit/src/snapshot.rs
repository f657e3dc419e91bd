//! What lies in a project's folders, to show later what has changed there.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Every file, folder and link below some folders, with mode and content.
///
/// There is no `Debug`: the content may be a value. [`Snapshot::changes`] names
/// paths alone.
#[derive(Clone, Eq, PartialEq)]
#[expect(missing_debug_implementations, reason = "it would show what files hold")]
pub struct Snapshot {
    entries: BTreeMap<PathBuf, Entry>,
}

#[derive(Clone, Eq, PartialEq)]
struct Entry {
    mode: u32,
    content: Vec<u8>,
}

impl Snapshot {
    /// Takes in all that lies below `root`, except what git keeps and lock files
    /// that nobody holds.
    #[track_caller]
    pub(crate) fn of(root: &Path) -> Self {
        let mut snapshot = Self { entries: BTreeMap::new() };
        snapshot.folder(root, root);
        snapshot
    }

    /// The paths that were added, removed or changed between this and `later`,
    /// sorted.
    pub fn changes(&self, later: &Self) -> Vec<String> {
        let paths = self.entries.keys().chain(later.entries.keys());
        let differs = |path: &&PathBuf| self.entries.get(*path) != later.entries.get(*path);
        let mut changed: Vec<String> =
            paths.filter(differs).map(|path| path.display().to_string()).collect();
        changed.sort();
        changed.dedup();
        changed
    }

    #[track_caller]
    fn folder(&mut self, root: &Path, folder: &Path) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => panic!("cannot list `{}`: {error}", folder.display()),
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            if entry.file_name() == ".git" || is_free_lock(&path, metadata.len()) {
                continue;
            }
            let content = if metadata.is_file() {
                fs::read(&path).unwrap_or_default()
            } else if metadata.is_symlink() {
                fs::read_link(&path).unwrap_or_default().into_os_string().into_encoded_bytes()
            } else {
                Vec::new()
            };
            let entry = Entry { mode: metadata.permissions().mode(), content };
            self.entries.insert(path.strip_prefix(root).unwrap_or(&path).to_owned(), entry);
            if metadata.is_dir() {
                self.folder(root, &path);
            }
        }
    }
}

fn is_free_lock(path: &Path, length: u64) -> bool {
    length == 0 && path.extension().is_some_and(|extension| extension == "lock")
}
