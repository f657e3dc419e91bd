//! What is kept of a vault's answers for when it cannot be reached.
//!
//! Rules:
//! - One sealed, private file for each environment of a project in a folder. The token that fetched
//!   the values opens it, as what it was fetched for, and nothing else does.
//! - It may be used for as long as the vault said, counted from when the vault last said that it is
//!   the newest.
//! - When the vault says no, it goes.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use unspoken_model::{EnvironmentId, EnvironmentName};
use unspoken_seal::Checksum;
use unspoken_wire::vault::Revealed;
use zeroize::Zeroizing;

use super::{VaultStore, VaultStoreError};
use crate::private_folder::PrivateFolder;
use crate::{Keep, PrivateError};

/// The folder in the home.
pub(super) const FOLDER: &str = "snapshots";

/// How the file of an environment ends.
const ENDING: &str = ".sealed";

/// How large a file is at most: the largest answer, and what stands before it.
const LIMIT: u64 = Revealed::MAX_BYTES as u64 + 4096;

/// How far a clock may have been ahead when it was kept.
const AHEAD: i64 = 5 * 60;

/// The copies of one environment.
pub(super) struct Snapshots<'s> {
    store: &'s VaultStore,
    pub(super) environment: &'s EnvironmentName,
    about: String,
}

/// One answer of the vault.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) environment: EnvironmentId,
    pub(super) revision: i64,
    pub(super) at: Timestamp,
    keep: Keep,
    pub(super) revealed: Revealed,
}

/// Why what is kept is not used, or nothing is kept.
#[derive(Debug, Error)]
pub enum SnapshotError {
    #[error("`{}` was changed, or was fetched with another token", .path.display())]
    Sealed { path: PathBuf },
    #[error(
        "what is kept of it is of {at}, which is longer ago than the {seconds} seconds that the vault allows"
    )]
    Old { at: Timestamp, seconds: u32 },
    #[error("what is kept of it is of {at}, which is yet to come")]
    Future { at: Timestamp },
    #[error("the values are more than can be kept")]
    TooLarge,
    #[error(transparent)]
    Private(#[from] PrivateError),
}

/// What stands before the values, in one line.
#[derive(Deserialize, Serialize)]
struct Head {
    environment: String,
    revision: i64,
    /// Milliseconds since 1970.
    at: i64,
    seconds: u32,
}

impl Snapshot {
    /// Whether it may stand in for the vault now.
    pub(super) fn judge(&self, now: Timestamp) -> Result<(), SnapshotError> {
        let age = now.as_second() - self.at.as_second();
        if age < -AHEAD {
            return Err(SnapshotError::Future { at: self.at });
        }
        if age > i64::from(self.keep.0) {
            return Err(SnapshotError::Old { at: self.at, seconds: self.keep.0 });
        }
        Ok(())
    }

    /// Whether it should be written again although nothing in it is new.
    pub(super) fn is_stale(&self, keep: Keep, now: Timestamp) -> bool {
        let age = now.as_second() - self.at.as_second();
        keep != self.keep || !(0..=i64::from(keep.0 / 24)).contains(&age)
    }
}

impl<'s> Snapshots<'s> {
    pub(super) fn new(store: &'s VaultStore, environment: &'s EnvironmentName) -> Self {
        let project = &store.project;
        let id = project.entry.project.map(|id| id.to_string()).unwrap_or_default();
        // None of these holds a line end.
        let (url, root) = (store.url(), project.root.checksum());
        let about = format!("{url}\n{id}\n{}\n{root}\n{environment}", project.name);
        Self { store, environment, about }
    }

    fn name(&self) -> OsString {
        let sum = Checksum::of(self.about.as_bytes()).to_string();
        let name: String = sum.chars().take(32).collect();
        OsString::from(name + ENDING)
    }

    fn path(&self) -> PathBuf {
        self.store.kept_path().join(self.name())
    }

    pub(super) fn read(&self) -> Result<Option<Snapshot>, SnapshotError> {
        let Some(folder) = self.store.kept()? else { return Ok(None) };
        let Some(sealed) = folder.read_large(&self.name(), LIMIT)? else { return Ok(None) };
        let opened = self.store.token.open_at_rest(self.about.as_bytes(), &sealed);
        let read = opened.and_then(|bytes| read(&bytes));
        read.map(Some).ok_or_else(|| SnapshotError::Sealed { path: self.path() })
    }

    pub(super) fn write(
        &self,
        environment: EnvironmentId,
        revealed: &Revealed,
        keep: Keep,
        now: Timestamp,
    ) -> Result<(), SnapshotError> {
        let (revision, at) = (revealed.revision, now.as_millisecond());
        let head = Head { environment: environment.to_string(), revision, at, seconds: keep.0 };
        let head = serde_json::to_vec(&head).map_err(|_| SnapshotError::TooLarge)?;
        let values = Zeroizing::new(revealed.print().into_bytes());
        let mut bytes = Zeroizing::new(Vec::with_capacity(head.len() + 1 + values.len()));
        bytes.extend_from_slice(&head);
        bytes.push(b'\n');
        bytes.extend_from_slice(&values);
        let sealed = self.store.token.seal_at_rest(self.about.as_bytes(), &bytes);
        let sealed = sealed.filter(|sealed| sealed.len() as u64 <= LIMIT);
        let sealed = sealed.ok_or(SnapshotError::TooLarge)?;
        Ok(self.store.keep()?.replace(&self.name(), &sealed)?)
    }

    pub(super) fn remove(&self) -> Result<(), VaultStoreError> {
        if let Some(folder) = self.store.kept()? {
            folder.remove(&self.name())?;
        }
        Ok(())
    }

    /// Removes what is kept of this vault, whoever fetched it.
    pub(super) fn remove_all(&self) -> Result<(), VaultStoreError> {
        let Some(folder) = self.store.kept()? else { return Ok(()) };
        for name in folder.names()? {
            if Path::new(&name).extension() == Some(OsStr::new("sealed")) {
                folder.remove(&name)?;
            }
        }
        Ok(())
    }
}

impl VaultStore {
    /// The folder of this vault's answers; `None` when nothing is kept.
    pub(super) fn kept(&self) -> Result<Option<PrivateFolder>, PrivateError> {
        let Some(home) = self.home.open()? else { return Ok(None) };
        let Some(folder) = home.folder(OsStr::new(FOLDER))? else { return Ok(None) };
        folder.folder(&self.folder_name())
    }

    pub(super) fn keep(&self) -> Result<PrivateFolder, PrivateError> {
        let folder = self.home.create()?.create_folder(OsStr::new(FOLDER))?;
        folder.create_folder(&self.folder_name())
    }

    fn folder_name(&self) -> OsString {
        let sum = Checksum::of(self.url().as_str().as_bytes()).to_string();
        OsString::from(sum.chars().take(32).collect::<String>())
    }

    pub(super) fn kept_path(&self) -> PathBuf {
        self.home.path().join(FOLDER).join(self.folder_name())
    }
}

/// Reads what was opened. What was sealed here is as it was written, unless an older or a newer
/// release wrote it.
fn read(bytes: &[u8]) -> Option<Snapshot> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (head, values) = bytes.split_at_checked(end)?;
    let head: Head = serde_json::from_slice(head).ok()?;
    let revealed = Revealed::parse(values.get(1..)?).ok()?;
    Some(Snapshot {
        environment: head.environment.parse().ok()?,
        revision: head.revision,
        at: Timestamp::from_millisecond(head.at).ok()?,
        keep: Keep(head.seconds),
        revealed,
    })
}

#[test]
fn what_is_kept_is_good_for_as_long_as_the_vault_said() {
    let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
    let snapshot = Snapshot {
        environment: EnvironmentId::new([1; 16]),
        revision: 3,
        at: at(0),
        keep: Keep(86_400),
        revealed: Revealed { revision: 3, secrets: Vec::new() },
    };
    for good in [-AHEAD, 0, 86_400] {
        assert!(snapshot.judge(at(good)).is_ok(), "{good}");
    }
    assert!(matches!(snapshot.judge(at(86_401)), Err(SnapshotError::Old { .. })));
    assert!(matches!(snapshot.judge(at(-AHEAD - 1)), Err(SnapshotError::Future { .. })));
    assert!(!snapshot.is_stale(Keep(86_400), at(3600)));
    assert!(snapshot.is_stale(Keep(86_400), at(3601)) && snapshot.is_stale(Keep(60), at(0)));
    assert!(snapshot.is_stale(Keep(86_400), at(-1)));
}
