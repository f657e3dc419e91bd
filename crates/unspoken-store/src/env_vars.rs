//! The environment variables that are read, all of them.
//!
//! Rules:
//! - A variable that is not in [`TABLE`] cannot be asked for: [`EnvVar`] is
//!   made here alone. The reference page is generated from the table.
//! - The process environment is read once, by [`Variables::from_process`].
//! - An empty variable is one that is not set.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use thiserror::Error;
use zeroize::Zeroizing;

/// A variable that is read, for the code and for the reference page.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct EnvVar {
    pub name: &'static str,
    pub effect: &'static str,
    /// Which commands look at it.
    pub read_by: &'static str,
}

/// The variables of [`TABLE`] as they stood when the program began.
///
/// Invariant: holds no empty value. What holds private keys or values is kept
/// apart, wiped on drop and never shown.
pub struct Variables {
    plain: BTreeMap<&'static str, OsString>,
    keys: BTreeMap<&'static str, Zeroizing<Vec<u8>>>,
}

/// The variables that hold private keys or tokens themselves, or values.
const KEYS: [EnvVar; 4] = [UNSPOKEN_KEY, UNSPOKEN_TOKEN, SOPS_AGE_KEY, UNSPOKEN_BUNDLE];

/// A variable whose value is not UTF-8 text where text is needed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the variable `{variable}` is not UTF-8 text")]
pub struct NotText {
    pub variable: &'static str,
}

macro_rules! table {
    ($($name:ident, $read_by:literal, $effect:literal;)*) => {
        $(
            #[doc = $effect]
            pub const $name: EnvVar =
                EnvVar { name: stringify!($name), effect: $effect, read_by: $read_by };
        )*

        /// Every variable that is read.
        pub const TABLE: &[EnvVar] = &[$($name),*];
    };
}

table! {
    UNSPOKEN_HOME, "every command that needs a private key",
        "The folder of private keys, an absolute path.";
    UNSPOKEN_KEY, "every command that opens a document",
        "One key bundle, as `key export` prints it, for CI. Never handed to a child process.";
    UNSPOKEN_TOKEN, "every command that asks a vault",
        "A token for the vault that `UNSPOKEN_VAULT_URL` names, and for no other, for machines. Never handed to a child process.";
    UNSPOKEN_VAULT_URL, "every command that asks a vault",
        "The vault that is meant when `--vault` is not given, such as `https://vault.example.com`.";
    UNSPOKEN_ENV, "every command that takes `--env`",
        "The environment that is meant when `--env` is not given.";
    UNSPOKEN_PROJECT_DIR, "every command that works on a project",
        "The project's folder, when `--project-dir` is not given; without both it is searched for.";
    UNSPOKEN_COMPLETE, "the completion scripts",
        "Set by a shell's completion script to ask for candidates.";
    UNSPOKEN_FD, "every command",
        "The descriptors on which a bundle was handed over, such as `3,20`. Set by `run --fd` for the command; `read` reads them, and no command lets a program of its own inherit them.";
    UNSPOKEN_READY_FD, "every command",
        "The descriptors on which a program says that it is ready. Set by `dev --fd` for the command; kept from what we start ourselves.";
    UNSPOKEN_BUNDLE, "`read`",
        "A bundle itself, for containers that no descriptor can be passed to; used when `UNSPOKEN_FD` is not set. Never handed to a child process.";
    SOPS_AGE_KEY, "every command that opens a document",
        "Private age keys, as the text of an identity file. Never handed to a child process.";
    SOPS_AGE_KEY_FILE, "every command that opens a document",
        "The path of an identity file with private age keys.";
    SOPS_AGE_KEY_CMD, "every command that opens a document",
        "A command that prints private age keys, run without a shell when no other key fits.";
    SOPS_AGE_SSH_PRIVATE_KEY_FILE, "every command that opens a document",
        "The path of a private ssh key, for documents with an ssh recipient.";
    XDG_DATA_HOME, "every command that needs a private key",
        "Private keys are in its folder `unspoken`, when `UNSPOKEN_HOME` is not set.";
    XDG_CONFIG_HOME, "every command that opens a document",
        "Where the file `sops/age/keys.txt` of the sops program is looked for first.";
    DBUS_SESSION_BUS_ADDRESS, "every command that meets a key in the keychain",
        "Where the session bus is, over which the Secret Service is reached; only a local socket.";
    XDG_RUNTIME_DIR, "every command that meets a key in the keychain, and `export --format compose`",
        "The session bus is its socket `bus`, when `DBUS_SESSION_BUS_ADDRESS` is not set. Secret files for compose are in its folder `unspoken`.";
    DISPLAY, "every command that meets a key in the keychain, and `login`",
        "When it is set, a locked keychain may ask for its password on the screen, and `login` may open a browser.";
    WAYLAND_DISPLAY, "every command that meets a key in the keychain, and `login`",
        "The same as `DISPLAY`.";
    HOME, "every command that needs a private key",
        "Below it lie the default folders, when the variables above are not set.";
    TAKO_HOME, "`import --format tako`",
        "The folder of the tool Tako, whose private keys are in `keys` below it.";
    VISUAL, "`edit`",
        "The editor, as a command with arguments.";
    EDITOR, "`edit`",
        "The editor, when `VISUAL` is not set; without both it is `vi`.";
    NO_COLOR, "every command",
        "When it is set, messages have no colour.";
    CI, "every command that could ask",
        "When it is set, nobody is there to answer, so nothing is asked.";
    GITHUB_ENV, "`export --format github`",
        "The file in which GitHub Actions collects the variables of later steps.";
    CLAUDECODE, "`get`, `export`, `key export`, `edit`, `token create` and `agents allow`",
        "Set by Claude Code for what it starts: values are not shown there.";
    CURSOR_AGENT, "`get`, `export`, `key export`, `edit`, `token create` and `agents allow`",
        "Set by Cursor's agent for what it starts: values are not shown there.";
    CODEX_SANDBOX, "`get`, `export`, `key export`, `edit`, `token create` and `agents allow`",
        "Set by Codex for what it starts: values are not shown there.";
    CODEX_CI, "`get`, `export`, `key export`, `edit`, `token create` and `agents allow`",
        "Set by Codex for what it starts: values are not shown there.";
    CODEX_THREAD_ID, "`get`, `export`, `key export`, `edit`, `token create` and `agents allow`",
        "Set by Codex for what it starts: values are not shown there.";
    COPILOT_CLI, "`get`, `export`, `key export`, `edit`, `token create` and `agents allow`",
        "Set by GitHub Copilot for what it starts: values are not shown there.";
    COPILOT_AGENT_SESSION_ID, "`get`, `export`, `key export`, `edit`, `token create` and `agents allow`",
        "Set by GitHub Copilot for what it starts: values are not shown there.";
    GEMINI_CLI, "`get`, `export`, `key export`, `edit`, `token create` and `agents allow`",
        "Set by Gemini CLI for what it starts: values are not shown there.";
    ANTIGRAVITY_AGENT, "`get`, `export`, `key export`, `edit`, `token create` and `agents allow`",
        "Set by Antigravity for what it starts: values are not shown there.";
    AUGMENT_AGENT, "`get`, `export`, `key export`, `edit`, `token create` and `agents allow`",
        "Set by Augment for what it starts: values are not shown there.";
    CLINE_ACTIVE, "`get`, `export`, `key export`, `edit`, `token create` and `agents allow`",
        "Set by Cline for what it starts: values are not shown there.";
    GOOSE_TERMINAL, "`get`, `export`, `key export`, `edit`, `token create` and `agents allow`",
        "Set by Goose for what it starts: values are not shown there.";
    OPENCODE, "`get`, `export`, `key export`, `edit`, `token create` and `agents allow`",
        "Set by `opencode` for what it starts: values are not shown there.";
    AMP_CURRENT_THREAD_ID, "`get`, `export`, `key export`, `edit`, `token create` and `agents allow`",
        "Set by Amp for what it starts: values are not shown there.";
    AI_AGENT, "`get`, `export`, `key export`, `edit`, `token create` and `agents allow`",
        "Set by any coding agent for what it starts: values are not shown there.";
    AGENT, "`get`, `export`, `key export`, `edit`, `token create` and `agents allow`",
        "The same, when it names a coding agent that is known.";
}

impl Variables {
    /// Reads the process environment: the one place that does.
    #[expect(clippy::disallowed_methods, reason = "this is the place that the rule speaks of")]
    pub fn from_process() -> Self {
        Self::from_pairs(
            TABLE.iter().filter_map(|known| Some((known.name, std::env::var_os(known.name)?))),
        )
    }

    /// Takes given pairs for the environment, and of them what is in [`TABLE`].
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: AsRef<str>,
        V: Into<OsString>,
    {
        let mut variables = Self { plain: BTreeMap::new(), keys: BTreeMap::new() };
        for (name, value) in pairs {
            let value = value.into();
            let known = TABLE.iter().find(|known| known.name == name.as_ref());
            let Some(known) = known.filter(|_| !value.is_empty()) else { continue };
            if KEYS.contains(known) {
                variables.keys.insert(known.name, Zeroizing::new(value.into_vec()));
            } else {
                variables.plain.insert(known.name, value);
            }
        }
        variables
    }

    /// A variable that holds text.
    pub fn text(&self, variable: EnvVar) -> Result<Option<&str>, NotText> {
        let Some(value) = self.plain.get(variable.name) else { return Ok(None) };
        value.to_str().map(Some).ok_or(NotText { variable: variable.name })
    }

    /// A variable that holds a path.
    pub fn path(&self, variable: EnvVar) -> Option<&Path> {
        self.plain.get(variable.name).map(Path::new)
    }

    pub fn is_set(&self, variable: EnvVar) -> bool {
        self.plain.contains_key(variable.name) || self.keys.contains_key(variable.name)
    }

    /// Lends the private keys, or the values, that a variable holds. Never log, store or format
    /// what this returns.
    pub fn expose_keys(&self, variable: EnvVar) -> Option<&[u8]> {
        self.keys.get(variable.name).map(|keys| keys.as_slice())
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variables")
            .field("plain", &self.plain)
            .field("keys", &format_args!("[REDACTED; {}]", self.keys.len()))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn what_is_in_the_table_is_kept_and_nothing_else() {
        let variables = Variables::from_pairs([
            ("UNSPOKEN_ENV", "production"),
            ("UNSPOKEN_HOME", "/keys"),
            ("NO_COLOR", ""),
            ("SOPS_AGE_KEY", "canary"),
            ("PATH", "/bin"),
        ]);

        assert_eq!(variables.text(UNSPOKEN_ENV), Ok(Some("production")));
        assert_eq!(variables.path(UNSPOKEN_HOME), Some(Path::new("/keys")));
        assert_eq!(variables.text(CI), Ok(None));
        assert!(!variables.is_set(NO_COLOR));
        assert!(variables.is_set(SOPS_AGE_KEY));
        assert!(!variables.is_set(SOPS_AGE_KEY_FILE));
        assert_eq!(variables.expose_keys(SOPS_AGE_KEY), Some(b"canary".as_slice()));
        assert_eq!(variables.expose_keys(UNSPOKEN_KEY), None);
        assert_eq!(variables.text(SOPS_AGE_KEY), Ok(None));
        assert_eq!(variables.plain.len(), 2);
    }

    #[test]
    fn debug_shows_no_private_key() {
        let variables = Variables::from_pairs([
            ("SOPS_AGE_KEY", "canary"),
            ("UNSPOKEN_KEY", "canary"),
            ("CI", "true"),
        ]);
        let shown = format!("{variables:?} {variables:#?}");
        assert!(!shown.contains("canary") && !shown.contains("99, 97, 110"), "{shown}");
        assert!(shown.contains("REDACTED") && shown.contains("CI"), "{shown}");
    }

    #[test]
    fn bytes_that_are_no_text_are_an_error_that_names_the_variable() {
        let variables = Variables::from_pairs([("UNSPOKEN_ENV", OsStr::from_bytes(b"a\xff"))]);
        assert_eq!(variables.text(UNSPOKEN_ENV), Err(NotText { variable: "UNSPOKEN_ENV" }));
        assert_eq!(variables.path(UNSPOKEN_ENV), Some(Path::new(OsStr::from_bytes(b"a\xff"))));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "compares with what the process really has")]
    fn the_process_is_read_as_it_is() {
        let variables = Variables::from_process();
        // Cargo sets no variable of ours, but a test run has a home folder.
        assert!(variables.is_set(HOME));
        for known in TABLE.iter().filter(|known| !KEYS.contains(known)) {
            let real = std::env::var_os(known.name).filter(|value| !value.is_empty());
            assert_eq!(variables.plain.get(known.name), real.as_ref(), "{}", known.name);
        }
    }
}
