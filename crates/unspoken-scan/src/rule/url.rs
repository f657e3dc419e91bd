//! Addresses with a password in them: `scheme://user:password@host`.

use std::ops::Range;

use zeroize::Zeroizing;

use super::{Kind, Rule, seen};
use crate::floor;
use crate::sighting::{Sighting, Verified};

pub(crate) const URL: Kind = Kind::new(
    "url-password",
    "a password in an address",
    "Change the password where the address leads to.",
);

/// How long a user, a password and a host are at most.
const LONGEST: usize = 256;

pub(super) const RULES: &[Rule] = &[Rule::look(&[URL], &["://"], password)];

/// Passwords that stand in documentation, in lowercase.
const WORDS: [&str; 26] = [
    "password",
    "passwd",
    "passw0rd",
    "p@ssw0rd",
    "p4ssw0rd",
    "password1",
    "pass",
    "passphrase",
    "pwd",
    "secret",
    "user",
    "username",
    "token",
    "test",
    "admin",
    "root",
    "guest",
    "hunter2",
    "foobar",
    "foo",
    "bar",
    "mypassword",
    "mypass",
    "hello",
    "default",
    "letmein",
];

/// Hosts of documentation.
const HOSTS: [&[u8]; 6] = [b"example.", b"host", b"hostname", b"server", b"foo.", b"domain."];

fn password(text: &[u8], anchor: Range<usize>) -> Option<Sighting> {
    let rest = text.get(anchor.end..text.len().min(anchor.end + LONGEST))?;
    // Most addresses have neither: they end here.
    let end = rest.iter().position(|&byte| ends(byte))?;
    if rest.get(end) != Some(&b'@') {
        return None;
    }
    let userinfo = rest.get(..end)?;
    let colon = userinfo.iter().position(|&byte| byte == b':')?;
    let (user, password) = (userinfo.get(..colon)?, userinfo.get(colon + 1..)?);
    let host = rest.get(end + 1..)?;
    let scheme = text.get(..anchor.start)?;
    let is_scheme = scheme.last().is_some_and(u8::is_ascii_alphabetic);
    if !is_scheme || is_placeholder(user, password) || is_nowhere(host) {
        return None;
    }
    let start = anchor.end + colon + 1;
    seen(URL, start..anchor.end + end, Verified::Shape)
}

/// What ends a user and a password, the `@` with it.
fn ends(byte: u8) -> bool {
    byte <= b' ' || b"@/?#\"'`<>\\(){}[]|,;".contains(&byte) || byte >= 0x7f
}

/// Whether nobody's password is this one.
fn is_placeholder(user: &[u8], password: &[u8]) -> bool {
    let lower = Zeroizing::new(password.to_ascii_lowercase());
    let word = std::str::from_utf8(&lower).unwrap_or_default();
    // A word is no password that could be told from an example.
    let is_word = lower.iter().all(u8::is_ascii_alphabetic) && lower.len() < 12;
    let stem = word.trim_end_matches(|c: char| c.is_ascii_digit() || c == '!');
    let spoken = word.contains("pass") || word.contains("secret") || word.contains("token");
    password.len() < 6
        || is_word
        || spoken
        || WORDS.contains(&stem)
        || WORDS.contains(&word)
        || password == user
        || stem.as_bytes() == user.to_ascii_lowercase()
        || word.starts_with(['$', '%', '*', ':', '.', '+'])
        || word.contains('$')
        || word.contains("**")
        || word.contains("...")
        || !floor::is_random(password)
        || word.contains("1234")
}

/// Whether the host is one of examples, or none.
fn is_nowhere(host: &[u8]) -> bool {
    let is_host = |byte: &u8| byte.is_ascii_alphanumeric() || b"[-._".contains(byte);
    let length = host.iter().take_while(|byte| is_host(byte)).count();
    let Some(name) = host.get(..length) else { return true };
    let name = name.to_ascii_lowercase();
    name.is_empty()
        || HOSTS.iter().any(|other| {
            name == *other
                || other.ends_with(b".") && {
                    name.starts_with(other)
                        || memchr::memmem::find(&name, &[b".", *other].concat()).is_some()
                }
        })
        || name.ends_with(b".example")
        || name.ends_with(b".test")
        || name.ends_with(b".invalid")
}
