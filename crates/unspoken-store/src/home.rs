//! Where this machine's private keys are kept.
//!
//! Never inside a repository: the folder is the user's, and it is told by an
//! absolute path.

use std::fs::DirBuilder;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use thiserror::Error;
use zeroize::Zeroizing;

use crate::env_vars::{HOME, TAKO_HOME, UNSPOKEN_HOME, XDG_CONFIG_HOME, XDG_DATA_HOME};
use crate::keychain::Keychain;
use crate::private_folder::{PrivateFolder, read_private};
use crate::temporary::open_parent;
use crate::{
    EnvVar, FileError, KeyFile, KeyFolder, KeyName, Operation, Origin, Permissions, PrivateError,
    RecordFolder, Setting, Trust, Variables, Written,
};

/// The user's data folder and configuration folder, below the home folder.
const PLATFORM: (&str, &str) = if cfg!(target_os = "macos") {
    ("Library/Application Support", "Library/Application Support")
} else {
    (".local/share", ".config")
};

/// The folder of private keys, and why it is that one. It need not exist.
#[derive(Clone, Debug)]
pub struct Home {
    path: Setting<PathBuf>,
    /// Whom everything in it must belong to.
    user: u32,
    keychain: Keychain,
}

/// Why there is no [`Home`].
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum HomeError {
    #[error(
        "nothing says where private keys are: none of `{}`, `{}` and `{}` is set",
        UNSPOKEN_HOME.name, XDG_DATA_HOME.name, HOME.name
    )]
    Nowhere,
    #[error("the variable `{variable}` must hold an absolute path, not `{}`", .path.display())]
    Relative { variable: &'static str, path: PathBuf },
}

impl Home {
    /// The user's own identity, in the folder of private keys.
    pub(crate) const IDENTITY: &str = "identity";

    /// Finds the folder of the user that this process acts for.
    pub fn find(variables: &Variables) -> Result<Self, HomeError> {
        let user = rustix::process::geteuid().as_raw();
        Ok(Self { path: locate(variables)?, user, keychain: Keychain::of(variables) })
    }

    pub fn path(&self) -> &Path {
        &self.path.value
    }

    /// What decided the path.
    pub fn origin(&self) -> Origin {
        self.path.origin
    }

    pub fn keys(&self) -> KeyFolder<'_> {
        KeyFolder::new(self)
    }

    /// The records of the projects whose hooks may be started.
    pub fn trust(&self) -> RecordFolder<'_, Trust> {
        RecordFolder::new(self)
    }

    /// The records of what a person has permitted inside of coding agents.
    pub fn permissions(&self) -> RecordFolder<'_, Permissions> {
        RecordFolder::new(self)
    }

    /// One of the keys, wherever it is kept.
    pub fn key_file(&self, name: KeyName) -> KeyFile<'_> {
        KeyFile::new(self, name)
    }

    /// Where the user's own identity lies, or would.
    pub fn identity_path(&self) -> PathBuf {
        self.path().join(Self::IDENTITY)
    }

    /// Reads the user's own identity, which may be in the keychain; `None` when
    /// there is none.
    pub fn read_identity(&self) -> Result<Option<Zeroizing<Vec<u8>>>, PrivateError> {
        Ok(self.key_file(KeyName::Identity).read()?.map(|held| held.text))
    }

    pub(crate) fn keychain(&self) -> &Keychain {
        &self.keychain
    }

    /// Tells this folder's entries in the keychain from those of another one:
    /// FNV-1a over the path, 32 bits, the same for every compiler.
    pub(crate) fn tag(&self) -> u32 {
        self.path()
            .as_os_str()
            .as_bytes()
            .iter()
            .fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
    }

    /// Stores the user's own identity. Another one is never replaced.
    pub fn write_identity(&self, text: &[u8]) -> Result<Written, PrivateError> {
        self.create()?.write_new(std::ffi::OsStr::new(Self::IDENTITY), text)
    }

    /// Reads a private key of another tool, wherever it lies, under the rules of
    /// a key of ours; `None` when there is none.
    pub fn read_foreign(&self, path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, PrivateError> {
        read_private(path, self.user)
    }

    pub(crate) fn open(&self) -> Result<Option<PrivateFolder>, PrivateError> {
        PrivateFolder::open(self.path(), self.user)
    }

    /// Opens the folder, and makes it first where it is missing.
    pub(crate) fn create(&self) -> Result<PrivateFolder, PrivateError> {
        if let Some(folder) = self.open()? {
            return Ok(folder);
        }
        let path = self.path();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| FileError::new(Operation::Create, path, error))?;
        let (parent, parent_path, _) = open_parent(path)?;
        rustix::fs::fsync(parent)
            .map_err(|error| FileError::new(Operation::Sync, parent_path, error))?;
        Ok(self.open()?.ok_or_else(|| FileError::NotFound { path: path.to_owned() })?)
    }

    pub(crate) fn user(&self) -> u32 {
        self.user
    }

    #[cfg(test)]
    pub(crate) fn at(path: PathBuf, user: u32) -> Self {
        let keychain = Keychain::of(&Variables::from_pairs([] as [(&str, &str); 0]));
        Self { path: Setting { value: path, origin: Origin::Default }, user, keychain }
    }
}

fn locate(variables: &Variables) -> Result<Setting<PathBuf>, HomeError> {
    let from = |variable: EnvVar| Origin::Variable(variable.name);
    if let Some(path) = variables.path(UNSPOKEN_HOME) {
        if path.is_relative() {
            let (variable, path) = (UNSPOKEN_HOME.name, path.to_owned());
            return Err(HomeError::Relative { variable, path });
        }
        return Ok(Setting { value: path.to_owned(), origin: from(UNSPOKEN_HOME) });
    }
    if let Some(path) = absolute(variables, XDG_DATA_HOME) {
        return Ok(Setting { value: path.join("unspoken"), origin: from(XDG_DATA_HOME) });
    }
    let home = absolute(variables, HOME).ok_or(HomeError::Nowhere)?;
    let value = home.join(PLATFORM.0).join("unspoken");
    Ok(Setting { value, origin: Origin::Default })
}

/// The user's configuration folder, as the sops program looks for it.
pub(crate) fn config_folder(variables: &Variables) -> Option<PathBuf> {
    match absolute(variables, XDG_CONFIG_HOME) {
        Some(path) => Some(path.to_owned()),
        None => Some(absolute(variables, HOME)?.join(PLATFORM.1)),
    }
}

/// The user's home folder.
pub(crate) fn home_folder(variables: &Variables) -> Option<&Path> {
    absolute(variables, HOME)
}

/// Where Tako keeps the private key with this id, or would.
pub fn tako_key_path(variables: &Variables, id: &str) -> Option<PathBuf> {
    let home = match (variables.path(TAKO_HOME), absolute(variables, XDG_DATA_HOME)) {
        (Some(home), _) => home.to_owned(),
        // On macOS the variable means nothing to Tako.
        (None, Some(data)) if !cfg!(target_os = "macos") => data.join("tako"),
        (None, _) => absolute(variables, HOME)?.join(PLATFORM.0).join("tako"),
    };
    Some(home.join("keys").join(id))
}

/// The XDG specification has relative paths ignored.
fn absolute(variables: &Variables, variable: EnvVar) -> Option<&Path> {
    variables.path(variable).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use super::*;

    #[test]
    fn the_nearest_variable_says_where_it_is() {
        #[track_caller]
        fn case(pairs: &[(&str, &str)], expected: Result<(&str, Origin), HomeError>) {
            let found = locate(&Variables::from_pairs(pairs.iter().copied()));
            let expected = expected.map(|(path, origin)| Setting { value: path.into(), origin });
            assert_eq!(found, expected, "{pairs:?}");
        }

        let default = format!("/home/ada/{}/unspoken", PLATFORM.0);
        let all = [("UNSPOKEN_HOME", "/a"), ("XDG_DATA_HOME", "/b"), ("HOME", "/home/ada")];
        case(&all, Ok(("/a", Origin::Variable("UNSPOKEN_HOME"))));
        case(&all[1..], Ok(("/b/unspoken", Origin::Variable("XDG_DATA_HOME"))));
        case(&all[2..], Ok((&default, Origin::Default)));
        case(&[("XDG_DATA_HOME", "b"), ("HOME", "/home/ada")], Ok((&default, Origin::Default)));
        case(&[("UNSPOKEN_HOME", ""), ("HOME", "/home/ada")], Ok((&default, Origin::Default)));
        case(&[], Err(HomeError::Nowhere));
        case(&[("HOME", "ada")], Err(HomeError::Nowhere));
        let (variable, path) = ("UNSPOKEN_HOME", "keys".into());
        case(
            &[("UNSPOKEN_HOME", "keys"), ("HOME", "/home/ada")],
            Err(HomeError::Relative { variable, path }),
        );
    }

    #[test]
    fn the_keys_of_tako_are_where_tako_keeps_them() {
        let all = [("TAKO_HOME", "/t"), ("XDG_DATA_HOME", "/x"), ("HOME", "/home/ada")];
        let found = |from: usize| tako_key_path(&Variables::from_pairs(all[from..].to_vec()), "ab");
        assert_eq!(found(0), Some("/t/keys/ab".into()));
        let default = format!("/home/ada/{}/tako/keys/ab", PLATFORM.0);
        let data = if cfg!(target_os = "macos") { &default } else { "/x/tako/keys/ab" };
        assert_eq!(found(1), Some(data.into()));
        assert_eq!(found(2), Some(default.into()));
        assert_eq!(found(3), None);
    }

    #[test]
    fn the_identity_is_read_under_the_rules_of_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let user = fs::metadata(folder.path()).unwrap().uid();
        let home = Home::at(folder.path().join("home"), user);
        assert!(home.read_identity().unwrap().is_none());

        home.create().unwrap();
        assert!(home.read_identity().unwrap().is_none());
        fs::write(home.identity_path(), "one").unwrap();
        fs::set_permissions(home.identity_path(), fs::Permissions::from_mode(0o604)).unwrap();
        let error = home.read_identity().unwrap_err();
        assert!(
            matches!(&error, PrivateError::Loose { found: 0o604, required: 0o600, .. }),
            "{error:?}"
        );
        assert_eq!(
            error.to_string(),
            format!(
                "`{}` is open to others: its mode is 0604 where it must be 0600",
                home.identity_path().display()
            )
        );

        fs::set_permissions(home.identity_path(), fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(home.read_identity().unwrap().unwrap().as_slice(), b"one");
    }
}
