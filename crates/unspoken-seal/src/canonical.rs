//! The bytes that a document's seal is made over.
//!
//! A sequence of byte strings, each after its length in eight little-endian
//! bytes, so that no two documents have the same sequence. Numbers are decimal
//! text. Whatever the sops MAC leaves open is in it: names, their order, empty
//! values, comments, recipients, the place, the expiries, the key history, who
//! could read what.

use crate::block::{Block, VERSION, print_readers};
use crate::node::{Item, Node};
use crate::sops::metadata::Metadata;

/// The name under which a comment counts.
const COMMENT: &str = "#";

/// Everything that the seal covers. `None` for a tree that is not flat text,
/// which no sealed document is.
pub(crate) fn canonical<'i>(
    block: &Block,
    items: impl ExactSizeIterator<Item = &'i Item<'i>>,
    metadata: &Metadata<'_>,
) -> Option<Vec<u8>> {
    let mut out = Bytes(Vec::with_capacity(items.len() * 240 + 2048));
    out.number(VERSION);
    out.text(block.place.project.as_str());
    out.text(block.place.environment.as_str());
    out.number(block.revision);
    out.text(block.key_id.as_str());
    out.count(items.len());
    for item in items {
        match item {
            Item::Pair(name, Node::Text(text)) => {
                out.text(name);
                out.text(text);
            }
            Item::Pair(..) => return None,
            Item::Comment(text) => {
                out.text(COMMENT);
                out.text(text);
            }
        }
    }
    out.count(block.expires.len());
    for (name, date) in &block.expires {
        out.text(name.as_str());
        out.text(&date.to_string());
    }
    let recipients: Vec<_> = metadata.groups().into_iter().flatten().collect();
    out.count(recipients.len());
    for wrapped in recipients {
        out.text(wrapped.recipient);
        out.text(wrapped.enc);
    }
    out.text(metadata.last_modified());
    out.text(metadata.mac());
    if !block.key_history.is_empty() {
        out.count(block.key_history.len());
        for (id, until) in &block.key_history {
            out.text(id.as_str());
            out.text(until);
        }
    }
    if !block.exposed.is_empty() {
        // A word, so that this is not taken for a history.
        out.text("exposed");
        out.count(block.exposed.len());
        for (name, readers) in &block.exposed {
            out.text(name.as_str());
            out.text(&print_readers(readers));
        }
    }
    Some(out.0)
}

struct Bytes(Vec<u8>);

impl Bytes {
    fn text(&mut self, text: &str) {
        self.0.extend_from_slice(&(text.len() as u64).to_le_bytes());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn number(&mut self, number: u64) {
        self.text(&number.to_string());
    }

    fn count(&mut self, count: usize) {
        self.text(&count.to_string());
    }
}
