//! Private keys of OpenSSH: ed25519 and RSA, perhaps under a passphrase.
//!
//! The public half stands in the file in the clear, so a locked key is unlocked
//! only for an entry that is its own.

use std::sync::OnceLock;

use age::ssh::Identity;
use zeroize::Zeroizing;

use crate::ask::Callbacks;
use crate::recipient::{Recipient, is_ssh as is_ssh_name};
use crate::wrapped;

const BEGIN: &str = "-----BEGIN ";
const LABELS: [&str; 2] = ["OPENSSH PRIVATE KEY", "RSA PRIVATE KEY"];

/// The longest key file that is read: one of 16384 bits has 12 KiB.
const MAX: usize = 32 * 1024;

/// How often somebody may mistype a passphrase.
const TRIES: usize = 3;

pub(super) struct SshIdentity {
    text: Zeroizing<String>,
    key: Identity,
    recipient: Recipient,
    /// The key without its passphrase, or that nobody could give one: asked for
    /// once.
    unlocked: OnceLock<Option<Identity>>,
}

/// Whether a text begins as a file of a private key does.
pub(super) fn is_ssh(text: &str) -> bool {
    text.trim_start().starts_with(BEGIN)
}

impl SshIdentity {
    /// Reads the whole file of a key. `None` for kinds that cannot be used.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let pem = text.trim();
        let label = LABELS.iter().find(|label| {
            let inner = pem.strip_prefix(BEGIN).and_then(|rest| rest.strip_prefix(**label));
            inner.is_some_and(|rest| rest.ends_with(&format!("-----END {label}-----")))
        });
        if label.is_none() || pem.matches(BEGIN).count() != 1 || pem.len() > MAX {
            return None;
        }
        let key = Identity::from_buffer(pem.as_bytes(), None).ok()?;
        if matches!(key, Identity::Unsupported(_)) {
            return None;
        }
        let public = age::ssh::Recipient::try_from(key.clone()).ok()?;
        let recipient = Recipient::parse(&public.to_string()).ok()?;
        let mut text = Zeroizing::new(String::with_capacity(pem.len() + 1));
        text.push_str(pem);
        text.push('\n');
        Some(Self { text, key, recipient, unlocked: OnceLock::new() })
    }

    pub(super) fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    pub(super) fn expose(&self) -> Zeroizing<String> {
        self.text.clone()
    }

    pub(super) fn is_locked(&self) -> bool {
        matches!(self.key, Identity::Encrypted(_))
    }

    /// Whether a name is its public half, with any comment.
    pub(super) fn is_named(&self, recipient: &str) -> bool {
        let rest = recipient.strip_prefix(self.recipient.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    }

    pub(super) fn may_fit(&self, recipient: &str) -> bool {
        if self.is_locked() { self.is_named(recipient) } else { is_ssh_name(recipient) }
    }

    pub(super) fn unwrap_key(
        &self,
        enc: &str,
        callbacks: &Callbacks,
    ) -> Option<Zeroizing<Vec<u8>>> {
        wrapped::open(enc, self.unlocked(callbacks)?).ok()
    }

    pub(super) fn open_age(&self, file: &str, callbacks: &Callbacks) -> Option<Zeroizing<Vec<u8>>> {
        wrapped::open_file(file, self.unlocked(callbacks)?).ok()
    }

    fn unlocked(&self, callbacks: &Callbacks) -> Option<&Identity> {
        self.unlocked.get_or_init(|| self.unlock(callbacks)).as_ref()
    }

    fn unlock(&self, callbacks: &Callbacks) -> Option<Identity> {
        let Identity::Encrypted(key) = &self.key else { return Some(self.key.clone()) };
        let question = format!("Passphrase of the ssh key `{}`", self.recipient.as_str());
        for _ in 0..TRIES {
            let passphrase = age::Callbacks::request_passphrase(callbacks, &question)?;
            if let Ok(key) = key.decrypt(passphrase) {
                return Some(key.into());
            }
            callbacks.say("the passphrase does not fit");
        }
        None
    }
}
