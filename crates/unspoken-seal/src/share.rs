//! Who can open a document: its data key wrapped for others, or made anew.

use std::collections::BTreeSet;

use jiff::Timestamp;
use thiserror::Error;
use unspoken_model::{KeyId, RecipientName, SecretName, is_same_key};

use crate::hazmat::{Cipher, DataKey, SealPair};
use crate::open_document::{Change, OpenDocument, SetError, name_of, seal_slot};
use crate::recipient::{Recipient, RecipientError, key_id};
use crate::secret::Secret;
use crate::sops::metadata::print_time;

/// The text of a recipient and the data key that is wrapped for it.
type Entry = (String, String);

/// Why a document's readers cannot be changed.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ShareError {
    #[error("it has no seal, so who can read it is protected by nothing")]
    Unsealed,
    #[error("the recipient `{recipient}`: {error}")]
    Recipient { recipient: String, error: RecipientError },
}

impl OpenDocument<'_> {
    /// The environment key's public text: the recipient that the block names,
    /// or the first one.
    pub fn environment_key(&self) -> Option<String> {
        let groups = self.metadata.groups();
        let mut recipients = groups.iter().flatten().map(|wrapped| wrapped.recipient);
        let id: Option<&KeyId> = self.block.as_ref().map(|block| &block.key_id);
        let own = recipients.clone().find(|text| Some(&key_id(text)) == id);
        own.or_else(|| recipients.next()).map(str::to_owned)
    }

    /// Wraps the data key for the environment key and exactly these others.
    /// What is wrapped for them already stays as it is.
    ///
    /// Whoever is dropped has seen the data key, so this is for adding; see
    /// [`OpenDocument::rekey`].
    pub fn share(&mut self, others: &[Recipient]) -> Result<(), ShareError> {
        if self.block.is_none() {
            return Err(ShareError::Unsealed);
        }
        let groups = self.metadata.groups();
        let before: Vec<Entry> = groups
            .iter()
            .flatten()
            .map(|wrapped| (wrapped.recipient.to_owned(), wrapped.enc.to_owned()))
            .collect();
        let own = self.environment_key();
        let mut entries: Vec<Entry> =
            before.iter().filter(|(text, _)| Some(text) == own.as_ref()).cloned().collect();
        for recipient in others {
            if entries.iter().any(|entry| is_for(entry, recipient)) {
                continue;
            }
            entries.push(match before.iter().find(|entry| is_for(entry, recipient)) {
                Some(entry) => entry.clone(),
                None => wrap(recipient, &self.key)?,
            });
        }
        if entries != before {
            self.metadata.set_age(&entries);
            self.changed = true;
        }
        Ok(())
    }

    /// Makes a new data key, seals every value anew, and wraps the key for the
    /// environment key and exactly these others. Another environment key than
    /// before leaves the old one's id in the history.
    ///
    /// The seal key changes with the data key, and is to be pinned.
    pub fn rekey(
        &mut self,
        environment_key: &Recipient,
        others: &[Recipient],
        now: Timestamp,
    ) -> Result<(), ShareError> {
        // A sealed document is flat, and has age recipients only.
        let Some(block) = &mut self.block else { return Err(ShareError::Unsealed) };
        let key = DataKey::random();
        let mut entries = vec![wrap(environment_key, &key)?];
        for recipient in others {
            if !entries.iter().any(|entry| is_for(entry, recipient)) {
                entries.push(wrap(recipient, &key)?);
            }
        }
        self.metadata.set_age(&entries);
        self.cipher = Cipher::new(&key);
        self.pair = SealPair::derive(&key);
        self.key = key;
        block.seal_key = self.pair.public();
        let id = environment_key.key_id();
        if block.key_id != id {
            let old = std::mem::replace(&mut block.key_id, id);
            block.key_history.push((old, print_time(now)));
        }
        for slot in &mut self.slots {
            seal_slot(&self.cipher, slot);
        }
        self.changed = true;
        Ok(())
    }

    /// Sets a value that somebody has left, of whom nothing is proven: who could
    /// read the one before is noted on.
    pub fn set_left(&mut self, name: &SecretName, secret: &Secret) -> Result<Change, SetError> {
        let readers = self.block.as_ref().and_then(|block| block.exposed.get(name).cloned());
        let change = self.set(name, secret)?;
        if let (Some(block), Some(readers)) = (&mut self.block, readers) {
            block.exposed.insert(name.clone(), readers);
        }
        Ok(change)
    }

    /// Notes that people who are dropped have read every value that is there
    /// now. The note of a name goes away when its value changes.
    pub fn expose(&mut self, readers: &BTreeSet<RecipientName>) {
        if readers.is_empty() {
            return;
        }
        let read = |slot: &&crate::sops::tree::Slot<'_>| {
            slot.leaves.iter().any(|leaf| !leaf.plain.bytes.is_empty())
        };
        let names: Vec<SecretName> = self
            .slots
            .iter()
            .filter(read)
            .filter_map(|slot| SecretName::parse(name_of(slot)?).ok())
            .collect();
        let Some(block) = &mut self.block else { return };
        for name in names {
            block.exposed.entry(name).or_default().extend(readers.iter().cloned());
        }
        self.changed = true;
    }
}

/// Whether an entry is this key's. Of an ssh key the comment may differ.
fn is_for(entry: &Entry, recipient: &Recipient) -> bool {
    is_same_key(&entry.0, recipient.as_str())
}

fn wrap(recipient: &Recipient, key: &DataKey) -> Result<Entry, ShareError> {
    let text = recipient.as_str().to_owned();
    match recipient.wrap(key) {
        Ok(enc) => Ok((text, enc)),
        Err(error) => Err(ShareError::Recipient { recipient: text, error }),
    }
}
