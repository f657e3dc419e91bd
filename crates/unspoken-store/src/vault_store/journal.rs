//! Uses of a vault's values while it could not be reached: noted here, and reported when it can.
//!
//! Rules:
//! - A use is noted on the disk before a value is handed over; where it cannot be, none is.
//! - Nothing here is secret: times, ids and revisions.
//! - One process reports at a time. What was reported is gone, what came meanwhile stays.

use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;

use jiff::Timestamp;
use rustix::fs::FlockOperation;
use unspoken_wire::vault::{JournalEntry, JournalRequest};

use super::snapshot::Snapshot;
use super::{Reported, VaultStore, VaultStoreError};
use crate::regular_file::RegularFile;
use crate::{FileError, Operation};

const NAME: &str = "journal";

/// How large the journal may become. Then nothing is used without the vault any more.
const LIMIT: u64 = 512 * 1024;

impl VaultStore {
    /// Notes that what is kept was used.
    pub(super) fn note(&self, kept: &Snapshot, now: Timestamp) -> Result<(), VaultStoreError> {
        let entry = JournalEntry {
            at: now.as_millisecond(),
            environment: kept.environment.to_string(),
            revision: kept.revision,
            names: "*".to_owned(),
        };
        let path = self.kept_path().join(NAME);
        let file = self.keep()?.open_file(OsStr::new(NAME))?;
        lock(&file, FlockOperation::LockExclusive)
            .map_err(|error| FileError::new(Operation::Lock, &path, error))?;
        let end = file.file().metadata();
        let end = end.map_err(|error| FileError::new(Operation::Inspect, &path, error))?.len();
        let mut line = serde_json::to_vec(&entry).unwrap_or_default();
        line.push(b'\n');
        if end + line.len() as u64 > LIMIT {
            return Err(FileError::TooLarge { path, limit: LIMIT, found: end }.into());
        }
        file.file()
            .write_all_at(&line, end)
            .and_then(|()| file.file().sync_all())
            .map_err(|error| FileError::new(Operation::Write, &path, error).into())
    }

    /// Reports what is noted. `None` when nothing is, or another process is at it.
    pub(super) fn send_journal(&self) -> Result<Option<Reported>, VaultStoreError> {
        let Some(folder) = self.kept()? else { return Ok(None) };
        if !folder.names()?.iter().any(|name| name == NAME) {
            return Ok(None);
        }
        let path = self.kept_path().join(NAME);
        let file = folder.open_file(OsStr::new(NAME))?;
        if lock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Ok(None);
        }
        let mut text = String::new();
        let mut reader = file.file().take(LIMIT);
        let entries = match reader.read_to_string(&mut text) {
            Ok(_) => read(&text),
            // Half a line of a machine that stopped is passed over.
            Err(_) => Vec::new(),
        };
        let count = entries.len();
        let mut refused = None;
        for part in entries.chunks(JournalRequest::MAX) {
            let request = JournalRequest { entries: part.to_vec() };
            match self.client.put::<_, serde::de::IgnoredAny>("POST", "/v1/journal", &request) {
                Ok(_) => {}
                Err(error) if error.is_outage() => return Ok(None),
                Err(error) => refused = Some(error),
            }
        }
        file.file()
            .set_len(0)
            .and_then(|()| file.file().sync_all())
            .map_err(|error| FileError::new(Operation::Write, &path, error))?;
        Ok(match (count, refused) {
            (0, _) => None,
            (count, None) => Some(Reported::Sent { count }),
            (count, Some(error)) => Some(Reported::Refused { count, error }),
        })
    }
}

fn lock(file: &RegularFile, operation: FlockOperation) -> Result<(), rustix::io::Errno> {
    rustix::fs::flock(file.file(), operation)
}

fn read(text: &str) -> Vec<JournalEntry> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
fn half_a_line_is_passed_over() {
    let line = r#"{"at":1,"environment":"env_0","revision":2,"names":"*"}"#;
    let text =
        format!("{line}\n{}\n\nnull\n{line}\n{}", line.get(..9).unwrap(), line.get(..30).unwrap());
    assert_eq!(read(&text).len(), 2);
    assert_eq!(read(&text).first().map(|entry| entry.revision), Some(2));
}
