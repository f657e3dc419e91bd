//! Gemini CLI: `.gemini/settings.json` with `hooks.BeforeTool` (0.26, on by
//! default), `.geminiignore`, and a section of `GEMINI.md`.
//!
//! It reads them in the folder that it is started in, and asks about hooks of a
//! project that it has not seen before.

use serde_json::json;

use super::{ignored, words};
use crate::Agent;
use crate::artifact::{Artifact, List};

pub(crate) fn artifacts() -> Vec<Artifact> {
    let hook = json!({
        "matcher": "run_shell_command|read_file|read_many_files|search_file_content|grep_search|replace|write_file",
        "hooks": [{
            "name": "unspoken",
            "type": "command",
            "command": Agent::Gemini.hook_command(),
            "timeout": 10_000,
        }],
    });
    let lists = vec![List { path: &["hooks", "BeforeTool"], items: vec![hook] }];
    vec![
        Artifact::json(".gemini/settings.json", "a hook", lists, Vec::new()),
        ignored(".geminiignore"),
        words("GEMINI.md"),
    ]
}
