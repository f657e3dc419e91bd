//! Accepting a document that another program wrote: a block and a seal of ours
//! are put over what a person has reviewed.

use thiserror::Error;
use unspoken_model::{DocumentForm, NameError, Place, SecretName, shown};

use crate::block::Block;
use crate::node::Node;
use crate::open_document::{is_sorted, name_of};
use crate::recipient::key_id;
use crate::sops::rule::DEFAULT_SUFFIX;
use crate::{OpenDocument, Recipient};

/// Why a document cannot get a seal.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum AcceptError {
    #[error("`{name}`: {error}")]
    Name { name: String, error: NameError },
    #[error("`{name}` is not a text, and a sealed document is flat")]
    NotText { name: String },
    #[error("`{name}` stands there twice")]
    Repeated { name: String },
    #[error("its metadata has `{field}`, which the seal does not cover")]
    Metadata { field: String },
    #[error("the recipient `{recipient}` stands there twice, or is no public key")]
    Recipient { recipient: String },
    #[error("it has no age recipient")]
    NoRecipient,
}

impl OpenDocument<'_> {
    /// Makes this the document of `place`, to be sealed at the next write. Of
    /// the block that it had, the expiries and the counts are kept.
    pub fn accept(&mut self, place: Place, before: Option<Block>) -> Result<(), AcceptError> {
        if let Some(field) = self.metadata.foreign() {
            return Err(AcceptError::Metadata { field: shown(field) });
        }
        let mut names = std::collections::BTreeSet::new();
        for (name, node) in self.slots.iter().filter_map(|slot| slot.item.as_pair()) {
            match (SecretName::check(name), node) {
                (Err(error), _) => return Err(AcceptError::Name { name: shown(name), error }),
                (Ok(()), Node::Text(_)) => {}
                (Ok(()), _) => return Err(AcceptError::NotText { name: name.to_owned() }),
            }
            if !names.insert(name.to_owned()) {
                return Err(AcceptError::Repeated { name: name.to_owned() });
            }
        }
        let groups = self.metadata.groups();
        let mut readers = std::collections::BTreeSet::new();
        for wrapped in groups.iter().flatten() {
            // Two entries for one key would show one reader where two are.
            let reader = Recipient::parse(wrapped.recipient).ok();
            if !reader.is_some_and(|reader| readers.insert(reader.key().to_owned())) {
                return Err(AcceptError::Recipient { recipient: shown(wrapped.recipient) });
            }
        }
        let first = groups.iter().flatten().next().ok_or(AcceptError::NoRecipient)?;
        let key_id = key_id(first.recipient);
        // Of a block by another data key nothing is taken over.
        let before = before.filter(|block| block.seal_key == self.seal_key());
        let seal_key = self.seal_key();
        let mut block = Block::new(place, key_id, seal_key);
        if let Some(before) = before {
            let there = |name: &SecretName| names.contains(name.as_str());
            block.revision = before.revision;
            block.key_history = before.key_history;
            block.expires = before.expires.into_iter().filter(|(name, _)| there(name)).collect();
            block.exposed = before.exposed.into_iter().filter(|(name, _)| there(name)).collect();
        }
        self.metadata.set("unencrypted_suffix", Node::text(DEFAULT_SUFFIX));
        if self.form == DocumentForm::Json {
            self.slots.sort_by(|a, b| name_of(a).cmp(&name_of(b)));
            self.sorted = is_sorted(&self.slots);
        }
        self.block = Some(block);
        self.changed = true;
        Ok(())
    }
}
