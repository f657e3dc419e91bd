//! Cursor: `.cursor/hooks.json` with `beforeShellExecution` and `beforeReadFile`
//! (1.7), `.cursor/cli.json` with `permissions.deny` for its command line,
//! `.cursorignore`, and a rule in `.cursor/rules/`.
//!
//! It reads them at the root of the folder that is opened. A hook that fails
//! lets the call pass. A denied program is denied with all arguments, so `printenv` is
//! the hook's to judge. Files that are ignored are not read by its own tools; what
//! the agent runs in a terminal reads them all the same.

use serde_json::{Value, json};

use super::{ignored, words_behind};
use crate::Agent;
use crate::artifact::{Artifact, List};
use crate::rule::{COMMANDS, patterns};

const FRONT: &str = "---\ndescription: Secrets of this project\nalwaysApply: true\n---\n";

pub(crate) fn artifacts() -> Vec<Artifact> {
    let hook = || vec![json!({ "command": Agent::Cursor.hook_command() })];
    let hooks = vec![
        List { path: &["hooks", "beforeShellExecution"], items: hook() },
        List { path: &["hooks", "beforeReadFile"], items: hook() },
    ];
    let deny = vec![List { path: &["permissions", "deny"], items: deny() }];
    vec![
        Artifact::json(".cursor/hooks.json", "a hook", hooks, vec![(&["version"], json!(1))]),
        Artifact::json(
            ".cursor/cli.json",
            "files and commands",
            deny,
            vec![(&["permissions", "allow"], json!([]))],
        ),
        ignored(".cursorignore"),
        words_behind(".cursor/rules/unspoken.mdc", FRONT),
    ]
}

fn deny() -> Vec<Value> {
    let command = |words: &[&str]| match words.split_first() {
        Some((program, [])) => format!("Shell({program})"),
        Some((program, rest)) => format!("Shell({program}:{}*)", rest.join(" ")),
        None => String::new(),
    };
    let mut rules: Vec<String> = COMMANDS.iter().map(|rule| command(rule.words)).collect();
    let last = rules.pop();
    rules.extend(patterns().into_iter().map(|pattern| format!("Read({pattern})")));
    rules.extend(last);
    rules.into_iter().map(Value::from).collect()
}

pub(crate) fn by_hand() -> String {
    "In Cursor's settings, under Agents, leave Auto-Run off or in the sandbox; the hooks are read when Cursor \
     starts, so start it again."
        .to_owned()
}
