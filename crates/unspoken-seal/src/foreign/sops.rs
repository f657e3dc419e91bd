//! Documents of the sops program that stay where they are: their values are
//! taken over under names of ours.

use unspoken_model::shown;

use crate::OpenDocument;
use crate::foreign::entry::Collector;
use crate::foreign::{ForeignError, Imported, Names, Note};
use crate::node::Node;

impl OpenDocument<'_> {
    /// The values, which all fit the MAC.
    pub fn take_over(self, names: &Names) -> Result<Imported, Vec<ForeignError>> {
        let mut collector = Collector::new(names);
        for slot in self.slots {
            let Some((raw, node)) = slot.item.as_pair() else { continue };
            if matches!(node, Node::List(_) | Node::Map(_)) {
                collector.refuse(ForeignError::Nested { name: shown(raw) });
                continue;
            }
            // A null is no value.
            let Some(leaf) = slot.leaves.into_iter().next() else {
                collector.note(Note::Null { name: shown(raw) });
                continue;
            };
            let clear = !leaf.encrypted && !leaf.plain.bytes.is_empty();
            let mut text = leaf.plain.into_text();
            collector.add(raw, std::mem::take(&mut *text), None);
            if clear {
                collector.clear(raw);
            }
        }
        collector.finish()
    }
}
