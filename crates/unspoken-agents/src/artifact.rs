//! One file of an agent: what of it is ours, whether it is there, putting it in
//! and taking it out.
//!
//! Rules:
//! - What is not ours stays as it is, byte for byte.
//! - A second time changes nothing.
//! - A file in which nothing but ours stood is removed with it.

use std::borrow::Cow;

use serde_json::Value;
use thiserror::Error;

use crate::Agent;
use crate::json_text::{JsonText, fault};
use crate::section::Comment;

/// With this in its settings, an agent calls no hook.
const HOOKS_OFF: &str = "disableAllHooks";

/// How a file stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// Nothing of ours is there.
    Missing,
    /// A part of ours is there.
    Partly,
    /// It is there as another release wrote it, or somebody changed it.
    OutOfDate,
    InPlace,
}

/// Why a file is left as it is.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum EditError {
    #[error("it has comments, which would be lost (line {line}, column {column})")]
    Comments { line: usize, column: usize },
    #[error("it does not read as JSON (line {line}, column {column})")]
    Json { line: usize, column: usize },
    #[error("`{key}` in it is something else than expected")]
    Shape { key: &'static str },
    #[error("`{key}` in it turns all hooks off, ours too")]
    HooksOff { key: &'static str },
}

/// A file below the folder that an agent reads.
#[derive(Debug)]
pub struct Artifact {
    pub path: &'static str,
    /// What it does, in a few words.
    pub purpose: &'static str,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Section { comment: Comment, front: &'static str, body: String },
    Json { lists: Vec<List>, given: Vec<(&'static [&'static str], Value)> },
}

/// Items of ours in a list that may have others.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) path: &'static [&'static str],
    pub(crate) items: Vec<Value>,
}

impl Artifact {
    /// A section of text, in a file that begins with `front` when we make it.
    pub(crate) fn section(
        path: &'static str,
        purpose: &'static str,
        comment: Comment,
        (front, body): (&'static str, String),
    ) -> Self {
        Self { path, purpose, form: Form::Section { comment, front, body } }
    }

    /// Items in lists of a JSON file, and what it needs besides.
    pub(crate) fn json(
        path: &'static str,
        purpose: &'static str,
        lists: Vec<List>,
        given: Vec<(&'static [&'static str], Value)>,
    ) -> Self {
        Self { path, purpose, form: Form::Json { lists, given } }
    }

    /// The whole file, where there was none.
    pub fn print(&self) -> String {
        self.put(None).unwrap_or_default()
    }

    /// How the file stands; `None` is one that is not there.
    pub fn state(&self, old: Option<&str>) -> Result<State, EditError> {
        let Some(old) = old else { return Ok(State::Missing) };
        match &self.form {
            Form::Section { comment, body, .. } => Ok(match comment.is_there(old, body) {
                None => State::Missing,
                Some(true) => State::InPlace,
                Some(false) => State::OutOfDate,
            }),
            Form::Json { lists, .. } => {
                let json = parse(old)?;
                let states: Vec<State> = lists.iter().map(|list| list.state(&json)).collect();
                let all = |state| states.iter().all(|found| *found == state);
                let is_off = json.find(&[HOOKS_OFF]) == Some(&Value::Bool(true));
                if is_off && !all(State::Missing) && lists.iter().any(List::is_hooks) {
                    return Err(EditError::HooksOff { key: HOOKS_OFF });
                }
                Ok(match () {
                    () if all(State::InPlace) => State::InPlace,
                    () if all(State::Missing) => State::Missing,
                    () if states.contains(&State::OutOfDate) => State::OutOfDate,
                    () => State::Partly,
                })
            }
        }
    }

    /// The file with ours in it.
    pub fn put(&self, old: Option<&str>) -> Result<String, EditError> {
        match &self.form {
            Form::Section { comment, front, body } => Ok(comment.put(old.unwrap_or(front), body)),
            Form::Json { lists, given } => {
                let base = old.map_or(Cow::Borrowed("{}\n"), Cow::Borrowed);
                let mut json = parse(&base)?;
                let whole = json.value().clone();
                let is_new = old.is_none_or(is_blank);
                for (path, value) in given {
                    // Only into what is ours, so that it goes with it.
                    let outer = path.get(..path.len() - 1).unwrap_or_default();
                    let has = outer.iter().try_fold(&whole, |value, key| value.get(*key)).is_some();
                    if has && !(is_new && outer.is_empty()) {
                        continue;
                    }
                    json = json.set(path, value).ok_or(shape(path))?;
                }
                for list in lists {
                    json = list.put(json)?;
                }
                Ok(json.into_text())
            }
        }
    }

    /// The file without ours; `None` when nothing is left of it.
    pub fn take(&self, old: &str) -> Result<Option<String>, EditError> {
        match &self.form {
            Form::Section { comment, front, .. } => {
                let new = comment.take(old);
                let is_ours = new != old && (new.is_empty() || new == *front);
                // Between the front matter and the section is a line of ours.
                Ok((!is_ours).then_some(new))
            }
            Form::Json { .. } if is_blank(old) => Ok(Some(old.to_owned())),
            Form::Json { lists, given } => {
                let mut json = parse(old)?;
                for list in lists {
                    json = list.take(json)?;
                }
                if json.text() == old {
                    return Ok(Some(json.into_text()));
                }
                for list in lists {
                    json = prune(json, list.path, given);
                }
                let left = json.value();
                Ok((!is_only_given(left, &[], given)).then(|| json.into_text()))
            }
        }
    }
}

impl List {
    fn is_hooks(&self) -> bool {
        self.path.first() == Some(&"hooks")
    }

    fn state(&self, json: &JsonText) -> State {
        let items = json.find(self.path).and_then(Value::as_array);
        let items = items.map(Vec::as_slice).unwrap_or_default();
        let own: Vec<&Value> = self.own(items).into_iter().filter_map(|at| items.get(at)).collect();
        match () {
            () if own.is_empty() => State::Missing,
            () if own.iter().copied().eq(&self.items) => State::InPlace,
            () => State::OutOfDate,
        }
    }

    fn put(&self, json: JsonText) -> Result<JsonText, EditError> {
        if self.state(&json) == State::InPlace {
            return Ok(json);
        }
        let json = self.take(json)?;
        self.items
            .iter()
            .try_fold(json, |json, item| json.push(self.path, item).ok_or(shape(self.path)))
    }

    fn take(&self, mut json: JsonText) -> Result<JsonText, EditError> {
        let items = json.find(self.path).and_then(Value::as_array).cloned().unwrap_or_default();
        for at in self.own(&items).into_iter().rev() {
            json = json.cut_item(self.path, at).ok_or(shape(self.path))?;
        }
        Ok(json)
    }

    /// Which items are ours. A hook is known by what it starts. Of rules, those
    /// are ours that stand between our first and our last one: an equal one
    /// elsewhere is somebody else's.
    fn own(&self, items: &[Value]) -> Vec<usize> {
        if self.items.iter().all(is_hook) {
            return (0..items.len()).filter(|&at| items.get(at).is_some_and(is_hook)).collect();
        }
        let Some(begin) = items.iter().rposition(|item| Some(item) == self.items.first()) else {
            return Vec::new();
        };
        let behind = items.get(begin..).unwrap_or_default();
        let end = behind.iter().position(|item| Some(item) == self.items.last());
        let known = |at: &usize| items.get(*at).is_some_and(|item| self.items.contains(item));
        match end {
            Some(end) => (begin..=begin + end).filter(known).collect(),
            None => (begin..items.len()).take_while(known).collect(),
        }
    }
}

/// Whether everything that an entry starts is our hook.
fn is_hook(entry: &Value) -> bool {
    let mut commands = Vec::new();
    collect(entry, &mut commands);
    !commands.is_empty() && commands.iter().all(|command| command.contains(Agent::HOOK))
}

fn collect<'v>(entry: &'v Value, commands: &mut Vec<&'v str>) {
    match entry {
        Value::Object(members) => {
            for (key, value) in members {
                match value {
                    Value::String(text) if matches!(key.as_str(), "command" | "bash") => {
                        commands.push(text);
                    }
                    _ => collect(value, commands),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, commands)),
        _ => {}
    }
}

type Given = [(&'static [&'static str], Value)];

/// Takes out what became empty on the way to a list, innermost first.
fn prune(mut json: JsonText, path: &[&'static str], given: &Given) -> JsonText {
    for length in (1..=path.len()).rev() {
        let way = path.get(..length).unwrap_or_default();
        let is_left = json.find(way).is_some_and(|value| !is_only_given(value, way, given));
        if is_left || json.find(way).is_none() {
            continue;
        }
        if let Some(cut) = json.cut_member(way) {
            json = cut;
        }
    }
    json
}

/// Whether nothing stands there but what we have put there besides.
fn is_only_given(value: &Value, way: &[&str], given: &Given) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.iter().all(|(key, inner)| {
            let way: Vec<&str> = way.iter().copied().chain([key.as_str()]).collect();
            given.iter().any(|(path, value)| *path == way.as_slice() && value == inner)
        }),
        _ => false,
    }
}

/// Whether nothing stands in a file, which is what agents take for `{}`.
fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

fn parse(text: &str) -> Result<JsonText, EditError> {
    let text = if is_blank(text) { "{}\n" } else { text };
    JsonText::parse(text).ok_or_else(|| {
        let fault = fault(text);
        let (line, column) = (fault.line, fault.column);
        if fault.is_comment {
            EditError::Comments { line, column }
        } else {
            EditError::Json { line, column }
        }
    })
}

fn shape(path: &[&'static str]) -> EditError {
    EditError::Shape { key: path.last().copied().unwrap_or_default() }
}
