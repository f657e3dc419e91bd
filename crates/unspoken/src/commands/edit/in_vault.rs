//! What was edited goes into a vault.

use unspoken_model::EnvironmentName;
use unspoken_seal::SecretSet;
use unspoken_store::{VaultStore, VaultStoreError};

use super::changes::Changes;
use super::refuse;
use crate::failure::Failure;
use crate::sources::revision_of;

/// How often it is begun anew because others change other names.
const TRIES: usize = 5;

/// Makes the changes. Somebody else may have written meanwhile: what they did not touch is ours to
/// change, and what both changed is nobody's. Tells the revision.
pub(super) fn apply(
    vault: &VaultStore,
    environment: &EnvironmentName,
    before: &SecretSet,
    changes: &Changes,
) -> Result<u64, Failure> {
    let mut again: Option<SecretSet> = None;
    for _ in 0..TRIES {
        let now = again.as_ref().unwrap_or(before);
        refuse(&changes.conflicts_with(now, before))?;
        let list = changes.for_vault(now);
        if list.is_empty() {
            return Ok(now.revision());
        }
        match vault.change_at(environment, &list, revision_of(now)) {
            Ok(revision) => return Ok(u64::try_from(revision).unwrap_or_default()),
            Err(VaultStoreError::Changed { .. }) => again = Some(vault.fetch(environment)?),
            Err(error) => return Err(error.into()),
        }
    }
    Err(VaultStoreError::Changed { environment: environment.clone() }.into())
}
