//! Tako's `.tako/secrets.json`: environments of values that are encrypted one
//! by one, each environment with a key of its own.
//!
//! A text is base64 of nonce ‖ ciphertext ‖ tag. Nothing binds it to its name,
//! so whoever can write the file can exchange two values; that is Tako's to
//! prevent, and cannot be found out here.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use unspoken_model::{Expiry, shown};
use zeroize::Zeroizing;

use crate::Document;
use crate::foreign::entry::Collector;
use crate::foreign::{ForeignError, Imported, Names, Note};
use crate::hazmat::DataKey;
use crate::hazmat::foreign::{open_tako, stretch};
use crate::json;
use crate::node::{Item, Node};

const EXPECTED: &str = "one JSON object of environments, each with a `key_id` and values in `app`";

const ROUNDS: u32 = 600_000;

/// The sections that hold what an application reads; the second is the name
/// that older releases gave it.
const VALUES: [&str; 2] = ["app", "secrets"];

/// A file that has been read, all of it ciphertext.
#[derive(Debug)]
pub struct Tako {
    environments: Vec<Environment>,
}

#[derive(Debug)]
struct Environment {
    name: String,
    key_id: TakoKeyId,
    values: Vec<(String, String, Option<Expiry>)>,
    /// What else there is.
    sections: Vec<String>,
}

/// Which key opens an environment: 16 hexadecimal digits, which is also the
/// name of its file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TakoKeyId(String);

/// The key of one environment. Wiped on drop.
pub struct TakoKey(DataKey);

impl TakoKeyId {
    fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        fits.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TakoKey {
    /// Reads a key file: 32 bytes in base64.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 36]);
        let length = STANDARD.decode_slice(text.trim_ascii(), &mut *bytes).ok()?;
        DataKey::new(bytes.get(..length)?).map(Self)
    }

    /// Derives the key of an environment from a passphrase.
    pub fn derive(passphrase: &[u8], id: &TakoKeyId) -> Self {
        Self(stretch(passphrase, format!("tako-secrets-v1:{}", id.0).as_bytes(), ROUNDS))
    }
}

impl Tako {
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<ForeignError>> {
        let text = std::str::from_utf8(bytes).map_err(|_| vec![ForeignError::NotText])?;
        let node = json::read(text).map_err(|error| vec![ForeignError::Json(error)])?;
        let shape = || vec![ForeignError::Shape { expected: EXPECTED }];
        let mut errors = Vec::new();
        let mut environments: Vec<Environment> = Vec::new();
        for (name, node) in node.as_map().ok_or_else(shape)?.iter().filter_map(Item::as_pair) {
            if environments.iter().any(|other| other.name == name) {
                errors.push(ForeignError::Repeated { name: shown(name) });
            }
            environments.push(environment(name, node, &mut errors).ok_or_else(shape)?);
        }
        if environments.iter().map(|found| found.values.len()).sum::<usize>() > Document::MAX_VALUES
        {
            errors.insert(0, ForeignError::TooMany);
        }
        if errors.is_empty() { Ok(Self { environments }) } else { Err(errors) }
    }

    /// The environments that the file has, as they may be shown.
    pub fn environments(&self) -> impl Iterator<Item = String> {
        self.environments.iter().map(|environment| shown(&environment.name))
    }

    /// Which key opens an environment. `None` when the file has no such one.
    pub fn key_id(&self, environment: &str) -> Option<&TakoKeyId> {
        self.find(environment).map(|environment| &environment.key_id)
    }

    /// Opens the values of an environment.
    pub fn open(
        &self,
        environment: &str,
        key: &TakoKey,
        names: &Names,
    ) -> Result<Imported, Vec<ForeignError>> {
        let mut collector = Collector::new(names);
        let found = self.find(environment);
        for (name, blob, expiry) in found.iter().flat_map(|found| &found.values) {
            let blob = STANDARD.decode(blob).ok();
            match blob.and_then(|blob| open_tako(&key.0, &blob)) {
                Some(mut text) => collector.add(name, std::mem::take(&mut *text), *expiry),
                None => collector.refuse(ForeignError::Shut { name: shown(name) }),
            }
        }
        for section in found.iter().flat_map(|found| &found.sections) {
            collector.leave(Note::Section { section: section.clone() });
        }
        let mut imported = collector.finish()?;
        imported.has_more |= self.environments.len() > 1;
        Ok(imported)
    }

    fn find(&self, name: &str) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.name == name)
    }
}

fn environment(name: &str, node: &Node<'_>, errors: &mut Vec<ForeignError>) -> Option<Environment> {
    let key_id = node.get("key_id").and_then(Node::as_text).and_then(TakoKeyId::parse)?;
    let mut environment =
        Environment { name: name.to_owned(), key_id, values: Vec::new(), sections: Vec::new() };
    for (section, node) in node.as_map()?.iter().filter_map(Item::as_pair) {
        if VALUES.contains(&section) {
            for (name, node) in node.as_map()?.iter().filter_map(Item::as_pair) {
                match value(name, node) {
                    Ok((blob, expiry)) => {
                        environment.values.push((name.to_owned(), blob, expiry));
                    }
                    Err(error) => errors.push(error),
                }
            }
        } else if section != "key_id" && !node.is_vacant() {
            environment.sections.push(shown(section));
        }
    }
    Some(environment)
}

/// One value: a text, or an object that also says when it expires.
fn value(name: &str, node: &Node<'_>) -> Result<(String, Option<Expiry>), ForeignError> {
    let expected = "a text, or an object with `value` and `expires_on`";
    let part = || ForeignError::Part { name: shown(name), expected };
    if let Some(blob) = node.as_text() {
        return Ok((blob.to_owned(), None));
    }
    let blob = node.get("value").and_then(Node::as_text).ok_or_else(part)?;
    let expiry = match node.get("expires_on") {
        None | Some(Node::Null) => None,
        Some(Node::Text(text)) => {
            // A time of the day says no more than its day.
            let day = text.split_once('T').map_or(text.as_ref(), |(day, _)| day);
            let expiry = Expiry::parse(day);
            Some(expiry.map_err(|error| ForeignError::Expiry { name: shown(name), error })?)
        }
        Some(_) => return Err(part()),
    };
    Ok((blob.to_owned(), expiry))
}

impl fmt::Debug for TakoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TakoKey([REDACTED])")
    }
}
