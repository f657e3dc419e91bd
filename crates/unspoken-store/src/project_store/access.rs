//! Who can open a document: brought in line with the project file's list.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use unspoken_model::{EnvironmentName, RecipientName, SealKey, is_same_key};
use unspoken_seal::{
    Document, Identity, OpenDocument, Recipient, RecipientError, ShareError, key_id,
};

use super::{ProjectStore, lock, print};
use crate::{FileError, StoreError, replace};

/// How the readers of one document differ from the project file's list.
#[derive(Debug)]
pub struct AccessPlan {
    pub environment: EnvironmentName,
    /// The environment key's public text, which always stays.
    pub environment_key: String,
    /// Public keys that are on the list and not in the document.
    pub added: Vec<String>,
    /// Public keys that are in the document and not on the list.
    pub dropped: Vec<String>,
    /// The names in the document that have a value.
    pub names: Vec<String>,
    /// The document that this was found in.
    reviewed: Vec<u8>,
}

impl AccessPlan {
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.dropped.is_empty()
    }
}

impl ProjectStore<'_> {
    /// Compares a document with the access list, with no private key.
    pub fn plan_access(&self, environment: &EnvironmentName) -> Result<AccessPlan, StoreError> {
        let bytes = self.read(environment)?;
        let verified = self.verify(environment, &bytes)?;
        let document = verified.document();
        let Some(block) = document.block() else {
            let (path, _) = self.project.document(environment);
            return Err(StoreError::Unsealed { environment: environment.clone(), path });
        };
        let there = document.recipients();
        let own = there.iter().find(|text| key_id(text) == block.key_id).or(there.first());
        let own = own.copied().unwrap_or_default().to_owned();
        let wanted = self.project.file.access(environment);
        let wanted = wanted.iter().map(|(_, key)| *key);
        let is_in = |key: &str, keys: &[&str]| keys.iter().any(|other| is_same_key(other, key));
        let listed: Vec<&str> = wanted.clone().chain([own.as_str()]).collect();
        let added = wanted.filter(|key| !is_in(key, &there));
        let dropped = there.iter().copied().filter(|key| !is_in(key, &listed));
        Ok(AccessPlan {
            environment: environment.clone(),
            added: added.map(str::to_owned).collect(),
            dropped: dropped.map(str::to_owned).collect(),
            names: document.filled_names().map(str::to_owned).collect(),
            environment_key: own,
            reviewed: bytes.clone(),
        })
    }

    /// Wraps a document for exactly those on the list, as planned. When
    /// somebody is dropped, the data key is made anew, and what they could read
    /// is noted under the names of `people`. Returns the seal key to pin.
    pub fn sync(
        &self,
        plan: &AccessPlan,
        people: &BTreeMap<String, RecipientName>,
        now: Timestamp,
    ) -> Result<SealKey, StoreError> {
        self.change_access(plan, people, now, |document, others| {
            if plan.dropped.is_empty() {
                return document.share(others);
            }
            let own = Recipient::parse(&plan.environment_key).map_err(|error| {
                let recipient = plan.environment_key.clone();
                ShareError::Recipient { recipient, error }
            })?;
            document.rekey(&own, others, now)
        })
    }

    /// Makes the data key and the environment key anew, and stores the latter.
    /// Returns the seal key to pin.
    pub fn rotate(
        &self,
        plan: &AccessPlan,
        key: &Identity,
        people: &BTreeMap<String, RecipientName>,
        now: Timestamp,
    ) -> Result<SealKey, StoreError> {
        let place = self.project.place(&plan.environment);
        let recipient = key.recipient().ok_or(RecipientError::Unknown)?;
        // The key first: a document that nobody can open would be worse than a
        // key without a document.
        let text = key.print_file(Some(&place), now);
        self.keyring.home.keys().write_new(&recipient.key_id(), text.as_bytes())?;
        self.change_access(plan, people, now, |document, others| {
            document.rekey(recipient, others, now)
        })
    }

    fn change_access(
        &self,
        plan: &AccessPlan,
        people: &BTreeMap<String, RecipientName>,
        now: Timestamp,
        change: impl FnOnce(&mut OpenDocument<'_>, &[Recipient]) -> Result<(), ShareError>,
    ) -> Result<SealKey, StoreError> {
        let environment = &plan.environment;
        let others = self.listed(environment)?;
        let (_, form) = self.project.document(environment);
        let path = self.project.reach(environment)?;
        // No lock is held yet: a plugin may ask somebody, to open and to wrap.
        let mut document = self.open_document(environment, &plan.reviewed)?;
        let readers: BTreeSet<RecipientName> =
            plan.dropped.iter().map(|key| label(key, people)).collect();
        document.expose(&readers);
        if let Err(error) = change(&mut document, &others) {
            return Err(StoreError::Share { path, error });
        }
        let seal_key = document.seal_key();
        let Some(text) = print(document, &path, now)? else { return Ok(seal_key) };
        self.check_still_open(plan, form, &text, &seal_key)?;
        let _lock = lock(&path)?;
        if self.read(environment)? != plan.reviewed {
            return Err(FileError::Changed { path }.into());
        }
        replace(&path, text.as_bytes())?;
        Ok(seal_key)
    }

    /// The public keys on an environment's list.
    pub fn listed(&self, environment: &EnvironmentName) -> Result<Vec<Recipient>, StoreError> {
        let list = self.project.file.access(environment).into_iter();
        let parse = |(name, key): (&RecipientName, &str)| {
            Recipient::parse(key)
                .map(|key| key.asking(self.keyring.ask))
                .map_err(|error| StoreError::PublicKey { name: name.clone(), error })
        };
        list.map(parse).collect()
    }

    /// Refuses to write a document that this machine could not open again.
    fn check_still_open(
        &self,
        plan: &AccessPlan,
        form: unspoken_model::DocumentForm,
        text: &str,
        seal_key: &SealKey,
    ) -> Result<(), StoreError> {
        let environment = &plan.environment;
        let (path, _) = self.project.document(environment);
        let place = self.project.place(environment);
        let verified = Document::parse(form, text.as_bytes())
            .map_err(|error| StoreError::Parse { path: path.clone(), error })?
            .verify(&place, Some(seal_key))
            .map_err(|error| StoreError::Verify {
                environment: environment.clone(),
                path: path.clone(),
                error,
            })?;
        match self.unlock(environment, &verified) {
            Ok(_) => Ok(()),
            Err(StoreError::NoKey(_)) => {
                Err(StoreError::LastKey { environment: environment.clone(), path })
            }
            Err(error) => Err(error),
        }
    }
}

/// What a reader is called who is not in the project file (any more): by the
/// start of the public key.
fn label(key: &str, people: &BTreeMap<String, RecipientName>) -> RecipientName {
    if let Some(name) = people.get(key) {
        return name.clone();
    }
    let start: String = key.chars().take(20).collect();
    let id = key_id(key);
    match RecipientName::parse(&start).or_else(|_| RecipientName::parse(id.as_str())) {
        Ok(name) => name,
        // A key id is lowercase hex digits.
        Err(_) => unreachable!(),
    }
}
