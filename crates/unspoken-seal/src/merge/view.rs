//! A document as a merge looks at it: with its values, or with no key.

use std::collections::BTreeMap;

use unspoken_model::{SealKey, SecretName, shown};

use super::MergeError;
use crate::block::Block;
use crate::document::{Document, Verified};
use crate::node::{Item, Node};
use crate::open_document::OpenDocument;
use crate::sops::metadata::Metadata;
use crate::sops::value::Plain;

/// Whether two values are the same, as far as the looker can tell.
pub(super) trait Same {
    fn is_same(&self, other: &Self) -> bool;
    fn is_empty(&self) -> bool;
}

impl Same for &Plain {
    fn is_same(&self, other: &Self) -> bool {
        Plain::is_same(self, other)
    }

    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// Without a key, the ciphertext is all that there is.
impl Same for &str {
    fn is_same(&self, other: &Self) -> bool {
        self == other
    }

    fn is_empty(&self) -> bool {
        str::is_empty(self)
    }
}

/// One of the documents that are merged.
pub(super) struct View<'v, V> {
    pub(super) values: BTreeMap<SecretName, V>,
    pub(super) comments: Vec<V>,
    pub(super) block: Option<&'v Block>,
    pub(super) metadata: &'v Metadata<'v>,
    /// Tells data keys apart, also in a document without a seal.
    pub(super) seal_key: SealKey,
}

impl<'v> View<'v, &'v Plain> {
    pub(super) fn open(document: &'v OpenDocument<'_>) -> Result<Self, MergeError> {
        let mut view = Self {
            values: BTreeMap::new(),
            comments: Vec::new(),
            block: document.block.as_ref(),
            metadata: &document.metadata,
            seal_key: document.seal_key(),
        };
        for slot in &document.slots {
            let [leaf] = slot.leaves.as_slice() else {
                let name = slot.item.as_pair().map_or_else(String::new, |(name, _)| shown(name));
                return Err(MergeError::Nested { name });
            };
            view.take(&slot.item, &leaf.plain)?;
        }
        Ok(view)
    }
}

impl<'v> View<'v, &'v str> {
    /// The view of a sealed document; `None` for one that has no seal.
    pub(super) fn sealed(verified: &'v Verified<'_>) -> Option<Result<Self, MergeError>> {
        let Document { items, metadata, block, .. } = &verified.0;
        let block = block.as_ref()?;
        let mut view = Self {
            values: BTreeMap::new(),
            comments: Vec::new(),
            block: Some(block),
            metadata,
            seal_key: block.seal_key,
        };
        let mut take = |item: &'v Item<'_>| match item {
            Item::Pair(_, Node::Text(text)) | Item::Comment(text) => view.take(item, text),
            // A sealed document is flat.
            Item::Pair(name, _) => Err(MergeError::Nested { name: shown(name) }),
        };
        Some(items.iter().try_for_each(&mut take).map(|()| view))
    }
}

impl<V> View<'_, V> {
    fn take(&mut self, item: &Item<'_>, value: V) -> Result<(), MergeError> {
        let Some((name, node)) = item.as_pair() else {
            self.comments.push(value);
            return Ok(());
        };
        if matches!(node, Node::List(_) | Node::Map(_)) {
            return Err(MergeError::Nested { name: shown(name) });
        }
        let parsed = SecretName::parse(name)
            .map_err(|error| MergeError::Name { name: shown(name), error })?;
        match self.values.insert(parsed, value) {
            None => Ok(()),
            Some(_) => Err(MergeError::Repeated { name: shown(name) }),
        }
    }

    /// The public keys of its readers.
    pub(super) fn recipients(&self) -> Vec<&str> {
        self.metadata.groups().into_iter().flatten().map(|wrapped| wrapped.recipient).collect()
    }
}

/// Whether two lists of comments are the same.
pub(super) fn same_comments<V: Same>(one: &[V], two: &[V]) -> bool {
    one.len() == two.len() && one.iter().zip(two).all(|(one, two)| one.is_same(two))
}
