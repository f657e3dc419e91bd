//! The environments of a project that live in a vault: listed, opened, changed.
//!
//! Rules:
//! - Names are asked for where names are meant; values are fetched to be handed over.
//! - Names become ids once in a process, by what the caller may see.
//! - What was fetched is kept sealed, and used when the vault cannot be reached: never when it
//!   said no. See [`snapshot`].

mod journal;
mod resolve;
mod snapshot;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use thiserror::Error;
use unspoken_model::{
    EnvironmentId, EnvironmentName, Expiry, GitRemote, IdError, ProjectId, ProjectName, SecretName,
    VaultEntry, VaultUrl,
};
use unspoken_seal::{Secret, SecretSet, TokenAuth};
use unspoken_wire::vault::{
    NameList, PlainText, Revealed, RevisionBody, SecretRequest, SecretsRequest,
};

use crate::{Fetched, FileError, Home, Keep, PrivateError, RealRoot, VaultClient, VaultError};

pub use resolve::FoundProject;
pub use snapshot::SnapshotError;
use snapshot::{Snapshot, Snapshots};

/// How a project is told in a vault.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VaultProject {
    pub entry: VaultEntry,
    pub name: ProjectName,
    pub remote: Option<GitRemote>,
    /// Where the project is on this machine.
    pub root: RealRoot,
}

/// See the top.
pub struct VaultStore {
    client: VaultClient,
    token: TokenAuth,
    project: VaultProject,
    home: Home,
    found: OnceCell<FoundProject>,
}

/// The names of an environment in a vault.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct VaultNames {
    pub revision: i64,
    pub names: BTreeMap<SecretName, VaultName>,
}

/// One of them, and which version of its value there is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct VaultName {
    pub version: i64,
    pub expiry: Option<Expiry>,
}

/// An environment's values.
#[derive(Debug)]
pub struct VaultOpened {
    pub set: SecretSet,
    /// When they are not the vault's answer of just now.
    pub offline: Option<Offline>,
    /// Why no copy of them is kept.
    pub not_kept: Option<SnapshotError>,
    /// What became of reports of earlier uses without the vault.
    pub journal: Result<Option<Reported>, VaultStoreError>,
}

/// What stands in for the vault's answer.
#[derive(Debug)]
pub struct Offline {
    /// When the vault last said that this is the newest.
    pub at: Timestamp,
    pub revision: i64,
    pub reason: VaultError,
}

/// What became of the journal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reported {
    Sent {
        count: usize,
    },
    /// The vault does not take it, from this token.
    Refused {
        count: usize,
        error: VaultError,
    },
}

/// What becomes of one name.
#[derive(Clone, Debug)]
pub enum VaultChange<'s> {
    Set { name: SecretName, secret: &'s Secret, expiry: Option<Expiry> },
    Remove(SecretName),
}

/// Why an environment in a vault could not be used.
#[derive(Debug, Error)]
pub enum VaultStoreError {
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error("the vault `{url}` has no project `{name}` that this token may see")]
    NoProject { url: VaultUrl, name: String },
    #[error("the vault `{url}` has several projects `{name}`: {}", .candidates.join(", "))]
    ManyProjects { url: VaultUrl, name: String, candidates: Vec<String> },
    #[error(
        "the project `{project}` in the vault has no environment `{environment}` that this token may see"
    )]
    NoEnvironment { environment: EnvironmentName, project: ProjectName },
    #[error("`{environment}` was changed in the vault by somebody else meanwhile")]
    Changed { environment: EnvironmentName },
    #[error("the vault has `{name}` in `{environment}`, which cannot be used: {error}")]
    Name { name: String, environment: EnvironmentName, error: unspoken_model::NameError },
    #[error("the vault names something by what is no id: {0}")]
    Id(#[from] IdError),
    #[error("{outage}, and {error}")]
    Snapshot { outage: Box<VaultError>, error: SnapshotError },
    #[error(transparent)]
    Private(#[from] PrivateError),
    #[error(transparent)]
    File(#[from] FileError),
}

impl VaultStoreError {
    /// What the vault, or the way to it, said.
    pub fn vault(&self) -> Option<&VaultError> {
        match self {
            Self::Vault(error) => Some(error),
            Self::Snapshot { outage, .. } => Some(outage),
            _ => None,
        }
    }

    /// Whether the vault answered that this is not for the caller, by whatever words.
    fn is_denial(&self) -> bool {
        match self {
            Self::Vault(error) => matches!(error.status(), Some(401 | 403 | 410)),
            Self::NoProject { .. } | Self::NoEnvironment { .. } => true,
            _ => false,
        }
    }

    fn is_outage(&self) -> bool {
        matches!(self, Self::Vault(error) if error.is_outage())
    }
}

/// Below the vault's limit for a body, with room for names and what stands around values.
const BODY: usize = 768 * 1024;

/// How often a change is begun anew because others change other names.
const TRIES: usize = 5;

impl VaultStore {
    /// Nothing is asked yet. The token was made for this vault.
    pub fn new(project: VaultProject, token: TokenAuth, home: Home) -> Self {
        let client = VaultClient::new(project.entry.url.clone(), Some(token.copy()));
        Self { client, token, project, home, found: OnceCell::new() }
    }

    pub fn url(&self) -> &VaultUrl {
        self.client.url()
    }

    /// Whether it is what the project is told by now.
    pub fn is_of(&self, entry: &VaultEntry, name: &ProjectName, root: &RealRoot) -> bool {
        self.project.entry == *entry && self.project.name == *name && self.project.root == *root
    }

    /// The names of an environment's own, without touching a value.
    pub fn names(&self, environment: &EnvironmentName) -> Result<VaultNames, VaultStoreError> {
        let id = self.environment(environment)?;
        let list: NameList = self.client.find(&format!("/v1/environments/{id}/names"))?;
        let mut names = BTreeMap::new();
        for one in list.names {
            let name = self.name(&one.name, environment)?;
            let expiry = one.expiry.as_deref().and_then(|day| Expiry::parse(day).ok());
            names.insert(name, VaultName { version: one.version, expiry });
        }
        Ok(VaultNames { revision: list.revision, names })
    }

    /// The environment's own values, from the vault itself: what is changed is changed on top of
    /// them.
    pub fn fetch(&self, environment: &EnvironmentName) -> Result<SecretSet, VaultStoreError> {
        let id = self.environment(environment)?;
        match self.client.fetch(&path_of(id), None)? {
            Fetched::Values { revealed, .. } => self.set(environment, revealed),
            // It was not asked whether something is new.
            Fetched::Unchanged { .. } => {
                Err(VaultError::Answer { url: self.url().clone(), status: 304 }.into())
            }
        }
    }

    /// The environment's own values, to be handed over: from the vault, or from what is kept of it
    /// when it cannot be reached.
    pub fn open_own(
        &self,
        environment: &EnvironmentName,
        now: Timestamp,
    ) -> Result<VaultOpened, VaultStoreError> {
        let snapshots = Snapshots::new(self, environment);
        let kept = snapshots.read();
        match self.ask(&snapshots, kept.as_ref().ok().and_then(Option::as_ref)) {
            Ok(fetched) => self.take(&snapshots, fetched, kept.ok().flatten(), now),
            Err(error) if error.is_outage() => {
                let VaultStoreError::Vault(outage) = error else { return Err(error) };
                self.stand_in(&snapshots, kept, outage, now)
            }
            Err(error) => {
                if let VaultStoreError::Vault(VaultError::Problem { status: 401, .. }) = error {
                    snapshots.remove_all()?;
                } else if error.is_denial() {
                    snapshots.remove()?;
                }
                Err(error)
            }
        }
    }

    /// Asks for the values, by the id that is known or the one that is found.
    fn ask(
        &self,
        snapshots: &Snapshots<'_>,
        kept: Option<&Snapshot>,
    ) -> Result<(EnvironmentId, Fetched), VaultStoreError> {
        // Where the project file does not say which project it is, the vault is asked each time.
        let known = kept.filter(|_| self.project.entry.project.is_some());
        if let Some(kept) = known {
            match self.client.fetch(&path_of(kept.environment), Some(kept.revision)) {
                Ok(fetched) => return Ok((kept.environment, fetched)),
                // It may have been removed and made anew since.
                Err(error) if error.status() == Some(403) => snapshots.remove()?,
                Err(error) => return Err(error.into()),
            }
        }
        let id = self.environment(snapshots.environment)?;
        let revision = kept.filter(|kept| kept.environment == id && known.is_none());
        let fetched = self.client.fetch(&path_of(id), revision.map(|kept| kept.revision))?;
        Ok((id, fetched))
    }

    fn take(
        &self,
        snapshots: &Snapshots<'_>,
        (id, fetched): (EnvironmentId, Fetched),
        kept: Option<Snapshot>,
        now: Timestamp,
    ) -> Result<VaultOpened, VaultStoreError> {
        let (revealed, keep, mut is_new) = match fetched {
            Fetched::Values { revealed, keep } => (revealed, keep, true),
            Fetched::Unchanged { keep } => match kept {
                Some(kept) => {
                    let is_new = kept.is_stale(keep, now);
                    (kept.revealed, keep, is_new)
                }
                None => {
                    let url = self.url().clone();
                    return Err(VaultError::Answer { url, status: 304 }.into());
                }
            },
        };
        let mut not_kept = None;
        if keep == Keep(0) {
            snapshots.remove()?;
            is_new = false;
        }
        if is_new {
            not_kept = snapshots.write(id, &revealed, keep, now).err();
        }
        let set = self.set(snapshots.environment, revealed)?;
        // The values are here: what is wrong with the journal is told beside them.
        let journal = self.send_journal();
        Ok(VaultOpened { set, offline: None, not_kept, journal })
    }

    /// Uses what is kept, if the vault has allowed that, and notes it for the record.
    fn stand_in(
        &self,
        snapshots: &Snapshots<'_>,
        kept: Result<Option<Snapshot>, SnapshotError>,
        outage: VaultError,
        now: Timestamp,
    ) -> Result<VaultOpened, VaultStoreError> {
        let kept = match kept {
            Ok(Some(kept)) => kept,
            Ok(None) => return Err(outage.into()),
            Err(error) => {
                let outage = Box::new(outage);
                return Err(VaultStoreError::Snapshot { outage, error });
            }
        };
        if let Err(error) = kept.judge(now) {
            let outage = Box::new(outage);
            return Err(VaultStoreError::Snapshot { outage, error });
        }
        self.note(&kept, now)?;
        let (at, revision) = (kept.at, kept.revision);
        let set = self.set(snapshots.environment, kept.revealed)?;
        let offline = Some(Offline { at, revision, reason: outage });
        Ok(VaultOpened { set, offline, not_kept: None, journal: Ok(None) })
    }

    /// Makes changes on top of what was seen. Where something else was changed meanwhile, and none
    /// of these names, that is no hindrance.
    pub fn change(
        &self,
        environment: &EnvironmentName,
        changes: &[VaultChange<'_>],
        seen: &VaultNames,
    ) -> Result<i64, VaultStoreError> {
        let mut at = seen.revision;
        for _ in 0..TRIES {
            match self.change_at(environment, changes, at) {
                Err(VaultStoreError::Changed { .. }) => {}
                done => return done,
            }
            let now = self.names(environment)?;
            let is_same = |change: &VaultChange<'_>| {
                now.names.get(change.name()) == seen.names.get(change.name())
            };
            if !changes.iter().all(is_same) {
                break;
            }
            at = now.revision;
        }
        Err(VaultStoreError::Changed { environment: environment.clone() })
    }

    /// Makes changes that are one revision, as far as they fit into one request, if the
    /// environment still is at that revision. Tells the new one.
    pub fn change_at(
        &self,
        environment: &EnvironmentName,
        changes: &[VaultChange<'_>],
        at: i64,
    ) -> Result<i64, VaultStoreError> {
        let path = path_of(self.environment(environment)?);
        let (mut body, mut size) = (SecretsRequest::default(), 0);
        let mut at = at;
        let send = |body: &SecretsRequest, at: i64| -> Result<i64, VaultStoreError> {
            let sent: Result<RevisionBody, _> = self.client.put_at("PATCH", &path, body, at);
            sent.map(|sent| sent.revision).map_err(|error| match error.status() {
                Some(412) => VaultStoreError::Changed { environment: environment.clone() },
                _ => error.into(),
            })
        };
        for change in changes {
            let room = change.room();
            if size + room > BODY && size > 0 {
                at = send(&body, at)?;
                (body, size) = (SecretsRequest::default(), 0);
            }
            size += room;
            match change {
                VaultChange::Remove(name) => body.remove.push(name.to_string()),
                VaultChange::Set { name, secret, expiry } => {
                    let expiry = expiry.map(|expiry| expiry.to_string());
                    let request = SecretRequest { value: PlainText::new(secret), expiry };
                    body.set.insert(name.to_string(), request);
                }
            }
        }
        send(&body, at)
    }

    fn set(
        &self,
        environment: &EnvironmentName,
        revealed: Revealed,
    ) -> Result<SecretSet, VaultStoreError> {
        let revision = u64::try_from(revealed.revision).unwrap_or(0);
        let count = revealed.secrets.len();
        let mut set = SecretSet::with_capacity(environment.clone(), revision, count);
        for one in revealed.secrets {
            let name = self.name(&one.name, environment)?;
            let expiry = one.expiry.as_deref().and_then(|day| Expiry::parse(day).ok());
            // Each name stands once in an object that was read.
            if set.insert(name.clone(), one.value)
                && let Some(expiry) = expiry
            {
                set.expire(&name, expiry);
            }
        }
        Ok(set)
    }

    fn name(
        &self,
        name: &str,
        environment: &EnvironmentName,
    ) -> Result<SecretName, VaultStoreError> {
        SecretName::parse(name).map_err(|error| VaultStoreError::Name {
            name: unspoken_model::shown(name),
            environment: environment.clone(),
            error,
        })
    }

    /// The id of the project, where the project file says it.
    pub fn project_id(&self) -> Option<ProjectId> {
        self.project.entry.project
    }
}

impl VaultChange<'_> {
    pub fn name(&self) -> &SecretName {
        match self {
            Self::Set { name, .. } | Self::Remove(name) => name,
        }
    }

    /// How many bytes it needs at most in a body.
    fn room(&self) -> usize {
        match self {
            Self::Remove(name) => name.as_str().len() + 8,
            Self::Set { name, secret, .. } => {
                let escaped = secret.expose().bytes().map(|byte| match byte {
                    b'"' | b'\\' => 2,
                    0..=0x1f => 6,
                    _ => 1,
                });
                name.as_str().len() + 64 + escaped.sum::<usize>()
            }
        }
    }
}

fn path_of(environment: EnvironmentId) -> String {
    format!("/v1/environments/{environment}/secrets")
}

impl fmt::Debug for VaultStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VaultStore").field("project", &self.project).finish_non_exhaustive()
    }
}
