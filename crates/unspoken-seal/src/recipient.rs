//! Recipients: the public halves of keys, to which data keys are wrapped.
//!
//! Each kind is one file. Every recipient gets a complete age file of its own,
//! as in sops. Rules:
//! - A text is read in its one spelling: no white space around it, the case and
//!   the checksum as the kind has them. Of an ssh key the comment belongs to the
//!   text, as sops keeps it, and not to the key: [`Recipient::is_same_key`].
//! - The kinds are told apart by how a text begins: `age1pq1`, `age1tag1` and
//!   `age1tagpq1`, `ssh-`, `age1` and no second `1`; any other `age1NAME1` is a
//!   plugin's.
//! - A key that gives everybody the same secret is none.

mod hybrid;
pub(crate) mod plugin;
mod ssh;
mod tag;
mod x25519;

use std::fmt;
use std::sync::Arc;

use thiserror::Error;
use unspoken_model::KeyId;

use crate::ask::{Ask, Callbacks};
use crate::hazmat::{DataKey, sha256};
use crate::{key_text, wrapped};

pub(crate) use self::hybrid::{HybridRecipient, PURPOSE};
pub(crate) use self::ssh::is_ssh;
pub(crate) use self::tag::is_tag;

/// A public key that a document can be wrapped for, such as `age1…`.
#[derive(Clone)]
pub struct Recipient {
    text: String,
    kind: Kind,
    /// Whom the key's own program may ask.
    ask: Option<Arc<dyn Ask>>,
}

#[derive(Clone)]
enum Kind {
    X25519(age::x25519::Recipient),
    Hybrid(HybridRecipient),
    Tag(tag::TagRecipient),
    Ssh(Box<age::ssh::Recipient>),
    Plugin { name: String },
}

/// Why a text is no [`Recipient`], or nothing could be wrapped for one.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum RecipientError {
    #[error("it is no public key (`age1…`, `ssh-ed25519 …` or `ssh-rsa …`)")]
    Form,
    #[error("it is a private key, where a public one belongs")]
    Private,
    #[error("of ssh keys, only `ssh-ed25519` and `ssh-rsa` can be wrapped for")]
    SshKind,
    #[error("an `ssh-rsa` key must have 2048 to 4096 bits")]
    RsaSize,
    #[error("the comment of an ssh key may hold no control character and no backslash")]
    SshComment,
    #[error("the program `age-plugin-{name}` is not installed")]
    PluginMissing { name: String },
    #[error("the program `age-plugin-{name}` did not wrap the key")]
    Plugin { name: String },
    #[error("the public half of the key is not known")]
    Unknown,
    #[error("the key could not be wrapped")]
    Wrap,
}

impl Recipient {
    /// Reads a public key in its one spelling.
    pub fn parse(text: &str) -> Result<Self, RecipientError> {
        if text.len() > key_text::MAX {
            return Err(RecipientError::Form);
        }
        let kind = if let Some(name) = plugin::name_of(text) {
            match name {
                "pq" => Kind::Hybrid(HybridRecipient::parse(text).ok_or(RecipientError::Form)?),
                _ if is_tag(text) => Kind::Tag(tag::parse(text).ok_or(RecipientError::Form)?),
                _ => Kind::Plugin { name: plugin::parse(text).ok_or(RecipientError::Form)? },
            }
        } else if is_ssh(text) {
            Kind::Ssh(Box::new(ssh::parse(text)?))
        } else if is_private(text) {
            return Err(RecipientError::Private);
        } else {
            Kind::X25519(x25519::parse(text).ok_or(RecipientError::Form)?)
        };
        Ok(Self { text: text.to_owned(), kind, ask: None })
    }

    pub(crate) fn from_age(key: age::x25519::Recipient) -> Self {
        Self { text: key.to_string(), kind: Kind::X25519(key), ask: None }
    }

    pub(crate) fn from_hybrid(key: HybridRecipient) -> Self {
        Self { text: key.to_string(), kind: Kind::Hybrid(key), ask: None }
    }

    /// The same key, whose program may ask somebody. Other kinds never ask.
    #[must_use]
    pub fn asking(mut self, ask: &Arc<dyn Ask>) -> Self {
        self.ask = Some(Arc::clone(ask));
        self
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether both are one key, however its owner has commented it.
    pub fn is_same_key(&self, other: &Self) -> bool {
        self.key() == other.key()
    }

    /// The text without what does not belong to the key.
    pub(crate) fn key(&self) -> &str {
        if matches!(self.kind, Kind::Ssh(_)) {
            ssh::without_comment(&self.text)
        } else {
            &self.text
        }
    }

    /// Whether what is wrapped for it stays shut to a quantum computer. Of a
    /// plugin's key nobody knows.
    pub fn is_post_quantum(&self) -> bool {
        match &self.kind {
            Kind::Hybrid(_) => true,
            Kind::Tag(key) => key.is_post_quantum(),
            Kind::X25519(_) | Kind::Ssh(_) | Kind::Plugin { .. } => false,
        }
    }

    /// The plugin whose program, `age-plugin-NAME`, wrapping for it takes.
    pub fn plugin(&self) -> Option<&str> {
        match &self.kind {
            Kind::Plugin { name } => Some(name),
            _ => None,
        }
    }

    /// The id by which key files and documents call this key.
    pub fn key_id(&self) -> KeyId {
        key_id(&self.text)
    }

    /// The key as the age crate knows it.
    pub(crate) fn to_age(&self) -> Result<Box<dyn age::Recipient + '_>, RecipientError> {
        Ok(match &self.kind {
            Kind::X25519(recipient) => Box::new(recipient.clone()),
            Kind::Hybrid(recipient) => Box::new(recipient.clone()),
            Kind::Tag(recipient) => recipient.to_age(),
            Kind::Ssh(recipient) => recipient.clone(),
            Kind::Plugin { name } => {
                let callbacks = Callbacks::new(self.ask.as_ref());
                Box::new(plugin::program(name, &self.text, callbacks)?)
            }
        })
    }

    /// Wraps a data key: an armoured age file for this recipient alone.
    pub(crate) fn wrap(&self, key: &DataKey) -> Result<String, RecipientError> {
        let recipient: &dyn age::Recipient = match &self.kind {
            Kind::X25519(recipient) => recipient,
            Kind::Hybrid(recipient) => recipient,
            Kind::Tag(recipient) => recipient.as_age(),
            Kind::Ssh(recipient) => recipient.as_ref(),
            Kind::Plugin { name } => {
                let callbacks = Callbacks::new(self.ask.as_ref());
                return plugin::wrap(name, &self.text, &callbacks, key.expose());
            }
        };
        wrapped::seal(recipient, key.expose()).map_err(|_| RecipientError::Wrap)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recipient").field(&self.text).finish()
    }
}

/// Whether a text begins as private keys do.
fn is_private(text: &str) -> bool {
    let starts = ["AGE-SECRET-KEY-", "AGE-PLUGIN-", "-----BEGIN "];
    starts.iter().any(|start| text.starts_with(start))
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

#[cfg(test)]
mod tests;
