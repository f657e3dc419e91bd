//! Proofs of jobs that do not hold: what is refused, that it is recorded, and that it concerns nobody
//! else.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use unspoken_testkit::{Answer, Ground, Issuer, IssuerSays, Vault};

use crate::raw::Raw;

const AUDIENCE: &str = "https://vault.example";

/// A rule for one repository, and who signs for it.
struct Trusting<'v> {
    vault: &'v Vault,
    ground: Ground,
    issuer: Issuer,
}

impl<'v> Trusting<'v> {
    fn of(vault: &'v Vault) -> Self {
        let (ground, issuer) = (vault.ground(), Issuer::start());
        let claims = json!({ "repository_id": "42", "ref": "refs/heads/main" });
        let body = json!({
            "name": "deploy", "issuer": issuer.url(), "audience": AUDIENCE, "claims": claims,
            "environments": [ground.environment], "lifetime_seconds": 60,
        });
        ground.owner.post(&format!("/v1/teams/{}/trusts", ground.team), &body).ok();
        Self { vault, ground, issuer }
    }

    fn claims(&self) -> Value {
        let now = super::oidc::now();
        json!({
            "iss": self.issuer.url(), "aud": AUDIENCE, "sub": "repo:acme/web:ref:refs/heads/main",
            "exp": now + 300, "repository_id": "42", "ref": "refs/heads/main",
        })
    }

    fn with(&self, name: &str, value: Value) -> String {
        let mut claims = self.claims();
        claims[name] = value;
        self.issuer.sign(&claims)
    }

    fn show(&self, proof: &str) -> Answer {
        self.vault.client().post("/v1/exchange", &json!({ "proof": proof }))
    }
}

#[test]
fn a_proof_that_does_not_hold_is_refused_and_recorded() {
    Vault::each(|vault| {
        let trusting = Trusting::of(&vault);
        let text = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let none = json!({ "alg": "none", "kid": "rsa-1" });
        let none = format!("{}.{}.", text(&none), text(&trusting.claims()));
        let shared = |secret: &[u8]| {
            let header = Header { kid: Some("rsa-1".into()), ..Header::new(Algorithm::HS256) };
            encode(&header, &trusting.claims(), &EncodingKey::from_secret(secret)).unwrap()
        };
        let now = super::oidc::now();
        let proofs = [
            trusting.with("aud", json!("https://other.example")),
            trusting.with("aud", json!(null)),
            trusting.with("iss", json!("https://other.example")),
            trusting.with("sub", json!(null)),
            trusting.with("exp", json!(now - 60)),
            trusting.with("exp", json!("never")),
            trusting.with("nbf", json!(now + 600)),
            trusting.with("repository_id", json!("43")),
            trusting.with("repository_id", json!(["42"])),
            trusting.with("ref", json!("refs/heads/main ")),
            trusting.with("ref", json!("refs/heads/MAIN")),
            none,
            shared(&trusting.issuer.modulus()),
            shared(b""),
            Issuer::start().sign(&trusting.claims()),
            trusting.issuer.sign_as(&json!({"alg": "RS256", "kid": "ec-1"}), &trusting.claims()),
            "not a proof".to_owned(),
            String::new(),
        ];
        let raw = Raw::of(&vault);
        let refused =
            "SELECT COUNT(*) FROM audit WHERE action = 'token.exchange' AND outcome = 'refused'";
        let tokens = "SELECT COUNT(*) FROM token WHERE kind = 'agent'";
        for (number, proof) in (1..).zip(&proofs) {
            let answer = trusting.show(proof);
            assert_eq!((answer.status, answer.code().as_str()), (401, "unauthorized"), "{number}");
            assert!(!answer.holds("refs/heads"), "{number}");
            assert_eq!(raw.number(refused), number, "every refusal is a row");
        }
        assert_eq!(raw.number(tokens), 0);
        // The team sees what was well signed and still not theirs.
        let rows = trusting.ground.audit();
        let seen = rows.iter().filter(|row| row["action"] == "token.exchange").count();
        assert_eq!(seen, 4);
        let logs = vault.logs();
        assert!(proofs.iter().filter(|proof| proof.len() > 20).all(|proof| !logs.contains(proof)));
        trusting.show(&trusting.issuer.sign(&trusting.claims())).ok();
        assert_eq!(raw.number(tokens), 1);
    });
}

#[test]
fn an_issuer_that_is_slow_or_dead_holds_up_its_own_jobs_alone() {
    let vault = Vault::on(unspoken_testkit::Database::Sqlite);
    let trusting = Trusting::of(&vault);
    trusting.issuer.play(|_| {
        Some(IssuerSays { delay: Duration::from_secs(20), ..IssuerSays::new("200 OK", &json!({})) })
    });
    let proof = trusting.issuer.sign(&trusting.claims());
    std::thread::scope(|scope| {
        let begun = Instant::now();
        let jobs: Vec<_> = (0..32).map(|_| scope.spawn(|| trusting.show(&proof).status)).collect();
        while begun.elapsed() < Duration::from_secs(2) {
            let asked = Instant::now();
            trusting.ground.owner.get("/v1/session").ok();
            assert!(asked.elapsed() < Duration::from_secs(1));
        }
        assert!(jobs.into_iter().all(|job| job.join().unwrap() == 503));
        assert!(begun.elapsed() < Duration::from_secs(9), "they waited for one, not for each");
    });
    // It was asked once for all of them.
    assert_eq!(trusting.issuer.asked().len(), 1);
}

#[test]
fn nobody_is_asked_whom_no_rule_names() {
    let vault = Vault::on(unspoken_testkit::Database::Sqlite);
    let trusting = Trusting::of(&vault);
    let other = Issuer::start();
    let mut claims = trusting.claims();
    claims["iss"] = json!(other.url());
    assert_eq!(trusting.show(&other.sign(&claims)).status, 401);
    assert!(other.asked().is_empty());
}
