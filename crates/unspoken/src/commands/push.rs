//! `unspoken push ENV`: what a document has goes into the vault.

use serde_json::json;
use unspoken_model::{EnvironmentName, ProjectFile, SecretName, VaultEntry, VaultUrl};
use unspoken_seal::{Secret, SecretSet};
use unspoken_store::{VaultChange, VaultStore};

use crate::commands::env::{ensure, entry};
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure, quoted};
use crate::flags::EnvFlag;
use crate::prompt;
use crate::sources::revision_of;
use crate::transfer::Difference;

/// Bring what a document has into the vault
///
/// Names, values and expiries of the environment's own: what the vault has is made the same. What
/// differs is shown by name first. Where the project or the environment is missing in the vault, it
/// is made. With `--link`, `unspoken.toml` then says that the environment lives in the vault; the
/// document stays until you remove it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken push staging --vault https://vault.example.com\n  unspoken push staging --link --yes"
)]
pub(crate) struct Push {
    /// The environment
    #[arg(add = clap_complete::ArgValueCandidates::new(crate::complete::environments))]
    environment: EnvironmentName,

    /// The vault's address, where `unspoken.toml` does not have it yet
    #[arg(long, value_name = "URL")]
    vault: Option<VaultUrl>,

    /// Let the environment live in the vault from now on
    #[arg(long)]
    link: bool,

    /// Keep names that only the vault has
    #[arg(long)]
    keep: bool,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl Push {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let cx = &*cx;
        let mut workspace = cx.workspace()?;
        let flag = EnvFlag { env: Some(self.environment.clone()) };
        let name = cx.environment(&workspace.project, &flag)?.value;
        if workspace.project.file.is_in_vault(&name) {
            return Err(Failure::new(
                Code::Refused,
                format!("`{name}` lives in the vault already"),
            )
            .hint(format!("Set a value there with `unspoken set NAME -e {name}`.")));
        }
        let entry = entry(&workspace, self.vault.clone())?;
        let vault = cx.vault_at(&workspace, &entry)?;
        cx.fold(&workspace, &name);
        let here = cx.store(&workspace).open_own(&name)?;
        cx.warn_unless_sealed(&workspace, &name);
        let there = there(&vault, &name)?;
        let is_new = there.is_none();
        let there = there.unwrap_or_else(|| SecretSet::new(name.clone()));
        let mut difference = Difference::between(&here, &there);
        if self.keep {
            difference.removed.clear();
        }
        if !difference.is_empty() {
            cx.ui.lay_out(&format!("{name}, in the vault {}:\n{}", entry.url, difference.print()));
        }
        if is_new || !difference.is_empty() {
            let question = format!("bring `{name}` into the vault `{}`?", entry.url);
            prompt::confirm(&cx.ui, &question, self.yes)?;
        }
        let (project, _) = ensure(&vault, &name)?;
        let entry = VaultEntry { project: Some(project), ..entry };
        let mut revision = revision_of(&there);
        if !difference.is_empty() {
            // Anew, by its id: the first one has not seen what was just made.
            let vault = cx.vault_at(&workspace, &entry)?;
            revision = vault.change_at(&name, &changes(&here, &difference), revision)?;
            check(&vault, &name, &here, self.keep)?;
        }
        if self.link {
            link(&mut workspace, &name, &entry)?;
        }
        self.report(cx, &workspace, &name, &entry, &difference, revision)
    }

    fn report(
        &self,
        cx: &Context,
        workspace: &Workspace,
        name: &EnvironmentName,
        entry: &VaultEntry,
        difference: &Difference,
        revision: i64,
    ) -> Result<(), Failure> {
        let mut words = if difference.is_empty() {
            format!("{name} is the same in the vault {}", entry.url)
        } else {
            format!("{name} is in the vault {} now", entry.url)
        };
        let usual = format!("secrets/{name}.json");
        let path = workspace.project.root.join(&usual);
        if self.link {
            words.push_str(&format!("\n{name} lives there from now on. Commit `unspoken.toml`."));
            if path.exists() {
                let word = quoted(std::path::Path::new(&usual));
                words.push_str(&format!(
                    "\nIts document is still here, and no longer read: `git rm {word}` removes it. The \
                     history keeps it."
                ));
            }
        }
        cx.ui.report(
            &json!({
                "environment": name.as_str(),
                "vault": entry.url.as_str(),
                "project": entry.project.map(|id| id.to_string()),
                "revision": revision,
                "difference": difference.to_json(),
                "linked": self.link,
            }),
            &words,
        )
    }
}

/// What the vault has of an environment; `None` where it has no such environment yet.
fn there(vault: &VaultStore, name: &EnvironmentName) -> Result<Option<SecretSet>, Failure> {
    use unspoken_store::VaultStoreError::{NoEnvironment, NoProject};
    match vault.fetch(name) {
        Ok(set) => Ok(Some(set)),
        Err(NoEnvironment { .. }) => Ok(None),
        Err(NoProject { .. }) if vault.project_id().is_none() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn changes<'s>(here: &'s SecretSet, difference: &Difference) -> Vec<VaultChange<'s>> {
    let set = |name: &SecretName| -> Option<VaultChange<'s>> {
        let secret: &'s Secret = here.get(name)?;
        Some(VaultChange::Set { name: name.clone(), secret, expiry: here.expiry(name) })
    };
    let removed = difference.removed.iter().cloned().map(VaultChange::Remove);
    difference.taken().filter_map(set).chain(removed).collect()
}

/// Demands that the vault has what was brought.
fn check(
    vault: &VaultStore,
    name: &EnvironmentName,
    here: &SecretSet,
    keep: bool,
) -> Result<(), Failure> {
    let mut left = Difference::between(here, &vault.fetch(name)?);
    if keep {
        left.removed.clear();
    }
    if left.is_empty() {
        return Ok(());
    }
    let message = format!("`{name}` in the vault is not what was brought there");
    Err(Failure::new(Code::Other, message)
        .hint("Somebody else may have written at the same time. Run the same command again."))
}

fn link(
    workspace: &mut Workspace,
    name: &EnvironmentName,
    entry: &VaultEntry,
) -> Result<(), Failure> {
    let change = |file: &mut ProjectFile| {
        if file.vault.as_ref() != Some(entry) {
            file.set_vault(entry.clone());
        }
        file.move_to_vault(name);
    };
    let mut file = workspace.project.file.clone();
    change(&mut file);
    // What would not be read again is not written.
    ProjectFile::parse(file.print())
        .map_err(|error| Failure::new(Code::Usage, error.problem.to_string()))?;
    Ok(workspace.project.edit(change)?)
}
