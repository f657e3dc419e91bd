//! Git: what it is asked, and the lines that it needs: what it must not take
//! up, what it must not change, and how it merges and shows documents.

mod call;
mod ground;
mod sides;
mod staged;

pub(crate) use call::{Git, GitError, ObjectId};
pub(crate) use ground::Ground;
pub(crate) use sides::Sides;
pub(crate) use staged::{Contents, Index, Stage, Staged, unmerged};

use std::path::Path;

use unspoken_model::{DocumentForm, EnvironmentName, ProjectFile};
use unspoken_store::{SECRETS, attribute_pattern, ensure_lines};

use crate::failure::{Code, Failure};

/// What is ignored in every project. Encrypted files are not.
pub(crate) const IGNORED: [&str; 9] = [
    ".env",
    ".env.*",
    "!.env.example",
    "!.env.sample",
    "!.env.enc",
    "!.env.*.enc",
    "/secrets/.*.lock",
    "/secrets/.*.tmp",
    "/*-backup-*.tar",
];
pub(crate) const ATTRIBUTES: [&str; 2] =
    ["/secrets/* -text", "/secrets/*.json merge=unspoken diff=unspoken"];

/// Adds lines to the project's `.gitignore`. Says whether it wrote.
pub(crate) fn ignore(root: &Path, lines: &[&str]) -> Result<bool, Failure> {
    let comment = "Plaintext secrets, and what unspoken leaves beside documents";
    Ok(ensure_lines(&root.join(".gitignore"), comment, lines)?)
}

/// Adds lines to the project's `.gitattributes`. Says whether it wrote.
pub(crate) fn attribute(root: &Path, lines: &[&str]) -> Result<bool, Failure> {
    let comment = "Documents are signed byte for byte: no change of line ends";
    Ok(ensure_lines(&root.join(".gitattributes"), comment, lines)?)
}

/// The project file as the last commit has it, as far as there is one.
pub(crate) fn committed_project_file(root: &Path) -> Option<ProjectFile> {
    let object = format!("HEAD:./{}", ProjectFile::NAME);
    ProjectFile::parse(&Git::at(root).find(&["show", &object]).ok()??).ok()
}

/// What the author of a commit would be called, as git is set up here.
pub(crate) fn author(root: &Path) -> Option<String> {
    let email = Git::at(root).find(&["config", "user.email"]).ok()??;
    Some(email.trim().to_lowercase())
}

/// The line that a document needs which is not covered by [`ATTRIBUTES`].
pub(crate) fn attribute_of(file: &ProjectFile, name: &EnvironmentName) -> Option<String> {
    let path = file.document_path(name);
    let (folder, _) = path.rsplit_once('/').unwrap_or(("", ""));
    if folder == SECRETS && DocumentForm::of(&path) == Some(DocumentForm::Json) {
        return None;
    }
    Some(format!("{} -text merge=unspoken diff=unspoken", attribute_pattern(path)))
}

/// Whether git merges and shows documents by name in this repository.
pub(crate) fn is_set_up(root: &Path) -> bool {
    let driver = Git::at(root).find(&["config", "--get", "merge.unspoken.driver"]);
    driver.is_ok_and(|driver| driver.is_some())
}

impl From<GitError> for Failure {
    fn from(error: GitError) -> Self {
        let failure = Self::because(Code::Other, &error);
        match error {
            GitError::Start { .. } => failure.hint("Install git, and run `git --version`."),
            GitError::Failed { ref words, .. } if words.contains("not a git repository") => {
                Self::new(Code::Missing, "this folder is in no git repository")
                    .hint("Run `git init` first.")
            }
            _ => failure,
        }
    }
}
