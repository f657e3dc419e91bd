//! An environment that is made in a vault.

use serde_json::json;
use unspoken_model::{
    EnvironmentEntry, EnvironmentName, ProjectFile, ProjectId, Source, VaultEntry, VaultUrl,
};
use unspoken_store::{VaultStore, VaultStoreError};

use super::check_new;
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure};

/// Adds an environment to the project in the vault, and both to it where they are missing.
pub(super) fn add(
    cx: &Context,
    name: &EnvironmentName,
    inherits: Option<&EnvironmentName>,
    url: Option<VaultUrl>,
) -> Result<(), Failure> {
    let mut workspace = cx.workspace()?;
    let file = &workspace.project.file;
    let known = file.entry(name).cloned();
    if known.as_ref().is_some_and(|entry| {
        entry.source == Source::Document
            || (inherits.is_some() && entry.inherits.as_ref() != inherits)
    }) {
        let message = format!("`unspoken.toml` says otherwise of `{name}` already");
        return Err(Failure::new(Code::Usage, message).hint(format!(
            "To take what its document has to the vault, run `unspoken push {name} --link`."
        )));
    }
    if known.is_none() {
        check_new(&workspace, name, inherits)?;
    }
    let entry = entry(&workspace, url)?;
    let vault = cx.vault_at(&workspace, &entry)?;
    let (project, made) = ensure(&vault, name)?;
    let entry = VaultEntry { project: Some(project), ..entry };
    let mut file = workspace.project.file.clone();
    link(&mut file, name, &entry, inherits);
    // What would not be read again is not written.
    ProjectFile::parse(file.print())
        .map_err(|error| Failure::new(Code::Usage, error.problem.to_string()))?;
    workspace.project.edit(|file| link(file, name, &entry, inherits))?;
    let words = if made { "added" } else { "it was there already, and is named now:" };
    cx.ui.report(
        &json!({
            "environment": name.as_str(),
            "vault": entry.url.as_str(),
            "project": project.to_string(),
            "made": made,
        }),
        &format!("{words} {name}, in the vault {}\nCommit `unspoken.toml`.", entry.url),
    )
}

fn link(
    file: &mut ProjectFile,
    name: &EnvironmentName,
    vault: &VaultEntry,
    inherits: Option<&EnvironmentName>,
) {
    if file.vault.as_ref() != Some(vault) {
        file.set_vault(vault.clone());
    }
    if file.entry(name).is_none() {
        let inherits = inherits.cloned();
        let entry = EnvironmentEntry { source: Source::Vault, inherits, ..Default::default() };
        file.add(name, entry);
    }
}

/// The vault that is meant: what was typed, else what the project file says. Both must be the
/// same.
pub(crate) fn entry(workspace: &Workspace, url: Option<VaultUrl>) -> Result<VaultEntry, Failure> {
    match (&workspace.project.file.vault, url) {
        (Some(entry), None) => Ok(entry.clone()),
        (Some(entry), Some(url)) if entry.url == url => Ok(entry.clone()),
        (Some(entry), Some(_)) => {
            let message = format!("`unspoken.toml` names the vault `{}`", entry.url);
            Err(Failure::new(Code::Usage, message)
                .hint("Leave `--vault` out, or change the address there first."))
        }
        (None, Some(url)) => Ok(VaultEntry { url, project: None }),
        (None, None) => Err(Failure::new(Code::Usage, "`unspoken.toml` names no vault")
            .hint("Name it: `--vault https://vault.example.com`.")),
    }
}

/// Makes the project and the environment in the vault, where they are missing. Says whether the
/// environment was.
pub(crate) fn ensure(
    vault: &VaultStore,
    name: &EnvironmentName,
) -> Result<(ProjectId, bool), Failure> {
    let (project, is_there) = match vault.project() {
        Ok(found) => (found.id, found.environments.contains_key(name)),
        // What the project file names by its id is not made anew.
        Err(VaultStoreError::NoProject { .. }) if vault.project_id().is_none() => {
            (vault.make_project()?, false)
        }
        Err(error) => return Err(error.into()),
    };
    if !is_there {
        vault.make_environment(project, name)?;
    }
    Ok((project, !is_there))
}
