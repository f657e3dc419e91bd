//! Documents as YAML: values at the top level, metadata under `sops`.
//!
//! Rules:
//! - One document, a map with texts for keys. What stands for something else
//!   (anchors, aliases, merge keys, tags) is refused, and so is a key that
//!   stands twice.
//! - Plain scalars are typed as the sops program types them.
//! - A document of ours has one spelling, which is [`print()`]'s. One of another
//!   program is not printed: [`edit()`] puts the changes into its text.

mod edit;
mod number;
mod print;
mod problem;
mod read;
mod scalar;
mod time;

pub(crate) use edit::edit;
pub(crate) use print::print;
pub use problem::YamlProblem;

use crate::node::{Item, Node};
use crate::parse_error::{ParseError, ParseProblem};

/// Splits a YAML document into its items and its metadata.
pub(crate) fn read(text: &str) -> Result<(Vec<Item<'_>>, Node<'_>), ParseError> {
    let source = read::read(text)?;
    let no_metadata = ParseError { line: 1, problem: ParseProblem::NoMetadata };
    split(source.items).ok_or(no_metadata)
}

/// Takes the metadata out of the items, without its comments.
fn split(mut items: Vec<Item<'_>>) -> Option<(Vec<Item<'_>>, Node<'_>)> {
    let is_metadata = |item: &Item<'_>| matches!(item, Item::Pair(key, _) if key == METADATA);
    let at = items.iter().position(is_metadata)?;
    match items.remove(at) {
        Item::Pair(_, mut metadata @ Node::Map(_)) => {
            drop_comments(&mut metadata);
            Some((items, metadata))
        }
        _ => None,
    }
}

/// The key of the metadata.
const METADATA: &str = "sops";

fn drop_comments(node: &mut Node<'_>) {
    match node {
        Node::Map(items) => {
            items.retain(|item| item.as_pair().is_some());
            for item in items {
                if let Item::Pair(_, node) = item {
                    drop_comments(node);
                }
            }
        }
        Node::List(nodes) => {
            nodes.retain(|node| !matches!(node, Node::Comment(_)));
            nodes.iter_mut().for_each(drop_comments);
        }
        _ => {}
    }
}
