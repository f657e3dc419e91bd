//! `age1pq1…`: ML-KEM-768 beside X25519, safe from quantum computers.

use std::collections::HashSet;
use std::{fmt, io};

use age::EncryptError;
use age_core::format::{FileKey, Stanza};
use age_core::secrecy::ExposeSecret as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::hazmat::hybrid::HybridPublic;
use crate::key_text;

const PREFIX: &str = "age1pq";

/// The kind of a stanza, and what its message is for.
const STANZA: &str = "mlkem768x25519";
const LABEL: &str = "postquantum";

pub(crate) struct Purpose {
    pub(crate) stanza: &'static str,
    pub(crate) message: &'static [u8],
}

pub(crate) const PURPOSE: Purpose =
    Purpose { stanza: STANZA, message: b"age-encryption.org/mlkem768x25519" };

#[derive(Clone)]
pub(crate) struct HybridRecipient(pub(crate) HybridPublic);

impl HybridRecipient {
    pub(super) fn parse(text: &str) -> Option<Self> {
        HybridPublic::new(&key_text::parse(PREFIX, text)?).map(Self)
    }
}

impl fmt::Display for HybridRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = key_text::print(PREFIX, self.0.as_bytes()).ok_or(fmt::Error)?;
        f.write_str(&text)
    }
}

impl age::Recipient for HybridRecipient {
    fn wrap_file_key(&self, key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let message = self
            .0
            .seal(PURPOSE.message, key.expose_secret())
            .ok_or_else(|| EncryptError::Io(io::Error::other("the key cannot be used")))?;
        let stanza = Stanza {
            tag: PURPOSE.stanza.to_owned(),
            args: vec![STANDARD_NO_PAD.encode(message.share)],
            body: message.sealed,
        };
        Ok((vec![stanza], HashSet::from([LABEL.to_owned()])))
    }
}
