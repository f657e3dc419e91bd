//! Opening the values that are looked for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use unspoken_model::{EnvironmentName, SecretName};
use unspoken_seal::SecretSet;
use unspoken_store::{Project, StoreError, find};

use super::known::Known;
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure};
use crate::flags::EnvFlag;

/// Opens the environments that were named, or all that open. `None` where there is
/// none, which is said.
pub(crate) fn open(cx: &Context, named: &[EnvironmentName]) -> Result<Option<Known>, Failure> {
    let workspace = match cx.workspace() {
        Ok(workspace) => workspace,
        Err(failure)
            if failure.code == Code::Missing && named.is_empty() && !cx.is_project_named() =>
        {
            cx.ui.note("no project here: only well-known credentials are looked for");
            return Ok(None);
        }
        Err(failure) => return Err(failure),
    };
    let store = cx.store(&workspace);
    if !named.is_empty() {
        let open = |name: &EnvironmentName| {
            let flag = EnvFlag { env: Some(name.clone()) };
            let environment = cx.environment(&workspace.project, &flag)?.value;
            let mut set = store.open_by(&environment, |own| cx.open_own(&workspace, own))?;
            set.leave_out(&workspace.project.file.visible);
            Ok(set)
        };
        let sets = named.iter().map(open).collect::<Result<Vec<_>, Failure>>()?;
        return Ok(Some(Known::new(&sets)));
    }
    let visible = &workspace.project.file.visible;
    let open = |environment: &EnvironmentName| {
        documents(&workspace, environment, |own| store.open_own(own))
    };
    let (sets, closed) = try_all(&workspace, visible, open);
    say_closed(cx, closed);
    say_elsewhere(cx, &workspace);
    Ok(if sets.is_empty() { None } else { Some(Known::new(&sets)) })
}

/// The same for the projects in some folders, where nobody is there to answer: as
/// many as open by themselves. Says how many environments stay closed. What may be
/// seen is told by the caller, not by the files there.
pub(crate) fn unasked(cx: &Context, folders: &Folders) -> (Option<Known>, usize) {
    let (mut sets, mut closed) = (Vec::new(), 0);
    for (folder, visible) in folders {
        let project = find(folder, Some(folder)).ok().and_then(|found| Project::read(found).ok());
        let Some((project, home)) = project.zip(cx.home().ok()) else { continue };
        let workspace = Workspace { project, home };
        let store = cx.store(&workspace);
        let open = |environment: &_| store.open_unasked(environment);
        let (opened, failed) = try_all(&workspace, visible, open);
        sets.extend(opened);
        closed += failed.len();
    }
    (if sets.is_empty() { None } else { Some(Known::new(&sets)) }, closed)
}

/// Folders of projects, and the names whose values may be seen in each.
pub(crate) type Folders = BTreeMap<PathBuf, BTreeSet<SecretName>>;

/// Opens what an environment has in documents: nothing is fetched that was not named.
fn documents(
    workspace: &Workspace,
    environment: &EnvironmentName,
    open: impl Fn(&EnvironmentName) -> Result<SecretSet, StoreError>,
) -> Result<SecretSet, StoreError> {
    let mut set = SecretSet::new(environment.clone());
    for ancestor in workspace.project.file.ancestry(environment)? {
        if !workspace.project.file.is_in_vault(&ancestor) {
            set.inherit(open(&ancestor)?);
        }
    }
    Ok(set)
}

fn say_elsewhere(cx: &Context, workspace: &Workspace) {
    let file = &workspace.project.file;
    let named = file.environments.keys().filter(|name| file.is_in_vault(name));
    let named: Vec<String> = named.map(|name| format!("`-e {name}`")).collect();
    if !named.is_empty() {
        let named = named.join(" ");
        cx.ui.note(&format!("what is in the vault is looked for when it is named: {named}"));
    }
}

type Closed = Vec<(EnvironmentName, StoreError)>;

fn try_all(
    workspace: &Workspace,
    visible: &BTreeSet<SecretName>,
    open: impl Fn(&EnvironmentName) -> Result<SecretSet, StoreError>,
) -> (Vec<SecretSet>, Closed) {
    let (mut sets, mut closed) = (Vec::new(), Vec::new());
    for environment in workspace.project.file.environments.keys() {
        match open(environment) {
            Ok(mut set) => {
                set.leave_out(visible);
                sets.push(set);
            }
            Err(error) => closed.push((environment.clone(), error)),
        }
    }
    (sets, closed)
}

fn say_closed(cx: &Context, closed: Closed) {
    let (locked, broken): (Vec<_>, Vec<_>) =
        closed.into_iter().partition(|(_, error)| matches!(error, StoreError::NoKey(_)));
    for (environment, error) in broken {
        let why = Failure::from(error).message;
        cx.ui.warn(&format!("the values of `{environment}` are not looked for: {why}"));
    }
    if !locked.is_empty() {
        let names: Vec<String> = locked.iter().map(|(name, _)| format!("`{name}`")).collect();
        cx.ui.note(&format!(
            "no key here opens {}: its values are not looked for",
            names.join(", ")
        ));
    }
}
