//! Telling one open set from another without keeping either.

use std::collections::BTreeMap;
use std::fmt;

use subtle::ConstantTimeEq as _;
use unspoken_model::SecretName;

use crate::hazmat::{DataKey, Sha512Stream};
use crate::{Secret, SecretSet};

/// What fingerprints are made with: random, of one process, never kept.
pub struct FingerprintKey(DataKey);

/// A set's names, and of each value what only the same value has.
///
/// Without the key nothing can be told from it about a value, not even whether a
/// guess is right.
pub struct Fingerprint(BTreeMap<SecretName, [u8; 64]>);

impl FingerprintKey {
    pub fn random() -> Self {
        Self(DataKey::random())
    }

    pub fn of(&self, set: &SecretSet) -> Fingerprint {
        let print = |(name, secret): (&SecretName, &Secret)| {
            let mut hash = Sha512Stream::new();
            hash.feed(self.0.expose());
            hash.feed(secret.expose().as_bytes());
            (name.clone(), hash.finish())
        };
        Fingerprint(set.iter().map(print).collect())
    }
}

impl Fingerprint {
    /// The names that only one of the two has, or that have another value.
    pub fn changes(&self, other: &Self) -> Vec<SecretName> {
        let differs = |name: &&SecretName| match (self.0.get(name), other.0.get(name)) {
            (Some(one), Some(other)) => !bool::from(one.ct_eq(other)),
            _ => true,
        };
        let added = other.0.keys().filter(|name| !self.0.contains_key(*name));
        let mut names: Vec<_> = self.0.keys().chain(added).filter(differs).cloned().collect();
        names.sort();
        names
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKey([REDACTED])")
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[test]
fn a_fingerprint_names_what_has_changed_and_tells_nothing_else() {
    let set = |pairs: &[(&str, &str)]| {
        let mut set = SecretSet::new(unspoken_model::EnvironmentName::parse("test").unwrap());
        for (name, text) in pairs {
            let secret = Secret::new((*text).into()).unwrap();
            assert!(set.insert(SecretName::parse(name).unwrap(), secret));
        }
        set
    };
    let key = FingerprintKey::random();
    let before = key.of(&set(&[("A", "1"), ("B", "2"), ("C", "3")]));
    let changes = |after: &[(&str, &str)]| {
        let names = before.changes(&key.of(&set(after)));
        names.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(changes(&[("A", "1"), ("B", "2"), ("C", "3")]), Vec::<String>::new());
    assert_eq!(changes(&[("D", "3"), ("B", "1"), ("C", "3")]), ["A", "B", "D"]);
    assert_eq!(changes(&[]), ["A", "B", "C"]);
    // Another process sees other prints of the same values.
    let other = FingerprintKey::random().of(&set(&[("A", "1")]));
    assert_eq!(before.changes(&other).len(), 3);
}
