//! Recipients: the public halves of keys, to which data keys are wrapped.
//!
//! Each kind is one file. Every recipient gets a complete age file of its own,
//! as in sops.

mod x25519;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use unspoken_model::KeyId;

use crate::hazmat::{DataKey, sha256};

/// A public key that a document can be wrapped for, such as `age1…`.
#[derive(Clone)]
pub struct Recipient {
    text: String,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    X25519(age::x25519::Recipient),
}

/// Why a text is no [`Recipient`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum RecipientError {
    #[error("it is not an `age1…` public key")]
    Form,
    #[error("the key could not be wrapped")]
    Wrap,
}

impl Recipient {
    /// Reads a public key in its one spelling.
    pub fn parse(text: &str) -> Result<Self, RecipientError> {
        let key = age::x25519::Recipient::from_str(text).map_err(|_| RecipientError::Form)?;
        let recipient = Self::from_age(key);
        // One spelling per key, so that keys can be told apart by their text.
        if recipient.text == text { Ok(recipient) } else { Err(RecipientError::Form) }
    }

    pub(crate) fn from_age(key: age::x25519::Recipient) -> Self {
        Self { text: key.to_string(), kind: Kind::X25519(key) }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The id by which key files and documents call this key.
    pub fn key_id(&self) -> KeyId {
        key_id(&self.text)
    }

    /// The key as the age crate knows it.
    pub(crate) fn to_age(&self) -> Box<dyn age::Recipient + '_> {
        match &self.kind {
            Kind::X25519(recipient) => Box::new(recipient.clone()),
        }
    }

    /// Wraps a data key: an armoured age file for this recipient alone.
    pub(crate) fn wrap(&self, key: &DataKey) -> Result<String, RecipientError> {
        match &self.kind {
            Kind::X25519(recipient) => x25519::wrap(recipient, key),
        }
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recipient").field(&self.text).finish()
    }
}

/// The id of the key with this public text.
pub fn key_id(recipient: &str) -> KeyId {
    let mut text = String::with_capacity(KeyId::LENGTH);
    for byte in sha256(recipient.as_bytes()).iter().take(KeyId::LENGTH / 2) {
        for digit in [byte >> 4, byte & 0xf] {
            text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    match KeyId::parse(&text) {
        Ok(id) => id,
        // Eight bytes are sixteen lowercase hex digits.
        Err(_) => unreachable!("sixteen hex digits"),
    }
}

#[test]
fn a_key_id_is_the_start_of_the_hash_of_the_public_text() {
    // printf %s age1hz2l… | sha256sum
    let id = key_id("age1hz2lz72ugpzl06tdjp5dfwjduuj8xkdg7uz8egfwryn8qd9tqfhqarc79y");
    assert_eq!(id.as_str(), "ae18ed509506c03b");
}
