//! `unspoken agents setup`: the guard-rails of agents, put in and taken out.

use serde_json::json;
use unspoken_agents::Agent;

use super::ground::{Ground, Lying};
use crate::context::Context;
use crate::failure::{Code, Failure};

/// Write what keeps coding agents away from values into their own files
///
/// For each agent: which files it is not to read, which commands it is not to
/// run, a hook that looks at each call before it is made, and a page of
/// guidance. The files lie at the repository's root and are for all who work
/// on it: commit them. What is yours in them stays, and a second time changes
/// nothing. What a project cannot say, because it is a setting of yours or of
/// the host, is shown for you to make. It is a guard-rail, and no wall.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken agents setup claude\n  unspoken agents setup --all\n  unspoken agents setup cursor --print\n  unspoken agents setup claude --remove"
)]
pub(crate) struct Setup {
    /// claude, cursor, codex, copilot, gemini or windsurf
    #[arg(value_name = "AGENT", required_unless_present = "all")]
    agents: Vec<Agent>,

    /// All of them
    #[arg(long, conflicts_with = "agents")]
    all: bool,

    /// Take out what was written, and leave the rest as it is
    #[arg(long, conflicts_with = "print")]
    remove: bool,

    /// Show what would be written, and write nothing
    #[arg(long)]
    print: bool,
}

impl Setup {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let mut agents = if self.all { Agent::ALL.to_vec() } else { self.agents.clone() };
        agents.sort_unstable();
        agents.dedup();
        if self.print {
            return print(cx, &agents);
        }
        let ground = Ground::find(cx)?;
        let mut planned: Vec<(Agent, Lying, Option<String>)> = Vec::new();
        for &agent in &agents {
            for artifact in agent.artifacts() {
                let lying = ground.read(artifact)?;
                let new = self.plan(&lying)?;
                planned.push((agent, lying, new));
            }
        }
        let mut files = Vec::new();
        for (agent, lying, new) in &planned {
            let changed = lying.write(&ground, new.as_deref())?;
            let done = match (changed, new) {
                (false, _) => "unchanged",
                (true, None) => "removed",
                (true, Some(_)) if lying.text.is_none() => "created",
                (true, Some(_)) => "changed",
            };
            if changed && !cx.ui.json {
                cx.ui.note(&format!(
                    "{done} {} ({agent}: {})",
                    lying.artifact.path, lying.artifact.purpose
                ));
            }
            files.push(
                json!({ "agent": agent.as_str(), "path": lying.artifact.path, "done": done }),
            );
        }
        let by_hand = agents.iter().filter(|_| !self.remove);
        let by_hand: Vec<(Agent, String)> =
            by_hand.filter_map(|agent| Some((*agent, agent.by_hand()?))).collect();
        if cx.ui.json {
            let by_hand = by_hand.iter().map(|(agent, text)| (agent.to_string(), json!(text)));
            let by_hand: serde_json::Map<_, _> = by_hand.collect();
            return cx.ui.print_json(&json!({
                "root": ground.root.to_string_lossy(), "files": files, "by_hand": by_hand,
            }));
        }
        if files.iter().all(|file| file["done"] == "unchanged") {
            cx.ui.note(if self.remove { "nothing of ours was there" } else { "all is in place" });
        }
        for (agent, text) in by_hand {
            cx.ui.note(&format!("\nby hand, for {agent}:\n{text}"));
        }
        Ok(())
    }

    fn plan(&self, lying: &Lying) -> Result<Option<String>, Failure> {
        let old = lying.text.as_deref();
        let planned = match (self.remove, old) {
            (true, None) => Ok(None),
            (true, Some(old)) => lying.artifact.take(old),
            (false, old) => lying.artifact.put(old).map(Some),
        };
        planned.map_err(|error| lying.refused(error))
    }
}

/// Shows every file as it is where there was none before.
fn print(cx: &Context, agents: &[Agent]) -> Result<(), Failure> {
    if cx.ui.json {
        let agents = agents.iter().map(|agent| {
            let files = agent.artifacts();
            let files = files.iter().map(|file| (file.path.to_owned(), json!(file.print())));
            let files: serde_json::Map<_, _> = files.collect();
            (agent.to_string(), json!({ "files": files, "by_hand": agent.by_hand() }))
        });
        let agents: serde_json::Map<_, _> = agents.collect();
        return cx.ui.print_json(&json!({ "agents": agents }));
    }
    let mut text = String::new();
    for agent in agents {
        for file in agent.artifacts() {
            text.push_str(&format!(
                "==> {} ({agent}: {})\n{}\n",
                file.path,
                file.purpose,
                file.print()
            ));
        }
        if let Some(by_hand) = agent.by_hand() {
            text.push_str(&format!("==> by hand ({agent})\n{by_hand}\n\n"));
        }
    }
    if text.is_empty() {
        return Err(Failure::new(Code::Usage, "no agent is named")
            .hint("Run `unspoken agents setup --all --print`."));
    }
    cx.ui.print(&text)
}
