//! People who sign in with a provider: a real one, and one that does what no real one would.

mod browser;
mod chromium;
mod hostile;
mod real;
mod way;
mod ways_in;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;

use serde_json::{Value, json};
use unspoken_testkit::{Answer, Client, Database, Vault};

use browser::Browser;
pub(crate) use way::now;

/// How the tests' vault is reached, as far as browsers and providers know.
const FRONT: &str = "https://vault.example";
const REDIRECT: &str = "http://127.0.0.1:4711/callback";
const VERIFIER: &str = "a verifier that the program keeps";

/// A vault whose people can sign in with providers.
pub(crate) struct Ground {
    pub(crate) vault: Vault,
    pub(crate) owner: Client,
    pub(crate) team: String,
}

/// A login that a program began.
pub(crate) struct Begun {
    pub(crate) login: String,
    pub(crate) body: Value,
}

impl Ground {
    #[track_caller]
    fn on(database: Database, providers: &Value) -> Self {
        Self::keeping(database, providers, "")
    }

    /// The same with a client's secret in the file `secret`.
    #[track_caller]
    fn keeping(database: Database, providers: &Value, secret: &str) -> Self {
        let mut ground = Self::idle(Vault::idle(database), providers, secret);
        ground.start();
        ground.begun()
    }

    /// The same before a node has started.
    #[track_caller]
    fn idle(vault: Vault, providers: &Value, secret: &str) -> Self {
        let mut options = OpenOptions::new();
        let kept = options.write(true).create(true).mode(0o600).open(vault.folder().join("secret"));
        kept.unwrap().write_all(secret.as_bytes()).unwrap();
        let file = vault.folder().join("oidc.json");
        std::fs::write(&file, json!({ "providers": providers }).to_string()).unwrap();
        let nobody = Client::new(SocketAddr::from(([127, 0, 0, 1], 0)));
        Self { vault, owner: nobody, team: String::new() }
    }

    /// The same once one has.
    #[track_caller]
    fn begun(mut self) -> Self {
        self.owner = self.vault.owner();
        self.team = self.owner.get("/v1/session").ok().text("/team");
        self
    }

    /// Starts one more node with the same providers.
    #[track_caller]
    fn start(&mut self) -> SocketAddr {
        self.start_at(&["--url", FRONT])
    }

    #[track_caller]
    fn start_at(&mut self, words: &[&str]) -> SocketAddr {
        let file = self.vault.folder().join("oidc.json").display().to_string();
        self.vault.start_with(&[words, &["--oidc", &file]].concat())
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.vault.addresses()[0])
    }

    /// Has somebody join: their id and the invitation.
    #[track_caller]
    fn invite(&self, email: &str) -> (String, String) {
        let body = json!({ "email": email, "name": email, "role": "reader" });
        let made = self.owner.post(&format!("/v1/teams/{}/people", self.team), &body).ok();
        (made.text("/id"), made.text("/token"))
    }

    #[track_caller]
    fn change(&self, person: &str, what: &str) -> Answer {
        self.owner.post(&format!("/v1/teams/{}/people/{person}/{what}", self.team), &json!({})).ok()
    }

    /// A program begins a login; a device has no redirect.
    #[track_caller]
    fn begin(&self, redirect: Option<&str>) -> Begun {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, VERIFIER.as_bytes());
        let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let challenge = base64::Engine::encode(&engine, hash);
        let mut body = json!({ "device": "laptop", "challenge": challenge });
        if let Some(redirect) = redirect {
            body["redirect"] = redirect.into();
            body["state"] = "own".into();
        }
        let begun = self.vault.client().post("/v1/logins", &body).ok();
        Begun { login: begun.text("/login"), body: begun.json() }
    }

    fn finish(&self, begun: &Begun, code: Option<&str>) -> Answer {
        let mut body = json!({ "verifier": VERIFIER });
        if let Some(code) = code {
            body["code"] = code.into();
        }
        self.vault.client().post(&format!("/v1/logins/{}/finish", begun.login), &body)
    }

    /// Allows a login in a browser that shows the question, and tells whose session comes of it.
    #[track_caller]
    fn person_of(&self, browser: &mut Browser, begun: &Begun) -> String {
        assert!(browser.page.contains("Allow this sign-in?"), "{}", browser.page);
        browser.submit("decide", &[("answer", "allow")]);
        let code = browser.left.as_deref().map(|url| query_of(url, "code"));
        let made = self.finish(begun, code.as_deref()).ok();
        let session = self.vault.client().with_token(&made.text("/token"));
        session.get("/v1/session").ok().text("/person")
    }

    /// Whether the record has such a row.
    fn has_row(&self, action: &str, outcome: &str, actor: &str) -> bool {
        let page = self.owner.get(&format!("/v1/teams/{}/audit", self.team)).ok().json();
        let rows = page["rows"].as_array().unwrap().clone();
        rows.iter().any(|row| {
            row["action"] == action && row["outcome"] == outcome && row["actor"] == actor
        })
    }
}

/// A part of what stands behind the question mark of an address.
#[track_caller]
pub(crate) fn query_of(url: &str, name: &str) -> String {
    let query = url.split_once('?').unwrap_or_else(|| panic!("{url}")).1;
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap();
    let found = pairs.into_iter().find(|(key, _)| key == name);
    found.unwrap_or_else(|| panic!("no `{name}` in {url}")).1
}
