//! What `doppler secrets download --format json` and `doppler secrets --json`
//! print.

use unspoken_model::shown;

use crate::foreign::entry::Collector;
use crate::foreign::plain_tree::{PlainTree, scalar};
use crate::foreign::{ForeignError, Imported, Names, Note};

/// The variables that say which project and configuration these values are of.
pub(super) const METADATA: [&str; 3] = ["DOPPLER_PROJECT", "DOPPLER_ENVIRONMENT", "DOPPLER_CONFIG"];

/// Reads an object of names and values, or of names and objects that have the
/// value under `computed`.
pub fn parse(bytes: &[u8], names: &Names) -> Result<Imported, Vec<ForeignError>> {
    let tree = PlainTree::parse(bytes)?;
    let mut collector = Collector::new(names);
    for (name, node) in tree.pairs("one JSON object of names and values")? {
        if METADATA.contains(&name) {
            collector.note(Note::Metadata { name: name.to_owned() });
            continue;
        }
        let value = if node.as_map().is_some() { node.get("computed") } else { Some(node) };
        match value.and_then(scalar) {
            Some(bytes) => collector.add(name, bytes, None),
            None => {
                let expected = "a text, which Doppler gives out only to who may read the value";
                collector.refuse(ForeignError::Part { name: shown(name), expected });
            }
        }
    }
    collector.finish()
}
