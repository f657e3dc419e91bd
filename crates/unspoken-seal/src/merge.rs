//! Merging: two documents that grew out of one become one again, name by name.
//!
//! Rules:
//! - Values, expiries, readers and comments are merged three-way: what one side
//!   left alone is the other side's to change.
//! - What both sides changed differently is a [`Conflict`], and nothing is
//!   merged until somebody has chosen.
//! - What is decided, and why, is in `decide`, which sees no key. Here it is
//!   performed: values move, and are sealed anew where the data key is another.
//! - Whether a side may be trusted is the caller's to know: a merge seals the
//!   values of one side for the readers of the other.

mod decide;
mod keyless;
mod view;

use std::collections::BTreeMap;

use jiff::Timestamp;
use thiserror::Error;
use unspoken_model::{NameError, SealKey, SecretName};

pub use self::keyless::merge_sealed;

use self::decide::{Decision, Winner};
use self::view::View;
use crate::block::Block;
use crate::document::Document;
use crate::open_document::{OpenDocument, is_sorted, name_of, seal_slot};
use crate::recipient::{Recipient, RecipientError};
use crate::share::ShareError;
use crate::sops::tree::Slot;

/// One of the two documents that are merged.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Side {
    Ours,
    Theirs,
}

/// What one side did to a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Edit {
    Added,
    Changed,
    Removed,
    /// The value is what it was; the expiry is another.
    Expiry,
}

/// One thing that both sides changed, differently.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Conflict {
    Name {
        name: SecretName,
        ours: Edit,
        theirs: Edit,
    },
    Comments,
    /// Each side made a data key of its own.
    DataKeys,
    /// The metadata of documents without our seal.
    Metadata,
}

/// What a person has chosen where both sides changed the same thing.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    pub names: BTreeMap<SecretName, Side>,
    pub comments: Option<Side>,
    /// Where each side made a data key, to make a third one. Neither of the two
    /// would do: who was dropped on one side may know the other side's.
    pub new_data_key: bool,
}

/// Why documents were not merged.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum MergeError {
    #[error("both sides changed the same things")]
    Conflicts(Vec<Conflict>),
    #[error("some of them are sealed, and some are not")]
    Mixed,
    #[error("`{name}`: {error}")]
    Name { name: String, error: NameError },
    #[error("`{name}` is not one value")]
    Nested { name: String },
    #[error("`{name}` stands there twice")]
    Repeated { name: String },
    #[error("its comments decide what is encrypted, so nothing in it can be moved")]
    CommentRule,
    #[error("together they hold more than {max} values", max = Document::MAX_VALUES)]
    TooMany,
    #[error("the recipient `{recipient}`: {error}")]
    Recipient { recipient: String, error: RecipientError },
    #[error(transparent)]
    Share(#[from] ShareError),
}

/// A slot of one side, on its way into the merged document.
struct Moved<'a> {
    slot: Slot<'a>,
    from: Side,
}

impl Side {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Ours => Self::Theirs,
            Self::Theirs => Self::Ours,
        }
    }

    fn of<T>(self, ours: T, theirs: T) -> T {
        match self {
            Self::Ours => ours,
            Self::Theirs => theirs,
        }
    }
}

impl OpenDocument<'_> {
    /// Merges two documents of one place, by what they have in common with
    /// `base`. Without a base, both sides were made from nothing.
    ///
    /// A value that is under the winning data key already keeps its bytes. The
    /// result is to be sealed.
    pub fn merge(
        base: Option<&OpenDocument<'_>>,
        ours: Self,
        theirs: Self,
        choices: &Choices,
        now: Timestamp,
    ) -> Result<Self, MergeError> {
        if ours.reads_comments() || theirs.reads_comments() {
            return Err(MergeError::CommentRule);
        }
        let decision = {
            let base = base.map(View::open).transpose()?;
            decide::decide(base.as_ref(), &View::open(&ours)?, &View::open(&theirs)?, choices)?
        };
        if decision.values.len() > Document::MAX_VALUES {
            return Err(MergeError::TooMany);
        }
        let entries = decision
            .frame
            .of(&ours, &theirs)
            .wrap_for(decision.frame.of(&theirs, &ours), &decision.recipients)?;
        let block = merged_block(&decision, ours.block.as_ref(), theirs.block.as_ref());
        let seal_keys = (ours.seal_key(), theirs.seal_key());
        let (mut ours, mut theirs) = (ours, theirs);
        let slots = (std::mem::take(&mut ours.slots), std::mem::take(&mut theirs.slots));
        let moved = arrange(&decision, slots.0, slots.1);

        let mut merged = decision.frame.of(ours, theirs);
        let own: SealKey = merged.seal_key();
        merged.slots = moved
            .into_iter()
            .map(|Moved { mut slot, from }| {
                if from.of(seal_keys.0, seal_keys.1) != own {
                    seal_slot(&merged.cipher, &mut slot);
                }
                slot
            })
            .collect();
        merged.sorted = is_sorted(&merged.slots);
        if merged.block.is_some() {
            merged.metadata.set_age(&entries);
            merged.block = block;
        }
        merged.changed = true;
        if decision.winner == Winner::Neither {
            merged.rekey_for(&decision.recipients, now)?;
        }
        Ok(merged)
    }

    /// The data key wrapped for these recipients: as this document has it, or
    /// the other one where that is under the same data key, else anew.
    fn wrap_for(
        &self,
        other: &OpenDocument<'_>,
        recipients: &[String],
    ) -> Result<Vec<(String, String)>, MergeError> {
        let (own, others) = (self.metadata.groups(), other.metadata.groups());
        let shared = self.seal_key() == other.seal_key();
        let known = own.iter().chain(others.iter().filter(|_| shared)).flatten();
        let known: Vec<_> = known.collect();
        // Only a sealed document is made of nothing but age recipients.
        let wanted = recipients.iter().filter(|_| self.block.is_some());
        let wrap = |text: &String| {
            if let Some(entry) = known.iter().find(|entry| entry.recipient == text) {
                return Ok((text.clone(), entry.enc.to_owned()));
            }
            let enc = Recipient::parse(text).and_then(|recipient| recipient.wrap(&self.key));
            enc.map(|enc| (text.clone(), enc))
                .map_err(|error| MergeError::Recipient { recipient: text.clone(), error })
        };
        wanted.map(wrap).collect()
    }

    fn rekey_for(&mut self, recipients: &[String], now: Timestamp) -> Result<(), MergeError> {
        let parse = |text: &String| {
            Recipient::parse(text)
                .map_err(|error| MergeError::Recipient { recipient: text.clone(), error })
        };
        let recipients = recipients.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        let Some((first, others)) = recipients.split_first() else {
            return Err(MergeError::Conflicts(vec![Conflict::DataKeys]));
        };
        Ok(self.rekey(first, others, now)?)
    }
}

/// Puts the values that were chosen where they belong: in the order of the
/// document whose comments are kept, others in order or at the end.
fn arrange<'a>(decision: &Decision, ours: Vec<Slot<'a>>, theirs: Vec<Slot<'a>>) -> Vec<Moved<'a>> {
    let from = decision.skeleton;
    let (skeleton, other) = match from {
        Side::Ours => (ours, theirs),
        Side::Theirs => (theirs, ours),
    };
    let chosen = |slot: &Slot<'_>| decision.values.get(name_of(slot)?).copied();
    let mut taken: BTreeMap<String, Slot<'a>> = other
        .into_iter()
        .filter(|slot| chosen(slot) == Some(from.other()))
        .filter_map(|slot| Some((name_of(&slot)?.to_owned(), slot)))
        .collect();
    let mut moved = Vec::with_capacity(decision.values.len());
    for slot in skeleton {
        let slot = match (name_of(&slot), chosen(&slot)) {
            (None, _) => Moved { slot, from },
            (Some(_), None) => continue,
            (Some(_), Some(side)) if side == from => Moved { slot, from },
            (Some(name), Some(_)) => match taken.remove(name) {
                Some(slot) => Moved { slot, from: from.other() },
                None => continue,
            },
        };
        moved.push(slot);
    }
    let named = |moved: &[Moved<'_>]| moved.iter().all(|each| name_of(&each.slot).is_some());
    let in_order = named(&moved) && moved.is_sorted_by_key(|each| name_of(&each.slot));
    moved.extend(taken.into_values().map(|slot| Moved { slot, from: from.other() }));
    if in_order {
        moved.sort_by(|a, b| name_of(&a.slot).cmp(&name_of(&b.slot)));
    }
    moved
}

/// The block of the merged document, to be counted up and sealed.
fn merged_block(
    decision: &Decision,
    ours: Option<&Block>,
    theirs: Option<&Block>,
) -> Option<Block> {
    let (ours, theirs) = (ours?, theirs?);
    let mut block = decision.frame.of(ours, theirs).clone();
    block.revision = ours.revision.max(theirs.revision);
    block.key_id = decision.key_id.clone().unwrap_or(block.key_id);
    block.key_history.clone_from(&decision.key_history);
    block.expires.clone_from(&decision.expires);
    block.exposed.clone_from(&decision.exposed);
    Some(block)
}
