//! Why a document could not be used: which one, and what is wrong with it.

use std::path::PathBuf;

use thiserror::Error;
use unspoken_model::{EnvironmentName, InheritError, RecipientName};
use unspoken_seal::{
    AcceptError, OpenError, ParseError, RecipientError, SealError, SetError, ShareError,
    VerifyError,
};

use crate::{FileError, KeyringError, LockError, PrivateError, VaultStoreError};

/// Why an environment could not be opened or changed.
#[derive(Debug, Error)]
pub enum StoreError {
    #[error("the environment `{environment}` has no document: `{}` does not exist", .path.display())]
    NoDocument { environment: EnvironmentName, path: PathBuf, pinned: bool },
    #[error("the environment `{environment}` lives in a vault, and has no document")]
    InVault { environment: EnvironmentName },
    #[error(transparent)]
    Vault(Box<VaultStoreError>),
    #[error("`{}` is there already", .path.display())]
    Exists { path: PathBuf },
    #[error("`{}`: {error}", .path.display())]
    Parse { path: PathBuf, error: ParseError },
    #[error("`{}` must not be used: {error}", .path.display())]
    Verify { environment: EnvironmentName, path: PathBuf, error: VerifyError },
    #[error("no key on this machine opens `{}`", .0.path.display())]
    NoKey(Box<NoKey>),
    #[error("`{}` must not be used: {error}", .path.display())]
    Open { path: PathBuf, error: OpenError },
    #[error("`{}`: {error}", .path.display())]
    Set { path: PathBuf, error: SetError },
    #[error("`{}` cannot be sealed: {error}", .path.display())]
    Accept { path: PathBuf, error: AcceptError },
    #[error("`{}` is under another data key than the one that is pinned", .path.display())]
    NewDataKey { path: PathBuf },
    #[error("`{}` cannot be sealed: {error}", .path.display())]
    Seal { path: PathBuf, error: SealError },
    #[error("`{}`: {error}", .path.display())]
    Share { path: PathBuf, error: ShareError },
    #[error("`{}` has no seal, so who can read it is protected by nothing", .path.display())]
    Unsealed { environment: EnvironmentName, path: PathBuf },
    #[error("the public key of `{name}`: {error}")]
    PublicKey { name: RecipientName, error: RecipientError },
    #[error("no key on this machine would open `{}` any more", .path.display())]
    LastKey { environment: EnvironmentName, path: PathBuf },
    #[error("`{}` would be larger than a document may be", .path.display())]
    TooLarge { path: PathBuf },
    #[error("wrapping the data key: {0}")]
    Recipient(#[from] RecipientError),
    #[error(transparent)]
    Inherit(#[from] InheritError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Private(#[from] PrivateError),
}

impl From<VaultStoreError> for StoreError {
    fn from(error: VaultStoreError) -> Self {
        Self::Vault(Box::new(error))
    }
}

/// A document that stays shut: for whom it is, and which keys were tried.
#[derive(Debug)]
pub struct NoKey {
    pub environment: EnvironmentName,
    pub path: PathBuf,
    /// Those who can open it: their names, where the project knows them, and public keys.
    pub recipients: Vec<String>,
    /// Where keys were found that do not fit.
    pub tried: Vec<String>,
    /// Where keys are that could not be used.
    pub refused: Vec<KeyringError>,
}
