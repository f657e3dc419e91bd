//! The commands of the program.

mod init;
mod invite;
mod serve;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::config::{StoreChoice, Variables};
use crate::failure::Failure;

/// Keeps secrets for a team, hands them out, and writes down to whom
#[derive(Debug, Parser)]
#[command(name = "unspoken-vault", version, disable_help_subcommand = true)]
pub(crate) struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Init),
    Invite(invite::Invite),
    Serve(serve::Serve),
}

/// Where the store is
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Where {
    /// The folder with the SQLite store
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with = "database",
        required_unless_present = "database"
    )]
    data: Option<PathBuf>,

    /// A PostgreSQL database, as `postgres://user@host/name`
    ///
    /// A password does not belong here: put it into the variable PGPASSWORD or into a password file.
    #[arg(long, value_name = "URL")]
    database: Option<String>,

    /// A file with the master key
    ///
    /// Otherwise it is the systemd credential `unspoken-master-key`, the variable
    /// UNSPOKEN_VAULT_MASTER_KEY, or the file that `init` wrote.
    #[arg(long, value_name = "FILE")]
    master_key_file: Option<PathBuf>,
}

impl Where {
    fn store(&self) -> StoreChoice<'_> {
        match (&self.data, &self.database) {
            (Some(folder), _) => StoreChoice::Folder(folder),
            (None, url) => StoreChoice::Database(url.as_deref().unwrap_or_default()),
        }
    }
}

impl Line {
    pub(crate) fn run(self, variables: &Variables) -> Result<(), Failure> {
        match self.command {
            Command::Init(command) => command.run(variables),
            Command::Invite(command) => command.run(variables),
            Command::Serve(command) => command.run(variables),
        }
    }
}
