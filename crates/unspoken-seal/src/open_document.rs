//! An opened document: values that can be read, changed and sealed again.

use std::borrow::Cow;

use jiff::Timestamp;
use thiserror::Error;
use unspoken_model::{DocumentForm, Expiry, NameError, Place, SealKey, SecretName, shown};

use crate::block::Block;
use crate::canonical::canonical;
use crate::document::{Document, Verified, print};
use crate::hazmat::{Cipher, DataKey, NONCE, SealPair, random};
use crate::node::{Item, Node};
use crate::recipient::{Recipient, RecipientError};
use crate::secret::{Secret, SecretError};
use crate::secret_set::SecretSet;
use crate::sops::metadata::{Metadata, print_time};
use crate::sops::rule::{Rule, RuleError};
use crate::sops::tree::{self, Leaf, Slot, TreeError, associated};
use crate::sops::value::{self, Kind, Plain};
use crate::sops::yaml_store;
use crate::unlock::DocumentKey;

/// A document whose values stand in memory, decrypted and found whole.
#[derive(Debug)]
pub struct OpenDocument<'a> {
    pub(crate) form: DocumentForm,
    pub(crate) slots: Vec<Slot<'a>>,
    pub(crate) metadata: Metadata<'a>,
    pub(crate) block: Option<Block>,
    pub(crate) changed: bool,
    /// Whether all slots are values in the order of their names.
    pub(crate) sorted: bool,
    pub(crate) key: DataKey,
    pub(crate) cipher: Cipher,
    pub(crate) pair: SealPair,
    /// The text that changes are put into, where it is not printed anew.
    source: Option<&'a str>,
    rule: Rule,
}

/// Why an unlocked document must not be used.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum OpenError {
    #[error("the time in `lastmodified` does not read")]
    Time,
    #[error("the integrity code (MAC) does not fit")]
    Mac,
    #[error(transparent)]
    Value(TreeError),
    #[error("its seal key does not belong to its data key")]
    SealKey,
    #[error("the rule of what is encrypted: {0}")]
    Rule(RuleError),
}

/// Why an opened document is no set of secrets, or cannot become one.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum SetError {
    #[error("`{name}`: {error}")]
    Name { name: String, error: NameError },
    #[error("`{name}`: {error}")]
    Value { name: String, error: SecretError },
    #[error("`{name}` is a list or a map, not a value")]
    Nested { name: String },
    #[error("`{name}` stands there twice")]
    Repeated { name: String },
    #[error("`{name}` would stand in the clear, by this document's own rule")]
    Clear { name: String },
    #[error("a document holds at most {max} values", max = Document::MAX_VALUES)]
    TooMany,
}

/// Why an open document cannot be sealed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum SealError {
    #[error("its revision cannot count any further")]
    Revision,
    #[error("it is not flat, and a sealed document is")]
    NotFlat,
    #[error("its YAML is laid out in a way that is not edited")]
    Layout,
}

/// What an edit came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Change {
    Added,
    Replaced,
    /// The value was this already; nothing is written.
    Unchanged,
}

impl<'a> Verified<'a> {
    /// Opens every value and checks the MAC over them, before any leaves.
    pub fn open(self, key: &DocumentKey) -> Result<OpenDocument<'a>, OpenError> {
        let Document { form, items, metadata, block, text } = self.0;
        let pair = SealPair::derive(&key.0);
        if block.as_ref().is_some_and(|block| block.seal_key != pair.public()) {
            return Err(OpenError::SealKey);
        }
        let rule = Rule::read(metadata.node()).map_err(OpenError::Rule)?;
        let cipher = Cipher::new(&key.0);
        let slots = tree::open(items, &cipher, &rule).map_err(OpenError::Value)?;
        let time = metadata.last_modified_bound().ok_or(OpenError::Time)?;
        let mac = value::open(metadata.mac(), &cipher, time.as_bytes());
        let expected = tree::mac(&slots, metadata.mac_only_encrypted());
        match mac {
            Ok(mac) if mac.bytes.as_slice() == expected.as_bytes() => {}
            _ => return Err(OpenError::Mac),
        }
        // The YAML of another program keeps its layout, so names go to its end.
        let source = (form == DocumentForm::Yaml && block.is_none()).then_some(text);
        let sorted = source.is_none() && is_sorted(&slots);
        Ok(OpenDocument {
            form,
            slots,
            metadata,
            block,
            changed: false,
            sorted,
            key: key.0.copy(),
            source,
            cipher,
            pair,
            rule,
        })
    }
}

impl OpenDocument<'static> {
    /// Makes a new, empty document for a place, wrapped for its environment key
    /// first.
    pub fn create(
        form: DocumentForm,
        place: Place,
        environment_key: &Recipient,
        others: &[Recipient],
    ) -> Result<Self, RecipientError> {
        let key = DataKey::random();
        let wrap =
            |recipient: &Recipient| Ok((recipient.as_str().to_owned(), recipient.wrap(&key)?));
        let recipients = std::iter::once(environment_key).chain(others);
        let metadata = Metadata::fresh(&recipients.map(wrap).collect::<Result<Vec<_>, _>>()?);
        let pair = SealPair::derive(&key);
        let block = Block::new(place, environment_key.key_id(), pair.public());
        Ok(Self {
            form,
            slots: Vec::new(),
            rule: Rule::UnencryptedSuffix(crate::sops::rule::DEFAULT_SUFFIX.to_owned()),
            metadata,
            block: Some(block),
            changed: true,
            sorted: true,
            source: None,
            cipher: Cipher::new(&key),
            key,
            pair,
        })
    }
}

impl OpenDocument<'_> {
    /// The public key that its seal verifies with.
    pub fn seal_key(&self) -> SealKey {
        self.pair.public()
    }

    /// Our block, when the document has one.
    pub fn block(&self) -> Option<&Block> {
        self.block.as_ref()
    }

    /// Whether comments decide what is encrypted.
    pub(crate) fn reads_comments(&self) -> bool {
        self.rule.reads_comments()
    }

    pub fn is_changed(&self) -> bool {
        self.changed
    }

    /// Where a name stands, or where it would go: in order in a document of
    /// ours, at the end where comments or another program's order would be torn.
    fn find(&self, name: &str) -> Result<usize, usize> {
        if self.sorted {
            return self.slots.binary_search_by(|slot| name_of(slot).cmp(&Some(name)));
        }
        let mut slots = self.slots.iter();
        slots.position(|slot| name_of(slot) == Some(name)).ok_or(self.slots.len())
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.find(name).ok()
    }

    pub fn contains(&self, name: &SecretName) -> bool {
        self.position(name.as_str()).is_some()
    }

    /// Sets a value. One that is the same already keeps its bytes in the file.
    pub fn set(&mut self, name: &SecretName, secret: &Secret) -> Result<Change, SetError> {
        let at = self.find(name.as_str());
        if let Some(slot) = at.ok().and_then(|at| self.slots.get_mut(at)) {
            if is_nested(slot) {
                return Err(SetError::Nested { name: name.to_string() });
            }
            let leaf = slot.leaves.first();
            let same = leaf.is_some_and(|leaf| {
                leaf.plain.kind == Kind::Text
                    && leaf.plain.bytes.as_slice() == secret.expose().as_bytes()
            });
            if same {
                return Ok(Change::Unchanged);
            }
            // A null has no leaf; the rule says what would become of its value.
            let by_rule = || self.rule.encrypts(&[name.as_str()], &Vec::new());
            if !leaf.map_or_else(by_rule, |leaf| leaf.encrypted) {
                return Err(SetError::Clear { name: name.to_string() });
            }
            *slot = new_slot(&self.cipher, name, secret);
            self.changed = true;
            if let Some(block) = &mut self.block {
                block.exposed.remove(name);
            }
            return Ok(Change::Replaced);
        }
        let values = || self.slots.iter().filter(|slot| name_of(slot).is_some()).count();
        if self.slots.len() >= Document::MAX_VALUES && values() >= Document::MAX_VALUES {
            return Err(SetError::TooMany);
        }
        if !self.rule.encrypts(&[name.as_str()], &Vec::new()) {
            return Err(SetError::Clear { name: name.to_string() });
        }
        let slot = new_slot(&self.cipher, name, secret);
        self.slots.insert(at.unwrap_or_else(|at| at), slot);
        self.changed = true;
        Ok(Change::Added)
    }

    /// Removes a name with its expiry. `false` when it was not there.
    pub fn remove(&mut self, name: &SecretName) -> bool {
        let Some(at) = self.position(name.as_str()) else { return false };
        self.slots.remove(at);
        if let Some(block) = &mut self.block {
            block.expires.remove(name);
            block.exposed.remove(name);
        }
        self.changed = true;
        true
    }

    /// Gives a value another name; its expiry and who has read it go with it.
    /// `false` when there is no such value.
    pub fn rename(&mut self, old: &SecretName, new: &SecretName) -> Result<bool, SetError> {
        let Some(secret) = self.get(old).transpose()? else { return Ok(false) };
        let expiry = self.expiry(old);
        let exposed = self.block.as_mut().and_then(|block| block.exposed.remove(old));
        self.remove(old);
        self.set(new, &secret)?;
        self.expire(new, expiry);
        if let (Some(block), Some(readers)) = (&mut self.block, exposed) {
            block.exposed.insert(new.clone(), readers);
        }
        Ok(true)
    }

    /// Sets or clears a value's expiry. `false` when it was this already, or
    /// when the document has no block to keep it in.
    pub fn expire(&mut self, name: &SecretName, expiry: Option<Expiry>) -> bool {
        let Some(block) = &mut self.block else { return false };
        let before = match expiry {
            Some(date) => block.expires.insert(name.clone(), date),
            None => block.expires.remove(name),
        };
        let changed = before != expiry;
        self.changed |= changed;
        changed
    }

    pub fn expiry(&self, name: &SecretName) -> Option<Expiry> {
        self.block.as_ref()?.expires.get(name).copied()
    }

    /// A copy of one value.
    pub fn get(&self, name: &SecretName) -> Option<Result<Secret, SetError>> {
        let slot = self.slots.get(self.position(name.as_str())?)?;
        if is_nested(slot) {
            return Some(Err(SetError::Nested { name: name.to_string() }));
        }
        // A null is no value.
        let leaf = slot.leaves.first()?;
        let plain = Plain::new(leaf.plain.kind, leaf.plain.bytes.to_vec());
        Some(read_secret(name.as_str(), plain))
    }

    /// The values as an open set, which is what a receiver gets.
    pub fn into_set(self, place: &Place) -> Result<SecretSet, SetError> {
        let mut set = SecretSet::with_capacity(
            place.environment.clone(),
            self.block.as_ref().map_or(0, |block| block.revision),
            self.slots.len(),
        );
        for slot in self.slots {
            let Item::Pair(name, node) = slot.item else { continue };
            let nested = matches!(node, Node::List(_) | Node::Map(_));
            let parsed = SecretName::parse(&name)
                .map_err(|error| SetError::Name { name: shown(&name), error })?;
            if nested {
                return Err(SetError::Nested { name: shown(&name) });
            }
            // A null is no value.
            let Some(leaf) = slot.leaves.into_iter().next() else { continue };
            if !set.insert(parsed, read_secret(&name, leaf.plain)?) {
                return Err(SetError::Repeated { name: shown(&name) });
            }
        }
        for (name, expiry) in self.block.iter().flat_map(|block| &block.expires) {
            set.expire(name, *expiry);
        }
        Ok(set)
    }

    /// Seals the document: a new time, a new MAC, the next revision, and our
    /// seal over it all. `None` when nothing was changed.
    pub fn seal(mut self, now: Timestamp) -> Result<Option<String>, SealError> {
        if !self.changed {
            return Ok(None);
        }
        let time = print_time(now);
        let mac = tree::mac(&self.slots, self.metadata.mac_only_encrypted());
        let mac = Plain::new(Kind::Text, mac);
        let mac = value::seal(&mac, &self.cipher, time.as_bytes(), &random::<NONCE>());
        self.metadata.set("lastmodified", Node::text(time));
        self.metadata.set("mac", Node::text(mac));
        self.metadata.set("version", Node::text(crate::sops::VERSION));
        let items = || self.slots.iter().map(|slot| &slot.item);
        let Some(mut block) = self.block else {
            let text = match self.source {
                Some(text) => {
                    yaml_store::edit(text, items(), &self.metadata).ok_or(SealError::Layout)?
                }
                None => print(self.form, items(), &self.metadata.to_written()),
            };
            return Ok(Some(text));
        };
        block.revision = block.revision.checked_add(1).ok_or(SealError::Revision)?;
        let message = canonical(&block, items(), &self.metadata).ok_or(SealError::NotFlat)?;
        block.seal = self.pair.sign(&message);
        let metadata = self.metadata.sealed(block.to_node());
        Ok(Some(print(self.form, items(), metadata.node())))
    }
}

pub(crate) fn is_sorted(slots: &[Slot<'_>]) -> bool {
    slots.iter().all(|slot| name_of(slot).is_some()) && slots.is_sorted_by_key(name_of)
}

pub(crate) fn name_of<'s>(slot: &'s Slot<'_>) -> Option<&'s str> {
    slot.item.as_pair().map(|(name, _)| name)
}

fn is_nested(slot: &Slot<'_>) -> bool {
    matches!(slot.item, Item::Pair(_, Node::List(_) | Node::Map(_)))
}

fn read_secret(name: &str, plain: Plain) -> Result<Secret, SetError> {
    let mut bytes = plain.into_text();
    Secret::new(std::mem::take(&mut *bytes))
        .map_err(|error| SetError::Value { name: shown(name), error })
}

fn new_slot(cipher: &Cipher, name: &SecretName, secret: &Secret) -> Slot<'static> {
    let item = Item::Pair(Cow::Owned(name.to_string()), Node::text(""));
    let plain = Plain::new(Kind::Text, secret.expose());
    let mut slot = Slot { item, leaves: vec![Leaf { plain, encrypted: true }] };
    seal_slot(cipher, &mut slot);
    slot
}

/// Seals the value of a flat slot, which stands in it already, under a new
/// nonce.
pub(crate) fn seal_slot(cipher: &Cipher, slot: &mut Slot<'_>) {
    let [leaf] = slot.leaves.as_slice() else { return };
    if !leaf.encrypted {
        return;
    }
    let seal = |path: &[&str]| {
        value::seal(&leaf.plain, cipher, associated(path).as_bytes(), &random::<NONCE>())
    };
    match &mut slot.item {
        // Empty values stay empty in the sops format; the seal covers them.
        Item::Pair(_, node) if leaf.plain.bytes.is_empty() => *node = Node::text(""),
        Item::Pair(name, node) => *node = Node::text(seal(&[name.as_ref()])),
        Item::Comment(text) => *text = Cow::Owned(seal(&[])),
    }
}
