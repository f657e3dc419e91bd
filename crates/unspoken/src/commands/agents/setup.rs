//! `unspoken agents setup`: the guard-rails of agents, put in and taken out.

use serde_json::{Value, json};
use unspoken_agents::{Agent, Artifact};

use super::ground::Ground;
use crate::context::Context;
use crate::failure::{Code, Failure};

/// Write what keeps coding agents away from values into their own files
///
/// For each agent: which files it is not to read, which commands it is not to
/// run, a hook that looks at each call before it is made, and a page of
/// guidance. The files lie at the repository's root and are for all who work
/// on it: commit them. What is yours in them stays, and a second time changes
/// nothing. A file that cannot be changed is told, with exit code 1, and the
/// others are done. What a project cannot say, because it is a setting of yours
/// or of the host, is shown for you to make, when anything was changed or with
/// `--verbose`. It is a guard-rail, and no wall.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken agents setup claude\n  unspoken agents setup --all\n  unspoken agents setup cursor --print\n  unspoken agents setup claude --remove"
)]
pub(crate) struct Setup {
    /// Whose files to write
    #[arg(value_name = "AGENT", value_parser = super::parse_agent())]
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

/// What became of one file.
struct Done {
    agent: Agent,
    path: &'static str,
    purpose: &'static str,
    /// Why it is left as it is, when it had to be.
    outcome: Result<Outcome, Failure>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    Unchanged,
    Created,
    Changed,
    Removed,
}

impl Setup {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let mut agents = if self.all { Agent::ALL.to_vec() } else { self.agents.clone() };
        agents.sort_unstable();
        agents.dedup();
        if agents.is_empty() {
            return Err(nobody());
        }
        if self.print {
            return print(cx, &agents);
        }
        let ground = Ground::find(cx)?;
        let mut files = Vec::new();
        for &agent in &agents {
            for artifact in agent.artifacts() {
                let (path, purpose) = (artifact.path, artifact.purpose);
                let outcome = self.perform(&ground, artifact);
                files.push(Done { agent, path, purpose, outcome });
            }
        }
        if cx.ui.json {
            let by_hand = agents.iter().filter(|_| !self.remove);
            let by_hand = by_hand.filter_map(|agent| Some((agent.to_string(), agent.by_hand()?)));
            let by_hand: serde_json::Map<_, _> =
                by_hand.map(|(agent, text)| (agent, json!(text))).collect();
            let listed: Vec<Value> = files.iter().map(Done::json).collect();
            cx.ui.print_json(&json!({
                "root": ground.root.to_string_lossy(), "files": listed, "by_hand": by_hand,
            }))?;
        } else {
            self.say(cx, &agents, &files);
        }
        left(&files).map_or(Ok(()), Err)
    }

    fn perform(&self, ground: &Ground, artifact: Artifact) -> Result<Outcome, Failure> {
        let lying = ground.read(artifact)?;
        let old = lying.text.as_deref();
        let planned = match (self.remove, old) {
            (true, None) => Ok(None),
            (true, Some(old)) => lying.artifact.take(old),
            (false, old) => lying.artifact.put(old).map(Some),
        };
        let new = planned.map_err(|error| lying.refused(error))?;
        Ok(match (lying.write(ground, new.as_deref())?, new) {
            (false, _) => Outcome::Unchanged,
            (true, None) => Outcome::Removed,
            (true, Some(_)) if old.is_none() => Outcome::Created,
            (true, Some(_)) => Outcome::Changed,
        })
    }

    /// Says what was done, and what is left to do by hand.
    fn say(&self, cx: &Context, agents: &[Agent], files: &[Done]) {
        for done in files.iter().filter(|done| done.is_news()) {
            let Done { agent, path, purpose, .. } = done;
            cx.ui.note(&match done.word() {
                "removed" => format!("removed {path}, nothing else was in it ({agent})"),
                word => format!("{word} {path} ({agent}: {purpose})"),
            });
        }
        if files.iter().all(|done| matches!(done.outcome, Ok(Outcome::Unchanged))) {
            cx.ui.note(if self.remove { "nothing of ours was there" } else { "all is in place" });
        }
        for agent in agents.iter().filter(|_| !self.remove) {
            let Some(text) = agent.by_hand() else { continue };
            let text = format!("\nby hand, for {agent}:\n{text}");
            // Who has seen it once looks for what is new.
            if files.iter().any(|done| done.agent == *agent && done.is_news()) {
                cx.ui.note(&text);
            } else {
                cx.ui.detail(format_args!("{text}"));
            }
        }
    }
}

impl Done {
    /// Whether the file is another one than before.
    fn is_news(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|outcome| *outcome != Outcome::Unchanged)
    }

    fn word(&self) -> &'static str {
        match self.outcome {
            Ok(Outcome::Unchanged) => "unchanged",
            Ok(Outcome::Created) => "created",
            Ok(Outcome::Changed) => "changed",
            Ok(Outcome::Removed) => "removed",
            Err(_) => "left",
        }
    }

    fn json(&self) -> Value {
        let mut file =
            json!({ "agent": self.agent.as_str(), "path": self.path, "done": self.word() });
        if let (Err(failure), Some(members)) = (&self.outcome, file.as_object_mut()) {
            members.insert("reason".to_owned(), json!(failure.message));
        }
        file
    }
}

/// What could not be done, together.
fn left(files: &[Done]) -> Option<Failure> {
    let bad = files.iter().filter_map(|done| Some((done.agent, done.outcome.as_ref().err()?)));
    let (mut agents, reasons): (Vec<Agent>, Vec<&str>) =
        bad.map(|(agent, failure)| (agent, failure.message.as_str())).unzip();
    agents.dedup();
    let agents: Vec<&str> = agents.into_iter().map(Agent::as_str).collect();
    let message = match reasons.as_slice() {
        [] => return None,
        [reason] => format!("one file was left as it is: {reason}"),
        reasons => {
            format!("{} files were left as they are:\n  {}", reasons.len(), reasons.join("\n  "))
        }
    };
    Some(Failure::new(Code::Other, message).hint(format!(
        "Run `unspoken agents setup {} --print` to see what is ours, and change the file by hand.",
        agents.join(" ")
    )))
}

fn nobody() -> Failure {
    let names = Agent::ALL.map(|agent| format!("`{agent}`"));
    let message = format!("no agent is named; known are {}", names.join(", "));
    Failure::new(Code::Usage, message).hint(
        "Run `unspoken agents setup claude`, or `unspoken agents setup --all` for all of them.",
    )
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
    cx.ui.print(&text)
}
