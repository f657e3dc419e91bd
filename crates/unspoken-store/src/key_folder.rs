//! The environment keys of this machine: one file each, named by its id.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use unspoken_model::KeyId;
use zeroize::Zeroizing;

use crate::private_folder::PrivateFolder;
use crate::{Home, KeptIn, KeyFile, KeyName, PrivateError, Written};

/// The folder `keys` in the [`Home`]. It need not exist.
///
/// What a key file says is not looked into here; it is bytes that are wiped.
#[derive(Clone, Copy, Debug)]
pub struct KeyFolder<'a> {
    home: &'a Home,
}

impl<'a> KeyFolder<'a> {
    const NAME: &'static str = "keys";

    pub(crate) fn new(home: &'a Home) -> Self {
        Self { home }
    }

    pub fn path(self) -> PathBuf {
        self.home.path().join(Self::NAME)
    }

    /// Where the key with that id lies, or would.
    pub fn path_of(self, id: &KeyId) -> PathBuf {
        self.path().join(id.as_str())
    }

    /// One key of the folder, wherever it is kept.
    pub fn file(self, id: &KeyId) -> KeyFile<'a> {
        KeyFile::new(self.home, KeyName::Environment(id.clone()))
    }

    /// Reads a key, which may be in the keychain; `None` when this machine has
    /// no such key.
    pub fn read(self, id: &KeyId) -> Result<Option<Zeroizing<Vec<u8>>>, PrivateError> {
        Ok(self.file(id).read()?.map(|held| held.text))
    }

    /// The ids of all keys that are here, sorted.
    pub fn list(self) -> Result<Vec<KeyId>, PrivateError> {
        let Some(folder) = self.open()? else { return Ok(Vec::new()) };
        // Whatever else lies there is not ours to judge.
        let id = |name: OsString| KeyId::parse(name.to_str()?).ok();
        Ok(folder.names()?.into_iter().filter_map(id).collect())
    }

    /// Stores a key file. One with other content is never replaced. A stub that
    /// names the same key stays: the keychain has it.
    pub fn write_new(self, id: &KeyId, text: &[u8]) -> Result<Written, PrivateError> {
        if self.file(id).kept()? == Some(KeptIn::Keychain) {
            return Ok(Written::Unchanged);
        }
        let folder = self.home.create()?.create_folder(OsStr::new(Self::NAME))?;
        folder.write_new(OsStr::new(id.as_str()), text)
    }

    pub(crate) fn open(self) -> Result<Option<PrivateFolder>, PrivateError> {
        match self.home.open()? {
            Some(home) => home.folder(OsStr::new(Self::NAME)),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
    use std::path::Path;
    use std::sync::Barrier;

    use super::*;
    use crate::FileError;

    const ID: &str = "0123456789abcdef";

    fn id() -> KeyId {
        KeyId::parse(ID).unwrap()
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn in_new_home(test: impl FnOnce(Home)) {
        let folder = tempfile::tempdir().unwrap();
        let user = fs::metadata(folder.path()).unwrap().uid();
        test(Home::at(folder.path().join("share/unspoken"), user));
    }

    #[test]
    fn a_key_is_written_once_and_read_back() {
        in_new_home(|home| {
            let keys = home.keys();
            assert_eq!(keys.list().unwrap(), []);
            assert!(keys.read(&id()).unwrap().is_none());
            assert!(!home.path().exists(), "looking creates nothing");

            assert_eq!(keys.write_new(&id(), b"one").unwrap(), Written::New);
            assert_eq!(keys.write_new(&id(), b"one").unwrap(), Written::Unchanged);
            let error = keys.write_new(&id(), b"two").unwrap_err();
            assert!(
                matches!(error, PrivateError::Different { path } if path == keys.path_of(&id()))
            );

            assert_eq!(keys.read(&id()).unwrap().unwrap().as_slice(), b"one");
            assert_eq!(mode(home.path()), 0o700);
            assert_eq!(mode(&keys.path()), 0o700);
            assert_eq!(mode(&keys.path_of(&id())), 0o600);
        });
    }

    #[test]
    fn what_is_no_key_is_not_listed() {
        in_new_home(|home| {
            let keys = home.keys();
            keys.write_new(&id(), b"one").unwrap();
            fs::write(keys.path().join(".DS_Store"), "").unwrap();
            fs::write(keys.path().join(format!(".{ID}.1-0.tmp")), "").unwrap();
            assert_eq!(keys.list().unwrap(), [id()]);
        });
    }

    #[test]
    fn every_bit_for_others_is_refused_with_what_it_must_be() {
        in_new_home(|home| {
            let keys = home.keys();
            keys.write_new(&id(), b"one").unwrap();
            for (path, required) in [
                (keys.path_of(&id()), 0o600),
                (keys.path(), 0o700),
                (home.path().to_owned(), 0o700),
            ] {
                for bit in 0..6 {
                    let loose = required | 1 << bit;
                    set_mode(&path, loose);
                    let error = keys.read(&id()).unwrap_err();
                    assert!(
                        matches!(&error, PrivateError::Loose { path: p, found, required: r }
                            if (p, *found, *r) == (&path, loose, required)),
                        "{error:?}"
                    );
                    assert!(keys.write_new(&id(), b"one").is_err());
                }
                set_mode(&path, required & 0o500);
                assert!(keys.read(&id()).is_ok(), "stricter is fine");
                set_mode(&path, required);
            }
        });
    }

    #[test]
    fn the_files_of_another_user_are_refused() {
        in_new_home(|home| {
            home.keys().write_new(&id(), b"one").unwrap();
            let us = fs::metadata(home.path()).unwrap().uid();
            let stranger = Home::at(home.path().to_owned(), us + 1);
            let error = stranger.keys().read(&id()).unwrap_err();
            assert!(
                matches!(&error, PrivateError::Owner { path, found, required }
                    if path == home.path() && (*found, *required) == (us, us + 1)),
                "{error:?}"
            );
        });
    }

    #[test]
    fn a_link_is_refused_in_every_place() {
        in_new_home(|home| {
            let keys = home.keys();
            keys.write_new(&id(), b"one").unwrap();
            for path in [keys.path_of(&id()), keys.path(), home.path().to_owned()] {
                let moved = path.with_extension("moved");
                fs::rename(&path, &moved).unwrap();
                symlink(&moved, &path).unwrap();
                for error in
                    [keys.read(&id()).unwrap_err(), keys.write_new(&id(), b"one").unwrap_err()]
                {
                    assert!(
                        matches!(&error, PrivateError::File(FileError::Symlink { path: p })
                            if *p == path),
                        "{error:?}"
                    );
                }
                fs::remove_file(&path).unwrap();
                fs::rename(&moved, &path).unwrap();
            }
        });
    }

    #[test]
    fn what_is_no_file_or_too_large_is_refused() {
        in_new_home(|home| {
            let keys = home.keys();
            keys.write_new(&id(), &vec![b'k'; 64 * 1024]).unwrap();
            assert_eq!(keys.read(&id()).unwrap().unwrap().len(), 64 * 1024);
            fs::write(keys.path_of(&id()), vec![b'k'; 64 * 1024 + 1]).unwrap();
            let error = keys.read(&id()).unwrap_err();
            let expected = matches!(
                &error,
                PrivateError::File(FileError::TooLarge { limit: 65_536, found: 65_537, .. })
            );
            assert!(expected, "{error:?}");

            fs::remove_file(keys.path_of(&id())).unwrap();
            fs::create_dir(keys.path_of(&id())).unwrap();
            let error = keys.read(&id()).unwrap_err();
            assert!(
                matches!(&error, PrivateError::File(FileError::NotRegular { .. })),
                "{error:?}"
            );

            fs::remove_dir_all(keys.path()).unwrap();
            fs::write(keys.path(), "").unwrap();
            let error = keys.read(&id()).unwrap_err();
            assert!(matches!(&error, PrivateError::File(FileError::NotFolder { .. })), "{error:?}");
        });
    }

    /// Has 16 writers begin at once; the answer is how many of them wrote, and
    /// how many were refused.
    fn race(home: &Home, text: impl Fn(usize) -> Vec<u8> + Sync) -> (usize, usize) {
        let start = Barrier::new(16);
        let results: Vec<_> = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..16)
                .map(|number| {
                    let (start, text) = (&start, &text);
                    scope.spawn(move || {
                        start.wait();
                        home.keys().write_new(&id(), &text(number))
                    })
                })
                .collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        let new = results.iter().filter(|result| matches!(result, Ok(Written::New))).count();
        let refused = results
            .iter()
            .filter(|result| matches!(result, Err(PrivateError::Different { .. })))
            .count();
        let unchanged = results.iter().filter(|result| matches!(result, Ok(Written::Unchanged)));
        assert_eq!(new + refused + unchanged.count(), 16, "{results:?}");
        (new, refused)
    }

    #[test]
    fn of_many_writers_at_once_one_wins() {
        in_new_home(|home| {
            assert_eq!(race(&home, |number| format!("key {number}").into()), (1, 15));
            let text = home.keys().read(&id()).unwrap().unwrap();
            assert!(text.starts_with(b"key "));
            assert_eq!(fs::read_dir(home.keys().path()).unwrap().count(), 1);
        });
        in_new_home(|home| {
            assert_eq!(race(&home, |_| b"the same".to_vec()), (1, 0));
            assert_eq!(fs::read_dir(home.keys().path()).unwrap().count(), 1);
        });
    }
}
