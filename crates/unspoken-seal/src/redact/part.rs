//! The parts of a value that are secret by themselves.

use zeroize::Zeroizing;

use super::strength::is_telling;
use crate::json;
use crate::node::{Item, Node};

/// Keys of a JSON value whose texts tell where something is, not how to get in.
const PUBLIC_KEYS: [&str; 24] = [
    "type",
    "kind",
    "name",
    "host",
    "hostname",
    "port",
    "user",
    "username",
    "email",
    "client_email",
    "client_id",
    "project",
    "project_id",
    "database",
    "dbname",
    "region",
    "endpoint",
    "url",
    "scope",
    "issuer",
    "universe_domain",
    "auth_uri",
    "token_uri",
    "audience",
];

/// Tells the whole value, and each of its parts that is worth to be found.
pub(super) fn each(value: &str, tell: &mut impl FnMut(&str)) {
    tell(value);
    let trimmed = value.trim();
    if trimmed.len() < value.len() {
        tell(trimmed);
    }
    match json::read(trimmed) {
        Ok(node) if matches!(node, Node::Map(_) | Node::List(_)) => leaves(&node, tell),
        _ => lines(trimmed, tell),
    }
    password(trimmed, tell);
}

fn lines(text: &str, tell: &mut impl FnMut(&str)) {
    if text.contains('\n') {
        let lines = text.lines().map(str::trim);
        // The first and the last line of a key say what it is.
        lines.filter(|line| is_telling(line) && !line.starts_with("-----")).for_each(tell);
    }
}

fn leaves(node: &Node<'_>, tell: &mut impl FnMut(&str)) {
    match node {
        Node::Text(text) if is_telling(text) => {
            tell(text);
            lines(text, tell);
            password(text, tell);
        }
        Node::List(nodes) => nodes.iter().for_each(|node| leaves(node, tell)),
        Node::Map(items) => {
            for (key, node) in items.iter().filter_map(Item::as_pair) {
                if node.as_text().is_none() || !is_public(key) {
                    leaves(node, tell);
                }
            }
        }
        _ => {}
    }
}

fn is_public(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    PUBLIC_KEYS.contains(&key.as_str()) || key.ends_with("_cert_url")
}

/// The password in an address, as it stands there and as it is.
fn password(text: &str, tell: &mut impl FnMut(&str)) {
    let Some((_, rest)) = text.split_once("://") else { return };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let userinfo = authority.rsplit_once('@').map(|(userinfo, _)| userinfo);
    let Some((_, password)) = userinfo.and_then(|userinfo| userinfo.split_once(':')) else {
        return;
    };
    if is_telling(password) {
        tell(password);
    }
    if let Some(decoded) = decode(password)
        && is_telling(&decoded)
    {
        tell(&decoded);
    }
}

/// Undoes percent-encoding; `None` where there is none, or no text comes of it.
fn decode(text: &str) -> Option<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let code = after.first_chunk::<2>().filter(|_| *first == b'%');
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
        match code.and_then(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    let is_changed = bytes.len() < text.len();
    let decoded = String::from_utf8(std::mem::take(&mut *bytes)).ok().map(Zeroizing::new);
    decoded.filter(|_| is_changed)
}

#[test]
fn a_value_has_the_parts_that_are_secret_by_themselves() {
    #[track_caller]
    fn case(value: &str, expected: &[&str]) {
        let mut found = Vec::new();
        each(value, &mut |part| found.push(part.to_owned()));
        assert_eq!(found.remove(0), value);
        assert_eq!(found, expected);
    }

    case("one-line-only", &[]);
    case("trimmed-value\n", &["trimmed-value"]);
    case(
        "-----BEGIN X-----\nMIIEvQIBADANBg\nshort\n",
        &["-----BEGIN X-----\nMIIEvQIBADANBg\nshort", "MIIEvQIBADANBg"],
    );
    case(
        r#"{"type":"service_account","private_key":"first-line\nsecond-line","n":[{"x":"abcdefgh1"}],"y":"tiny"}"#,
        &["first-line\nsecond-line", "first-line", "second-line", "abcdefgh1"],
    );
    case("postgres://app:s3cr%40t-word@db:5432/app", &["s3cr%40t-word", "s3cr@t-word"]);
    case("https://example.com/a:b@c", &[]);
}
