//! GitHub Copilot: `.github/hooks/unspoken.json` with `preToolUse` (its command
//! line and its cloud agent, early 2026), and a section of
//! `.github/copilot-instructions.md`.
//!
//! Hooks of the cloud agent are read on the default branch. Where the program is
//! not installed, as on the machines of the cloud agent, the hook says nothing.
//! Files are excluded in the settings of the repository, on the host.

use serde_json::json;

use super::words;
use crate::Agent;
use crate::artifact::{Artifact, List};
use crate::rule::patterns;

pub(crate) fn artifacts() -> Vec<Artifact> {
    let command = Agent::Copilot.hook_command();
    let hook = json!({
        "type": "command",
        "bash": format!("command -v unspoken >/dev/null || exit 0; {command}"),
        "timeoutSec": 10,
    });
    let lists = vec![List { path: &["hooks", "preToolUse"], items: vec![hook] }];
    vec![
        Artifact::json(
            ".github/hooks/unspoken.json",
            "a hook",
            lists,
            vec![(&["version"], json!(1))],
        ),
        words(".github/copilot-instructions.md"),
    ]
}

pub(crate) fn by_hand() -> String {
    let mut text = String::from(
        "On GitHub, in the repository's settings under Copilot, Content exclusion (editors keep to it; \
         Copilot's command line and its cloud agent do not):\n",
    );
    for pattern in patterns() {
        text.push_str(&format!("\n- \"{pattern}\""));
    }
    text
}
