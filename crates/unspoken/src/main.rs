//! The `unspoken` program.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use unspoken_store::Variables;

fn main() -> ExitCode {
    unspoken::run(std::env::args_os(), Variables::from_process())
}
