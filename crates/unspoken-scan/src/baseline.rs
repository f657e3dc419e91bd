//! The baseline: findings that somebody has looked at and accepted.
//!
//! Rules:
//! - An entry is a keyed hash over kind, text and path. The key stands in the file:
//!   everybody's scan and every CI job must know the same findings again. So whoever
//!   has the file can try a guess; what is accepted stands in the repository anyway.
//!   Texts that stand nowhere else are not for a baseline.
//! - Kind, path and reason stand beside the hash for a reader. The hash decides.
//! - A newer version is refused before anything else of it is looked at.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use thiserror::Error;
use unspoken_model::shown;
use unspoken_seal::{Mac, MacKey};

/// What a baseline's hashes are made with: random, and another one in every file,
/// so that no table made beforehand fits.
pub struct BaselineKey(MacKey);

/// Findings that were accepted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Baseline(BTreeMap<Mac, Accepted>);

/// What is told of an accepted finding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Accepted {
    /// The id of a kind, or the name of a secret.
    pub kind: String,
    /// The path in the repository, as it may be shown.
    pub path: String,
    pub reason: String,
}

/// A finding, as a baseline knows it.
#[derive(Clone, Copy, Debug)]
pub struct Leak<'a> {
    /// The id of a kind, or the name of a secret.
    pub kind: &'a str,
    /// The text that leaked, by [`BaselineKey::text`]: where it stood may be known
    /// long after the text itself is gone.
    pub text: Mac,
    /// The path in the repository.
    pub path: &'a str,
}

/// Why bytes are no baseline, or a finding cannot be added to one.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum BaselineError {
    #[error("the baseline is larger than {max} bytes", max = Baseline::MAX_BYTES)]
    TooLarge,
    #[error("the baseline does not read (line {line}, column {column})")]
    Form { line: usize, column: usize },
    #[error(
        "the baseline has version {found}, and this program reads version {known}",
        known = Baseline::VERSION
    )]
    Version { found: u64 },
    #[error("the baseline has more than {max} entries", max = Baseline::MAX_ENTRIES)]
    TooMany,
    #[error("`key` in the baseline is not 64 hex digits")]
    Key,
    #[error("`{field}` of entry {number} in the baseline cannot be used")]
    Entry { number: usize, field: &'static str },
    #[error("entry {number} is in the baseline twice")]
    Twice { number: usize },
    #[error("`{field}` is empty, too long or holds characters that a terminal would obey")]
    Text { field: &'static str },
}

#[derive(Deserialize)]
struct Head {
    version: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page<'a> {
    #[serde(rename = "version")]
    _version: u64,
    #[serde(borrow)]
    key: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    accepted: Vec<Row<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row<'a> {
    #[serde(borrow)]
    mac: std::borrow::Cow<'a, str>,
    kind: String,
    path: String,
    reason: String,
}

impl BaselineKey {
    pub fn random() -> Self {
        Self(MacKey::random())
    }

    /// Reads the one spelling: 64 lowercase hex digits.
    fn parse(text: &str) -> Option<Self> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
        let bytes = pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?));
        MacKey::new(&bytes.collect::<Option<Vec<u8>>>()?).map(Self)
    }

    fn print(&self) -> String {
        self.0.expose().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What stands for a text that leaked.
    pub fn text(&self, text: &[u8]) -> Mac {
        self.0.mac(&[b"unspoken/baseline-text/v1", text])
    }

    /// What a finding is known again by.
    pub fn mac(&self, leak: &Leak<'_>) -> Mac {
        let domain = b"unspoken/baseline/v1";
        let text = leak.text.to_string();
        self.0.mac(&[domain, leak.kind.as_bytes(), text.as_bytes(), leak.path.as_bytes()])
    }
}

impl Baseline {
    pub const VERSION: u64 = 1;
    pub const MAX_BYTES: usize = 4 * 1024 * 1024;
    pub const MAX_ENTRIES: usize = 10_000;
    /// In bytes, of a reason.
    pub const MAX_REASON: usize = 500;
    const MAX_KIND: usize = 128;
    const MAX_PATH: usize = 4096;

    /// Reads a baseline, or says where it is wrong.
    pub fn parse(bytes: &[u8]) -> Result<(BaselineKey, Self), BaselineError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(BaselineError::TooLarge);
        }
        let form = |error: serde_json::Error| BaselineError::Form {
            line: error.line(),
            column: error.column(),
        };
        let Head { version } = serde_json::from_slice(bytes).map_err(form)?;
        if version != Self::VERSION {
            return Err(BaselineError::Version { found: version });
        }
        let page: Page<'_> = serde_json::from_slice(bytes).map_err(form)?;
        let key = BaselineKey::parse(&page.key).ok_or(BaselineError::Key)?;
        if page.accepted.len() > Self::MAX_ENTRIES {
            return Err(BaselineError::TooMany);
        }
        let mut entries = BTreeMap::new();
        for (row, number) in page.accepted.into_iter().zip(1..) {
            let entry = |field| BaselineError::Entry { number, field };
            let mac = Mac::parse(&row.mac).ok_or(entry("mac"))?;
            let accepted = Accepted { kind: row.kind, path: row.path, reason: row.reason };
            accepted.spoilt().map_or(Ok(()), |field| Err(entry(field)))?;
            if entries.insert(mac, accepted).is_some() {
                return Err(BaselineError::Twice { number });
            }
        }
        Ok((key, Self(entries)))
    }

    /// Prints the file: an entry a line, so that a change is read as one, in the
    /// order of paths and kinds.
    pub fn print(&self, key: &BaselineKey) -> String {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let mut entries: Vec<_> = self.0.iter().collect();
        entries.sort_by_key(|(mac, entry)| (&entry.path, &entry.kind, *mac));
        let rows = entries.into_iter().map(|(mac, entry)| {
            let (kind, path, reason) = (text(&entry.kind), text(&entry.path), text(&entry.reason));
            format!(
                "    {{ \"mac\": \"{mac}\", \"kind\": {kind}, \"path\": {path}, {reason} }}",
                reason = format_args!("\"reason\": {reason}"),
            )
        });
        let rows = rows.collect::<Vec<_>>().join(",\n");
        let list = if rows.is_empty() { String::new() } else { format!("\n{rows}\n  ") };
        let (version, key) = (Self::VERSION, key.print());
        format!(
            "{{\n  \"version\": {version},\n  \"key\": \"{key}\",\n  \"accepted\": [{list}]\n}}\n"
        )
    }

    /// What is told of a finding, where it was accepted.
    pub fn find(&self, mac: Mac) -> Option<&Accepted> {
        self.0.get(&mac)
    }

    /// Accepts a finding. Says whether it is new; an old one gets the new reason.
    pub fn add(&mut self, mac: Mac, accepted: Accepted) -> Result<bool, BaselineError> {
        accepted.spoilt().map_or(Ok(()), |field| Err(BaselineError::Text { field }))?;
        if self.0.len() >= Self::MAX_ENTRIES && !self.0.contains_key(&mac) {
            return Err(BaselineError::TooMany);
        }
        Ok(self.0.insert(mac, accepted).is_none())
    }

    /// What was accepted.
    pub fn iter(&self) -> impl Iterator<Item = (Mac, &Accepted)> {
        self.0.iter().map(|(&mac, accepted)| (mac, accepted))
    }
}

impl Accepted {
    pub fn new(kind: &str, path: &str, reason: &str) -> Self {
        Self { kind: kind.to_owned(), path: shown(path), reason: reason.to_owned() }
    }

    /// The first field that cannot stand in a baseline.
    fn spoilt(&self) -> Option<&'static str> {
        let fields = [
            ("kind", &self.kind, Baseline::MAX_KIND),
            ("path", &self.path, Baseline::MAX_PATH),
            ("reason", &self.reason, Baseline::MAX_REASON),
        ];
        let fits = |text: &str, max| !text.is_empty() && text.len() <= max && shown(text) == text;
        fields.into_iter().find(|(_, text, max)| !fits(text, *max)).map(|(field, ..)| field)
    }
}

impl fmt::Debug for BaselineKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BaselineKey([REDACTED])")
    }
}

#[cfg(test)]
mod tests;
