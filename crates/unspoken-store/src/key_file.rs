//! One private key of this machine, which is in its file or in the keychain.
//!
//! Rules:
//! - A file in the key folder says where its key is: it holds the key, or a
//!   stub that names the keychain's entry.
//! - A key that moves is first in two places, then in the new one. It is
//!   written, read back and compared before the old one goes, so that a process
//!   that ends at any moment leaves it in at least one of them.
//! - What a crash leaves over, the same move takes away when it is asked again.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use thiserror::Error;
use unspoken_model::{EnvironmentName, KeyId, KeyStub, Place, ProjectName};
use unspoken_seal::{Identity, IdentityError};
use zeroize::Zeroizing;

use crate::private_folder::PrivateFolder;
use crate::{FileError, Home, KeychainError, Lock, LockError, PrivateError};

/// Which of this machine's keys.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeyName {
    /// The user's own.
    Identity,
    /// The one of an environment.
    Environment(KeyId),
}

/// Where a private key is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeptIn {
    File,
    Keychain,
}

/// What came of moving a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Moved {
    Now,
    /// It was there already.
    Before,
}

/// A private key by its name. It need not exist.
#[derive(Clone, Debug)]
pub struct KeyFile<'a> {
    home: &'a Home,
    name: KeyName,
}

/// Why a key stays where it is.
#[derive(Debug, Error)]
pub enum MoveError {
    #[error("there is no key `{}`", .path.display())]
    Missing { path: PathBuf },
    #[error("`{}` is not moved: {error}", .path.display())]
    Identity { path: PathBuf, error: IdentityError },
    #[error("`{}` is not moved: the key in it is another one than its name says", .path.display())]
    OtherName { path: PathBuf },
    #[error("`{}` is not moved: the keychain's entry `{entry}` holds another key", .path.display())]
    OtherKey { path: PathBuf, entry: String },
    #[error("`{}` is not moved: what was written reads back differently", .path.display())]
    Differs { path: PathBuf },
    #[error("`{}` is not moved", .path.display())]
    Keychain { path: PathBuf, source: KeychainError },
    #[error("`{}` holds the key again, and the keychain has it still", .path.display())]
    LeftBehind { path: PathBuf, source: KeychainError },
    #[error(transparent)]
    Private(#[from] PrivateError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Lock(#[from] LockError),
}

/// The text of a private key, and where it was.
pub(crate) struct Held {
    pub(crate) text: Zeroizing<Vec<u8>>,
    pub(crate) kept: KeptIn,
}

/// An open folder, and what one file in it says.
type Opened = (PrivateFolder, Zeroizing<Vec<u8>>);

impl<'a> KeyFile<'a> {
    pub(crate) fn new(home: &'a Home, name: KeyName) -> Self {
        Self { home, name }
    }

    /// Where its file lies, or would: the key itself, or the stub.
    pub fn path(&self) -> PathBuf {
        match &self.name {
            KeyName::Identity => self.home.identity_path(),
            KeyName::Environment(id) => self.home.keys().path_of(id),
        }
    }

    /// Where the key is; `None` when this machine has none of that name. Asks
    /// no keychain.
    pub fn kept(&self) -> Result<Option<KeptIn>, PrivateError> {
        let Some((_, text)) = self.open()? else { return Ok(None) };
        Ok(Some(self.stub_in(&text)?.map_or(KeptIn::File, |_| KeptIn::Keychain)))
    }

    /// Reads the key, from the keychain if its file is a stub.
    pub(crate) fn read(&self) -> Result<Option<Held>, PrivateError> {
        let Some((_, text)) = self.open()? else { return Ok(None) };
        let Some(stub) = self.stub_in(&text)? else {
            return Ok(Some(Held { text, kept: KeptIn::File }));
        };
        let source = match self.home.keychain().read(&stub) {
            Ok(Some(text)) => return Ok(Some(Held { text, kept: KeptIn::Keychain })),
            Ok(None) => KeychainError::NotFound { entry: stub.to_string() },
            Err(error) => error,
        };
        // It may have come back into its file since we looked there.
        match self.open()? {
            Some((_, text)) if self.stub_in(&text)?.is_none() => {
                Ok(Some(Held { text, kept: KeptIn::File }))
            }
            _ => Err(PrivateError::Keychain { path: self.path(), source }),
        }
    }

    /// Moves the key. In its new place it has the same text, byte for byte.
    pub fn move_to(&self, to: KeptIn) -> Result<Moved, MoveError> {
        let missing = || MoveError::Missing { path: self.path() };
        if self.open()?.is_none() {
            return Err(missing());
        }
        let _lock = Lock::acquire(&self.home.keys().path(), Lock::WAIT)?;
        let (folder, text) = self.open()?.ok_or_else(missing)?;
        // It may be the key itself, on its way back into the file.
        folder.sweep(&self.file_name());
        match (self.stub_in(&text)?, to) {
            (None, KeptIn::Keychain) => self.to_keychain(&folder, &text),
            (Some(stub), KeptIn::File) => self.to_file(&folder, &stub),
            (None, KeptIn::File) => self.sweep(&text),
            (Some(_), KeptIn::Keychain) => Ok(Moved::Before),
        }
    }

    fn to_keychain(&self, folder: &PrivateFolder, text: &[u8]) -> Result<Moved, MoveError> {
        let path = || self.path();
        let wrong = |source| MoveError::Keychain { path: path(), source };
        let (stub, public) = self.stub_for(text)?;
        let keychain = self.home.keychain();
        match keychain.read(&stub).map_err(wrong)? {
            Some(there) if *there == *text => {}
            Some(there) if !are_among(&there, &public) => {
                return Err(MoveError::OtherKey { path: path(), entry: stub.to_string() });
            }
            _ => {
                let label = place_in(text).map_or_else(|| stub.to_string(), |p| p.to_string());
                keychain.put(&stub, format!("Unspoken {label}"), text).map_err(wrong)?;
            }
        }
        let back = keychain.read(&stub).map_err(wrong)?;
        if back.is_none_or(|back| *back != *text) {
            return Err(MoveError::Differs { path: path() });
        }
        // Nothing of ours changes a key file; a person may have.
        if folder.read(&self.file_name())?.is_none_or(|now| *now != *text) {
            return Err(FileError::Changed { path: path() }.into());
        }
        let public: Vec<&str> = public.iter().map(String::as_str).collect();
        let stub = stub.print(place_in(text).as_ref(), &public);
        folder.replace(&self.file_name(), stub.as_bytes())?;
        Ok(Moved::Now)
    }

    fn to_file(&self, folder: &PrivateFolder, stub: &KeyStub) -> Result<Moved, MoveError> {
        let path = || self.path();
        let wrong = |source| MoveError::Keychain { path: path(), source };
        let keychain = self.home.keychain();
        let Some(text) = keychain.read(stub).map_err(wrong)? else {
            return Err(wrong(KeychainError::NotFound { entry: stub.to_string() }));
        };
        if self.stub_for(&text)?.0.key != stub.key {
            return Err(MoveError::OtherKey { path: path(), entry: stub.to_string() });
        }
        folder.replace(&self.file_name(), &text)?;
        if folder.read(&self.file_name())?.is_none_or(|back| *back != *text) {
            return Err(MoveError::Differs { path: path() });
        }
        let left = |source| MoveError::LeftBehind { path: path(), source };
        keychain.remove(stub).map_err(left)?;
        Ok(Moved::Now)
    }

    /// Removes what an earlier move, broken off, has left in the keychain: the
    /// very text that the file has.
    fn sweep(&self, text: &[u8]) -> Result<Moved, MoveError> {
        let keychain = self.home.keychain();
        let Ok((stub, _)) = self.stub_for(text) else { return Ok(Moved::Before) };
        // Where no keychain answers, none is needed to have the key in its file.
        if let Ok(Some(there)) = keychain.read(&stub)
            && *there == *text
        {
            let left = |source| MoveError::LeftBehind { path: self.path(), source };
            keychain.remove(&stub).map_err(left)?;
        }
        Ok(Moved::Before)
    }

    /// The folder that the file is in, and what it says; `None` when it is not
    /// there.
    fn open(&self) -> Result<Option<Opened>, PrivateError> {
        let folder = match self.name {
            KeyName::Identity => self.home.open()?,
            KeyName::Environment(_) => self.home.keys().open()?,
        };
        let Some(folder) = folder else { return Ok(None) };
        let text = folder.read(&self.file_name())?;
        Ok(text.map(|text| (folder, text)))
    }

    fn file_name(&self) -> OsString {
        match &self.name {
            KeyName::Identity => OsStr::new(Home::IDENTITY).to_owned(),
            KeyName::Environment(id) => OsStr::new(id.as_str()).to_owned(),
        }
    }

    /// The stub that the file is, if it is one. In the place of an environment's
    /// key it may name no other key.
    fn stub_in(&self, text: &[u8]) -> Result<Option<KeyStub>, PrivateError> {
        let path = || self.path();
        let stub = KeyStub::find(text)
            .map_err(|error| PrivateError::Stub { path: path(), error: Some(error) })?;
        match (&self.name, &stub) {
            (KeyName::Environment(id), Some(stub)) if stub.key != *id => {
                Err(PrivateError::Stub { path: path(), error: None })
            }
            _ => Ok(stub),
        }
    }

    /// The stub for a key file's text, and the public keys in it.
    fn stub_for(&self, text: &[u8]) -> Result<(KeyStub, Vec<String>), MoveError> {
        let identities = Identity::parse_file(text)
            .map_err(|error| MoveError::Identity { path: self.path(), error })?;
        let mut ids = identities.iter().filter_map(|found| Some(found.recipient()?.key_id()));
        let key = match &self.name {
            KeyName::Identity => ids.next(),
            KeyName::Environment(id) => ids.find(|found| found == id),
        };
        let key = key.ok_or_else(|| MoveError::OtherName { path: self.path() })?;
        let public = identities.iter().filter_map(Identity::recipient);
        let public = public.map(|found| found.as_str().to_owned());
        Ok((KeyStub { key, tag: self.home.tag() }, public.collect()))
    }
}

/// Whether a text holds keys, and only such as are in `public`.
fn are_among(text: &[u8], public: &[String]) -> bool {
    Identity::parse_file(text).is_ok_and(|identities| {
        identities.iter().all(|identity| {
            let known = identity.recipient();
            known.is_some_and(|key| public.iter().any(|text| text == key.as_str()))
        })
    })
}

/// The environment that a key file's comment names.
fn place_in(text: &[u8]) -> Option<Place> {
    let comment =
        text.split(|&byte| byte == b'\n').find_map(|l| l.strip_prefix(b"# environment: "));
    let (project, environment) = std::str::from_utf8(comment?).ok()?.split_once('/')?;
    Some(Place {
        project: ProjectName::parse(project).ok()?,
        environment: EnvironmentName::parse(environment).ok()?,
    })
}

#[cfg(test)]
mod tests;
