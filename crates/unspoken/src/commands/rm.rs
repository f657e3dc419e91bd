//! `unspoken rm NAME…`: removes secrets.

use clap_complete::ArgValueCandidates;
use serde_json::json;
use unspoken_model::{EnvironmentName, SecretName, nearest};
use unspoken_store::VaultChange;

use crate::complete;
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure};
use crate::flags::EnvFlag;
use crate::prompt;

/// Remove secrets from one environment, or from all
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken rm OLD_KEY\n  unspoken rm OLD_KEY OTHER_KEY --all --yes"
)]
pub(crate) struct Rm {
    /// The names
    #[arg(required = true, value_name = "NAME", add = ArgValueCandidates::new(complete::names))]
    names: Vec<SecretName>,

    #[command(flatten)]
    env: EnvFlag,

    /// From every environment that has them
    #[arg(long, conflicts_with = "env")]
    all: bool,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl Rm {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let workspace = cx.workspace()?;
        let environments = environments(cx, &workspace, &self.env, self.all)?;
        let mut there: Vec<(EnvironmentName, Vec<SecretName>)> = Vec::new();
        for environment in environments {
            cx.fold(&workspace, &environment);
            let found = names_in(cx, &workspace, &environment)?;
            let names = self.names.iter().filter(|name| found.contains(&name.to_string()));
            let names: Vec<SecretName> = names.cloned().collect();
            let absent = self.names.iter().find(|name| !names.contains(name));
            if let Some(name) = absent.filter(|_| !self.all) {
                return Err(missing(name, &environment, &found));
            }
            if !names.is_empty() {
                there.push((environment, names));
            }
        }
        for name in &self.names {
            if !there.iter().any(|(_, names)| names.contains(name)) {
                return Err(Failure::new(Code::Missing, format!("no environment has `{name}`"))
                    .hint("Run `unspoken list` to see what there is."));
            }
        }
        let words: Vec<String> = there
            .iter()
            .map(|(environment, names)| format!("{} from {environment}", join(names)))
            .collect();
        prompt::confirm(&cx.ui, &format!("remove {}?", words.join(", ")), self.yes)?;

        // First all are opened, then the first is written.
        for (environment, _) in &there {
            if !workspace.project.file.is_in_vault(environment) {
                cx.store(&workspace).open_own(environment)?;
                cx.warn_unless_sealed(&workspace, environment);
            }
        }
        let mut removed = Vec::new();
        for (environment, names) in &there {
            let revision = remove(cx, &workspace, environment, names)?;
            let names: Vec<&str> = names.iter().map(SecretName::as_str).collect();
            removed.push(json!({
                "environment": environment.as_str(),
                "names": names,
                "revision": revision,
            }));
        }
        cx.ui.report(&json!({ "removed": removed }), &format!("removed {}", words.join(", ")))
    }
}

/// Removes names where the environment lives. Tells the revision after it.
fn remove(
    cx: &Context,
    workspace: &Workspace,
    environment: &EnvironmentName,
    names: &[SecretName],
) -> Result<Option<u64>, Failure> {
    if let Some(vault) = cx.vault_of(workspace, environment)? {
        let seen = vault.names(environment)?;
        let is_there = |name: &&SecretName| seen.names.contains_key(*name);
        let changes: Vec<_> =
            names.iter().filter(is_there).cloned().map(VaultChange::Remove).collect();
        // Somebody else has just done it.
        if changes.is_empty() {
            return Ok(u64::try_from(seen.revision).ok());
        }
        return Ok(u64::try_from(vault.change(environment, &changes, &seen)?).ok());
    }
    let edited = cx.store(workspace).edit(environment, cx.now(), |document| {
        for name in names {
            document.remove(name);
        }
        Ok::<_, Failure>(())
    })?;
    Ok(edited.revision)
}

fn join(names: &[SecretName]) -> String {
    names.iter().map(SecretName::as_str).collect::<Vec<_>>().join(", ")
}

/// The environments that a command with `--all` works on.
pub(crate) fn environments(
    cx: &Context,
    workspace: &Workspace,
    flag: &EnvFlag,
    all: bool,
) -> Result<Vec<EnvironmentName>, Failure> {
    if all {
        return Ok(workspace.project.file.environments.keys().cloned().collect());
    }
    Ok(vec![cx.environment(&workspace.project, flag)?.value])
}

/// The names of an environment's own, read with no key and no value.
pub(crate) fn names_in(
    cx: &Context,
    workspace: &Workspace,
    environment: &EnvironmentName,
) -> Result<Vec<String>, Failure> {
    Ok(cx.sheet(workspace, environment)?.names.into_iter().collect())
}

pub(crate) fn missing(
    name: &SecretName,
    environment: &EnvironmentName,
    found: &[String],
) -> Failure {
    let failure =
        Failure::new(Code::Missing, format!("no secret `{name}` in `{environment}` itself"));
    match nearest(name.as_str(), found.iter().map(String::as_str)) {
        Some(nearest) => failure.hint(format!("Did you mean `{nearest}`?")),
        None => {
            failure.hint(format!("Run `unspoken why {name} -e {environment}` to see where it is."))
        }
    }
}
