//! What a person has agreed to in a project, as a record of this machine: what all
//! kinds of records have in common.

use std::fmt;

use thiserror::Error;
use toml_edit::{Document, Item, Table};

/// What a record is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RecordKind {
    /// Rotation hooks that may be started.
    Trust,
    /// What may be shown inside of coding agents.
    Permissions,
}

/// A record of one project.
pub trait Record: Sized {
    const KIND: RecordKind;

    /// The project's root, with no link in it.
    fn root(&self) -> &str;
    fn read(text: &str) -> Result<Self, RecordError>;
    fn text(&self) -> String;
}

/// Why a text is no record.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum RecordError {
    #[error("it is not TOML")]
    Syntax,
    #[error("a newer release wrote it")]
    Newer,
    #[error("`{key}` is not as it is written")]
    Field { key: &'static str },
}

impl RecordKind {
    /// The name of the folder in the home, which is there for good.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Trust => "trust",
            Self::Permissions => "agents",
        }
    }
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trust => "trust",
            Self::Permissions => "permissions",
        })
    }
}

/// The version of all kinds.
pub(crate) const VERSION: i64 = 1;

/// Reads a record's version and root; it has no other keys than these.
pub(crate) fn begin<'t>(
    text: &'t str,
    keys: &[&str],
) -> Result<(Document<&'t str>, String), RecordError> {
    let document = Document::parse(text).map_err(|_| RecordError::Syntax)?;
    let table = document.as_table();
    match table.get("version").and_then(Item::as_integer) {
        Some(VERSION) => {}
        Some(version) if version > VERSION => return Err(RecordError::Newer),
        _ => return Err(RecordError::Field { key: "version" }),
    }
    if table.iter().any(|(key, _)| !keys.contains(&key)) {
        return Err(RecordError::Field { key: "version" });
    }
    let root = text_of(table, "root").filter(|root| root.starts_with('/'));
    let root = root.ok_or(RecordError::Field { key: "root" })?;
    Ok((document, root))
}

pub(crate) fn text_of(table: &Table, key: &str) -> Option<String> {
    table.get(key)?.as_str().map(str::to_owned)
}
