//! What an edited text changes, by name.

use unspoken_model::SecretName;
use unspoken_seal::dotenv::Entry;
use unspoken_seal::{OpenDocument, Secret, SecretSet, SetError};
use unspoken_store::VaultChange;

/// The names that a person has touched, and nothing else.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// New values, and whether the name is new as well.
    values: Vec<(SecretName, Secret, bool)>,
    pub(super) removed: Vec<SecretName>,
}

impl Changes {
    /// Compares a set with the text that was made of it. What the text could not
    /// carry is not removed by being absent from it.
    pub(super) fn between(before: &SecretSet, after: Vec<Entry>, left_out: &[&SecretName]) -> Self {
        let mut removed: Vec<SecretName> =
            before.names().filter(|name| !left_out.contains(name)).cloned().collect();
        let mut values = Vec::new();
        for Entry { name, secret, .. } in after {
            if let Ok(at) = removed.binary_search(&name) {
                removed.remove(at);
            }
            match before.get(&name) {
                Some(old) if old.is_same(&secret) => {}
                old => values.push((name, secret, old.is_none())),
            }
        }
        values.sort_by(|a, b| a.0.cmp(&b.0));
        Self { values, removed }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty() && self.removed.is_empty()
    }

    pub(super) fn added(&self) -> impl Iterator<Item = &SecretName> {
        self.values.iter().filter(|(_, _, new)| *new).map(|(name, _, _)| name)
    }

    pub(super) fn replaced(&self) -> impl Iterator<Item = &SecretName> {
        self.values.iter().filter(|(_, _, new)| !new).map(|(name, _, _)| name)
    }

    /// The touched names that somebody else has changed since, to another value.
    pub(super) fn conflicts(
        &self,
        document: &OpenDocument<'_>,
        before: &SecretSet,
    ) -> Vec<SecretName> {
        // A list or a map is no value that we have seen or wrote.
        self.touched(|name, wanted| {
            let now = document.get(name).map(Result::ok);
            let is_now = |value: Option<&Secret>| match (&now, value) {
                (None, None) => true,
                (Some(Some(now)), Some(value)) => now.is_same(value),
                _ => false,
            };
            !is_now(before.get(name)) && !is_now(wanted)
        })
    }

    /// The same for values that a vault has now.
    pub(super) fn conflicts_with(&self, now: &SecretSet, before: &SecretSet) -> Vec<SecretName> {
        self.touched(|name, wanted| {
            let is_now = |value: Option<&Secret>| match (now.get(name), value) {
                (None, None) => true,
                (Some(now), Some(value)) => now.is_same(value),
                _ => false,
            };
            !is_now(before.get(name)) && !is_now(wanted)
        })
    }

    /// The touched names of which this holds, with the value that each is to have.
    fn touched(&self, holds: impl Fn(&SecretName, Option<&Secret>) -> bool) -> Vec<SecretName> {
        let values = self.values.iter().map(|(name, secret, _)| (name, Some(secret)));
        let removed = self.removed.iter().map(|name| (name, None));
        let touched = values.chain(removed);
        touched.filter(|(name, wanted)| holds(name, *wanted)).map(|(n, _)| n.clone()).collect()
    }

    /// The changes as a vault takes them. When values expire stays as it was.
    pub(super) fn for_vault<'c>(&'c self, now: &SecretSet) -> Vec<VaultChange<'c>> {
        let set = self.values.iter().map(|(name, secret, _)| VaultChange::Set {
            name: name.clone(),
            secret,
            expiry: now.expiry(name),
        });
        // What is gone already is not removed again.
        let gone = self.removed.iter().filter(|name| now.get(name).is_some());
        set.chain(gone.cloned().map(VaultChange::Remove)).collect()
    }

    pub(super) fn apply(&self, document: &mut OpenDocument<'_>) -> Result<(), SetError> {
        for (name, secret, _) in &self.values {
            document.set(name, secret)?;
        }
        for name in &self.removed {
            document.remove(name);
        }
        Ok(())
    }
}

pub(super) fn join<'n>(names: impl IntoIterator<Item = &'n SecretName>) -> String {
    names.into_iter().map(SecretName::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use unspoken_model::EnvironmentName;
    use unspoken_seal::dotenv;

    use super::*;

    fn name(text: &str) -> SecretName {
        SecretName::parse(text).unwrap()
    }

    fn set(values: &[(&str, &str)]) -> SecretSet {
        let mut set = SecretSet::new(EnvironmentName::parse("development").unwrap());
        for (text, value) in values {
            assert!(set.insert(name(text), Secret::new(value.as_bytes().to_vec()).unwrap()));
        }
        set
    }

    #[test]
    fn only_what_was_touched_is_a_change() {
        let before = set(&[("A", "1"), ("B", "2"), ("C", "3"), ("D", "hidden")]);
        let after = dotenv::parse(b"Z=9\nA=1\nB=22\n").unwrap().entries;
        let changes = Changes::between(&before, after, &[&name("D")]);
        assert_eq!(join(changes.added()), "Z");
        assert_eq!(join(changes.replaced()), "B");
        assert_eq!(join(&changes.removed), "C");

        let same = dotenv::parse(b"C=3\nB=2\nA='1'\nD=hidden\n").unwrap().entries;
        assert!(Changes::between(&before, same, &[&name("D")]).is_empty());
    }
}
