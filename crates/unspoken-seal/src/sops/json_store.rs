//! Documents as JSON: values at the top level, metadata under `sops`.

use crate::json;
use crate::node::{Item, Node};
use crate::parse_error::{ParseError, ParseProblem};

/// Splits a JSON document into its items and its metadata.
pub(crate) fn read(text: &str) -> Result<(Vec<Item<'_>>, Node<'_>), ParseError> {
    let node = json::read(text)
        .map_err(|e| ParseError { line: e.line, problem: ParseProblem::Json(e.problem) })?;
    let Node::Map(mut items) = node else {
        return Err(ParseError { line: 1, problem: ParseProblem::NotMap });
    };
    let is_metadata = |item: &Item<'_>| matches!(item, Item::Pair(key, _) if key == "sops");
    match items.iter().filter(|item| is_metadata(item)).count() {
        0 => return Err(ParseError { line: 1, problem: ParseProblem::NoMetadata }),
        1 => {}
        _ => return Err(ParseError { line: 1, problem: ParseProblem::TwoMetadata }),
    }
    let at = items.iter().position(is_metadata).unwrap_or_default();
    match items.remove(at) {
        Item::Pair(_, metadata @ Node::Map(_)) if repeats(&metadata) => {
            Err(ParseError { line: 1, problem: ParseProblem::Repeated })
        }
        Item::Pair(_, metadata @ Node::Map(_)) => Ok((items, metadata)),
        _ => Err(ParseError { line: 1, problem: ParseProblem::NoMetadata }),
    }
}

/// Whether a key stands twice in one map. Readers differ in which of the two
/// they take, so it is no metadata.
fn repeats(node: &Node<'_>) -> bool {
    match node {
        Node::Map(items) => {
            let mut keys: Vec<&str> =
                items.iter().filter_map(Item::as_pair).map(|(key, _)| key).collect();
            keys.sort_unstable();
            keys.windows(2).any(|pair| pair.first() == pair.last())
                || items.iter().filter_map(Item::as_pair).any(|(_, node)| repeats(node))
        }
        Node::List(nodes) => nodes.iter().any(repeats),
        _ => false,
    }
}

/// Prints a document: the items, then the metadata.
pub(crate) fn print<'n>(
    items: impl Iterator<Item = &'n Item<'n>>,
    metadata: &'n Node<'n>,
) -> String {
    let pairs = items.filter_map(Item::as_pair);
    json::print_map(pairs.chain(std::iter::once(("sops", metadata))))
}
