//! Where an environment's values are: in a document of the project, or in a vault.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use unspoken_model::{EnvironmentName, Expiry, SecretName};

use crate::{ProjectStore, StoreError, VaultStore};

/// One environment's source, ready to be asked.
#[derive(Debug)]
pub enum Store<'a> {
    Project(ProjectStore<'a>),
    Vault(Rc<VaultStore>),
}

/// What an environment's own source tells without a key, and without a value.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sheet {
    /// The names as they are written there, legal or not.
    pub names: BTreeSet<String>,
    pub expires: BTreeMap<SecretName, Expiry>,
    /// Where it is counted.
    pub revision: Option<u64>,
}

impl Store<'_> {
    /// The names of an environment's own, and when they expire.
    pub fn sheet(&self, environment: &EnvironmentName) -> Result<Sheet, StoreError> {
        match self {
            Self::Project(store) => {
                let bytes = store.read(environment)?;
                let verified = store.verify(environment, &bytes)?;
                let document = verified.document();
                let block = document.block();
                Ok(Sheet {
                    names: document.names().map(str::to_owned).collect(),
                    expires: block.map(|block| block.expires.clone()).unwrap_or_default(),
                    revision: block.map(|block| block.revision),
                })
            }
            Self::Vault(store) => {
                let found = store.names(environment)?;
                let expires = |(name, one): (&SecretName, &crate::VaultName)| {
                    Some((name.clone(), one.expiry?))
                };
                Ok(Sheet {
                    names: found.names.keys().map(ToString::to_string).collect(),
                    expires: found.names.iter().filter_map(expires).collect(),
                    revision: u64::try_from(found.revision).ok(),
                })
            }
        }
    }
}
