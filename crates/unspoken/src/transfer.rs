//! From a document to a vault or back: what differs, told by name.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use unspoken_model::SecretName;
use unspoken_seal::SecretSet;

/// What has to be done to one set so that it is as another. Values are compared, never shown.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Difference {
    pub(crate) added: Vec<SecretName>,
    pub(crate) replaced: Vec<SecretName>,
    /// The value is the same, and expires on another day.
    pub(crate) expiring: Vec<SecretName>,
    /// Only the other end has it.
    pub(crate) removed: Vec<SecretName>,
}

impl Difference {
    /// What makes `there` as `here` is.
    pub(crate) fn between(here: &SecretSet, there: &SecretSet) -> Self {
        let mut difference = Self::default();
        let names: BTreeSet<&SecretName> = here.names().chain(there.names()).collect();
        for name in names {
            let list = match (here.get(name), there.get(name)) {
                (Some(_), None) => &mut difference.added,
                (None, _) => &mut difference.removed,
                (Some(here), Some(there)) if !here.is_same(there) => &mut difference.replaced,
                _ if here.expiry(name) != there.expiry(name) => &mut difference.expiring,
                _ => continue,
            };
            list.push(name.clone());
        }
        difference
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lists().iter().all(|(_, names)| names.is_empty())
    }

    /// The names whose value or expiry is taken over.
    pub(crate) fn taken(&self) -> impl Iterator<Item = &SecretName> {
        self.added.iter().chain(&self.replaced).chain(&self.expiring)
    }

    fn lists(&self) -> [(&'static str, &[SecretName]); 4] {
        [
            ("added", &self.added),
            ("replaced", &self.replaced),
            ("expiry changed", &self.expiring),
            ("removed", &self.removed),
        ]
    }

    /// A line for each kind of difference.
    pub(crate) fn print(&self) -> String {
        let line = |(word, names): &(&str, &[SecretName])| {
            let names: Vec<&str> = names.iter().map(SecretName::as_str).collect();
            format!("  {word}: {}", names.join(", "))
        };
        let lists = self.lists();
        lists.iter().filter(|(_, names)| !names.is_empty()).map(line).collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn to_json(&self) -> Value {
        let texts = |names: &[SecretName]| names.iter().map(|name| json!(name.as_str())).collect();
        let [added, replaced, expiring, removed]: [Value; 4] =
            self.lists().map(|(_, names)| texts(names));
        json!({
            "added": added,
            "replaced": replaced,
            "expiry_changed": expiring,
            "removed": removed,
        })
    }
}

#[test]
fn a_difference_is_told_by_name_and_no_value_is_in_it() {
    use unspoken_model::{EnvironmentName, Expiry};
    use unspoken_seal::Secret;

    let name = |text: &str| SecretName::parse(text).unwrap();
    let set = |values: &[(&str, &str, Option<&str>)]| {
        let mut set = SecretSet::new(EnvironmentName::parse("dev").unwrap());
        for (key, value, day) in values {
            assert!(set.insert(name(key), Secret::new(value.as_bytes().to_vec()).unwrap()));
            if let Some(day) = day {
                set.expire(&name(key), Expiry::parse(day).unwrap());
            }
        }
        set
    };
    let here = set(&[
        ("A", "canary-1", None),
        ("B", "2", None),
        ("C", "3", Some("2027-01-01")),
        ("E", "5", None),
    ]);
    let there =
        set(&[("B", "canary-2", None), ("C", "3", None), ("D", "4", None), ("E", "5", None)]);
    let difference = Difference::between(&here, &there);
    let expected = "  added: A\n  replaced: B\n  expiry changed: C\n  removed: D";
    assert_eq!(difference.print(), expected);
    assert!(!format!("{difference:?} {}", difference.to_json()).contains("canary"));
    assert!(Difference::between(&here, &here).is_empty());
}
