//! A browser: a random number that it keeps for as long as one login takes.
//!
//! Rules:
//! - There are no sessions of browsers. Who signed in did so for one login, in one browser.
//! - A form carries what only a page for the same browser and the same login could tell it.
//! - The number changes when somebody signs in, so that nobody can choose it for them.

use std::fmt;

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::hazmat;
use crate::sign_in::RelyingParty;

/// See the top. Wiped on drop.
#[derive(Clone)]
pub(crate) struct Browser(Zeroizing<[u8; 32]>);

/// How people reach the vault.
#[derive(Clone, Debug)]
pub(crate) struct Front {
    /// Without a slash at its end.
    url: String,
    /// For whom passkeys are, where browsers keep some for this address.
    party: Option<RelyingParty>,
}

impl Front {
    /// Takes `http://` or `https://`, a host and perhaps a port, and nothing else.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let url = url.strip_suffix('/').unwrap_or(url);
        let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        let party = RelyingParty::of(url);
        (!host.is_empty() && host.bytes().all(fits)).then(|| Self { url: url.to_owned(), party })
    }

    pub(crate) fn page(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(crate) fn party(&self) -> Option<&RelyingParty> {
        self.party.as_ref()
    }

    fn is_secure(&self) -> bool {
        self.url.starts_with("https://")
    }

    /// A name that no other host and no page without TLS can set, where there is TLS.
    fn cookie(&self) -> &'static str {
        if self.is_secure() { "__Host-unspoken" } else { "unspoken" }
    }

    /// The browser that asks, if it is known. Of two numbers, none is believed.
    pub(crate) fn browser(&self, headers: &HeaderMap) -> Option<Browser> {
        let texts = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.split_once('='));
        let mut found = pairs.filter(|(name, _)| name.trim() == self.cookie());
        let (_, number) = found.next()?;
        if found.next().is_some() {
            return None;
        }
        let number = Zeroizing::new(URL_SAFE_NO_PAD.decode(number.trim()).ok()?);
        number.as_slice().try_into().ok().map(|number| Browser(Zeroizing::new(number)))
    }

    /// What tells a browser its number, or to forget it.
    pub(crate) fn set_cookie(&self, browser: Option<&Browser>) -> Zeroizing<String> {
        let name = self.cookie();
        let secure = if self.is_secure() { "; Secure" } else { "" };
        let (number, age) = match browser {
            Some(browser) => (Zeroizing::new(URL_SAFE_NO_PAD.encode(*browser.0)), 900),
            None => (Zeroizing::default(), 0),
        };
        Zeroizing::new(format!(
            "{name}={}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}",
            *number
        ))
    }
}

impl Browser {
    pub(crate) fn random() -> Self {
        Self(Zeroizing::new(hazmat::random()))
    }

    /// What is kept of it beside a login.
    pub(crate) fn hash(&self) -> [u8; 32] {
        hazmat::sha256(&[b"unspoken/browser/v1/held", &*self.0])
    }

    /// What the forms of one login carry.
    pub(crate) fn seal_of_form(&self, about: &str) -> String {
        let hash = hazmat::sha256(&[b"unspoken/browser/v1/form/", about.as_bytes(), &*self.0]);
        URL_SAFE_NO_PAD.encode(hash)
    }

    /// A text of 256 bits for one purpose and one thing, which the browser that holds this number
    /// alone leads to.
    pub(crate) fn derive(&self, purpose: &str, about: &str) -> Zeroizing<String> {
        let parts = [b"unspoken/browser/v1/", purpose.as_bytes(), b"/", about.as_bytes(), &*self.0];
        Zeroizing::new(URL_SAFE_NO_PAD.encode(hazmat::sha256(&parts)))
    }

    pub(crate) fn sent(&self, about: &str, seal: &str) -> bool {
        hazmat::is_same(self.seal_of_form(about).as_bytes(), seal.as_bytes())
    }
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Browser([REDACTED])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(text: &str) -> HeaderMap {
        [(header::COOKIE, text.parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn a_browser_is_known_by_the_one_number_that_it_was_given() {
        let (plain, safe) = (
            Front::parse("http://127.0.0.1:8750").unwrap(),
            Front::parse("https://v.example/").unwrap(),
        );
        for front in [plain, safe] {
            let browser = Browser::random();
            let set = front.set_cookie(Some(&browser));
            let pair = set.split(';').next().unwrap();
            let found = front.browser(&headers(&format!("a=b; {pair}"))).unwrap();
            assert_eq!(*found.0, *browser.0);
            assert!(set.contains("HttpOnly; SameSite=Strict") && set.contains("Path=/"));
            assert_eq!(set.ends_with("; Secure"), front.is_secure());
            assert_eq!(set.starts_with("__Host-"), front.is_secure());
            assert!(front.browser(&headers(&format!("{pair}; {pair}"))).is_none());
            assert!(front.browser(&headers("unspoken=AAAA")).is_none());
            assert!(front.set_cookie(None).contains("Max-Age=0"));
        }
    }

    #[test]
    fn a_form_fits_its_browser_and_its_login_alone() {
        let (one, other) = (Browser::random(), Browser::random());
        let seal = one.seal_of_form("login_a");
        assert!(one.sent("login_a", &seal));
        assert!(
            !one.sent("login_b", &seal)
                && !other.sent("login_a", &seal)
                && !one.sent("login_a", "")
        );
    }

    #[test]
    fn a_front_is_a_scheme_and_a_host() {
        assert_eq!(
            Front::parse("https://v.example/").unwrap().page("/device"),
            "https://v.example/device"
        );
        assert!(Front::parse("http://[::1]:8750").is_some());
        for wrong in [
            "",
            "https://",
            "ftp://a",
            "https://a/b",
            "https://a?b",
            "https://a b",
            "https://u@a",
            "https://a\n",
        ] {
            assert!(Front::parse(wrong).is_none(), "{wrong:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_cookie_is_a_browser_or_none(text in "[ -~]{0,80}") {
            let front = Front::parse("http://127.0.0.1:8750").unwrap();
            let _ = front.browser(&headers(&text));
            let _ = front.browser(&headers(&format!("unspoken={text}")));
            let _ = Front::parse(&text);
        }
    }
}
