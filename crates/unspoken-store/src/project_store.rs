//! A project's documents: opened with this machine's keys, changed under a
//! lock, made for new environments.

mod access;
pub(crate) mod inbox;
mod unlock;

use std::path::Path;

use jiff::Timestamp;
use unspoken_model::{EnvironmentName, SealKey};
use unspoken_seal::{
    Document, Identity, OpenDocument, ParseError, ParseProblem, RecipientError, SecretSet, Verified,
};

use crate::file_error::if_found;
use crate::regular_file::RegularFile;
use crate::{FileError, Keyring, Lock, Project, StoreError, read_limited, replace};

pub use access::AccessPlan;
pub use inbox::{Folded, InboxProblem, Leave, Waiting};

/// One project's documents and the keys to try on them.
#[derive(Clone, Copy, Debug)]
pub struct ProjectStore<'a> {
    pub project: &'a Project,
    pub keyring: Keyring<'a>,
}

/// Which data key a reviewed document may be under.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DataKeyPolicy {
    /// The one whose seal key is pinned, so that whoever made the document knew
    /// it. Where no seal key is pinned, any.
    Same,
    /// Any, because a person has said so: with a new data key, everything in
    /// the document may be somebody else's.
    Any,
}

/// What came of a change.
#[derive(Debug)]
pub struct Edited<T> {
    /// What the change itself answered.
    pub outcome: T,
    /// The document's revision after it, where the document counts them.
    pub revision: Option<u64>,
    /// Whether a new document was written.
    pub written: bool,
}

impl<'a> ProjectStore<'a> {
    /// The bytes of an environment's document.
    pub fn read(&self, environment: &EnvironmentName) -> Result<Vec<u8>, StoreError> {
        self.demand_document(environment)?;
        let path = self.project.reach(environment)?;
        match read_limited(&path, Document::MAX_BYTES as u64) {
            Ok(bytes) => Ok(bytes),
            Err(FileError::NotFound { .. }) => {
                let pinned = self.pin(environment).is_some();
                Err(StoreError::NoDocument { environment: environment.clone(), path, pinned })
            }
            Err(FileError::TooLarge { .. }) => {
                let error = ParseError { line: 1, problem: ParseProblem::TooLarge };
                Err(StoreError::Parse { path, error })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What is done to a document cannot be done to what a vault has.
    fn demand_document(&self, environment: &EnvironmentName) -> Result<(), StoreError> {
        if self.project.file.is_in_vault(environment) {
            return Err(StoreError::InVault { environment: environment.clone() });
        }
        Ok(())
    }

    fn pin(&self, environment: &EnvironmentName) -> Option<&'a SealKey> {
        self.project.file.entry(environment)?.seal_key.as_ref()
    }

    /// Reads and verifies a document, with no private key.
    pub fn verify<'b>(
        &self,
        environment: &EnvironmentName,
        bytes: &'b [u8],
    ) -> Result<Verified<'b>, StoreError> {
        let (path, form) = self.project.document(environment);
        let document = match Document::parse(form, bytes) {
            Ok(document) => document,
            Err(error) => return Err(StoreError::Parse { path, error }),
        };
        let place = self.project.place(environment);
        document.verify(&place, self.pin(environment)).map_err(|error| StoreError::Verify {
            environment: environment.clone(),
            path,
            error,
        })
    }

    /// Opens an environment's set, with all that it inherits from documents.
    pub fn open(&self, environment: &EnvironmentName) -> Result<SecretSet, StoreError> {
        self.open_by(environment, |own| self.open_own(own))
    }

    /// The same with keys that ask nobody, and start nothing: where nobody is there
    /// to answer.
    pub fn open_unasked(&self, environment: &EnvironmentName) -> Result<SecretSet, StoreError> {
        self.open_by(environment, |own| {
            let bytes = self.read(own)?;
            let verified = self.verify(own, &bytes)?;
            let (key, _) = self.unlock_unasked(own, &verified)?;
            let (path, _) = self.project.document(own);
            let opened = verified.open(&key);
            let document =
                opened.map_err(|error| StoreError::Open { path: path.clone(), error })?;
            let place = self.project.place(own);
            document.into_set(&place).map_err(|error| StoreError::Set { path, error })
        })
    }

    /// Puts an environment's set together from its own and those that it inherits from, each
    /// opened by `open`.
    pub fn open_by<E: From<StoreError>>(
        &self,
        environment: &EnvironmentName,
        open: impl Fn(&EnvironmentName) -> Result<SecretSet, E>,
    ) -> Result<SecretSet, E> {
        let mut set: Option<SecretSet> = None;
        for ancestor in self.project.file.ancestry(environment).map_err(StoreError::from)? {
            let own = open(&ancestor)?;
            match &mut set {
                None => set = Some(own),
                Some(set) => set.inherit(own),
            }
        }
        Ok(set.unwrap_or_else(|| SecretSet::new(environment.clone())))
    }

    /// Opens the set of an environment's own document.
    pub fn open_own(&self, environment: &EnvironmentName) -> Result<SecretSet, StoreError> {
        let bytes = self.read(environment)?;
        let document = self.open_document(environment, &bytes)?;
        let (path, _) = self.project.document(environment);
        document
            .into_set(&self.project.place(environment))
            .map_err(|error| StoreError::Set { path, error })
    }

    pub(crate) fn open_document<'b>(
        &self,
        environment: &EnvironmentName,
        bytes: &'b [u8],
    ) -> Result<OpenDocument<'b>, StoreError> {
        let verified = self.verify(environment, bytes)?;
        let (key, _) = self.unlock(environment, &verified)?;
        let (path, _) = self.project.document(environment);
        verified.open(&key).map_err(|error| StoreError::Open { path, error })
    }

    /// Changes a document: lock, read, change, seal, replace. When the change
    /// fails, or changes nothing, nothing is written.
    pub fn edit<T, E: From<StoreError>>(
        &self,
        environment: &EnvironmentName,
        now: Timestamp,
        change: impl FnOnce(&mut OpenDocument<'_>) -> Result<T, E>,
    ) -> Result<Edited<T>, E> {
        let path = self.project.reach(environment).map_err(StoreError::from)?;
        let (key, _lock, bytes) = self.unlock_and_lock(environment, &path)?;
        let verified = self.verify(environment, &bytes)?;
        let mut document = match verified.open(&key) {
            Ok(document) => document,
            Err(error) => return Err(StoreError::Open { path, error }.into()),
        };
        let outcome = change(&mut document)?;
        let written = document.is_changed();
        let revision =
            document.block().map(|block| block.revision.saturating_add(u64::from(written)));
        seal(document, &path, now)?;
        Ok(Edited { outcome, revision, written })
    }

    /// Seals a document again that another program wrote and a person has
    /// reviewed: exactly the `reviewed` bytes. Returns the seal key to pin.
    pub fn accept(
        &self,
        environment: &EnvironmentName,
        reviewed: &[u8],
        policy: DataKeyPolicy,
        now: Timestamp,
    ) -> Result<SealKey, StoreError> {
        let (_, form) = self.project.document(environment);
        let path = self.project.reach(environment)?;
        let (document, block) = match Document::parse(form, reviewed) {
            Ok(document) => document.review().without_seal(),
            Err(error) => return Err(StoreError::Parse { path, error }),
        };
        // Before the lock, because it may ask somebody.
        let (key, _) = self.unlock(environment, &document)?;
        let _lock = lock(&path)?;
        if self.read(environment)? != reviewed {
            return Err(FileError::Changed { path }.into());
        }
        let mut document = match document.open(&key) {
            Ok(document) => document,
            Err(error) => return Err(StoreError::Open { path, error }),
        };
        let seal_key = document.seal_key();
        let is_other = self.pin(environment).is_some_and(|pin| *pin != seal_key);
        if is_other && policy == DataKeyPolicy::Same {
            return Err(StoreError::NewDataKey { path });
        }
        if let Err(error) = document.accept(self.project.place(environment), block) {
            return Err(StoreError::Accept { path, error });
        }
        seal(document, &path, now)?;
        Ok(seal_key)
    }

    /// Makes the document of an environment that has none, and stores its key.
    /// Returns the seal key to pin.
    pub fn create(
        &self,
        environment: &EnvironmentName,
        key: &Identity,
        now: Timestamp,
    ) -> Result<SealKey, StoreError> {
        self.demand_document(environment)?;
        let (_, form) = self.project.document(environment);
        let path = self.project.reach(environment)?;
        let place = self.project.place(environment);
        let recipient = key.recipient().ok_or(RecipientError::Unknown)?;
        let _lock = lock(&path)?;
        if if_found(RegularFile::open(&path))?.is_some() {
            return Err(StoreError::Exists { path });
        }
        // The key first: a document that nobody can open would be worse than a
        // key without a document.
        let text = key.print_file(Some(&place), now);
        self.keyring.home.keys().write_new(&recipient.key_id(), text.as_bytes())?;
        let document = OpenDocument::create(form, place, recipient, &[])?;
        let seal_key = document.seal_key();
        seal(document, &path, now)?;
        Ok(seal_key)
    }
}

pub(crate) fn lock(path: &Path) -> Result<Lock, StoreError> {
    Ok(Lock::acquire(path, Lock::WAIT)?)
}

/// Writes a document, unless nothing in it was changed.
fn seal(document: OpenDocument<'_>, path: &Path, now: Timestamp) -> Result<(), StoreError> {
    match print(document, path, now)? {
        Some(text) => replace(path, text.as_bytes()).map_err(FileError::into),
        None => Ok(()),
    }
}

/// The text of a sealed document; `None` when nothing in it was changed.
fn print(
    document: OpenDocument<'_>,
    path: &Path,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let text = match document.seal(now) {
        Ok(Some(text)) => text,
        Ok(None) => return Ok(None),
        Err(error) => return Err(StoreError::Seal { path: path.to_owned(), error }),
    };
    if text.len() > Document::MAX_BYTES {
        return Err(StoreError::TooLarge { path: path.to_owned() });
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests;
