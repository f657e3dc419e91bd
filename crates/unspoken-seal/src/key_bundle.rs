//! Key bundles: an environment's key in one line that can be pasted.
//!
//! `unspoken-key-1:`, base64url of a small JSON object, `:`, and the first
//! eight hex digits of SHA-256 over all before. Under a passphrase the object
//! is inside an age file, and the line begins with `unspoken-sealed-key-1:`.
//! White space anywhere is not part of it: a line that is pasted gets broken.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;
use unspoken_model::{EnvironmentName, KeyId, Place, ProjectName};
use zeroize::Zeroizing;

use crate::hazmat::sha256;
use crate::identity::Identity;
use crate::json;
use crate::node::{Item, Node};
use crate::passphrase::{PassphraseError, open_with_passphrase, seal_with_passphrase};

const OPEN: &str = "unspoken-key-1";
const SEALED: &str = "unspoken-sealed-key-1";

/// How many hex digits of the hash stand at the end.
const CHECKSUM: usize = 8;

/// No bundle is longer, by far.
const MAX: usize = 16 * 1024;

/// An environment's private key, and which environment's it is.
pub struct KeyBundle {
    pub place: Place,
    pub identity: Identity,
    id: KeyId,
}

/// A bundle under a passphrase, whole and still shut.
pub struct SealedBundle(Vec<u8>);

/// A bundle as it was pasted.
#[derive(Debug)]
pub enum ReadBundle {
    Open(KeyBundle),
    Sealed(SealedBundle),
}

/// Why a text is no bundle. Never what stands in it.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum BundleError {
    #[error("this is no key bundle, which begins with `unspoken-key-` or `unspoken-sealed-key-`")]
    Form,
    #[error("a newer release made this key bundle")]
    Newer,
    #[error("a character of the key bundle is wrong, missing or too many")]
    Checksum,
    #[error("what the key bundle holds does not read")]
    Content,
    #[error("the key in the bundle is not the one that the bundle names")]
    OtherKey,
    #[error("the key bundle cannot be opened: {0}")]
    Passphrase(PassphraseError),
}

impl KeyBundle {
    /// Puts a key and its place together. `None` for a key whose public half is
    /// not known.
    pub fn new(place: Place, identity: Identity) -> Option<Self> {
        let id = identity.recipient()?.key_id();
        Some(Self { place, identity, id })
    }

    pub fn key_id(&self) -> &KeyId {
        &self.id
    }

    /// The bundle as one line, in the clear: whoever sees it has the key.
    pub fn print(&self) -> Zeroizing<String> {
        let inner = Zeroizing::new(URL_SAFE_NO_PAD.encode(self.to_json().as_bytes()));
        finish(OPEN, &inner)
    }

    /// The bundle as one line that a passphrase opens.
    pub fn print_sealed(&self, passphrase: &str) -> Result<Zeroizing<String>, PassphraseError> {
        let armoured = seal_with_passphrase(self.to_json().as_bytes(), passphrase)?;
        // The armour is base64 in lines; this is the same in the other alphabet.
        let body = armoured.lines().filter(|line| !line.starts_with("-----"));
        let inner = body.flat_map(str::chars).filter(|c| *c != '=').map(|c| match c {
            '+' => '-',
            '/' => '_',
            c => c,
        });
        Ok(finish(SEALED, &inner.collect::<String>()))
    }

    /// Reads a bundle that was pasted, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<ReadBundle, BundleError> {
        if text.len() > MAX {
            return Err(BundleError::Form);
        }
        let mut line = Zeroizing::new(String::with_capacity(text.len()));
        line.extend(text.chars().filter(|c| !c.is_whitespace()));
        let Some((prefix, rest)) = line.split_once(':') else { return Err(BundleError::Form) };
        if prefix != OPEN && prefix != SEALED {
            let ours = ["unspoken-key-", "unspoken-sealed-key-"];
            let newer = ours.iter().filter_map(|start| prefix.strip_prefix(start));
            let newer = newer.into_iter().any(|version| version.parse::<u32>().is_ok());
            return Err(if newer { BundleError::Newer } else { BundleError::Form });
        }
        let Some((inner, sum)) = rest.split_once(':') else { return Err(BundleError::Checksum) };
        if checksum(prefix, inner) != sum {
            return Err(BundleError::Checksum);
        }
        let bytes = URL_SAFE_NO_PAD.decode(inner).map_err(|_| BundleError::Content)?;
        if prefix == SEALED {
            return Ok(ReadBundle::Sealed(SealedBundle(bytes)));
        }
        Self::from_json(&Zeroizing::new(bytes)).map(ReadBundle::Open)
    }

    fn to_json(&self) -> Zeroizing<String> {
        let key = self.identity.expose();
        let Place { project, environment } = &self.place;
        let mut text = Zeroizing::new(String::with_capacity(512 + key.len()));
        for part in [
            r#"{"v":1,"id":""#,
            self.id.as_str(),
            r#"","project":""#,
            project.as_str(),
            r#"","environment":""#,
            environment.as_str(),
            r#"","key":""#,
            &key,
            r#""}"#,
        ] {
            text.push_str(part);
        }
        text
    }

    fn from_json(bytes: &[u8]) -> Result<Self, BundleError> {
        let text = std::str::from_utf8(bytes).map_err(|_| BundleError::Content)?;
        // An escape would be copied into a buffer that is not wiped; nothing in
        // a bundle needs one.
        if text.contains('\\') {
            return Err(BundleError::Content);
        }
        let node = json::read(text).map_err(|_| BundleError::Content)?;
        read(&node).ok_or(BundleError::Content)?
    }
}

impl SealedBundle {
    /// Opens the bundle, or says why not.
    pub fn open(&self, passphrase: &str) -> Result<KeyBundle, BundleError> {
        let json = open_with_passphrase(&self.0, passphrase).map_err(BundleError::Passphrase)?;
        KeyBundle::from_json(&json)
    }
}

impl fmt::Debug for KeyBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyBundle").field("place", &self.place).finish_non_exhaustive()
    }
}

impl fmt::Debug for SealedBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedBundle")
    }
}

/// Takes the object apart: exactly the fields of version 1.
fn read(node: &Node<'_>) -> Option<Result<KeyBundle, BundleError>> {
    let fields = ["v", "id", "project", "environment", "key"];
    let items = node.as_map()?;
    let known = |item: &Item<'_>| item.as_pair().is_some_and(|(key, _)| fields.contains(&key));
    if items.len() != fields.len() || !items.iter().all(known) {
        return None;
    }
    if !matches!(node.get("v")?, Node::Number(version) if version == "1") {
        return None;
    }
    let text = |key| node.get(key).and_then(Node::as_text);
    let id = KeyId::parse(text("id")?).ok()?;
    let project = ProjectName::parse(text("project")?).ok()?;
    let environment = EnvironmentName::parse(text("environment")?).ok()?;
    let mut identities = Identity::parse_file(text("key")?.as_bytes()).ok()?;
    let identity = identities.pop().filter(|_| identities.is_empty())?;
    let bundle = KeyBundle::new(Place { project, environment }, identity)?;
    Some(if bundle.id == id { Ok(bundle) } else { Err(BundleError::OtherKey) })
}

fn finish(prefix: &str, inner: &str) -> Zeroizing<String> {
    let sum = checksum(prefix, inner);
    let mut line = Zeroizing::new(String::with_capacity(prefix.len() + inner.len() + 16));
    for part in [prefix, ":", inner, ":", &sum] {
        line.push_str(part);
    }
    line
}

fn checksum(prefix: &str, inner: &str) -> String {
    let mut text = Zeroizing::new(String::with_capacity(prefix.len() + inner.len() + 1));
    for part in [prefix, ":", inner] {
        text.push_str(part);
    }
    let mut sum: String = sha256(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
    sum.truncate(CHECKSUM);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle() -> KeyBundle {
        let project = ProjectName::parse("acme").unwrap();
        let environment = EnvironmentName::parse("production").unwrap();
        KeyBundle::new(Place { project, environment }, Identity::generate()).unwrap()
    }

    fn open(text: &str) -> Result<KeyBundle, BundleError> {
        match KeyBundle::parse(text)? {
            ReadBundle::Open(bundle) => Ok(bundle),
            ReadBundle::Sealed(sealed) => sealed.open("correct horse"),
        }
    }

    #[test]
    fn a_bundle_is_one_line_and_reads_back_also_when_it_was_broken() {
        let bundle = bundle();
        let public = bundle.identity.recipient().unwrap().as_str().to_owned();
        for line in [bundle.print(), bundle.print_sealed("correct horse").unwrap()] {
            assert!(line.chars().all(|c| c.is_ascii_graphic()));
            let broken = format!(" {}\r\n", line.replace(':', ":\n  "));
            for text in [line.as_str(), &broken] {
                let read = open(text).unwrap();
                assert_eq!(read.place, bundle.place);
                assert_eq!(read.identity.recipient().unwrap().as_str(), public);
            }
        }
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let line = bundle().print();
        for at in 0..line.len() {
            let mut bytes = line.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let text = String::from_utf8(bytes).unwrap();
            assert!(KeyBundle::parse(&text).is_err(), "{at}");
            let (start, rest) = line.split_at(at);
            let shorter = format!("{start}{}", rest.get(1..).unwrap());
            assert!(KeyBundle::parse(&shorter).is_err(), "{at}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_and_not_shown() {
        #[track_caller]
        fn case(text: &str, expected: BundleError) {
            assert_eq!(open(text).unwrap_err(), expected);
        }
        let line = |json: &str| finish(OPEN, &URL_SAFE_NO_PAD.encode(json)).to_string();
        let good = bundle().to_json();

        assert!(open(&line(&good)).is_ok());
        case("", BundleError::Form);
        case("AGE-SECRET-KEY-1CANARY", BundleError::Form);
        case("unspoken-key-2:abc:def", BundleError::Newer);
        case("unspoken-key-1:abc", BundleError::Checksum);
        case(&line("{}"), BundleError::Content);
        case(&line(&good.replace("\"v\":1", "\"v\":2")), BundleError::Content);
        case(&line(&good.replace("acme", "Acme")), BundleError::Content);
        case(&line(&good.replace("acme", "\\u0061cme")), BundleError::Content);
        case(&line(&good.replace("\"v\":1,", "\"v\":1,\"x\":1,")), BundleError::Content);
        let id = good.split('"').nth(5).unwrap();
        case(&line(&good.replace(id, "0123456789abcdef")), BundleError::OtherKey);
        let sealed = bundle().print_sealed("wrong").unwrap();
        case(&sealed, BundleError::Passphrase(PassphraseError::Passphrase));
    }
}
