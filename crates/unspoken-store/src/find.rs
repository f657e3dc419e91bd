//! Finding the project that a folder belongs to.
//!
//! Rules:
//! - The nearest `unspoken.toml` wins, so each part of a monorepo can have one.
//! - The search ends at the repository's root. A file above it is somebody
//!   else's and is refused, not skipped, because the user may believe in it.
//! - The file belongs to us or to root, and is no link: whoever else can write
//!   it could choose which values a program gets.
//! - An explicit folder is taken as it is: no search.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use unspoken_model::ProjectFile;

use crate::file_error::if_found;
use crate::regular_file::RegularFile;
use crate::{FileError, Operation};

/// How much of a project file is read.
const LIMIT: u64 = 1024 * 1024;

/// A project file, read but not understood yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Found {
    /// The folder that it stands in, absolute and free of links.
    pub root: PathBuf,
    pub text: String,
}

/// Why no project was found.
#[derive(Debug, Error)]
pub enum FindError {
    #[error("no `{}` in `{}`{}", ProjectFile::NAME, .start.display(), up_to(.start, .end))]
    NotFound { start: PathBuf, end: PathBuf },
    #[error(
        "`{}` was found above the repository's root `{}`", .path.display(), .repository.display()
    )]
    AboveRepository { path: PathBuf, repository: PathBuf },
    #[error("`{}` belongs to user {found}, neither to you nor to root", .path.display())]
    Owner { path: PathBuf, found: u32 },
    #[error(transparent)]
    File(#[from] FileError),
}

/// Finds the project at `explicit`, or the one that `start` belongs to.
pub fn find(start: &Path, explicit: Option<&Path>) -> Result<Found, FindError> {
    let user = rustix::process::geteuid().as_raw();
    match explicit {
        Some(root) => look_in(&absolute(root)?),
        None => search(&absolute(start)?, user),
    }
}

impl Found {
    /// Where the project file itself stands.
    pub fn path(&self) -> PathBuf {
        self.root.join(ProjectFile::NAME)
    }
}

/// A folder that was named is trusted, whoever owns it: in a container, root
/// works on the checkout of another user.
fn look_in(root: &Path) -> Result<Found, FindError> {
    match read(root, None)? {
        Some(text) => Ok(Found { root: root.to_owned(), text }),
        None => Err(FindError::NotFound { start: root.to_owned(), end: root.to_owned() }),
    }
}

fn search(start: &Path, user: u32) -> Result<Found, FindError> {
    let mut end = start;
    for folder in start.ancestors() {
        if let Some(text) = read(folder, Some(user))? {
            return Ok(Found { root: folder.to_owned(), text });
        }
        end = folder;
        if exists(&folder.join(".git"))? {
            refuse_above(folder)?;
            break;
        }
    }
    Err(FindError::NotFound { start: start.to_owned(), end: end.to_owned() })
}

fn refuse_above(repository: &Path) -> Result<(), FindError> {
    for folder in repository.ancestors().skip(1) {
        let path = folder.join(ProjectFile::NAME);
        if exists(&path)? {
            return Err(FindError::AboveRepository { path, repository: repository.to_owned() });
        }
    }
    Ok(())
}

fn read(folder: &Path, user: Option<u32>) -> Result<Option<String>, FindError> {
    let path = folder.join(ProjectFile::NAME);
    let Some(file) = if_found(RegularFile::open(&path))? else { return Ok(None) };
    let found = file.owner();
    if user.is_some_and(|user| found != user && found != 0) {
        return Err(FindError::Owner { path, found });
    }
    let mut bytes = file.read(LIMIT)?;
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok(Some(text)),
        Err(error) => Err(FileError::not_text(&path, error.utf8_error()).into()),
    }
}

fn exists(path: &Path) -> Result<bool, FileError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FileError::new(Operation::Inspect, path, error)),
    }
}

fn absolute(path: &Path) -> Result<PathBuf, FileError> {
    fs::canonicalize(path).map_err(|error| FileError::new(Operation::Open, path, error))
}

fn up_to(start: &Path, end: &Path) -> String {
    if start == end {
        String::new()
    } else {
        format!(", nor in a folder above it up to `{}`", end.display())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;

    /// A temporary tree, named by paths below its root.
    struct Tree {
        folder: tempfile::TempDir,
    }

    impl Tree {
        fn new(folders: &[&str], projects: &[&str]) -> Self {
            let tree = Self { folder: tempfile::tempdir().unwrap() };
            for folder in folders {
                fs::create_dir_all(tree.at(folder)).unwrap();
            }
            for project in projects {
                fs::write(tree.at(project).join("unspoken.toml"), project).unwrap();
            }
            tree
        }

        fn at(&self, path: &str) -> PathBuf {
            // A platform's temporary folder may itself be reached over a link.
            fs::canonicalize(self.folder.path()).unwrap().join(path)
        }

        fn user(&self) -> u32 {
            fs::metadata(self.folder.path()).unwrap().uid()
        }
    }

    #[test]
    fn the_nearest_project_up_to_the_repository_wins() {
        let tree =
            Tree::new(&["repo/.git", "repo/app/src/deep", "repo/other"], &["repo", "repo/app"]);
        for (start, root) in [
            ("repo/app/src/deep", "repo/app"),
            ("repo/app", "repo/app"),
            ("repo/other", "repo"),
            ("repo", "repo"),
        ] {
            let found = find(&tree.at(start), None).unwrap();
            assert_eq!((found.root.clone(), found.text.as_str()), (tree.at(root), root));
            assert_eq!(found.path(), tree.at(root).join("unspoken.toml"));
        }
    }

    #[test]
    fn the_search_ends_at_the_repository_and_says_so() {
        let tree = Tree::new(&["repo/.git", "repo/a/b"], &[]);
        // A worktree and a submodule have a file for `.git`.
        fs::write(tree.at("repo/a/.git"), "gitdir: elsewhere").unwrap();
        for (start, end) in [("repo/a/b", "repo/a"), ("repo", "repo")] {
            let error = find(&tree.at(start), None).unwrap_err();
            assert!(
                matches!(&error, FindError::NotFound { start: s, end: e }
                    if (s, e) == (&tree.at(start), &tree.at(end))),
                "{error:?}"
            );
        }
        let text = find(&tree.at("repo"), None).unwrap_err().to_string();
        assert_eq!(text, format!("no `unspoken.toml` in `{}`", tree.at("repo").display()));
    }

    #[test]
    fn a_project_above_the_repository_is_refused_however_far_above() {
        for above in ["a", "a/b"] {
            let tree = Tree::new(&["a/b/repo/.git", "a/b/repo/src"], &[above]);
            let error = find(&tree.at("a/b/repo/src"), None).unwrap_err();
            assert!(
                matches!(&error, FindError::AboveRepository { path, repository }
                    if *path == tree.at(above).join("unspoken.toml")
                        && *repository == tree.at("a/b/repo")),
                "{error:?}"
            );
            // Who names it means it.
            let found = find(&tree.at("a/b/repo"), Some(&tree.at(above))).unwrap();
            assert_eq!(found.root, tree.at(above));
        }
    }

    #[test]
    fn without_a_repository_the_search_goes_on_to_the_top() {
        let tree = Tree::new(&["a/b/c"], &["a"]);
        assert_eq!(find(&tree.at("a/b/c"), None).unwrap().root, tree.at("a"));

        let tree = Tree::new(&["a/b/c"], &[]);
        let error = find(&tree.at("a/b/c"), None).unwrap_err();
        assert!(
            matches!(&error, FindError::NotFound { end, .. } if end == Path::new("/")),
            "{error:?}"
        );
    }

    #[test]
    fn an_explicit_folder_is_not_left() {
        let tree = Tree::new(&["repo/app"], &["repo"]);
        let error = find(&tree.at("repo"), Some(&tree.at("repo/app"))).unwrap_err();
        assert!(
            matches!(&error, FindError::NotFound { start, end }
                if *start == tree.at("repo/app") && start == end),
            "{error:?}"
        );
        let error = find(&tree.at("repo"), Some(&tree.at("gone"))).unwrap_err();
        assert!(matches!(&error, FindError::File(FileError::NotFound { .. })), "{error:?}");
    }

    #[test]
    fn a_strangers_project_is_refused_and_not_passed_over() {
        let tree = Tree::new(&["repo/app"], &["repo", "repo/app"]);
        let us = tree.user();
        assert!(search(&tree.at("repo/app"), us).is_ok());
        // Root's files are everybody's, so only others can show a stranger.
        std::os::unix::fs::chown(tree.at("repo/app/unspoken.toml"), Some(us.max(1)), None).unwrap();
        let error = search(&tree.at("repo/app"), us.max(1) + 1).unwrap_err();
        assert!(
            matches!(&error, FindError::Owner { path, found }
                if *path == tree.at("repo/app/unspoken.toml") && *found == us.max(1)),
            "{error:?}"
        );
        assert!(look_in(&tree.at("repo/app")).is_ok(), "a named folder is trusted");
    }

    #[test]
    fn what_is_no_plain_text_file_is_refused() {
        let tree = Tree::new(&["link", "folder/unspoken.toml", "bytes", "large"], &[]);
        fs::write(tree.at("target"), "").unwrap();
        symlink(tree.at("target"), tree.at("link/unspoken.toml")).unwrap();
        fs::write(tree.at("bytes/unspoken.toml"), b"ab\xff").unwrap();
        fs::write(tree.at("large/unspoken.toml"), vec![b'#'; 1024 * 1024 + 1]).unwrap();
        let error = |name| match find(&tree.at(name), None).unwrap_err() {
            FindError::File(error) => error,
            other => panic!("{other:?}"),
        };

        assert!(matches!(error("link"), FileError::Symlink { .. }));
        assert!(matches!(error("folder"), FileError::NotRegular { .. }));
        assert!(matches!(error("bytes"), FileError::NotText { at: 2, .. }));
        assert!(matches!(error("large"), FileError::TooLarge { limit: 1_048_576, .. }));
    }
}
