//! Values that wait in `secrets/ENV.inbox` for somebody who can open the
//! document.

use std::fs;

use jiff::civil::DateTime;
use unspoken_model::{EnvironmentName, RecipientName, SecretName, shown};
use unspoken_store::SECRETS;

use crate::context::Workspace;
use crate::finding::{Finding, Rule};

/// How many files are told one by one.
const MOST: usize = 1000;

/// What the name of a waiting file says.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Waiting {
    name: SecretName,
    /// In UTC.
    time: DateTime,
    author: RecipientName,
}

/// Looks for values that wait.
pub(super) fn look(workspace: &Workspace, environment: &EnvironmentName) -> Vec<Finding> {
    let folder = format!("{SECRETS}/{environment}.inbox");
    let Ok(entries) = fs::read_dir(workspace.project.root.join(&folder)) else {
        return Vec::new();
    };
    let names = entries.filter_map(Result::ok).map(|entry| entry.file_name());
    let mut names: Vec<String> =
        names.take(MOST).map(|name| name.to_string_lossy().into_owned()).collect();
    // Temporary and hidden files are nobody's value.
    names.retain(|name| !name.starts_with('.'));
    names.sort_unstable();
    names.iter().map(|file| finding(&folder, file, environment)).collect()
}

fn finding(folder: &str, file: &str, environment: &EnvironmentName) -> Finding {
    let topic = environment.as_str();
    let (text, hint) = match Waiting::parse(file) {
        Some(Waiting { name, time, author }) => (
            format!("`{name}` waits since {time} UTC, from `{author}`"),
            format!(
                "Whoever can open `{environment}` takes it in, such as by `unspoken run -e \
                 {environment} -- true`."
            ),
        ),
        None => (
            format!("`{}` in the inbox is no value that waits", shown(file)),
            format!("See who put it there: `git log -- {folder}`."),
        ),
    };
    Finding::of(Rule::Inbox, topic, text).hint(hint).at(&format!("{folder}/{file}"), None)
}

impl Waiting {
    /// Reads `NAME.YYYYMMDDTHHMMSSZ-xxxxxxxx.AUTHOR.age`.
    fn parse(file: &str) -> Option<Self> {
        let (name, rest) = file.strip_suffix(".age")?.split_once('.')?;
        let (stamp, author) = rest.split_once('.')?;
        let (time, tag) = stamp.split_once("Z-")?;
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let shape = |(at, byte): (usize, u8)| {
            if at == 8 { byte == b'T' } else { byte.is_ascii_digit() }
        };
        let fits = time.len() == 15 && time.bytes().enumerate().all(shape);
        if !fits || tag.len() != 8 || !tag.bytes().all(hex) {
            return None;
        }
        Some(Self {
            name: SecretName::parse(name).ok()?,
            time: time.parse().ok()?,
            author: RecipientName::parse(author).ok()?,
        })
    }
}

#[test]
fn a_file_name_says_what_waits_or_nothing() {
    let waiting = Waiting::parse("API_KEY.20261121T200409Z-0123abcd.alice@example.com.age");
    let waiting = waiting.unwrap();
    assert_eq!(waiting.name.as_str(), "API_KEY");
    assert_eq!(waiting.time.to_string(), "2026-11-21T20:04:09");
    assert_eq!(waiting.author.as_str(), "alice@example.com");
    for wrong in [
        "",
        ".age",
        "A.age",
        "a.20261121T200409Z-0123abcd.alice.age",
        "A.20261121T200409Z-0123abcd.Alice.age",
        "A.20261121T200409Z-0123abcd..age",
        "A.20261121T200409Z-0123ABCD.alice.age",
        "A.20261121T200409Z-0123abcde.alice.age",
        "A.20261341T200409Z-0123abcd.alice.age",
        "A.20261121 200409Z-0123abcd.alice.age",
        "A.20261121T200409Z-0123abcd.alice",
    ] {
        assert_eq!(Waiting::parse(wrong), None, "{wrong:?}");
    }
}
