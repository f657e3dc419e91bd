//! Identities: the private halves of keys.
//!
//! Each kind is one file. Rules:
//! - A key file holds one ssh key, or identities line by line. A file under a
//!   passphrase says so, [`IdentityError::Sealed`], and is opened by
//!   [`Identity::open_file`].
//! - Who may be asked for a passphrase, a PIN or a touch is handed in by
//!   [`Identity::asking`]; without it nobody is.
//! - A key that may ask is tried only where it may fit: a plugin's on entries of
//!   that plugin, a locked ssh key on its own. For the others the names in a
//!   document prove nothing, so they are tried on every entry.

mod hybrid;
mod plugin;
mod ssh;

use std::fmt;
use std::str::FromStr as _;
use std::sync::Arc;

use age::secrecy::ExposeSecret as _;
use jiff::Timestamp;
use thiserror::Error;
use unspoken_model::Place;
use zeroize::Zeroizing;

use self::hybrid::HybridIdentity;
use self::plugin::PluginIdentity;
use self::ssh::SshIdentity;
use crate::ask::{Ask, Callbacks};
use crate::passphrase::{PassphraseError, is_passphrase_sealed, open_with_passphrase};
use crate::recipient::Recipient;
use crate::sops::metadata::{Wrapped, print_time};
use crate::wrapped;

/// A private key that may open documents.
///
/// No `Clone`, `Display` or `Serialize`: [`Identity::expose`] and
/// [`Identity::print_file`] are the ways out, for key files and key bundles
/// alone.
pub struct Identity {
    kind: Kind,
    recipient: Option<Recipient>,
    ask: Option<Arc<dyn Ask>>,
}

enum Kind {
    X25519(age::x25519::Identity),
    Hybrid(HybridIdentity),
    Plugin(PluginIdentity),
    Ssh(Box<SshIdentity>),
}

/// What is wrong in an identity file, and in which line. Never its content.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum IdentityError {
    #[error("line {line} is no age identity")]
    Line { line: usize },
    #[error("the file is not text")]
    NotText,
    #[error("the file holds no identity of a known kind")]
    Empty,
    #[error("it is no key bundle")]
    Bundle,
    #[error("the file is sealed with a passphrase")]
    Sealed,
    #[error("{0}")]
    Passphrase(PassphraseError),
    #[error("it is no ssh key that can be used: `ssh-ed25519`, or `ssh-rsa` of 2048 to 4096 bits")]
    Ssh,
}

impl Identity {
    /// Makes a new X25519 identity.
    pub fn generate() -> Self {
        Self::new(Kind::X25519(age::x25519::Identity::generate()))
    }

    /// Makes a new identity that is safe from quantum computers.
    pub fn generate_post_quantum() -> Self {
        Self::new(Kind::Hybrid(HybridIdentity::generate()))
    }

    fn new(kind: Kind) -> Self {
        let recipient = match &kind {
            Kind::X25519(key) => Some(Recipient::from_age(key.to_public())),
            Kind::Hybrid(key) => Some(Recipient::from_hybrid(key.to_public())),
            Kind::Ssh(key) => Some(key.recipient().clone()),
            Kind::Plugin(_) => None,
        };
        Self { kind, recipient, ask: None }
    }

    /// Reads a key file: one ssh key, or one identity a line with `#` comments
    /// and empty lines.
    pub fn parse_file(bytes: &[u8]) -> Result<Vec<Self>, IdentityError> {
        if is_passphrase_sealed(bytes) {
            return Err(IdentityError::Sealed);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| IdentityError::NotText)?;
        if ssh::is_ssh(text) {
            let key = SshIdentity::parse(text).ok_or(IdentityError::Ssh)?;
            return Ok(vec![Self::new(Kind::Ssh(Box::new(key)))]);
        }
        let mut identities = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = IdentityError::Line { line: index + 1 };
            identities.push(Self::parse(line).ok_or(wrong)?);
        }
        if identities.is_empty() { Err(IdentityError::Empty) } else { Ok(identities) }
    }

    /// Reads a key file that is sealed with a passphrase.
    pub fn open_file(bytes: &[u8], passphrase: &str) -> Result<Vec<Self>, IdentityError> {
        let text = open_with_passphrase(bytes, passphrase).map_err(IdentityError::Passphrase)?;
        Self::parse_file(&text)
    }

    /// Reads identities that are separated by any white space, as a variable
    /// holds them.
    pub fn parse_words(text: &str) -> Result<Vec<Self>, IdentityError> {
        let words = text.split_whitespace().enumerate();
        words
            .map(|(at, word)| Self::parse(word).ok_or(IdentityError::Line { line: at + 1 }))
            .collect()
    }

    /// Reads one identity that is a line of its own. `None` for everything else.
    pub fn parse(text: &str) -> Option<Self> {
        let kind = if text.starts_with(hybrid::START) {
            Kind::Hybrid(HybridIdentity::parse(text)?)
        } else if text.starts_with(plugin::START) {
            Kind::Plugin(PluginIdentity::parse(text)?)
        } else {
            Kind::X25519(age::x25519::Identity::from_str(text).ok()?)
        };
        Some(Self::new(kind))
    }

    /// The same key, which may ask somebody.
    #[must_use]
    pub fn asking(mut self, ask: &Arc<dyn Ask>) -> Self {
        self.ask = Some(Arc::clone(ask));
        self
    }

    /// The public half, where it is known: a plugin's key has none that only we
    /// could tell.
    pub fn recipient(&self) -> Option<&Recipient> {
        self.recipient.as_ref()
    }

    /// Whether using it may ask somebody something.
    pub fn asks(&self) -> bool {
        match &self.kind {
            Kind::Plugin(_) => true,
            Kind::Ssh(key) => key.is_locked(),
            Kind::X25519(_) | Kind::Hybrid(_) => false,
        }
    }

    /// The plugin whose program, `age-plugin-NAME`, uses this key.
    pub fn plugin(&self) -> Option<&str> {
        match &self.kind {
            Kind::Plugin(key) => Some(key.name()),
            _ => None,
        }
    }

    /// The text of a key file, with the public half and what it is for. An ssh
    /// key's own file has no room for these.
    pub fn print_file(&self, place: Option<&Place>, now: Timestamp) -> Zeroizing<String> {
        let key = self.expose();
        if matches!(self.kind, Kind::Ssh(_)) {
            return key;
        }
        let mut text = Zeroizing::new(String::with_capacity(4096 + key.len()));
        let created = print_time(now);
        for part in ["# created: ", &created, "\n"] {
            text.push_str(part);
        }
        if let Some(place) = place {
            for part in ["# environment: ", &place.to_string(), "\n"] {
                text.push_str(part);
            }
        }
        if let Some(public) = &self.recipient {
            for part in ["# public key: ", public.as_str(), "\n"] {
                text.push_str(part);
            }
        }
        for part in [key.as_str(), "\n"] {
            text.push_str(part);
        }
        text
    }

    /// The private key itself: one line, or an ssh key's whole file. Never log,
    /// store in the clear or format what this returns.
    pub fn expose(&self) -> Zeroizing<String> {
        match &self.kind {
            Kind::X25519(key) => Zeroizing::new(key.to_string().expose_secret().to_owned()),
            Kind::Hybrid(key) => key.expose(),
            Kind::Plugin(key) => key.expose(),
            Kind::Ssh(key) => key.expose(),
        }
    }

    /// Whether an entry under this name says that it is for this very key.
    pub(crate) fn is_named(&self, recipient: &str) -> bool {
        match (&self.kind, &self.recipient) {
            (Kind::Ssh(key), _) => key.is_named(recipient),
            (_, Some(own)) => own.as_str() == recipient,
            _ => false,
        }
    }

    /// Whether to try it on an entry under this name.
    pub(crate) fn may_fit(&self, recipient: &str) -> bool {
        match &self.kind {
            Kind::X25519(_) | Kind::Hybrid(_) => true,
            Kind::Ssh(key) => key.may_fit(recipient),
            Kind::Plugin(key) => key.may_fit(recipient),
        }
    }

    /// Opens an age file of any length that may be for this identity.
    pub(crate) fn open_age(&self, file: &str) -> Option<Zeroizing<Vec<u8>>> {
        let callbacks = || Callbacks::new(self.ask.as_ref());
        match &self.kind {
            Kind::X25519(key) => wrapped::open_file(file, key).ok(),
            Kind::Hybrid(key) => wrapped::open_file(file, key).ok(),
            Kind::Plugin(key) => key.open_age(file, &callbacks()),
            Kind::Ssh(key) => key.open_age(file, &callbacks()),
        }
    }

    /// Unwraps one wrapped data key, or its share.
    pub(crate) fn unwrap_key(&self, wrapped: Wrapped<'_>) -> Option<Zeroizing<Vec<u8>>> {
        let callbacks = || Callbacks::new(self.ask.as_ref());
        match &self.kind {
            Kind::X25519(key) => wrapped::open(wrapped.enc, key).ok(),
            Kind::Hybrid(key) => wrapped::open(wrapped.enc, key).ok(),
            Kind::Plugin(key) => key.unwrap_key(wrapped.enc, &callbacks()),
            Kind::Ssh(key) => key.unwrap_key(wrapped.enc, &callbacks()),
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity([REDACTED])")
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vector_tests;
