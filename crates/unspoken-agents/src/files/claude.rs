//! Claude Code: `.claude/settings.json` with `permissions.deny` and
//! `permissions.ask` (1.0), `hooks.PreToolUse` (1.0.38), and a section of
//! `CLAUDE.md`.
//!
//! It reads them in the folder that it is started in. A denial beats every
//! permission and knows no exceptions, so that `Read` rules name the usual
//! files, and `Bash` rules the commands that have no harmless use; the hook
//! decides about the rest.

use serde_json::{Value, json};

use super::words;
use crate::Agent;
use crate::artifact::{Artifact, List};
use crate::rule::{COMMANDS, DOUBTFUL, HOMES, patterns};

pub(crate) fn artifacts() -> Vec<Artifact> {
    let hook = json!({
        "matcher": "Bash|Read|Grep|Edit|MultiEdit|Write|NotebookEdit",
        "hooks": [{ "type": "command", "command": Agent::Claude.hook_command(), "timeout": 10 }],
    });
    let lists = vec![
        List { path: &["permissions", "deny"], items: deny() },
        List { path: &["permissions", "ask"], items: ask() },
        List { path: &["hooks", "PreToolUse"], items: vec![hook] },
    ];
    let purpose = "files, commands and a hook";
    vec![Artifact::json(".claude/settings.json", purpose, lists, Vec::new()), words("CLAUDE.md")]
}

fn deny() -> Vec<Value> {
    let mut commands: Vec<String> =
        COMMANDS.iter().map(|rule| format!("Bash({}:*)", rule.words.join(" "))).collect();
    let last = commands.pop();
    let files = patterns().into_iter().map(|pattern| format!("Read({pattern})"));
    // Those that are no file in any home folder stand at the root.
    let homes = HOMES.iter().map(|home| match *home {
        "run/secrets" => "Read(//run/secrets/**)".to_owned(),
        "sops/age/keys.txt" => "Read(~/.config/sops/age/**)".to_owned(),
        home if home.ends_with("unspoken") => format!("Read(~/{home}/**)"),
        home => format!("Read(~/{home})"),
    });
    commands.extend(["Bash(env)", "Bash(printenv)"].map(str::to_owned));
    commands.extend(files.chain(homes).chain(["Read(//proc/*/environ)".to_owned()]));
    commands.extend(last);
    commands.into_iter().map(Value::from).collect()
}

/// What may be a certificate. Two, so that an equal rule of somebody else's is not
/// taken for ours.
fn ask() -> Vec<Value> {
    vec![json!(format!("Read(**/*{DOUBTFUL})")), json!(format!("Edit(**/*{DOUBTFUL})"))]
}
