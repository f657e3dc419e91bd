//! What is taken over from a file, and what is wrong with one.

use std::collections::{BTreeMap, btree_map};

use thiserror::Error;
use unspoken_model::{Expiry, ExpiryError, NameError, SecretName, shown};

use crate::dotenv::{self, LineError};
use crate::foreign::Names;
use crate::json::JsonError;
use crate::{Document, Secret, SecretError};

/// All values of a file, each name once.
#[derive(Debug, Default)]
pub struct Imported {
    pub entries: Vec<Entry>,
    pub notes: Vec<Note>,
    /// Whether something of worth stands in the file that is not taken over.
    pub has_more: bool,
}

/// One value.
#[derive(Debug)]
pub struct Entry {
    pub name: SecretName,
    pub secret: Secret,
    /// Where it stands, in a file that is read by lines.
    pub line: Option<usize>,
    pub expiry: Option<Expiry>,
}

/// Something that a person should know about a file that was read.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Note {
    #[error(transparent)]
    Line(dotenv::Warning),
    #[error("`{name}` is left out: the tool needs it, and your program does not")]
    Metadata { name: String },
    #[error("`{name}` is left out: it has no value")]
    Null { name: String },
    #[error("`{section}` is left out: it is nothing that a process reads as a variable")]
    Section { section: String },
    #[error("`{name}` stands in the file in plaintext")]
    Clear { name: SecretName },
    #[error("`{name}`: `$` is kept as it is, where dotenvx would insert something")]
    Interpolation { name: SecretName },
}

/// Why a file cannot be taken over. Never a value.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ForeignError {
    #[error("the file is not UTF-8 text")]
    NotText,
    #[error(transparent)]
    Json(JsonError),
    #[error(transparent)]
    Line(LineError),
    #[error("expected {expected}")]
    Shape { expected: &'static str },
    #[error("`{name}`: expected {expected}")]
    Part { name: String, expected: &'static str },
    #[error("`{name}`: {error}")]
    Name { name: String, error: NameError },
    #[error("`{name}`: {error}")]
    Value { name: String, error: SecretError },
    #[error("`{name}` is null, a list or an object, not a value")]
    Nested { name: String },
    #[error("`{name}` stands there twice")]
    Repeated { name: String },
    #[error("`{name}` and `{other}` would both be `{to}`")]
    SameName { name: String, other: String, to: SecretName },
    #[error("`{name}` does not open: the key is another one, or the text was changed")]
    Shut { name: String },
    #[error("`{name}`: {error}")]
    Expiry { name: String, error: ExpiryError },
    #[error("the file holds more than {max} values", max = Document::MAX_VALUES)]
    TooMany,
}

/// Collects the values of a file, and what is wrong with others.
pub(super) struct Collector<'n> {
    names: &'n Names,
    imported: Imported,
    /// What each name is in the file.
    raw: BTreeMap<SecretName, String>,
    errors: Vec<ForeignError>,
}

impl<'n> Collector<'n> {
    pub(super) fn new(names: &'n Names) -> Self {
        let (imported, raw) = (Imported::default(), BTreeMap::new());
        Self { names, imported, raw, errors: Vec::new() }
    }

    /// Takes in one value under the name that it has in the file.
    pub(super) fn add(&mut self, raw: &str, bytes: Vec<u8>, expiry: Option<Expiry>) {
        // First, so that the bytes are wiped whatever comes.
        let secret =
            Secret::new(bytes).map_err(|error| ForeignError::Value { name: shown(raw), error });
        let name = self.names.read(raw);
        let name = match name.map_err(|error| ForeignError::Name { name: shown(raw), error }) {
            Ok(name) => name,
            Err(error) => return self.errors.push(error),
        };
        match self.raw.entry(name.clone()) {
            btree_map::Entry::Vacant(vacant) => drop(vacant.insert(raw.to_owned())),
            btree_map::Entry::Occupied(other) if other.get() == raw => {
                return self.errors.push(ForeignError::Repeated { name: shown(raw) });
            }
            btree_map::Entry::Occupied(other) => {
                let (name, other, to) = (shown(raw), shown(other.get()), name);
                return self.errors.push(ForeignError::SameName { name, other, to });
            }
        }
        match secret {
            Ok(secret) => {
                self.imported.entries.push(Entry { name, secret, line: None, expiry });
            }
            Err(error) => self.errors.push(error),
        }
    }

    /// Notes that the value that was added last was not encrypted.
    pub(super) fn clear(&mut self, raw: &str) {
        let last = self.imported.entries.last().map(|entry| entry.name.clone());
        if let Some(name) = last.filter(|name| self.raw.get(name).is_some_and(|it| it == raw)) {
            self.note(Note::Clear { name });
        }
    }

    pub(super) fn refuse(&mut self, error: ForeignError) {
        self.errors.push(error);
    }

    pub(super) fn note(&mut self, note: Note) {
        self.imported.notes.push(note);
    }

    pub(super) fn leave(&mut self, note: Note) {
        self.imported.has_more = true;
        self.note(note);
    }

    pub(super) fn finish(mut self) -> Result<Imported, Vec<ForeignError>> {
        if self.imported.entries.len() > Document::MAX_VALUES {
            self.errors.insert(0, ForeignError::TooMany);
        }
        if self.errors.is_empty() { Ok(self.imported) } else { Err(self.errors) }
    }
}
