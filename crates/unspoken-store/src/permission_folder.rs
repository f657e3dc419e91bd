//! The records of permissions on this machine: one private file for each
//! project, outside of every repository.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use thiserror::Error;
use unspoken_seal::Checksum;

use crate::permission::{PermissionError, Permissions};
use crate::private_folder::PrivateFolder;
use crate::{FileError, Home, PrivateError, RealRoot};

/// The folder `agents` in the [`Home`]. It need not exist.
#[derive(Clone, Copy, Debug)]
pub struct PermissionFolder<'a> {
    home: &'a Home,
}

/// Why a record of permissions could not be used.
#[derive(Debug, Error)]
pub enum PermissionFolderError {
    #[error("`{}` is no record of permissions: {error}", .path.display())]
    Record { path: PathBuf, error: PermissionError },
    #[error("`{}` is the record of another folder, `{found}`", .path.display())]
    OtherRoot { path: PathBuf, found: String },
    #[error(transparent)]
    Private(#[from] PrivateError),
}

impl<'a> PermissionFolder<'a> {
    const NAME: &'static str = "agents";

    pub(crate) fn new(home: &'a Home) -> Self {
        Self { home }
    }

    /// Where the record of a project lies, or would.
    pub fn path_of(self, root: &RealRoot) -> PathBuf {
        self.home.path().join(Self::NAME).join(file_name(root))
    }

    /// Reads the record of a project; `None` when nothing was ever permitted.
    pub fn read(self, root: &RealRoot) -> Result<Option<Permissions>, PermissionFolderError> {
        let Some(folder) = self.open()? else { return Ok(None) };
        let Some(bytes) = folder.read(&file_name(root))? else { return Ok(None) };
        let path = self.path_of(root);
        let record = parse(&path, &bytes)?;
        if record.root != root.as_str() {
            return Err(PermissionFolderError::OtherRoot { path, found: record.root });
        }
        Ok(Some(record))
    }

    /// Writes the record of a project, over the one that was there.
    pub fn write(self, root: &RealRoot, record: &Permissions) -> Result<(), PermissionFolderError> {
        let folder = self.home.create()?.create_folder(Self::NAME.as_ref())?;
        Ok(folder.replace(&file_name(root), record.print().as_bytes())?)
    }

    /// Removes the record of a project; `false` when there was none.
    pub fn remove(self, root: &RealRoot) -> Result<bool, PermissionFolderError> {
        match self.open()? {
            Some(folder) => Ok(folder.remove(&file_name(root))?),
            None => Ok(false),
        }
    }

    /// All records, in the order of their projects' paths.
    pub fn list(self) -> Result<Vec<Permissions>, PermissionFolderError> {
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

fn parse(path: &Path, bytes: &[u8]) -> Result<Permissions, PermissionFolderError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| PrivateError::from(FileError::not_text(path, error)))?;
    Permissions::parse(text)
        .map_err(|error| PermissionFolderError::Record { path: path.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use super::*;

    #[test]
    fn a_record_is_private_and_for_one_path_alone() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let home = Home::at(at("home"), fs::metadata(folder.path()).unwrap().uid());
        for name in ["one", "two"] {
            fs::create_dir(at(name)).unwrap();
        }
        let [one, two] = ["one", "two"].map(|name| RealRoot::find(&at(name)).unwrap());
        let records = home.permissions();
        assert!(records.read(&one).unwrap().is_none() && !records.remove(&one).unwrap());
        assert!(records.list().unwrap().is_empty() && !home.path().exists());

        let record = Permissions {
            root: one.as_str().to_owned(),
            project: "acme-web".to_owned(),
            granted: Vec::new(),
        };
        records.write(&one, &record).unwrap();
        let path = records.path_of(&one);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(records.read(&one).unwrap().as_ref(), Some(&record));
        assert_eq!(records.list().unwrap(), [record]);
        assert!(records.read(&two).unwrap().is_none());

        fs::copy(&path, records.path_of(&two)).unwrap();
        let error = records.read(&two).unwrap_err();
        assert!(matches!(error, PermissionFolderError::OtherRoot { .. }), "{error:?}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
        let error = records.read(&one).unwrap_err();
        assert!(matches!(error, PermissionFolderError::Private(PrivateError::Loose { .. })));
    }
}
