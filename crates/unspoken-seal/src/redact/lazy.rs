//! A matcher that is made when there is text to look at.

use std::collections::BTreeSet;
use std::fmt;

use unspoken_model::SecretName;

use super::matcher::Matcher;
use super::part;
use super::strength::Strength;
use crate::{Secret, SecretSet};

/// Values, and the matcher for them once it was needed.
///
/// Most of the time that learning takes passes while the command that will talk
/// starts.
pub struct LazyMatcher {
    secrets: Vec<(SecretName, Secret)>,
    matcher: Option<Matcher>,
}

impl LazyMatcher {
    /// For a set, but for the names whose values may be seen.
    pub fn of(set: &SecretSet, visible: &BTreeSet<SecretName>) -> Self {
        let mut lazy = Self::new(Vec::new());
        lazy.add(set, visible);
        lazy
    }

    pub fn new(secrets: Vec<(SecretName, Secret)>) -> Self {
        Self { secrets, matcher: None }
    }

    /// Takes a newer set's values as well. The old ones stay: somebody may still say
    /// them.
    pub fn add(&mut self, set: &SecretSet, visible: &BTreeSet<SecretName>) {
        let before = self.secrets.len();
        for (name, secret) in set.iter().filter(|(name, _)| !visible.contains(name)) {
            let is_same =
                |(known, old): &(SecretName, Secret)| known == name && old.is_same(secret);
            if !self.secrets.iter().take(before).any(is_same) {
                self.secrets.push((name.clone(), secret.copy()));
                self.matcher = None;
            }
        }
    }

    /// Whether there is nothing that could be found.
    pub fn is_empty(&self) -> bool {
        let is_plain = |text: &str| {
            let mut is_plain = true;
            part::each(text, &mut |_, strength| is_plain &= strength == Strength::Plain);
            is_plain
        };
        self.secrets.iter().all(|(_, secret)| is_plain(secret.expose()))
    }

    pub fn get(&mut self) -> &Matcher {
        let secrets = &self.secrets;
        self.matcher.get_or_insert_with(|| {
            Matcher::new(secrets.iter().map(|(name, secret)| (name, secret)))
        })
    }

    /// The values, for whoever goes on with the work.
    pub fn secrets(&self) -> impl Iterator<Item = (&SecretName, &Secret)> {
        self.secrets.iter().map(|(name, secret)| (name, secret))
    }
}

impl fmt::Debug for LazyMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.secrets.iter().map(|(name, _)| name).collect();
        f.debug_struct("LazyMatcher").field("names", &names).finish_non_exhaustive()
    }
}
