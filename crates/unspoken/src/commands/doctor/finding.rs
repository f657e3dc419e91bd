//! One thing that `doctor` found.

use serde_json::{Value, json};

use crate::failure::Failure;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Level {
    Fine,
    Warning,
    Error,
}

#[derive(Debug)]
pub(super) struct Finding {
    pub(super) level: Level,
    topic: String,
    text: String,
    hint: Option<String>,
}

impl Finding {
    pub(super) fn fine(topic: &str, text: String) -> Self {
        Self { level: Level::Fine, topic: topic.to_owned(), text, hint: None }
    }

    pub(super) fn warning(topic: &str, text: String, hint: Option<String>) -> Self {
        Self { level: Level::Warning, topic: topic.to_owned(), text, hint }
    }

    pub(super) fn error(topic: &str, text: String, hint: Option<String>) -> Self {
        Self { level: Level::Error, topic: topic.to_owned(), text, hint }
    }

    pub(super) fn failed(topic: &str, failure: &Failure) -> Self {
        Self::error(topic, failure.message.clone(), failure.hint.clone())
    }

    fn word(&self) -> &'static str {
        match self.level {
            Level::Fine => "ok",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }

    pub(super) fn print(&self) -> String {
        let mut text = format!("{:<8} {}: {}\n", self.word(), self.topic, self.text);
        if let Some(hint) = &self.hint {
            text.push_str(&format!("{:<8} {hint}\n", ""));
        }
        text
    }

    pub(super) fn to_json(&self) -> Value {
        json!({ "level": self.word(), "topic": self.topic, "text": self.text, "hint": self.hint })
    }
}
