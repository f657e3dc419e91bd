//! `unspoken-vault rewrap`: from one master key to another.

use std::path::{Path, PathBuf};

use tokio::runtime::Runtime;

use super::master::hold;
use super::{Where, failed, say};
use crate::config::{StoreChoice, Variables};
use crate::failure::Failure;
use crate::hazmat::Key;
use crate::key::KmsKey;
use crate::master_file::{self, FoundMaster};
use crate::opened::{connect, is_within};
use crate::rewrap::{Rewrap, RewrapError, Rewrapped};

/// Wrap all keys by another master key
///
/// Values are not written anew. Stop all servers first: one that runs with the old master key refuses
/// what was wrapped by the new one. What was killed half-way goes on when it is run again.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("new").required(true))]
pub(crate) struct RewrapAll {
    #[command(flatten)]
    place: Where,

    /// The file with the new master key, which is made where there is none
    #[arg(long, value_name = "FILE", group = "new")]
    new_master_key_file: Option<PathBuf>,

    /// The name of the new master key, where another holds it: `aws-kms:` and its ARN
    #[arg(long, value_name = "NAME", group = "new")]
    new_master_key: Option<KmsKey>,
}

impl RewrapAll {
    pub(crate) fn run(self, variables: &Variables) -> Result<(), Failure> {
        let runtime = Runtime::new().map_err(|error| failed(&error))?;
        let store = self.place.store();
        let old = self.place.master(variables)?;
        let mut sql =
            connect(store, variables, runtime.handle(), false).map_err(|error| failed(&error))?;
        let (new, place) = self.new_key(store, variables)?;
        let new = hold(new, variables)?;
        let rewrapped = Rewrap { sql: &mut *sql, old: &*old, new: &*new }.run();
        let rewrapped = rewrapped.map_err(|error| match error {
            RewrapError::Another => failed(&error).hint(
                "Give the same new master key as the first time: some keys are wrapped by it.",
            ),
            error => failed(&error),
        })?;
        say(&match rewrapped {
            Rewrapped::Keys { count, kek } => format!(
                "The store is under version {kek} of its master key, which is {place}; {count} keys of \
                 projects were wrapped anew.\nStart the servers with it, and keep the old one for as long as \
                 backups from before.\n"
            ),
            Rewrapped::Nothing { kek } => format!(
                "The store was under this master key already, as version {kek}. Nothing was changed.\n"
            ),
        })
    }

    /// The new master key that there is, or one that is made here; and where it is.
    fn new_key(
        &self,
        store: StoreChoice<'_>,
        variables: &Variables,
    ) -> Result<(FoundMaster, String), Failure> {
        let file = match (&self.new_master_key, &self.new_master_key_file) {
            (Some(name), _) => return Ok((FoundMaster::AwsKms(name.clone()), name.to_string())),
            (None, file) => file.as_deref().unwrap_or(Path::new("")),
        };
        if matches!(store, StoreChoice::Folder(folder) if is_within(file, folder)) {
            return Err(Failure::new("the master key would lie in the folder of the store")
                .hint("Give it another place: `--new-master-key-file FILE`."));
        }
        if !file.exists() {
            master_file::write(file, &Key::random()).map_err(|error| failed(&error))?;
        }
        let found = master_file::find(Some(file), variables).map_err(|error| failed(&error))?;
        Ok((found, format!("in {}", file.display())))
    }
}
