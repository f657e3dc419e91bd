//! The records of one kind on this machine: one private file for each project,
//! outside of every repository.

use std::ffi::OsString;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use thiserror::Error;
use unspoken_seal::Checksum;

use crate::private_folder::PrivateFolder;
use crate::record::{Record, RecordError, RecordKind};
use crate::{FileError, Home, PrivateError, RealRoot};

/// A folder of records in the [`Home`]. It need not exist.
#[derive(Debug)]
pub struct RecordFolder<'a, R> {
    home: &'a Home,
    kind: PhantomData<R>,
}

/// Why a record could not be used.
#[derive(Debug, Error)]
pub enum RecordFolderError {
    #[error("`{}` is no record of {kind}: {error}", .path.display())]
    Record { kind: RecordKind, path: PathBuf, error: RecordError },
    #[error("`{}` is the record of another folder, `{found}`", .path.display())]
    OtherRoot { kind: RecordKind, path: PathBuf, found: String },
    #[error("`{}` would be larger than {limit} bytes", .path.display())]
    TooLarge { path: PathBuf, limit: usize },
    #[error("{error}")]
    Private {
        kind: RecordKind,
        #[source]
        error: PrivateError,
    },
}

impl<'a, R: Record> RecordFolder<'a, R> {
    pub(crate) fn new(home: &'a Home) -> Self {
        Self { home, kind: PhantomData }
    }

    /// Where the record of a project lies, or would.
    pub fn path_of(&self, root: &RealRoot) -> PathBuf {
        self.home.path().join(R::KIND.folder()).join(file_name(root))
    }

    /// Reads the record of a project; `None` when nothing was ever agreed to.
    pub fn read(&self, root: &RealRoot) -> Result<Option<R>, RecordFolderError> {
        let Some(folder) = self.open().map_err(private::<R>)? else { return Ok(None) };
        let Some(bytes) = folder.read(&file_name(root)).map_err(private::<R>)? else {
            return Ok(None);
        };
        let path = self.path_of(root);
        let record: R = parse(&path, &bytes)?;
        if record.root() != root.as_str() {
            let found = record.root().to_owned();
            return Err(RecordFolderError::OtherRoot { kind: R::KIND, path, found });
        }
        Ok(Some(record))
    }

    /// Writes the record of a project, over the one that was there.
    pub fn write(&self, root: &RealRoot, record: &R) -> Result<(), RecordFolderError> {
        let (text, limit) = (record.text(), PrivateFolder::LIMIT);
        if text.len() as u64 > limit {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            return Err(RecordFolderError::TooLarge { path: self.path_of(root), limit });
        }
        let write = || -> Result<(), PrivateError> {
            let folder = self.home.create()?.create_folder(R::KIND.folder().as_ref())?;
            folder.replace(&file_name(root), text.as_bytes())
        };
        write().map_err(private::<R>)
    }

    /// Removes the record of a project; `false` when there was none.
    pub fn remove(&self, root: &RealRoot) -> Result<bool, RecordFolderError> {
        match self.open().map_err(private::<R>)? {
            Some(folder) => folder.remove(&file_name(root)).map_err(private::<R>),
            None => Ok(false),
        }
    }

    /// All records, in the order of their projects' paths.
    pub fn list(&self) -> Result<Vec<R>, RecordFolderError> {
        let Some(folder) = self.open().map_err(private::<R>)? else { return Ok(Vec::new()) };
        let mut records = Vec::new();
        for name in folder.names().map_err(private::<R>)? {
            // Whatever else lies there is not ours to judge.
            if name.to_str().is_none_or(|name| Checksum::parse(name).is_err()) {
                continue;
            }
            // Somebody may have removed it meanwhile.
            let Some(bytes) = folder.read(&name).map_err(private::<R>)? else { continue };
            records.push(parse(&self.home.path().join(R::KIND.folder()).join(&name), &bytes)?);
        }
        records.sort_by(|a: &R, b| a.root().cmp(b.root()));
        Ok(records)
    }

    fn open(&self) -> Result<Option<PrivateFolder>, PrivateError> {
        match self.home.open()? {
            Some(home) => home.folder(R::KIND.folder().as_ref()),
            None => Ok(None),
        }
    }
}

/// The name of a root's record: a path has characters that no file name has.
fn file_name(root: &RealRoot) -> OsString {
    root.checksum().to_string().into()
}

fn parse<R: Record>(path: &Path, bytes: &[u8]) -> Result<R, RecordFolderError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| private::<R>(FileError::not_text(path, error)))?;
    R::read(text).map_err(|error| RecordFolderError::Record {
        kind: R::KIND,
        path: path.to_owned(),
        error,
    })
}

fn private<R: Record>(error: impl Into<PrivateError>) -> RecordFolderError {
    RecordFolderError::Private { kind: R::KIND, error: error.into() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use unspoken_model::SecretName;

    use super::*;
    use crate::trust::{Trust, TrustedHook};

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
        assert!(matches!(error, RecordFolderError::OtherRoot { .. }), "{error:?}");
        assert!(records.remove(&two).unwrap());

        fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
        let error = records.read(&one).unwrap_err();
        assert!(
            matches!(error, RecordFolderError::Private { error: PrivateError::Loose { .. }, .. }),
            "{error:?}"
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(records.remove(&one).unwrap());
        assert_eq!(records.read(&one).unwrap(), None);
    }

    #[test]
    fn a_record_of_permissions_is_private_and_for_one_path_alone() {
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

        let record = crate::Permissions {
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
        assert!(matches!(error, RecordFolderError::OtherRoot { .. }), "{error:?}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
        let error = records.read(&one).unwrap_err();
        assert!(matches!(
            error,
            RecordFolderError::Private { error: PrivateError::Loose { .. }, .. }
        ));
    }
}
