//! Where an environment's values are kept, and where the vault is that may keep them.

use crate::{ProjectId, VaultUrl};

/// Where an environment's values are kept.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Source {
    /// In a sealed document of the project.
    #[default]
    Document,
    /// In the vault that the project file names.
    Vault,
}

/// What the project file says of the vault.
///
/// It says where the vault is. It is no proof that this vault may be shown a token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VaultEntry {
    pub url: VaultUrl,
    /// Which project it is there; without it, it is told from the repository, else by its name.
    pub project: Option<ProjectId>,
}

impl Source {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Vault => "vault",
        }
    }
}
