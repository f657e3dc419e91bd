//! `unspoken mv OLD NEW`: gives a secret another name.

use clap_complete::ArgValueCandidates;
use serde_json::json;
use unspoken_model::{EnvironmentName, SecretName};
use unspoken_store::{StoreError, VaultChange};

use crate::commands::rm::{environments, missing, names_in};
use crate::complete;
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure};
use crate::flags::EnvFlag;
use crate::sources::revision_of;

/// Rename a secret in one environment, or in all
///
/// The value and its expiry go with the name. A name that is taken is not
/// replaced.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken mv DB_URL DATABASE_URL\n  unspoken mv DB_URL DATABASE_URL --all"
)]
pub(crate) struct Mv {
    /// The name that it has
    #[arg(add = ArgValueCandidates::new(complete::names))]
    old: SecretName,

    /// The name that it gets
    new: SecretName,

    #[command(flatten)]
    env: EnvFlag,

    /// In every environment that has it
    #[arg(long, conflicts_with = "env")]
    all: bool,
}

impl Mv {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        if self.old == self.new {
            return Err(Failure::new(Code::Usage, "the two names are the same"));
        }
        let workspace = cx.workspace()?;
        let mut there = Vec::new();
        for environment in environments(cx, &workspace, &self.env, self.all)? {
            cx.fold(&workspace, &environment);
            let found = names_in(cx, &workspace, &environment)?;
            let has = |name: &SecretName| found.iter().any(|found| found == name.as_str());
            if has(&self.old) {
                if has(&self.new) {
                    return Err(self.taken(&environment));
                }
                there.push(environment);
            } else if !self.all {
                return Err(missing(&self.old, &environment, &found));
            }
        }
        if there.is_empty() {
            let message = format!("no environment has `{}`", self.old);
            return Err(Failure::new(Code::Missing, message)
                .hint("Run `unspoken list` to see what there is."));
        }
        // First all are opened, then the first is written.
        for environment in &there {
            if !workspace.project.file.is_in_vault(environment) {
                cx.store(&workspace).open_own(environment)?;
                cx.warn_unless_sealed(&workspace, environment);
            }
        }
        for environment in &there {
            self.rename(cx, &workspace, environment)?;
        }
        let there: Vec<&str> = there.iter().map(EnvironmentName::as_str).collect();
        cx.ui.report(
            &json!({ "old": self.old.as_str(), "new": self.new.as_str(), "environments": there }),
            &format!("{} is now {} in {}", self.old, self.new, there.join(", ")),
        )
    }

    fn rename(
        &self,
        cx: &Context,
        workspace: &Workspace,
        environment: &EnvironmentName,
    ) -> Result<(), Failure> {
        if let Some(vault) = cx.vault_of(workspace, environment)? {
            let set = vault.fetch(environment)?;
            if set.get(&self.new).is_some() {
                return Err(self.taken(environment));
            }
            let secret = set.get(&self.old).ok_or_else(|| missing(&self.old, environment, &[]))?;
            let (name, expiry) = (self.new.clone(), set.expiry(&self.old));
            let changes =
                [VaultChange::Set { name, secret, expiry }, VaultChange::Remove(self.old.clone())];
            vault.change_at(environment, &changes, revision_of(&set))?;
            return Ok(());
        }
        let (path, _) = workspace.project.document(environment);
        cx.store(workspace).edit(environment, cx.now(), |document| {
            let refused = |error| StoreError::Set { path: path.clone(), error };
            if document.contains(&self.new) {
                return Err(self.taken(environment));
            }
            if !document.rename(&self.old, &self.new).map_err(refused)? {
                return Err(missing(&self.old, environment, &[]));
            }
            Ok::<_, Failure>(())
        })?;
        Ok(())
    }

    fn taken(&self, environment: &EnvironmentName) -> Failure {
        let message = format!("`{}` is there already in `{environment}`", self.new);
        Failure::new(Code::Refused, message).hint(format!(
            "Nothing was changed. Run `unspoken rm {} -e {environment}` first to replace it.",
            self.new
        ))
    }
}
