//! The agents that are known, and what each of them reads.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::artifact::Artifact;
use crate::files;

/// A coding agent with files and a hook protocol of its own.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Agent {
    Claude,
    Cursor,
    Codex,
    Copilot,
    Gemini,
    Windsurf,
}

/// A text that names no [`Agent`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("known agents are `claude`, `cursor`, `codex`, `copilot`, `gemini` and `windsurf`")]
pub struct UnknownAgent;

impl Agent {
    pub const ALL: [Self; 6] =
        [Self::Claude, Self::Cursor, Self::Codex, Self::Copilot, Self::Gemini, Self::Windsurf];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Cursor => "cursor",
            Self::Codex => "codex",
            Self::Copilot => "copilot",
            Self::Gemini => "gemini",
            Self::Windsurf => "windsurf",
        }
    }

    /// The files that guard it, below the folder that it reads.
    pub fn artifacts(self) -> Vec<Artifact> {
        match self {
            Self::Claude => files::claude::artifacts(),
            Self::Cursor => files::cursor::artifacts(),
            Self::Codex => files::codex::artifacts(),
            Self::Copilot => files::copilot::artifacts(),
            Self::Gemini => files::gemini::artifacts(),
            Self::Windsurf => files::windsurf::artifacts(),
        }
    }

    /// What a project's files cannot say: settings of a person or of a host, to
    /// be made by hand.
    pub fn by_hand(self) -> Option<String> {
        match self {
            Self::Claude | Self::Gemini => None,
            Self::Cursor => Some(files::cursor::by_hand()),
            Self::Codex => Some(files::codex::by_hand()),
            Self::Copilot => Some(files::copilot::by_hand()),
            Self::Windsurf => Some(files::windsurf::by_hand()),
        }
    }

    /// Whether it may run commands on a terminal with no variable that tells.
    pub(crate) fn is_unmarked(self) -> bool {
        // Copilot's command line sets variables, and its editors do not.
        matches!(self, Self::Copilot | Self::Windsurf)
    }

    /// Whether its hook can have the person asked about reading a file.
    pub(crate) fn asks(self) -> bool {
        matches!(self, Self::Claude | Self::Copilot)
    }

    /// What its hooks start.
    pub(crate) fn hook_command(self) -> String {
        format!("{} {}", Self::HOOK, self.as_str())
    }

    /// What the commands of all our hooks have in common, and no other's.
    pub(crate) const HOOK: &'static str = "unspoken agents hook";
}

impl FromStr for Agent {
    type Err = UnknownAgent;

    fn from_str(text: &str) -> Result<Self, UnknownAgent> {
        Self::ALL.into_iter().find(|agent| agent.as_str() == text).ok_or(UnknownAgent)
    }
}

impl fmt::Display for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
