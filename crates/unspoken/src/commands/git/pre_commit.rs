//! `unspoken git pre-commit`: looks at what is staged, before it is committed.
//!
//! Rules:
//! - What is looked at is git's index, never the work tree: that is what would
//!   be committed.
//! - Nothing is opened, and nothing of a private key or a value is shown.
//! - Where nothing is wrong, nothing is said.

use std::collections::BTreeMap;

use unspoken_model::{DocumentForm, EnvironmentName, Place, ProjectFile, shown};
use unspoken_scan::{Kinds, Position, plaintext};
use unspoken_seal::Document;

use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::git::{Git, GitError, Index, ObjectId, Staged};

/// Check what is staged (git calls this)
///
/// Refuses plaintext `.env` files, private keys, documents that do not verify
/// against the staged `unspoken.toml`, and marks of a merge conflict in either.
/// `git commit --no-verify` passes it by.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  unspoken git pre-commit && echo fine")]
pub(crate) struct PreCommit {}

/// One thing that must not be committed.
struct Objection {
    path: String,
    text: String,
    hint: String,
}

impl PreCommit {
    pub(crate) fn run(self, _: &mut Context) -> Result<(), Failure> {
        let git = Git::here();
        let staged = Staged::list(&git)?;
        if staged.is_empty() {
            return Ok(());
        }
        let mut objections = Vec::new();
        look_for_plaintext(&git, &staged, &mut objections)?;
        look_at_projects(&git, &staged, &mut objections)?;
        let Some(first) = objections.first() else { return Ok(()) };
        let lines = objections.iter().map(|found| format!("\n  `{}`: {}", found.path, found.text));
        let message = format!("this must not be committed:{}", lines.collect::<String>());
        Err(Failure::new(Code::Refused, message).hint(first.hint.clone()))
    }
}

/// Looks through every staged file for what belongs in no commit.
fn look_for_plaintext(
    git: &Git,
    staged: &Staged,
    objections: &mut Vec<Objection>,
) -> Result<(), GitError> {
    let files: Vec<(&str, &ObjectId)> = staged.files().collect();
    let ids = files.iter().map(|(_, id)| (*id).clone());
    let kinds = Kinds::new();
    let mut reader = crate::git::Contents::read(git, ids)?;
    for (path, _) in files {
        let Some(bytes) = reader.next()? else { continue };
        let unstage = format!("Run `git rm --cached -- {}`", quoted_path(path));
        if plaintext::is_plaintext(path, &bytes) {
            objections.push(Objection {
                path: shown(path),
                text: "plaintext values".to_owned(),
                hint: format!("{unstage}, and `unspoken import {}`.", quoted_path(path)),
            });
        }
        let sightings = kinds.find(&bytes);
        if let Some(key) = sightings.iter().find(|found| found.kind.opens_documents()) {
            let line = Position::of(&bytes, key.range.start).line;
            objections.push(Objection {
                path: shown(path),
                text: format!("a private key, in line {line}"),
                hint: format!("{unstage}. If it was ever pushed, replace the key."),
            });
        }
    }
    reader.end()
}

/// Verifies the documents of every project that something was staged for.
fn look_at_projects(
    git: &Git,
    staged: &Staged,
    objections: &mut Vec<Objection>,
) -> Result<(), Failure> {
    let index = Index::of(git, &format!(":(top,glob)**/{}", ProjectFile::NAME))?;
    for (path, id) in index.entries() {
        let folder = path.strip_suffix(ProjectFile::NAME).unwrap_or_default();
        let text = git.blob(id, 1024 * 1024)?;
        let parsed = String::from_utf8(text).map_err(|_| "it is not text".to_owned());
        let parsed = parsed.and_then(|t| ProjectFile::parse(&t).map_err(|e| e.to_string()));
        let file = match parsed {
            Ok(file) => file,
            Err(text) if staged.has(path) => {
                let hint = format!("Mend it, then run `git add {}`.", quoted_path(path));
                objections.push(Objection { path: shown(path), text, hint });
                continue;
            }
            Err(_) => continue,
        };
        let documents: BTreeMap<String, &EnvironmentName> = file
            .environments
            .keys()
            .map(|name| (format!("{folder}{}", file.document_path(name)), name))
            .filter(|(document, _)| staged.has(path) || staged.has(document))
            .collect();
        for (document, environment) in documents {
            objections.extend(look_at_document(git, &file, environment, &document)?);
        }
    }
    Ok(())
}

fn look_at_document(
    git: &Git,
    file: &ProjectFile,
    environment: &EnvironmentName,
    path: &str,
) -> Result<Option<Objection>, Failure> {
    let pin = file.entry(environment).and_then(|entry| entry.seal_key.as_ref());
    let hint = format!("Run `unspoken doctor`, then `git add {}`.", quoted_path(path));
    let objection = |text: String| Some(Objection { path: shown(path), text, hint });
    let index = Index::of(git, &format!(":(top,literal){path}"))?;
    let Some((_, id)) = index.entries().next() else {
        let missing = pin.map(|_| "its seal key is pinned, and it is not in the commit".to_owned());
        return Ok(missing.and_then(objection));
    };
    let bytes = git.blob(id, Document::MAX_BYTES as u64)?;
    let Some(form) = DocumentForm::of(path) else { return Ok(None) };
    let place = Place { project: file.project.clone(), environment: environment.clone() };
    let found = match Document::parse(form, &bytes) {
        Ok(document) => document.verify(&place, pin).err().map(|error| error.to_string()),
        Err(error) => Some(error.to_string()),
    };
    Ok(found.and_then(objection))
}

fn quoted_path(path: &str) -> String {
    crate::failure::quoted(path.as_ref())
}
