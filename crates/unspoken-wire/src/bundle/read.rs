//! From bytes to a bundle.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::error::Category;
use serde_json::value::RawValue;
use unspoken_seal::Secret;
use zeroize::Zeroizing;

use super::{Bundle, BundleError, Origin};

/// An object whose values are not read yet, and so not copied. Of a key that
/// is repeated the last counts.
type Fields<'b> = BTreeMap<String, &'b RawValue>;

impl Bundle {
    /// Reads one object and nothing behind it.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        if bytes.is_empty() {
            return Err(BundleError::Empty);
        }
        if bytes.len() > Self::MAX_BYTES {
            return Err(BundleError::TooLarge);
        }
        let fields: Fields = serde_json::from_slice(bytes).map_err(|error| {
            match error.classify() {
                // Whole JSON, and no object.
                Category::Data if bytes.first() != Some(&b'{') => {
                    BundleError::Shape { key: "secrets" }
                }
                _ => BundleError::NotJson { line: error.line(), column: error.column() },
            }
        })?;
        match field(&fields, "version")? {
            Some(Self::VERSION) => {}
            Some(found) if found > Self::VERSION => return Err(BundleError::Version { found }),
            _ => return Err(BundleError::Shape { key: "version" }),
        }
        let origin = Origin {
            project: field(&fields, "project")?.unwrap_or_default(),
            environment: field(&fields, "environment")?.unwrap_or_default(),
            revision: field(&fields, "revision")?.unwrap_or_default(),
        };
        let token = field::<String>(&fields, "token")?.filter(|token| !token.is_empty());
        let token = token.map(|token| secret(0, token)).transpose()?;
        let _: Option<Fields> = field(&fields, "storages")?;
        let texts: Option<Fields> = field(&fields, "secrets")?;
        let texts = texts.ok_or(BundleError::Shape { key: "secrets" })?;
        if texts.len() > Self::MAX_NAMES {
            return Err(BundleError::TooMany);
        }
        let mut secrets = Vec::with_capacity(texts.len());
        for (at, (name, raw)) in texts.into_iter().enumerate() {
            let text = serde_json::from_str(raw.get());
            let text = text.map_err(|_| BundleError::Shape { key: "secrets" })?;
            secrets.push((name, secret(at + 1, text)?));
        }
        Ok(Self { origin, token, secrets })
    }
}

/// One value of an object; `None` when it has none.
fn field<'b, T: Deserialize<'b>>(
    fields: &Fields<'b>,
    key: &'static str,
) -> Result<Option<T>, BundleError> {
    let Some(raw) = fields.get(key) else { return Ok(None) };
    serde_json::from_str(raw.get()).map(Some).map_err(|_| BundleError::Shape { key })
}

fn secret(number: usize, text: String) -> Result<Secret, BundleError> {
    let mut text = Zeroizing::new(text);
    let bytes = std::mem::take(&mut *text).into_bytes();
    Secret::new(bytes).map_err(|error| BundleError::Value { number, error })
}
