//! The command line: what can be typed, what is said, exit codes.
//!
//! The one place where the parts meet: every command resolves what was asked,
//! opens one set, and hands it to one sink. A feature is a file in `commands/`.

#![forbid(unsafe_code)]

mod access;
mod access_change;
mod agent_runtime;
mod ask;
mod audit;
mod cli;
mod commands;
mod complete;
mod context;
mod failure;
mod findable;
mod finding;
mod flags;
mod generated;
mod git;
mod history;
mod input;
mod json;
mod launcher;
mod merging;
mod prompt;
mod repository;
mod sarif;
mod sources;
mod transfer;
mod ui;
mod vault;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::CommandFactory as _;
use unspoken_deliver::child::close_to_others;
use unspoken_deliver::fd::Inheritance;
use unspoken_deliver::terminal::monitor;
use unspoken_store::Variables;
use unspoken_store::env_vars::{UNSPOKEN_COMPLETE, UNSPOKEN_FD, UNSPOKEN_READY_FD};
use unspoken_wire::Descriptors;

use crate::cli::Cli;
use crate::context::Context;
use crate::failure::Code;
use crate::ui::Ui;

/// Runs one command line.
pub fn run(arguments: impl Iterator<Item = OsString>, variables: Variables) -> ExitCode {
    // What we open stands in our memory until `exec`: no debugger of the same
    // user may attach, and no core dump is written.
    close_to_others();
    let arguments: Vec<OsString> = arguments.collect();
    // Before all else: what is open here is for the command.
    if monitor(&arguments).is_some() {
        return ExitCode::SUCCESS;
    }
    if variables.is_set(UNSPOKEN_COMPLETE) {
        complete::answer();
        return ExitCode::SUCCESS;
    }
    let cli = match cli::parse(&arguments) {
        Ok(cli) => cli,
        Err(error) => return cli::refuse(&error, &arguments, &variables),
    };
    keep_to_ourselves(&variables);
    let ui = Ui::new(cli.output, &variables);
    let mut context = Context::new(ui, variables, cli.project_dir);
    match cli.command.run(&mut context) {
        Ok(()) => ExitCode::from(context.passed_on.unwrap_or(0)),
        Err(failure) => context.ui.fail(&failure),
    }
}

/// What this process was handed is for it alone, not for the git, the editor or
/// the command that it starts.
fn keep_to_ourselves(variables: &Variables) {
    for variable in [UNSPOKEN_FD, UNSPOKEN_READY_FD] {
        if let Ok(Some(listed)) = variables.text(variable)
            && let Ok(descriptors) = Descriptors::parse(listed)
        {
            Inheritance::keep_to_ourselves(&descriptors);
        }
    }
}

/// The command line's grammar, for man pages, completions and the reference.
pub fn command() -> clap::Command {
    <Cli>::command()
}

/// The exit codes: number, name, meaning.
pub fn exit_codes() -> impl Iterator<Item = (u8, &'static str, &'static str)> {
    let codes = Code::ALL.into_iter().map(|code| (code.number(), code.name(), code.meaning()));
    std::iter::once((0, "success", "It did what was asked.")).chain(codes)
}
