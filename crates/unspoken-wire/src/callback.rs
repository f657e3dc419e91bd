//! What a browser brings to a program that waits on a loopback address, at the end of a
//! sign-in.
//!
//! Rules:
//! - Any page in any browser can send a request here. The state is compared first; without it
//!   nothing else of a request can be had.
//! - Each key at most once, in characters that need no escape.

use thiserror::Error;
use zeroize::Zeroizing;

/// A request for the page that a sign-in ends on. Nothing but its state has been looked at.
#[derive(Debug)]
pub struct Callback<'r> {
    query: Query<'r>,
}

/// What was decided.
#[derive(Debug, Eq, PartialEq)]
pub enum Brought {
    /// By which the vault knows that somebody allowed it.
    Code(Zeroizing<String>),
    Refused,
}

/// Why a request is none that ends a sign-in.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum CallbackError {
    #[error("the request is not one for this page")]
    OtherPage,
    #[error("the request is for another host")]
    OtherHost,
    #[error("the request cannot be read")]
    Form,
    #[error("the request does not come from this sign-in")]
    State,
}

/// What stands behind the question mark.
#[derive(Debug)]
struct Query<'r>(&'r str);

impl<'r> Callback<'r> {
    pub const PATH: &'static str = "/callback";

    /// How long the head of a request may be.
    pub const MAX_BYTES: usize = 8 * 1024;

    /// Reads the head of a request to this host, such as `127.0.0.1:4711`: everything before the
    /// empty line.
    pub fn parse(head: &'r [u8], host: &str) -> Result<Self, CallbackError> {
        if head.len() > Self::MAX_BYTES {
            return Err(CallbackError::Form);
        }
        let head = std::str::from_utf8(head).map_err(|_| CallbackError::Form)?;
        let mut lines = head.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (method, target) = (words.next(), words.next().unwrap_or_default());
        let is_http = words.next().is_some_and(|version| version.starts_with("HTTP/1."));
        if !is_http || words.next().is_some() {
            return Err(CallbackError::Form);
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if method != Some("GET") || path != Self::PATH {
            return Err(CallbackError::OtherPage);
        }
        let named = lines.filter_map(|line| line.split_once(':'));
        let mut hosts = named.filter(|(name, _)| name.eq_ignore_ascii_case("host"));
        let is_ours = hosts.next().is_some_and(|(_, value)| value.trim() == host);
        // A name of somebody else's that leads to this machine.
        if !is_ours || hosts.next().is_some() {
            return Err(CallbackError::OtherHost);
        }
        Ok(Self { query: Query(query) })
    }

    /// What was brought, if the state is the one that `fits`.
    pub fn open(self, fits: impl FnOnce(&[u8]) -> bool) -> Result<Brought, CallbackError> {
        let state = self.query.find("state").map_err(|_| CallbackError::State)?;
        if !state.is_some_and(|state| fits(state.as_bytes())) {
            return Err(CallbackError::State);
        }
        match (self.query.find("code")?, self.query.find("error")?) {
            (Some(code), None) if !code.is_empty() => {
                Ok(Brought::Code(Zeroizing::new(code.to_owned())))
            }
            (None, Some(_)) => Ok(Brought::Refused),
            _ => Err(CallbackError::Form),
        }
    }
}

impl<'r> Query<'r> {
    fn find(&self, key: &str) -> Result<Option<&'r str>, CallbackError> {
        let pairs = self.0.split('&').filter_map(|pair| pair.split_once('='));
        let mut found = pairs.filter(|(name, _)| *name == key).map(|(_, value)| value);
        let first = found.next();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if found.next().is_some() || first.is_some_and(|value| !value.bytes().all(is_plain)) {
            return Err(CallbackError::Form);
        }
        Ok(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "127.0.0.1:4711";

    fn ask(head: &str) -> Result<Brought, CallbackError> {
        Callback::parse(head.as_bytes(), HOST)?.open(|state| state == b"right")
    }

    fn of(target: &str) -> Result<Brought, CallbackError> {
        ask(&format!("GET {target} HTTP/1.1\r\nAccept: */*\r\nHOST: {HOST}"))
    }

    #[test]
    fn a_code_is_had_with_the_right_state_alone() {
        let code = |text: &str| Ok(Brought::Code(Zeroizing::new(text.to_owned())));
        assert_eq!(of("/callback?code=abc-1&state=right"), code("abc-1"));
        assert_eq!(of("/callback?state=right&x=%20&code=a"), code("a"));
        assert_eq!(of("/callback?state=right&error=access_denied"), Ok(Brought::Refused));
        for wrong in [
            "/callback",
            "/callback?code=a",
            "/callback?code=a&state=wrong",
            "/callback?code=a&state=right&state=wrong",
            "/callback?code=a&state=right%00",
            "/callback?error=a&state=",
        ] {
            assert_eq!(of(wrong), Err(CallbackError::State), "{wrong}");
        }
        for wrong in [
            "/callback?state=right",
            "/callback?state=right&code=",
            "/callback?state=right&code=a&code=b",
            "/callback?state=right&code=a&error=b",
            "/callback?state=right&code=%3Cscript",
        ] {
            assert_eq!(of(wrong), Err(CallbackError::Form), "{wrong}");
        }
    }

    #[test]
    fn a_request_for_another_page_or_host_is_told_apart() {
        let good = "/callback?code=a&state=right";
        for other in ["/", "/favicon.ico", "/callback/?code=a&state=right", "//callback?a=b"] {
            assert_eq!(of(other), Err(CallbackError::OtherPage), "{other}");
        }
        let post = format!("POST {good} HTTP/1.1\r\nHost: {HOST}");
        assert_eq!(ask(&post), Err(CallbackError::OtherPage));
        for host in
            ["", "\r\nHost: evil.example", "\r\nHost: 127.0.0.1", "\r\nHost: localhost:4711"]
        {
            let head = format!("GET {good} HTTP/1.1{host}");
            assert_eq!(ask(&head), Err(CallbackError::OtherHost), "{host}");
        }
        let twice = format!("GET {good} HTTP/1.1\r\nHost: {HOST}\r\nHost: evil.example");
        assert_eq!(ask(&twice), Err(CallbackError::OtherHost));
        for wrong in ["", "GET", "GET /callback", "GET /callback  HTTP/1.1", "GET /callback SPDY/3"]
        {
            assert_eq!(ask(wrong), Err(CallbackError::Form), "{wrong}");
        }
        let long = format!("GET {good} HTTP/1.1\r\nHost: {HOST}\r\nA: {}", "a".repeat(9000));
        assert_eq!(ask(&long), Err(CallbackError::Form));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_request_or_not(
            bytes: Vec<u8>,
            target in "/callback\\?((state|code|error|x)=[a-z%&=]{0,8}&?){0,4}",
        ) {
            let _ = Callback::parse(&bytes, HOST).map(|found| found.open(|_| true));
            let head = format!("GET {target} HTTP/1.1\r\nHost: {HOST}");
            let read = Callback::parse(head.as_bytes(), HOST).unwrap();
            proptest::prop_assert_eq!(read.open(|_| false), Err(CallbackError::State));
        }
    }
}
