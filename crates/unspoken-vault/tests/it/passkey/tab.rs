//! A tab of a browser that has no screen and runs no script: it keeps a cookie and sends forms.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use unspoken_testkit::{Client, Vault};

pub(super) const PASSWORD: &str = "many small green apples";

/// See the top.
pub(super) struct Tab {
    client: Client,
    cookie: Option<String>,
    pub(super) login: String,
    pub(super) page: String,
    pub(super) status: u16,
}

/// A person who has a password.
pub(super) fn person(vault: &Vault, email: &str) -> String {
    let owner = vault.owner();
    let team = owner.get("/v1/session").ok().text("/team");
    let body = json!({ "email": email, "name": email, "role": "developer" });
    let made = owner.post(&format!("/v1/teams/{team}/people"), &body).ok();
    let invited = vault.client().with_token(&made.text("/token"));
    let token = invited.post("/v1/session", &json!({ "device": "test" })).ok().text("/token");
    let session = vault.client().with_token(&token);
    session.put("/v1/session/password", &json!({ "password": PASSWORD })).ok();
    made.text("/id")
}

/// Rows of the record with this action, as `outcome names subject`.
pub(super) fn rows(vault: &Vault, action: &str) -> Vec<String> {
    let owner = vault.owner();
    let team = owner.get("/v1/session").ok().text("/team");
    let found = owner.get(&format!("/v1/teams/{team}/audit?action={action}&limit=500")).ok().json();
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let rows = found["rows"].as_array().unwrap().iter();
    rows.map(|row| {
        format!("{} {} {}", text(row, "outcome"), text(row, "names"), text(row, "subject"))
    })
    .collect()
}

impl Tab {
    /// Begins a login, and opens its page.
    pub(super) fn new(vault: &Vault) -> Self {
        let client = vault.client();
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"a verifier");
        let body = json!({
            "device": "ada's laptop",
            "challenge": URL_SAFE_NO_PAD.encode(hash),
            "redirect": "http://127.0.0.1:4711/callback",
            "state": "state",
        });
        let begun = client.post("/v1/logins", &body).ok();
        let login = begun.text("/login");
        let page = String::new();
        let mut tab = Self { client, cookie: None, login, page, status: 0 };
        tab.open("");
        tab
    }

    /// Opens a page of the login.
    pub(super) fn open(&mut self, path: &str) {
        self.send("GET", &format!("/login/{}{path}", self.login), "");
    }

    /// Sends a form, and follows where that leads.
    pub(super) fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> u16 {
        let seal = self.value("name=\"seal\" value=\"");
        self.post(path, &[fields, &[("seal", seal.as_str())]].concat())
    }

    /// Sends these fields alone.
    pub(super) fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> u16 {
        let body = serde_urlencoded::to_string(fields).unwrap();
        self.send("POST", &format!("/login/{}{path}", self.login), &body);
        self.status
    }

    /// Signs in by a password, and perhaps more.
    pub(super) fn sign_in(&mut self, email: &str, more: &[(&str, &str)]) -> u16 {
        self.submit("/sign-in", &[&[("email", email), ("password", PASSWORD)], more].concat())
    }

    /// What stands in the page behind this, up to the next quote.
    pub(super) fn value(&self, before: &str) -> String {
        let found = self.page.split(before).nth(1).and_then(|rest| rest.split('"').next());
        found.unwrap_or_else(|| panic!("no {before} in {}", self.page)).to_owned()
    }

    /// What the page asks authenticators to sign: a new one, alone, and beside a password.
    pub(super) fn challenge(&self, purpose: &str) -> String {
        let before = match purpose {
            "create" => "data-ask=\"create\" data-challenge=\"",
            "alone" => "data-verify=\"required\" data-challenge=\"",
            _ => "data-verify=\"preferred\" data-challenge=\"",
        };
        self.value(before)
    }

    /// Whether somebody has signed in.
    pub(super) fn is_in(&self) -> bool {
        self.page.contains("Allow this sign-in?")
    }

    /// The same browser.
    pub(super) fn cookie(&self) -> Option<String> {
        self.cookie.clone()
    }

    pub(super) fn set_cookie(&mut self, cookie: Option<String>) {
        self.cookie = cookie;
    }

    fn send(&mut self, method: &str, path: &str, body: &str) {
        let mut headers = vec![("Content-Type", "application/x-www-form-urlencoded")];
        let cookie = self.cookie.clone().unwrap_or_default();
        if !cookie.is_empty() {
            headers.push(("Cookie", &cookie));
        }
        let answer = self.client.send(method, path, &headers, body.as_bytes());
        if let Some(set) = answer.header("set-cookie") {
            let pair = set.split(';').next().unwrap().to_owned();
            self.cookie = Some(pair).filter(|pair| !pair.ends_with('='));
        }
        self.status = answer.status;
        match answer.header("location") {
            Some(next) if next.starts_with('/') => {
                let next = next.to_owned();
                self.send("GET", &next, "");
            }
            _ => self.page = String::from_utf8(answer.body).unwrap(),
        }
    }
}
