//! The open set: what a run hands to its one receiver.

use std::collections::BTreeSet;
use std::fmt;

use unspoken_model::{EnvironmentName, Expiry, SecretName, nearest};

use crate::Secret;

/// Names and their values, opened for one receiver and wiped when it is done.
///
/// Invariant: `secrets` is sorted by name, each name once.
pub struct SecretSet {
    environment: EnvironmentName,
    /// Of the environment's own document; 0 where none is counted.
    revision: u64,
    secrets: Vec<Held>,
}

struct Held {
    name: SecretName,
    secret: Secret,
    expiry: Option<Expiry>,
}

impl SecretSet {
    pub fn new(environment: EnvironmentName) -> Self {
        Self { environment, revision: 0, secrets: Vec::new() }
    }

    pub fn with_capacity(environment: EnvironmentName, revision: u64, capacity: usize) -> Self {
        Self { environment, revision, secrets: Vec::with_capacity(capacity) }
    }

    pub fn environment(&self) -> &EnvironmentName {
        &self.environment
    }

    /// The revision of the environment's own document when it was opened; 0 for
    /// one that does not count them.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn len(&self) -> usize {
        self.secrets.len()
    }

    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    fn find(&self, name: &SecretName) -> Result<usize, usize> {
        match self.secrets.last() {
            // Documents are sorted, so nearly every name goes to the end.
            Some(last) if last.name < *name => Err(self.secrets.len()),
            _ => self.secrets.binary_search_by(|held| held.name.cmp(name)),
        }
    }

    /// Adds a value of the set's own environment. `false`, and nothing is
    /// added, when the name is there already.
    #[must_use]
    pub fn insert(&mut self, name: SecretName, secret: Secret) -> bool {
        match self.find(&name) {
            Ok(_) => false,
            Err(at) => {
                self.secrets.insert(at, Held { name, secret, expiry: None });
                true
            }
        }
    }

    /// Notes when a value expires.
    pub fn expire(&mut self, name: &SecretName, expiry: Expiry) {
        if let Ok(at) = self.find(name)
            && let Some(held) = self.secrets.get_mut(at)
        {
            held.expiry = Some(expiry);
        }
    }

    /// When a value expires.
    pub fn expiry(&self, name: &SecretName) -> Option<Expiry> {
        self.secrets.get(self.find(name).ok()?)?.expiry
    }

    /// The names whose values have an expiry, and when.
    pub fn expiries(&self) -> impl Iterator<Item = (&SecretName, Expiry)> {
        self.secrets.iter().filter_map(|held| Some((&held.name, held.expiry?)))
    }

    pub fn get(&self, name: &SecretName) -> Option<&Secret> {
        self.secrets.get(self.find(name).ok()?).map(|held| &held.secret)
    }

    pub fn names(&self) -> impl ExactSizeIterator<Item = &SecretName> {
        self.secrets.iter().map(|held| &held.name)
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&SecretName, &Secret)> {
        self.secrets.iter().map(|held| (&held.name, &held.secret))
    }

    /// The name in this set that `name` was probably meant to be.
    pub fn nearest(&self, name: &SecretName) -> Option<SecretName> {
        let found = nearest(name.as_str(), self.names().map(SecretName::as_str))?;
        self.names().find(|candidate| candidate.as_str() == found).cloned()
    }

    /// Gives up the values of these names.
    pub fn leave_out(&mut self, names: &BTreeSet<SecretName>) {
        self.secrets.retain(|held| !names.contains(&held.name));
    }

    /// Fills the gaps of this set from the one that its environment inherits.
    pub fn inherit(&mut self, parent: Self) {
        for held in parent.secrets {
            if let Err(at) = self.find(&held.name) {
                self.secrets.insert(at, held);
            }
        }
    }
}

impl IntoIterator for SecretSet {
    type Item = (SecretName, Secret);
    type IntoIter = Box<dyn Iterator<Item = Self::Item>>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.secrets.into_iter().map(|held| (held.name, held.secret)))
    }
}

impl fmt::Debug for SecretSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretSet")
            .field("environment", &self.environment)
            .field("names", &self.names().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

#[test]
fn a_set_inherits_what_it_lacks_and_debug_shows_names_alone() {
    let name = |text| SecretName::parse(text).unwrap();
    let secret = |text: &str| Secret::new(text.into()).unwrap();
    let mut parent = SecretSet::new(EnvironmentName::parse("development").unwrap());
    assert!(parent.insert(name("B"), secret("canary-parent")));
    assert!(parent.insert(name("A"), secret("canary-parent")));
    assert!(!parent.insert(name("A"), secret("canary-again")));
    let mut set = SecretSet::new(EnvironmentName::parse("preview").unwrap());
    assert!(set.insert(name("A"), secret("canary-own")));

    set.inherit(parent);

    assert_eq!(set.get(&name("A")).unwrap().expose(), "canary-own");
    assert_eq!(set.get(&name("B")).unwrap().expose(), "canary-parent");
    assert!(!format!("{set:?}").contains("canary"));
}
