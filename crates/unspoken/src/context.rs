//! What every command starts from, resolved once and on demand.

use std::cell::{Cell, RefCell};
use std::env;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use unspoken_model::EnvironmentName;
use unspoken_seal::{Ask, SecretSet};
use unspoken_store::{
    Found, Home, Keyring, Project, ProjectStore, Setting, StoreError, Variables, VaultStore,
    environment, find, project_directory,
};
use unspoken_wire::Origin;

use crate::ask::Terminal;
use crate::failure::{Code, Failure};
use crate::flags::EnvFlag;
use crate::generated;
use crate::ui::Ui;

/// The streams, the variables and the clock of one run.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) ui: Ui,
    pub(crate) variables: Variables,
    /// Who answers what a key asks.
    pub(crate) ask: Arc<dyn Ask>,
    /// What a command that we ran and outlived ended with, which we end with, too.
    pub(crate) passed_on: Option<u8>,
    project_dir: Option<PathBuf>,
    /// Whether values were taken up, whose names may be new.
    took: Cell<bool>,
    /// The vault that was asked last.
    pub(crate) vault: RefCell<Option<Rc<VaultStore>>>,
}

/// A project, this machine's keys, and the environment that is meant.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) project: Project,
    pub(crate) home: Home,
}

impl Context {
    pub(crate) fn new(ui: Ui, variables: Variables, project_dir: Option<PathBuf>) -> Self {
        let ask: Arc<dyn Ask> = Arc::new(Terminal::new(&ui));
        let (took, vault) = (Cell::new(false), RefCell::new(None));
        Self { ui, variables, ask, passed_on: None, project_dir, took, vault }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// Today in UTC, which is what expiries are in.
    pub(crate) fn today(&self) -> Date {
        self.now().to_zoned(TimeZone::UTC).date()
    }

    /// The folder that the search for a project starts from, or the one that
    /// was named.
    pub(crate) fn start(&self) -> Result<PathBuf, Failure> {
        if let Some(folder) = project_directory(self.project_dir.as_deref(), &self.variables) {
            return Ok(folder.value);
        }
        env::current_dir()
            .map_err(|e| Failure::new(Code::Other, format!("cannot tell the current folder: {e}")))
    }

    /// Whether the project's folder was named, so that nothing is searched.
    pub(crate) fn is_project_named(&self) -> bool {
        project_directory(self.project_dir.as_deref(), &self.variables).is_some()
    }

    /// Finds and reads the project.
    pub(crate) fn project(&self) -> Result<Project, Failure> {
        Ok(Project::read(self.found()?)?)
    }

    /// Finds the project, whatever its file says.
    pub(crate) fn found(&self) -> Result<Found, Failure> {
        let explicit = project_directory(self.project_dir.as_deref(), &self.variables);
        let start = self.start()?;
        Ok(find(&start, explicit.as_ref().map(|setting| setting.value.as_path()))?)
    }

    /// Where this machine's private keys are.
    pub(crate) fn home(&self) -> Result<Home, Failure> {
        Ok(Home::find(&self.variables)?)
    }

    pub(crate) fn workspace(&self) -> Result<Workspace, Failure> {
        Ok(Workspace { project: self.project()?, home: self.home()? })
    }

    /// Decides which environment is meant.
    pub(crate) fn environment(
        &self,
        project: &Project,
        flag: &EnvFlag,
    ) -> Result<Setting<EnvironmentName>, Failure> {
        Ok(environment(flag.env.as_ref(), &self.variables, &project.file)?)
    }

    /// Opens the set of an environment, and says when part of it has no seal.
    pub(crate) fn open(
        &self,
        workspace: &Workspace,
        environment: &EnvironmentName,
    ) -> Result<SecretSet, Failure> {
        let ancestry = workspace.project.file.ancestry(environment).map_err(StoreError::from)?;
        for ancestor in &ancestry {
            self.fold(workspace, ancestor);
        }
        let open = |own: &EnvironmentName| self.open_own(workspace, own);
        let set = self.store(workspace).open_by(environment, open)?;
        for ancestor in ancestry {
            self.warn_unless_sealed(workspace, &ancestor);
        }
        // Before the set goes on: `run` does not come back.
        if self.took_names() {
            generated::refresh(self);
        }
        Ok(set)
    }

    /// Whether values were taken up since this was asked.
    pub(crate) fn took_names(&self) -> bool {
        self.took.take()
    }

    /// Takes up the values that were left for an environment, as far as this
    /// machine can open it, and says so. What is wrong with the document itself
    /// is said by the command that works on it.
    pub(crate) fn fold(&self, workspace: &Workspace, environment: &EnvironmentName) {
        // A vault has no inbox.
        if workspace.project.file.is_in_vault(environment) {
            return;
        }
        let folded = match self.store(workspace).fold(environment, self.now()) {
            Ok(folded) => folded,
            Err(StoreError::File(error)) => {
                self.ui.warn(&format!("values wait for `{environment}`, untaken: {error}"));
                return;
            }
            Err(_) => return,
        };
        if !folded.taken.is_empty() {
            self.took.set(true);
        }
        for waiting in folded.taken {
            let label = waiting.label;
            self.ui.note(&format!("{} in {environment} was left by {}", label.name, label.author));
        }
        let count = folded.left.len();
        if count > 5 {
            self.ui.warn(&format!(
                "{count} files in `secrets/{environment}.inbox` are not taken up; see `unspoken inbox -e \
                 {environment}`"
            ));
        }
        for (waiting, problem) in folded.left.into_iter().take(if count > 5 { 0 } else { count }) {
            let path = workspace.shown(&waiting.path);
            self.ui.warn(&format!("`{path}` is not taken up: {problem}"));
        }
    }

    /// Says when a document that was opened has no seal: anybody who knows the
    /// public keys may have made it, for readers of their own. `true` when it
    /// has one.
    pub(crate) fn warn_unless_sealed(
        &self,
        workspace: &Workspace,
        environment: &EnvironmentName,
    ) -> bool {
        // A sealed document without a pin would not have been opened; a vault has no documents.
        let sealed =
            workspace.is_pinned(environment) || workspace.project.file.is_in_vault(environment);
        if !sealed {
            self.ui.warn(&format!(
                "the document of `{environment}` is not sealed; see who can read it with `unspoken \
                 accept -e {environment}`"
            ));
        }
        sealed
    }

    pub(crate) fn keyring<'a>(&'a self, home: &'a Home) -> Keyring<'a> {
        Keyring { home, variables: &self.variables, ask: &self.ask }
    }

    pub(crate) fn store<'a>(&'a self, workspace: &'a Workspace) -> ProjectStore<'a> {
        ProjectStore { project: &workspace.project, keyring: self.keyring(&workspace.home) }
    }
}

impl Workspace {
    /// Whether the project file says by which key a document is sealed.
    pub(crate) fn is_pinned(&self, environment: &EnvironmentName) -> bool {
        self.project.file.entry(environment).is_some_and(|entry| entry.seal_key.is_some())
    }

    /// Where a set comes from, for whoever is handed it.
    pub(crate) fn origin(&self, set: &SecretSet) -> Origin {
        Origin {
            project: self.project.file.project.to_string(),
            environment: set.environment().to_string(),
            revision: set.revision(),
        }
    }

    /// A path as a person reads it: below the project's root, without the root.
    pub(crate) fn shown<'p>(&self, path: &'p Path) -> std::path::Display<'p> {
        path.strip_prefix(&self.project.root).unwrap_or(path).display()
    }
}
