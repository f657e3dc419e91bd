//! The commands, one file each.

mod accept;
mod completions;
mod doctor;
mod env;
mod export;
mod get;
mod git;
mod import;
mod init;
mod list;
mod mv;
mod resolve;
mod rm;
mod run;
mod set;
mod why;

use crate::context::Context;
use crate::failure::Failure;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Init(init::Init),
    Set(set::Set),
    Get(get::Get),
    #[command(visible_alias = "ls")]
    List(list::List),
    #[command(visible_alias = "remove")]
    Rm(rm::Rm),
    #[command(visible_alias = "rename")]
    Mv(mv::Mv),
    Import(import::Import),
    Export(export::Export),
    #[command(visible_alias = "x")]
    Run(run::Run),
    #[command(subcommand)]
    Env(env::Env),
    Why(why::Why),
    Doctor(doctor::Doctor),
    #[command(subcommand)]
    Git(git::Git),
    Resolve(resolve::Resolve),
    Accept(accept::Accept),
    Completions(completions::Completions),
}

impl Command {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Init(command) => command.run(cx),
            Self::Set(command) => command.run(cx),
            Self::Get(command) => command.run(cx),
            Self::List(command) => command.run(cx),
            Self::Rm(command) => command.run(cx),
            Self::Mv(command) => command.run(cx),
            Self::Import(command) => command.run(cx),
            Self::Export(command) => command.run(cx),
            Self::Run(command) => command.run(cx),
            Self::Env(command) => command.run(cx),
            Self::Why(command) => command.run(cx),
            Self::Doctor(command) => command.run(cx),
            Self::Git(command) => command.run(cx),
            Self::Resolve(command) => command.run(cx),
            Self::Accept(command) => command.run(cx),
            Self::Completions(command) => command.run(cx),
        }
    }
}
