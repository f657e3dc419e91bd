//! Copies a store in a folder into one file, and back, while others use it. The master key is not
//! in the store, and so in no backup.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use thiserror::Error;

use crate::audit::Summary;
use crate::check::{check_tables, verify_record};
use crate::db::{Sql as _, SqlError, Sqlite, migrate};
use crate::hazmat;
use crate::key::MasterKey;
use crate::opened::{OpenError, Opened, identity};

/// Why there is no backup, or nothing was restored.
#[derive(Debug, Error)]
pub(crate) enum BackupError {
    #[error("there is a file `{}` already", .0.display())]
    There(PathBuf),
    #[error("`{}` {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("`{}` is no backup of a vault", .0.display())]
    None(PathBuf),
    #[error("what the backup holds is not in order: {what}: {said}")]
    Broken { what: &'static str, said: String },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Sql(#[from] SqlError),
}

/// A file that is there under its name when it is whole, or not at all.
struct Draft {
    path: PathBuf,
    target: PathBuf,
}

impl Draft {
    /// Makes an empty file that nobody else can read, beside the one that is to be.
    fn new(target: &Path) -> Result<Self, BackupError> {
        if target.exists() {
            return Err(BackupError::There(target.to_owned()));
        }
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let random = u64::from_be_bytes(hazmat::random());
        let path = target.with_file_name(format!(".{name}.{random:016x}.part"));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        options.open(&path).map_err(failed(&path))?;
        Ok(Self { path, target: target.to_owned() })
    }

    /// Gives it its name, where there is still no such file.
    fn finish(self) -> Result<(), BackupError> {
        let synced = File::open(&self.path).and_then(|file| file.sync_all());
        synced.map_err(failed(&self.path))?;
        renameat_with(CWD, &self.path, CWD, &self.target, RenameFlags::NOREPLACE)
            .map_err(|error| failed(&self.target)(error.into()))?;
        let folder = self.target.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        for side in ["", "-wal", "-shm", "-journal"] {
            let mut path = self.path.clone().into_os_string();
            path.push(side);
            // It has its name by now, or nobody wants it.
            let _ = fs::remove_file(path);
        }
    }
}

fn failed(path: &Path) -> impl Fn(io::Error) -> BackupError {
    let path = path.to_owned();
    move |error| BackupError::File { path: path.clone(), error }
}

/// Writes a copy of a store as it is at one moment.
pub(crate) fn back_up(store: &Path, target: &Path) -> Result<(), BackupError> {
    let mut from = Sqlite::open(store)?;
    identity(&mut from)?;
    let draft = Draft::new(target)?;
    {
        let mut to = Connection::open(&draft.path).map_err(SqlError::from)?;
        let copy = Backup::new(from.connection(), &mut to).map_err(SqlError::from)?;
        // In one step: a copy in several begins anew whenever somebody writes.
        match copy.step(-1).map_err(SqlError::from)? {
            StepResult::Done => {}
            _ => return Err(SqlError::Conflict.into()),
        }
        drop(copy);
        // One file, with nothing beside it.
        to.pragma_update(None, "journal_mode", "DELETE").map_err(SqlError::from)?;
    }
    let mut copy = Sqlite::open(&draft.path)?;
    refuse_broken(&mut copy)?;
    copy.batch("PRAGMA journal_mode = DELETE;")?;
    drop(copy);
    draft.finish()
}

/// Makes a store of a backup, once it is known to be whole.
pub(crate) fn restore(
    backup: &Path,
    store: &Path,
    master: Arc<dyn MasterKey>,
) -> Result<Summary, BackupError> {
    // What is left of another store there would be read into this one.
    for side in ["-wal", "-shm", "-journal"] {
        let mut path = store.to_owned().into_os_string();
        path.push(side);
        if Path::new(&path).exists() {
            return Err(BackupError::There(path.into()));
        }
    }
    let draft = Draft::new(store)?;
    let mut from = File::open(backup).map_err(failed(backup))?;
    let mut to = OpenOptions::new().write(true).open(&draft.path).map_err(failed(&draft.path))?;
    io::copy(&mut from, &mut to).map_err(failed(&draft.path))?;
    drop(to);
    let mut sql = Sqlite::open(&draft.path).map_err(|_| BackupError::None(backup.to_owned()))?;
    identity(&mut sql).map_err(|_| BackupError::None(backup.to_owned()))?;
    migrate(&mut sql)?;
    refuse_broken(&mut sql)?;
    let mut opened = Opened::look(Box::new(sql), master)?;
    let summary = verify_record(&mut opened, i64::MIN)?
        .map_err(|said| BackupError::Broken { what: "record", said })?;
    opened.sql.batch("PRAGMA journal_mode = DELETE;")?;
    drop(opened);
    draft.finish()?;
    Ok(summary)
}

fn refuse_broken(sql: &mut Sqlite) -> Result<(), BackupError> {
    let findings = check_tables(sql, true)?;
    match findings.into_iter().find(|finding| !finding.is_fine) {
        Some(finding) => Err(BackupError::Broken { what: finding.what, said: finding.said }),
        None => Ok(()),
    }
}
