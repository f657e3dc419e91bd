//! The tar archive: regular files, the manifest first.

use std::io::{Cursor, Read as _};

use jiff::Timestamp;
use tar::{Archive, Builder, EntryType, Header};
use unspoken_seal::Document;

use super::{Backup, BackupError, EntryProblem};

/// An entry's path and content.
pub(super) type Entry = (String, Vec<u8>);

/// How large a manifest may be: a few hundred bytes for each file.
const MANIFEST_MAX: usize = 16 * 1024 * 1024;

/// Prints an archive in which nothing depends on the machine: no owner, no
/// mode of a file, one time for all.
pub(super) fn print<'e>(
    created: Timestamp,
    manifest: &'e str,
    entries: impl Iterator<Item = (&'e str, &'e [u8])>,
) -> Result<Vec<u8>, BackupError> {
    let mut builder = Builder::new(Vec::new());
    let manifest = (Backup::MANIFEST, manifest.as_bytes());
    for (path, bytes) in std::iter::once(manifest).chain(entries) {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(if path == Backup::KEYS { 0o600 } else { 0o644 });
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(u64::try_from(created.as_second()).unwrap_or(0));
        builder.append_data(&mut header, path, bytes).map_err(BackupError::Archive)?;
    }
    builder.into_inner().map_err(BackupError::Archive)
}

/// Reads an archive: the manifest, and what stands behind it. Nothing is
/// believed of a header but its name and its size.
pub(super) fn read(bytes: &[u8]) -> Result<(Vec<u8>, Vec<Entry>), BackupError> {
    let mut archive = Archive::new(Cursor::new(bytes));
    let mut manifest = None;
    let mut entries = Vec::new();
    for (entry, at) in archive.entries().map_err(BackupError::Archive)?.zip(1..) {
        let mut entry = entry.map_err(BackupError::Archive)?;
        let wrong = |what| BackupError::Entry { at, what };
        if entry.header().entry_type() != EntryType::Regular {
            return Err(wrong(EntryProblem::NotRegular));
        }
        let name = String::from_utf8(entry.path_bytes().into_owned());
        let name = name.map_err(|_| wrong(EntryProblem::Name))?;
        let limit = if manifest.is_none() { MANIFEST_MAX } else { Document::MAX_BYTES };
        let size = usize::try_from(entry.size()).ok().filter(|size| *size <= limit);
        let size = size.ok_or(wrong(EntryProblem::TooLarge))?;
        // A header may say more than there is.
        let mut content = Vec::with_capacity(size.min(bytes.len()));
        entry.read_to_end(&mut content).map_err(BackupError::Archive)?;
        match &manifest {
            None if name == Backup::MANIFEST => manifest = Some(content),
            None => return Err(wrong(EntryProblem::NoManifest)),
            Some(_) => entries.push((name, content)),
        }
        // The keys come on top of the files.
        if entries.len() > Backup::MAX_FILES + 1 {
            return Err(BackupError::TooMany);
        }
    }
    let empty = BackupError::Entry { at: 1, what: EntryProblem::NoManifest };
    Ok((manifest.ok_or(empty)?, entries))
}
