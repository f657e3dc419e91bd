//! Where sealed things and private keys lie: who else can get at them.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use unspoken_model::{DocumentForm, EnvironmentName, ProjectFile, shown};
use unspoken_seal::Document;
use unspoken_store::{PrivateError, read_limited};

use crate::context::Workspace;
use crate::failure::{Failure, quoted};
use crate::finding::{Finding, Rule};
use crate::repository::Repository;

/// The files that hold plaintext secrets, wherever in the project.
const PLAINTEXT: [&str; 2] = [":(glob)**/.env", ":(glob)**/.env.*"];

/// Endings of files that show which variables there are, and of encrypted ones.
const TEMPLATES: [&str; 5] = [".example", ".sample", ".template", ".dist", ".enc"];

/// The bit of a mode that lets every user write.
const WRITABLE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// Looks at what concerns no environment alone.
pub(super) fn look(workspace: &Workspace, repository: Option<&Repository>) -> Vec<Finding> {
    let mut findings = private(workspace);
    findings.extend(writable(&workspace.project.root, "project", ProjectFile::NAME));
    if let Some(repository) = repository {
        match repository.tracked(&PLAINTEXT) {
            Ok(paths) => findings.extend(
                paths
                    .iter()
                    .filter(|path| is_plaintext(&workspace.project.root, path))
                    .map(tracked),
            ),
            Err(error) => findings.push(git_failed(error.into())),
        }
    }
    findings
}

/// What is said when git does not answer.
pub(crate) fn git_failed(failure: Failure) -> Finding {
    Finding::of(Rule::Git, "git", failure.message).hint(failure.hint)
}

/// Looks at the file of one document.
pub(super) fn look_at_document(
    workspace: &Workspace,
    environment: &EnvironmentName,
) -> Option<Finding> {
    let path = workspace.project.file.document_path(environment);
    writable(&workspace.project.root, environment.as_str(), &path)
}

/// A file, or the folder that it is in, which every user can write.
fn writable(root: &Path, topic: &str, below: &str) -> Option<Finding> {
    let path = root.join(below);
    // The mode of a link says nothing, and no document is reached over one.
    let mode = |path: &Path| match path.symlink_metadata() {
        Ok(metadata) if !metadata.is_symlink() => metadata.mode(),
        _ => 0,
    };
    let folder = path.parent().filter(|folder| mode(folder) & (WRITABLE | STICKY) == WRITABLE);
    let found = Some(path.as_path()).filter(|path| mode(path) & WRITABLE != 0).or(folder)?;
    let text = format!("every user of this machine can write `{}`", found.display());
    let hint = format!("Run `chmod o-w {}`.", quoted(found));
    Some(Finding::of(Rule::Writable, topic, text).hint(hint).at(below, None))
}

/// The files of this machine's key folder that are not private. What is in them
/// is not looked at.
fn private(workspace: &Workspace) -> Vec<Finding> {
    let keys = workspace.home.keys();
    let ids = match keys.list() {
        Ok(ids) => ids,
        Err(error) => return vec![loose(error)],
    };
    let files = ids.iter().map(|id| keys.path_of(id)).chain([workspace.home.identity_path()]);
    files.filter_map(open_to_others).map(loose).collect()
}

fn open_to_others(path: PathBuf) -> Option<PrivateError> {
    let metadata = path.symlink_metadata().ok()?;
    let user = rustix::process::geteuid().as_raw();
    let (mode, required) = (metadata.mode() & 0o7777, 0o600);
    if metadata.is_file() && metadata.uid() != user {
        return Some(PrivateError::Owner { path, found: metadata.uid(), required: user });
    }
    let is_loose = metadata.is_file() && mode & 0o077 != 0;
    is_loose.then_some(PrivateError::Loose { path, found: mode, required })
}

fn loose(error: PrivateError) -> Finding {
    let failure = Failure::from(error);
    Finding::of(Rule::Permissions, "keys", failure.message).hint(failure.hint)
}

/// Whether a tracked file is of plain values: no template, nothing encrypted.
fn is_plaintext(root: &Path, below: &str) -> bool {
    let name = below.rsplit('/').next().unwrap_or(below);
    if TEMPLATES.iter().any(|ending| name.ends_with(ending)) {
        return false;
    }
    let bytes = read_limited(&root.join(below), Document::MAX_BYTES as u64).unwrap_or_default();
    Document::parse(DocumentForm::Dotenv, &bytes).is_err()
}

fn tracked(below: &String) -> Finding {
    let path = shown(below);
    let text = format!("git tracks the plaintext file `{path}`");
    let word = quoted(Path::new(below));
    let hint = format!(
        "Run `unspoken import {word}`, then `git rm --cached {word}`, and replace its values at \
         their providers: the history keeps them."
    );
    Finding::of(Rule::Plaintext, "project", text).hint(hint).at(below, None)
}
