//! What a child finds in its environment.

use std::ffi::{CString, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;

use unspoken_seal::Secret;

/// Variables for a child: some of the parent's, and secrets.
///
/// The parent's values may be credentials too, so `Debug` shows none at all.
pub struct Environment {
    pub(super) inherited: Vec<(OsString, OsString)>,
    /// Sorted by variable, each variable once, none of them inherited.
    pub(super) delivered: Vec<Delivered>,
}

/// A secret and the variable that it ends up in.
pub(super) struct Delivered {
    pub(super) variable: String,
    pub(super) name: String,
    pub(super) secret: Secret,
}

impl Environment {
    /// What this process was started with, as it is.
    pub(crate) fn own() -> Self {
        Self { inherited: std::env::vars_os().collect(), delivered: Vec::new() }
    }

    /// The secrets in it, each with the name of its variable.
    pub fn secrets(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.delivered
            .iter()
            .map(|delivered| (delivered.name.as_str(), delivered.variable.as_str()))
    }

    /// Takes the secrets out, each under the name of its variable, to be handed
    /// over in another way.
    pub fn take_secrets(&mut self) -> Vec<(String, Secret)> {
        let delivered = std::mem::take(&mut self.delivered).into_iter();
        delivered.map(|delivered| (delivered.variable, delivered.secret)).collect()
    }

    /// Adds a variable of ours.
    pub(super) fn note(&mut self, variable: &str, text: &str) {
        self.inherited.push((variable.into(), text.into()));
    }

    /// The search path that the child will have.
    pub(super) fn path(&self) -> Option<&[u8]> {
        let delivered = self.delivered.iter().find(|delivered| delivered.variable == "PATH");
        if let Some(delivered) = delivered {
            return Some(delivered.secret.expose().as_bytes());
        }
        let inherited = self.inherited.iter().find(|(variable, _)| variable == "PATH");
        inherited.map(|(_, path)| path.as_bytes())
    }

    /// The variables as the kernel takes them, `NAME=value`. Each secret is
    /// wiped as soon as its copy is made; the copies are the caller's to wipe.
    pub(super) fn into_strings(self) -> Vec<CString> {
        let mut strings = Vec::with_capacity(self.inherited.len() + self.delivered.len());
        for (variable, value) in self.inherited {
            strings.extend(join(variable.as_bytes(), value.as_bytes()));
        }
        for Delivered { variable, secret, .. } in self.delivered {
            strings.extend(join(variable.as_bytes(), secret.expose().as_bytes()));
        }
        strings
    }
}

/// `None` only for a text with a NUL, which neither a variable of a process nor
/// a secret can have.
fn join(variable: &[u8], value: &[u8]) -> Option<CString> {
    // Room for the NUL, so that the text never moves and leaves a copy.
    let mut text = Vec::with_capacity(variable.len() + value.len() + 2);
    text.extend_from_slice(variable);
    text.push(b'=');
    text.extend_from_slice(value);
    CString::new(text).ok()
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inherited: Vec<_> = self.inherited.iter().map(|(variable, _)| variable).collect();
        let delivered: Vec<_> = self.secrets().map(|(_, variable)| variable).collect();
        f.debug_struct("Environment")
            .field("inherited", &inherited)
            .field("delivered", &delivered)
            .finish()
    }
}
