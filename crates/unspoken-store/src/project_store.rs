//! A project's documents: opened with this machine's keys, changed under a
//! lock, made for new environments.

use std::path::Path;

use jiff::Timestamp;
use unspoken_model::{EnvironmentName, KeyId, SealKey};
use unspoken_seal::{Document, DocumentKey, Identity, OpenDocument, SecretSet, Verified};

use crate::file_error::if_found;
use crate::store_error::NoKey;
use crate::{
    FileError, KeyOrigin, Keyring, Lock, ModePolicy, Project, StoreError, read_limited, replace,
};

/// One project's documents and the keys to try on them.
#[derive(Clone, Copy, Debug)]
pub struct ProjectStore<'a> {
    pub project: &'a Project,
    pub keyring: Keyring<'a>,
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
        let (path, _) = self.project.document(environment);
        match if_found(read_limited(&path, Document::MAX_BYTES as u64))? {
            Some(bytes) => Ok(bytes),
            None => {
                let pinned = self.pin(environment).is_some();
                Err(StoreError::NoDocument { environment: environment.clone(), path, pinned })
            }
        }
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

    /// Finds the key that opens a document, the nearest first, and says where
    /// it was.
    pub fn unlock(
        &self,
        environment: &EnvironmentName,
        verified: &Verified<'_>,
    ) -> Result<(DocumentKey, KeyOrigin), StoreError> {
        let (mut tried, mut refused) = (Vec::new(), Vec::new());
        let mut unlock = verified.unlock();
        let preferred: Option<&KeyId> = verified.document().block().map(|block| &block.key_id);
        for candidate in self.keyring.candidates(preferred) {
            let candidate = match candidate {
                Ok(candidate) => candidate,
                Err(error) => {
                    refused.push(error);
                    continue;
                }
            };
            let identities = match candidate.origin {
                // Keys separated by blanks, or a whole file with its comments.
                KeyOrigin::Variable => Identity::parse_file(&candidate.text).or_else(|error| {
                    let text = std::str::from_utf8(&candidate.text).map_err(|_| error)?;
                    Identity::parse_words(text)
                }),
                _ => Identity::parse_file(&candidate.text),
            };
            // A file with a line that is no identity is told of like one that
            // does not fit, without its content.
            let Ok(identities) = identities else {
                tried.push(format!("{} (which does not read as age identities)", candidate.origin));
                continue;
            };
            if let Some(key) = identities.iter().find_map(|identity| unlock.offer(identity)) {
                return Ok((key, candidate.origin));
            }
            tried.push(candidate.origin.to_string());
        }
        let (path, _) = self.project.document(environment);
        let recipients = verified.document().recipients();
        Err(StoreError::NoKey(Box::new(NoKey {
            environment: environment.clone(),
            path,
            recipients: recipients.into_iter().map(str::to_owned).collect(),
            tried,
            refused,
        })))
    }

    /// Opens an environment's set, with all that it inherits.
    pub fn open(&self, environment: &EnvironmentName) -> Result<SecretSet, StoreError> {
        let mut set: Option<SecretSet> = None;
        for ancestor in self.project.file.ancestry(environment)? {
            let own = self.open_own(&ancestor)?;
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

    fn open_document<'b>(
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
        let (path, _) = self.project.document(environment);
        let _lock = lock(&path)?;
        let bytes = self.read(environment)?;
        let mut document = self.open_document(environment, &bytes)?;
        let outcome = change(&mut document)?;
        let written = document.is_changed();
        let revision = document.block().map(|block| block.revision + u64::from(written));
        if let Some(text) = document.seal(now) {
            write(&path, &text)?;
        }
        Ok(Edited { outcome, revision, written })
    }

    /// Seals a document again that another program wrote and a person has
    /// reviewed: exactly the `reviewed` bytes. Returns the seal key to pin.
    pub fn accept(
        &self,
        environment: &EnvironmentName,
        reviewed: &[u8],
        now: Timestamp,
    ) -> Result<SealKey, StoreError> {
        let (path, form) = self.project.document(environment);
        let _lock = lock(&path)?;
        let bytes = self.read(environment)?;
        if bytes != reviewed {
            return Err(FileError::Changed { path }.into());
        }
        let (document, block) = match Document::parse(form, &bytes) {
            Ok(document) => document.review().without_seal(),
            Err(error) => return Err(StoreError::Parse { path, error }),
        };
        let (key, _) = self.unlock(environment, &document)?;
        let mut document = match document.open(&key) {
            Ok(document) => document,
            Err(error) => return Err(StoreError::Open { path, error }),
        };
        if let Err(error) = document.accept(self.project.place(environment), block) {
            return Err(StoreError::Accept { path, error });
        }
        let seal_key = document.seal_key();
        if let Some(text) = document.seal(now) {
            write(&path, &text)?;
        }
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
        let (path, form) = self.project.document(environment);
        let place = self.project.place(environment);
        let recipient = key.recipient();
        let _lock = lock(&path)?;
        if if_found(read_limited(&path, Document::MAX_BYTES as u64))?.is_some() {
            return Err(StoreError::Exists { path });
        }
        // The key first: a document that nobody can open would be worse than a
        // key without a document.
        let text = key.print_file(Some(&place), now);
        self.keyring.home.keys().write_new(&recipient.key_id(), text.as_bytes())?;
        let document = OpenDocument::create(form, place, &recipient, &[])?;
        let seal_key = document.seal_key();
        if let Some(text) = document.seal(now) {
            write(&path, &text)?;
        }
        Ok(seal_key)
    }
}

fn lock(path: &Path) -> Result<Lock, StoreError> {
    Ok(Lock::acquire(path, Lock::WAIT)?)
}

fn write(path: &Path, text: &str) -> Result<(), StoreError> {
    if text.len() > Document::MAX_BYTES {
        return Err(StoreError::TooLarge { path: path.to_owned() });
    }
    replace(path, text.as_bytes(), ModePolicy::Kept).map_err(FileError::into)
}
