//! What takes too long for a transaction: keys that somebody else holds, and passwords.
//!
//! A handler that wants something ends with what it wants. That is found outside of the
//! lane, and the handler is begun anew, in another transaction.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::federation::Issuers;
use crate::hazmat::Key;
use crate::key::{Address, KeyRing};
use crate::problem::{Problem, WrappedKey};
use crate::sign_in::{Passwords, StoredPassword, fits, store};

/// See the top. No caller sees this.
#[derive(Clone)]
pub(crate) enum Wanted {
    /// A project's key, in memory.
    ProjectKey(WrappedKey),
    /// A new key for a project, wrapped for this address.
    NewKey(Address),
    /// The keys of an issuer of proofs, in memory.
    Issuer(String),
    /// Whether a password fits; and what is kept beside it, opened.
    Proof { stored: StoredProof, password: Zeroizing<String> },
    /// What is kept of a new password.
    NewPassword(Zeroizing<String>),
    /// A person's own key, sealed.
    Sealed { address: Address, key: Arc<Key> },
}

/// By what it is found.
#[derive(Debug)]
pub(crate) struct Means {
    pub(crate) ring: Arc<KeyRing>,
    pub(crate) issuers: Arc<Issuers>,
    pub(crate) passwords: Arc<Passwords>,
}

/// By what a person is known.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct StoredProof {
    pub(crate) password: Option<StoredPassword>,
    /// The sealed key of the second factor.
    pub(crate) own: Option<(Address, Vec<u8>)>,
}

/// What was found.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// It is where it is looked for.
    InMemory,
    Proof {
        stored: StoredProof,
        fits: bool,
        own: Option<Arc<Key>>,
    },
    NewPassword(StoredPassword),
    NewKey {
        address: Address,
        wrapped: Vec<u8>,
    },
    Sealed(Vec<u8>),
}

impl Wanted {
    /// Finds it, however long it takes.
    pub(crate) async fn find(self, means: Means) -> Result<Found, Problem> {
        let Means { ring, issuers, passwords } = means;
        let found = match self {
            Self::ProjectKey(key) => {
                let find = move || ring.find(&key.address, &key.wrapped).map(|_| Found::InMemory);
                tokio::task::spawn_blocking(find).await
            }
            Self::Issuer(issuer) => {
                let fetch = move || issuers.fetch(&issuer);
                let fetched = tokio::task::spawn_blocking(fetch).await;
                let fetched = fetched.map_err(|_| Problem::internal())?;
                return if fetched { Ok(Found::InMemory) } else { Err(Problem::unavailable()) };
            }
            Self::NewKey(address) => {
                let make =
                    move || ring.make(&address).map(|wrapped| Found::NewKey { address, wrapped });
                tokio::task::spawn_blocking(make).await
            }
            Self::Sealed { address, key } => {
                let seal = move || ring.seal_own(&address, &key).map(Found::Sealed);
                tokio::task::spawn_blocking(seal).await
            }
            Self::NewPassword(password) => {
                let stored = passwords.within(move || store(&password)).await?;
                return stored.map(Found::NewPassword).ok_or_else(Problem::unavailable);
            }
            Self::Proof { stored, password } => {
                let prove = move || {
                    let fits = fits(&password, stored.password.as_ref());
                    // Opened whether or not the password fits, and something where there is nothing to
                    // open, so that time tells neither.
                    let own = match &stored.own {
                        Some((address, sealed)) => Some(ring.open_own(address, sealed)?),
                        None => ring.open_nobodys().map(|()| None)?,
                    };
                    let own = own.map(Arc::new);
                    Ok(Found::Proof { stored, fits, own })
                };
                Ok(passwords.within(prove).await?)
            }
        };
        let found = found.map_err(|_| Problem::internal())?;
        found.map_err(|_: crate::key::MasterError| Problem::unavailable())
    }
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ProjectKey(_) => "ProjectKey(..)",
            Self::NewKey(_) => "NewKey(..)",
            Self::Issuer(_) => "Issuer(..)",
            Self::Proof { .. } => "Proof(..)",
            Self::NewPassword(_) => "NewPassword(..)",
            Self::Sealed { .. } => "Sealed(..)",
        })
    }
}
