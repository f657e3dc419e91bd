//! Values that wait for somebody who can open the document.
//!
//! One file each in `secrets/<environment>.inbox/`. Whoever can open both the
//! document and the file puts the value into the document and removes the file.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::Access;
use unspoken_model::{EnvironmentName, Expiry, RecipientName, SecretName};
use unspoken_seal::{
    Change, Identity, InboxError, InboxItem, InboxLabel, OpenDocument, Recipient, Secret,
};

use super::ProjectStore;
use crate::file_error::if_found;
use crate::{FileError, Operation, SECRETS, StoreError, read_limited, replace};

/// How many are looked at at once; the others wait for the next time.
const MOST: usize = 50;

/// A value that waits.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Waiting {
    pub label: InboxLabel,
    pub path: PathBuf,
}

/// What came of the values that waited.
#[derive(Debug, Default)]
pub struct Folded {
    pub taken: Vec<Waiting>,
    /// What could not be taken, and why.
    pub left: Vec<(Waiting, InboxProblem)>,
}

/// Why a value that waits is not taken.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InboxProblem {
    #[error(transparent)]
    Item(#[from] InboxError),
    #[error("it was sealed for another place, name or author than its file name says")]
    Elsewhere,
    #[error("the document does not take it")]
    Refused,
    #[error("it could not be read")]
    Unreadable,
}

/// A value to be left for others.
#[derive(Debug)]
pub struct Leave {
    pub name: SecretName,
    pub author: RecipientName,
    /// A new expiry, or that there is none any more.
    pub expiry: Option<Option<Expiry>>,
    pub secret: Secret,
}

impl ProjectStore<'_> {
    /// What waits for an environment, oldest first.
    pub fn inbox(&self, environment: &EnvironmentName) -> Result<Vec<Waiting>, StoreError> {
        let folder = self.inbox_folder(environment)?;
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(FileError::new(Operation::List, &folder, error).into()),
        };
        let mut waiting = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| FileError::new(Operation::List, &folder, error))?;
            // Whatever else lies there is not ours to judge.
            let Some(label) = entry.file_name().to_str().and_then(InboxLabel::parse) else {
                continue;
            };
            waiting.push(Waiting { label, path: entry.path() });
        }
        waiting.sort_by(|a, b| (&a.label.stamp, &a.label).cmp(&(&b.label.stamp, &b.label)));
        Ok(waiting)
    }

    /// Leaves a value for those who can open the document. Returns its file.
    pub fn leave(
        &self,
        environment: &EnvironmentName,
        leave: Leave,
        now: Timestamp,
    ) -> Result<PathBuf, StoreError> {
        let bytes = self.read(environment)?;
        let verified = self.verify(environment, &bytes)?;
        let (path, _) = self.project.document(environment);
        if verified.document().block().is_none() {
            // Its recipients may be anybody's.
            return Err(StoreError::Unsealed { environment: environment.clone(), path });
        }
        let recipients = verified.document().recipients();
        let recipients: Result<Vec<_>, _> = recipients.into_iter().map(Recipient::parse).collect();
        let Leave { name, author, expiry, secret } = leave;
        let label = InboxLabel::new(name.clone(), author.clone(), now);
        let place = self.project.place(environment);
        let mark = label.mark();
        let item = InboxItem { place, name, author, expiry, mark, secret };
        let file = item.seal(&recipients?)?;
        let folder = self.inbox_folder(environment)?;
        fs::create_dir_all(&folder)
            .map_err(|error| FileError::new(Operation::Create, &folder, error))?;
        let path = folder.join(label.to_string());
        replace(&path, file.as_bytes())?;
        Ok(path)
    }

    /// Puts what waits into the document, as far as this machine can open it,
    /// and removes those files.
    pub fn fold(
        &self,
        environment: &EnvironmentName,
        now: Timestamp,
    ) -> Result<Folded, StoreError> {
        let waiting = self.inbox(environment)?;
        if waiting.is_empty() {
            return Ok(Folded::default());
        }
        // A folder that nothing can be taken out of would overwrite what is set
        // later, again and again.
        let folder = self.inbox_folder(environment)?;
        if let Err(error) = rustix::fs::access(&folder, Access::WRITE_OK | Access::EXEC_OK) {
            return Err(FileError::new(Operation::Remove, &folder, error).into());
        }
        let identities = self.identities();
        let place = self.project.place(environment);
        // Before the document is locked: each costs a try with every key.
        let mut outcome = Folded::default();
        let mut items = Vec::new();
        for waiting in waiting.into_iter().take(MOST) {
            let item = read_item(&waiting.path, &identities).and_then(|item| {
                let label = &waiting.label;
                let fits = item.place == place
                    && item.name == label.name
                    && item.author == label.author
                    && item.mark == label.mark();
                if fits { Ok(item) } else { Err(InboxProblem::Elsewhere) }
            });
            match item {
                Ok(item) => items.push((waiting, item)),
                Err(problem) => outcome.left.push((waiting, problem)),
            }
        }
        if items.is_empty() {
            return Ok(outcome);
        }
        let edited = self.edit(environment, now, |document| {
            for (waiting, item) in items {
                match put(document, &item) {
                    Ok(_) => outcome.taken.push(waiting),
                    Err(problem) => outcome.left.push((waiting, problem)),
                }
            }
            Ok::<_, StoreError>(outcome)
        })?;
        for Waiting { path, .. } in &edited.outcome.taken {
            fs::remove_file(path)
                .map_err(|error| FileError::new(Operation::Remove, path, error))?;
        }
        if edited.outcome.left.is_empty() {
            // Something else may lie in it, which is then not lost.
            let _ = fs::remove_dir(self.inbox_folder(environment)?);
        }
        Ok(edited.outcome)
    }

    fn inbox_folder(&self, environment: &EnvironmentName) -> Result<PathBuf, FileError> {
        let below = PathBuf::from(inbox_folder(environment));
        // The folder itself is on the way to what is in it.
        let inside = self.project.reach_below(&below.join("item"))?;
        Ok(inside.parent().unwrap_or(&self.project.root).to_owned())
    }

    /// All identities of this machine that read, nearest first.
    fn identities(&self) -> Vec<Identity> {
        let candidates = self.keyring.candidates(None).filter_map(Result::ok);
        candidates.filter_map(|candidate| candidate.identities().ok()).flatten().collect()
    }
}

/// Where an environment's inbox is, below the project's root.
pub fn inbox_folder(environment: &EnvironmentName) -> String {
    format!("{SECRETS}/{environment}.inbox")
}

fn read_item(path: &Path, identities: &[Identity]) -> Result<InboxItem, InboxProblem> {
    let bytes = if_found(read_limited(path, InboxItem::MAX_BYTES as u64));
    let Ok(Some(bytes)) = bytes else { return Err(InboxProblem::Unreadable) };
    Ok(InboxItem::open(&bytes, identities)?)
}

fn put(document: &mut OpenDocument<'_>, item: &InboxItem) -> Result<Change, InboxProblem> {
    let change = document.set_left(&item.name, &item.secret).map_err(|_| InboxProblem::Refused)?;
    if let Some(expiry) = item.expiry {
        document.expire(&item.name, expiry);
    }
    Ok(change)
}
