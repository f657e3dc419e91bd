//! A value that must not be lost between the provider that made it and the
//! document that it belongs in.
//!
//! Rules:
//! - The place for it is taken before there is a value, with room on the disk.
//!   It is a private file outside of the repository.
//! - The value is put there before the document is touched, and the file goes
//!   when the document has it. So at every moment one of the two has it.
//! - It is a document like any other, of this one value, for the same readers
//!   and sealed: no plaintext, and the program sops opens it as well.
//! - Whoever holds the file open holds its lock, so that a value is not rotated
//!   twice at a time. A value that waits there is never written over.

use std::ffi::{OsStr, OsString};
use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{FlockOperation, Mode};
use rustix::io::Errno;
use thiserror::Error;
use unspoken_model::{DocumentForm, EnvironmentName, Expiry, SecretName};
use unspoken_seal::{Document, OpenDocument, Recipient, Secret, SetError, VerifyError};

use crate::private_folder::PrivateFolder;
use crate::project_store::lock;
use crate::regular_file::RegularFile;
use crate::temporary::{Temporary, open_parent};
use crate::{FileError, Operation, PrivateError, ProjectStore, RealRoot, StoreError};

/// The folder in the home.
const NAME: &str = "rescue";

/// Room for the largest value in base64, and for what stands around it.
const ROOM: usize = Secret::MAX / 3 * 4 + 8 * 1024;

/// Room for one reader's copy of the data key.
const ROOM_EACH: usize = 4 * 1024;

/// How often a file is opened anew that another process has just removed.
const ATTEMPTS: u32 = 100;

/// What is known of a name before a new value for it is made.
#[derive(Debug)]
pub struct Prepared {
    /// The value in the environment's own document.
    pub old: Option<Secret>,
    pub expiry: Option<Expiry>,
    /// Whether the document has a place for expiries.
    pub is_sealed: bool,
    /// The document.
    bytes: Vec<u8>,
}

/// The place in which a new value is safe, until the document has it.
#[derive(Debug)]
pub struct Rescue {
    folder: PrivateFolder,
    home: PathBuf,
    name: OsString,
    path: PathBuf,
    file: RegularFile,
    /// Whether a value is in it, so that it must stay.
    holds: bool,
}

/// Why a new value has no safe place, or none that can be read.
#[derive(Debug, Error)]
pub enum RescueError {
    #[error("`{name}` in `{environment}` is being rotated by another process")]
    Held { name: SecretName, environment: EnvironmentName },
    #[error("an earlier rotation of `{name}` in `{environment}` has left a value that is not stored yet, in `{}`", .path.display())]
    Waiting { name: SecretName, environment: EnvironmentName, path: PathBuf },
    #[error("no value of `{name}` in `{environment}` waits to be stored")]
    Nothing { name: SecretName, environment: EnvironmentName },
    #[error("`{}` has no reader whose public key is of a known kind", .path.display())]
    NoRecipient { path: PathBuf },
    #[error("`{}` must not be used: {error}", .path.display())]
    Verify { path: PathBuf, error: VerifyError },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<PrivateError> for RescueError {
    fn from(error: PrivateError) -> Self {
        Self::Store(error.into())
    }
}

impl From<FileError> for RescueError {
    fn from(error: FileError) -> Self {
        Self::Store(error.into())
    }
}

impl ProjectStore<'_> {
    /// Does all that setting a value would do, except to write it: the lock, a
    /// file in the folder, the key, the document's own rules.
    pub fn prepare(
        &self,
        environment: &EnvironmentName,
        name: &SecretName,
    ) -> Result<Prepared, StoreError> {
        let path = self.project.reach(environment)?;
        let bytes = self.read(environment)?;
        // Before the lock, because it may ask somebody.
        let mut document = self.open_document(environment, &bytes)?;
        let wrong = |error| StoreError::Set { path: path.clone(), error };
        let old = document.get(name).transpose().map_err(wrong)?;
        // Nothing comes of this document; its rule is asked.
        document.set(name, &Secret::random(8)).map_err(wrong)?;
        let (expiry, is_sealed) = (document.expiry(name), document.block().is_some());
        drop(document);
        let _lock = lock(&path)?;
        let (folder, folder_path, file_name) = open_parent(&path)?;
        drop(Temporary::create(folder.as_fd(), folder_path, file_name, Mode::RUSR | Mode::WUSR)?);
        Ok(Prepared { old, expiry, is_sealed, bytes })
    }

    /// Takes the place for a value of `name`, and makes what it will lie in.
    /// Refused while another process has it, or a value waits there.
    pub fn reserve(
        &self,
        environment: &EnvironmentName,
        name: &SecretName,
        prepared: &Prepared,
    ) -> Result<(Rescue, OpenDocument<'static>), RescueError> {
        let verified = self.verify(environment, &prepared.bytes)?;
        let readers = verified.document().recipients();
        let document = self.document_for(environment, &readers)?;
        let mut rescue = self.take(environment, name)?;
        let mut start = [0];
        let read = rescue.file.file().read_at(&mut start, 0);
        if read.map_err(|error| rescue.error(Operation::Read, error))? > 0 && start != [0] {
            rescue.holds = true;
            let (name, environment) = (name.clone(), environment.clone());
            return Err(RescueError::Waiting { name, environment, path: rescue.path.clone() });
        }
        let room = vec![0; ROOM + ROOM_EACH * readers.len()];
        rescue.write(&room)?;
        Ok((rescue, document))
    }

    /// The same when the document is the same still, else all of it again.
    pub fn prepare_again(
        &self,
        environment: &EnvironmentName,
        name: &SecretName,
        prepared: Prepared,
    ) -> Result<Prepared, StoreError> {
        if self.read(environment)? == prepared.bytes {
            return Ok(prepared);
        }
        self.prepare(environment, name)
    }

    /// An empty document for the readers of an environment's own.
    fn document_for(
        &self,
        environment: &EnvironmentName,
        readers: &[&str],
    ) -> Result<OpenDocument<'static>, RescueError> {
        let create = |readers: &[Recipient]| {
            let (path, _) = self.project.document(environment);
            let place = self.project.place(environment);
            let (first, others) = readers.split_first().ok_or(RescueError::NoRecipient { path })?;
            let created = OpenDocument::create(DocumentForm::Json, place, first, others);
            Ok(created.map_err(StoreError::from)?)
        };
        let all = readers.iter().filter_map(|text| Recipient::parse(text).ok());
        let mut all: Vec<_> = all.map(|reader| reader.asking(self.keyring.ask)).collect();
        create(&all).or_else(|error| {
            // A colleague's plugin need not be installed here. Who reads this is
            // most likely ourselves.
            let count = all.len();
            all.retain(|reader| reader.plugin().is_none());
            if all.len() == count || all.is_empty() { Err(error) } else { create(&all) }
        })
    }

    /// Opens the value that an earlier rotation has left.
    pub fn reopen(
        &self,
        environment: &EnvironmentName,
        name: &SecretName,
    ) -> Result<(Rescue, Secret), RescueError> {
        let mut rescue = self.take(environment, name)?;
        let bytes = rescue.read()?;
        if bytes.is_empty() {
            let (name, environment) = (name.clone(), environment.clone());
            return Err(RescueError::Nothing { name, environment });
        }
        rescue.holds = true;
        let path = rescue.path.clone();
        let document = match Document::parse(DocumentForm::Json, &bytes) {
            Ok(document) => document,
            Err(error) => return Err(StoreError::Parse { path, error }.into()),
        };
        // Nobody else can write there, so it vouches for its own key.
        let pin = document.block().map(|block| block.seal_key);
        let verified = document
            .verify(&self.project.place(environment), pin.as_ref())
            .map_err(|error| RescueError::Verify { path: path.clone(), error })?;
        let (key, _) = self.unlock(environment, &verified)?;
        let document = match verified.open(&key) {
            Ok(document) => document,
            Err(error) => return Err(StoreError::Open { path, error }.into()),
        };
        match document.get(name).transpose() {
            Ok(Some(secret)) => Ok((rescue, secret)),
            Ok(None) => {
                let (name, environment) = (name.clone(), environment.clone());
                Err(RescueError::Nothing { name, environment })
            }
            Err(error) => Err(StoreError::Set { path, error }.into()),
        }
    }

    /// Opens the file for a name, and locks it.
    fn take(
        &self,
        environment: &EnvironmentName,
        name: &SecretName,
    ) -> Result<Rescue, RescueError> {
        let root = RealRoot::find(&self.project.root)?;
        // 64, 128 and 32 bytes at most, which every file system has room for.
        let root: String = root.checksum().to_string().chars().take(32).collect();
        let file_name = OsString::from(format!("{environment}.{name}.{root}.json"));
        let home = self.keyring.home;
        let path = home.path().join(NAME).join(&file_name);
        for _ in 0..ATTEMPTS {
            let folder = home.create()?.create_folder(OsStr::new(NAME))?;
            let file = match folder.open_file(&file_name) {
                Ok(file) => file,
                // The last one to leave removes the folder.
                Err(PrivateError::File(FileError::NotFound { .. })) => continue,
                Err(error) => return Err(error.into()),
            };
            match rustix::fs::flock(file.file(), FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => {
                    let (name, environment) = (name.clone(), environment.clone());
                    return Err(RescueError::Held { name, environment });
                }
                Err(error) => return Err(FileError::new(Operation::Lock, &path, error).into()),
            }
            if file.is_at(&path) {
                let home = home.path().to_owned();
                return Ok(Rescue { folder, home, name: file_name, path, file, holds: false });
            }
        }
        Err(FileError::Changed { path }.into())
    }
}

impl Rescue {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts a value there, sealed, and on the disk.
    pub fn keep(
        &mut self,
        mut document: OpenDocument<'static>,
        name: &SecretName,
        secret: &Secret,
        now: Timestamp,
    ) -> Result<(), RescueError> {
        let path = || self.path.clone();
        let set = |error: SetError| StoreError::Set { path: path(), error };
        document.set(name, secret).map_err(set)?;
        let text = document.seal(now).map_err(|error| StoreError::Seal { path: path(), error })?;
        self.write(text.unwrap_or_default().as_bytes())?;
        self.holds = true;
        Ok(())
    }

    /// Gives the place up: the value is stored, or there is none.
    pub fn release(mut self) {
        self.holds = false;
    }

    fn write(&self, bytes: &[u8]) -> Result<(), FileError> {
        let file = self.file.file();
        let written = file.write_all_at(bytes, 0).and_then(|()| file.set_len(bytes.len() as u64));
        written.map_err(|error| self.error(Operation::Write, error))?;
        file.sync_all().map_err(|error| self.error(Operation::Sync, error))
    }

    /// What lies there, without the room that was left over when the machine
    /// stopped between two steps.
    fn read(&self) -> Result<Vec<u8>, FileError> {
        let mut bytes = Vec::new();
        let limit = Document::MAX_BYTES as u64;
        let read = self.file.file().take(limit).read_to_end(&mut bytes);
        read.map_err(|error| self.error(Operation::Read, error))?;
        let length = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |at| at + 1);
        bytes.truncate(length);
        Ok(bytes)
    }

    fn error(&self, operation: Operation, error: std::io::Error) -> FileError {
        FileError::new(operation, &self.path, error)
    }
}

impl Drop for Rescue {
    fn drop(&mut self) {
        if self.holds {
            return;
        }
        // Nobody is left to tell. A file that stays holds nothing but room, and
        // a folder stays where there is something else in it.
        let _ = self.folder.remove(&self.name);
        let _ = std::fs::remove_dir(self.home.join(NAME));
    }
}
