//! Names as the identifiers of a language.

use std::collections::BTreeMap;

use thiserror::Error;
use unspoken_model::{Language, SecretName};

use crate::Catalogue;

/// Two secrets that a language cannot tell apart.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{first}` and `{second}` would both be `{identifier}` in {language}")]
pub struct Collision {
    pub first: SecretName,
    pub second: SecretName,
    pub identifier: String,
    pub language: Language,
}

/// The identifiers of all secrets, if they differ.
pub(crate) fn identifiers(
    catalogue: &Catalogue,
    language: Language,
    spell: impl Fn(&SecretName) -> String,
) -> Result<Vec<String>, Collision> {
    let mut seen: BTreeMap<String, &SecretName> = BTreeMap::new();
    let mut all = Vec::with_capacity(catalogue.entries.len());
    for entry in &catalogue.entries {
        let identifier = spell(&entry.name);
        if let Some(first) = seen.insert(identifier.clone(), &entry.name) {
            let (first, second) = (first.clone(), entry.name.clone());
            return Err(Collision { first, second, identifier, language });
        }
        all.push(identifier);
    }
    Ok(all)
}
