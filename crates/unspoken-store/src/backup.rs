//! A project's sealed files as one archive.
//!
//! Rules:
//! - A plain tar, so that it can be read without this program. It holds
//!   ciphertext and what is public anyway; private keys only in one file that a
//!   passphrase opens.
//! - It has one spelling: what is read is printed again and compared, so a byte
//!   that was changed anywhere is seen.
//! - What is believed is what a checkout would be believed: each document must
//!   verify with the pin that the archive's own project file has. The archive
//!   itself is not signed.

mod archive;
mod keys;
mod manifest;
mod restore;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use jiff::Timestamp;
use thiserror::Error;
use unspoken_model::{
    DocumentForm, EnvironmentName, KeyId, Place, ProjectFile, ProjectFileError, ProjectName, shown,
};
use unspoken_seal::{
    Document, InboxItem, InboxLabel, ParseError, VerifyError, is_passphrase_sealed,
};

pub use self::keys::{BackupKeys, KeyState, KeysError};
use self::manifest::ManifestError;
pub use self::restore::{Restore, RestoreError, State, Step};
use crate::project_store::inbox::inbox_folder;
use crate::{ProjectStore, StoreError, read_limited};

/// A project's sealed files, each of them verified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Backup {
    pub project: ProjectName,
    pub created: Timestamp,
    /// The program that made it, with its version.
    pub program: String,
    /// By their paths below the project's root.
    files: BTreeMap<String, Vec<u8>>,
    /// The private keys, sealed with a passphrase.
    keys: Option<Vec<u8>>,
}

/// Why bytes are no backup that can be used.
#[derive(Debug, Error)]
pub enum BackupError {
    #[error("it is larger than {max} bytes", max = Backup::MAX_BYTES)]
    TooLarge,
    #[error("it holds more than {max} files", max = Backup::MAX_FILES)]
    TooMany,
    #[error("it does not read as a tar archive")]
    Archive(#[source] io::Error),
    #[error("its entry {at} is {what}")]
    Entry { at: usize, what: EntryProblem },
    #[error("its manifest: {0}")]
    Manifest(ManifestError),
    #[error("`{path}` is not what the manifest says")]
    Checksum { path: String },
    #[error("the manifest and the files in it are not the same ones")]
    Listing,
    #[error("its bytes are not the ones that were written")]
    Spelling,
    #[error("`{path}` does not belong into a backup of this project")]
    Unexpected { path: String },
    #[error("`{path}` cannot stand in a backup under this name")]
    Reserved { path: String },
    #[error("`{}` in it: {error}", ProjectFile::NAME)]
    ProjectFile { error: ProjectFileError },
    #[error("`{}` in it is no text, or of another project", ProjectFile::NAME)]
    OtherProject,
    #[error("`{path}` in it: {error}")]
    Parse { path: String, error: ParseError },
    #[error("`{path}` in it must not be used: {error}")]
    Verify { path: String, environment: EnvironmentName, error: VerifyError },
    #[error("the environment `{environment}` has a seal key and no document in it")]
    NoDocument { environment: EnvironmentName },
    #[error("the private keys in it are not sealed with a passphrase")]
    KeysNotSealed,
}

/// What is wrong with one entry of an archive.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum EntryProblem {
    #[error("no regular file")]
    NotRegular,
    #[error("named by something that is no text")]
    Name,
    #[error("larger than a file in a backup may be")]
    TooLarge,
    #[error("not the manifest, which comes first")]
    NoManifest,
}

impl Backup {
    /// The largest archive that is read or written.
    pub const MAX_BYTES: usize = 256 * 1024 * 1024;

    /// The most files that it holds.
    pub const MAX_FILES: usize = 20_000;

    const MANIFEST: &str = "manifest.json";
    const KEYS: &str = "keys.age";

    /// Reads a project's files: the project file, every document, what waits in
    /// the inboxes. Each is verified first; a backup of a broken document would
    /// be worth nothing.
    pub fn collect(
        store: &ProjectStore<'_>,
        created: Timestamp,
        program: &str,
    ) -> Result<Self, StoreError> {
        let project = store.project;
        let mut files = BTreeMap::new();
        files.insert(ProjectFile::NAME.to_owned(), project.file.print().as_bytes().to_vec());
        // What a vault has is in the vault's own backups.
        let has_document = |name: &&EnvironmentName| !project.file.is_in_vault(name);
        for environment in project.file.environments.keys().filter(has_document) {
            match store.read(environment) {
                Ok(bytes) => {
                    store.verify(environment, &bytes)?;
                    files.insert(project.file.document_path(environment), bytes);
                }
                // Named in the project file, and not made yet.
                Err(StoreError::NoDocument { pinned: false, .. }) => {}
                Err(error) => return Err(error),
            }
            for waiting in store.inbox(environment)? {
                let bytes = read_limited(&waiting.path, InboxItem::MAX_BYTES as u64)?;
                let path = format!("{}/{}", inbox_folder(environment), waiting.label);
                files.insert(path, bytes);
            }
        }
        Ok(Self {
            project: project.file.project.clone(),
            // Fractions of a second have no place in an archive.
            created: Timestamp::from_second(created.as_second()).unwrap_or(created),
            program: program.to_owned(),
            files,
            keys: None,
        })
    }

    /// Adds the private keys, sealed with a passphrase.
    pub fn add_keys(&mut self, sealed: Vec<u8>) {
        self.keys = Some(sealed);
    }

    /// The private keys, sealed with a passphrase.
    pub fn keys(&self) -> Option<&[u8]> {
        self.keys.as_deref()
    }

    /// The files of the project, by their paths below its root.
    pub fn files(&self) -> impl ExactSizeIterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }

    /// The keys that its documents are made for now, and all that they ever
    /// were made for.
    pub fn key_ids(&self) -> Result<(BTreeSet<KeyId>, BTreeSet<KeyId>), BackupError> {
        let (mut current, mut all) = (BTreeSet::new(), BTreeSet::new());
        let file = self.project_file()?;
        for environment in file.environments.keys() {
            let path = file.document_path(environment);
            let Some(bytes) = self.files.get(&path) else { continue };
            let document = parse(&path, bytes)?;
            let Some(block) = document.block() else { continue };
            current.insert(block.key_id.clone());
            all.insert(block.key_id.clone());
            all.extend(block.key_history.iter().map(|(id, _)| id.clone()));
        }
        Ok((current, all))
    }

    /// Prints the archive. The same backup is always the same bytes.
    pub fn print(&self) -> Result<Vec<u8>, BackupError> {
        if let Some(path) = [Self::MANIFEST, Self::KEYS].iter().find(|path| self.has(path)) {
            return Err(BackupError::Reserved { path: (*path).to_owned() });
        }
        if self.files.len() > Self::MAX_FILES {
            return Err(BackupError::TooMany);
        }
        let bytes = archive::print(self.created, &manifest::print(self), self.entries())?;
        if bytes.len() > Self::MAX_BYTES { Err(BackupError::TooLarge) } else { Ok(bytes) }
    }

    /// Reads an archive, and verifies all that is in it with no private key.
    pub fn parse(bytes: &[u8]) -> Result<Self, BackupError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(BackupError::TooLarge);
        }
        let (manifest, entries) = archive::read(bytes)?;
        let backup = manifest::read(&manifest, entries)?;
        backup.verify()?;
        if backup.print()? == bytes { Ok(backup) } else { Err(BackupError::Spelling) }
    }

    fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// What stands behind the manifest, in order.
    fn entries(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let keys = self.keys.as_deref().map(|keys| (Self::KEYS, keys));
        self.files().chain(keys)
    }

    /// The project file in it.
    pub fn project_file(&self) -> Result<ProjectFile, BackupError> {
        let bytes = self.files.get(ProjectFile::NAME).ok_or(BackupError::OtherProject)?;
        let text = std::str::from_utf8(bytes).map_err(|_| BackupError::OtherProject)?;
        let file = ProjectFile::parse(text).map_err(|error| BackupError::ProjectFile { error })?;
        if file.project == self.project { Ok(file) } else { Err(BackupError::OtherProject) }
    }

    /// Whether every file is one that this project has, in its place, and every
    /// document is whole.
    fn verify(&self) -> Result<(), BackupError> {
        let file = self.project_file()?;
        let mut known = BTreeSet::from([ProjectFile::NAME.to_owned()]);
        for (environment, entry) in &file.environments {
            let path = file.document_path(environment);
            match self.files.get(&path) {
                Some(bytes) => {
                    let project = file.project.clone();
                    let place = Place { project, environment: environment.clone() };
                    let verified = parse(&path, bytes)?.verify(&place, entry.seal_key.as_ref());
                    verified.map_err(|error| BackupError::Verify {
                        path: path.clone(),
                        environment: environment.clone(),
                        error,
                    })?;
                }
                None if entry.seal_key.is_none() => {}
                None => {
                    return Err(BackupError::NoDocument { environment: environment.clone() });
                }
            }
            known.insert(path);
        }
        let folders: BTreeSet<String> = file.environments.keys().map(inbox_folder).collect();
        for (path, bytes) in &self.files {
            let waits = path.rsplit_once('/').is_some_and(|(folder, name)| {
                folders.contains(folder)
                    && InboxLabel::parse(name).is_some_and(|label| label.to_string() == name)
                    && bytes.len() <= InboxItem::MAX_BYTES
            });
            if !waits && !known.contains(path) {
                return Err(BackupError::Unexpected { path: shown(path) });
            }
        }
        if self.keys.as_ref().is_some_and(|keys| !is_passphrase_sealed(keys)) {
            return Err(BackupError::KeysNotSealed);
        }
        Ok(())
    }
}

fn parse<'b>(path: &str, bytes: &'b [u8]) -> Result<Document<'b>, BackupError> {
    // The project file's reader has refused every other ending.
    let form = DocumentForm::of(path).unwrap_or(DocumentForm::Json);
    Document::parse(form, bytes)
        .map_err(|error| BackupError::Parse { path: path.to_owned(), error })
}
