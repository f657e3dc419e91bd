//! `unspoken agents check`: whether the guard-rails are in place.

use serde_json::{Value, json};
use unspoken_agents::{Agent, State};

use super::ground::Ground;
use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::ui::table;

/// Tell whether the guard-rails of coding agents are in place
///
/// Exit code 0 means that they are for every agent named, or, when none is
/// named, for at least one and for each that was set up. Whether an agent obeys
/// its files is not seen from here.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken agents check\n  unspoken agents check claude codex --json"
)]
pub(crate) struct Check {
    /// Which agents [default: all that are set up]
    #[arg(value_name = "AGENT", value_parser = super::parse_agent())]
    agents: Vec<Agent>,
}

/// How one agent stands.
struct Verdict {
    agent: Agent,
    files: Vec<(&'static str, Result<State, String>)>,
}

impl Check {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let ground = Ground::find(cx)?;
        let agents = if self.agents.is_empty() { Agent::ALL.to_vec() } else { self.agents.clone() };
        let mut verdicts = Vec::new();
        for agent in agents {
            let mut files = Vec::new();
            for artifact in agent.artifacts() {
                let path = artifact.path;
                // One that cannot be read says nothing about the others.
                let state = ground.read(artifact).map_err(|failure| failure.message);
                let state = state.and_then(|lying| {
                    let state = lying.artifact.state(lying.text.as_deref());
                    state.map_err(|error| error.to_string())
                });
                files.push((path, state));
            }
            verdicts.push(Verdict { agent, files });
        }
        if cx.ui.json {
            let agents: Vec<Value> = verdicts.iter().map(Verdict::json).collect();
            cx.ui.print_json(&json!({ "agents": agents }))?;
        } else {
            let rows = verdicts.iter().map(|verdict| {
                vec![verdict.agent.to_string(), verdict.word().to_owned(), verdict.lacking()]
            });
            cx.ui.print(&table(&rows.collect::<Vec<_>>()))?;
        }
        let named = !self.agents.is_empty();
        let wrong = verdicts.iter().filter(|verdict| match verdict.word() {
            "in place" => false,
            "not there" => named,
            _ => true,
        });
        let wrong: Vec<&str> = wrong.map(|verdict| verdict.agent.as_str()).collect();
        let none = verdicts.iter().all(|verdict| verdict.word() == "not there");
        if !wrong.is_empty() {
            let list = wrong.join(" ");
            return Err(Failure::new(
                Code::Other,
                format!("not in place for {}", wrong.join(", ")),
            )
            .hint(format!("Run `unspoken agents setup {list}`.")));
        }
        if none {
            return Err(Failure::new(Code::Other, "no agent is set up")
                .hint("Run `unspoken agents setup --all`, or name those that you use."));
        }
        Ok(())
    }
}

impl Verdict {
    fn word(&self) -> &'static str {
        let all = |wanted| self.files.iter().all(|(_, state)| *state == Ok(wanted));
        let any = |wanted| self.files.iter().any(|(_, state)| *state == Ok(wanted));
        match () {
            () if all(State::InPlace) => "in place",
            () if all(State::Missing) => "not there",
            () if any(State::OutOfDate) => "out of date",
            () => "partly",
        }
    }

    /// What is not as it must be.
    fn lacking(&self) -> String {
        if self.word() == "not there" {
            return String::new();
        }
        let files = self.files.iter().filter(|(_, state)| *state != Ok(State::InPlace));
        let files = files.map(|(path, state)| format!("{path}: {}", word(state)));
        files.collect::<Vec<_>>().join(", ")
    }

    fn json(&self) -> Value {
        let files = self.files.iter();
        let files: Vec<Value> =
            files.map(|(path, state)| json!({ "path": path, "state": word(state) })).collect();
        json!({ "agent": self.agent.as_str(), "state": self.word(), "files": files })
    }
}

fn word(state: &Result<State, String>) -> &str {
    match state {
        Ok(State::InPlace) => "in place",
        Ok(State::Missing) => "missing",
        Ok(State::Partly) => "partly",
        Ok(State::OutOfDate) => "out of date",
        Err(error) => error,
    }
}
