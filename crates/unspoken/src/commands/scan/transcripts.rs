//! Where coding agents and shells keep what was said and typed.
//!
//! A row per place. Programs move their files: a place that is not there is
//! passed over, and one that is missing here is to be added.

use std::path::{Path, PathBuf};

/// Below the home folder.
const AT_HOME: [&str; 37] = [
    // Claude Code
    ".claude/projects",
    ".claude/history.jsonl",
    ".claude/todos",
    ".claude/shell-snapshots",
    ".claude/debug",
    ".claude/file-history",
    // Codex
    ".codex/sessions",
    ".codex/archived_sessions",
    ".codex/history.jsonl",
    ".codex/log",
    // Cursor
    ".cursor/chats",
    ".cursor/projects",
    ".config/Cursor/User/globalStorage",
    ".config/Cursor/User/workspaceStorage",
    "Library/Application Support/Cursor/User/globalStorage",
    "Library/Application Support/Cursor/User/workspaceStorage",
    // Gemini
    ".gemini/tmp",
    // Copilot, by itself and in the editor
    ".copilot/session-state",
    ".copilot/history-session-state",
    ".copilot/logs",
    ".config/github-copilot",
    ".config/Code/User/workspaceStorage",
    "Library/Application Support/Code/User/workspaceStorage",
    // Windsurf
    ".windsurf",
    ".codeium/windsurf/cascade",
    ".codeium/windsurf/memories",
    // OpenCode
    ".local/share/opencode",
    // Aider
    ".aider.chat.history.md",
    ".aider.input.history",
    // Shells, and what is typed into other programs
    ".bash_history",
    ".zsh_history",
    ".zhistory",
    ".local/share/fish/fish_history",
    ".python_history",
    ".node_repl_history",
    ".psql_history",
    ".mysql_history",
];

/// In the project itself.
const IN_PROJECT: [&str; 3] =
    [".aider.chat.history.md", ".aider.input.history", ".aider.llm.history"];

/// The places that are there. A link is told, and not followed: nobody typed it.
pub(crate) fn places(home: &Path) -> Vec<PathBuf> {
    AT_HOME.iter().map(|place| home.join(place)).filter(|path| is_there(path)).collect()
}

/// The same, in a project, whose places are files: a repository may hold
/// whatever else by these names.
pub(crate) fn places_in(project: &Path) -> Vec<PathBuf> {
    IN_PROJECT.iter().map(|place| project.join(place)).filter(|path| is_there(path)).collect()
}

fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
