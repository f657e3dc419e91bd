//! `unspoken agents`: what coding agents are told, and what they may.

mod allow;
mod check;
mod ground;
mod hook;
mod setup;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use unspoken_agents::Agent;

use crate::context::Context;
use crate::failure::Failure;

/// Keep coding agents from seeing values by accident
///
/// Guard-rails, not walls: an agent that means well does not read, print or send
/// a value by accident. One that does not can get around all of it, with your
/// files and your rights.
#[derive(Debug, clap::Subcommand)]
#[command(
    after_help = "Examples:\n  unspoken agents setup claude cursor\n  unspoken agents check\n  unspoken agents allow get -e staging --for 15m"
)]
pub(crate) enum Agents {
    Setup(setup::Setup),
    Check(check::Check),
    Allow(allow::Allow),
    #[command(hide = true)]
    Hook(hook::Hook),
}

impl Agents {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Setup(command) => command.run(cx),
            Self::Check(command) => command.run(cx),
            Self::Allow(command) => command.run(cx),
            Self::Hook(command) => command.run(cx),
        }
    }
}

fn parse_agent() -> impl TypedValueParser<Value = Agent> {
    let names = Agent::ALL.map(Agent::as_str);
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Agent>())
}
