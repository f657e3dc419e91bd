//! Proofs that are made here, by the same kinds of keys that issuers have.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

use super::*;

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "https://vault.example";

/// An issuer with one RSA key.
struct Signer {
    key: EncodingKey,
    keys: JwkSet,
    modulus: Vec<u8>,
}

impl Signer {
    fn new() -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let inner = jsonwebtoken_der(der.as_ref());
        let public = pair.public_key();
        let modulus = public.modulus().big_endian_without_leading_zero().to_vec();
        let exponent = public.exponent().big_endian_without_leading_zero().to_vec();
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let keys = serde_json::from_value(json!({ "keys": [
            { "kty": "RSA", "kid": "one", "use": "sig", "n": text(&modulus), "e": text(&exponent) },
        ] }));
        Self { key: EncodingKey::from_rsa_der(&inner), keys: keys.unwrap(), modulus }
    }

    fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some("one".into()), ..Header::new(Algorithm::RS256) };
        encode(&header, claims, &self.key).unwrap()
    }

    fn judge(&self, text: &str) -> Judgement {
        Proof::read(text).map_or(Judgement::Refused, |proof| proof.judge(&self.keys, AUDIENCE))
    }
}

/// The key within a PKCS #8 envelope, which is what the crate wants: its last octet string.
fn jsonwebtoken_der(envelope: &[u8]) -> Vec<u8> {
    let begin = envelope.windows(2).skip(20).position(|pair| pair == [0x30, 0x82]).unwrap() + 20;
    envelope[begin..].to_vec()
}

fn claims() -> Value {
    let now = jiff::Timestamp::now().as_second();
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "repo:acme/web", "exp": now + 300, "nbf": now - 5,
        "repository_id": "42", "run": 7, "groups": ["admin"],
    })
}

fn with(key: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[key] = value;
    claims
}

fn without(key: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(key);
    claims
}

#[test]
fn a_proof_holds_for_its_issuer_its_audience_and_its_time_alone() {
    let signer = Signer::new();
    let Judgement::Holds(said) = signer.judge(&signer.sign(&claims())) else { panic!() };
    let text = |name| said.text(name).unwrap_or_default();
    assert_eq!([text("sub"), text("repository_id"), text("run")], ["repo:acme/web", "42", "7"]);
    // A list is never equal to anything.
    assert_eq!(said.text("groups"), None);
    let now = jiff::Timestamp::now().as_second();
    for wrong in [
        with("aud", json!("https://other.example")),
        with("exp", json!(now - 60)),
        with("nbf", json!(now + 600)),
        without("exp"),
        without("aud"),
        without("sub"),
        without("iss"),
    ] {
        assert_eq!(signer.judge(&signer.sign(&wrong)), Judgement::Refused, "{wrong}");
    }
    // Of another key by the same name, and by a name that is not there.
    assert_eq!(signer.judge(&Signer::new().sign(&claims())), Judgement::Refused);
    let header = Header { kid: Some("two".into()), ..Header::new(Algorithm::RS256) };
    let other = encode(&header, &claims(), &signer.key).unwrap();
    assert_eq!(signer.judge(&other), Judgement::OtherKey);
}

#[test]
fn a_proof_does_not_choose_its_algorithm() {
    let signer = Signer::new();
    let text = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let none = format!("{}.{}.", text(&json!({ "alg": "none", "kid": "one" })), text(&claims()));
    assert_eq!(signer.judge(&none), Judgement::Refused);
    // The public key as a shared secret.
    let header = Header { kid: Some("one".into()), ..Header::new(Algorithm::HS256) };
    let shared = encode(&header, &claims(), &EncodingKey::from_secret(&signer.modulus)).unwrap();
    assert_eq!(signer.judge(&shared), Judgement::Refused);
    let whole = signer.sign(&claims());
    for cut in 0..whole.len() {
        assert_eq!(signer.judge(whole.get(..cut).unwrap()), Judgement::Refused, "{cut} bytes");
    }
}

#[test]
fn a_proof_for_others_as_well_is_not_for_us_alone() {
    let signer = Signer::new();
    let is_only = |claims: &Value| match signer.judge(&signer.sign(claims)) {
        Judgement::Holds(said) => said.is_only_for(AUDIENCE),
        _ => panic!("{claims}"),
    };
    assert!(is_only(&claims()) && is_only(&with("aud", json!([AUDIENCE]))));
    assert!(is_only(&with("azp", json!(AUDIENCE))));
    assert!(!is_only(&with("aud", json!([AUDIENCE, "https://other.example"]))));
    for other in [json!("https://other.example"), json!([AUDIENCE]), json!(null)] {
        assert!(!is_only(&with("azp", other)));
    }
    let Judgement::Holds(said) = signer.judge(&signer.sign(&with("email_verified", json!(true))))
    else {
        panic!()
    };
    assert!(said.is_true("email_verified") && !said.is_true("run") && !said.is_true("nothing"));
}

#[test]
fn what_has_to_be_understood_and_is_not_is_refused() {
    let signer = Signer::new();
    let crit = Some(vec!["exp".to_owned()]);
    let header = Header { kid: Some("one".into()), crit, ..Header::new(Algorithm::RS256) };
    let text = encode(&header, &claims(), &signer.key).unwrap();
    assert_eq!(signer.judge(&text), Judgement::Refused);
}

#[test]
fn a_rule_names_who_may_and_has_no_patterns() {
    let claims = |pairs: &[(&str, &str)]| -> Claims {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    assert!(check_claims(&claims(&[("sub", "repo:acme/web:ref:refs/heads/main")])).is_ok());
    assert!(check_claims(&claims(&[("repository_id", "42"), ("ref", "refs/heads/main")])).is_ok());
    for wrong in [
        &[][..],
        &[("ref", "refs/heads/main")],
        &[("sub", "repo:acme/*")],
        &[("sub", "repo:acme/we?")],
        &[("sub", "")],
        &[("sub", "a"), ("ref", "*")],
        &[("sub", "a"), ("aud", "b")],
    ] {
        assert!(check_claims(&claims(wrong)).is_err(), "{wrong:?}");
    }
    for good in ["https://token.actions.githubusercontent.com", "http://127.0.0.1:8080/x"] {
        assert!(check_issuer(good).is_ok(), "{good}");
    }
    for wrong in [
        "",
        "https://",
        "http://issuer.example",
        "http://127.0.0.1.evil.example/",
        "https://a?b",
        "file:///etc",
    ] {
        assert!(check_issuer(wrong).is_err(), "{wrong}");
    }
}
