//! `unspoken init`: makes a folder a project.

use std::path::{Path, PathBuf};

use serde_json::json;
use unspoken_model::{EnvironmentEntry, EnvironmentName, ProjectFile, ProjectName};
use unspoken_store::{FindError, Found, Project, SECRETS, find, replace};

use crate::commands::env::{create, refuse_home_inside};
use crate::commands::import::{Afterwards, Conflict, Source, mention_output};
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure};
use crate::git;
use crate::prompt;

/// Make this folder a project
///
/// Writes `unspoken.toml`, an encrypted document for each environment in
/// `secrets/`, the lines that `.gitignore` and `.gitattributes` need, and the
/// environments' private keys, outside of the repository. Running it again
/// changes nothing.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken init\n  unspoken init --project acme-web -e development -e production\n  unspoken init --import .env"
)]
pub(crate) struct Init {
    /// The project's name [default: the folder's]
    #[arg(long, value_name = "NAME")]
    project: Option<ProjectName>,

    /// Environments to make; the first is the default one [default: development]
    #[arg(short, long, value_name = "ENV")]
    env: Vec<EnvironmentName>,

    /// Take over the values of a .env file
    #[arg(long, value_name = "FILE")]
    import: Option<PathBuf>,
}

/// Where `init` makes a project, or finds the one that is there.
enum Ground {
    New(PathBuf),
    There(Found),
}

impl Init {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let source = self.import.as_deref().map(Source::read_plain).transpose()?;
        let (mut workspace, fresh) = match self.ground(cx)? {
            Ground::New(root) => (self.begin(cx, root)?, true),
            Ground::There(found) => {
                let project = Project::read(found)?;
                (Workspace { project, home: cx.home()? }, false)
            }
        };
        if !fresh {
            self.check_same(&workspace.project)?;
        }
        let mut made = prepare_git(&workspace.project.root)?;
        let wanted: Vec<EnvironmentName> =
            workspace.project.file.environments.keys().chain(&self.env).cloned().collect();
        for environment in wanted {
            if !workspace.is_pinned(&environment)
                && !workspace.project.file.is_in_vault(&environment)
                && !workspace.project.document(&environment).0.exists()
            {
                made.push(create(cx, &mut workspace, &environment)?);
            }
        }
        if fresh {
            made.insert(0, ProjectFile::NAME.to_owned());
        }
        let default = workspace.project.file.default.clone();
        let root = workspace.project.root.clone();
        let words = words(&workspace.project, &made);
        if let Some(source) = source {
            cx.ui.note(&words);
            return take_over(cx, &workspace, &default, source);
        }
        cx.ui.report(
            &json!({
                "project": workspace.project.file.project.as_str(),
                "default": default.as_str(),
                "written": made,
            }),
            &words,
        )?;
        if fresh {
            mention_setup(cx, &root);
        }
        offer_import(cx, &workspace, &root, &default)
    }

    /// A project that is above this folder is the project: no second one is made
    /// inside.
    fn ground(&self, cx: &Context) -> Result<Ground, Failure> {
        let start = cx.start()?;
        let named = cx.is_project_named().then_some(start.as_path());
        let is_here = |root: &Path| root.canonicalize().ok() == start.canonicalize().ok();
        match find(&start, named) {
            Ok(found) if is_here(&found.root) => Ok(Ground::There(found)),
            Err(FindError::NotFound { .. } | FindError::AboveRepository { .. }) => {
                Ok(Ground::New(start))
            }
            Err(error) => Err(error.into()),
            Ok(found) => Err(Failure::new(
                Code::Refused,
                format!("this folder is inside the project `{}`", found.root.display()),
            )
            .hint(
                "Run commands here as they are: they find it. Run `unspoken env add NAME` to add \
                 an environment, or `unspoken --project-dir . init` to make a project of its own.",
            )),
        }
    }

    /// Writes the files of a new project.
    fn begin(&self, cx: &Context, root: PathBuf) -> Result<Workspace, Failure> {
        let home = cx.home()?;
        refuse_home_inside(&root, &home)?;
        let folder = root.canonicalize().ok();
        let folder = folder.as_ref().and_then(|path| path.file_name()).unwrap_or_default();
        let proposed = || ProjectName::from_folder(&folder.to_string_lossy());
        let name = self.project.clone().unwrap_or_else(proposed);
        let default = match self.env.first() {
            Some(name) => name.clone(),
            None => EnvironmentName::parse("development")
                .map_err(|error| Failure::new(Code::Other, error.to_string()))?,
        };
        let mut file = ProjectFile::new(name, default.clone());
        for environment in self.env.iter().filter(|name| **name != default) {
            file.add(environment, EnvironmentEntry::default());
        }
        let project = Project { root, file };
        // Before anything is made: no folder on the way may be a link.
        project.reach(&default)?;
        let (root, file) = (&project.root, &project.file);
        std::fs::create_dir_all(root.join(SECRETS)).map_err(|error| {
            Failure::new(Code::Other, format!("cannot create `{SECRETS}`: {error}"))
        })?;
        replace(&root.join(ProjectFile::NAME), file.print().as_bytes())?;
        Ok(Workspace { project, home })
    }

    fn check_same(&self, project: &Project) -> Result<(), Failure> {
        let found = &project.file.project;
        match &self.project {
            Some(name) if name != found => Err(Failure::new(
                Code::Refused,
                format!("this is the project `{found}` already, not `{name}`"),
            )
            .hint("The name is bound to every document, so it stays as it is.")),
            _ => Ok(()),
        }
    }
}

fn prepare_git(root: &Path) -> Result<Vec<String>, Failure> {
    let mut made = Vec::new();
    if git::ignore(root, &git::IGNORED)? {
        made.push(".gitignore".to_owned());
    }
    if git::attribute(root, &git::ATTRIBUTES)? {
        made.push(".gitattributes".to_owned());
    }
    Ok(made)
}

fn words(project: &Project, made: &[String]) -> String {
    let name = &project.file.project;
    if made.is_empty() {
        return format!("{name} is a project already; nothing was changed");
    }
    format!(
        "project {name}, default environment {}\nwrote {}\n\
         The private keys are outside of the repository; commit the rest.",
        project.file.default,
        made.join(", ")
    )
}

/// Git merges documents as text until it is told otherwise, which a clone
/// cannot bring along.
fn mention_setup(cx: &Context, root: &Path) {
    let in_git = root.ancestors().any(|folder| folder.join(".git").exists());
    if in_git && !git::is_set_up(root) {
        cx.ui.note("Run `unspoken git setup` in each clone: git then merges documents by name.");
    }
}

/// Offers to take over a `.env` file that lies there.
fn offer_import(
    cx: &Context,
    workspace: &Workspace,
    root: &Path,
    default: &EnvironmentName,
) -> Result<(), Failure> {
    let path = root.join(".env");
    if !path.is_file() {
        return Ok(());
    }
    if !cx.ui.is_interactive() {
        cx.ui.note("There is a plaintext `.env` here. Run `unspoken import .env` to take it over.");
        return Ok(());
    }
    let question = format!("There is a plaintext `.env` here. Take it over into {default}?");
    if !prompt::ask(&cx.ui, &question, true)? {
        return Ok(());
    }
    take_over(cx, workspace, default, Source::read_plain(&path)?)
}

fn take_over(
    cx: &Context,
    workspace: &Workspace,
    environment: &EnvironmentName,
    source: Source,
) -> Result<(), Failure> {
    let (fail, usual) = (Conflict::Fail, Afterwards::Usual);
    let report = source.take_over(cx, workspace, environment, fail, usual)?;
    mention_output(cx, std::slice::from_ref(&report));
    if cx.ui.json { cx.ui.print_json(&report) } else { Ok(()) }
}
