//! What a request is answered with.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use unspoken_model::SecretName;
use unspoken_seal::Secret;
use unspoken_wire::vault::{Revealed, RevealedSecret};
use zeroize::Zeroizing;

use super::page::Page;
use crate::key::{Address, ProjectKey, SealedValue};
use crate::problem::Problem;

/// What a handler says, and what the description of the interface says of it.
pub(crate) trait Reply: 'static {
    /// Whether it hands out values, or says that they are unchanged.
    const HANDS_OUT: bool = false;

    /// `None` for an answer without a body.
    fn schema(generator: &mut SchemaGenerator) -> Option<Schema>;
    fn answer(self) -> Result<Answer, Problem>;
}

/// A body of names, ids and numbers.
pub(crate) struct Json<T>(pub(crate) T);

/// What is sent, or made into what is sent once the record is durable.
pub(crate) enum Answer {
    Empty,
    Json(Zeroizing<Vec<u8>>),
    /// The caller's copy is the newest.
    Unchanged(Head),
    Sealed(Sealed),
    Page(Box<Page>),
}

/// What is told of an environment beside its values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Head {
    pub(crate) revision: i64,
    /// For how many seconds a sealed copy may stand in.
    pub(crate) offline: i64,
}

/// Values that were allowed to be handed out, still sealed.
pub(crate) struct Sealed {
    pub(crate) head: Head,
    pub(crate) items: Vec<SealedItem>,
    /// The keys of the project that they need, by their versions.
    pub(crate) keys: Vec<(i64, ProjectKey)>,
    pub(crate) shape: Shape,
}

pub(crate) struct SealedItem {
    pub(crate) name: SecretName,
    pub(crate) version: i64,
    pub(crate) expiry: Option<String>,
    pub(crate) address: Address,
    pub(crate) key_version: i64,
    pub(crate) value: SealedValue,
}

/// As what values are sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Shape {
    Own,
    /// As `HashiCorp`'s Vault prints version 2 of its key-value store.
    KeyValue,
}

impl<T: Serialize + JsonSchema + 'static> Reply for Json<T> {
    fn schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(generator.subschema_for::<T>())
    }

    fn answer(self) -> Result<Answer, Problem> {
        let bytes = serde_json::to_vec(&self.0).map_err(|_| Problem::internal())?;
        Ok(Answer::Json(Zeroizing::new(bytes)))
    }
}

impl Reply for () {
    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }

    fn answer(self) -> Result<Answer, Problem> {
        Ok(Answer::Empty)
    }
}

/// Handlers that hand out values say when nothing has changed.
pub(crate) enum Handed {
    Unchanged(Head),
    Values(Sealed),
}

/// What [`Revealed`] prints, for the description of the interface.
struct RevealedBody;

impl JsonSchema for RevealedBody {
    fn schema_name() -> Cow<'static, str> {
        "Revealed".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "required": ["revision", "secrets"],
            "properties": {
                "revision": { "type": "integer" },
                "secrets": { "type": "object", "additionalProperties": {
                    "type": "object",
                    "required": ["version", "value"],
                    "properties": {
                        "version": { "type": "integer" },
                        "expiry": { "type": "string" },
                        "value": { "type": "string" },
                    },
                } },
            },
        })
    }
}

/// The same as `HashiCorp`'s Vault prints it.
pub(crate) struct KeyValueHanded(pub(crate) Handed);

struct KeyValueBody;

impl JsonSchema for KeyValueBody {
    fn schema_name() -> Cow<'static, str> {
        "KeyValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "required": ["data"],
            "properties": { "data": {
                "type": "object",
                "required": ["data", "metadata"],
                "properties": {
                    "data": { "type": "object", "additionalProperties": { "type": "string" } },
                    "metadata": {
                        "type": "object",
                        "required": ["version"],
                        "properties": { "version": { "type": "integer" } },
                    },
                },
            } },
        })
    }
}

impl Reply for KeyValueHanded {
    const HANDS_OUT: bool = true;

    fn schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(generator.subschema_for::<KeyValueBody>())
    }

    fn answer(self) -> Result<Answer, Problem> {
        self.0.answer()
    }
}

impl Reply for Handed {
    const HANDS_OUT: bool = true;

    fn schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(generator.subschema_for::<RevealedBody>())
    }

    fn answer(self) -> Result<Answer, Problem> {
        Ok(match self {
            Self::Unchanged(head) => Answer::Unchanged(head),
            Self::Values(sealed) => Answer::Sealed(sealed),
        })
    }
}

impl Sealed {
    /// Opens all values.
    pub(super) fn open(self) -> Result<Zeroizing<Vec<u8>>, Problem> {
        let mut secrets = Vec::with_capacity(self.items.len());
        for item in self.items {
            let key = self.keys.iter().find(|(version, _)| *version == item.key_version);
            let (_, key) = key.ok_or_else(Problem::internal)?;
            let value = key
                .open(&item.address, item.key_version, &item.value)
                .map_err(|_| Problem::internal())?;
            let value = Secret::new(value.to_vec()).map_err(|_| Problem::internal())?;
            let name = item.name.as_str().to_owned();
            secrets.push(RevealedSecret {
                name,
                version: item.version,
                expiry: item.expiry,
                value,
            });
        }
        let revealed = Revealed { revision: self.head.revision, secrets };
        Ok(match self.shape {
            Shape::Own => revealed.print(),
            Shape::KeyValue => super::handler::key_value::print(&revealed),
        }
        .into_bytes())
    }
}
