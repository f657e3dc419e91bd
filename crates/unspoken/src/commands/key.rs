//! `unspoken key`: this machine's private keys.

use crate::commands::key_move::KeyMove;
use crate::context::Context;
use crate::failure::Failure;

/// Move private keys
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  unspoken key move --all --to keychain")]
pub(crate) enum Key {
    Move(KeyMove),
}

impl Key {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Move(command) => command.run(cx),
        }
    }
}
