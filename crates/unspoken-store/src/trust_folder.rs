//! The records of trust on this machine: one private file for each project,
//! outside of every repository.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use thiserror::Error;
use unspoken_seal::Checksum;

use crate::private_folder::PrivateFolder;
use crate::trust::{Trust, TrustError};
use crate::{FileError, Home, PrivateError, RealRoot};

/// The folder `trust` in the [`Home`]. It need not exist.
#[derive(Clone, Copy, Debug)]
pub struct TrustFolder<'a> {
    home: &'a Home,
}

/// Why a record of trust could not be used.
#[derive(Debug, Error)]
pub enum TrustFolderError {
    #[error("`{}` is no record of trust: {error}", .path.display())]
    Record { path: PathBuf, error: TrustError },
    #[error("`{}` is the record of another folder, `{found}`", .path.display())]
    OtherRoot { path: PathBuf, found: String },
    #[error("`{}` would be larger than {limit} bytes", .path.display())]
    TooLarge { path: PathBuf, limit: usize },
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Private(#[from] PrivateError),
}

impl<'a> TrustFolder<'a> {
    const NAME: &'static str = "trust";

    pub(crate) fn new(home: &'a Home) -> Self {
        Self { home }
    }

    /// Where the record of a project lies, or would.
    pub fn path_of(self, root: &RealRoot) -> PathBuf {
        self.home.path().join(Self::NAME).join(file_name(root))
    }

    /// Reads the record of a project; `None` when it was never trusted.
    pub fn read(self, root: &RealRoot) -> Result<Option<Trust>, TrustFolderError> {
        let Some(folder) = self.open()? else { return Ok(None) };
        let Some(bytes) = folder.read(&file_name(root))? else { return Ok(None) };
        let path = self.path_of(root);
        let trust = parse(&path, &bytes)?;
        if trust.root != root.as_str() {
            return Err(TrustFolderError::OtherRoot { path, found: trust.root });
        }
        Ok(Some(trust))
    }

    /// Writes the record of a project, over the one that was there.
    pub fn write(self, root: &RealRoot, trust: &Trust) -> Result<(), TrustFolderError> {
        let (text, limit) = (trust.print(), PrivateFolder::LIMIT);
        if text.len() as u64 > limit {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            return Err(TrustFolderError::TooLarge { path: self.path_of(root), limit });
        }
        let folder = self.home.create()?.create_folder(Self::NAME.as_ref())?;
        Ok(folder.replace(&file_name(root), text.as_bytes())?)
    }

    /// Removes the record of a project; `false` when there was none.
    pub fn remove(self, root: &RealRoot) -> Result<bool, TrustFolderError> {
        match self.open()? {
            Some(folder) => Ok(folder.remove(&file_name(root))?),
            None => Ok(false),
        }
    }

    /// All records, in the order of their projects' paths.
    pub fn list(self) -> Result<Vec<Trust>, TrustFolderError> {
        let Some(folder) = self.open()? else { return Ok(Vec::new()) };
        let mut records = Vec::new();
        for name in folder.names()? {
            // Whatever else lies there is not ours to judge.
            if name.to_str().is_none_or(|name| Checksum::parse(name).is_err()) {
                continue;
            }
            // Somebody may have removed it meanwhile.
            let Some(bytes) = folder.read(&name)? else { continue };
            records.push(parse(&self.home.path().join(Self::NAME).join(&name), &bytes)?);
        }
        records.sort_by(|a, b| a.root.cmp(&b.root));
        Ok(records)
    }

    fn open(self) -> Result<Option<PrivateFolder>, PrivateError> {
        match self.home.open()? {
            Some(home) => home.folder(Self::NAME.as_ref()),
            None => Ok(None),
        }
    }
}

/// The name of a root's record: a path has characters that no file name has.
fn file_name(root: &RealRoot) -> OsString {
    root.checksum().to_string().into()
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Trust, TrustFolderError> {
    let text = std::str::from_utf8(bytes).map_err(|error| FileError::not_text(path, error))?;
    Trust::parse(text).map_err(|error| TrustFolderError::Record { path: path.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use unspoken_model::SecretName;

    use super::*;
    use crate::trust::TrustedHook;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_record_is_private_and_for_one_path_alone() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let home = Home::at(at("home"), fs::metadata(folder.path()).unwrap().uid());
        for name in ["one", "two"] {
            fs::create_dir(at(name)).unwrap();
        }
        symlink(at("one"), at("link")).unwrap();
        let find = |name: &str| RealRoot::find(&at(name)).unwrap();
        let (one, two) = (find("one"), find("two"));
        let records = home.trust();
        assert_eq!(records.read(&one).unwrap(), None);
        assert_eq!(records.list().unwrap(), []);
        assert!(!records.remove(&one).unwrap());
        assert!(!home.path().exists(), "looking creates nothing");

        let hook = TrustedHook { command: vec!["a".to_owned()], checksum: Checksum::of(b"a") };
        let hooks = BTreeMap::from([(SecretName::parse("A").unwrap(), hook)]);
        let trust = Trust { root: one.as_str().to_owned(), hooks };
        records.write(&one, &trust).unwrap();
        records.write(&one, &trust).unwrap();
        let path = records.path_of(&one);
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(records.read(&find("link")).unwrap().as_ref(), Some(&trust));
        assert_eq!(records.read(&two).unwrap(), None);
        assert_eq!(records.list().unwrap(), [trust]);

        // A record that was moved to another project's place.
        fs::copy(&path, records.path_of(&two)).unwrap();
        let error = records.read(&two).unwrap_err();
        assert!(matches!(error, TrustFolderError::OtherRoot { .. }), "{error:?}");
        assert!(records.remove(&two).unwrap());

        fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
        let error = records.read(&one).unwrap_err();
        assert!(
            matches!(error, TrustFolderError::Private(PrivateError::Loose { .. })),
            "{error:?}"
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(records.remove(&one).unwrap());
        assert_eq!(records.read(&one).unwrap(), None);
    }
}
