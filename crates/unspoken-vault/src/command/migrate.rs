//! `unspoken-vault migrate`: brings the tables of a store up to date.

use super::{Where, say};
use crate::config::Variables;
use crate::db::newest;
use crate::failure::Failure;

/// Bring a store's tables up to date
///
/// `serve` does so too. With several nodes, do it once before the first of them is renewed.
#[derive(Debug, clap::Args)]
pub(crate) struct Migrate {
    #[command(flatten)]
    place: Where,
}

impl Migrate {
    pub(crate) fn run(self, variables: &Variables) -> Result<(), Failure> {
        // To open a store is to bring it up to date.
        drop(self.place.open(variables)?);
        say(&format!("The tables have version {}.\n", newest()))
    }
}
