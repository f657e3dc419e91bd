//! The `.env` files of dotenvx: values are `encrypted:` and base64 for a key
//! pair on secp256k1, whose private half is in `.env.keys`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::dotenv;
use crate::foreign::{Entry, ForeignError, Imported, Names, Note};
use crate::hazmat::foreign::CurveKey;
use crate::{Secret, SecretError};

/// How a value begins that is encrypted.
pub(super) const ENCRYPTED: &str = "encrypted:";

/// The names of the lines that hold the public key, and the private one.
pub(super) const PUBLIC: &str = "DOTENV_PUBLIC_KEY";
const PRIVATE: &str = "DOTENV_PRIVATE_KEY";

/// More keys than this in one file are refused: each is tried on each value.
const KEYS: usize = 64;

/// The private keys of a `.env.keys` file. Wiped on drop.
pub struct DotenvxKeys(Vec<CurveKey>);

/// Why a file holds no [`DotenvxKeys`]. Never its content.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum KeysError {
    #[error("line {line} cannot be read")]
    Line { line: usize },
    #[error("line {line} holds no private key of dotenvx: 64 hexadecimal digits")]
    Key { line: usize },
    #[error("the file holds no `{PRIVATE}`")]
    Empty,
    #[error("the file holds more than {KEYS} keys")]
    TooMany,
}

impl DotenvxKeys {
    /// Reads the keys of every environment: which one a value is for, the value
    /// does not say.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeysError> {
        // Environments' names stand in the names of the lines, as they are.
        let parsed =
            dotenv::parse_named(bytes, &Names::new(Vec::new(), true)).map_err(|errors| {
                KeysError::Line { line: errors.first().map_or(1, |error| error.line) }
            })?;
        let mut keys = Vec::new();
        for entry in parsed.entries.iter().filter(|entry| entry.name.as_str().starts_with(PRIVATE))
        {
            // After a rotation the older ones stand behind the newest.
            for text in entry.secret.expose().split(',') {
                if keys.len() == KEYS {
                    return Err(KeysError::TooMany);
                }
                keys.push(key(text.trim()).ok_or(KeysError::Key { line: entry.line })?);
            }
        }
        if keys.is_empty() { Err(KeysError::Empty) } else { Ok(Self(keys)) }
    }

    fn open(&self, text: &str, public: &[[u8; 33]]) -> Option<Zeroizing<Vec<u8>>> {
        let blob = STANDARD.decode(text).ok()?;
        let named = |key: &&CurveKey| public.contains(&key.public());
        let (named, others): (Vec<_>, Vec<_>) = self.0.iter().partition(named);
        named.into_iter().chain(others).find_map(|key| key.open(&blob))
    }
}

/// Opens a `.env` file, in which single values may stand in plaintext.
pub fn parse(
    bytes: &[u8],
    keys: &DotenvxKeys,
    names: &Names,
) -> Result<Imported, Vec<ForeignError>> {
    let parsed = dotenv::parse_named(bytes, names)
        .map_err(|errors| errors.into_iter().map(ForeignError::Line).collect::<Vec<_>>())?;
    let is_public = |name: &str| name.starts_with(PUBLIC);
    let public: Vec<[u8; 33]> = parsed
        .entries
        .iter()
        .filter(|entry| is_public(entry.name.as_str()))
        .filter_map(|entry| public_key(entry.secret.expose()))
        .collect();
    let mut imported = Imported::default();
    let mut errors = Vec::new();
    for entry in parsed.entries {
        let name = entry.name.to_string();
        if is_public(&name) {
            imported.notes.push(Note::Metadata { name });
            continue;
        }
        match value(entry, keys, &public, &mut imported.notes) {
            Ok(entry) => imported.entries.push(entry),
            Err(error) => errors.push(error),
        }
    }
    let warnings = parsed.warnings.into_iter().filter(|warning| !is_public(warning.name.as_str()));
    imported.notes.extend(warnings.map(Note::Line));
    if errors.is_empty() { Ok(imported) } else { Err(errors) }
}

fn value(
    entry: dotenv::Entry,
    keys: &DotenvxKeys,
    public: &[[u8; 33]],
    notes: &mut Vec<Note>,
) -> Result<Entry, ForeignError> {
    let dotenv::Entry { name, secret, line, literal } = entry;
    let taken = |name, secret| Entry { name, secret, line: Some(line), expiry: None };
    let Some(text) = secret.expose().strip_prefix(ENCRYPTED) else {
        if !secret.is_empty() {
            notes.push(Note::Clear { name: name.clone() });
        }
        return Ok(taken(name, secret));
    };
    let shut = || ForeignError::Shut { name: name.to_string() };
    let mut text = keys.open(text, public).ok_or_else(shut)?;
    if !literal {
        unescape(&mut text);
        if inserts(&text) {
            notes.push(Note::Interpolation { name: name.clone() });
        }
    }
    let wrong = |error: SecretError| ForeignError::Value { name: name.to_string(), error };
    let secret = Secret::new(std::mem::take(&mut *text)).map_err(wrong)?;
    Ok(taken(name, secret))
}

/// Puts `$` in for `\$`, as dotenvx does outside of single quotes. The text
/// only gets shorter, so nothing of it is left behind.
fn unescape(text: &mut Vec<u8>) {
    let mut kept = 0;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if byte == b'\\' && text.get(at + 1) == Some(&b'$') {
            at += 1;
        }
        text.swap(kept, at);
        kept += 1;
        at += 1;
    }
    // What is behind is wiped with the rest of the buffer.
    text.truncate(kept);
}

/// Whether dotenvx would insert a variable, or what a command prints.
fn inserts(text: &[u8]) -> bool {
    let begins = |byte: u8| b"{(_".contains(&byte) || byte.is_ascii_alphabetic();
    text.windows(2).any(|pair| pair[0] == b'$' && begins(pair[1]))
}

fn key(text: &str) -> Option<CurveKey> {
    let mut bytes = Zeroizing::new([0; 32]);
    unhex(text, &mut *bytes)?;
    CurveKey::new(&bytes)
}

fn public_key(text: &str) -> Option<[u8; 33]> {
    let mut bytes = [0; 33];
    unhex(text, &mut bytes)?;
    Some(bytes)
}

fn unhex(text: &str, into: &mut [u8]) -> Option<()> {
    if text.len() != 2 * into.len() {
        return None;
    }
    for (byte, digits) in into.iter_mut().zip(text.as_bytes().chunks(2)) {
        let [high, low] = digits else { return None };
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?;
    }
    Some(())
}

impl fmt::Debug for DotenvxKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DotenvxKeys([{} REDACTED])", self.0.len())
    }
}

#[test]
fn an_escaped_dollar_is_a_dollar() {
    for (text, expected, inserted) in [
        ("\\$A", "$A", true),
        ("a\\$", "a$", false),
        ("\\n\\\\$x\\", "\\n\\$x\\", true),
        ("$5 ${B}", "$5 ${B}", true),
        ("$5", "$5", false),
        ("$(id)", "$(id)", true),
        ("", "", false),
    ] {
        let mut bytes = text.as_bytes().to_vec();
        let before = inserts(&bytes);
        unescape(&mut bytes);
        assert_eq!(bytes, expected.as_bytes(), "{text:?}");
        assert_eq!(before, inserted, "{text:?}");
    }
}
