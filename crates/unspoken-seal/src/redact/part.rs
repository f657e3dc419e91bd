//! The parts of a value that are secret by themselves.

use zeroize::Zeroizing;

use super::strength::Strength;
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

/// Tells the whole value, and each of its parts that is worth to be found, with how
/// well each can be told from other text.
pub(super) fn each(value: &str, tell: &mut impl FnMut(&str, Strength)) {
    tell(value, Strength::of_text(value));
    let trimmed = value.trim();
    if trimmed.len() < value.len() {
        tell(trimmed, Strength::of_text(trimmed));
    }
    match json::read(trimmed) {
        Ok(node) if matches!(node, Node::Map(_) | Node::List(_)) => leaves(&node, true, tell),
        _ => lines(trimmed, tell),
    }
    credentials(trimmed, tell);
}

fn lines(text: &str, tell: &mut impl FnMut(&str, Strength)) {
    if text.contains('\n') {
        // The first and the last line of a key say what it is.
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with("-----")) {
            if Strength::of_text(line) == Strength::Strong {
                tell(line, Strength::Strong);
            }
        }
    }
}

fn leaves(node: &Node<'_>, is_secret: bool, tell: &mut impl FnMut(&str, Strength)) {
    match node {
        Node::Text(text) => {
            if is_secret {
                tell(text, Strength::of_text(text));
                lines(text, tell);
            }
            credentials(text, tell);
        }
        Node::Number(text) if is_secret && Strength::of_text(text) == Strength::Strong => {
            tell(text, Strength::Strong);
        }
        Node::List(nodes) => nodes.iter().for_each(|node| leaves(node, is_secret, tell)),
        Node::Map(items) => {
            for (key, node) in items.iter().filter_map(Item::as_pair) {
                let is_text = matches!(node, Node::Text(_) | Node::Number(_));
                leaves(node, !is_text || !is_public(key), tell);
            }
        }
        _ => {}
    }
}

fn is_public(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    PUBLIC_KEYS.contains(&key.as_str()) || key.ends_with("_cert_url")
}

/// The passwords in all addresses of a text, as they stand there and as they are;
/// where an address has a user alone, that is a token.
fn credentials(text: &str, tell: &mut impl FnMut(&str, Strength)) {
    for (_, rest) in text.match_indices("://").filter_map(|(at, _)| text.split_at_checked(at + 3)) {
        let end = rest.find(|c: char| c.is_whitespace() || "\"'<>".contains(c));
        let rest = rest.split_at_checked(end.unwrap_or(rest.len())).map_or(rest, |(rest, _)| rest);
        // Of another address that follows in the same text nothing is the password of this one.
        let own = rest.split("://").next().unwrap_or_default();
        // A password may hold what should have been escaped.
        let Some((userinfo, _)) = own.rsplit_once('@') else { continue };
        let secret = userinfo.split_once(':').map_or(userinfo, |(_, password)| password);
        tell(secret, Strength::of_text(secret));
        if let Some(decoded) = decode(secret) {
            tell(&decoded, Strength::of_text(&decoded));
        }
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
        each(value, &mut |part, strength| {
            if strength != Strength::Plain {
                found.push(part.to_owned());
            }
        });
        assert_eq!(found.first().map(String::as_str), Some(value));
        assert_eq!(found.get(1..).unwrap(), expected);
    }

    case("one-line-only-1", &[]);
    case("trimmed-value-1\n", &["trimmed-value-1"]);
    case(
        "-----BEGIN X-----\nMIIEvQIBADANBg\nshort\n",
        &["-----BEGIN X-----\nMIIEvQIBADANBg\nshort", "MIIEvQIBADANBg"],
    );
    case(
        r#"{"type":"service_account","private_key":"first-line-1\nsecond-line-2","n":[{"x":"abcdefgh1"}],"y":"t1ny","pin":8846123377,"port":5432123}"#,
        &[
            "first-line-1\nsecond-line-2",
            "first-line-1",
            "second-line-2",
            "abcdefgh1",
            "t1ny",
            "8846123377",
        ],
    );
    case("postgres://app:s3cr%40t-word@db:5432/app", &["s3cr%40t-word", "s3cr@t-word"]);
    case("postgres://app:hunter2@db:5432/app", &["hunter2"]);
    case("postgres://app:pa55/w0rdX9z@db/app", &["pa55/w0rdX9z"]);
    case("https://tok3n-abcdef@git.example/x?y=1", &["tok3n-abcdef"]);
    case(
        r#"{"issuer":"https://idp.example","url":"postgres://app:Jsonp4ssw0rd@db/app"}"#,
        &["Jsonp4ssw0rd", "Jsonp4ssw0rd"],
    );
    case(
        "first: https://a\nsecond: postgres://u:Mult1p4ssw0rd@db",
        &["first: https://a", "second: postgres://u:Mult1p4ssw0rd@db", "Mult1p4ssw0rd"],
    );
    case("https://example.com/a:b@c?d=1", &[]);
}
