//! `unspoken token`: what machines and agents are let in by.

mod create;
mod list;
mod revoke;

use crate::context::Context;
use crate::failure::Failure;

/// Give machines and agents a token of their own, and take it away
///
/// A token reads some environments of a vault, and nothing else. It ends by itself, and at once
/// when it is revoked.
#[derive(Debug, clap::Subcommand)]
#[command(
    after_help = "Examples:\n  unspoken token create ci -e production --expires 'in 30 days'\n  unspoken token list\n  unspoken token revoke ci"
)]
pub(crate) enum Token {
    Create(create::Create),
    #[command(visible_alias = "ls")]
    List(list::List),
    Revoke(revoke::Revoke),
}

impl Token {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Create(command) => command.run(cx),
            Self::List(command) => command.run(cx),
            Self::Revoke(command) => command.run(cx),
        }
    }
}
