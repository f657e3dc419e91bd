//! `unspoken git pre-commit`: looks at what is staged, before it is committed.
//!
//! Rules:
//! - What is looked at is git's index, never the work tree: that is what would
//!   be committed.
//! - Values are opened to be looked for, by keys that ask nobody. Nothing of a
//!   private key or a value is shown.
//! - Where nothing is wrong, nothing is said.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use unspoken_model::{DocumentForm, EnvironmentName, Place, ProjectFile, shown};
use unspoken_seal::Document;

use crate::commands::scan::trace::{Trace, What};
use crate::commands::scan::{BaselineFile, Findings, Search, scan_staged, unasked};
use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::git::{Git, Index, Staged};
use crate::ui::counted;

/// Check what is staged (git calls this)
///
/// Refuses plaintext `.env` files, private keys, values of the project and credentials
/// of well-known kinds, as `scan --staged` finds them; documents that do not verify
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

/// What is looked for in staged files.
struct Found {
    search: Search,
    /// Of the first project that has one: there is one key to look with.
    baseline: Option<BaselineFile>,
}

impl PreCommit {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let git = Git::here();
        let staged = Staged::list(&git)?;
        if staged.is_empty() {
            return Ok(());
        }
        let mut objections = Vec::new();
        let projects = Index::of(&git, &format!(":(top,glob)**/{}", ProjectFile::NAME))?;
        let found = Found::learn(cx, &projects)?;
        look_for_leaks(&git, &staged, &found, &mut objections)?;
        look_at_projects(&git, &staged, &projects, &mut objections)?;
        let Some(first) = objections.first() else { return Ok(()) };
        let lines = objections.iter().map(|found| format!("\n  `{}`: {}", found.path, found.text));
        let message = format!("this must not be committed:{}", lines.collect::<String>());
        Err(Failure::new(Code::Refused, message).hint(first.hint.clone()))
    }
}

/// Looks through every staged file for what belongs in no commit.
fn look_for_leaks(
    git: &Git,
    staged: &Staged,
    found: &Found,
    objections: &mut Vec<Objection>,
) -> Result<(), Failure> {
    let findings = Findings::default();
    scan_staged(git, staged, &found.search, &findings)?;
    let gathered = findings.into_sorted();
    for (path, why) in gathered.unread {
        let hint = "Look through it by other means, then run `git commit --no-verify`.".to_owned();
        let text = format!("cannot be looked through: {why}");
        objections.push(Objection { path: shown(&path), text, hint });
    }
    let mut traces = gathered.traces;
    if let Some(file) = &found.baseline {
        file.sift(&mut traces);
    }
    // Of each thing in a file the first place is enough.
    traces.dedup_by(|next, one| next.path == one.path && next.what == one.what);
    objections.extend(traces.iter().map(objection));
    Ok(())
}

fn objection(trace: &Trace) -> Objection {
    let (path, line) = (quoted_path(&trace.path), trace.position.line);
    let unstage = format!("Run `git rm --cached -- {path}`");
    let (text, hint) = match &trace.what {
        What::Plaintext => {
            ("plaintext values".to_owned(), format!("{unstage}, and `unspoken import {path}`."))
        }
        What::Kind(kind, _) if kind.opens_documents() => (
            format!("a private key, in line {line}"),
            format!("{unstage}. If it was ever pushed, replace the key."),
        ),
        What::Kind(kind, _) => (
            format!("{} [{}], in line {line}", kind.title(), kind.id()),
            format!(
                "Take it out, then run `git add {path}`. If it is harmless: `unspoken scan --staged \
                 --accept 'why'`."
            ),
        ),
        What::Value(owners) => (
            format!("the value of {}, in line {line}", owners.print()),
            format!("Take it out, then run `git add {path}`. If it was ever pushed, replace it."),
        ),
    };
    Objection { path: shown(&trace.path), text, hint }
}

impl Found {
    /// What is looked for: credentials of every kind, and the values of these
    /// projects as far as they open without asking anybody.
    fn learn(cx: &Context, index: &Index) -> Result<Self, Failure> {
        let mut found = Self { search: Search::new(None, None), baseline: None };
        if index.entries().next().is_none() {
            return Ok(found);
        }
        let start = cx.start()?;
        // Git starts a hook here; somebody who calls it may be further down.
        let top = start.ancestors().find(|folder| folder.join(".git").exists());
        let top = top.unwrap_or(&start);
        let folders = index.entries().map(|(path, _)| top.join(path));
        let folders: Vec<PathBuf> =
            folders.filter_map(|path| path.parent().map(Path::to_owned)).collect();
        let (known, closed) = unasked(cx, &folders);
        if closed > 0 {
            let closed = counted(closed, "environment");
            cx.ui.detail(format_args!("the values of {closed} are not looked for"));
        }
        for folder in folders {
            if found.baseline.is_none() {
                found.baseline = BaselineFile::find(None, &folder, false)?;
            }
        }
        found.search = Search::new(known, found.baseline.as_ref().map(BaselineFile::key));
        Ok(found)
    }
}

/// Verifies the documents of every project that something was staged for.
fn look_at_projects(
    git: &Git,
    staged: &Staged,
    index: &Index,
    objections: &mut Vec<Objection>,
) -> Result<(), Failure> {
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
