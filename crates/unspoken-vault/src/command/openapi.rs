//! `unspoken-vault openapi`: prints the description of the interface.

use std::io::Write as _;

use crate::failure::Failure;
use crate::http;

/// Print the description of the HTTP interface
#[derive(Debug, clap::Args)]
pub(crate) struct Openapi {}

impl Openapi {
    pub(crate) fn run(self) -> Result<(), Failure> {
        std::io::stdout()
            .write_all(http::openapi::print().as_bytes())
            .map_err(|error| Failure::new(format!("it could not be printed ({error})")))
    }
}
