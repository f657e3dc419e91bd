//! `unspoken env`: the project's environments.

mod in_vault;
mod offline;

pub(crate) use in_vault::{ensure, entry};

use std::path::Path;

use serde_json::json;
use unspoken_model::{EnvironmentEntry, EnvironmentName, ProjectFile, VaultUrl};
use unspoken_seal::Identity;
use unspoken_store::{Home, SECRETS, ignore_pattern};

use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure};
use crate::git;

/// List or add environments, and say how long a vault's may be used without it
#[derive(Debug, clap::Subcommand)]
#[command(
    visible_alias = "envs",
    after_help = "Examples:\n  unspoken env list\n  unspoken env add preview --inherits development"
)]
pub(crate) enum Env {
    /// List the environments
    #[command(visible_alias = "ls", after_help = "Example:\n  unspoken env list --json")]
    List,
    /// Add an environment, with a document and a key of its own, or in a vault
    #[command(
        after_help = "Examples:\n  unspoken env add production\n  unspoken env add staging --source vault\n  unspoken env add preview --inherits staging\n  unspoken env add legacy --file secrets/legacy.env.enc"
    )]
    Add {
        /// The new environment's name
        name: EnvironmentName,
        /// Another environment, whose secrets are used where it has none
        #[arg(long, value_name = "ENV")]
        inherits: Option<EnvironmentName>,
        /// Where its values are kept: `document`, or `vault` for the one in `unspoken.toml`
        #[arg(long, value_name = "WHERE", value_enum, default_value_t = Where::Document)]
        source: Where,
        /// The vault's address, where `unspoken.toml` does not have it yet
        #[arg(long, value_name = "URL")]
        vault: Option<VaultUrl>,
        /// The document's path in the project; `.yaml` is in YAML, `.env` and `.env.enc` in sops' dotenv form
        #[arg(long, value_name = "PATH")]
        file: Option<String>,
    },
    Offline(offline::Offline),
}

/// Where an environment's values are kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Where {
    Document,
    Vault,
}

impl Env {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        match self {
            Self::List => list(cx),
            Self::Offline(offline) => offline.run(cx),
            Self::Add { name, inherits, file, source: Where::Document, vault } => {
                if vault.is_some() {
                    return Err(Failure::new(Code::Usage, "`--vault` belongs to `--source vault`"));
                }
                add(cx, &name, inherits, file)
            }
            Self::Add { file: Some(_), .. } => {
                Err(Failure::new(Code::Usage, "`--file` belongs to a document"))
            }
            Self::Add { name, inherits, vault, .. } => {
                in_vault::add(cx, &name, inherits.as_ref(), vault)
            }
        }
    }
}

fn list(cx: &Context) -> Result<(), Failure> {
    let project = cx.project()?;
    let file = &project.file;
    if cx.ui.json {
        let environments: Vec<_> = file
            .environments
            .iter()
            .map(|(name, entry)| {
                json!({
                    "name": name.as_str(),
                    "default": *name == file.default,
                    "inherits": entry.inherits.as_ref().map(EnvironmentName::as_str),
                    "source": entry.source.as_str(),
                    "file": (!file.is_in_vault(name)).then(|| file.document_path(name)),
                })
            })
            .collect();
        return cx.ui.print_json(
            &json!({ "project": file.project.as_str(), "environments": environments }),
        );
    }
    let mut text = String::new();
    for (name, entry) in &file.environments {
        text.push_str(name.as_str());
        // On a pipe a name a line is what scripts want.
        if cx.ui.stdout_is_terminal() {
            if *name == file.default {
                text.push_str("  (default)");
            }
            if let Some(parent) = &entry.inherits {
                text.push_str("  inherits ");
                text.push_str(parent.as_str());
            }
            if let Some(vault) = file.vault.as_ref().filter(|_| file.is_in_vault(name)) {
                text.push_str(&format!("  in the vault {}", vault.url));
            }
        }
        text.push('\n');
    }
    cx.ui.print(&text)
}

fn add(
    cx: &Context,
    name: &EnvironmentName,
    inherits: Option<EnvironmentName>,
    file: Option<String>,
) -> Result<(), Failure> {
    let mut workspace = cx.workspace()?;
    check_new(&workspace, name, inherits.as_ref())?;
    if let Some(entry) = workspace.project.file.entry(name) {
        let other = |typed: bool, same: bool| typed && !same;
        if other(inherits.is_some(), entry.inherits == inherits)
            || other(file.is_some(), entry.file == file)
        {
            let message = format!("`unspoken.toml` says otherwise of `{name}` already");
            return Err(Failure::new(Code::Usage, message)
                .hint("Change it there, then run this without `--inherits` and `--file`."));
        }
    } else {
        let entry = EnvironmentEntry { inherits, file, ..EnvironmentEntry::default() };
        // In memory, so that the document's path is known; written below.
        workspace.project.file.add(name, entry);
        // What would not be read again is not written.
        ProjectFile::parse(workspace.project.file.print())
            .map_err(|error| Failure::new(Code::Usage, error.problem.to_string()))?;
    }
    let path = create(cx, &mut workspace, name)?;
    cx.ui.report(
        &json!({ "environment": name.as_str(), "file": path }),
        &format!("added {name}: {path}\nCommit it together with `unspoken.toml`."),
    )
}

pub(super) fn check_new(
    workspace: &Workspace,
    name: &EnvironmentName,
    inherits: Option<&EnvironmentName>,
) -> Result<(), Failure> {
    let project = &workspace.project;
    if project.file.entry(name).is_some() && project.document(name).0.exists() {
        let message = format!("the environment `{name}` is there already");
        return Err(Failure::new(Code::Refused, message).hint("Run `unspoken env list`."));
    }
    if project.file.entry(name).is_some_and(|entry| entry.seal_key.is_some()) {
        let path = project.file.document_path(name);
        let message = format!("the document of `{name}`, `{path}`, is pinned and not here");
        return Err(Failure::new(Code::Refused, message).hint(format!(
            "Run `git checkout -- {path}` to restore it. If it is lost, take the line `seal_key` out of \
             `[environments.{name}]` first."
        )));
    }
    if let Some(parent) = inherits.filter(|parent| project.file.entry(parent).is_none()) {
        return Err(Failure::new(
            Code::Missing,
            format!("no environment `{parent}` to inherit from"),
        )
        .hint("Run `unspoken env list` to see what there is."));
    }
    Ok(())
}

/// Makes an environment's document and key, and pins its seal in the project
/// file. Returns the document's path in the project.
pub(crate) fn create(
    cx: &Context,
    workspace: &mut Workspace,
    name: &EnvironmentName,
) -> Result<String, Failure> {
    let entry = workspace.project.file.entry(name).cloned().unwrap_or_default();
    // Before anything is made: no folder on the way may be a link.
    let path = workspace.project.reach(name)?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| {
            Failure::new(Code::Other, format!("cannot create `{}`: {error}", folder.display()))
        })?;
    }
    refuse_home_inside(&workspace.project.root, &workspace.home)?;
    let seal_key = cx.store(workspace).create(name, &Identity::generate(), cx.now())?;
    workspace.project.edit(|file| {
        if file.entry(name).is_none() {
            file.add(name, EnvironmentEntry { seal_key: Some(seal_key), ..entry });
        } else {
            file.pin(name, seal_key);
        }
    })?;
    prepare_git(workspace, name)?;
    cx.ui.detail(format_args!("its key is in `{}`", workspace.home.keys().path().display()));
    Ok(workspace.shown(&path).to_string())
}

/// For a document outside of the usual folder, what `init` has done for that.
fn prepare_git(workspace: &Workspace, name: &EnvironmentName) -> Result<(), Failure> {
    let path = workspace.project.file.document_path(name);
    let root = &workspace.project.root;
    if let Some(line) = git::attribute_of(&workspace.project.file, name) {
        git::attribute(root, &[&line])?;
    }
    let (folder, _) = path.rsplit_once('/').unwrap_or(("", ""));
    if folder == SECRETS {
        return Ok(());
    }
    let below = if folder.is_empty() { String::new() } else { ignore_pattern(folder) };
    git::ignore(root, &[&format!("{below}/.*.lock"), &format!("{below}/.*.tmp")])?;
    Ok(())
}

/// Private keys in the project would be committed with it.
pub(crate) fn refuse_home_inside(root: &Path, home: &Home) -> Result<(), Failure> {
    let path = home.path();
    // The folder need not exist yet; what there is of its path tells.
    let existing = path.ancestors().find_map(|folder| folder.canonicalize().ok());
    let root = root.canonicalize().ok();
    if !existing.zip(root).is_some_and(|(existing, root)| existing.starts_with(root)) {
        return Ok(());
    }
    let message =
        format!("the folder of private keys, `{}`, is inside the project", path.display());
    Err(Failure::new(Code::Refused, message)
        .hint("Set UNSPOKEN_HOME to a folder outside, or unset it for the usual one."))
}
