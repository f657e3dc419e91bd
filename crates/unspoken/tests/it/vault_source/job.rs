//! A job without a stored token, as the guide has it: its system signs what it is, the vault takes
//! that for a token, and `run` reads with it.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use unspoken_testkit::{Answer, Client, Issuer, IssuerSays, Output, canary, unspoken_binary};

use super::ground::Linked;

const AUDIENCE: &str = "https://vault.example.com";

/// A vault with two environments, and a system that signs for its jobs.
struct Ground {
    linked: Linked,
    issuer: Issuer,
}

impl Ground {
    fn new() -> Self {
        let (linked, issuer) = (Linked::with_staging(), Issuer::start());
        let url = linked.server.url();
        linked.run(&["env", "add", "production", "--source", "vault", "--vault", &url]).ok();
        linked.set("production", "URL", &canary("production"), &[]);
        linked.set("staging", "URL", &canary("staging"), &[]);
        Self { linked, issuer }
    }

    /// Takes proofs with these claims for a token that reads production. Gives the rule's id.
    fn trust(&self, name: &str, claims: &Value) -> String {
        let body = json!({
            "name": name, "issuer": self.issuer.url(), "audience": AUDIENCE, "claims": claims,
            "environments": [self.linked.id("production")], "lifetime_seconds": 900,
        });
        let path = format!("/v1/teams/{}/trusts", self.linked.server.team);
        let made = self.linked.server.owner("POST", &path, &body.to_string());
        made["id"].as_str().unwrap().to_owned()
    }

    /// What a system says of every proof, and this.
    fn claims(&self, own: &Value) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let mut claims =
            json!({ "iss": self.issuer.url(), "aud": AUDIENCE, "iat": now, "exp": now + 300 });
        for (name, value) in own.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    fn exchange(&self, proof: &str) -> Answer {
        let url = self.linked.server.url();
        let client = Client::new(url.strip_prefix("http://").unwrap().parse().unwrap());
        client.post("/v1/exchange", &json!({ "proof": proof }))
    }

    /// The same, which is not refused: the token's id, and the token.
    fn token(&self, proof: &str) -> (String, String) {
        let made = self.exchange(proof).ok();
        (made.text("/id"), made.text("/token"))
    }

    fn reads(&self, token: &str, environment: &str) -> Output {
        let words = ["run", "-e", environment, "--redact=never", "--", "printenv", "URL"];
        self.linked.call_with(token, &words).run()
    }
}

/// What GitHub says of a job on the main branch.
fn of_github() -> Value {
    json!({
        "sub": "repo:acme/web:ref:refs/heads/main", "repository": "acme/web", "repository_id": "123456789",
        "repository_owner_id": "1", "ref": "refs/heads/main", "event_name": "push", "run_attempt": "1",
    })
}

/// The lines of the guide that a job in GitHub Actions runs.
fn script_of_the_guide() -> String {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/vault-ci.md");
    let guide = fs::read_to_string(guide).unwrap();
    let script = guide.split("- run: |\n").nth(1).unwrap().split("```").next().unwrap();
    script.lines().map(|line| line.trim_start().to_owned() + "\n").collect()
}

#[test]
fn a_job_runs_what_the_guide_says_and_its_program_has_the_values() {
    let ground = Ground::new();
    ground.trust("deploy", &json!({ "repository_id": "123456789", "ref": "refs/heads/main" }));
    let (signer, claims) = (ground.issuer.clone(), ground.claims(&of_github()));
    let asks_for = "GET /request?api-version=2.0&audience=https://vault.example.com";
    ground.issuer.play(move |asked| {
        let is_the_job = asked.headers.get("authorization").is_some_and(|it| it == "bearer job");
        (asked.line == asks_for && is_the_job)
            .then(|| IssuerSays::new("200 OK", &json!({ "value": signer.sign(&claims) })))
    });
    let script = script_of_the_guide()
        .replace("-X POST https://vault.example.com/", "-X POST \"$VAULT\"/")
        .replace("UNSPOKEN_VAULT_URL=https://vault.example.com", "UNSPOKEN_VAULT_URL=\"$VAULT\"")
        .replace("unspoken run", "\"$UNSPOKEN\" run --redact=never")
        .replace("./deploy", "sh -c 'printenv URL; env | grep -c UNSPOKEN_TOKEN'");
    assert!(script.contains("$ACTIONS_ID_TOKEN_REQUEST_URL&audience=https://vault.example.com"));
    let job = |token: &str| {
        let call = ground.linked.project.program("bash", ["-c", &script]);
        let call = call.env("VAULT", ground.linked.server.url()).env("UNSPOKEN", unspoken_binary());
        let url = format!("{}/request?api-version=2.0", ground.issuer.url());
        call.env("ACTIONS_ID_TOKEN_REQUEST_URL", url)
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", token)
            .run()
    };
    let said = job("job");
    let lines: Vec<&str> = said.text().lines().collect();
    assert!(lines[0].starts_with("::add-mask::unsp_agent_"), "{}", said.stderr);
    assert!(lines[1] == canary("production") && lines[2] == "0", "{}", said.stderr);
    // Another job's credential at its system gives no proof, and so no value.
    assert!(!job("another").text().contains(&canary("production")));
}

#[test]
fn github_gitlab_and_kubernetes_sign_differently_and_each_job_reads_its_own() {
    let ground = Ground::new();
    let systems = HashMap::from([
        (
            "github",
            (json!({ "repository_id": "123456789", "ref": "refs/heads/main" }), of_github()),
        ),
        (
            "gitlab",
            (
                json!({ "project_id": "42", "ref_protected": "true" }),
                json!({ "sub": "project_path:acme/web:ref_type:branch:ref:main", "project_id": "42", "ref_protected": "true" }),
            ),
        ),
        (
            "kubernetes",
            (
                json!({ "sub": "system:serviceaccount:payments:api" }),
                json!({
                    "sub": "system:serviceaccount:payments:api", "aud": [AUDIENCE],
                    "kubernetes.io": { "namespace": "payments" },
                }),
            ),
        ),
    ]);
    for (system, (wants, says)) in &systems {
        let rule = ground.trust(system, wants);
        let claims = ground.claims(says);
        for proof in [ground.issuer.sign(&claims), ground.issuer.sign_by_curve(&claims)] {
            let (id, token) = ground.token(&proof);
            assert!(
                ground.reads(&token, "production").ok().text().trim_end() == canary("production")
            );
            // It reads, and there alone.
            assert!(ground.reads(&token, "staging").fails_with(3).stdout.is_empty());
            let staging = format!("/v1/environments/{}/secrets", ground.linked.id("staging"));
            assert_eq!(ground.linked.server.ask(&token, "GET", &staging, "").0, 403);
            let set = ["set", "URL", "-e", "production", "--yes"];
            ground.linked.call_with(&token, &set).stdin("x").run().fails_with(11);
            let rows = ground.linked.server.audit();
            let has = |action: &str, outcome: &str, actor: &str| {
                rows.iter().any(|row| {
                    row["action"] == action && row["outcome"] == outcome && row["actor"] == actor
                })
            };
            assert!(has("token.exchange", "done", &rule) && has("environment.reveal", "done", &id));
            assert!(has("environment.reveal", "refused", &id), "{system}");
        }
        // The end of the rule is the end of its tokens.
        let (_, token) = ground.token(&ground.issuer.sign(&claims));
        let path = format!("/v1/teams/{}/trusts/{rule}", ground.linked.server.team);
        ground.linked.server.owner("DELETE", &path, "");
        ground.reads(&token, "production").fails_with(11);
        ground.exchange(&ground.issuer.sign(&claims)).is(401);
    }
}

#[test]
fn an_issuer_that_changes_its_keys_is_believed_again_and_its_old_keys_are_not() {
    let ground = Ground::new();
    ground.trust("deploy", &json!({ "repository_id": "123456789" }));
    let claims = ground.claims(&of_github());
    let old = ground.issuer.sign(&claims);
    ground.token(&old);
    ground.issuer.rotate();
    let new = ground.issuer.sign(&claims);
    let begun = Instant::now();
    while ground.exchange(&new).status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(30), "the new keys are not found");
        std::thread::sleep(Duration::from_millis(500));
    }
    ground.exchange(&old).is(401);
}
