//! One thing that `check` or `doctor` found.

use serde_json::{Value, json};

use crate::failure::Failure;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Level {
    Error,
    Warning,
    Fine,
}

/// What is looked for. Ids are a contract: scripts and code hosts keep them.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Rule {
    ProjectFile,
    MissingDocument,
    Unreadable,
    Seal,
    Unpinned,
    Unsealed,
    ClearValue,
    Access,
    Exposed,
    MixedPostQuantum,
    Required,
    Gap,
    Expired,
    ExpiresSoon,
    Inbox,
    Writable,
    Permissions,
    Plaintext,
    Visible,
    Types,
    Git,
    Vault,
}

/// A file below the project's root, and a line in it when one is known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Spot {
    pub(crate) file: String,
    pub(crate) line: Option<usize>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Finding {
    pub(crate) level: Level,
    /// What only `doctor` looks at has no rule.
    pub(crate) rule: Option<Rule>,
    pub(crate) topic: String,
    pub(crate) text: String,
    pub(crate) hint: Option<String>,
    pub(crate) spot: Option<Spot>,
}

impl Level {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Fine => "ok",
        }
    }
}

impl Rule {
    pub(crate) const ALL: [Self; 22] = [
        Self::ProjectFile,
        Self::MissingDocument,
        Self::Unreadable,
        Self::Seal,
        Self::Unpinned,
        Self::Unsealed,
        Self::ClearValue,
        Self::Access,
        Self::Exposed,
        Self::MixedPostQuantum,
        Self::Required,
        Self::Gap,
        Self::Expired,
        Self::ExpiresSoon,
        Self::Inbox,
        Self::Writable,
        Self::Permissions,
        Self::Plaintext,
        Self::Visible,
        Self::Types,
        Self::Git,
        Self::Vault,
    ];

    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::ProjectFile => "project-file",
            Self::MissingDocument => "missing-document",
            Self::Unreadable => "unreadable",
            Self::Seal => "seal",
            Self::Unpinned => "unpinned",
            Self::Unsealed => "unsealed",
            Self::ClearValue => "clear-value",
            Self::Access => "access",
            Self::Exposed => "exposed",
            Self::MixedPostQuantum => "mixed-post-quantum",
            Self::Required => "required",
            Self::Gap => "gap",
            Self::Expired => "expired",
            Self::ExpiresSoon => "expires-soon",
            Self::Inbox => "inbox",
            Self::Writable => "writable",
            Self::Permissions => "permissions",
            Self::Plaintext => "plaintext",
            Self::Visible => "visible",
            Self::Types => "types",
            Self::Git => "git",
            Self::Vault => "vault",
        }
    }

    /// What it means, in one sentence.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::ProjectFile => "The project file does not read.",
            Self::MissingDocument => "An environment has no document.",
            Self::Unreadable => "A document's file cannot be read.",
            Self::Seal => "A document is not the one that was sealed.",
            Self::Unpinned => "A document is sealed, and its seal key is not in the project file.",
            Self::Unsealed => "A document has no seal, so anybody may have made it.",
            Self::ClearValue => "A value in a document is not encrypted.",
            Self::Access => "Who can read a document differs from the access list.",
            Self::Exposed => "Somebody who lost access still knows a value.",
            Self::MixedPostQuantum => "Not all who can read a document have a post-quantum key.",
            Self::Required => "A name that an environment must have is missing.",
            Self::Gap => "A name is in another environment and not in this one.",
            Self::Expired => "A value is older than it may be.",
            Self::ExpiresSoon => "A value expires soon.",
            Self::Inbox => "A value waits for somebody who can open the document.",
            Self::Writable => "Every user of this machine can write a file of the project.",
            Self::Permissions => "Others can read, or own, private keys of this machine.",
            Self::Plaintext => "A plaintext file of secrets is tracked by git.",
            Self::Visible => "A name that may be seen in output is in no environment.",
            Self::Types => "Generated types are not as the names are now.",
            Self::Git => "The repository cannot be asked.",
            Self::Vault => "A vault cannot be asked for names.",
        }
    }

    /// How much it matters, always.
    pub(crate) fn level(self) -> Level {
        match self {
            Self::Exposed
            | Self::MixedPostQuantum
            | Self::Gap
            | Self::ExpiresSoon
            | Self::Inbox
            | Self::Writable
            | Self::Visible
            | Self::Types
            | Self::Git
            | Self::Vault => Level::Warning,
            _ => Level::Error,
        }
    }

    /// Whether it means that a document must not be used.
    pub(crate) fn is_integrity(self) -> bool {
        matches!(self, Self::Seal | Self::Unpinned)
    }
}

impl Finding {
    pub(crate) fn of(rule: Rule, topic: &str, text: impl Into<String>) -> Self {
        Self { rule: Some(rule), ..Self::new(rule.level(), topic, text.into()) }
    }

    pub(crate) fn fine(topic: &str, text: String) -> Self {
        Self::new(Level::Fine, topic, text)
    }

    pub(crate) fn warning(topic: &str, text: String) -> Self {
        Self::new(Level::Warning, topic, text)
    }

    pub(crate) fn failed(topic: &str, failure: Failure) -> Self {
        Self { hint: failure.hint, ..Self::new(Level::Error, topic, failure.message) }
    }

    fn new(level: Level, topic: &str, text: String) -> Self {
        Self { level, rule: None, topic: topic.to_owned(), text, hint: None, spot: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into();
        self
    }

    pub(crate) fn at(mut self, file: &str, line: impl Into<Option<usize>>) -> Self {
        self.spot = Some(Spot { file: file.to_owned(), line: line.into() });
        self
    }

    pub(crate) fn print(&self) -> String {
        let mut text = format!("{:<8} {}: {}\n", self.level.word(), self.topic, self.text);
        if let Some(hint) = &self.hint {
            text.push_str(&format!("{:<8} {hint}\n", ""));
        }
        text
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "level": self.level.word(),
            "rule": self.rule.map(Rule::id),
            "topic": self.topic,
            "text": self.text,
            "hint": self.hint,
            "file": self.spot.as_ref().map(|spot| &spot.file),
            "line": self.spot.as_ref().and_then(|spot| spot.line),
        })
    }
}

/// How many findings are of a level.
pub(crate) fn count(findings: &[Finding], level: Level) -> usize {
    findings.iter().filter(|finding| finding.level == level).count()
}

#[test]
fn every_rule_has_an_id_of_its_own_and_its_place() {
    let ids: std::collections::BTreeSet<_> = Rule::ALL.map(Rule::id).into();
    assert_eq!(ids.len(), Rule::ALL.len());
    assert!(Rule::ALL.is_sorted());
    assert!(ids.iter().all(|id| id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
}
