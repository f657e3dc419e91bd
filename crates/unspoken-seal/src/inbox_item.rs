//! A value that is left for an environment by somebody who cannot open it.
//!
//! An armoured age file for the environment's recipients. In it stand a few
//! lines that say where the value belongs, an empty line, and the value as it
//! is. Anybody who knows the public keys can make one: who may put it into the
//! repository is for a review to decide.

use std::fmt;

use thiserror::Error;
use unspoken_model::{EnvironmentName, Expiry, Place, ProjectName, RecipientName, SecretName};
use zeroize::Zeroizing;

use crate::identity::Identity;
use crate::recipient::{Recipient, RecipientError};
use crate::secret::Secret;
use crate::wrapped;

const FIRST_LINE: &str = "unspoken-inbox-1";

/// What stands in the place of a date where an expiry is taken away.
const NEVER: &str = "never";

/// The largest file that can be one: a value of 64 KiB in base64, and stanzas
/// for a few hundred recipients.
const MAX: usize = 256 * 1024;

/// A value on its way into a document.
#[derive(Debug)]
pub struct InboxItem {
    pub place: Place,
    pub name: SecretName,
    /// Who says that it is by them.
    pub author: RecipientName,
    /// A new expiry, or that there is none any more.
    pub expiry: Option<Option<Expiry>>,
    /// The time and number of its label, so that a file cannot be given others.
    pub mark: String,
    pub secret: Secret,
}

/// Why a file is no item of an inbox. Never what stands in it.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum InboxError {
    #[error("it is larger than an inbox file can be")]
    TooLarge,
    #[error("no key on this machine opens it")]
    NoKey,
    #[error("what it holds does not read")]
    Content,
}

impl InboxItem {
    /// The largest file that is read.
    pub const MAX_BYTES: usize = MAX;

    /// Seals the value for these recipients.
    pub fn seal(&self, recipients: &[Recipient]) -> Result<String, RecipientError> {
        let Place { project, environment } = &self.place;
        let value = self.secret.expose();
        let mut text = Zeroizing::new(String::with_capacity(value.len() + 512));
        for (key, value) in [
            ("project", project.as_str()),
            ("environment", environment.as_str()),
            ("name", self.name.as_str()),
            ("author", self.author.as_str()),
            ("left", self.mark.as_str()),
        ] {
            if text.is_empty() {
                text.push_str(FIRST_LINE);
            }
            for part in ["\n", key, ": ", value] {
                text.push_str(part);
            }
        }
        if let Some(expiry) = self.expiry {
            text.push_str("\nexpires: ");
            text.push_str(&expiry.map_or_else(|| NEVER.to_owned(), |date| date.to_string()));
        }
        text.push_str("\n\n");
        text.push_str(value);
        // Keys of the two kinds cannot share a file. What the first can read,
        // which is the environment's own, is for the others like it.
        let first = recipients.first().is_some_and(Recipient::is_post_quantum);
        let alike = recipients.iter().filter(|key| key.is_post_quantum() == first);
        let keys: Vec<_> = alike.map(Recipient::to_age).collect::<Result<_, _>>()?;
        let keys = keys.iter().map(|key| &**key);
        wrapped::seal_for(keys, text.as_bytes()).map_err(|_| RecipientError::Wrap)
    }

    /// Opens a file with the first identity that fits.
    pub fn open<'i>(
        file: &[u8],
        identities: impl IntoIterator<Item = &'i Identity>,
    ) -> Result<Self, InboxError> {
        if file.len() > MAX {
            return Err(InboxError::TooLarge);
        }
        let file = std::str::from_utf8(file).map_err(|_| InboxError::Content)?;
        let mut opened = identities.into_iter().filter_map(|identity| identity.open_age(file));
        let text = opened.next().ok_or(InboxError::NoKey)?;
        Self::parse(&text).ok_or(InboxError::Content)
    }

    /// Reads what stands inside of such a file.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (head, value) = text.split_once("\n\n")?;
        let mut lines = head.lines();
        if lines.next()? != FIRST_LINE {
            return None;
        }
        let mut field = |key: &str| lines.next()?.strip_prefix(key)?.strip_prefix(": ");
        let project = ProjectName::parse(field("project")?).ok()?;
        let environment = EnvironmentName::parse(field("environment")?).ok()?;
        let name = SecretName::parse(field("name")?).ok()?;
        let author = RecipientName::parse(field("author")?).ok()?;
        let mark = field("left")?.to_owned();
        let expiry = match lines.next() {
            None => None,
            Some(line) => match line.strip_prefix("expires: ")? {
                NEVER => Some(None),
                date => Some(Some(Expiry::parse(date).ok()?)),
            },
        };
        let secret = Secret::new(value.as_bytes().to_vec()).ok()?;
        let place = Place { project, environment };
        lines.next().is_none().then_some(Self { place, name, author, expiry, mark, secret })
    }
}

/// What an inbox file is called: the name, when it was left, and by whom, all
/// in the clear.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct InboxLabel {
    pub name: SecretName,
    /// UTC, as in `20261122T020359Z`, so that labels sort by time.
    pub stamp: String,
    /// Tells two that were left in the same second.
    nonce: String,
    pub author: RecipientName,
}

impl InboxLabel {
    pub fn new(name: SecretName, author: RecipientName, now: jiff::Timestamp) -> Self {
        let stamp = crate::sops::metadata::print_time(now).replace(['-', ':'], "");
        let nonce = crate::hazmat::random::<4>().iter().map(|b| format!("{b:02x}")).collect();
        Self { name, stamp, nonce, author }
    }

    /// What tells it from all others, which its sealed text repeats.
    pub fn mark(&self) -> String {
        format!("{}-{}", self.stamp, self.nonce)
    }

    /// When it was left, in RFC 3339.
    pub fn time(&self) -> String {
        let (date, time) = self.stamp.split_once('T').unwrap_or_default();
        let part = |text: &str, at: std::ops::Range<usize>| text.get(at).unwrap_or("").to_owned();
        let date = [part(date, 0..4), part(date, 4..6), part(date, 6..8)].join("-");
        let time = [part(time, 0..2), part(time, 2..4), part(time, 4..6)].join(":");
        format!("{date}T{time}Z")
    }

    /// Reads a file's name. `None` when it is no label.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_suffix(".age")?.splitn(3, '.');
        let name = SecretName::parse(parts.next()?).ok()?;
        let (stamp, nonce) = parts.next()?.split_once('-')?;
        let author = RecipientName::parse(parts.next()?).ok()?;
        let shape = |text: &str| -> String {
            text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect()
        };
        let hex = |c: char| matches!(c, '0'..='9' | 'a'..='f');
        if shape(stamp) != "00000000T000000Z" || nonce.len() != 8 || !nonce.chars().all(hex) {
            return None;
        }
        Some(Self { name, stamp: stamp.to_owned(), nonce: nonce.to_owned(), author })
    }
}

impl fmt::Display for InboxLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}-{}.{}.age", self.name, self.stamp, self.nonce, self.author)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(value: &str, expiry: Option<&str>) -> InboxItem {
        InboxItem {
            place: Place {
                project: ProjectName::parse("acme").unwrap(),
                environment: EnvironmentName::parse("production").unwrap(),
            },
            name: SecretName::parse("STRIPE_KEY").unwrap(),
            author: RecipientName::parse("bob").unwrap(),
            expiry: expiry.map(|text| Expiry::parse(text).ok()),
            mark: "20261122T020359Z-0123abcd".to_owned(),
            secret: Secret::new(value.into()).unwrap(),
        }
    }

    #[test]
    fn every_recipient_opens_it_and_nobody_else() {
        let identities = [(); 3].map(|()| Identity::generate());
        let recipients: Vec<_> = identities
            .iter()
            .take(2)
            .map(|identity| identity.recipient().unwrap().clone())
            .collect();
        for (value, expiry) in [
            ("canary", None),
            ("a\n\nb: c\n", Some("2027-01-31")),
            ("", None),
            ("\n", Some("never")),
        ] {
            let file = item(value, expiry).seal(&recipients).unwrap();
            assert!(!file.contains("STRIPE") && !file.contains("canary"));
            let open = |at: usize| InboxItem::open(file.as_bytes(), [&identities[at]]);
            for at in [0, 1] {
                let found = open(at).unwrap();
                assert_eq!(found.secret.expose(), value);
                let shown =
                    found.expiry.map(|date| date.map_or("never".to_owned(), |d| d.to_string()));
                assert_eq!(shown.as_deref(), expiry);
                assert_eq!((found.name.as_str(), found.author.as_str()), ("STRIPE_KEY", "bob"));
            }
            assert_eq!(open(2).unwrap_err(), InboxError::NoKey);
        }
    }

    #[test]
    fn what_does_not_read_is_refused() {
        let good = "unspoken-inbox-1\nproject: acme\nenvironment: production\nname: A\nauthor: bob\nleft: x\n\nv";
        assert!(InboxItem::parse(good.as_bytes()).is_some());
        for (from, to) in [
            ("inbox-1", "inbox-2"),
            ("project: acme\n", ""),
            ("name: A", "name: a"),
            ("left: x\n", "left: x\nexpires: soon\n"),
            ("left: x\n", "left: x\nexpires: 2027-01-31\nmore: x\n"),
            ("left: x\n", ""),
            ("\n\nv", "\nv"),
            ("\n\nv", "\n\n\0"),
        ] {
            let text = good.replace(from, to);
            assert_ne!(text, good);
            assert!(InboxItem::parse(text.as_bytes()).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_label_says_what_waits_and_since_when() {
        let now = "2026-11-22T02:03:59Z".parse().unwrap();
        let author = RecipientName::parse("bob@example.com").unwrap();
        let label = InboxLabel::new(SecretName::parse("A_1").unwrap(), author, now);
        let text = label.to_string();
        assert!(
            text.starts_with("A_1.20261122T020359Z-") && text.ends_with(".bob@example.com.age")
        );
        assert_eq!(label.time(), "2026-11-22T02:03:59Z");
        assert_eq!(InboxLabel::parse(&text), Some(label));
        for wrong in [
            "A.20261122T020359Z-0123456789.bob.age",
            "A.20261122T020359Z-0123abcd.age",
            "A.20261122T020359-0123abcd.bob.age",
            "a.20261122T020359Z-0123abcd.bob.age",
            "A.20261122T020359Z-0123abcd.../x.age",
            ".A.20261122T020359Z-0123abcd.bob.age",
        ] {
            assert_eq!(InboxLabel::parse(wrong), None, "{wrong}");
        }
    }
}
