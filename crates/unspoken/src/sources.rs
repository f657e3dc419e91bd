//! Both kinds of source, for commands that work on an environment wherever it lives.
//!
//! Rules:
//! - No vault is thought of until an environment is met that lives in one.
//! - When values are not the vault's answer of just now, that is said.

use std::rc::Rc;

use unspoken_model::{EnvironmentName, GitRemote, VaultEntry};
use unspoken_seal::SecretSet;
use unspoken_store::{
    Credentials, RealRoot, Reported, Sheet, Store, VaultOpened, VaultProject, VaultStore,
};

use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure};
use crate::git::Git;
use crate::ui::counted;

impl Context {
    /// Where an environment lives, ready to be asked.
    pub(crate) fn source<'a>(
        &'a self,
        workspace: &'a Workspace,
        environment: &EnvironmentName,
    ) -> Result<Store<'a>, Failure> {
        if workspace.project.file.is_in_vault(environment) {
            return Ok(Store::Vault(self.vault_store(workspace)?));
        }
        Ok(Store::Project(self.store(workspace)))
    }

    /// The vault, where an environment lives in it.
    pub(crate) fn vault_of(
        &self,
        workspace: &Workspace,
        environment: &EnvironmentName,
    ) -> Result<Option<Rc<VaultStore>>, Failure> {
        match self.source(workspace, environment)? {
            Store::Vault(vault) => Ok(Some(vault)),
            Store::Project(_) => Ok(None),
        }
    }

    /// The names of an environment's own, without a key and without a value.
    pub(crate) fn sheet(
        &self,
        workspace: &Workspace,
        environment: &EnvironmentName,
    ) -> Result<Sheet, Failure> {
        Ok(self.source(workspace, environment)?.sheet(environment)?)
    }

    /// Opens the set of an environment's own.
    pub(crate) fn open_own(
        &self,
        workspace: &Workspace,
        environment: &EnvironmentName,
    ) -> Result<SecretSet, Failure> {
        if !workspace.project.file.is_in_vault(environment) {
            return Ok(self.store(workspace).open_own(environment)?);
        }
        let opened = self.vault_store(workspace)?.open_own(environment, self.now())?;
        Ok(self.tell(environment, opened))
    }

    /// Says what is not as usual of values that were opened.
    fn tell(&self, environment: &EnvironmentName, opened: VaultOpened) -> SecretSet {
        if let Some(offline) = opened.offline {
            self.ui.warn(&format!(
                "{}; `{environment}` is used as it was at {}, revision {}. The vault will be told",
                offline.reason,
                offline.at.strftime("%Y-%m-%d %H:%M UTC"),
                offline.revision
            ));
        }
        if let Some(error) = opened.not_kept {
            let why = Failure::because(Code::Other, &error).message;
            self.ui.detail(format_args!("no copy of `{environment}` is kept: {why}"));
        }
        match opened.journal {
            Ok(None) => {}
            Ok(Some(Reported::Sent { count })) => {
                let uses = counted(count, "use");
                self.ui.note(&format!("unspoken: the vault was told of {uses} without it"));
            }
            Ok(Some(Reported::Refused { count, error })) => {
                let uses = counted(count, "use");
                self.ui.warn(&format!("the vault was not told of {uses} without it: {error}"));
            }
            Err(error) => {
                let why = Failure::from(error).message;
                self.ui.warn(&format!("the vault was not told of uses without it: {why}"));
            }
        }
        opened.set
    }

    /// The vault that the project file names.
    pub(crate) fn vault_store(&self, workspace: &Workspace) -> Result<Rc<VaultStore>, Failure> {
        let Some(entry) = &workspace.project.file.vault else { return Err(no_vault()) };
        self.vault_at(workspace, entry)
    }

    /// A vault, with this machine's token for it.
    pub(crate) fn vault_at(
        &self,
        workspace: &Workspace,
        entry: &VaultEntry,
    ) -> Result<Rc<VaultStore>, Failure> {
        let root = RealRoot::find(&workspace.project.root)?;
        let name = &workspace.project.file.project;
        if let Some(vault) = self.vault.borrow().as_ref().filter(|v| v.is_of(entry, name, &root)) {
            return Ok(Rc::clone(vault));
        }
        let url = &entry.url;
        let token = Credentials::find(&workspace.home, &self.variables, url)?;
        let token = token.ok_or_else(|| {
            let message = format!("there is no token for the vault `{url}` on this machine");
            Failure::new(Code::Denied, message).hint(format!(
                "Run `unspoken login --vault {url}`. A machine sets UNSPOKEN_TOKEN, and \
                 UNSPOKEN_VAULT_URL to the same address."
            ))
        })?;
        let remote = match entry.project {
            Some(_) => None,
            None => remote(workspace),
        };
        let project = VaultProject { entry: entry.clone(), name: name.clone(), remote, root };
        let vault = Rc::new(VaultStore::new(project, token, workspace.home.clone()));
        *self.vault.borrow_mut() = Some(Rc::clone(&vault));
        Ok(vault)
    }
}

/// Where the repository is, as far as there is one that others have too.
pub(crate) fn remote(workspace: &Workspace) -> Option<GitRemote> {
    let git = Git::at(&workspace.project.root);
    GitRemote::parse(&git.find(&["config", "--get", "remote.origin.url"]).ok()??)
}

fn no_vault() -> Failure {
    Failure::new(Code::Usage, "`unspoken.toml` names no vault")
        .hint("Add it: a line `[vault]`, and below it `url = \"https://vault.example.com\"`.")
}

/// The revision of a set that came from a vault.
pub(crate) fn revision_of(set: &SecretSet) -> i64 {
    i64::try_from(set.revision()).unwrap_or(i64::MAX)
}
