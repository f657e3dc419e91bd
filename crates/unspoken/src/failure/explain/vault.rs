//! The errors around a vault, with a code and what helps.

use unspoken_store::VaultError;

use super::{Code, Failure};

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
