//! `age1NAME1…`: keys of a plugin, wrapped for by its program.
//!
//! The age crate looks for `age-plugin-NAME` on the path, starts it, and talks
//! to it over its standard streams: see docs/decisions/0008.

use std::collections::HashSet;
use std::io;

use age::EncryptError;
use age::plugin::{Recipient, RecipientPluginV1};
use age_core::format::{FileKey, Stanza};

use super::RecipientError;
use crate::ask::Callbacks;
use crate::{key_text, wrapped};

const PREFIX: &str = "age1";

/// What stands between the first and the last `1`: the name that a key gives to
/// its plugin. `None` for a key of another form.
pub(crate) fn name_of(text: &str) -> Option<&str> {
    let (prefix, _) = text.rsplit_once('1')?;
    prefix.strip_prefix(PREFIX)
}

/// Reads a key, and returns the name of its plugin.
pub(super) fn parse(text: &str) -> Option<String> {
    let name = name_of(text).filter(|name| is_name(name))?;
    key_text::parse(&format!("{PREFIX}{name}"), text)?;
    let key: Recipient = text.parse().ok()?;
    (key.plugin() == name).then(|| name.to_owned())
}

/// Whether a text may be part of a program's name.
pub(crate) fn is_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_+.".contains(&b);
    !name.is_empty() && name.len() <= 64 && name.bytes().all(fits)
}

/// The program, found and ready to be started.
pub(super) fn program(
    name: &str,
    text: &str,
    callbacks: Callbacks,
) -> Result<impl age::Recipient + use<>, RecipientError> {
    let recipient: Recipient = text.parse().map_err(|_| RecipientError::Form)?;
    let program = RecipientPluginV1::new(name, &[recipient], &[], callbacks);
    program.map(Heard).map_err(|_| RecipientError::PluginMissing { name: name.to_owned() })
}

pub(super) fn wrap(
    name: &str,
    text: &str,
    callbacks: &Callbacks,
    key: &[u8],
) -> Result<String, RecipientError> {
    let program = program(name, text, callbacks.clone())?;
    wrapped::seal(&program, key).map_err(|error| {
        if let EncryptError::Plugin(errors) = &error {
            for error in errors {
                callbacks.say(&error.to_string());
            }
        }
        RecipientError::Plugin { name: name.to_owned() }
    })
}

/// A program that must have answered: a file without a stanza would open to
/// nobody.
struct Heard(RecipientPluginV1<Callbacks>);

impl age::Recipient for Heard {
    fn wrap_file_key(&self, key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        match self.0.wrap_file_key(key)? {
            (stanzas, _) if stanzas.is_empty() => {
                Err(EncryptError::Io(io::Error::other("the plugin gave no stanza")))
            }
            answer => Ok(answer),
        }
    }
}
