//! Secrets for Docker Compose: which service gets which, and the fragment that
//! says so. The files themselves are [`MemoryFolder`]'s.
//!
//! Rules:
//! - A service gets what it was given, and a file is there for what a service
//!   gets, and for nothing else.
//! - The fragment holds names and paths, never a value. It may be committed.
//! - Every text in it is quoted, and what is not plain ASCII is escaped: YAML
//!   1.1 and 1.2 read the same.

mod made;
mod memory_folder;
mod secret_files;
mod service;

pub use made::{Made, MadeError};
pub use memory_folder::{FolderError, MemoryFolder};
pub use secret_files::FileMode;
pub use service::{Service, ServiceError};

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;
use unspoken_model::SecretName;
use unspoken_seal::SecretSet;

/// Which service gets which secrets. All of them are in the set that it was
/// decided for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Composition {
    services: BTreeMap<String, BTreeSet<SecretName>>,
}

/// Why a service cannot get what it was given.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ComposeError {
    #[error("no secret `{name}` in `{environment}` for the service `{service}`")]
    Missing { service: String, name: SecretName, environment: String, nearest: Option<SecretName> },
}

impl Composition {
    /// Decides for a set. A service that is there twice gets both parts.
    pub fn new(services: &[Service], set: &SecretSet) -> Result<Self, ComposeError> {
        let mut decided: BTreeMap<String, BTreeSet<SecretName>> = BTreeMap::new();
        for Service { name: service, secrets } in services {
            let gets = decided.entry(service.clone()).or_default();
            let Some(secrets) = secrets else {
                gets.extend(set.names().cloned());
                continue;
            };
            for name in secrets {
                if set.get(name).is_none() {
                    return Err(ComposeError::Missing {
                        service: service.clone(),
                        name: name.clone(),
                        environment: set.environment().to_string(),
                        nearest: set.nearest(name),
                    });
                }
                gets.insert(name.clone());
            }
        }
        Ok(Self { services: decided })
    }

    /// Every name that a service gets.
    pub fn names(&self) -> BTreeSet<&SecretName> {
        self.services.values().flatten().collect()
    }

    /// Prints the fragment for files in this folder.
    pub fn print(&self, folder: &str) -> String {
        let mut text = "services:\n".to_owned();
        for (service, names) in &self.services {
            text.push_str(&format!("  {}:\n", quote(service)));
            text.push_str(if names.is_empty() { "    secrets: []\n" } else { "    secrets:\n" });
            text.extend(names.iter().map(|name| format!("      - {}\n", quote(name.as_str()))));
        }
        let names = self.names();
        text.push_str(if names.is_empty() { "secrets: {}\n" } else { "secrets:\n" });
        for name in names {
            // Compose would take a single `$` for the start of a variable.
            let path = format!("{}/{name}", folder.trim_end_matches('/')).replace('$', "$$");
            text.push_str(&format!("  {}:\n", quote(name.as_str())));
            text.push_str(&format!("    file: {}\n", quote(&path)));
        }
        text
    }
}

/// A text in double quotes.
fn quote(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            ' '..='~' => quoted.push(c),
            _ if u32::from(c) <= 0xffff => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => quoted.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests;
