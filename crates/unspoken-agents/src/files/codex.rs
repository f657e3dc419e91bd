//! Codex: `.codex/hooks.json` with `PreToolUse` (on by default since the spring
//! of 2026), `.codex/rules/unspoken.rules` with `prefix_rule` (0.65, called
//! experimental), and a section of `AGENTS.md`.
//!
//! A project's `.codex` folder counts once the project is trusted, and a hook
//! once a person has looked at it. Rules are about commands outside of the
//! sandbox, and know no exceptions, so `printenv` is the hook's to judge. Codex
//! reads files by way of its shell, so there is no list of files.

use serde_json::json;

use super::words;
use crate::Agent;
use crate::artifact::{Artifact, List};
use crate::rule::COMMANDS;
use crate::section::Comment;

pub(crate) fn artifacts() -> Vec<Artifact> {
    let hook = json!({
        "matcher": "Bash|apply_patch",
        "hooks": [{ "type": "command", "command": Agent::Codex.hook_command(), "timeout": 10 }],
    });
    let hooks = vec![List { path: &["hooks", "PreToolUse"], items: vec![hook] }];
    vec![
        Artifact::json(".codex/hooks.json", "a hook", hooks, Vec::new()),
        Artifact::section(".codex/rules/unspoken.rules", "commands", Comment::Hash, ("", rules())),
        words("AGENTS.md"),
    ]
}

fn rules() -> String {
    let mut text = String::from(
        "# A guard-rail: it keeps an agent that means well from printing secrets by accident.\n",
    );
    for rule in COMMANDS {
        // A list of texts is written alike in JSON and in Starlark.
        text.push_str(&format!(
            "prefix_rule(pattern = {}, decision = \"forbidden\", justification = {})\n",
            json!(rule.words),
            json!(rule.instead.text()),
        ));
    }
    text
}

pub(crate) fn by_hand() -> String {
    "In Codex, trust this project, and agree to its hooks with `/hooks`. In `~/.codex/config.toml`, keep \
     variables that look like secrets from the commands that it runs:\n\n\
     [shell_environment_policy]\n\
     ignore_default_excludes = false\n\
     exclude = [\"UNSPOKEN_KEY\", \"UNSPOKEN_TOKEN\", \"UNSPOKEN_BUNDLE\", \"SOPS_AGE_KEY\"]"
        .to_owned()
}
