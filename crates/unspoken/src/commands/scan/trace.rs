//! What was found, and where. Never what it looks like.

use std::sync::Arc;

use serde_json::{Value, json};
use unspoken_model::{EnvironmentName, shown};
use unspoken_scan::{Kind, Position, Verified};
use unspoken_seal::Mac;

use super::known::Owners;

/// Something that should not be where it is.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Trace {
    pub(crate) path: String,
    pub(crate) position: Position,
    pub(crate) place: Place,
    pub(crate) what: What,
    /// What stands for the text itself in a baseline.
    pub(crate) text: Option<Mac>,
}

/// In which of the places that were looked at.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Place {
    WorkTree,
    /// Left out by the ignore files, so that it cannot be committed.
    Ignored,
    Staged,
    /// In a file that this commit brought.
    Commit(String),
    /// In the commit's own message, or the tag's.
    Message(String),
    Stdin,
    Transcript,
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum What {
    /// A value of the project.
    Value(Arc<Owners>),
    Kind(Kind, Verified),
    /// A `.env` file with values in the clear.
    Plaintext,
}

/// The id of a `.env` file with values in the clear.
pub(crate) const PLAINTEXT: &str = "plaintext-env-file";

/// The id of a project's own value.
pub(crate) const VALUE: &str = "known-value";

impl What {
    /// The id of its kind.
    pub(crate) fn id(&self) -> &'static str {
        match self {
            Self::Value(_) => VALUE,
            Self::Kind(kind, _) => kind.id(),
            Self::Plaintext => PLAINTEXT,
        }
    }

    pub(crate) fn kind(&self) -> Option<Kind> {
        match self {
            Self::Kind(kind, _) => Some(*kind),
            _ => None,
        }
    }

    /// What a baseline calls it: the name of a secret, or the id of a kind.
    pub(crate) fn label(&self) -> &str {
        match self {
            Self::Value(owners) => owners.name(),
            _ => self.id(),
        }
    }

    pub(crate) fn print(&self) -> String {
        match self {
            Self::Value(owners) => format!("value of {}", owners.print()),
            Self::Kind(kind, Verified::Checksum) => {
                format!("{} [{}], its checksum fits", kind.title(), kind.id())
            }
            Self::Kind(kind, Verified::Shape) => format!("{} [{}]", kind.title(), kind.id()),
            Self::Plaintext => format!("plaintext values [{PLAINTEXT}]"),
        }
    }
}

impl Place {
    pub(crate) fn id(&self) -> &'static str {
        match self {
            Self::WorkTree => "work-tree",
            Self::Ignored => "ignored",
            Self::Staged => "staged",
            Self::Commit(_) | Self::Message(_) => "history",
            Self::Stdin => "stdin",
            Self::Transcript => "transcript",
        }
    }

    fn commit(&self) -> Option<&str> {
        match self {
            Self::Commit(id) | Self::Message(id) => Some(id),
            _ => None,
        }
    }
}

impl Trace {
    pub(crate) fn print(&self) -> String {
        let Position { line, column } = self.position;
        let place = match &self.place {
            Place::Commit(id) => format!(", in commit {}", id.get(..10).unwrap_or(id)),
            Place::Ignored => ", ignored by git".to_owned(),
            _ => String::new(),
        };
        format!("{}:{line}:{column}: {}{place}\n", shown(&self.path), self.what.print())
    }

    pub(crate) fn to_json(&self) -> Value {
        let (title, names, verified) = match &self.what {
            What::Value(owners) => {
                let names = owners.iter().map(|(name, environments)| {
                    let environments: Vec<&str> =
                        environments.iter().map(EnvironmentName::as_str).collect();
                    json!({ "name": name.as_str(), "environments": environments })
                });
                (None, Some(names.collect::<Vec<_>>()), None)
            }
            What::Kind(kind, verified) => {
                let verified = match verified {
                    Verified::Checksum => "checksum",
                    Verified::Shape => "shape",
                };
                (Some(kind.title()), None, Some(verified))
            }
            What::Plaintext => (None, None, None),
        };
        json!({
            "kind": self.what.id(),
            "title": title,
            "verified": verified,
            "names": names,
            "place": self.place.id(),
            "path": self.path,
            "line": self.position.line,
            "column": self.position.column,
            "commit": self.place.commit(),
        })
    }
}
