//! Values from a flat JSON object, for `import`.

use thiserror::Error;
use unspoken_model::{NameError, SecretName, shown};
use zeroize::Zeroize as _;

use crate::json::{self, JsonError};
use crate::node::{Item, Node};
use crate::{Document, Secret, SecretError};

/// Why a JSON text cannot be imported. Never a value.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum JsonImportError {
    #[error("the file is not UTF-8 text")]
    NotText,
    #[error(transparent)]
    Json(JsonError),
    #[error("expected one JSON object of names and values")]
    NotMap,
    #[error("`{name}`: {error}")]
    Name { name: String, error: NameError },
    #[error("`{name}`: {error}")]
    Value { name: String, error: SecretError },
    #[error("`{name}` is null, a list or an object, not a value")]
    Nested { name: String },
    #[error("`{name}` stands there twice")]
    Repeated { name: String },
    #[error("the file holds more than {max} values", max = Document::MAX_VALUES)]
    TooMany,
}

/// Reads an object of names and texts, numbers or booleans. Numbers keep their
/// spelling.
pub fn parse_json(bytes: &[u8]) -> Result<Vec<(SecretName, Secret)>, Vec<JsonImportError>> {
    let text = std::str::from_utf8(bytes).map_err(|_| vec![JsonImportError::NotText])?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let node = json::read(text).map_err(|error| vec![JsonImportError::Json(error)])?;
    let Node::Map(items) = node else { return Err(vec![JsonImportError::NotMap]) };
    if items.len() > Document::MAX_VALUES {
        return Err(vec![JsonImportError::TooMany]);
    }
    let mut entries: Vec<(SecretName, Secret)> = Vec::with_capacity(items.len());
    let mut errors = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for item in items {
        let Item::Pair(name, node) = item else { continue };
        if !seen.insert(name.clone().into_owned()) {
            errors.push(JsonImportError::Repeated { name: shown(&name) });
            continue;
        }
        match entry(&name, node) {
            Ok(entry) => entries.push(entry),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(entries) } else { Err(errors) }
}

fn entry(name: &str, node: Node<'_>) -> Result<(SecretName, Secret), JsonImportError> {
    let bytes = match node {
        Node::Text(mut text) => {
            let bytes = text.as_bytes().to_vec();
            // A text that had escapes stands in a buffer of its own.
            if let std::borrow::Cow::Owned(owned) = &mut text {
                owned.zeroize();
            }
            bytes
        }
        Node::Number(text) => text.as_bytes().to_vec(),
        Node::Bool(value) => value.to_string().into_bytes(),
        Node::Null | Node::Time(_) | Node::Comment(_) | Node::List(_) | Node::Map(_) => {
            return Err(JsonImportError::Nested { name: shown(name) });
        }
    };
    let secret =
        Secret::new(bytes).map_err(|error| JsonImportError::Value { name: shown(name), error })?;
    let parsed = SecretName::parse(name)
        .map_err(|error| JsonImportError::Name { name: shown(name), error })?;
    Ok((parsed, secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_numbers_and_booleans_are_values() {
        let entries = parse_json(br#"{"A":"line\nline","B":12.50,"C":true,"D":""}"#).unwrap();
        let found: Vec<_> =
            entries.iter().map(|(name, secret)| (name.as_str(), secret.expose())).collect();
        assert_eq!(found, [("A", "line\nline"), ("B", "12.50"), ("C", "true"), ("D", "")]);
    }

    #[test]
    fn every_wrong_entry_is_named_and_no_value_is_shown() {
        let errors = parse_json(
            br#"{"lower":"canary","A":["canary"],"B":"can\u0000ary","C":"canary","C":"canary"}"#,
        )
        .unwrap_err();
        let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(shown.len(), 4, "{shown:?}");
        assert!(shown[0].starts_with("`lower`: 'l' at byte 0"));
        assert_eq!(shown[1], "`A` is null, a list or an object, not a value");
        assert!(shown[2].starts_with("`B`: the value holds a NUL"));
        assert_eq!(shown[3], "`C` stands there twice");
        assert!(shown.iter().all(|text| !text.contains("canary")));
        assert_eq!(parse_json(b"[]").unwrap_err(), [JsonImportError::NotMap]);
        assert_eq!(parse_json(b"\xff").unwrap_err(), [JsonImportError::NotText]);
    }
}
