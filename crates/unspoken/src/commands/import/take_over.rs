//! Values of a source go into an environment, are compared there, and only then
//! is the source removed.

use std::path::Path;

use serde_json::{Value, json};
use unspoken_model::EnvironmentName;
use unspoken_seal::foreign::Entry;
use unspoken_seal::{Change, OpenDocument, SecretSet, SetError};
use unspoken_store::{Edited, StoreError, ignore_pattern, read_limited};
use zeroize::Zeroizing;

use super::Conflict;
use super::source::{LIMIT, Source};
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure, quoted};
use crate::git;

/// What is done with a source whose values were taken over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Afterwards {
    /// What is plaintext goes, what is encrypted stays.
    Usual,
    Keep,
    Remove,
}

impl Source {
    /// Puts the values into an environment, compares what was written, and only
    /// then removes the file. Answers with what was done.
    pub(crate) fn take_over(
        self,
        cx: &Context,
        workspace: &Workspace,
        environment: &EnvironmentName,
        conflict: Conflict,
        afterwards: Afterwards,
    ) -> Result<Value, Failure> {
        for note in &self.imported.notes {
            cx.ui.warn(&note.to_string());
        }
        if let Some(vault) = cx.vault_of(workspace, environment)? {
            return self.take_over_in_vault(
                cx,
                workspace,
                &vault,
                environment,
                conflict,
                afterwards,
            );
        }
        cx.fold(workspace, environment);
        let sealed = cx.warn_unless_sealed(workspace, environment);
        let store = cx.store(workspace);
        let edited = store.edit(environment, cx.now(), |document| {
            let (path, _) = workspace.project.document(environment);
            let refused = |error| StoreError::Set { path: path.clone(), error };
            let outcomes = self.put(document, environment, conflict, refused)?;
            // All values fit, and none is written yet: where the source cannot be
            // kept out of git, nothing is changed.
            self.ignore(workspace)?;
            Ok::<_, Failure>(outcomes)
        })?;
        self.compare(&cx.store(workspace).open_own(environment)?, &edited.outcome)?;
        self.finish(cx, workspace, environment, &edited, afterwards, sealed)
    }

    /// Says what was done, once it is safe, and removes the file.
    pub(super) fn finish(
        &self,
        cx: &Context,
        workspace: &Workspace,
        environment: &EnvironmentName,
        edited: &Edited<Vec<Outcome>>,
        afterwards: Afterwards,
        sealed: bool,
    ) -> Result<Value, Failure> {
        let whole = !edited.outcome.contains(&Outcome::Skipped) && !self.imported.has_more;
        self.tell(cx, environment, edited);
        let removed = self.remove(cx, afterwards, whole && sealed)?;
        if let Some(path) = self.path.as_deref().filter(|_| removed) {
            cx.ui.note(&format!(
                "removed {0}; if it was ever committed, its values are in the history: \
                 `git log --all -- {0}`",
                workspace.shown(path)
            ));
        }
        Ok(self.report(environment, edited, removed))
    }

    /// What was done, as JSON.
    fn report(
        &self,
        environment: &EnvironmentName,
        edited: &Edited<Vec<Outcome>>,
        removed: bool,
    ) -> Value {
        let lines = self.imported.entries.iter().zip(&edited.outcome);
        let entries: Vec<_> = lines
            .map(|(entry, outcome)| {
                let (name, line) = (entry.name.as_str(), entry.line);
                let mut report = json!({ "name": name, "line": line, "outcome": outcome.word() });
                if let Some(expiry) = entry.expiry {
                    report["expires"] = json!(expiry.to_string());
                }
                report
            })
            .collect();
        let warnings: Vec<_> = self.imported.notes.iter().map(ToString::to_string).collect();
        json!({
            "environment": environment.as_str(),
            "revision": edited.revision,
            "entries": entries,
            "warnings": warnings,
            "removed": removed,
        })
    }

    /// What was done, in words.
    fn tell(&self, cx: &Context, environment: &EnvironmentName, edited: &Edited<Vec<Outcome>>) {
        if cx.ui.json {
            return;
        }
        let count = |outcome| edited.outcome.iter().filter(|found| **found == outcome).count();
        for (entry, outcome) in self.imported.entries.iter().zip(&edited.outcome) {
            let line = entry.line.map_or(String::new(), |line| format!("line {line}: "));
            let until = entry.expiry.map_or(String::new(), |day| format!(", until {day}"));
            cx.ui.note(&format!("{line}{} {}{until}", entry.name, outcome.word()));
        }
        cx.ui.note(&format!(
            "{environment}: {} added, {} replaced, {} unchanged, {} skipped",
            count(Outcome::Added),
            count(Outcome::Replaced),
            count(Outcome::Unchanged),
            count(Outcome::Skipped)
        ));
    }

    /// Demands that taking over would meet no other value, before anything is
    /// written.
    pub(crate) fn check(
        &self,
        cx: &Context,
        workspace: &Workspace,
        environment: &EnvironmentName,
    ) -> Result<(), Failure> {
        let there = match cx.vault_of(workspace, environment)? {
            Some(vault) => vault.fetch(environment)?,
            None => cx.store(workspace).open_own(environment)?,
        };
        let differs =
            |entry: &&Entry| there.get(&entry.name).is_some_and(|old| !old.is_same(&entry.secret));
        let differing = self.imported.entries.iter().filter(differs);
        let differing: Vec<_> = differing.map(|entry| entry.name.as_str()).collect();
        conflict_free(environment, &differing)
    }

    fn put(
        &self,
        document: &mut OpenDocument<'_>,
        environment: &EnvironmentName,
        conflict: Conflict,
        refused: impl Fn(SetError) -> StoreError,
    ) -> Result<Vec<Outcome>, Failure> {
        let mut outcomes = Vec::with_capacity(self.imported.entries.len());
        let mut conflicts = Vec::new();
        for entry in &self.imported.entries {
            let there = document.get(&entry.name).transpose().map_err(&refused)?;
            let differs = there.is_some_and(|old| !old.is_same(&entry.secret));
            match conflict {
                Conflict::Fail if differs => conflicts.push(entry.name.as_str()),
                Conflict::Skip if differs => {
                    outcomes.push(Outcome::Skipped);
                    continue;
                }
                _ => {}
            }
            outcomes.push(match document.set(&entry.name, &entry.secret).map_err(&refused)? {
                Change::Added => Outcome::Added,
                Change::Replaced => Outcome::Replaced,
                Change::Unchanged => Outcome::Unchanged,
            });
            if entry.expiry.is_some() {
                if document.block().is_none() {
                    return Err(unsealed(environment));
                }
                document.expire(&entry.name, entry.expiry);
            }
        }
        conflict_free(environment, &conflicts)?;
        Ok(outcomes)
    }

    /// Compares every value with what was opened again, from where it was written.
    pub(super) fn compare(&self, written: &SecretSet, outcomes: &[Outcome]) -> Result<(), Failure> {
        for (entry, outcome) in self.imported.entries.iter().zip(outcomes) {
            let same = written.get(&entry.name).is_some_and(|found| found.is_same(&entry.secret));
            if *outcome != Outcome::Skipped && !same {
                let message = format!("`{}` was not read back as it was written", entry.name);
                return Err(Failure::new(Code::Other, message).hint(
                    "The source file was kept. Another command may have run at the same time.",
                ));
            }
        }
        Ok(())
    }

    /// Removes the file, if it still is what was read. `whole` says whether all
    /// that is in it is safe now.
    fn remove(&self, cx: &Context, afterwards: Afterwards, whole: bool) -> Result<bool, Failure> {
        let Some(path) = &self.path else { return Ok(false) };
        let shown = path.display();
        let wanted = match afterwards {
            Afterwards::Usual => self.is_plain,
            Afterwards::Keep => false,
            Afterwards::Remove => true,
        };
        if !wanted || !whole {
            if self.is_plain {
                cx.ui.warn(&format!("`{shown}` is still there, in plaintext"));
            } else if wanted {
                cx.ui.warn(&format!("`{shown}` is kept: not all that is in it was taken over"));
            } else {
                cx.ui.note(&format!(
                    "{shown} is still there, encrypted for those who could read it before"
                ));
            }
            return Ok(false);
        }
        let now = Zeroizing::new(read_limited(path, LIMIT as u64)?);
        if *now != *self.bytes {
            cx.ui.warn(&format!(
                "`{shown}` was changed meanwhile and is kept; run the import again"
            ));
            return Ok(false);
        }
        std::fs::remove_file(path).map_err(|error| {
            Failure::new(Code::Other, format!("cannot remove `{shown}`: {error}"))
                .hint(format!("The values are safe. Run `rm {}` yourself.", quoted(path)))
        })?;
        Ok(true)
    }

    /// Adds a plaintext file of the project to `.gitignore`.
    pub(super) fn ignore(&self, workspace: &Workspace) -> Result<(), Failure> {
        let Some(path) = self.path.as_deref().filter(|_| self.is_plain) else { return Ok(()) };
        let (Ok(root), Ok(path)) = (workspace.project.root.canonicalize(), path.canonicalize())
        else {
            return Ok(());
        };
        let Some(below) = path.strip_prefix(&root).ok().and_then(Path::to_str) else {
            return Ok(());
        };
        if below == ".env" {
            return git::ignore(&root, &[".env"]).map(drop);
        }
        git::ignore(&root, &[&ignore_pattern(below)]).map(drop)
    }
}

pub(super) fn conflict_free(
    environment: &EnvironmentName,
    conflicts: &[&str],
) -> Result<(), Failure> {
    if conflicts.is_empty() {
        return Ok(());
    }
    let names = conflicts.join(", ");
    let message = format!("other values are there already in `{environment}`: {names}");
    Err(Failure::new(Code::Refused, message).hint(
        "Nothing was changed. Add `--on-conflict skip` to keep them, or \
         `--on-conflict overwrite` to replace them.",
    ))
}

fn unsealed(environment: &EnvironmentName) -> Failure {
    let message = format!(
        "the document of `{environment}` has no seal, so it has no place for the expiries of this file"
    );
    Failure::new(Code::Other, message).hint(format!(
        "Nothing was changed. Review it, then run `unspoken accept -e {environment}`."
    ))
}

/// Whether an entry of a report was added.
pub(super) fn is_added(entry: &Value) -> bool {
    entry["outcome"] == Outcome::Added.word()
}

/// What happened to one entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    Added,
    Replaced,
    Unchanged,
    Skipped,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Replaced => "replaced",
            Self::Unchanged => "unchanged",
            Self::Skipped => "skipped",
        }
    }
}
