//! The manifest: what an archive holds, with a checksum for each file and one
//! for the manifest itself.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use thiserror::Error;
use unspoken_model::{ProjectName, shown};
use unspoken_seal::Checksum;

use super::archive::Entry;
use super::{Backup, BackupError};

/// The version that this program writes, and the newest that it reads.
const VERSION: u64 = 1;

/// How long the name of the program that made it may be.
const PROGRAM_MAX: usize = 64;

/// What is wrong with a manifest.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ManifestError {
    #[error("it does not read")]
    Syntax,
    #[error("version {found} is newer than this program knows")]
    Newer { found: u64 },
    #[error("the field `{field}` is missing or does not read")]
    Field { field: &'static str },
    #[error("its checksum does not fit")]
    Checksum,
}

/// Prints the manifest of a backup.
pub(super) fn print(backup: &Backup) -> String {
    let file = |(path, bytes): (&str, &[u8])| {
        json!({
            "path": path,
            "size": bytes.len(),
            "sha256": Checksum::of(bytes).to_string(),
        })
    };
    let files: Vec<Value> = backup.entries().map(file).collect();
    let mut manifest = json!({
        "version": VERSION,
        "project": backup.project.as_str(),
        "created": backup.created.to_string(),
        "program": backup.program,
        "files": files,
        "sha256": "",
    });
    let checksum = Checksum::of(format!("{manifest:#}\n").as_bytes());
    manifest["sha256"] = json!(checksum.to_string());
    format!("{manifest:#}\n")
}

/// Reads a manifest and puts a backup together from it and the files that it
/// must list. Whether it is spelt as it would be printed is for the caller to
/// compare.
pub(super) fn read(text: &[u8], entries: Vec<Entry>) -> Result<Backup, BackupError> {
    let wrong = BackupError::Manifest;
    let manifest: Value = serde_json::from_slice(text).map_err(|_| wrong(ManifestError::Syntax))?;
    let field = |field| wrong(ManifestError::Field { field });
    let version = manifest["version"].as_u64().ok_or(field("version"))?;
    if version > VERSION {
        return Err(wrong(ManifestError::Newer { found: version }));
    }
    let text = |name: &'static str| manifest[name].as_str().ok_or(field(name));
    check(&manifest, text("sha256")?).map_err(wrong)?;
    let project = ProjectName::parse(text("project")?).map_err(|_| field("project"))?;
    let created: Timestamp = text("created")?.parse().map_err(|_| field("created"))?;
    let program = text("program")?;
    if program.len() > PROGRAM_MAX || shown(program) != program {
        return Err(field("program"));
    }
    let listed = manifest["files"].as_array().ok_or(field("files"))?;
    if listed.len() != entries.len() {
        return Err(BackupError::Listing);
    }
    for (listed, (path, bytes)) in listed.iter().zip(&entries) {
        if listed["path"] != path.as_str() {
            return Err(BackupError::Listing);
        }
        let same = listed["size"] == bytes.len()
            && listed["sha256"].as_str() == Some(&Checksum::of(bytes).to_string());
        if !same {
            return Err(BackupError::Checksum { path: shown(path) });
        }
    }
    let mut files: BTreeMap<String, Vec<u8>> = entries.into_iter().collect();
    let keys = files.remove(Backup::KEYS);
    Ok(Backup { project, created, program: program.to_owned(), files, keys })
}

/// The checksum is over the manifest with an empty one.
fn check(manifest: &Value, found: &str) -> Result<(), ManifestError> {
    let mut without = manifest.clone();
    if let Some(checksum) = without.get_mut("sha256") {
        *checksum = json!("");
    }
    let expected = Checksum::of(format!("{without:#}\n").as_bytes());
    if expected.to_string() == found { Ok(()) } else { Err(ManifestError::Checksum) }
}
