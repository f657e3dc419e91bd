//! The errors around a vault, with a code and what helps.

use unspoken_store::{CredentialError, VaultError};

use super::{Code, Failure, keychain_hint, quoted};

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        let code = match (error.status(), error.is_outage()) {
            (_, true) => Code::Unreachable,
            (Some(401 | 403 | 410), _) => Code::Denied,
            (Some(404), _) => Code::Missing,
            _ => Code::Other,
        };
        let failure = Self::because(code, &error);
        let url = error.url();
        match error.status() {
            _ if error.is_outage() => {
                failure.hint(format!("Look at the network, then run `unspoken status --vault {url}`."))
            }
            Some(401) => failure.hint(format!(
                "Run `unspoken login --vault {url}`, or ask for a new token where a machine has one."
            )),
            Some(403) => failure.hint(format!(
                "Run `unspoken whoami --vault {url}` to see what the token reaches."
            )),
            _ if matches!(error, VaultError::Answer { .. }) => failure
                .hint("Look at the address: is it that of a vault, without a path behind it?"),
            _ => failure,
        }
    }
}

impl From<CredentialError> for Failure {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::Private(error) => error.into(),
            CredentialError::NoUrl => Self::because(Code::Usage, &error).hint(
                "Name the vault beside the token: `export UNSPOKEN_VAULT_URL=https://vault.example.com`. \
                 What a repository says does not choose who gets it.",
            ),
            CredentialError::NotText(_) | CredentialError::Url(_) => {
                Self::because(Code::Usage, &error)
            }
            CredentialError::Token(_) => Self::because(Code::Denied, &error).hint(
                "Copy the token as a whole, from `unsp_` to its end, or run `unset UNSPOKEN_TOKEN`.",
            ),
            CredentialError::Record { ref path, .. } | CredentialError::OtherVault { ref path, .. } => {
                let hint = format!("Run `rm {}`, then `unspoken login` again.", quoted(path));
                Self::because(Code::Other, &error).hint(hint)
            }
            CredentialError::Keychain { ref source, .. } => {
                Self::because(Code::Denied, &error).hint(keychain_hint(source))
            }
            CredentialError::Entry { ref url, .. } => Self::because(Code::Denied, &error)
                .hint(format!("Run `unspoken login --vault {url}`.")),
            CredentialError::LeftBehind { ref source, .. } => {
                Self::because(Code::Other, &error).hint(keychain_hint(source))
            }
        }
    }
}
