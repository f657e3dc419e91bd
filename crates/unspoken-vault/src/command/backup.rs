//! `unspoken-vault backup` and `restore`: a store in one file.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

use super::{Where, failed, say};
use crate::backup::{back_up, restore};
use crate::config::{StoreChoice, Variables};
use crate::failure::Failure;
use crate::opened::FILE;

/// Write a copy of a store into one file
///
/// A server may run meanwhile. The master key is not in it: keep a copy of that elsewhere.
#[derive(Debug, clap::Args)]
pub(crate) struct Backup {
    #[command(flatten)]
    place: Where,

    /// A new file
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// Make a store of a backup
///
/// Before there is one, the backup is known to be whole, to belong to the master key, and to hold a
/// record that nobody has changed.
#[derive(Debug, clap::Args)]
pub(crate) struct Restore {
    /// What `backup` wrote
    file: PathBuf,

    #[command(flatten)]
    place: Where,
}

impl Backup {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let StoreChoice::Folder(folder) = self.place.store() else {
            return Err(elsewhere("backed up").hint(format!(
                "Run `pg_dump --format=custom --file={} URL`, with the URL of the database.",
                self.output.display()
            )));
        };
        back_up(&folder.join(FILE), &self.output).map_err(|error| failed(&error))?;
        say(&format!(
            "The store is in {}. Its master key is not: without a copy of that, kept elsewhere, nothing in \
             the backup can be read.\n",
            self.output.display()
        ))
    }
}

impl Restore {
    pub(crate) fn run(self, variables: &Variables) -> Result<(), Failure> {
        let StoreChoice::Folder(folder) = self.place.store() else {
            return Err(elsewhere("restored")
                .hint("Run `pg_restore` into an empty database, then `unspoken-vault check`."));
        };
        let master = self.place.master(variables)?;
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| failed(&error))?;
        let summary =
            restore(&self.file, &folder.join(FILE), master).map_err(|error| failed(&error))?;
        let last = summary.last.map_or(0, |(number, _)| number);
        say(&format!(
            "The store is restored as it was at head {last} of its record, and {} rows later. What was \
             revoked or removed since then is not.\n",
            summary.unsigned
        ))
    }
}

fn elsewhere(done: &str) -> Failure {
    Failure::new(format!("a store in PostgreSQL is {done} by PostgreSQL's own programs"))
}
