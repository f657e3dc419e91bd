//! The keys of issuers, fetched when they are needed and kept for a while.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::JwkSet;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

use super::check_issuer;

/// See the top.
#[derive(Default)]
pub(crate) struct Issuers(Mutex<HashMap<String, Held>>);

#[derive(Clone)]
struct Held {
    keys: Arc<JwkSet>,
    since: Instant,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl Issuers {
    /// How long keys are taken to be the issuer's.
    const FRESH: Duration = Duration::from_mins(10);

    /// How soon they may be fetched again because a key was not among them.
    const AGAIN: Duration = Duration::from_mins(1);

    const ANSWER: u64 = 256 * 1024;
    const PATIENCE: Duration = Duration::from_secs(5);

    /// How many issuers are remembered.
    const MOST: usize = 256;

    /// The keys of an issuer, if they are known.
    pub(crate) fn find(&self, issuer: &str) -> Option<Arc<JwkSet>> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(issuer).cloned();
        held.filter(|held| held.since.elapsed() < Self::FRESH).map(|held| held.keys)
    }

    /// Whether keys that lack one are old enough to be fetched again.
    pub(crate) fn is_stale(&self, issuer: &str) -> bool {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(issuer).cloned();
        held.is_none_or(|held| held.since.elapsed() > Self::AGAIN)
    }

    /// Fetches an issuer's keys. `false` when it has none to give.
    pub(crate) fn fetch(&self, issuer: &str) -> bool {
        let Some(keys) = fetch(issuer) else { return false };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= Self::MOST && !all.contains_key(issuer) {
            all.clear();
        }
        all.insert(issuer.to_owned(), Held { keys: Arc::new(keys), since: Instant::now() });
        true
    }
}

fn fetch(issuer: &str) -> Option<JwkSet> {
    check_issuer(issuer).ok()?;
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .build();
    let agent = Agent::config_builder()
        .tls_config(tls)
        .max_redirects(0)
        .proxy(None)
        .timeout_global(Some(Issuers::PATIENCE))
        .build()
        .new_agent();
    let place = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let discovery: Discovery = ask(&agent, &place)?;
    // Whoever answers there has to be who was asked, and may not send us on to plain HTTP.
    if discovery.issuer != issuer || check_issuer(&discovery.jwks_uri).is_err() {
        return None;
    }
    ask(&agent, &discovery.jwks_uri)
}

fn ask<T: DeserializeOwned>(agent: &Agent, place: &str) -> Option<T> {
    let mut response = agent.get(place).call().ok()?;
    let bytes = response.body_mut().with_config().limit(Issuers::ANSWER).read_to_vec().ok()?;
    serde_json::from_slice(&bytes).ok()
}

impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuers").finish_non_exhaustive()
    }
}
