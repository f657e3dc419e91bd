//! Becoming the command: this process is replaced, so its signals, terminal,
//! exit code and process id are the command's own. No shell is in between.
//!
//! Rules:
//! - A name without a slash is looked up in the **child's** `PATH`, so a secret
//!   that is delivered as `PATH` decides. Without one the usual default does.
//! - The child starts with the signals that we were started with: the runtime
//!   of this language ignores SIGPIPE, and that is undone.
//! - Variables are handed to the kernel as they are: the standard library's
//!   `Command` would sort and copy them twice, which costs more than opening
//!   the values did.
//!
//! When the kernel has taken our place there is no "us" left that could wipe
//! the copies of values; the kernel drops our memory. When it has not, they are
//! wiped here.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use nix::unistd::execve;
use thiserror::Error;
use unspoken_wire::Bundle;

use super::Environment;
use super::call::Call;
use crate::fd::ChannelError;
use crate::output::RelayError;

/// Why a command did not start.
#[derive(Debug, Error)]
pub enum StartError {
    #[error("no program `{}`", .program.display())]
    NotFound { program: OsString },
    #[error("cannot execute `{}`", .program.display())]
    NotExecutable { program: OsString, source: io::Error },
    #[error("cannot execute `{}`: the interpreter that its first line names is not there", .program.display())]
    NoInterpreter { program: PathBuf },
    #[error(
        "the arguments and the environment are too large together: {bytes} bytes in {variables} variables"
    )]
    TooLarge { bytes: usize, variables: usize },
    #[error("cannot start `{}`", .program.display())]
    Io { program: OsString, source: io::Error },
    #[error("cannot hand over the descriptors {descriptors}")]
    Descriptors { descriptors: unspoken_wire::Descriptors, source: io::Error },
    #[error("the descriptor {number} cannot be open here: the limit on open files is {limit}")]
    Limit { number: u16, limit: u64 },
    #[error(
        "the set is too large for a bundle: {bytes} bytes and {names} names, where {max_bytes} and \
         {max_names} are the most",
        max_bytes = Bundle::MAX_BYTES,
        max_names = Bundle::MAX_NAMES
    )]
    TooMuch { bytes: usize, names: usize },
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error("cannot limit what a crash writes to disk")]
    Harden { source: io::Error },
    #[error(transparent)]
    Relay(#[from] RelayError),
    #[error("cannot watch over the command")]
    Supervise { source: io::Error },
}

/// Replaces this process by the command. Returns only if that fails.
pub fn exec(command: &[OsString], environment: Environment) -> StartError {
    match become_it(command, environment) {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

pub(super) fn become_it(
    command: &[OsString],
    environment: Environment,
) -> Result<Infallible, StartError> {
    let call = Call::new(command, environment)?;
    sigpipe::reset();
    call.attempt(execve)
}
