//! The master key: wraps the projects' keys, and is never in the store.

use std::fmt;

use thiserror::Error;

use super::{Address, Purpose};
use crate::hazmat::Key;

/// Who holds the master key. It wraps, and does not tell the key.
///
/// A wrapped key opens with the same address alone.
pub(crate) trait MasterKey: fmt::Debug + Send + Sync {
    fn wrap(&self, purpose: Purpose, address: &Address, key: &[u8])
    -> Result<Vec<u8>, MasterError>;

    fn unwrap_key(
        &self,
        purpose: Purpose,
        address: &Address,
        wrapped: &[u8],
    ) -> Result<Key, MasterError>;
}

/// Why a master key does not serve.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(crate) enum MasterError {
    #[error(
        "the master key does not open what was wrapped: it is another one, or that was changed"
    )]
    Refused,
    #[cfg(feature = "aws-kms")]
    #[error(transparent)]
    Kms(#[from] crate::aws::KmsError),
}

impl MasterError {
    /// Whether the key was asked, and is not the one. Otherwise nobody knows.
    pub(crate) fn is_refusal(self) -> bool {
        self == Self::Refused
    }
}

/// A master key that this process holds.
#[derive(Debug)]
pub(crate) struct LocalMaster(Key);

impl LocalMaster {
    pub(crate) fn new(key: Key) -> Self {
        Self(key)
    }
}

impl MasterKey for LocalMaster {
    fn wrap(
        &self,
        purpose: Purpose,
        address: &Address,
        key: &[u8],
    ) -> Result<Vec<u8>, MasterError> {
        self.0
            .seal(&purpose.bind(address), address.as_bytes(), key)
            .map_err(|_| MasterError::Refused)
    }

    fn unwrap_key(
        &self,
        purpose: Purpose,
        address: &Address,
        wrapped: &[u8],
    ) -> Result<Key, MasterError> {
        let opened = self
            .0
            .open(&purpose.bind(address), address.as_bytes(), wrapped)
            .map_err(|_| MasterError::Refused)?;
        Key::new(&opened).ok_or(MasterError::Refused)
    }
}

/// Counts how often a test's own master key was asked, and takes its time.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct Counting {
    own: LocalMaster,
    pub(crate) asked: std::sync::atomic::AtomicUsize,
}

#[cfg(test)]
impl Counting {
    pub(crate) fn new() -> Self {
        Self { own: LocalMaster::new(Key::random()), asked: 0.into() }
    }
}

#[cfg(test)]
impl MasterKey for Counting {
    fn wrap(&self, p: Purpose, a: &Address, key: &[u8]) -> Result<Vec<u8>, MasterError> {
        self.own.wrap(p, a, key)
    }

    fn unwrap_key(&self, p: Purpose, a: &Address, w: &[u8]) -> Result<Key, MasterError> {
        self.asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        std::thread::sleep(std::time::Duration::from_millis(20));
        self.own.unwrap_key(p, a, w)
    }
}
