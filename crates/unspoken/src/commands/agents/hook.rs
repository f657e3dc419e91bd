//! `unspoken agents hook`: what an agent asks before it calls a tool.

use std::io::Write as _;

use unspoken_agents::{Agent, answer};

use crate::context::Context;
use crate::failure::Failure;
use crate::input::read_stdin;

/// How much of a question is read. What is longer does not read, and passes.
const LIMIT: usize = 1024 * 1024;

/// Answer a coding agent's question about a tool call (agents call this)
///
/// Reads the question from standard input, and answers as the agent expects. It
/// opens nothing and needs no project.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  unspoken agents hook claude < question.json")]
pub(crate) struct Hook {
    /// Which agent asks
    #[arg(value_name = "AGENT", value_parser = super::parse_agent())]
    agent: Agent,
}

impl Hook {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let question = read_stdin(LIMIT)?;
        let said = answer(self.agent, &question);
        cx.ui.print(&said.stdout)?;
        // The agent reads this, whatever was said about being quiet. If it does
        // not, nobody is left to tell.
        let _ = std::io::stderr().lock().write_all(said.stderr.as_bytes());
        cx.passed_on = Some(said.code);
        Ok(())
    }
}
