//! A way to a provider and back: what a browser is sent there with, and what is made of what it
//! brings.
//!
//! Rules:
//! - What ties the way back to a browser and to this one way is derived from what that browser holds
//!   and from the way's own number: verifier (PKCE, S256) and nonce stand in no store.
//! - Of what a provider answers, its signed statement alone is believed. Other tokens are dropped.

use std::fmt;
use std::io::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use unspoken_model::shown;
use unspoken_wire::vault::PlainText;
use zeroize::Zeroizing;

use super::issuers::{PATIENCE, read_bounded};
use super::{Endpoints, Issuers, Judgement, Proof, Provider, Statement};
use crate::hazmat;
use crate::outward;
use crate::sign_in::Email;

/// What a browser is sent with, and known by when it is back.
#[derive(Clone)]
pub(crate) struct Errand {
    pub(crate) provider: Arc<Provider>,
    pub(crate) state: Zeroizing<String>,
    pub(crate) verifier: Zeroizing<String>,
    pub(crate) nonce: Zeroizing<String>,
    /// Where the provider sends it back to.
    pub(crate) redirect: String,
    /// Since when, in seconds, the person is to have shown who they are. `None` where whoever is
    /// signed in there will do.
    pub(crate) since: Option<i64>,
}

/// Whom a provider has vouched for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Account {
    pub(crate) subject: String,
    /// The address, where the provider has seen that it is theirs.
    pub(crate) email: Option<Email>,
    pub(crate) signed_in: SignedIn,
}

/// When somebody showed the provider who they are, by what it has signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SignedIn {
    /// After the browser was sent there for that.
    Anew,
    /// At another time: whatever stood in the address, nobody was asked.
    Otherwise,
    /// It does not say, or was not asked.
    Unsaid,
}

/// What came of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Vouched {
    For(Account),
    /// The provider does not vouch for this, or what it says does not hold.
    Refused,
    /// It could not be asked.
    Unreachable,
}

/// What stands in an answer beside what is passed over.
#[derive(Deserialize)]
struct Answered {
    id_token: PlainText,
}

#[derive(Deserialize)]
struct Complaint {
    error: String,
}

/// How many seconds clocks may differ.
const LEEWAY: i64 = 30;

/// How long a subject is at most, as the standard has it.
const SUBJECT: usize = 255;

impl Errand {
    /// Where the browser is sent.
    pub(crate) fn address(&self, endpoints: &Endpoints) -> Option<String> {
        let challenge = URL_SAFE_NO_PAD.encode(hazmat::sha256(&[self.verifier.as_bytes()]));
        let mut query = vec![
            ("response_type", "code"),
            ("client_id", &self.provider.client),
            ("redirect_uri", &self.redirect),
            ("scope", "openid email"),
            ("state", &self.state),
            ("nonce", &self.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        if self.since.is_some() {
            // `prompt=login` asks for the same, and not everybody takes it.
            query.push(("max_age", "0"));
        }
        let query = serde_urlencoded::to_string(query).ok()?;
        let join = if endpoints.authorization.contains('?') { '&' } else { '?' };
        Some(format!("{}{join}{query}", endpoints.authorization))
    }

    /// Shows the provider a code that came back, and judges what it says.
    pub(crate) async fn finish(self, code: Zeroizing<String>, issuers: &Arc<Issuers>) -> Vouched {
        let issuer = self.provider.issuer.clone();
        let known = match issuers.find(&issuer) {
            Some(known) => Some(known),
            None => issuers.fetch(&issuer).await,
        };
        let Some(mut published) = known else { return Vouched::Unreachable };
        let Some(endpoints) = published.endpoints.clone() else { return Vouched::Unreachable };
        let errand = self.clone();
        let shown = issuers.places.run(move || errand.show(&endpoints, &code)).await;
        let text = match shown {
            Ok(Ok(text)) => text,
            Ok(Err(outcome)) => return outcome,
            Err(_) => return Vouched::Unreachable,
        };
        let Some(proof) = Proof::read(text.expose()).filter(|proof| proof.issuer == issuer) else {
            return Vouched::Refused;
        };
        let mut judgement = proof.judge(&published.keys, &self.provider.client);
        if judgement == Judgement::OtherKey && issuers.is_stale(&issuer) {
            let Some(newer) = issuers.fetch(&issuer).await else { return Vouched::Unreachable };
            published = newer;
            judgement = proof.judge(&published.keys, &self.provider.client);
        }
        match judgement {
            Judgement::Holds(said) => self.account(&said).map_or(Vouched::Refused, Vouched::For),
            Judgement::OtherKey | Judgement::Refused => Vouched::Refused,
        }
    }

    /// Asks for the signed statement that a code stands for.
    fn show(&self, endpoints: &Endpoints, code: &str) -> Result<PlainText, Vouched> {
        let secret = self.provider.secret.as_ref();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect),
            ("code_verifier", &self.verifier),
        ];
        let basic = secret.filter(|_| endpoints.takes_basic);
        if basic.is_none() {
            form.push(("client_id", &self.provider.client));
            form.extend(secret.map(|secret| ("client_secret", secret.as_str())));
        }
        let body = serde_urlencoded::to_string(form).map_err(|_| Vouched::Unreachable)?;
        let body = Zeroizing::new(body);
        let mut request = outward::agent(PATIENCE)
            .post(&endpoints.token)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json");
        if let Some(secret) = basic {
            request =
                request.header("authorization", &*basic_header(&self.provider.client, secret));
        }
        let answer = request.send(body.as_bytes()).map_err(|_| Vouched::Unreachable);
        let mut answer = answer.inspect_err(|_| self.tell("does not answer"))?;
        let status = answer.status().as_u16();
        let bytes = read_bounded(&mut answer).ok_or(Vouched::Unreachable)?;
        if status != 200 {
            let complaint = serde_json::from_slice::<Complaint>(&bytes);
            let word: String =
                complaint.map(|it| it.error).unwrap_or_default().chars().take(40).collect();
            self.tell(&format!("does not take a code (status {status}) {}", shown(&word)));
            return Err(if status >= 500 { Vouched::Unreachable } else { Vouched::Refused });
        }
        let answered: Answered = serde_json::from_slice(&bytes).map_err(|_| Vouched::Refused)?;
        Ok(answered.id_token)
    }

    /// Whom a statement is about, if it is the answer to this errand.
    fn account(&self, said: &Statement) -> Option<Account> {
        let nonce = said.text("nonce")?;
        if !hazmat::is_same(nonce.as_bytes(), self.nonce.as_bytes())
            || !said.is_only_for(&self.provider.client)
        {
            return None;
        }
        let subject = said.text("sub")?;
        let is_subject =
            (1..=SUBJECT).contains(&subject.len()) && !subject.chars().any(char::is_control);
        if !is_subject {
            return None;
        }
        // What is no number is no time that would do.
        let read = || said.text("auth_time").and_then(|text| text.parse().ok());
        let at = said.says("auth_time").then(|| read().unwrap_or(i64::MIN));
        let signed_in = SignedIn::of(at, self.since, jiff::Timestamp::now().as_second());
        let email = said.text("email").and_then(|text| Email::parse(&text).ok());
        let email = email.filter(|_| said.is_true("email_verified"));
        Some(Account { subject, email, signed_in })
    }

    /// Tells whoever runs the vault what may be theirs to mend.
    fn tell(&self, what: &str) {
        // Where nobody reads this, it goes on all the same.
        let _ = writeln!(std::io::stderr(), "provider `{}` {what}", self.provider.id);
    }
}

impl SignedIn {
    /// Judges a time. The address that asked for another one lay in the hands of whoever sits there,
    /// so the signed time alone counts.
    fn of(at: Option<i64>, since: Option<i64>, now: i64) -> Self {
        let (Some(at), Some(since)) = (at, since) else { return Self::Unsaid };
        let is_anew = (since - LEEWAY..=now + LEEWAY).contains(&at);
        if is_anew { Self::Anew } else { Self::Otherwise }
    }
}

/// A client's id and secret as a header. Both are spelt as forms are, before.
fn basic_header(client: &str, secret: &str) -> Zeroizing<String> {
    let form = |text: &str| serde_urlencoded::to_string([("", text)]).unwrap_or_default();
    let (client, secret) = (form(client), Zeroizing::new(form(secret)));
    let part = |text: &str| text.trim_start_matches('=').to_owned();
    let pair = Zeroizing::new(format!("{}:{}", part(&client), *Zeroizing::new(part(&secret))));
    Zeroizing::new(format!("Basic {}", *Zeroizing::new(STANDARD.encode(&*pair))))
}

impl fmt::Debug for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Errand").field("provider", &self.provider.id).finish_non_exhaustive()
    }
}

#[test]
fn a_sign_in_is_new_after_the_browser_left_and_not_before() {
    let (since, now) = (1000, 1100);
    for (at, expected) in [
        (Some(1000), SignedIn::Anew),
        (Some(1100), SignedIn::Anew),
        (Some(970), SignedIn::Anew),
        (Some(1130), SignedIn::Anew),
        (Some(969), SignedIn::Otherwise),
        (Some(1131), SignedIn::Otherwise),
        (Some(0), SignedIn::Otherwise),
        (Some(i64::MIN), SignedIn::Otherwise),
        (Some(i64::MAX), SignedIn::Otherwise),
        (None, SignedIn::Unsaid),
    ] {
        assert_eq!(SignedIn::of(at, Some(since), now), expected, "{at:?}");
        assert_eq!(SignedIn::of(at, None, now), SignedIn::Unsaid);
    }
}

#[test]
fn a_client_is_spelt_as_a_form_before_it_is_a_header() {
    let header = basic_header("a:b c", "=s%");
    let text = header.strip_prefix("Basic ").map(|text| STANDARD.decode(text).unwrap());
    assert_eq!(text.as_deref(), Some(b"a%3Ab+c:%3Ds%25".as_slice()));
}
