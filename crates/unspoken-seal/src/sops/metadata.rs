//! The metadata of a sops document: recipients, time, MAC, rule.
//!
//! Kept as the tree that was read, so that entries of kinds that we do not know
//! survive a rewrite. Types are read loosely, because a dotenv document has
//! texts only. Writing follows sops 3.13: sorted at every level, empty fields
//! left out.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::node::{Item, Node};
use crate::sops::rule::DEFAULT_SUFFIX;
use crate::sops::{VERSION, VERSIONS};

/// The fields that sops writes even when they are empty.
const ALWAYS: [&str; 3] = ["lastmodified", "mac", "version"];

/// The fields that a document of ours has.
const KNOWN: [&str; 6] =
    ["age", "lastmodified", "mac", "unencrypted_suffix", "unspoken", "version"];

#[derive(Clone, Debug)]
pub(crate) struct Metadata<'a>(Node<'a>);

/// One age recipient and the data key (or its share) wrapped for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wrapped<'m> {
    pub(crate) recipient: &'m str,
    pub(crate) enc: &'m str,
}

impl<'a> Metadata<'a> {
    /// Takes the tree of the metadata, which must be a map.
    pub(crate) fn new(node: Node<'a>) -> Option<Self> {
        matches!(node, Node::Map(_)).then_some(Self(node))
    }

    pub(crate) fn node(&self) -> &Node<'a> {
        &self.0
    }

    fn text(&self, key: &str) -> &str {
        self.0.get(key).and_then(Node::as_text).unwrap_or_default()
    }

    pub(crate) fn mac(&self) -> &str {
        self.text("mac")
    }

    pub(crate) fn version(&self) -> &str {
        self.text("version")
    }

    pub(crate) fn last_modified(&self) -> &str {
        self.text("lastmodified")
    }

    /// The time in the one spelling that the MAC is bound to. `None` when it
    /// does not parse.
    pub(crate) fn last_modified_bound(&self) -> Option<String> {
        let text = self.last_modified();
        // Go reads RFC 3339 alone and keeps the offset; only UTC can fit.
        let plain = text.bytes().all(|b| b.is_ascii_digit() || b"-:.TZ+".contains(&b));
        let utc = text.ends_with('Z') || text.ends_with("+00:00");
        if !plain || !utc {
            return None;
        }
        Some(print_time(text.parse().ok()?))
    }

    pub(crate) fn mac_only_encrypted(&self) -> bool {
        match self.0.get("mac_only_encrypted") {
            Some(Node::Bool(value)) => *value,
            Some(Node::Text(text)) => text == "true",
            _ => false,
        }
    }

    /// The age recipients of the one group, or of each of several.
    pub(crate) fn groups(&self) -> Vec<Vec<Wrapped<'_>>> {
        let kinds = ["age", "kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "pgp"];
        let direct = kinds.iter().any(|kind| self.0.get(kind).is_some_and(|n| !n.is_vacant()));
        match self.0.get("key_groups").and_then(Node::as_list) {
            Some(groups) if !direct => groups.iter().map(age_entries).collect(),
            _ => vec![age_entries(&self.0)],
        }
    }

    /// How many groups are needed.
    pub(crate) fn threshold(&self, groups: usize) -> usize {
        let stated = match self.0.get("shamir_threshold") {
            Some(Node::Number(text) | Node::Text(text)) => text.parse().unwrap_or(0),
            _ => 0,
        };
        if stated == 0 { groups } else { stated }
    }

    pub(crate) fn set(&mut self, key: &'static str, node: Node<'a>) {
        self.remove(key);
        if let Node::Map(items) = &mut self.0 {
            items.push(Item::Pair(Cow::Borrowed(key), node));
        }
    }

    pub(crate) fn remove(&mut self, key: &str) {
        if let Node::Map(items) = &mut self.0 {
            items.retain(|item| !matches!(item, Item::Pair(name, _) if name == key));
        }
    }

    /// A field with something in it that a sealed document cannot have.
    pub(crate) fn foreign(&self) -> Option<&str> {
        let suffix = self.text("unencrypted_suffix");
        if !suffix.is_empty() && suffix != DEFAULT_SUFFIX {
            return Some("unencrypted_suffix");
        }
        let mut age = self.0.get("age").cloned().unwrap_or(Node::List(Vec::new()));
        sort_below(&mut age);
        if age != self.age() {
            return Some("age");
        }
        self.keys().find(|key| {
            !KNOWN.contains(key) && self.0.get(key).is_some_and(|node| !node.is_vacant())
        })
    }

    /// Whether two documents have the same recipients and rules: all that does
    /// not change with every write.
    pub(crate) fn is_same_but_for_content(&self, other: &Self) -> bool {
        let frame = |metadata: &Self| {
            let mut metadata = metadata.clone();
            for key in ALWAYS {
                metadata.remove(key);
            }
            let mut node = metadata.to_written();
            sort_below(&mut node);
            node
        };
        frame(self) == frame(other)
    }

    /// The keys that stand in it.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.as_map().unwrap_or_default().iter().filter_map(|item| match item {
            Item::Pair(key, _) => Some(key.as_ref()),
            Item::Comment(_) => None,
        })
    }

    /// The metadata as sops 3.13 would write it.
    pub(crate) fn to_written(&self) -> Node<'a> {
        let mut items: Vec<Item<'a>> = self
            .0
            .as_map()
            .unwrap_or_default()
            .iter()
            .filter(|item| match item {
                Item::Pair(key, node) => ALWAYS.contains(&key.as_ref()) || !node.is_vacant(),
                Item::Comment(_) => false,
            })
            .cloned()
            .collect();
        sort(&mut items);
        Node::Map(items)
    }

    /// The metadata of a new document.
    pub(crate) fn fresh(wrapped: &[(String, String)]) -> Self {
        let mut metadata = Self(Node::Map(vec![pair("version", Node::text(VERSION))]));
        metadata.set_age(wrapped);
        metadata
    }

    /// Puts recipients, each with what is wrapped for it, in the place of those
    /// that were there.
    pub(crate) fn set_age(&mut self, wrapped: &[(String, String)]) {
        let entry = |(recipient, enc): &(String, String)| {
            age_entry(enc.clone().into(), recipient.clone().into())
        };
        self.set("age", Node::List(wrapped.iter().map(entry).collect()));
    }

    /// The metadata that a sealed document has: put together from what the seal
    /// covers and from constants, so that nothing else can stand in it.
    pub(crate) fn sealed(&self, block: Node<'static>) -> Metadata<'static> {
        let owned = |text: &str| Node::text(text.to_owned());
        let known = VERSIONS.iter().find(|version| **version == self.version());
        Metadata(Node::Map(vec![
            pair("age", self.age()),
            pair("lastmodified", owned(self.last_modified())),
            pair("mac", owned(self.mac())),
            pair("unencrypted_suffix", Node::text(DEFAULT_SUFFIX)),
            pair("unspoken", block),
            pair("version", Node::text(*known.unwrap_or(&VERSION))),
        ]))
    }

    /// The age recipients in the one form that sops writes.
    fn age(&self) -> Node<'static> {
        let entries = age_entries(&self.0).into_iter();
        let entry = |wrapped: Wrapped<'_>| {
            age_entry(wrapped.enc.to_owned().into(), wrapped.recipient.to_owned().into())
        };
        Node::List(entries.map(entry).collect())
    }
}

fn age_entry(enc: Cow<'static, str>, recipient: Cow<'static, str>) -> Node<'static> {
    Node::Map(vec![pair("enc", Node::Text(enc)), pair("recipient", Node::Text(recipient))])
}

/// RFC 3339 in UTC with whole seconds.
pub(crate) fn print_time(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

fn pair<'a>(key: &'static str, node: Node<'a>) -> Item<'a> {
    Item::Pair(Cow::Borrowed(key), node)
}

fn age_entries<'m>(group: &'m Node<'_>) -> Vec<Wrapped<'m>> {
    let entries = group.get("age").and_then(Node::as_list).unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| {
            let recipient = entry.get("recipient").and_then(Node::as_text)?;
            Some(Wrapped { recipient, enc: entry.get("enc").and_then(Node::as_text)? })
        })
        .collect()
}

fn sort(items: &mut [Item<'_>]) {
    items.sort_by(|a, b| key_of(a).cmp(key_of(b)));
    for item in items {
        if let Item::Pair(_, node) = item {
            sort_below(node);
        }
    }
}

fn sort_below(node: &mut Node<'_>) {
    match node {
        Node::Map(items) => sort(items),
        Node::List(nodes) => nodes.iter_mut().for_each(sort_below),
        _ => {}
    }
}

fn key_of<'i>(item: &'i Item<'_>) -> &'i str {
    match item {
        Item::Pair(key, _) => key,
        Item::Comment(_) => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn metadata(text: &str) -> Metadata<'_> {
        Metadata::new(json::read(text).unwrap()).unwrap()
    }

    #[test]
    fn the_time_is_bound_in_one_spelling() {
        for (text, bound) in [
            ("2026-01-02T03:04:05Z", Some("2026-01-02T03:04:05Z")),
            ("2026-01-02T03:04:05+00:00", Some("2026-01-02T03:04:05Z")),
            ("2026-01-02T03:04:05.75Z", Some("2026-01-02T03:04:05Z")),
            ("2026-01-02T04:04:05+01:00", None),
            ("2026-01-02T03:04:05Z\r", None),
            ("yesterday", None),
            ("", None),
        ] {
            let node = Node::Map(vec![pair("lastmodified", Node::text(text))]);
            assert_eq!(Metadata(node).last_modified_bound().as_deref(), bound, "{text:?}");
        }
    }

    #[test]
    fn old_metadata_with_nulls_in_any_order_is_written_as_sops_writes_today() {
        let old = metadata(
            r#"{"version":"3.7.1","mac":"m","kms":null,"lastmodified":"t","pgp":[],
                "age":[{"recipient":"r","enc":"e"}],"hc_vault":null}"#,
        );
        assert_eq!(
            json::print_map(old.to_written().as_map().unwrap().iter().filter_map(Item::as_pair)),
            "{\n\t\"age\": [\n\t\t{\n\t\t\t\"enc\": \"e\",\n\t\t\t\"recipient\": \"r\"\n\t\t}\n\t],\n\t\"lastmodified\": \"t\",\n\t\"mac\": \"m\",\n\t\"version\": \"3.7.1\"\n}\n"
        );
    }

    #[test]
    fn groups_count_only_where_no_recipient_stands_directly() {
        let one = r#"{"age":[{"recipient":"a","enc":"e"}],"key_groups":[{"age":[]}]}"#;
        assert_eq!(metadata(one).groups().len(), 1);
        let three = r#"{"key_groups":[{"age":[]},{"age":[{"recipient":"b","enc":"e"}]},{}],"shamir_threshold":"2"}"#;
        let three = metadata(three);
        assert_eq!(three.groups().iter().map(Vec::len).collect::<Vec<_>>(), [0, 1, 0]);
        assert_eq!(three.threshold(3), 2);
        assert_eq!(metadata("{}").threshold(3), 3);
    }
}
