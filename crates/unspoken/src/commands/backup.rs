//! `unspoken backup`: a project's sealed files in one archive.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::json;
use unspoken_seal::{Checksum, seal_with_passphrase};
use unspoken_store::{Backup as Archive, BackupKeys, write_new};

use crate::commands::key::{passphrase_failure, read_passphrase};
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure, quoted};
use crate::prompt;
use crate::ui::counted;

/// Write the project's sealed files into one archive
///
/// A plain tar of `unspoken.toml`, every document and what waits in the inboxes,
/// with a manifest of checksums. It is ciphertext: it opens with the keys that
/// open the documents, and those are not in it, unless `--include-keys` adds
/// them under a passphrase. An existing file is never replaced.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken backup\n  unspoken backup --output - | ssh backup.example 'cat > acme.tar'\n  unspoken backup --include-keys --output /media/stick/acme.tar"
)]
pub(crate) struct Backup {
    /// The file, or `-` for standard output [default: `PROJECT-backup-TIME.tar`, here]
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    output: Option<PathBuf>,

    /// Add the private keys of this machine that the documents need, and its
    /// identity, sealed with a passphrase that is asked for
    #[arg(long)]
    include_keys: bool,

    /// The passphrase is in the first line of this file
    #[arg(long, value_name = "FILE", requires = "include_keys")]
    passphrase_file: Option<PathBuf>,
}

const PROGRAM: &str = concat!("unspoken ", env!("CARGO_PKG_VERSION"));

impl Backup {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let to_stdout = self.output.as_deref() == Some(Path::new("-"));
        if to_stdout && cx.ui.stdout_is_terminal() {
            return Err(Failure::new(Code::Refused, "standard output is a terminal")
                .hint("Pipe it on, or give `--output FILE`."));
        }
        if to_stdout && cx.ui.json {
            return Err(Failure::new(
                Code::Usage,
                "with `--output -` standard output is the archive, and cannot be JSON as well",
            ));
        }
        let workspace = cx.workspace()?;
        let now = cx.now();
        let mut archive = Archive::collect(&cx.store(&workspace), now, PROGRAM)?;
        let keys = if self.include_keys {
            Some(self.add_keys(cx, &workspace, &mut archive)?)
        } else {
            None
        };
        let bytes = archive.print()?;
        let (files, size) = (archive.files().len(), bytes.len());
        let checksum = Checksum::of(&bytes).to_string();
        let path = if to_stdout {
            cx.ui.write_value(&bytes)?;
            None
        } else {
            let usual = || usual_name(archive.project.as_str(), now);
            let path = self.output.clone().unwrap_or_else(usual);
            write(&path, &bytes)?;
            Some(path)
        };
        let shown =
            path.as_deref().map_or("standard output".to_owned(), |p| p.display().to_string());
        let with = match &keys {
            None => ", without the private keys",
            Some(_) => ", with the private keys under your passphrase",
        };
        let words = format!("wrote {} to {shown}{with}", counted(files, "file"));
        if path.is_none() {
            cx.ui.note(&words);
            return Ok(());
        }
        cx.ui.report(
            &json!({
                "file": shown,
                "project": archive.project.as_str(),
                "created": archive.created.to_string(),
                "files": files,
                "bytes": size,
                "sha256": checksum,
                "keys": keys,
            }),
            &words,
        )
    }

    /// Seals the private keys into the archive, and gives their ids.
    fn add_keys(
        &self,
        cx: &Context,
        workspace: &Workspace,
        archive: &mut Archive,
    ) -> Result<Vec<String>, Failure> {
        let (current, all) = archive.key_ids()?;
        let keys = BackupKeys::collect(&workspace.home, &all)?;
        let ids: Vec<String> = keys.ids().map(ToString::to_string).collect();
        if ids.is_empty() && !keys.has_identity() {
            return Err(Failure::new(Code::NoKey, "this machine has no key of this project")
                .hint("Leave `--include-keys` out, or run it where the keys are."));
        }
        for id in current.iter().filter(|id| !ids.contains(&id.to_string())) {
            cx.ui.warn(&format!(
                "the key {id} is not in the key folder, so it is not in the backup"
            ));
        }
        let passphrase = match &self.passphrase_file {
            Some(path) => read_passphrase(path)?,
            None => prompt::new_passphrase(&cx.ui)?,
        };
        let sealed =
            seal_with_passphrase(&keys.print(), &passphrase).map_err(passphrase_failure)?;
        archive.add_keys(sealed.into_bytes());
        Ok(ids)
    }
}

/// `acme-web-backup-20261122T020359Z.tar`
fn usual_name(project: &str, now: Timestamp) -> PathBuf {
    let time = now.strftime("%Y%m%dT%H%M%SZ");
    PathBuf::from(format!("{project}-backup-{time}.tar"))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if write_new(path, bytes)? {
        return Ok(());
    }
    let message = format!("`{}` is there already", path.display());
    Err(Failure::new(Code::Refused, message).hint(format!(
        "Nothing was written. Choose another name: `unspoken backup --output {}.new`.",
        quoted(path)
    )))
}
