//! `unspoken git pre-commit`: looks at what is staged, before it is committed.
//!
//! Rules:
//! - What is looked at is git's index, never the work tree: that is what would
//!   be committed.
//! - Values are opened to be looked for, by keys that ask nobody. Nothing of a
//!   private key or a value is shown.
//! - Where nothing is wrong, nothing is said.

use std::collections::{BTreeMap, BTreeSet};

use unspoken_model::{DocumentForm, EnvironmentName, Place, ProjectFile, shown};
use unspoken_seal::Document;

use crate::commands::scan::trace::{Trace, What};
use crate::commands::scan::{
    BASELINE, BaselineFile, Findings, Folders, Search, scan_staged, unasked,
};
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

/// What must not be committed.
#[derive(Default)]
struct Objections {
    /// A line each, with the place in front.
    lines: Vec<String>,
    hints: Vec<String>,
}

/// A project in the index.
struct Staging {
    /// Its file's path.
    path: String,
    file: Result<ProjectFile, String>,
}

/// What is looked for in staged files.
struct Found {
    search: Search,
    /// The root's, or that of the first project that has one: there is one key to
    /// look with.
    baseline: Option<BaselineFile>,
}

impl PreCommit {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let git = Git::here();
        let staged = Staged::list(&git)?;
        if staged.is_empty() {
            return Ok(());
        }
        let mut objections = Objections::default();
        let pathspec = |name| format!(":(top,glob)**/{name}");
        let (projects, baselines) = (pathspec(ProjectFile::NAME), pathspec(BASELINE));
        let index = Index::of(&git, &[&projects, &baselines])?;
        let projects = Staging::list(&git, &index)?;
        let found = Found::learn(cx, &git, &index, &projects)?;
        look_for_leaks(&git, &staged, &found, &mut objections)?;
        look_at_projects(&git, &staged, &projects, &mut objections)?;
        objections.outcome()
    }
}

impl Objections {
    fn add(&mut self, path: &str, text: &str, hint: String) {
        self.lines.push(format!("`{}`: {text}", shown(path)));
        self.hint(hint);
    }

    fn hint(&mut self, hint: String) {
        if !self.hints.contains(&hint) {
            self.hints.push(hint);
        }
    }

    fn outcome(self) -> Result<(), Failure> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let lines: String = self.lines.iter().map(|line| format!("\n  {line}")).collect();
        let message = format!("this must not be committed:{lines}");
        Err(Failure::new(Code::Refused, message).hint(self.hints.join("\n      ")))
    }
}

impl Staging {
    fn list(git: &Git, index: &Index) -> Result<Vec<Self>, Failure> {
        let is_project = |path: &str| path.rsplit('/').next() == Some(ProjectFile::NAME);
        let mut list = Vec::new();
        for (path, id) in index.entries().filter(|(path, _)| is_project(path)) {
            let text = git.blob(id, 1024 * 1024)?;
            let parsed = String::from_utf8(text).map_err(|_| "it is not text".to_owned());
            let file = parsed.and_then(|t| ProjectFile::parse(&t).map_err(|e| e.to_string()));
            list.push(Self { path: path.to_owned(), file });
        }
        Ok(list)
    }

    /// The folder that it is in, with a slash at the end; nothing for the root.
    fn folder(&self) -> &str {
        self.path.strip_suffix(ProjectFile::NAME).unwrap_or_default()
    }
}

/// Looks through every staged file for what belongs in no commit.
fn look_for_leaks(
    git: &Git,
    staged: &Staged,
    found: &Found,
    objections: &mut Objections,
) -> Result<(), Failure> {
    let findings = Findings::default();
    scan_staged(git, staged, &found.search, &findings)?;
    let gathered = findings.into_sorted();
    for (path, why) in gathered.unread {
        let hint = "Look through it by other means, then run `git commit --no-verify`.".to_owned();
        objections.add(&path, &format!("cannot be looked through: {why}"), hint);
    }
    let mut traces = gathered.traces;
    if let Some(file) = &found.baseline {
        file.sift(&mut traces);
    }
    // Of each thing in a file the first place is enough.
    traces.dedup_by(|next, one| next.path == one.path && next.what == one.what);
    objections.lines.extend(traces.iter().map(|trace| trace.print().trim_end().to_owned()));
    advise(&traces, objections);
    Ok(())
}

/// What to do about leaks: a line for each way to be rid of them, with the files.
fn advise(traces: &[Trace], objections: &mut Objections) {
    let is_key = |what: &What| matches!(what, What::Kind(kind, _) if kind.opens_documents());
    let is_value = |what: &What| matches!(what, What::Value(_));
    let paths = |is_meant: &dyn Fn(&What) -> bool| {
        let meant = traces.iter().filter(|trace| is_meant(&trace.what));
        let paths: BTreeSet<String> = meant.map(|trace| quoted_path(&trace.path)).collect();
        (!paths.is_empty()).then(|| paths.into_iter().collect::<Vec<_>>())
    };
    if let Some(paths) = paths(&|what| *what == What::Plaintext) {
        let imports: Vec<String> =
            paths.iter().map(|path| format!("`unspoken import {path}`")).collect();
        let (paths, imports) = (paths.join(" "), imports.join(", "));
        objections.hint(format!("Run `git rm --cached -- {paths}`, and {imports}."));
    }
    if let Some(paths) = paths(&is_key) {
        let paths = paths.join(" ");
        objections.hint(format!(
            "Run `git rm --cached -- {paths}`. If it was ever pushed, replace the key."
        ));
    }
    let Some(paths) = paths(&|what| *what != What::Plaintext && !is_key(what)) else { return };
    objections.hint(format!(
        "Take it out, then run `git add {}`. If it was ever pushed, replace it.",
        paths.join(" ")
    ));
    if traces.iter().any(|trace| is_value(&trace.what)) {
        objections.hint(format!(
            "If it is a setting that hides nothing, name it in `visible`, at the top of `{0}`, then run \
             `git add {0}`.",
            ProjectFile::NAME
        ));
    }
    let path = paths.first().map_or("PATH", String::as_str);
    objections.hint(format!(
        "If it is harmless: `unspoken scan {path} --accept 'why'`, then `git add {BASELINE}`."
    ));
}

impl Found {
    /// What is looked for: credentials of every kind, and the values of these
    /// projects as far as they open without asking anybody.
    fn learn(
        cx: &Context,
        git: &Git,
        index: &Index,
        projects: &[Staging],
    ) -> Result<Self, Failure> {
        let start = cx.start()?;
        // Git starts a hook here; somebody who calls it may be further down.
        let top = start.ancestors().find(|folder| folder.join(".git").exists());
        let top = top.unwrap_or(&start);
        let visible = |project: &Staging| {
            let file = project.file.as_ref().ok();
            file.map(|file| file.visible.clone()).unwrap_or_default()
        };
        let folders: Folders =
            projects.iter().map(|project| (top.join(project.folder()), visible(project))).collect();
        let (known, closed) = unasked(cx, &folders);
        if closed > 0 {
            let closed = counted(closed, "environment");
            cx.ui.detail(format_args!("the values of {closed} are not looked for"));
        }
        let folders: Vec<&str> =
            [""].into_iter().chain(projects.iter().map(Staging::folder)).collect();
        let baseline = BaselineFile::find_staged(git, index, &folders)?;
        let search = Search::new(known, baseline.as_ref().map(BaselineFile::key));
        Ok(Self { search, baseline })
    }
}

/// Verifies the documents of every project that something was staged for.
fn look_at_projects(
    git: &Git,
    staged: &Staged,
    projects: &[Staging],
    objections: &mut Objections,
) -> Result<(), Failure> {
    for project in projects {
        let (path, folder) = (&project.path, project.folder());
        let file = match &project.file {
            Ok(file) => file,
            Err(text) if staged.has(path) => {
                let hint = format!("Mend it, then run `git add {}`.", quoted_path(path));
                objections.add(path, text, hint);
                continue;
            }
            Err(_) => continue,
        };
        let documents: BTreeMap<String, &EnvironmentName> = file
            .environments
            .keys()
            // What is left of a document is not read any more.
            .filter(|name| !file.is_in_vault(name))
            .map(|name| (format!("{folder}{}", file.document_path(name)), name))
            .filter(|(document, _)| staged.has(path) || staged.has(document))
            .collect();
        for (document, environment) in documents {
            if let Some(text) = look_at_document(git, file, environment, &document)? {
                let again = quoted_path(&document);
                let hint = format!("Run `unspoken doctor`, then `git add {again}`.");
                objections.add(&document, &text, hint);
            }
        }
    }
    Ok(())
}

/// What is wrong with a staged document.
fn look_at_document(
    git: &Git,
    file: &ProjectFile,
    environment: &EnvironmentName,
    path: &str,
) -> Result<Option<String>, Failure> {
    let pin = file.entry(environment).and_then(|entry| entry.seal_key.as_ref());
    let index = Index::of(git, &[&format!(":(top,literal){path}")])?;
    let Some((_, id)) = index.entries().next() else {
        let missing = pin.map(|_| "its seal key is pinned, and it is not in the commit".to_owned());
        return Ok(missing);
    };
    let bytes = git.blob(id, Document::MAX_BYTES as u64)?;
    let Some(form) = DocumentForm::of(path) else { return Ok(None) };
    let place = Place { project: file.project.clone(), environment: environment.clone() };
    Ok(match Document::parse(form, &bytes) {
        Ok(document) => document.verify(&place, pin).err().map(|error| error.to_string()),
        Err(error) => Some(error.to_string()),
    })
}

fn quoted_path(path: &str) -> String {
    crate::failure::quoted(path.as_ref())
}
