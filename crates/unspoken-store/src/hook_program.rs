//! The program of a rotation hook, as it lies in a project.
//!
//! Rules:
//! - It is a regular, executable file below the root. No link is followed on
//!   the way to it: neither a folder nor the file itself may be one.
//! - It is read once, and what was read is what its checksum is of.
//! - A text needs a first line that names its interpreter. Without one some
//!   systems would hand it to a shell.

use std::fs::File;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use thiserror::Error;
use unspoken_seal::Checksum;

use crate::regular_file::RegularFile;
use crate::{FileError, RealRoot};

/// How large a program may be.
const LIMIT: u64 = 64 * 1024 * 1024;

/// A program that could be started.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HookProgram {
    /// Where it lies, with no link in the path.
    pub path: PathBuf,
    /// What its file holds.
    pub checksum: Checksum,
}

/// Why a file is no hook's program.
#[derive(Debug, Error)]
pub enum HookProgramError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("`{}` is not below the project's root", .path.display())]
    Outside { path: PathBuf },
    #[error("`{}` is not executable", .path.display())]
    NotExecutable { path: PathBuf },
    #[error("`{}` is a text whose first line names no interpreter (`#!`)", .path.display())]
    NoInterpreter { path: PathBuf },
}

impl HookProgram {
    /// Reads the program at `below` a project's root.
    pub fn read(root: &RealRoot, below: &str) -> Result<Self, HookProgramError> {
        let mut path = root.path().to_owned();
        let mut folder = open_folder(CWD, &path, &path)?;
        let mut parts = Path::new(below).components().peekable();
        while let Some(part) = parts.next() {
            path.push(part);
            let Component::Normal(name) = part else {
                return Err(HookProgramError::Outside { path });
            };
            if parts.peek().is_some() {
                folder = open_folder(folder.as_fd(), Path::new(name), &path)?;
                continue;
            }
            let access = OFlags::RDONLY;
            let file = RegularFile::open_at(
                folder.as_fd(),
                Path::new(name),
                path.clone(),
                access,
                Mode::empty(),
            )?;
            return judge(file, path);
        }
        Err(HookProgramError::Outside { path })
    }
}

fn judge(file: RegularFile, path: PathBuf) -> Result<HookProgram, HookProgramError> {
    if file.mode() & 0o111 == 0 {
        return Err(HookProgramError::NotExecutable { path });
    }
    let bytes = file.read(LIMIT)?;
    let is_text = !bytes.contains(&0) && std::str::from_utf8(&bytes).is_ok();
    if is_text && !bytes.starts_with(b"#!") {
        return Err(HookProgramError::NoInterpreter { path });
    }
    Ok(HookProgram { path, checksum: Checksum::of(&bytes) })
}

/// Opens a folder; `path` is what an error calls it.
fn open_folder(
    parent: std::os::fd::BorrowedFd<'_>,
    name: &Path,
    path: &Path,
) -> Result<OwnedFd, FileError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(parent, name, flags, Mode::empty()) {
        Ok(fd) => Ok(File::from(fd).into()),
        // A link that is not followed is no folder either.
        Err(Errno::NOTDIR | Errno::LOOP) => {
            let path = path.to_owned();
            let is_link = path.symlink_metadata().is_ok_and(|found| found.is_symlink());
            Err(if is_link { FileError::Symlink { path } } else { FileError::NotFolder { path } })
        }
        Err(error) => Err(FileError::from_open(path, error)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn only_an_executable_file_below_the_root_is_a_program() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let write = |name: &str, bytes: &[u8], mode: u32| {
            fs::write(at(name), bytes).unwrap();
            fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
        };
        fs::create_dir_all(at("root/scripts")).unwrap();
        write("outside", b"#!/bin/sh\n", 0o755);
        write("root/scripts/good", b"#!/bin/sh\n", 0o755);
        write("root/binary", b"\x7fELF\0", 0o700);
        write("root/plain", b"#!/bin/sh\n", 0o644);
        write("root/bare", b"echo hello\n", 0o755);
        write("root/empty", b"", 0o755);
        symlink("good", at("root/scripts/link")).unwrap();
        symlink("../outside", at("root/out")).unwrap();
        symlink("scripts", at("root/folder")).unwrap();
        let root = RealRoot::find(&at("root")).unwrap();
        let read = |below: &str| HookProgram::read(&root, below);

        let found = read("scripts/good").unwrap();
        assert_eq!(found.checksum, Checksum::of(b"#!/bin/sh\n"));
        assert_eq!(found.path, root.path().join("scripts/good"));
        read("binary").unwrap();
        for (below, said) in [
            ("absent", "does not exist"),
            ("absent/too", "does not exist"),
            ("scripts", "no regular file"),
            ("scripts/link", "symbolic link"),
            ("out", "symbolic link"),
            ("folder/good", "symbolic link"),
            ("binary/too", "no folder"),
            ("plain", "not executable"),
            ("bare", "names no interpreter"),
            ("empty", "names no interpreter"),
            ("", "not below"),
            ("../outside", "not below"),
            ("/bin/sh", "not below"),
        ] {
            let error = read(below).unwrap_err().to_string();
            assert!(error.contains(said), "{below}: {error}");
        }
    }
}
