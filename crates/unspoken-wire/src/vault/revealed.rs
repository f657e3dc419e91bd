//! Values that a vault hands out: one environment's, or one of them.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;
use unspoken_seal::{Secret, SecretError};

use super::PlainText;
use crate::Page;

/// What is handed out.
pub struct Revealed {
    pub revision: i64,
    /// Sorted by name, each once.
    pub secrets: Vec<RevealedSecret>,
}

#[derive(Debug)]
pub struct RevealedSecret {
    pub name: String,
    pub version: i64,
    pub expiry: Option<String>,
    pub value: Secret,
}

/// Why bytes are none of a vault's answers. Says where, never what.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum RevealedError {
    #[error("the vault's answer cannot be read (line {line}, column {column})")]
    Shape { line: usize, column: usize },
    #[error("the vault's value number {number} cannot be used: {error}")]
    Value { number: usize, error: SecretError },
}

#[derive(Deserialize)]
struct Whole<'b> {
    revision: i64,
    #[serde(borrow)]
    secrets: BTreeMap<String, &'b RawValue>,
}

#[derive(Deserialize)]
struct One {
    version: i64,
    #[serde(default)]
    expiry: Option<String>,
    value: PlainText,
}

impl Revealed {
    /// How many bytes an answer has at most.
    pub const MAX_BYTES: usize = 64 * 1024 * 1024;

    /// Prints one object, with the values in it.
    pub fn print(&self) -> Page {
        let room = self.secrets.iter().map(|one| one.name.len() + one.value.expose().len() + 64);
        let mut page = Page::with_capacity(room.sum::<usize>() + 64);
        page.push("{\"revision\":");
        page.push(&self.revision.to_string());
        page.push(",\"secrets\":{");
        let mut before = "";
        for RevealedSecret { name, version, expiry, value } in &self.secrets {
            page.push(before);
            page.push_json(name);
            page.push(":{\"version\":");
            page.push(&version.to_string());
            if let Some(expiry) = expiry {
                page.push(",\"expiry\":");
                page.push_json(expiry);
            }
            page.push(",\"value\":");
            page.push_json(value.expose());
            page.push("}");
            before = ",";
        }
        page.push("}}");
        page
    }

    /// Reads what [`Revealed::print`] prints.
    pub fn parse(bytes: &[u8]) -> Result<Self, RevealedError> {
        let shape = |error: serde_json::Error| RevealedError::Shape {
            line: error.line(),
            column: error.column(),
        };
        let whole: Whole = serde_json::from_slice(bytes).map_err(shape)?;
        let mut secrets = Vec::with_capacity(whole.secrets.len());
        for (at, (name, raw)) in whole.secrets.into_iter().enumerate() {
            let One { version, expiry, value } = serde_json::from_str(raw.get()).map_err(shape)?;
            let value =
                value.secret().map_err(|error| RevealedError::Value { number: at + 1, error })?;
            secrets.push(RevealedSecret { name, version, expiry, value });
        }
        Ok(Self { revision: whole.revision, secrets })
    }
}

impl fmt::Debug for Revealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.secrets.iter().map(|one| &one.name).collect();
        f.debug_struct("Revealed")
            .field("revision", &self.revision)
            .field("names", &names)
            .finish_non_exhaustive()
    }
}

#[test]
fn what_is_printed_is_read_and_no_value_is_shown() {
    let value = |text: &str| Secret::new(text.into()).unwrap();
    let one = |name: &str, text, expiry: Option<&str>| RevealedSecret {
        name: name.to_owned(),
        version: 3,
        expiry: expiry.map(str::to_owned),
        value: value(text),
    };
    let secrets = vec![one("A", "canary \"\n\u{1F511}", None), one("B", "", Some("2027-01-31"))];
    let revealed = Revealed { revision: 7, secrets };
    let printed = revealed.print().into_bytes();
    let read = Revealed::parse(&printed).unwrap();
    assert_eq!(read.revision, 7);
    assert_eq!(read.secrets.len(), 2);
    assert!(read.secrets[0].value.is_same(&value("canary \"\n\u{1F511}")));
    assert_eq!(read.secrets[1].expiry.as_deref(), Some("2027-01-31"));
    assert!(!format!("{revealed:?}").contains("canary"));
    for end in 0..printed.len() {
        assert!(Revealed::parse(&printed[..end]).is_err());
    }
    let nul = br#"{"revision":1,"secrets":{"A":{"version":1,"value":"a\u0000b"}}}"#;
    assert!(matches!(Revealed::parse(nul), Err(RevealedError::Value { number: 1, .. })));
}
