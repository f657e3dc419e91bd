//! The vault: a server that keeps secrets, hands them out, and writes down to whom.
//!
//! Nothing leaves before its row of the record is durable.

#![forbid(unsafe_code)]

mod access;
mod audit;
#[cfg(feature = "aws-kms")]
mod aws;
mod backup;
mod check;
mod chores;
mod command;
mod config;
mod db;
mod failure;
mod federation;
#[doc(hidden)]
pub mod foreign;
mod hazmat;
mod http;
mod key;
mod limit;
mod master_file;
mod metrics;
mod opened;
mod outward;
mod places;
mod problem;
mod rekey;
mod rewrap;
mod seen;
mod server;
mod sign_in;
mod store;
mod tls;
mod traces;
mod wanted;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

pub use config::Variables;

/// Runs the program.
pub fn run(arguments: impl Iterator<Item = OsString>, variables: &Variables) -> ExitCode {
    let line = match command::Line::try_parse_from(arguments) {
        Ok(line) => line,
        Err(error) => {
            // Nothing can be done where that cannot be printed either.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match line.run(variables) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "{failure}");
            ExitCode::FAILURE
        }
    }
}
