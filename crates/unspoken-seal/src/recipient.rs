//! Recipients: the public halves of keys, to which data keys are wrapped.
//!
//! Each kind is one file. Every recipient gets a complete age file of its own,
//! as in sops.

mod x25519;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use unspoken_model::KeyId;

use crate::hazmat::DataKey;
use crate::identity::key_id;

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
    pub fn parse(text: &str) -> Result<Self, RecipientError> {
        let text = text.trim();
        let key = age::x25519::Recipient::from_str(text).map_err(|_| RecipientError::Form)?;
        Ok(Self { text: text.to_owned(), kind: Kind::X25519(key) })
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
