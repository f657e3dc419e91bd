//! Replacing a file as a whole: afterwards it is the old one or the new one.

use std::ffi::OsStr;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode};
use rustix::io::Errno;

use crate::temporary::{Temporary, open_parent};
use crate::{FileError, Operation};

/// Replaces a file's bytes, or creates it. A process that is killed at any
/// moment leaves the old or the new file.
///
/// The mode stays what it was; a new file has 0644 less the process's mask. So
/// this is for project files and ciphertext, not for keys.
///
/// A link or anything else but a regular file in its place is refused.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    replace_all(&[(path, bytes)])
}

/// Replaces several files, or creates them. All are written beside their places
/// before the first is put there: a disk that is full, or a folder that takes
/// nothing, leaves all of them as they were.
pub(crate) fn replace_all(files: &[(&Path, &[u8])]) -> Result<(), FileError> {
    let parents: Result<Vec<_>, _> = files.iter().map(|(path, _)| open_parent(path)).collect();
    let parents = parents?;
    let mut written = Vec::with_capacity(files.len());
    for ((path, bytes), (folder, folder_path, name)) in files.iter().zip(&parents) {
        let old = mode_of(folder.as_fd(), name, path)?;
        // The old mode may be tighter than the mask, so nothing is open before
        // it is set.
        let mode = Mode::from_raw_mode(if old.is_some() { 0o600 } else { 0o644 });
        let mut temporary = Temporary::create(folder.as_fd(), folder_path, name, mode)?;
        if let Some(mode) = old {
            temporary.set_mode(mode)?;
        }
        temporary.write(bytes)?;
        written.push(temporary);
    }
    written.into_iter().try_for_each(Temporary::replace)
}

/// Writes a file of mode 0600 where none is. `false`, and nothing is written,
/// when there is one, or anything else.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<bool, FileError> {
    let (folder, folder_path, name) = open_parent(path)?;
    let mode = Mode::from_raw_mode(0o600);
    let mut temporary = Temporary::create(folder.as_fd(), folder_path, name, mode)?;
    temporary.write(bytes)?;
    temporary.place_new()
}

/// The mode of the regular file in the target's place, if there is one.
fn mode_of(folder: BorrowedFd<'_>, name: &OsStr, path: &Path) -> Result<Option<Mode>, FileError> {
    let found = match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) => found,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(FileError::new(Operation::Inspect, path, error)),
    };
    match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => {
            let bits = Mode::RWXU | Mode::RWXG | Mode::RWXO;
            Ok(Some(Mode::from_raw_mode(found.st_mode) & bits))
        }
        FileType::Symlink => Err(FileError::Symlink { path: path.to_owned() }),
        _ => Err(FileError::NotRegular { path: path.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::process::Command;

    use rustix::process::{Resource, getrlimit};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_file_is_created_then_replaced_and_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");

        replace(&path, b"one").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(mode(&path) & 0o600, 0o600);
        assert_eq!(mode(&path) & 0o133, 0);

        // More than the usual mask would leave, and less.
        for bits in [0o666, 0o640, 0o600] {
            fs::set_permissions(&path, fs::Permissions::from_mode(bits)).unwrap();
            replace(&path, b"two").unwrap();
            assert_eq!(mode(&path), bits);
        }
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_regular_file_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("target"), "old").unwrap();
        symlink(at("target"), at("link")).unwrap();
        fs::create_dir(at("folder")).unwrap();

        let error = replace(&at("link"), b"new").unwrap_err();
        assert!(matches!(error, FileError::Symlink { .. }), "{error:?}");
        let error = replace(&at("folder"), b"new").unwrap_err();
        assert!(matches!(error, FileError::NotRegular { .. }), "{error:?}");
        let error = replace(Path::new("/"), b"new").unwrap_err();
        assert!(matches!(error, FileError::NotRegular { .. }), "{error:?}");
        let error = replace(&at("absent/file"), b"new").unwrap_err();
        assert!(matches!(error, FileError::NotFound { path } if path == at("absent")));
        assert_eq!(fs::read_to_string(at("target")).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    /// Runs itself again in a process that may write no file of more than a
    /// block, which fails in the same call as a full disk does.
    #[test]
    fn a_write_that_fails_leaves_the_old_file_and_no_other() {
        if getrlimit(Resource::Fsize).current.is_none() {
            let this_program = std::env::current_exe().unwrap();
            let output = Command::new("sh")
                .args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\""])
                .arg(this_program)
                .args([
                    "--exact",
                    "atomic::tests::a_write_that_fails_leaves_the_old_file_and_no_other",
                ])
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && said.contains("1 passed"), "{said}");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "old").unwrap();

        let error = replace(&path, &vec![b'x'; 1 << 20]).unwrap_err();

        assert!(matches!(error, FileError::Io { operation: Operation::Write, .. }), "{error:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_reader_never_sees_a_torn_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let contents = |letter| vec![letter; 200_000];
        replace(&path, &contents(b'a')).unwrap();

        std::thread::scope(|scope| {
            let writers: Vec<_> = [b'b', b'c']
                .map(|letter| {
                    let path = &path;
                    scope.spawn(move || {
                        for _ in 0..20 {
                            replace(path, &contents(letter)).unwrap();
                        }
                    })
                })
                .into();
            while !writers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
                let bytes = crate::read_limited(&path, 1 << 20).unwrap();
                assert!(bytes.len() == 200_000 && bytes.iter().all(|&byte| byte == bytes[0]));
            }
        });
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
