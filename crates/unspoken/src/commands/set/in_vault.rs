//! A value that goes into a vault.

use serde_json::json;
use unspoken_model::{EnvironmentName, SecretName};
use unspoken_store::{VaultChange, VaultStore};

use super::{Lifetime, Set, absent};
use crate::context::Context;
use crate::failure::Failure;

impl Set {
    pub(super) fn run_in_vault(
        &self,
        cx: &Context,
        vault: &VaultStore,
        environment: &EnvironmentName,
        name: &SecretName,
        lifetime: Lifetime,
    ) -> Result<(), Failure> {
        let seen = vault.names(environment)?;
        let known = seen.names.get(name).copied();
        self.confirm(cx, environment, name, known.is_some())?;
        let expiry = match lifetime {
            Lifetime::AsItIs => known.and_then(|known| known.expiry),
            Lifetime::Until(expiry) => expiry,
        };
        let change = |secret| VaultChange::Set { name: name.clone(), secret, expiry };
        let revision = if self.keep {
            // A version of a value has its expiry, so the same value is written again.
            let set = vault.fetch(environment)?;
            let secret = set.get(name).ok_or_else(|| absent(name, environment))?;
            vault.change(environment, &[change(secret)], &seen)?
        } else {
            let secret = self.value(cx, name, environment, known.is_some())?;
            vault.change(environment, &[change(&secret)], &seen)?
        };
        let word = match known {
            None => "added",
            Some(_) if self.keep => "expiry changed",
            Some(_) => "replaced",
        };
        cx.ui.report(
            &json!({
                "name": name.as_str(),
                "environment": environment.as_str(),
                "change": word,
                "revision": revision,
            }),
            &format!("{name} {word} in {environment}"),
        )
    }
}
