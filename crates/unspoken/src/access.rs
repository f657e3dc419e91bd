//! Who can read a document, and who should: the recipients beside the access
//! list.

use std::collections::BTreeMap;
use std::fmt;

use unspoken_model::{EnvironmentName, ProjectFile, RecipientName, is_same_key, shown};
use unspoken_seal::{Document, key_id};

/// The most characters of a key that stand in a sentence.
const SHORT: usize = 80;

/// The holder of a key, as far as the project knows who that is.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Reader {
    /// Whoever has the environment's own key.
    EnvironmentKey,
    /// Whoever has an environment key of earlier.
    OldEnvironmentKey(String),
    Person(RecipientName),
    /// A key that nobody in the project file has.
    Key(String),
}

/// How a reader and a document stand to each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Standing {
    /// Can read it, and may.
    Reads,
    /// Can read it, and is not on the access list.
    Unlisted,
    /// Is on the access list, and cannot read it.
    Waiting,
}

/// Who can read a document and who should, the environment key first.
pub(crate) fn standings(
    file: &ProjectFile,
    environment: &EnvironmentName,
    document: &Document<'_>,
) -> BTreeMap<Reader, Standing> {
    let listed = file.access(environment);
    let own = environment_key(document);
    let recipients = document.recipients();
    let mut standings = BTreeMap::new();
    for &key in &recipients {
        if Some(key) == own {
            standings.insert(Reader::EnvironmentKey, Standing::Reads);
        } else if listed.iter().all(|(_, text)| !is_same_key(text, key)) {
            standings.insert(reader(file, key), Standing::Unlisted);
        }
    }
    for (name, key) in listed {
        let reads = recipients.iter().any(|text| is_same_key(text, key));
        let standing = if reads { Standing::Reads } else { Standing::Waiting };
        standings.insert(Reader::Person(name.clone()), standing);
    }
    standings
}

/// The public text of the environment's own key: the recipient that the block
/// names, in a document without a block the first one.
pub(crate) fn environment_key<'d>(document: &'d Document<'_>) -> Option<&'d str> {
    let recipients = document.recipients();
    let Some(block) = document.block() else { return recipients.first().copied() };
    recipients.into_iter().find(|text| key_id(text) == block.key_id)
}

/// A public key without what does not belong to it: the third word of an ssh
/// key and what follows.
pub(crate) fn without_comment(key: &str) -> &str {
    let end = key.match_indices(' ').nth(1).filter(|_| key.starts_with("ssh-"));
    end.map_or(key, |(at, _)| key.split_at(at).0)
}

/// What the project calls the holder of a key.
pub(crate) fn reader(file: &ProjectFile, key: &str) -> Reader {
    match file.name_of(key) {
        Some(name) => Reader::Person(name.clone()),
        None => Reader::Key(key.to_owned()),
    }
}

impl Reader {
    /// The name or key itself, for programs.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::EnvironmentKey => "environment key",
            Self::Person(name) => name.as_str(),
            Self::Key(key) | Self::OldEnvironmentKey(key) => key,
        }
    }
}

impl fmt::Display for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EnvironmentKey => f.write_str("(environment key)"),
            Self::OldEnvironmentKey(_) => f.write_str("(earlier environment key)"),
            Self::Person(name) => name.fmt(f),
            Self::Key(key) => f.write_str(&short(key)),
        }
    }
}

/// A key as it stands in a sentence: long ones without their middle.
pub(crate) fn short(key: &str) -> String {
    let count = key.chars().count();
    if count <= SHORT {
        return shown(key);
    }
    let head: String = key.chars().take(40).collect();
    let tail: String = key.chars().skip(count - 8).collect();
    format!("{}…{}", shown(&head), shown(&tail))
}

impl Standing {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Unlisted => "unlisted",
            Self::Waiting => "waiting",
        }
    }
}

#[test]
fn a_long_key_is_cut_in_its_middle() {
    assert_eq!(short("age1abc"), "age1abc");
    let long = format!("ssh-rsa {}tail", "A".repeat(400));
    assert_eq!(short(&long), format!("ssh-rsa {}…AAAAtail", "A".repeat(32)));
}
