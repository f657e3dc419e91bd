//! With a certified provider, as a program of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use unspoken_testkit::{canary, peers};

use super::browser::Browser;
use super::{Begun, FRONT, Ground, REDIRECT, now};

/// A provider that ends with the test.
pub(super) struct Provider {
    child: Child,
    /// What it ends without.
    _holds: (ChildStdin, BufReader<ChildStdout>),
    url: String,
}

impl Provider {
    fn start(method: &str) -> Self {
        Self::for_vault(FRONT, method)
    }

    /// One that knows a vault by this address.
    pub(super) fn for_vault(front: &str, method: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/oidc/provider.mjs");
        let mut child = Command::new("node")
            .arg(script)
            .arg(peers().oidc_provider())
            .args([&format!("{front}/oidc/corp/callback"), method])
            .env("CLIENT_SECRET", canary("client-secret"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node is there");
        let mut url = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut url).unwrap();
        assert!(url.starts_with("http://"), "the provider does not begin: is it installed?");
        let holds = (child.stdin.take().unwrap(), said);
        Self { child, _holds: holds, url: url.trim().to_owned() }
    }

    pub(super) fn as_configured(&self, domains: &[&str]) -> Value {
        json!([{
            "id": "corp", "name": "Acme & Sons", "issuer": self.url, "client_id": "the:vault",
            "client_secret_file": "secret", "trust_email_of": domains,
        }])
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says who it is at the provider, and agrees to be known to the vault.
fn be(browser: &mut Browser, name: &str) {
    assert!(browser.url.contains("/interaction/"), "{} {}", browser.url, browser.page);
    let action = browser.url.rsplit('/').next().unwrap().to_owned();
    browser.submit(&action, &[("login", name), ("password", "whatever")]);
    // Who was signed in there before is signed out by a page that sends itself.
    if browser.page.contains("/session/end/confirm") {
        browser.submit("/session/end/confirm", &[]);
    }
    if browser.url.contains("/interaction/") {
        let action = browser.url.rsplit('/').next().unwrap().to_owned();
        browser.submit(&action, &[]);
    }
}

/// Begins a login in a browser of its own, and comes back to it from the provider as somebody.
fn sign_in_as(ground: &Ground, name: &str) -> (Begun, Browser) {
    let begun = ground.begin(Some(REDIRECT));
    let mut browser = ground.browser();
    browser.open(&format!("{FRONT}/login/{}", begun.login));
    browser.submit("provider/corp", &[]);
    be(&mut browser, name);
    (begun, browser)
}

fn grounds(method: &str, domains: &[&str], story: impl Fn(&Ground, &Provider)) {
    let provider = Provider::start(method);
    for database in unspoken_testkit::Database::ALL {
        let ground =
            Ground::keeping(database, &provider.as_configured(domains), &canary("client-secret"));
        story(&ground, &provider);
        let said = ground.vault.logs();
        assert!(!said.contains(&canary("client-secret")), "the secret is in a log");
    }
}

#[test]
fn who_was_invited_comes_in_by_an_account_and_later_by_it_alone() {
    grounds("client_secret_basic", &[], |ground, provider| {
        let (ada, invitation) = ground.invite("ada@x");
        let begun = ground.begin(Some(REDIRECT));
        let mut browser = ground.browser();
        browser.open(&format!("{FRONT}/login/{}/invitation", begun.login));
        assert!(
            browser.page.contains("Use Acme &#38; Sons instead of a password"),
            "{}",
            browser.page
        );
        // Not by an invitation that is none.
        let wrong = [("invitation", "unsp_admin_x"), ("password", ""), ("again", "")];
        assert_eq!(browser.submit("invitation/provider/corp", &wrong), 401);
        let fields = [("invitation", invitation.as_str()), ("password", ""), ("again", "")];
        browser.submit("invitation/provider/corp", &fields);
        // Until they are back it is not spent, and they have not come in.
        assert!(browser.url.starts_with(&provider.url));
        be(&mut browser, "ada");
        assert_eq!(ground.person_of(&mut browser, &begun), ada);
        ground
            .vault
            .client()
            .with_token(&invitation)
            .post("/v1/session", &json!({"device": "x"}))
            .is(401);
        for action in ["person.identity", "login.sign_in", "login.decide", "session.make"] {
            assert!(ground.has_row(action, "done", &ada), "{action}");
        }
        // The same browser is known there: nothing is asked but the vault's own question.
        let begun = ground.begin(Some(REDIRECT));
        browser.open(&format!("{FRONT}/login/{}", begun.login));
        browser.submit("provider/corp", &[]);
        assert_eq!(ground.person_of(&mut browser, &begun), ada);
        // And a device waits for the same.
        let begun = ground.begin(None);
        browser.open(&format!("{FRONT}/device"));
        browser.submit("/device", &[("code", begun.body["user_code"].as_str().unwrap())]);
        browser.submit("provider/corp", &[]);
        assert_eq!(ground.person_of(&mut browser, &begun), ada);
        // Somebody else's account there is nobody's here; a person who is shut out reads the same.
        let read = |name: &str| {
            let (_, browser) = sign_in_as(ground, name);
            assert_eq!(browser.status, 401, "{}", browser.page);
            let problem = browser.page.split("role=\"alert\">").nth(1).unwrap();
            problem.split("</p>").next().unwrap().to_owned()
        };
        let stranger = read("eve");
        assert!(stranger.contains("does not open this vault"), "{stranger}");
        ground.change(&ada, "suspend");
        assert_eq!(read("ada"), stranger);
        assert!(ground.has_row("login.sign_in", "refused", ""));
        ground.change(&ada, "resume");
        // Who begins anew is known by nothing that was before.
        ground.change(&ada, "invitation");
        assert_eq!(read("ada"), stranger);
    });
}

#[test]
fn who_came_in_silently_changes_nothing_before_the_provider_asked_them_anew() {
    grounds("client_secret_basic", &[], |ground, provider| {
        let (ada, invitation) = ground.invite("ada@x");
        let begun = ground.begin(Some(REDIRECT));
        let mut browser = ground.browser();
        browser.open(&format!("{FRONT}/login/{}/invitation", begun.login));
        let fields = [("invitation", invitation.as_str()), ("password", ""), ("again", "")];
        browser.submit("invitation/provider/corp", &fields);
        be(&mut browser, "ada");
        assert_eq!(ground.person_of(&mut browser, &begun), ada);
        // The provider counts in seconds: one who signed in in this one need not do so again.
        let since = now();
        while now() == since {
            std::thread::sleep(Duration::from_millis(20));
        }
        // Somebody finds the browser open, and is let in without being asked.
        let begun = ground.begin(Some(REDIRECT));
        let ways = format!("{FRONT}/login/{}/ways", begun.login);
        let come_in = |browser: &mut Browser| {
            browser.open(&format!("{FRONT}/login/{}", begun.login));
            browser.submit("provider/corp", &[]);
            assert!(browser.page.contains("Allow this sign-in?"), "{}", browser.page);
            browser.open(&ways);
        };
        come_in(&mut browser);
        assert!(browser.page.contains("Used last") && !browser.page.contains(">Remove<"));
        let own = [("issuer", provider.url.as_str()), ("subject", "ada")];
        let remove = format!("{FRONT}/login/{}/accounts/remove", begun.login);
        assert_eq!(browser.forge(&remove, &own), 403);
        // They strike out that they are to be asked; then nothing is said of when anybody was.
        browser.open(&ways);
        let sent_to = format!("{}/auth", provider.url);
        browser.stops_at.push(sent_to);
        browser.submit("provider/corp", &[]);
        browser.stops_at.pop();
        let url = browser.left.clone().unwrap();
        assert!(url.contains("&max_age=0"), "{url}");
        assert_eq!(browser.open_from("vault.example", &url.replace("&max_age=0", "")), 401);
        let said = "Acme &#38; Sons did not say that you have just signed in there";
        assert!(browser.page.contains(said), "{}", browser.page);
        assert_eq!(browser.open(&ways), 403, "nobody is signed in behind it");
        // Somebody else's account there does not help.
        come_in(&mut browser);
        browser.submit("provider/corp", &[]);
        be(&mut browser, "eve");
        assert_eq!(browser.status, 401);
        assert_eq!(browser.open(&ways), 403);
        assert!(ground.has_row("login.sign_in", "refused", ""));
        // Ada is asked, and shows that it is her. The one way in that she has stays all the same.
        let (next, mut browser) = sign_in_as(ground, "ada");
        let ways = format!("{FRONT}/login/{}/ways", next.login);
        browser.open(&ways);
        assert!(!browser.page.contains(">Remove<"), "nobody told the provider to ask");
        let since = now();
        while now() == since {
            std::thread::sleep(Duration::from_millis(20));
        }
        browser.submit("provider/corp", &[]);
        be(&mut browser, "ada");
        assert_eq!((browser.status, browser.url.as_str()), (200, ways.as_str()));
        assert_eq!(browser.submit("accounts/remove", &[]), 409);
        assert!(browser.page.contains("Without this you could not sign in any more."));
        browser.open(&format!("{FRONT}/login/{}", next.login));
        assert_eq!(ground.person_of(&mut browser, &next), ada);
    });
}

#[test]
fn an_address_opens_for_who_was_invited_and_never_for_who_has_come_in() {
    grounds("client_secret_post", &["acme.example"], |ground, _| {
        let sign_in = |name: &str| sign_in_as(ground, name);
        let (ada, invitation) = ground.invite("ada@acme.example");
        let (begun, mut browser) = sign_in("ada");
        assert_eq!(ground.person_of(&mut browser, &begun), ada);
        // Whoever still holds the invitation does not come in by it as well.
        ground
            .vault
            .client()
            .with_token(&invitation)
            .post("/v1/session", &json!({"device": "x"}))
            .is(401);
        // The provider has not seen that this address is theirs.
        ground.invite("loose@acme.example");
        assert_eq!(sign_in("loose").1.status, 401);
        // Somebody has come in as this person by other means: whose address it is does not help.
        let (_, invitation) = ground.invite("bob@acme.example");
        let session = ground.vault.client().with_token(&invitation);
        session.post("/v1/session", &json!({"device": "x"})).ok();
        assert_eq!(sign_in("bob").1.status, 401);
        // Nobody was invited by this one.
        assert_eq!(sign_in("eve").1.status, 401);
        // Whoever is let begin anew is not opened by their address, which somebody may have by now.
        ground.change(&ada, "invitation");
        assert_eq!(sign_in("ada").1.status, 401);
        // The next account with an address that has been used already is not the one before.
        ground.change(&ada, "suspend");
        assert_eq!(sign_in("ada").1.status, 401);
    });
}

#[test]
fn who_has_signed_in_otherwise_can_link_an_account_and_lose_it_by_beginning_anew() {
    const PASSWORD: &str = "many small green apples";
    grounds("client_secret_basic", &[], |ground, _| {
        let (ada, invitation) = ground.invite("ada@x");
        let session = ground.vault.client().with_token(&invitation);
        let session = session.post("/v1/session", &json!({"device": "x"})).ok().text("/token");
        let session = ground.vault.client().with_token(&session);
        session.put("/v1/session/password", &json!({ "password": PASSWORD })).ok();
        let begun = ground.begin(Some(REDIRECT));
        let mut browser = ground.browser();
        browser.open(&format!("{FRONT}/login/{}", begun.login));
        // Somebody else is signed in there, in this browser: nobody is linked to them by it.
        browser.submit("provider/corp", &[]);
        be(&mut browser, "eve");
        assert_eq!(browser.status, 401);
        browser.submit("sign-in", &[("email", "ada@x"), ("password", PASSWORD), ("code", "")]);
        browser.open(&format!("{FRONT}/login/{}/ways", begun.login));
        assert!(browser.page.contains("Sign in with Acme &#38; Sons from now on"));
        browser.submit("provider/corp", &[]);
        assert!(browser.trace.last().unwrap().contains("/interaction/"));
        assert!(browser.trace.iter().any(|line| line.contains("&max_age=0")));
        be(&mut browser, "adas-account");
        assert!(browser.page.contains("<strong>Acme &#38; Sons</strong>"), "{}", browser.page);
        assert!(!browser.page.contains("from now on"), "it is linked");
        browser.open(&format!("{FRONT}/login/{}", begun.login));
        assert_eq!(ground.person_of(&mut browser, &begun), ada);
        let again = |name: &str| sign_in_as(ground, name);
        let (begun, mut browser) = again("adas-account");
        assert_eq!(ground.person_of(&mut browser, &begun), ada);
        // The account cannot become another person's as well.
        let (_, other) = ground.invite("bob@x");
        let begun = ground.begin(Some(REDIRECT));
        let mut browser = ground.browser();
        browser.open(&format!("{FRONT}/login/{}/invitation", begun.login));
        let fields = [("invitation", other.as_str()), ("password", ""), ("again", "")];
        browser.submit("invitation/provider/corp", &fields);
        be(&mut browser, "adas-account");
        assert_eq!(browser.status, 401);
        // And Bob's invitation was not spent by it.
        ground.vault.client().with_token(&other).post("/v1/session", &json!({"device": "x"})).ok();
        ground.change(&ada, "invitation");
        assert_eq!(again("adas-account").1.status, 401);
    });
}
