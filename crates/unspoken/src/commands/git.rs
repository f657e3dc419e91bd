//! `unspoken git`: what git calls, and what makes it call.

mod merge_driver;
mod pre_commit;
mod setup;
mod textconv;

use crate::context::Context;
use crate::failure::Failure;

/// Let git merge documents by name, show them by name, and check commits
///
/// `setup` is for you; git itself calls the other three.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  unspoken git setup")]
pub(crate) enum Git {
    Setup(setup::Setup),
    MergeDriver(merge_driver::MergeDriver),
    Textconv(textconv::Textconv),
    PreCommit(pre_commit::PreCommit),
}

impl Git {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Setup(command) => command.run(cx),
            Self::MergeDriver(command) => command.run(cx),
            Self::Textconv(command) => command.run(cx),
            Self::PreCommit(command) => command.run(cx),
        }
    }
}
