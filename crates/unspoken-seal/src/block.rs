//! Our block in a document's metadata, `sops.unspoken`: where the document
//! belongs, when values expire, and the seal over it all.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use unspoken_model::{
    EnvironmentName, Expiry, KeyId, Place, ProjectName, RecipientName, SealKey, SecretName, shown,
};

use crate::node::{Item, Node};

/// The version of the block that this program writes, and the newest it reads.
pub(crate) const VERSION: u64 = 1;

/// What the block says, in the clear.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    pub place: Place,
    /// Counts up by one at each write.
    pub revision: u64,
    /// The environment key that the document was made for.
    pub key_id: KeyId,
    /// Earlier environment keys, and until when each was in use.
    pub key_history: Vec<(KeyId, String)>,
    pub expires: BTreeMap<SecretName, Expiry>,
    /// The values that people could read who may not any more.
    pub exposed: BTreeMap<SecretName, BTreeSet<RecipientName>>,
    pub seal_key: SealKey,
    pub(crate) seal: [u8; 64],
}

/// What is wrong in a block.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum BlockError {
    #[error("version {found} is newer than this program knows")]
    Newer { found: u64 },
    #[error("the field `{field}` is missing or does not read")]
    Field { field: &'static str },
    #[error("the field `{field}` is not known")]
    Unknown { field: String },
}

const FIELDS: [&str; 10] = [
    "environment",
    "expires",
    "exposed",
    "key_history",
    "key_id",
    "project",
    "revision",
    "seal",
    "seal_key",
    "version",
];

impl Block {
    /// The block of a document that has not been written yet.
    pub(crate) fn new(place: Place, key_id: KeyId, seal_key: SealKey) -> Self {
        Self {
            place,
            revision: 0,
            key_id,
            key_history: Vec::new(),
            expires: BTreeMap::new(),
            exposed: BTreeMap::new(),
            seal_key,
            seal: [0; 64],
        }
    }

    pub(crate) fn read(node: &Node<'_>) -> Result<Self, BlockError> {
        let field = |field| BlockError::Field { field };
        let version = number(node, "version").ok_or(field("version"))?;
        if version > VERSION {
            return Err(BlockError::Newer { found: version });
        }
        for item in node.as_map().unwrap_or_default() {
            match item {
                Item::Pair(key, _) if FIELDS.contains(&key.as_ref()) => {}
                Item::Pair(key, _) => {
                    return Err(BlockError::Unknown { field: shown(key) });
                }
                Item::Comment(_) => {}
            }
        }
        let text = |key: &'static str| node.get(key).and_then(Node::as_text).ok_or(field(key));
        let environment = EnvironmentName::parse(text("environment")?);
        let project = ProjectName::parse(text("project")?);
        let seal = STANDARD.decode(text("seal")?).map_err(|_| field("seal"))?;
        Ok(Self {
            place: Place {
                project: project.map_err(|_| field("project"))?,
                environment: environment.map_err(|_| field("environment"))?,
            },
            revision: number(node, "revision").ok_or(field("revision"))?,
            key_id: KeyId::parse(text("key_id")?).map_err(|_| field("key_id"))?,
            key_history: history(node).ok_or(field("key_history"))?,
            expires: expires(node).ok_or(field("expires"))?,
            exposed: exposed(node).ok_or(field("exposed"))?,
            seal_key: SealKey::parse(text("seal_key")?).map_err(|_| field("seal_key"))?,
            seal: seal.try_into().map_err(|_| field("seal"))?,
        })
    }

    /// The block as it is written, fields in order, empty ones left out.
    pub(crate) fn to_node(&self) -> Node<'static> {
        let text = |text: &str| Node::text(text.to_owned());
        let number = |number: u64| Node::Number(number.to_string().into());
        let mut items = vec![pair("environment", text(self.place.environment.as_str()))];
        if !self.expires.is_empty() {
            let dates = self.expires.iter().map(|(name, date)| {
                Item::Pair(Cow::Owned(name.to_string()), Node::text(date.to_string()))
            });
            items.push(pair("expires", Node::Map(dates.collect())));
        }
        if !self.exposed.is_empty() {
            let readers = self.exposed.iter().map(|(name, readers)| {
                Item::Pair(Cow::Owned(name.to_string()), Node::text(print_readers(readers)))
            });
            items.push(pair("exposed", Node::Map(readers.collect())));
        }
        if !self.key_history.is_empty() {
            let entries = self.key_history.iter().map(|(id, until)| {
                Node::Map(vec![pair("id", text(id.as_str())), pair("until", text(until))])
            });
            items.push(pair("key_history", Node::List(entries.collect())));
        }
        items.extend([
            pair("key_id", text(self.key_id.as_str())),
            pair("project", text(self.place.project.as_str())),
            pair("revision", number(self.revision)),
            pair("seal", Node::text(STANDARD.encode(self.seal))),
            pair("seal_key", Node::text(self.seal_key.to_string())),
            pair("version", number(VERSION)),
        ]);
        Node::Map(items)
    }
}

/// Who could read a value, in one text.
pub(crate) fn print_readers(readers: &BTreeSet<RecipientName>) -> String {
    readers.iter().map(RecipientName::as_str).collect::<Vec<_>>().join(", ")
}

fn pair(key: &'static str, node: Node<'static>) -> Item<'static> {
    Item::Pair(Cow::Borrowed(key), node)
}

/// Reads a number that a dotenv document holds as text.
fn number(node: &Node<'_>, key: &str) -> Option<u64> {
    match node.get(key)? {
        Node::Number(text) | Node::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn history(node: &Node<'_>) -> Option<Vec<(KeyId, String)>> {
    let Some(list) = node.get("key_history") else { return Some(Vec::new()) };
    let entry = |entry: &Node<'_>| {
        let id = KeyId::parse(entry.get("id")?.as_text()?).ok()?;
        Some((id, entry.get("until")?.as_text()?.to_owned()))
    };
    list.as_list()?.iter().map(entry).collect()
}

fn expires(node: &Node<'_>) -> Option<BTreeMap<SecretName, Expiry>> {
    let Some(map) = node.get("expires") else { return Some(BTreeMap::new()) };
    let entry = |item: &Item<'_>| match item {
        Item::Pair(name, date) => {
            Some((SecretName::parse(name).ok()?, Expiry::parse(date.as_text()?).ok()?))
        }
        Item::Comment(_) => None,
    };
    map.as_map()?.iter().map(entry).collect()
}

fn exposed(node: &Node<'_>) -> Option<BTreeMap<SecretName, BTreeSet<RecipientName>>> {
    let Some(map) = node.get("exposed") else { return Some(BTreeMap::new()) };
    let entry = |item: &Item<'_>| match item {
        Item::Pair(name, readers) => {
            let readers = readers.as_text()?.split(", ");
            let readers: Option<BTreeSet<_>> =
                readers.map(|reader| RecipientName::parse(reader).ok()).collect();
            Some((SecretName::parse(name).ok()?, readers?))
        }
        Item::Comment(_) => None,
    };
    map.as_map()?.iter().map(entry).collect()
}
