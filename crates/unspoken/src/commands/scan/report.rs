//! What a scan says: a line for each finding, and what to do, once for each kind.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use unspoken_model::ProjectFile;
use unspoken_scan::Kind;

use super::Ground;
use super::accepted::acceptable;
use super::known::Owners;
use super::trace::{PLAINTEXT, Place, Trace, VALUE, What};
use crate::failure::{Code, Failure, quoted};
use crate::finding::Level;
use crate::sarif;
use crate::ui::counted;

/// The findings of one scan, without those that were accepted.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    pub(crate) ground: &'a Ground,
    pub(crate) traces: Vec<Trace>,
    pub(crate) accepted: usize,
    pub(crate) unread: usize,
    pub(crate) looked: usize,
}

impl Report<'_> {
    pub(crate) fn print(&self) -> String {
        self.traces.iter().map(Trace::print).collect()
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "findings": self.traces.iter().map(Trace::to_json).collect::<Vec<_>>(),
            "accepted": self.accepted,
            "looked_at": self.looked,
            "unread": self.unread,
        })
    }

    /// As SARIF. A fingerprint says whose value or which kind it is and where,
    /// nothing of the text: whoever reads it can try no guess.
    pub(crate) fn to_sarif(&self) -> Value {
        let mut rules = vec![
            sarif::rule(VALUE, "A value of the project stands in the clear.", Level::Error),
            sarif::rule(PLAINTEXT, "A `.env` file has values in the clear.", Level::Error),
        ];
        let kinds: BTreeSet<Kind> = self.traces.iter().filter_map(|t| t.what.kind()).collect();
        rules.extend(kinds.iter().map(|kind| {
            sarif::rule(kind.id(), &format!("{} stands in the clear.", kind.title()), Level::Error)
        }));
        let mut count: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        let results = self.traces.iter().map(|trace| {
            let number = count.entry((trace.what.label(), &trace.path)).or_default();
            *number += 1;
            let (id, label) = (trace.what.id(), trace.what.label());
            let commit = match &trace.place {
                Place::Commit(id) | Place::Message(id) => format!(", in commit {id}"),
                _ => String::new(),
            };
            let path = match trace.place {
                // Code hosts show nothing that is in no file.
                Place::Message(_) => ProjectFile::NAME,
                _ => &trace.path,
            };
            sarif::result(&sarif::Row {
                rule: id,
                index: match trace.what.kind() {
                    Some(kind) => 2 + kinds.iter().take_while(|each| **each != kind).count(),
                    None => usize::from(id == PLAINTEXT),
                },
                level: Level::Error,
                text: format!(
                    "{}{commit}. {}",
                    trace.what.print(),
                    advice(&trace.what, &quoted(trace.path.as_ref()))
                ),
                path: path.to_owned(),
                is_in_repository: !matches!(trace.place, Place::Stdin | Place::Transcript),
                line: trace.position.line,
                column: Some(trace.position.column),
                fingerprint: format!("{id}:{label}:{}:{number}", trace.path),
            })
        });
        let results: Vec<Value> = results.collect();
        sarif::document(&rules, &results)
    }

    /// What was found how often, and what to do about it.
    pub(crate) fn advice(&self) -> String {
        let mut groups: BTreeMap<&What, Vec<&Trace>> = BTreeMap::new();
        for trace in &self.traces {
            groups.entry(&trace.what).or_default().push(trace);
        }
        let groups = groups.into_iter().map(|(what, traces)| {
            let path = traces.first().map_or(String::new(), |t| self.ground.typed(&t.path));
            let places = counted(traces.len(), "place");
            format!("{}: {places}\n  {}\n", what.print(), advice(what, &path))
        });
        groups.collect::<String>().trim_end().to_owned()
    }

    /// The summary as a sentence.
    pub(crate) fn summary(&self) -> String {
        let files: BTreeSet<&str> = self.traces.iter().map(|t| t.path.as_str()).collect();
        let looked = counted(self.looked, "text");
        let mut text = match self.traces.len() {
            0 => format!("{looked} looked at: nothing was found"),
            count => {
                let findings = counted(count, "finding");
                format!("{findings} in {} of {looked}", files.len())
            }
        };
        if self.accepted > 0 {
            text.push_str(&format!(", {} accepted before", self.accepted));
        }
        if self.unread > 0 {
            text.push_str(&format!(", {} not read", self.unread));
        }
        text
    }

    pub(crate) fn outcome(&self) -> Result<(), Failure> {
        if self.traces.is_empty() {
            return Ok(());
        }
        Err(Failure::new(Code::Found, self.summary()).hint(self.hint()))
    }

    /// What to do next. What can be accepted is named: nobody should paste a
    /// command that accepts what was never looked at.
    fn hint(&self) -> String {
        let mut sentences = Vec::new();
        let is_plaintext = |trace: &&Trace| trace.what == What::Plaintext;
        if !self.traces.iter().all(|trace| is_plaintext(&trace)) {
            sentences.push("Replace what got out first, then remove it.".to_owned());
        }
        let git = self.ground.git.as_ref();
        if let Some(trace) = git.and_then(|git| acceptable(&self.traces, git)) {
            let place = match trace.place {
                Place::Commit(_) | Place::Message(_) => "--history".to_owned(),
                _ => self.ground.typed(&trace.path),
            };
            sentences.push(format!("If it is harmless: `unspoken scan {place} --accept 'why'`."));
        }
        if let Some(trace) = self.traces.iter().find(is_plaintext) {
            sentences.push(advice(&trace.what, &self.ground.typed(&trace.path)));
        }
        sentences.join(" ")
    }
}

/// What to do about one, whose path is as it is typed.
fn advice(what: &What, path: &str) -> String {
    match what {
        What::Value(owners) => replace(owners),
        What::Kind(kind, _) => kind.hint().to_owned(),
        What::Plaintext => {
            format!(
                "Run `unspoken import {path}`, which removes the file once its values are safe."
            )
        }
    }
}

/// How to replace a value, wherever it is used.
fn replace(owners: &Owners) -> String {
    let commands = owners.iter().flat_map(|(name, environments)| {
        environments
            .iter()
            .map(move |environment| format!("`unspoken set {name} -e {environment}`"))
    });
    let commands: Vec<String> = commands.collect();
    format!(
        "Make a new one where it is given out, then run {}. If it is a setting that hides nothing, \
         name it in `visible`, at the top of `{}`.",
        commands.join(", "),
        ProjectFile::NAME
    )
}
