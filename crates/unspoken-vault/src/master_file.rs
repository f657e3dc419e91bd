//! The master key's file, and the other places that one comes from.
//!
//! In each of them stands the key itself, or the name of one that another holds.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::config::Variables;
use crate::hazmat::Key;
use crate::key::KmsKey;

/// Why there is no master key.
#[derive(Debug, Error)]
pub(crate) enum MasterFileError {
    #[error("the master key's file `{}` {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("others can read the master key's file `{}` (mode {mode:04o})", path.display())]
    Open { path: PathBuf, mode: u32 },
    #[error(
        "what is in `{place}` is no master key: that is 32 bytes as base64, or `aws-kms:` and a key's ARN"
    )]
    Shape { place: String },
    #[error("there is no master key")]
    Nowhere,
}

/// A master key that was found.
#[derive(Debug)]
pub(crate) enum FoundMaster {
    Own(Key),
    AwsKms(KmsKey),
}

/// The name of systemd's credential.
const CREDENTIAL: &str = "unspoken-master-key";

/// How long what a file holds is at most.
const LONGEST: usize = 256;

/// Finds the master key: in this file, or in the first place where there is one.
pub(crate) fn find(
    file: Option<&Path>,
    variables: &Variables,
) -> Result<FoundMaster, MasterFileError> {
    if let Some(file) = file {
        return read(file);
    }
    let credential = variables.credentials.as_ref().map(|folder| folder.join(CREDENTIAL));
    if let Some(file) = credential.filter(|file| file.exists()) {
        return read(&file);
    }
    if let Some(text) = &variables.master_key {
        let place = "UNSPOKEN_VAULT_MASTER_KEY".to_owned();
        return parse(text).ok_or(MasterFileError::Shape { place });
    }
    match variables.master_key_file().filter(|file| file.exists()) {
        Some(file) => read(&file),
        None => Err(MasterFileError::Nowhere),
    }
}

fn parse(text: &str) -> Option<FoundMaster> {
    let text = text.trim();
    if KmsKey::is_meant(text) {
        return text.parse().ok().map(FoundMaster::AwsKms);
    }
    Key::new(&Zeroizing::new(STANDARD.decode(text).ok()?)).map(FoundMaster::Own)
}

fn read(path: &Path) -> Result<FoundMaster, MasterFileError> {
    let failed = |error| MasterFileError::File { path: path.to_owned(), error };
    let file = fs::File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.mode() & 0o777;
    // systemd gives credentials 0400, and 0440 where the service has a group.
    if mode & 0o037 != 0 {
        return Err(MasterFileError::Open { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::with_capacity(LONGEST));
    file.take(LONGEST as u64).read_to_string(&mut text).map_err(failed)?;
    parse(&text).ok_or_else(|| MasterFileError::Shape { place: path.display().to_string() })
}

/// Writes a new key where there is no file yet. Nobody else can read it from the first byte.
pub(crate) fn write(path: &Path, key: &Key) -> Result<(), MasterFileError> {
    let failed = |error| MasterFileError::File { path: path.to_owned(), error };
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    }
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    let mut text = Zeroizing::new(STANDARD.encode(key.expose()));
    text.push('\n');
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}
