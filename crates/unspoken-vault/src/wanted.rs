//! What takes too long for a transaction: keys that somebody else holds, passwords, and what a
//! provider says about a person.
//!
//! A handler that wants something ends with what it wants. That is found outside of the
//! lane, and the handler is begun anew, in another transaction.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use zeroize::Zeroizing;

use crate::federation::{Errand, Issuers, Vouched};
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
    /// For whom a provider vouches by a code that came back.
    Vouched { errand: Box<Errand>, code: Zeroizing<String> },
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
    Vouched(Vouched),
    Sealed(Vec<u8>),
}

impl Wanted {
    /// Finds it, however long it takes.
    pub(crate) async fn find(self, means: Means) -> Result<Found, Problem> {
        let Means { ring, issuers, passwords } = means;
        match self {
            Self::ProjectKey(key) => {
                let asked = Instant::now();
                let find = move |ring: &KeyRing| ring.find(&key.address, &key.wrapped, asked);
                ring.ask(find).await.map(|_| Found::InMemory)
            }
            Self::Issuer(issuer) => {
                let fetched = issuers.fetch(&issuer).await;
                fetched.map(|_| Found::InMemory).ok_or_else(Problem::unavailable)
            }
            Self::Vouched { errand, code } => {
                Ok(Found::Vouched(errand.finish(code, &issuers).await))
            }
            Self::NewKey(address) => {
                let own = address.clone();
                let wrapped = ring.ask(move |ring| ring.make(&own)).await?;
                Ok(Found::NewKey { address, wrapped })
            }
            Self::Sealed { address, key } => {
                ring.ask(move |ring| ring.seal_own(&address, &key)).await.map(Found::Sealed)
            }
            Self::NewPassword(password) => {
                let stored = passwords.within(move || store(&password)).await?;
                stored.map(Found::NewPassword).ok_or_else(Problem::unavailable)
            }
            Self::Proof { stored, password } => {
                let known = stored.password.clone();
                let fits = passwords.within(move || fits(&password, known.as_ref())).await?;
                // Opened whether or not the password fits, and something where there is nothing to
                // open, so that time tells neither.
                let own = stored.own.clone();
                let open = move |ring: &KeyRing| match &own {
                    Some((address, sealed)) => ring.open_own(address, sealed).map(Some),
                    None => ring.open_nobodys().map(|()| None),
                };
                let own = ring.ask(open).await?.map(Arc::new);
                Ok(Found::Proof { stored, fits, own })
            }
        }
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
            Self::Vouched { .. } => "Vouched(..)",
            Self::Sealed { .. } => "Sealed(..)",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use unspoken_model::DeploymentId;

    use super::*;
    use crate::key::{Counting, MasterKey, Purpose};

    /// A master key that is far away would tell by time who has a second factor.
    #[test]
    fn whoever_signs_in_the_master_key_is_asked_once() {
        let master = Arc::new(Counting::new());
        let deployment = DeploymentId::new([1; 16]);
        let (check, totp) =
            (Address::own(&deployment, "check", ""), Address::own(&deployment, "totp", "person_1"));
        let wrap = |purpose, address| master.wrap(purpose, address, &[7; 32]).unwrap();
        let ring = KeyRing::new(
            Arc::clone(&master) as Arc<dyn MasterKey>,
            (check.clone(), wrap(Purpose::Check, &check)),
        );
        let own = Some((totp.clone(), wrap(Purpose::Own, &totp)));
        let means =
            Means { ring: Arc::new(ring), issuers: Arc::default(), passwords: Arc::default() };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for own in [own, None] {
            let stored = StoredProof { password: None, own: own.clone() };
            let password = Zeroizing::new("a password".to_owned());
            let wanted = Wanted::Proof { stored, password };
            let Means { ring, issuers, passwords } = &means;
            let (ring, issuers) = (Arc::clone(ring), Arc::clone(issuers));
            let means = Means { ring, issuers, passwords: Arc::clone(passwords) };
            let found = runtime.block_on(wanted.find(means)).unwrap();
            let Found::Proof { fits, own: opened, .. } = found else { panic!("another thing") };
            assert!(!fits && opened.is_some() == own.is_some());
            assert_eq!(master.asked.swap(0, Ordering::SeqCst), 1);
        }
    }
}
