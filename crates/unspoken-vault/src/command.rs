//! The commands of the program.

mod advice;
mod audit;
mod backup;
mod check;
mod init;
mod invite;
mod master;
mod migrate;
mod openapi;
mod rewrap;
mod serve;

use std::any::Any;
use std::fmt::Display;
use std::io::Write as _;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use tokio::runtime::Runtime;

use crate::config::{StoreChoice, Variables};
use crate::db::PostgresAddress;
use crate::failure::Failure;
use crate::key::KmsKey;
use crate::opened::{Opened, connect};

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
    #[command(hide = true)]
    Openapi(openapi::Openapi),
    Audit(audit::Audit),
    Check(check::Check),
    Backup(backup::Backup),
    Restore(backup::Restore),
    Migrate(migrate::Migrate),
    #[command(name = "rewrap")]
    Rewrap(rewrap::RewrapAll),
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
    /// A password does not belong here: put it into the variable PGPASSWORD. On another machine it is
    /// reached by TLS, and its certificate is checked by the system's, or by `?sslrootcert=FILE`; without
    /// TLS only where `?sslmode=disable` says so.
    #[arg(long, value_name = "URL")]
    database: Option<String>,

    /// A file with the master key
    ///
    /// Otherwise it is the systemd credential `unspoken-master-key`, the variable
    /// `UNSPOKEN_VAULT_MASTER_KEY`, or the file that `init` wrote.
    #[arg(long, value_name = "FILE")]
    master_key_file: Option<PathBuf>,

    /// The name of a master key that another holds: `aws-kms:` and the ARN of a key in AWS KMS
    ///
    /// It may as well stand where a master key does.
    #[arg(long, value_name = "NAME", conflicts_with = "master_key_file")]
    master_key: Option<KmsKey>,
}

impl Where {
    fn store(&self) -> StoreChoice<'_> {
        match (&self.data, &self.database) {
            (Some(folder), _) => StoreChoice::Folder(folder),
            (None, url) => StoreChoice::Database(url.as_deref().unwrap_or_default()),
        }
    }
}

impl Where {
    /// Whether the database is on another machine, and reached without TLS.
    fn is_far_and_bare(&self) -> bool {
        match self.store() {
            StoreChoice::Folder(_) => false,
            StoreChoice::Database(url) => {
                PostgresAddress::parse(url).is_ok_and(|address| address.is_bare)
            }
        }
    }
}

/// A store that was opened by a command, and what drives its connection.
struct Ready {
    store: Opened,
    /// Dropped after the store.
    runtime: Runtime,
}

impl Where {
    /// Opens the store with its master key.
    fn open(&self, variables: &Variables) -> Result<Ready, Failure> {
        let runtime = Runtime::new().map_err(|error| failed(&error))?;
        let master = self.master(variables)?;
        let sql = connect(self.store(), variables, runtime.handle(), false)
            .map_err(|error| failed(&error))?;
        let store = Opened::open(sql, master).map_err(|error| failed(&error))?;
        Ok(Ready { store, runtime })
    }
}

/// That it failed, and what to do about it.
fn failed(error: &(impl Display + Any)) -> Failure {
    let failure = Failure::new(error.to_string());
    match advice::advise(error) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Prints what a command has to say.
fn say(text: &str) -> Result<(), Failure> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| Failure::new(format!("nothing can be printed ({error})")))
}

impl Line {
    pub(crate) fn run(self, variables: &Variables) -> Result<(), Failure> {
        match self.command {
            Command::Init(command) => command.run(variables),
            Command::Invite(command) => command.run(variables),
            Command::Serve(command) => command.run(variables),
            Command::Openapi(command) => command.run(),
            Command::Audit(command) => command.run(variables),
            Command::Check(command) => command.run(variables),
            Command::Backup(command) => command.run(),
            Command::Restore(command) => command.run(variables),
            Command::Migrate(command) => command.run(variables),
            Command::Rewrap(command) => command.run(variables),
        }
    }
}
