//! What issuers publish, fetched when it is needed and kept for a while.
//!
//! Rules:
//! - An issuer is asked by one request at a time, even if that went away. Who waited takes what it
//!   found.
//! - One that did not answer is left alone for some seconds: who asks about it often costs nothing.
//! - Nobody sends us on: an answer is a 200 of who was asked, or it is none.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::published::{Discovery, Published, read_keys};
use crate::outward;
use crate::places::Places;

/// See the top.
pub(crate) struct Issuers {
    held: Mutex<HashMap<String, Held>>,
    /// Who fetches has one of these: the same for the same issuer.
    flights: [Arc<tokio::sync::Mutex<()>>; FLIGHTS],
    hasher: RandomState,
    /// For who shows a provider a code.
    pub(super) places: Places,
}

#[derive(Clone)]
struct Held {
    published: Option<Arc<Published>>,
    since: Instant,
    /// When it last gave nothing.
    failed: Option<Instant>,
}

/// How many issuers are asked at once.
const FLIGHTS: usize = 8;

/// How many codes are shown at once. The others wait.
const PLACES: usize = 32;

impl Issuers {
    /// How long keys are taken to be the issuer's.
    const FRESH: Duration = Duration::from_mins(10);

    /// How soon they may be fetched again because a key was not among them.
    const AGAIN: Duration = Duration::from_secs(10);

    /// How long an issuer is left alone that gave nothing.
    const PAUSE: Duration = Duration::from_secs(5);

    /// How many issuers are remembered.
    const MOST: usize = 256;

    /// What an issuer publishes, if it is known.
    pub(crate) fn find(&self, issuer: &str) -> Option<Arc<Published>> {
        let held = self.held().get(issuer).cloned()?;
        held.published.filter(|_| held.since.elapsed() < Self::FRESH)
    }

    /// Whether keys that lack one are old enough to be fetched again.
    pub(crate) fn is_stale(&self, issuer: &str) -> bool {
        let held = self.held().get(issuer).cloned();
        held.is_none_or(|held| held.published.is_none() || held.since.elapsed() > Self::AGAIN)
    }

    /// Fetches what an issuer publishes. `None` when it has nothing to give.
    pub(crate) async fn fetch(self: &Arc<Self>, issuer: &str) -> Option<Arc<Published>> {
        let begun = Instant::now();
        let flight = usize::try_from(self.hasher.hash_one(issuer)).unwrap_or(0) % FLIGHTS;
        let flight = Arc::clone(self.flights.get(flight)?).lock_owned().await;
        let known = self.held().get(issuer).cloned();
        if let Some(held) = known {
            if held.published.is_some() && held.since >= begun {
                return held.published;
            }
            if held.failed.is_some_and(|failed| failed.elapsed() < Self::PAUSE) {
                return None;
            }
        }
        let (own, asked) = (Arc::clone(self), issuer.to_owned());
        // To its end, also where nobody waits for it any more: nobody else begins before.
        let work = move || {
            let found = fetch(&asked).map(Arc::new);
            own.note(&asked, found.clone());
            drop(flight);
            found
        };
        tokio::task::spawn_blocking(work).await.ok().flatten()
    }

    fn note(&self, issuer: &str, found: Option<Arc<Published>>) {
        let now = Instant::now();
        let mut all = self.held();
        if all.len() >= Self::MOST && !all.contains_key(issuer) {
            all.clear();
        }
        let new = Held { published: None, since: now, failed: None };
        let held = all.entry(issuer.to_owned()).or_insert(new);
        match found {
            Some(published) => {
                *held = Held { published: Some(published), since: now, failed: None };
            }
            // What was known before stays as good as it was.
            None => held.failed = Some(now),
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Issuers {
    fn default() -> Self {
        Self {
            held: Mutex::default(),
            flights: Default::default(),
            hasher: RandomState::new(),
            places: Places::new(PLACES),
        }
    }
}

fn fetch(issuer: &str) -> Option<Published> {
    let agent = outward::agent(PATIENCE);
    let place = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    super::check_issuer(issuer).ok()?;
    let discovery = Discovery::read(issuer, &body(agent.get(place).call().ok()?)?)?;
    let keys = read_keys(&body(agent.get(&discovery.jwks_uri).call().ok()?)?)?;
    Some(discovery.publish(keys))
}

/// How long one answer is waited for, and how long it may be.
pub(super) const PATIENCE: Duration = Duration::from_secs(4);
const ANSWER: u64 = 256 * 1024;

/// What was answered, if it is an answer.
fn body(mut response: ureq::http::Response<ureq::Body>) -> Option<Zeroizing<Vec<u8>>> {
    if response.status() != 200 {
        return None;
    }
    read_bounded(&mut response)
}

pub(super) fn read_bounded(
    response: &mut ureq::http::Response<ureq::Body>,
) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = response.body_mut().with_config().limit(ANSWER).read_to_vec();
    bytes.ok().map(Zeroizing::new)
}

impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuers").finish_non_exhaustive()
    }
}
