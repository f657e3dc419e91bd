//! The bundle: an open set as one JSON object, for the one process that it is
//! handed to.
//!
//! Rules:
//! - A newer version is refused before anything else of it is looked at. Keys
//!   that are not known are passed over.
//! - An error says where, never what: no part of the content is repeated.
//! - What is printed is wiped with its page. What the JSON reader unescapes on
//!   the way is not ours to wipe.

mod read;

use std::fmt;

use thiserror::Error;
use unspoken_seal::{Secret, SecretError};
use zeroize::Zeroizing;

use crate::Page;

/// Where a set comes from, as a process is told.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Origin {
    pub project: String,
    pub environment: String,
    /// Of the environment's own document, when the set was opened.
    pub revision: u64,
}

/// What a process is handed.
pub struct Bundle {
    pub origin: Origin,
    /// By which a supervisor's probe proves itself to this one instance.
    pub token: Option<Secret>,
    /// Each name once.
    pub secrets: Vec<(String, Secret)>,
}

/// Why bytes are no bundle.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum BundleError {
    #[error("the bundle is empty: another process has already read it")]
    Empty,
    #[error("the bundle is larger than {max} bytes", max = Bundle::MAX_BYTES)]
    TooLarge,
    #[error("the bundle has more than {max} names", max = Bundle::MAX_NAMES)]
    TooMany,
    #[error("the bundle is not JSON (line {line}, column {column})")]
    NotJson { line: usize, column: usize },
    #[error(
        "the bundle has version {found}, and this program reads version {known}",
        known = Bundle::VERSION
    )]
    Version { found: u64 },
    #[error("`{key}` is missing in the bundle, or is not of its type")]
    Shape { key: &'static str },
    #[error("the bundle's value number {number} cannot be used: {error}")]
    Value { number: usize, error: SecretError },
}

impl Bundle {
    pub const VERSION: u64 = 1;
    /// What every reader takes.
    pub const MAX_BYTES: usize = 64 * 1024 * 1024;
    pub const MAX_NAMES: usize = 100_000;

    /// Prints the one object.
    pub fn print(&self) -> Zeroizing<Vec<u8>> {
        let Origin { project, environment, revision } = &self.origin;
        // Room for names, quotes and the frame. Escapes may still move it.
        let room = |(name, secret): &(String, Secret)| name.len() + secret.expose().len() + 6;
        let room = self.secrets.iter().map(room).sum::<usize>() + 1024;
        let mut page = Page::with_capacity(room);
        page.push("{\"version\":1,\"project\":");
        page.push_json(project);
        page.push(",\"environment\":");
        page.push_json(environment);
        page.push(",\"revision\":");
        page.push(&revision.to_string());
        page.push(",\"token\":");
        page.push_json(self.token.as_ref().map_or("", Secret::expose));
        page.push(",\"secrets\":{");
        let mut before = "";
        for (name, secret) in &self.secrets {
            page.push(before);
            page.push_json(name);
            page.push(":");
            page.push_json(secret.expose());
            before = ",";
        }
        page.push("},\"storages\":{}}");
        page.into_bytes()
    }

    /// One value.
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.secrets.iter().find(|(found, _)| found == name).map(|(_, secret)| secret)
    }
}

impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.secrets.iter().map(|(name, _)| name).collect();
        f.debug_struct("Bundle")
            .field("origin", &self.origin)
            .field("names", &names)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
