//! Opening a tree: every value decrypted, in document order.

use thiserror::Error;
use unspoken_model::shown;

use crate::hazmat::{Cipher, Sha512Stream};
use crate::node::{Item, Node};
use crate::sops::rule::{CommentStack, Rule};
use crate::sops::value::{self, Kind, Plain, ValueError, print_float};

/// A top-level item with the opened values below it, in order.
#[derive(Debug)]
pub(crate) struct Slot<'a> {
    pub(crate) item: Item<'a>,
    pub(crate) leaves: Vec<Leaf>,
}

/// One opened value.
#[derive(Debug)]
pub(crate) struct Leaf {
    pub(crate) plain: Plain,
    pub(crate) encrypted: bool,
}

/// A value that does not open, and the names on the way to it.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("the value of `{path}`: {error}")]
pub struct TreeError {
    pub path: String,
    pub error: ValueError,
}

/// The bytes that sops feeds to the MAC first when only encrypted values count:
/// SHA-256 of `sops`.
const ONLY_ENCRYPTED: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b,
    0x0b, 0x97, 0x5b, 0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

/// The associated data of a value: the keys on its path, each with a colon.
pub(crate) fn associated(path: &[&str]) -> String {
    let mut text = String::new();
    associate(path, &mut text);
    text
}

fn associate(path: &[&str], text: &mut String) {
    for key in path {
        text.push_str(key);
        text.push(':');
    }
    if path.is_empty() {
        text.push(':');
    }
}

/// Opens every value below `items`.
pub(crate) fn open<'a>(
    items: Vec<Item<'a>>,
    cipher: &Cipher,
    rule: &Rule,
) -> Result<Vec<Slot<'a>>, TreeError> {
    let mut walk = Walk { cipher, rule, comments: vec![Vec::new()], associated: String::new() };
    let mut path = Vec::new();
    let mut opened = Vec::with_capacity(items.len());
    for item in &items {
        let mut leaves = Vec::with_capacity(1);
        walk.item(item, &mut path, &mut leaves)?;
        opened.push(leaves);
    }
    Ok(items.into_iter().zip(opened).map(|(item, leaves)| Slot { item, leaves }).collect())
}

/// The MAC's text: SHA-512 over the values, in upper-case hex.
pub(crate) fn mac(slots: &[Slot<'_>], only_encrypted: bool) -> String {
    let mut hash = Sha512Stream::new();
    if only_encrypted {
        hash.feed(&ONLY_ENCRYPTED);
    }
    for leaf in slots.iter().flat_map(|slot| &slot.leaves) {
        if leaf.plain.kind != Kind::Comment && (leaf.encrypted || !only_encrypted) {
            hash.feed(&leaf.plain.bytes);
        }
    }
    let mut text = String::with_capacity(128);
    for byte in hash.finish() {
        for digit in [byte >> 4, byte & 0xf] {
            text.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
        }
    }
    text
}

struct Walk<'w> {
    cipher: &'w Cipher,
    rule: &'w Rule,
    comments: CommentStack,
    /// The associated data of the value at hand: one buffer for all of them.
    associated: String,
}

impl Walk<'_> {
    fn items<'i>(
        &mut self,
        items: &'i [Item<'_>],
        path: &mut Vec<&'i str>,
        leaves: &mut Vec<Leaf>,
    ) -> Result<(), TreeError> {
        self.comments.push(Vec::new());
        for item in items {
            self.item(item, path, leaves)?;
        }
        self.comments.pop();
        Ok(())
    }

    fn item<'i>(
        &mut self,
        item: &'i Item<'_>,
        path: &mut Vec<&'i str>,
        leaves: &mut Vec<Leaf>,
    ) -> Result<(), TreeError> {
        match item {
            Item::Comment(text) => {
                leaves.push(self.comment(text, path));
                Ok(())
            }
            Item::Pair(key, node) => {
                path.push(key);
                self.node(node, path, leaves)?;
                path.pop();
                if let Some(level) = self.comments.last_mut() {
                    level.clear();
                }
                Ok(())
            }
        }
    }

    fn node<'i>(
        &mut self,
        node: &'i Node<'_>,
        path: &mut Vec<&'i str>,
        leaves: &mut Vec<Leaf>,
    ) -> Result<(), TreeError> {
        match node {
            Node::Map(items) => self.items(items, path, leaves),
            Node::List(nodes) => self.list(nodes, path, leaves),
            Node::Null => Ok(()),
            Node::Comment(text) => {
                leaves.push(self.comment(text, path));
                Ok(())
            }
            Node::Bool(_) | Node::Number(_) | Node::Text(_) | Node::Time(_) => {
                let encrypted = self.rule.encrypts(path, &self.comments);
                let plain = if encrypted { self.sealed(node, path) } else { clear(node) };
                let plain =
                    plain.map_err(|error| TreeError { path: shown(&path.join(".")), error })?;
                leaves.push(Leaf { plain, encrypted });
                Ok(())
            }
        }
    }

    fn list<'i>(
        &mut self,
        nodes: &'i [Node<'_>],
        path: &mut Vec<&'i str>,
        leaves: &mut Vec<Leaf>,
    ) -> Result<(), TreeError> {
        self.comments.push(Vec::new());
        for node in nodes {
            self.node(node, path, leaves)?;
            if let Some(level) = self.comments.last_mut()
                && !matches!(node, Node::Comment(_))
            {
                level.clear();
            }
        }
        self.comments.pop();
        Ok(())
    }

    fn sealed(&mut self, node: &Node<'_>, path: &[&str]) -> Result<Plain, ValueError> {
        match node.as_text() {
            Some("") => Ok(Plain::new(Kind::Text, "")),
            Some(text) => self.open(text, path),
            None => Err(ValueError::Form),
        }
    }

    fn open(&mut self, text: &str, path: &[&str]) -> Result<Plain, ValueError> {
        self.associated.clear();
        associate(path, &mut self.associated);
        value::open(text, self.cipher, self.associated.as_bytes())
    }

    /// Opens a comment. One that does not open is taken as it stands, as sops
    /// does: comments are not under the MAC.
    fn comment(&mut self, text: &str, path: &[&str]) -> Leaf {
        let opened = self.open(text, path).ok();
        let encrypted = opened.is_some();
        let plain = opened.unwrap_or_else(|| Plain::new(Kind::Comment, text));
        if self.rule.reads_comments()
            && let Some(level) = self.comments.last_mut()
        {
            level.push(String::from_utf8_lossy(&plain.bytes).into_owned());
        }
        Leaf { plain: Plain { kind: Kind::Comment, ..plain }, encrypted }
    }
}

/// Reads a value that is not encrypted.
fn clear(node: &Node<'_>) -> Result<Plain, ValueError> {
    Ok(match node {
        Node::Text(text) => Plain::new(Kind::Text, text.as_bytes()),
        Node::Time(text) => Plain::new(Kind::Time, text.as_bytes()),
        Node::Bool(value) => Plain::new(Kind::Bool, if *value { "True" } else { "False" }),
        Node::Number(text) => match text.parse::<i64>() {
            Ok(number) => Plain::new(Kind::Int, number.to_string()),
            Err(_) => {
                let number = text.parse().map_err(|_| ValueError::Mistyped)?;
                Plain::new(Kind::Float, print_float(number))
            }
        },
        Node::Null | Node::Comment(_) | Node::List(_) | Node::Map(_) => {
            return Err(ValueError::Form);
        }
    })
}

#[test]
fn the_associated_data_is_the_path_with_colons() {
    assert_eq!(associated(&["API_KEY"]), "API_KEY:");
    assert_eq!(associated(&["obj", "x", "y"]), "obj:x:y:");
    assert_eq!(associated(&[]), ":");
}

#[test]
fn the_prefix_of_the_partial_mac_is_the_hash_of_sops() {
    assert_eq!(crate::hazmat::sha256(b"sops"), ONLY_ENCRYPTED);
}
