//! The values that a project has on this machine, ready to be looked for.

use std::collections::HashMap;
use std::sync::Arc;

use unspoken_model::{EnvironmentName, SecretName};
use unspoken_seal::{Matcher, Secret, SecretSet};

/// Whose value it is: names, and the environments in which they have it.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Owners(Vec<(SecretName, Vec<EnvironmentName>)>);

/// Values to be looked for.
#[derive(Debug)]
pub(crate) struct Known {
    pub(super) matcher: Matcher,
    owners: Vec<Arc<Owners>>,
    /// How long the longest value is.
    longest: usize,
}

/// How many times as long as itself a value is in its widest disguise, with what may
/// stand in between.
const WIDEST: usize = 64;

impl Known {
    /// Learns every value once, whoever has it.
    pub(crate) fn new(sets: &[SecretSet]) -> Self {
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut values: Vec<(&SecretName, &Secret)> = Vec::new();
        let mut owners: Vec<Owners> = Vec::new();
        for set in sets {
            for (name, secret) in set.iter() {
                let place = *places.entry(secret.expose()).or_insert_with(|| {
                    values.push((name, secret));
                    owners.push(Owners::default());
                    owners.len() - 1
                });
                if let Some(owners) = owners.get_mut(place) {
                    owners.add(name, set.environment());
                }
            }
        }
        let longest = values.iter().map(|(_, secret)| secret.expose().len()).max().unwrap_or(0);
        let matcher = Matcher::new(values);
        Self { matcher, owners: owners.into_iter().map(Arc::new).collect(), longest }
    }

    /// How much of a text a value may take.
    pub(super) fn reach(&self) -> usize {
        self.longest.saturating_mul(WIDEST)
    }

    pub(super) fn owners(&self, name: usize) -> Arc<Owners> {
        self.owners.get(name).cloned().unwrap_or_default()
    }
}

impl Owners {
    fn add(&mut self, name: &SecretName, environment: &EnvironmentName) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, environments)) => environments.push(environment.clone()),
            None => self.0.push((name.clone(), vec![environment.clone()])),
        }
    }

    /// The name that it is called by where there is room for one.
    pub(crate) fn name(&self) -> &str {
        self.0.first().map_or("", |(name, _)| name.as_str())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&SecretName, &[EnvironmentName])> {
        self.0.iter().map(|(name, environments)| (name, environments.as_slice()))
    }

    /// `DATABASE_URL (production, staging)`
    pub(crate) fn print(&self) -> String {
        let owner = |(name, environments): &(SecretName, Vec<EnvironmentName>)| {
            let environments: Vec<&str> =
                environments.iter().map(EnvironmentName::as_str).collect();
            format!("{name} ({})", environments.join(", "))
        };
        self.0.iter().map(owner).collect::<Vec<_>>().join(", ")
    }
}
