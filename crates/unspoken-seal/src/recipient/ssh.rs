//! `ssh-ed25519 …` and `ssh-rsa …`: the keys that many have already.
//!
//! The text is the whole line of a `.pub` file: the kind, the key, and perhaps a
//! comment, with one blank between them.

use age::ssh::{ParseRecipientKeyError, Recipient};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::RecipientError;
use crate::hazmat::is_weak;

const ED25519: &str = "ssh-ed25519";
const RSA: &str = "ssh-rsa";

/// Whether a text begins as ssh keys do, of whatever kind.
pub(crate) fn is_ssh(text: &str) -> bool {
    let starts = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"];
    starts.iter().any(|start| text.starts_with(start))
}

/// The kind and the key.
pub(super) fn without_comment(text: &str) -> &str {
    let blanks = text.match_indices(' ').nth(1);
    blanks.and_then(|(at, _)| text.get(..at)).unwrap_or(text)
}

pub(super) fn parse(text: &str) -> Result<Recipient, RecipientError> {
    let key = without_comment(text);
    let (kind, encoded) = key.split_once(' ').ok_or(RecipientError::Form)?;
    let wire = STANDARD.decode(encoded).map_err(|_| RecipientError::Form)?;
    let parts = strings(&wire).ok_or(RecipientError::Form)?;
    let known = match (kind, parts.as_slice()) {
        (ED25519, [name, point]) => *name == ED25519.as_bytes() && !is_weak(point),
        (RSA, [name, _, _]) => *name == RSA.as_bytes(),
        (ED25519 | RSA, _) => false,
        _ => return Err(RecipientError::SshKind),
    };
    if !known {
        return Err(RecipientError::Form);
    }
    if let Some(comment) = text.strip_prefix(key).and_then(|rest| rest.strip_prefix(' ')) {
        // A backslash would not survive in a dotenv document: `\n` ends a line there.
        let spoilt = |c: char| c.is_control() || c == '\\';
        if comment.is_empty() || comment.trim() != comment || comment.contains(spoilt) {
            return Err(RecipientError::SshComment);
        }
    }
    let recipient: Recipient = key.parse().map_err(|error| match error {
        ParseRecipientKeyError::RsaModulusTooLarge | ParseRecipientKeyError::RsaModulusTooSmall => {
            RecipientError::RsaSize
        }
        _ => RecipientError::Form,
    })?;
    if recipient.to_string() == key { Ok(recipient) } else { Err(RecipientError::Form) }
}

/// The strings of a key on the wire, each after its length in four bytes, with
/// nothing after the last.
fn strings(mut wire: &[u8]) -> Option<Vec<&[u8]>> {
    let mut parts = Vec::new();
    while !wire.is_empty() {
        let (length, rest) = wire.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (part, rest) = rest.split_at_checked(length)?;
        parts.push(part);
        wire = rest;
    }
    Some(parts)
}
