//! Windsurf: `.windsurf/hooks.json` with `pre_run_command` and `pre_read_code`
//! (1.12), `.codeiumignore`, and a rule in `.windsurf/rules/`.
//!
//! It reads them at the root of the workspace. A hook denies with exit code 2.

use serde_json::json;

use super::{ignored, words_behind};
use crate::Agent;
use crate::artifact::{Artifact, List};

const FRONT: &str = "---\ntrigger: always_on\ndescription: Secrets of this project\n---\n";

pub(crate) fn artifacts() -> Vec<Artifact> {
    let hook = || vec![json!({ "command": Agent::Windsurf.hook_command(), "show_output": true })];
    let lists = vec![
        List { path: &["hooks", "pre_run_command"], items: hook() },
        List { path: &["hooks", "pre_read_code"], items: hook() },
    ];
    vec![
        Artifact::json(".windsurf/hooks.json", "a hook", lists, Vec::new()),
        ignored(".codeiumignore"),
        words_behind(".windsurf/rules/unspoken.md", FRONT),
    ]
}

pub(crate) fn by_hand() -> String {
    "In Windsurf's settings, leave the automatic execution of commands off, or put `unspoken get`, `unspoken \
     export` and `unspoken run --redact never` on its deny list."
        .to_owned()
}
