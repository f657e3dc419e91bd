//! What a request says, apart from its body and its token.

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use unspoken_model::{DeploymentId, EnvironmentId, SecretName};

use zeroize::Zeroizing;

use super::browser::{Browser, Front};
use crate::db::Desk;
use crate::federation::{Endpoints, Errand, Issuers, Provider, Providers, Vouched};
use crate::hazmat::Key;
use crate::key::{Address, KeyRing, ProjectKey};
use crate::opened::{KEK, NEXT_KEK};
use crate::problem::{Problem, WrappedKey};
use crate::sign_in::{Door, Doors, StoredPassword, whence};
use crate::wanted::{Found, StoredProof, Wanted};

/// See the top.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) address: IpAddr,
    /// What stands in the places of a path, by their names.
    pub(super) parameters: Vec<(&'static str, String)>,
    /// What was asked behind the question mark; `None` where it cannot be read.
    pub(super) query: Option<Vec<(String, String)>>,
    pub(super) if_match: Option<String>,
    pub(super) if_none_match: Option<String>,
    /// The browser that asks, if it is one that is known.
    pub(super) browser: Option<Browser>,
    /// Whether a page of somebody else's had the browser ask.
    pub(super) is_foreign: bool,
    pub(super) front: Arc<Front>,
    pub(super) doors: Arc<Doors>,
    /// By what that is known which it makes: the same however often it is begun.
    pub(crate) fresh: [u8; 16],
    /// What was found since the request was begun for the first time.
    pub(super) found: Vec<Found>,
    pub(super) keys: Arc<KeyRing>,
    pub(super) issuers: Arc<Issuers>,
    pub(super) providers: Arc<Providers>,
    pub(crate) deployment: DeploymentId,
    /// The version of the master key that wraps new keys.
    pub(crate) kek: i64,
}

impl Asked {
    /// What stands in a place of the path. What is no such id might as well not be there.
    pub(crate) fn id<T: FromStr>(&self, place: &str) -> Result<T, Problem> {
        self.text(place).and_then(|text| text.parse().ok()).ok_or_else(Problem::forbidden)
    }

    pub(crate) fn name(&self) -> Result<SecretName, Problem> {
        let text = self.text("name").unwrap_or_default();
        SecretName::parse(text).map_err(|error| Problem::invalid(error.to_string()))
    }

    pub(crate) fn text(&self, place: &str) -> Option<&str> {
        self.parameters.iter().find(|(name, _)| *name == place).map(|(_, text)| text.as_str())
    }

    /// The environment of the path, if there is one.
    pub(super) fn environment(&self) -> Option<EnvironmentId> {
        self.text("environment").and_then(|text| EnvironmentId::parse(text).ok())
    }

    /// Refuses what is asked behind the question mark and cannot be read.
    pub(super) fn readable(&self) -> Result<(), Problem> {
        match self.query {
            Some(_) => Ok(()),
            None => Err(Problem::invalid("what is asked cannot be read")),
        }
    }

    /// What was asked behind the question mark, at most once.
    pub(crate) fn query<T: FromStr>(&self, key: &str) -> Result<Option<T>, Problem> {
        let mut found = self.query.iter().flatten().filter(|(name, _)| name == key);
        let first = found.next();
        if found.next().is_some() {
            return Err(Problem::invalid(format!("`{key}` is asked twice")));
        }
        let read = |(_, text): &(String, String)| {
            text.parse().map_err(|_| Problem::invalid(format!("`{key}` cannot be read")))
        };
        first.map(read).transpose()
    }

    /// Refuses what is asked that nobody knows: a filter that is passed over widens an answer.
    pub(crate) fn allow_queries(&self, known: &[&str]) -> Result<(), Problem> {
        match self.query.iter().flatten().find(|(name, _)| !known.contains(&name.as_str())) {
            Some(_) => {
                Err(Problem::invalid(format!("what can be asked here is: {}", known.join(", "))))
            }
            None => Ok(()),
        }
    }

    /// Whether the caller has this revision already.
    pub(crate) fn has(&self, revision: i64) -> bool {
        self.if_none_match.as_deref() == Some(&etag(revision))
    }

    /// Refuses a change that was meant for another revision.
    pub(crate) fn expect(&self, revision: i64) -> Result<(), Problem> {
        match self.if_match.as_deref() {
            Some(expected) if expected != etag(revision) => Err(Problem::new(
                crate::problem::Kind::Stale,
                format!("the environment is at revision {revision} by now"),
            )),
            _ => Ok(()),
        }
    }

    /// A project's key, which is in memory or has to be unwrapped first.
    pub(crate) fn key(&self, key: WrappedKey) -> Result<ProjectKey, Problem> {
        match self.keys.peek(&key.address, &key.wrapped) {
            Some(key) => Ok(key),
            None => Err(Problem::wants(Wanted::ProjectKey(key))),
        }
    }

    /// Whose proofs are known.
    pub(crate) fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    /// Refuses what another master key than this node's has wrapped.
    pub(crate) fn expect_kek(&self, kek: i64) -> Result<(), Problem> {
        if kek == self.kek { Ok(()) } else { Err(Problem::unavailable()) }
    }

    /// The version of the master key for a new key, which stays the store's until the transaction
    /// ends. While all keys are wrapped by another one, and afterwards, there is none.
    pub(crate) fn kek_for_new(&self, desk: &mut Desk<'_>) -> Result<i64, Problem> {
        let kek = self.kek.to_string().into_bytes();
        let locked =
            desk.row("SELECT value FROM store WHERE name = $1 FOR SHARE", &[KEK.into()])?;
        let is_own = locked.is_some_and(|row| row.bytes(0).is_ok_and(|found| found == kek));
        // By a statement of its own, which sees what was waited for.
        let next = desk.row("SELECT value FROM store WHERE name = $1", &[NEXT_KEK.into()])?;
        if is_own && next.is_none() { Ok(self.kek) } else { Err(Problem::unavailable()) }
    }

    /// Whether a password fits what was kept, and what was kept beside it. The try is counted, for
    /// whoever it is about and for where it comes from.
    pub(crate) fn proof(
        &self,
        stored: &StoredProof,
        password: &str,
        whose: &str,
    ) -> Result<(bool, Option<Arc<Key>>), Problem> {
        for found in &self.found {
            match found {
                Found::Proof { stored: known, fits, own } if known == stored => {
                    return Ok((*fits, own.clone()));
                }
                _ => {}
            }
        }
        self.doors.knock(Door::Address, &whence(self.address))?;
        self.doors.knock(Door::Person, whose)?;
        self.doors.knock(Door::Anywhere, "sign-in")?;
        let password = Zeroizing::new(password.to_owned());
        Err(Problem::wants(Wanted::Proof { stored: stored.clone(), password }))
    }

    /// What is to be kept of a new password.
    pub(crate) fn new_password(&self, password: &str) -> Result<StoredPassword, Problem> {
        let found = self.found.iter().find_map(|found| match found {
            Found::NewPassword(stored) => Some(stored.clone()),
            _ => None,
        });
        let want = || Problem::wants(Wanted::NewPassword(Zeroizing::new(password.to_owned())));
        found.ok_or_else(want)
    }

    /// By whom people can sign in.
    pub(crate) fn providers(&self) -> &Providers {
        &self.providers
    }

    /// Where a provider is asked.
    pub(crate) fn endpoints(&self, provider: &Provider) -> Result<Endpoints, Problem> {
        let wanted = || Problem::wants(Wanted::Issuer(provider.issuer.clone()));
        let published = self.issuers.find(&provider.issuer).ok_or_else(wanted)?;
        published.endpoints.clone().ok_or_else(Problem::unavailable)
    }

    /// For whom a provider vouches by a code that came back. That is counted as a try.
    pub(crate) fn vouched(&self, errand: Errand, code: &str) -> Result<Vouched, Problem> {
        let found = self.found.iter().find_map(|found| match found {
            Found::Vouched(outcome) => Some(outcome.clone()),
            _ => None,
        });
        if let Some(outcome) = found {
            return Ok(outcome);
        }
        self.doors.knock(Door::Address, &whence(self.address))?;
        self.doors.knock(Door::Anywhere, "sign-in")?;
        let code = Zeroizing::new(code.to_owned());
        Err(Problem::wants(Wanted::Vouched { errand: Box::new(errand), code }))
    }

    /// A key of a person's own, sealed.
    pub(crate) fn seal_own(&self, address: Address, key: Key) -> Result<Vec<u8>, Problem> {
        let found = self.found.iter().find_map(|found| match found {
            Found::Sealed(sealed) => Some(sealed.clone()),
            _ => None,
        });
        found.ok_or_else(|| Problem::wants(Wanted::Sealed { address, key: Arc::new(key) }))
    }

    /// A new key for a project, wrapped for this address.
    pub(crate) fn new_key(&self, address: Address) -> Result<Vec<u8>, Problem> {
        let found = self.found.iter().find_map(|found| match found {
            Found::NewKey { address: known, wrapped } if *known == address => Some(wrapped.clone()),
            _ => None,
        });
        found.ok_or_else(|| Problem::wants(Wanted::NewKey(address)))
    }
}

/// A revision as a header has it.
pub(super) fn etag(revision: i64) -> String {
    format!("\"rev-{revision}\"")
}
