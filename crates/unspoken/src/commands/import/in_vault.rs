//! Values of a source go into a vault.

use serde_json::Value;
use unspoken_model::EnvironmentName;
use unspoken_seal::SecretSet;
use unspoken_store::{Edited, VaultChange, VaultStore};

use super::Conflict;
use super::source::Source;
use super::take_over::{Afterwards, Outcome, conflict_free};
use crate::context::{Context, Workspace};
use crate::failure::Failure;
use crate::sources::revision_of;

impl Source {
    /// Puts the values into an environment, compares what the vault has then, and only then
    /// removes the file.
    pub(super) fn take_over_in_vault(
        &self,
        cx: &Context,
        workspace: &Workspace,
        vault: &VaultStore,
        environment: &EnvironmentName,
        conflict: Conflict,
        afterwards: Afterwards,
    ) -> Result<Value, Failure> {
        let there = vault.fetch(environment)?;
        let (outcomes, changes) = self.plan(&there, environment, conflict)?;
        // All values fit, and none is written yet: where the source cannot be kept out of git,
        // nothing is changed.
        self.ignore(workspace)?;
        let mut revision = revision_of(&there);
        if !changes.is_empty() {
            revision = vault.change_at(environment, &changes, revision)?;
            self.compare(&vault.fetch(environment)?, &outcomes)?;
        }
        let written = !changes.is_empty();
        let edited = Edited { outcome: outcomes, revision: u64::try_from(revision).ok(), written };
        self.finish(cx, workspace, environment, &edited, afterwards, true)
    }

    fn plan(
        &self,
        there: &SecretSet,
        environment: &EnvironmentName,
        conflict: Conflict,
    ) -> Result<(Vec<Outcome>, Vec<VaultChange<'_>>), Failure> {
        let (mut outcomes, mut changes) = (Vec::new(), Vec::new());
        let mut conflicts = Vec::new();
        for entry in &self.imported.entries {
            let old = there.get(&entry.name);
            let differs = old.is_some_and(|old| !old.is_same(&entry.secret));
            match conflict {
                Conflict::Fail if differs => conflicts.push(entry.name.as_str()),
                Conflict::Skip if differs => {
                    outcomes.push(Outcome::Skipped);
                    continue;
                }
                _ => {}
            }
            let known = there.expiry(&entry.name);
            let expiry = entry.expiry.or(known);
            outcomes.push(match old {
                None => Outcome::Added,
                Some(_) if differs => Outcome::Replaced,
                Some(_) => Outcome::Unchanged,
            });
            if old.is_none() || differs || expiry != known {
                let name = entry.name.clone();
                changes.push(VaultChange::Set { name, secret: &entry.secret, expiry });
            }
        }
        conflict_free(environment, &conflicts)?;
        Ok((outcomes, changes))
    }
}
