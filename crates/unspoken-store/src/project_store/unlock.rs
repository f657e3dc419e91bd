//! Finding the key of a document.
//!
//! Rules:
//! - Keys that ask nobody come first, wherever they lie; so nobody is asked
//!   while another key fits.
//! - No lock is held meanwhile: somebody may be asked.

use std::path::Path;

use unspoken_model::{EnvironmentName, KeyId};
use unspoken_seal::{DocumentKey, Identity, IdentityError, PassphraseError, Verified, key_id};

use super::{ProjectStore, lock};
use crate::keyring::{Candidate, KeyringError};
use crate::store_error::NoKey;
use crate::{FileError, KeyOrigin, Lock, StoreError};

/// How often a passphrase may be mistyped, and a document change under our hands.
const TRIES: usize = 3;

/// What is tried when no other key fits.
enum Asking {
    Identities(KeyOrigin, Vec<Identity>),
    /// A key file under a passphrase.
    Sealed(Candidate),
}

/// Which keys are tried.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Reach {
    Quiet,
    All,
}

#[derive(Default)]
struct Search {
    tried: Vec<String>,
    refused: Vec<KeyringError>,
    asking: Vec<Asking>,
}

impl ProjectStore<'_> {
    /// Finds the key that opens a document, the nearest first, and says where
    /// it was.
    pub fn unlock(
        &self,
        environment: &EnvironmentName,
        verified: &Verified<'_>,
    ) -> Result<(DocumentKey, KeyOrigin), StoreError> {
        self.search(environment, verified, Reach::All)
    }

    /// The same, where nobody waits for an answer: no key that asks, no plugin and
    /// no key command is tried.
    pub(super) fn unlock_unasked(
        &self,
        environment: &EnvironmentName,
        verified: &Verified<'_>,
    ) -> Result<(DocumentKey, KeyOrigin), StoreError> {
        self.search(environment, verified, Reach::Quiet)
    }

    fn search(
        &self,
        environment: &EnvironmentName,
        verified: &Verified<'_>,
        reach: Reach,
    ) -> Result<(DocumentKey, KeyOrigin), StoreError> {
        let document = verified.document();
        let preferred: Option<&KeyId> = document.block().map(|block| &block.key_id);
        let mut unlock = verified.unlock();
        let mut search = Search::default();
        let recipients = document.recipients();
        let further = || (reach == Reach::All).then(|| self.keyring.further(&recipients));
        let further = std::iter::once_with(further).flatten();
        for candidate in self.keyring.candidates(preferred).chain(further.flatten()) {
            let Some((origin, identities)) = search.read(candidate) else { continue };
            let (asking, quiet): (Vec<_>, Vec<_>) =
                identities.into_iter().partition(Identity::asks);
            if let Some(key) = quiet.iter().find_map(|identity| unlock.offer(identity)) {
                return Ok((key, origin));
            }
            if asking.is_empty() {
                search.tried.push(origin.to_string());
            } else {
                search.asking.push(Asking::Identities(origin, asking));
            }
        }
        let asking = std::mem::take(&mut search.asking);
        for asking in asking.into_iter().filter(|_| reach == Reach::All) {
            let (origin, identities) = match asking {
                Asking::Identities(origin, identities) => (origin, identities),
                Asking::Sealed(candidate) => match self.open_sealed(&candidate) {
                    Some(identities) => (candidate.origin, identities),
                    None => {
                        let origin = candidate.origin;
                        search.tried.push(format!("{origin} (which is under a passphrase)"));
                        continue;
                    }
                },
            };
            for identity in identities {
                let needs = needs(&identity);
                if let Some(key) = unlock.offer(&identity.asking(self.keyring.ask)) {
                    return Ok((key, origin));
                }
                search.tried.push(format!("{origin}{needs}"));
            }
        }
        let (path, _) = self.project.document(environment);
        let called = |key: &str| match self.project.file.name_of(key) {
            Some(name) => format!("{name} ({key})"),
            None if Some(&key_id(key)) == preferred => format!("the environment's own key ({key})"),
            None => key.to_owned(),
        };
        Err(StoreError::NoKey(Box::new(NoKey {
            environment: environment.clone(),
            path,
            recipients: document.recipients().into_iter().map(called).collect(),
            tried: search.tried,
            refused: search.refused,
        })))
    }

    /// Finds a document's key, then locks the document, and returns its bytes as
    /// they are under the lock.
    pub(super) fn unlock_and_lock(
        &self,
        environment: &EnvironmentName,
        path: &Path,
    ) -> Result<(DocumentKey, Lock, Vec<u8>), StoreError> {
        for _ in 0..TRIES {
            let before = self.read(environment)?;
            let verified = self.verify(environment, &before)?;
            let (key, _) = self.unlock(environment, &verified)?;
            let lock = lock(path)?;
            let bytes = self.read(environment)?;
            if bytes == before {
                return Ok((key, lock, bytes));
            }
            // Somebody has changed it meanwhile, most likely under the same key.
            let now = self.verify(environment, &bytes)?;
            let seal_key =
                |verified: &Verified<'_>| verified.document().block().map(|b| b.seal_key);
            if seal_key(&now).is_some() && seal_key(&now) == seal_key(&verified) {
                return Ok((key, lock, bytes));
            }
        }
        Err(FileError::Changed { path: path.to_owned() }.into())
    }

    /// Opens a key file under a passphrase, if somebody knows it.
    fn open_sealed(&self, candidate: &Candidate) -> Option<Vec<Identity>> {
        let question = format!("Passphrase of {}", candidate.origin);
        for _ in 0..TRIES {
            let passphrase = self.keyring.ask.secret(&question)?;
            match candidate.open_sealed(&passphrase) {
                Ok(identities) => return Some(identities),
                Err(IdentityError::Passphrase(PassphraseError::Passphrase)) => {
                    self.keyring.ask.say("the passphrase does not fit");
                }
                Err(_) => return None,
            }
        }
        None
    }
}

impl Search {
    /// The identities of a candidate; `None` where there is none to try now.
    fn read(
        &mut self,
        candidate: Result<Candidate, KeyringError>,
    ) -> Option<(KeyOrigin, Vec<Identity>)> {
        let candidate = match candidate {
            Ok(candidate) => candidate,
            Err(error) => {
                self.refused.push(error);
                return None;
            }
        };
        match candidate.identities() {
            Ok(identities) => return Some((candidate.origin, identities)),
            Err(IdentityError::Sealed) => self.asking.push(Asking::Sealed(candidate)),
            // A file with a line that is no identity is told of like one that
            // does not fit, without its content.
            Err(error) => {
                let origin = candidate.origin;
                self.tried.push(match error {
                    IdentityError::Bundle => format!("{origin} (which is no key bundle)"),
                    _ => format!("{origin} (which does not read as age identities)"),
                });
            }
        }
        None
    }
}

fn needs(identity: &Identity) -> String {
    match identity.plugin() {
        Some(plugin) => format!(" (which takes the program `age-plugin-{plugin}`)"),
        None if identity.asks() => " (which is under a passphrase)".to_owned(),
        None => String::new(),
    }
}
