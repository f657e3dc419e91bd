//! What agents ask before a tool call, and how each is answered.
//!
//! Rules:
//! - Allowing is saying nothing: an agent's own questions and rules still apply.
//! - What does not read is allowed, and said on standard error with exit code 1,
//!   which no agent takes for a denial. A guard that stopped all work for a
//!   changed field would be taken out within the hour.
//! - A file's content, which some agents send along, is passed over where it
//!   stands, and never copied.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Value, json};
use thiserror::Error;

use crate::Agent;
use crate::judge::{Call, Denial, decide};

/// What a hook says, and ends with.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Answer {
    pub code: u8,
    pub stdout: String,
    pub stderr: String,
}

/// Why a question was not understood. It repeats nothing of it.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum HookError {
    #[error("the question of `{agent}` is not UTF-8 text")]
    Text { agent: Agent },
    #[error("the question of `{agent}` is no JSON object")]
    Object { agent: Agent },
    #[error("`{field}` in the question of `{agent}` is not as it is known")]
    Field { agent: Agent, field: &'static str },
}

type Fields<'t> = BTreeMap<String, &'t RawValue>;

/// Under which names arguments hold a shell's text.
const COMMANDS: [&str; 4] = ["command", "command_line", "cmd", "script"];

/// Under which names arguments hold paths. A `pattern` is none: it is looked
/// for, or lists names.
const FILES: [&str; 10] = [
    "file_path",
    "filePath",
    "absolute_path",
    "notebook_path",
    "path",
    "paths",
    "include",
    "glob",
    "filename",
    "file",
];

/// Answers an agent's question.
pub fn answer(agent: Agent, question: &[u8]) -> Answer {
    match Call::parse(agent, question) {
        Ok(call) => match decide(&call) {
            Some(denial) if !denial.is_question() || agent.asks() => deny(agent, &denial),
            // What cannot be asked about passes: most of it is public.
            Some(_) | None => allow(agent),
        },
        Err(error) => Answer {
            // Copilot takes any other code for a hook that failed, and some
            // releases of it for a denial.
            code: u8::from(agent != Agent::Copilot),
            stderr: format!("unspoken: {error}; it was not looked at, and is allowed\n"),
            ..allow(agent)
        },
    }
}

fn allow(agent: Agent) -> Answer {
    // Gemini reads an object in every case.
    let stdout = if agent == Agent::Gemini { "{}\n" } else { "" };
    Answer { stdout: stdout.to_owned(), ..Answer::default() }
}

fn deny(agent: Agent, denial: &Denial) -> Answer {
    let reason = denial.to_string();
    let decision = if denial.is_question() { "ask" } else { "deny" };
    let inner = || {
        json!({
            "hookEventName": "PreToolUse",
            "permissionDecision": decision,
            "permissionDecisionReason": reason,
        })
    };
    let object = match agent {
        // Codex knows these fields and refuses others.
        Agent::Claude | Agent::Codex => json!({ "hookSpecificOutput": inner() }),
        Agent::Cursor => json!({
            "permission": "deny",
            "user_message": reason,
            "agent_message": reason,
        }),
        // Its command line reads the outer fields, its editor the inner ones.
        Agent::Copilot => json!({
            "permissionDecision": decision,
            "permissionDecisionReason": reason,
            "hookSpecificOutput": inner(),
        }),
        Agent::Gemini => json!({ "decision": "deny", "reason": reason }),
        Agent::Windsurf => {
            return Answer { code: 2, stderr: format!("{reason}\n"), ..Answer::default() };
        }
    };
    Answer { stdout: format!("{object}\n"), ..Answer::default() }
}

impl Call {
    /// Reads an agent's question. One about something else is an empty call.
    pub fn parse(agent: Agent, question: &[u8]) -> Result<Self, HookError> {
        let text = std::str::from_utf8(question).map_err(|_| HookError::Text { agent })?;
        let fields: Fields<'_> =
            serde_json::from_str(text).map_err(|_| HookError::Object { agent })?;
        let names: &[&'static str] = match agent {
            // The arguments are the question's own fields.
            Agent::Cursor => return Self::of(agent, &fields),
            Agent::Copilot => &["toolArgs", "tool_input"],
            Agent::Windsurf => &["tool_info"],
            Agent::Claude | Agent::Codex | Agent::Gemini => &["tool_input"],
        };
        let Some((field, raw)) = names.iter().find_map(|&name| Some((name, *fields.get(name)?)))
        else {
            return Ok(Self::default());
        };
        let wrong = |_| HookError::Field { agent, field };
        if !raw.get().trim_start().starts_with('"') {
            if raw.get() == "null" {
                return Ok(Self::default());
            }
            return Self::of(agent, &serde_json::from_str(raw.get()).map_err(wrong)?);
        }
        // Arguments as a text that is JSON again.
        let inner: String = serde_json::from_str(raw.get()).map_err(wrong)?;
        if inner.trim().is_empty() {
            return Ok(Self::default());
        }
        Self::of(agent, &serde_json::from_str(&inner).map_err(wrong)?)
    }

    fn of(agent: Agent, arguments: &Fields<'_>) -> Result<Self, HookError> {
        let mut call = Self { is_unmarked: agent.is_unmarked(), ..Self::default() };
        for field in COMMANDS {
            let Some(raw) = arguments.get(field) else { continue };
            match texts(raw) {
                Some(Texts::One(text)) => call.commands.push(text),
                Some(Texts::Many(words)) => call.programs.push(words),
                None => return Err(HookError::Field { agent, field }),
            }
        }
        for field in FILES {
            let Some(raw) = arguments.get(field) else { continue };
            match texts(raw) {
                Some(Texts::One(text)) => call.files.push(text),
                Some(Texts::Many(texts)) => call.files.extend(texts),
                None => return Err(HookError::Field { agent, field }),
            }
        }
        Ok(call)
    }
}

enum Texts {
    One(String),
    Many(Vec<String>),
}

fn texts(raw: &RawValue) -> Option<Texts> {
    match serde_json::from_str(raw.get()).ok()? {
        Value::Null => Some(Texts::Many(Vec::new())),
        Value::String(text) => Some(Texts::One(text)),
        Value::Array(items) => {
            let items = items.into_iter().map(|item| match item {
                Value::String(text) => Some(text),
                _ => None,
            });
            items.collect::<Option<_>>().map(Texts::Many)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_agent_is_answered_in_its_own_words() {
        #[track_caller]
        fn case(agent: Agent, question: &Value, found: fn(&Answer) -> bool) {
            let answer = answer(agent, question.to_string().as_bytes());
            assert!(found(&answer), "{agent}: {answer:?}");
        }

        let claude = json!({ "hook_event_name": "PreToolUse", "tool_name": "Bash",
            "tool_input": { "command": "cat .env", "description": "look" } });
        for agent in [Agent::Claude, Agent::Codex] {
            case(agent, &claude, |answer| {
                let said: Value = serde_json::from_str(&answer.stdout).unwrap();
                answer.code == 0
                    && said.as_object().unwrap().len() == 1
                    && said["hookSpecificOutput"]["permissionDecision"] == "deny"
            });
        }
        let cursor =
            json!({ "hook_event_name": "beforeReadFile", "file_path": "/a/.env", "content": "x" });
        case(Agent::Cursor, &cursor, |answer| answer.stdout.contains("\"permission\":\"deny\""));
        let copilot = json!({ "toolName": "bash", "toolArgs": "{\"command\":\"printenv\"}" });
        case(Agent::Copilot, &copilot, |answer| {
            answer.stdout.contains("\"permissionDecision\":\"deny\"")
        });
        let copilot = json!({ "toolName": "view", "toolArgs": { "path": ".env" } });
        case(Agent::Copilot, &copilot, |answer| !answer.stdout.is_empty());
        let gemini =
            json!({ "tool_name": "read_many_files", "tool_input": { "include": ["a", ".env"] } });
        case(Agent::Gemini, &gemini, |answer| answer.stdout.contains("\"decision\":\"deny\""));
        let windsurf = json!({ "agent_action_name": "pre_run_command",
            "tool_info": { "command_line": "unspoken get A", "cwd": "/a" } });
        case(Agent::Windsurf, &windsurf, |answer| {
            answer.code == 2 && answer.stdout.is_empty() && answer.stderr.contains("unspoken run")
        });
    }

    #[test]
    fn what_is_allowed_is_not_spoken_of() {
        for agent in Agent::ALL {
            let question = json!({ "command": "npm test", "tool_input": { "command": "npm test" },
                "toolArgs": { "command": "npm test" }, "tool_info": { "command_line": "npm test" } });
            let said = answer(agent, question.to_string().as_bytes());
            assert_eq!(said, allow(agent));
            assert!(!said.stdout.contains("allow"));
            assert_eq!(answer(agent, b"{}"), allow(agent));
        }
    }

    #[test]
    fn who_can_ask_asks_about_what_may_be_a_certificate() {
        for agent in Agent::ALL {
            let arguments =
                json!({ "command": "cat certs/ca.pem", "command_line": "cat certs/ca.pem" });
            let question = json!({ "command": "cat certs/ca.pem", "tool_input": arguments,
                "tool_info": arguments });
            let said = answer(agent, question.to_string().as_bytes());
            let asks = said.stdout.contains("\"permissionDecision\":\"ask\"");
            assert_eq!(asks, matches!(agent, Agent::Claude | Agent::Copilot), "{agent}: {said:?}");
            assert!(asks || said == allow(agent));
        }
    }

    #[test]
    fn an_agent_whose_terminal_is_not_marked_asks_for_redaction() {
        for agent in Agent::ALL {
            let arguments = |text: &str| json!({ "command": text, "command_line": text });
            let of = |text: &str| {
                let question = json!({ "command": text, "tool_input": arguments(text),
                    "tool_info": arguments(text) });
                answer(agent, question.to_string().as_bytes())
            };
            assert_eq!(of("unspoken run -- env") != allow(agent), agent.is_unmarked(), "{agent}");
            assert_eq!(of("unspoken run --redact always -- env"), allow(agent));
        }
    }

    #[test]
    fn what_does_not_read_is_allowed_and_told() {
        for question in [
            &b"\xff"[..],
            b"",
            b"[]",
            b"{",
            b"{\"tool_input\":1,\"toolArgs\":1,\"tool_info\":1,\"command\":1}",
        ] {
            for agent in Agent::ALL {
                let said = answer(agent, question);
                assert!(said.code < 2 && said.stderr.contains("is allowed"), "{agent} {said:?}");
                assert!(!said.stdout.contains("deny"));
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in any::<Vec<u8>>(), text in any::<String>()) {
            for agent in Agent::ALL {
                let _ = answer(agent, &bytes);
                let question = json!({ "tool_input": { "command": text, "path": text }, "toolArgs": text,
                    "command": text, "tool_info": { "command_line": text } });
                prop_assert!(answer(agent, question.to_string().as_bytes()).code <= 2);
            }
        }
    }
}
