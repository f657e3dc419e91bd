//! A project's root by its one path.

use std::path::{Path, PathBuf};

use unspoken_seal::Checksum;

use crate::{FileError, Operation};

/// A project's root as the path with no link in it, which is text.
///
/// What this machine keeps about a project is kept by this path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RealRoot(String);

impl RealRoot {
    pub fn find(root: &Path) -> Result<Self, FileError> {
        let path =
            root.canonicalize().map_err(|error| FileError::new(Operation::Inspect, root, error))?;
        match path.into_os_string().into_string() {
            Ok(path) => Ok(Self(path)),
            Err(path) => {
                let path = PathBuf::from(path);
                let text = std::str::from_utf8(path.as_os_str().as_encoded_bytes());
                let at = text.map_or_else(|error| error.valid_up_to(), str::len);
                Err(FileError::NotText { path, at })
            }
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn path(&self) -> &Path {
        Path::new(&self.0)
    }

    /// What stands for it in the name of a file.
    pub(crate) fn checksum(&self) -> Checksum {
        Checksum::of(self.0.as_bytes())
    }
}

#[test]
fn a_link_leads_to_the_same_root() {
    use std::os::unix::ffi::OsStrExt as _;

    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("real")).unwrap();
    std::os::unix::fs::symlink(at("real"), at("link")).unwrap();

    let [real, link] = ["real", "link"].map(|name| RealRoot::find(&at(name)).unwrap());
    assert_eq!(real, link);
    assert!(real.as_str().ends_with("/real"));
    let error = RealRoot::find(&at("absent")).unwrap_err();
    assert!(matches!(error, FileError::NotFound { .. }), "{error:?}");

    let odd = folder.path().join(std::ffi::OsStr::from_bytes(b"\xff"));
    std::fs::create_dir(&odd).unwrap();
    let error = RealRoot::find(&odd).unwrap_err();
    assert!(matches!(error, FileError::NotText { .. }), "{error:?}");
}
