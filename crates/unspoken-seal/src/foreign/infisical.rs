//! What `infisical export --format=json` prints.

use unspoken_model::shown;

use crate::foreign::entry::Collector;
use crate::foreign::plain_tree::{PlainTree, scalar};
use crate::foreign::{ForeignError, Imported, Names};
use crate::node::Node;

const EXPECTED: &str = "one JSON list of objects that have a `key` and a `value`";

/// Reads a list of objects; all but their `key` and `value` is passed over.
pub fn parse(bytes: &[u8], names: &Names) -> Result<Imported, Vec<ForeignError>> {
    let shape = || vec![ForeignError::Shape { expected: EXPECTED }];
    let tree = PlainTree::parse(bytes)?;
    let mut collector = Collector::new(names);
    for node in tree.node().as_list().ok_or_else(shape)? {
        let Some(name) = node.get("key").and_then(Node::as_text) else { return Err(shape()) };
        match node.get("value").and_then(scalar) {
            Some(bytes) => collector.add(name, bytes, None),
            None => collector.refuse(ForeignError::Nested { name: shown(name) }),
        }
    }
    collector.finish()
}
