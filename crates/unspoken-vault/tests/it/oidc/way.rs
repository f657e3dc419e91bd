//! One way to an imitated provider, step by step: what a browser is sent with, and what it is sent
//! back with.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use unspoken_testkit::{Database, Issuer, IssuerSays};

use super::browser::Browser;
use super::{Begun, FRONT, Ground, REDIRECT, query_of};

/// A vault, and a provider that signs what it is told to.
pub(crate) struct Hostile {
    pub(crate) ground: Ground,
    pub(crate) issuer: Issuer,
    /// What it answers who shows a code.
    says: Arc<Mutex<Option<IssuerSays>>>,
    pub(crate) ada: String,
    invitation: String,
}

/// A browser that was sent away.
pub(crate) struct Away {
    pub(crate) begun: Begun,
    pub(crate) browser: Browser,
    /// Where it was sent.
    pub(crate) url: String,
    pub(crate) state: String,
    pub(crate) nonce: String,
}

/// The vault's name at the imitation.
pub(crate) const CLIENT: &str = "the-vault";

/// Who Ada is there.
pub(crate) const SUBJECT: &str = "subject-of-ada";

impl Hostile {
    /// Ada has come in by it once.
    #[track_caller]
    pub(crate) fn on(database: Database) -> Self {
        Self::with(database, &Issuer::start(), true)
    }

    #[track_caller]
    pub(crate) fn with(database: Database, issuer: &Issuer, comes_in: bool) -> Self {
        let (issuer, says) = (issuer.clone(), Arc::new(Mutex::new(None::<IssuerSays>)));
        let other = json!({
            "id": "other", "name": "Other", "issuer": "https://other.invalid", "client_id": CLIENT,
        });
        let providers = json!([
            { "id": "corp", "name": "Corp", "issuer": issuer.url(), "client_id": CLIENT },
            other,
        ]);
        let ground = Ground::on(database, &providers);
        let answers = Arc::clone(&says);
        issuer.play(move |asked| match asked.line.as_str() {
            "POST /token" => answers.lock().unwrap().clone(),
            _ => None,
        });
        let (ada, invitation) = ground.invite("ada@x");
        let hostile = Self { ground, issuer, says, ada, invitation };
        if comes_in {
            hostile.come_in();
        }
        hostile
    }

    #[track_caller]
    fn come_in(&self) {
        let mut away = self.leave_with(&self.invitation);
        self.vouch(&self.claims(&away));
        assert_eq!(self.back(&mut away), 200, "{}", away.browser.page);
    }

    /// A new browser, sent away with an invitation.
    #[track_caller]
    pub(crate) fn leave_with(&self, invitation: &str) -> Away {
        let begun = self.ground.begin(Some(REDIRECT));
        let mut browser = self.browser();
        browser.open(&format!("{FRONT}/login/{}/invitation", begun.login));
        let fields = [("invitation", invitation), ("password", ""), ("again", "")];
        browser.submit("invitation/provider/corp", &fields);
        Away::of(begun, browser)
    }

    fn browser(&self) -> Browser {
        let mut browser = self.ground.browser();
        browser.stops_at.push(format!("{}/authorize", self.issuer.url()));
        browser
    }

    /// A new browser, sent away for a login.
    #[track_caller]
    pub(crate) fn leave(&self) -> Away {
        self.leave_for(self.ground.begin(Some(REDIRECT)))
    }

    #[track_caller]
    pub(crate) fn leave_for(&self, begun: Begun) -> Away {
        let mut away = self.before(begun);
        away.browser.submit("provider/corp", &[]);
        away.left()
    }

    /// A new browser, on the page that asks who it is.
    #[track_caller]
    pub(crate) fn begin(&self) -> Away {
        self.before(self.ground.begin(Some(REDIRECT)))
    }

    #[track_caller]
    fn before(&self, begun: Begun) -> Away {
        let mut browser = self.browser();
        browser.open(&format!("{FRONT}/login/{}", begun.login));
        let (url, state, nonce) = (String::new(), String::new(), String::new());
        Away { begun, browser, url, state, nonce }
    }

    /// Who came back, sent away once more from the page of their ways to sign in.
    #[track_caller]
    pub(crate) fn leave_again(&self, mut away: Away) -> Away {
        away.browser.open(&away.page("ways"));
        away.browser.submit("provider/corp", &[]);
        away.left()
    }

    /// A browser in which this account came in, without being asked anything.
    #[track_caller]
    pub(crate) fn come_back_as(&self, subject: &str) -> Away {
        let mut away = self.leave();
        let mut claims = self.claims(&away);
        claims["sub"] = json!(subject);
        self.vouch(&claims);
        assert_eq!(self.back(&mut away), 200, "{}", away.browser.page);
        away
    }

    /// The same after it was asked anew, on the page of its ways to sign in.
    #[track_caller]
    pub(crate) fn prove_as(&self, subject: &str) -> Away {
        let mut away = self.leave_again(self.come_back_as(subject));
        let mut claims = self.claims(&away);
        (claims["sub"], claims["auth_time"]) = (json!(subject), json!(now()));
        self.vouch(&claims);
        assert_eq!(self.back(&mut away), 200, "{}", away.browser.page);
        away
    }

    /// What a provider says about Ada.
    pub(crate) fn claims(&self, away: &Away) -> Value {
        let now = now();
        json!({
            "iss": self.issuer.url(), "aud": CLIENT, "sub": SUBJECT, "nonce": away.nonce,
            "iat": now, "exp": now + 300,
        })
    }

    /// Has it answer a code with these claims, well signed.
    pub(crate) fn vouch(&self, claims: &Value) {
        self.answer_with(&self.issuer.sign(claims));
    }

    pub(crate) fn answer_with(&self, token: &str) {
        let body = json!({ "access_token": "a", "token_type": "Bearer", "id_token": token });
        self.say(IssuerSays::new("200 OK", &body));
    }

    pub(crate) fn say(&self, says: IssuerSays) {
        *self.says.lock().unwrap() = Some(says);
    }

    /// Sends a browser back with a code.
    pub(crate) fn back(&self, away: &mut Away) -> u16 {
        let url = format!("{FRONT}/oidc/corp/callback?code=good&state={}", away.state);
        away.browser.open_from("idp", &url)
    }

    /// How often codes were shown to it.
    pub(crate) fn shown(&self) -> usize {
        self.issuer.asked().iter().filter(|asked| asked.line == "POST /token").count()
    }
}

impl Away {
    #[track_caller]
    fn of(begun: Begun, browser: Browser) -> Self {
        let url = browser.left.clone().unwrap_or_else(|| panic!("{}", browser.page));
        let (state, nonce) = (query_of(&url, "state"), query_of(&url, "nonce"));
        Self { begun, browser, url, state, nonce }
    }

    /// The same, once it was sent to the provider.
    #[track_caller]
    pub(crate) fn left(self) -> Self {
        Self::of(self.begun, self.browser)
    }

    /// The address of a page of its login.
    pub(crate) fn page(&self, path: &str) -> String {
        format!("{FRONT}/login/{}/{path}", self.begun.login)
    }

    /// Whether the browser is asked to decide.
    pub(crate) fn is_in(&self) -> bool {
        self.browser.page.contains("Allow this sign-in?")
    }
}

pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_secs()).unwrap()
}
