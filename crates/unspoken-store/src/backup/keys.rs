//! The private keys of a project in one text, for a passphrase to seal.
//!
//! Each key file as it is, behind a line that says which it is and how long:
//!
//! ```text
//! unspoken-keys-1
//! key 0123456789abcdef 189
//! …189 bytes…
//! identity 127
//! …127 bytes…
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use thiserror::Error;
use unspoken_model::KeyId;
use unspoken_seal::{Identity, key_id};
use zeroize::Zeroizing;

use crate::{Home, PrivateError};

const FIRST_LINE: &str = "unspoken-keys-1\n";

/// How large a key file may be; the key folder reads no larger one.
const FILE_MAX: usize = 64 * 1024;

/// More keys than a project's history can have.
const MOST: usize = 10_000;

type Text = Zeroizing<Vec<u8>>;

/// The key files of a project. Wiped on drop.
#[derive(Default, PartialEq)]
pub struct BackupKeys {
    keys: BTreeMap<KeyId, Text>,
    identity: Option<Text>,
}

/// What stands in a key's place on this machine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyState {
    New,
    /// The same key, perhaps with other words around it.
    There,
    /// Another one, which stays.
    Other,
}

/// Why a text is no set of key files. Never its content.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum KeysError {
    #[error("the keys in it do not read: wrong at byte {at}")]
    Content { at: usize },
    #[error("the file of the key {id} in it holds another key, or none")]
    OtherKey { id: KeyId },
    #[error("the key {id} in it is not one of this project's")]
    Unexpected { id: KeyId },
}

impl BackupKeys {
    /// Takes the keys with these ids that this machine has, and its identity.
    pub fn collect(home: &Home, ids: &BTreeSet<KeyId>) -> Result<Self, PrivateError> {
        let mut keys = BTreeMap::new();
        for id in ids {
            if let Some(text) = home.keys().read(id)? {
                keys.insert(id.clone(), text);
            }
        }
        Ok(Self { keys, identity: home.read_identity()? })
    }

    pub fn ids(&self) -> impl Iterator<Item = &KeyId> {
        self.keys.keys()
    }

    pub fn has_identity(&self) -> bool {
        self.identity.is_some()
    }

    /// The text, for a passphrase to seal and for nothing else.
    pub fn print(&self) -> Zeroizing<Vec<u8>> {
        let room = self.keys.values().chain(&self.identity).map(|text| text.len() + 64);
        let mut page = Zeroizing::new(Vec::with_capacity(64 + room.sum::<usize>()));
        page.extend_from_slice(FIRST_LINE.as_bytes());
        let keys = self.keys.iter().map(|(id, text)| (format!("key {id}"), text));
        let identity = self.identity.iter().map(|text| ("identity".to_owned(), text));
        for (title, text) in keys.chain(identity) {
            page.extend_from_slice(format!("{title} {}\n", text.len()).as_bytes());
            page.extend_from_slice(text);
            page.push(b'\n');
        }
        page
    }

    /// Reads the text. Every key must be the one that it says, and one of
    /// `expected`. The identity is taken as it is: it may be under a passphrase
    /// of its own.
    pub fn parse(bytes: &[u8], expected: &BTreeSet<KeyId>) -> Result<Self, KeysError> {
        let found = read(bytes)?;
        for (id, text) in &found.keys {
            if !is_key(id, text) {
                return Err(KeysError::OtherKey { id: id.clone() });
            }
            if !expected.contains(id) {
                return Err(KeysError::Unexpected { id: id.clone() });
            }
        }
        Ok(found)
    }

    /// What stands in the place of each key, and of the identity, here.
    pub fn compare(
        &self,
        home: &Home,
    ) -> Result<(BTreeMap<KeyId, KeyState>, Option<KeyState>), PrivateError> {
        let mut states = BTreeMap::new();
        for id in self.keys.keys() {
            let state = match home.keys().read(id)? {
                None => KeyState::New,
                Some(text) if is_key(id, &text) => KeyState::There,
                Some(_) => KeyState::Other,
            };
            states.insert(id.clone(), state);
        }
        let Some(ours) = &self.identity else { return Ok((states, None)) };
        let identity = match home.read_identity()? {
            None => KeyState::New,
            Some(text) if *text == **ours => KeyState::There,
            Some(_) => KeyState::Other,
        };
        Ok((states, Some(identity)))
    }

    /// Stores those that are not here. No file is ever replaced.
    pub fn store(&self, home: &Home) -> Result<(), PrivateError> {
        let (states, identity) = self.compare(home)?;
        for (id, text) in &self.keys {
            if states.get(id) != Some(&KeyState::There) {
                home.keys().write_new(id, text)?;
            }
        }
        if let (Some(text), Some(KeyState::New)) = (&self.identity, identity) {
            home.write_identity(text)?;
        }
        Ok(())
    }
}

fn is_key(id: &KeyId, text: &[u8]) -> bool {
    let public = |identity: &Identity| identity.recipient().map(|key| key_id(key.as_str()));
    let fits = |identity: &Identity| public(identity).as_ref() == Some(id);
    Identity::parse_file(text).is_ok_and(|found| found.iter().any(fits))
}

fn read(bytes: &[u8]) -> Result<BackupKeys, KeysError> {
    let mut found = BackupKeys::default();
    let wrong = |rest: &[u8]| KeysError::Content { at: bytes.len() - rest.len() };
    let mut rest = bytes.strip_prefix(FIRST_LINE.as_bytes()).ok_or(wrong(bytes))?;
    while !rest.is_empty() {
        let (title, text, after) = file(rest).ok_or(wrong(rest))?;
        let text = Zeroizing::new(text.to_vec());
        match title.strip_prefix("key ").map(KeyId::parse) {
            // In order, each once: there is one spelling.
            Some(Ok(id))
                if found.identity.is_none()
                    && found.keys.len() < MOST
                    && found.keys.last_key_value().is_none_or(|(last, _)| *last < id) =>
            {
                found.keys.insert(id, text);
            }
            None if title == "identity" && found.identity.is_none() => found.identity = Some(text),
            _ => return Err(wrong(rest)),
        }
        rest = after;
    }
    Ok(found)
}

/// One file: its title, its bytes, and what comes after.
fn file(rest: &[u8]) -> Option<(&str, &[u8], &[u8])> {
    let end = rest.iter().take(64).position(|&byte| byte == b'\n')?;
    let (line, rest) = rest.split_at_checked(end)?;
    let (title, length) = std::str::from_utf8(line).ok()?.rsplit_once(' ')?;
    let size: usize = length.parse().ok().filter(|size| *size <= FILE_MAX)?;
    if size.to_string() != length {
        return None;
    }
    let (text, rest) = rest.strip_prefix(b"\n")?.split_at_checked(size)?;
    Some((title, text, rest.strip_prefix(b"\n")?))
}

impl fmt::Debug for BackupKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackupKeys")
            .field("ids", &self.keys.keys().collect::<Vec<_>>())
            .field("identity", &self.identity.as_ref().map(|_| "[REDACTED]"))
            .finish()
    }
}
