//! A signed proof, read and judged.

use std::collections::BTreeMap;

use jsonwebtoken::jwk::{AlgorithmParameters, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;

use crate::problem::Problem;

/// The claims that a rule names, and what they have to be.
pub(crate) type Claims = BTreeMap<String, String>;

/// A proof that was sent. Nothing in it is believed yet.
pub(crate) struct Proof<'t> {
    text: &'t str,
    /// Whose it says it is.
    pub(crate) issuer: String,
    kid: Option<String>,
}

/// What a proof says that holds.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Statement(BTreeMap<String, Value>);

/// How a proof stands to some keys.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Judgement {
    Holds(Statement),
    /// It was signed by a key that is not among them.
    OtherKey,
    Refused,
}

#[derive(Deserialize)]
struct Said {
    iss: String,
}

/// How long a proof is at most.
const LONGEST: usize = 16 * 1024;

/// How many seconds clocks may differ.
const LEEWAY: u64 = 30;

/// What a rule has to name one of: nobody else can have the same.
const OWN: [&str; 6] =
    ["sub", "repository_id", "project_id", "workflow_ref", "job_workflow_ref", "namespace_id"];

impl<'t> Proof<'t> {
    /// Reads what has to be known before its keys are.
    pub(crate) fn read(text: &'t str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let header = decode_header(text).ok()?;
        // What must be understood here is nothing that we know.
        if header.crit.is_some() {
            return None;
        }
        let said: Said = jsonwebtoken::dangerous::insecure_decode_claims(text).ok()?;
        Some(Self { text, issuer: said.iss, kid: header.kid })
    }

    /// Judges it by its issuer's keys, for one audience.
    pub(crate) fn judge(&self, keys: &JwkSet, audience: &str) -> Judgement {
        let key = match &self.kid {
            Some(kid) => keys.find(kid),
            // Where there is one key, it need not be named.
            None => keys.keys.first().filter(|_| keys.keys.len() == 1),
        };
        let Some(key) = key else { return Judgement::OtherKey };
        let algorithms = match &key.algorithm {
            AlgorithmParameters::RSA(_) => vec![
                Algorithm::RS256,
                Algorithm::RS384,
                Algorithm::RS512,
                Algorithm::PS256,
                Algorithm::PS384,
                Algorithm::PS512,
            ],
            AlgorithmParameters::EllipticCurve(_) => vec![Algorithm::ES256, Algorithm::ES384],
            AlgorithmParameters::OctetKeyPair(_) => vec![Algorithm::EdDSA],
            _ => return Judgement::Refused,
        };
        let is_for_signing =
            key.common.public_key_use.as_ref().is_none_or(|used| *used == PublicKeyUse::Signature);
        let Some(key) = DecodingKey::from_jwk(key).ok().filter(|_| is_for_signing) else {
            return Judgement::Refused;
        };
        let Some(first) = algorithms.first() else { return Judgement::Refused };
        let mut validation = Validation::new(*first);
        validation.algorithms = algorithms;
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_audience(&[audience]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        match decode::<BTreeMap<String, Value>>(self.text, &key, &validation) {
            Ok(token) => Judgement::Holds(Statement(token.claims)),
            Err(_) => Judgement::Refused,
        }
    }
}

impl Statement {
    /// A claim that is a text or a whole number. Lists and objects are never equal to anything.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.as_i64()?.to_string()),
            _ => None,
        }
    }

    /// Whether there is such a claim at all.
    pub(crate) fn says(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether a claim is true. Some issuers write it as a text.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| *value == true || *value == "true")
    }

    /// Whether it is for this audience and for no other; and where it says who asked for it, for them.
    pub(crate) fn is_only_for(&self, audience: &str) -> bool {
        let is_only = match self.0.get("aud") {
            Some(Value::Array(all)) => all.len() == 1 && all.iter().all(|one| *one == audience),
            Some(one) => *one == audience,
            None => false,
        };
        is_only && self.0.get("azp").is_none_or(|party| *party == audience)
    }
}

/// Whether what a rule wants could be had by others than it means.
pub(crate) fn check_claims(claims: &Claims) -> Result<(), Problem> {
    let is_open = |text: &str| {
        text.is_empty()
            || text.len() > 512
            || text.contains(['*', '?'])
            || text.chars().any(char::is_control)
    };
    if claims.len() > 16 || claims.iter().any(|(name, value)| is_open(name) || is_open(value)) {
        return Err(Problem::invalid(
            "a claim is compared as it is: it is not empty, and `*` and `?` stand for nothing",
        ));
    }
    if claims.keys().any(|name| matches!(name.as_str(), "iss" | "aud" | "exp" | "nbf" | "iat")) {
        return Err(Problem::invalid("issuer and audience are fields of their own"));
    }
    if !OWN.iter().any(|own| claims.contains_key(*own)) {
        return Err(Problem::invalid(format!(
            "at least one claim has to name the one who may: {}",
            OWN.join(", ")
        )));
    }
    Ok(())
}

/// An issuer's address: without TLS at this machine alone, and nothing behind its path.
pub(crate) fn check_issuer(issuer: &str) -> Result<(), Problem> {
    if is_address(issuer) {
        Ok(())
    } else {
        Err(Problem::invalid("an issuer is an address that begins with `https://`"))
    }
}

/// Whether an issuer may be asked there, or people be sent there. Something may be asked behind the
/// path.
pub(crate) fn check_endpoint(place: &str) -> bool {
    let (address, query) = place.split_once('?').unwrap_or((place, ""));
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:=&%+".contains(&byte);
    is_address(address) && query.len() <= 256 && query.bytes().all(fits)
}

fn is_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| {
        let rest = text.strip_prefix("http://")?;
        let host = rest.split(['/', ':']).next()?;
        matches!(host, "127.0.0.1" | "localhost").then_some(rest)
    });
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:".contains(&byte);
    rest.is_some_and(|rest| !rest.is_empty() && text.len() <= 256 && rest.bytes().all(fits))
}

#[cfg(test)]
mod tests;
