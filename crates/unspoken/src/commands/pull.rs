//! `unspoken pull ENV`: what the vault has goes into a document.

use serde_json::json;
use unspoken_model::{EnvironmentName, VaultUrl};
use unspoken_seal::SecretSet;
use unspoken_store::StoreError;

use crate::commands::env::{create, entry};
use crate::commands::set::unsealed;
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure, quoted};
use crate::flags::EnvFlag;
use crate::prompt;
use crate::transfer::Difference;

/// Bring what the vault has into a document
///
/// Names, values and expiries of the environment's own: the document is made the same. What differs
/// is shown by name first. An environment that lives in the vault has no document: with `--unlink`
/// it gets one, and lives there from then on. What the vault has stays there.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken pull staging\n  unspoken pull staging --unlink --yes"
)]
pub(crate) struct Pull {
    /// The environment
    #[arg(add = clap_complete::ArgValueCandidates::new(crate::complete::environments))]
    environment: EnvironmentName,

    /// The vault's address, where `unspoken.toml` does not have it yet
    #[arg(long, value_name = "URL")]
    vault: Option<VaultUrl>,

    /// Make a document for an environment that lives in the vault
    #[arg(long)]
    unlink: bool,

    /// Keep names that only the document has
    #[arg(long)]
    keep: bool,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl Pull {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let cx = &*cx;
        let mut workspace = cx.workspace()?;
        let flag = EnvFlag { env: Some(self.environment.clone()) };
        let name = cx.environment(&workspace.project, &flag)?.value;
        let is_linked = workspace.project.file.is_in_vault(&name);
        if is_linked != self.unlink {
            return Err(refuse(&name, is_linked));
        }
        let entry = entry(&workspace, self.vault.clone())?;
        let there = cx.vault_at(&workspace, &entry)?.fetch(&name)?;
        let here = if is_linked {
            refuse_document(&workspace, &name)?;
            SecretSet::new(name.clone())
        } else {
            cx.fold(&workspace, &name);
            let here = cx.store(&workspace).open_own(&name)?;
            cx.warn_unless_sealed(&workspace, &name);
            here
        };
        let mut difference = Difference::between(&there, &here);
        if self.keep {
            difference.removed.clear();
        }
        if !difference.is_empty() {
            cx.ui.lay_out(&format!("the document of {name}:\n{}", difference.print()));
        }
        if is_linked || !difference.is_empty() {
            let question = format!("bring `{name}` from the vault `{}` here?", entry.url);
            prompt::confirm(&cx.ui, &question, self.yes)?;
        }
        if is_linked {
            workspace.project.edit(|file| file.move_to_document(&name))?;
            if let Err(failure) = create(cx, &mut workspace, &name) {
                workspace.project.edit(|file| file.move_to_vault(&name))?;
                return Err(failure);
            }
        }
        let revision = if difference.is_empty() {
            None
        } else {
            write(cx, &workspace, &name, (&there, &here), &difference)?
        };
        let words = if difference.is_empty() {
            format!("{name} is the same here")
        } else {
            format!("{name} is here as it is in the vault {}", entry.url)
        };
        cx.ui.report(
            &json!({
                "environment": name.as_str(),
                "vault": entry.url.as_str(),
                "revision": revision,
                "difference": difference.to_json(),
                "unlinked": is_linked,
            }),
            &words,
        )
    }
}

/// Makes the document as the vault has it, unless somebody has changed it since it was looked at.
fn write(
    cx: &Context,
    workspace: &Workspace,
    name: &EnvironmentName,
    (there, here): (&SecretSet, &SecretSet),
    difference: &Difference,
) -> Result<Option<u64>, Failure> {
    let (path, _) = workspace.project.document(name);
    let edited = cx.store(workspace).edit(name, cx.now(), |document| {
        let refused = |error| StoreError::Set { path: path.clone(), error };
        for secret in difference.taken().chain(&difference.removed) {
            let now = document.get(secret).transpose().map_err(refused)?;
            let is_same = match (&now, here.get(secret)) {
                (Some(now), Some(seen)) => now.is_same(seen),
                (None, None) => true,
                _ => false,
            };
            if !is_same {
                return Err(changed(name));
            }
            let Some(value) = there.get(secret) else {
                document.remove(secret);
                continue;
            };
            document.set(secret, value).map_err(refused)?;
            let expiry = there.expiry(secret);
            if expiry != document.expiry(secret) {
                if document.block().is_none() {
                    return Err(unsealed(name));
                }
                document.expire(secret, expiry);
            }
        }
        Ok::<_, Failure>(())
    })?;
    Ok(edited.revision)
}

fn changed(name: &EnvironmentName) -> Failure {
    let message = format!("the document of `{name}` was changed by another command meanwhile");
    Failure::new(Code::Refused, message)
        .hint("Nothing was changed. Run the same command again, on top of what is there now.")
}

fn refuse(name: &EnvironmentName, is_linked: bool) -> Failure {
    if is_linked {
        let message = format!("`{name}` lives in the vault, and has no document");
        return Failure::new(Code::Refused, message)
            .hint(format!("To make one, run `unspoken pull {name} --unlink`."));
    }
    Failure::new(Code::Usage, format!("`{name}` has a document already"))
        .hint(format!("Leave `--unlink` out: `unspoken pull {name}`."))
}

/// The document of before it went to the vault is not written over.
fn refuse_document(workspace: &Workspace, name: &EnvironmentName) -> Result<(), Failure> {
    let path = workspace.project.document(name).0;
    if !path.exists() {
        return Ok(());
    }
    let shown = workspace.shown(&path).to_string();
    let word = quoted(std::path::Path::new(&shown));
    Err(Failure::new(Code::Refused, format!("`{shown}` is there already")).hint(format!(
        "It is of before `{name}` went to the vault. Move it away: `mv {word} {word}.old`."
    )))
}
