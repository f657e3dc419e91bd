//! The lines that git needs: what it must not take up, and what it must not
//! change.

use std::path::Path;
use std::process::Command;

use unspoken_model::ProjectFile;
use unspoken_store::ensure_lines;

use crate::failure::Failure;

/// What is ignored in every project. Encrypted files are not.
pub(crate) const IGNORED: [&str; 8] = [
    ".env",
    ".env.*",
    "!.env.example",
    "!.env.sample",
    "!.env.enc",
    "!.env.*.enc",
    "/secrets/.*.lock",
    "/secrets/.*.tmp",
];
pub(crate) const ATTRIBUTES: [&str; 1] = ["/secrets/* -text"];

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
    let mut git = Command::new("git");
    git.arg("-C").arg(root).args(["--no-pager", "show"]);
    let shown = git.arg(format!("HEAD:./{}", ProjectFile::NAME)).output().ok()?;
    ProjectFile::parse(&String::from_utf8(shown.stdout).ok()?).ok()
}

/// What the author of a commit would be called, as git is set up here.
pub(crate) fn author(root: &Path) -> Option<String> {
    let mut git = Command::new("git");
    let shown = git.arg("-C").arg(root).args(["config", "user.email"]).output().ok()?;
    Some(String::from_utf8(shown.stdout).ok()?.trim().to_lowercase())
}
