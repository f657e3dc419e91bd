//! A JSON file that holds values in plaintext.

use std::borrow::Cow;

use zeroize::Zeroize as _;

use crate::foreign::ForeignError;
use crate::json;
use crate::node::{Item, Node};

/// What a JSON text holds. Texts that had escapes, and so stand in buffers of
/// their own, are wiped on drop.
pub(super) struct PlainTree<'a>(Node<'a>);

impl<'a> PlainTree<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Vec<ForeignError>> {
        let text = std::str::from_utf8(bytes).map_err(|_| vec![ForeignError::NotText])?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let node = json::read(text).map_err(|error| vec![ForeignError::Json(error)])?;
        Ok(Self(node))
    }

    pub(super) fn node(&self) -> &Node<'a> {
        &self.0
    }

    /// The names and values of the object that this must be.
    pub(super) fn pairs(
        &self,
        expected: &'static str,
    ) -> Result<Vec<(&str, &Node<'a>)>, Vec<ForeignError>> {
        let items = self.0.as_map().ok_or_else(|| vec![ForeignError::Shape { expected }])?;
        Ok(items.iter().filter_map(Item::as_pair).collect())
    }
}

/// The bytes of a text, a number or a boolean; numbers keep their spelling.
pub(super) fn scalar(node: &Node<'_>) -> Option<Vec<u8>> {
    match node {
        Node::Text(text) | Node::Number(text) => Some(text.as_bytes().to_vec()),
        Node::Bool(value) => Some(value.to_string().into_bytes()),
        Node::Null | Node::Time(_) | Node::Comment(_) | Node::List(_) | Node::Map(_) => None,
    }
}

impl Drop for PlainTree<'_> {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(node: &mut Node<'_>) {
    match node {
        Node::Text(Cow::Owned(text)) => text.zeroize(),
        Node::List(nodes) => nodes.iter_mut().for_each(wipe),
        Node::Map(items) => items.iter_mut().for_each(|item| match item {
            Item::Pair(_, node) => wipe(node),
            Item::Comment(_) => {}
        }),
        _ => {}
    }
}
