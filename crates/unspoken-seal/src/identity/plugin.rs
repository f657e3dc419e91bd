//! `AGE-PLUGIN-NAME-1…`: keys that a plugin's program uses.
//!
//! The age crate looks for `age-plugin-NAME` on the path, starts it, and talks
//! to it over its standard streams: see docs/decisions/0008. What such a key
//! holds is the program's to know, so it is treated as a secret.

use age::DecryptError;
use age::plugin::{Identity, IdentityPluginV1};
use zeroize::Zeroizing;

use crate::ask::Callbacks;
use crate::recipient::{is_tag, plugin};
use crate::{key_text, wrapped};

pub(super) const START: &str = "AGE-PLUGIN-";

pub(super) struct PluginIdentity {
    name: String,
    text: Zeroizing<String>,
}

impl PluginIdentity {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (prefix, _) = text.rsplit_once('1')?;
        let name = prefix.strip_prefix(START)?.strip_suffix('-')?.to_ascii_lowercase();
        key_text::parse(prefix, text)?;
        let key: Identity = text.parse().ok()?;
        let fits = plugin::is_name(&name) && key.plugin() == name;
        fits.then(|| Self { name, text: Zeroizing::new(text.to_owned()) })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn expose(&self) -> Zeroizing<String> {
        self.text.clone()
    }

    /// Only on entries of its own plugin, so that nobody is asked to touch a key
    /// for nothing. Keys in hardware have names without the plugin's.
    pub(super) fn may_fit(&self, recipient: &str) -> bool {
        plugin::name_of(recipient) == Some(&self.name) || is_tag(recipient)
    }

    pub(super) fn unwrap_key(
        &self,
        enc: &str,
        callbacks: &Callbacks,
    ) -> Option<Zeroizing<Vec<u8>>> {
        self.open_with(callbacks, |program| wrapped::open(enc, program))
    }

    pub(super) fn open_age(&self, file: &str, callbacks: &Callbacks) -> Option<Zeroizing<Vec<u8>>> {
        self.open_with(callbacks, |program| wrapped::open_file(file, program))
    }

    fn open_with(
        &self,
        callbacks: &Callbacks,
        open: impl FnOnce(&dyn age::Identity) -> Result<Zeroizing<Vec<u8>>, DecryptError>,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let key: Identity = self.text.parse().ok()?;
        let Ok(program) = IdentityPluginV1::new(&self.name, &[key], callbacks.clone()) else {
            callbacks.say(&format!("the program `age-plugin-{}` is not installed", self.name));
            return None;
        };
        let opened = open(&program);
        if let Err(DecryptError::Plugin(errors)) = &opened {
            for error in errors {
                callbacks.say(&error.to_string());
            }
        }
        opened.ok()
    }
}
