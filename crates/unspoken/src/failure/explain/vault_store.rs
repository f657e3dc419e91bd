//! The errors of environments that live in a vault.

use unspoken_store::VaultStoreError;

use super::{Code, Failure};

impl From<VaultStoreError> for Failure {
    fn from(error: VaultStoreError) -> Self {
        match error {
            VaultStoreError::Vault(error) => error.into(),
            VaultStoreError::File(error) => error.into(),
            VaultStoreError::Private(error) => error.into(),
            VaultStoreError::NoProject { ref name, .. } => {
                Self::because(Code::Missing, &error).hint(format!(
                    "Somebody who may arrange the team makes it with `unspoken push ENV` or `unspoken env \
                     add ENV --source vault`. If it is there under another name than `{name}`, write its \
                     id below `[vault]`: `project = \"proj_…\"`."
                ))
            }
            VaultStoreError::ManyProjects { .. } => Self::because(Code::Usage, &error)
                .hint("Write the right one below `[vault]` in `unspoken.toml`: `project = \"proj_…\"`."),
            VaultStoreError::NoEnvironment { ref environment, .. } => {
                Self::because(Code::Missing, &error).hint(format!(
                    "Run `unspoken env add {environment} --source vault` to make it, or ask for access."
                ))
            }
            VaultStoreError::Changed { .. } => Self::because(Code::Refused, &error)
                .hint("Nothing was changed. Run the same command again, on top of what is there now."),
            VaultStoreError::Snapshot { .. } => Self::because(Code::Unreachable, &error)
                .hint("Nothing was used. Run it again when the vault answers."),
            VaultStoreError::Name { .. } | VaultStoreError::Id(_) => {
                Self::because(Code::Other, &error)
            }
        }
    }
}
