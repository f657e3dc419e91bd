//! Where AWS is asked, and how: by TLS, or at this machine's own addresses without.

use std::io::Read as _;
use std::net::IpAddr;

use ureq::http::{HeaderMap, Uri};
use ureq::{Agent, Body, RequestBuilder};
use zeroize::Zeroizing;

use super::kms::KmsError;

/// A place that is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Endpoint {
    url: String,
    /// Its host, with a port that is not the usual one.
    host: String,
}

/// What was answered.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// Addresses of services of the machine or the container, which speak no TLS.
const NEAR: [&str; 4] = ["169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::23"];

/// How much is read of an answer.
const ANSWER: u64 = 64 * 1024;

impl Endpoint {
    /// Reads an address. Without TLS it has to be this machine's, or one of those where AWS serves
    /// its machines.
    pub(super) fn parse(url: &str) -> Option<Self> {
        let read: Uri = url.parse().ok()?;
        let (scheme, authority) = (read.scheme_str()?, read.authority()?);
        let is_near = || {
            let host = authority.host().trim_start_matches('[').trim_end_matches(']');
            let address: Option<IpAddr> = host.parse().ok();
            host == "localhost"
                || address.is_some_and(|address| address.is_loopback())
                || address.is_some_and(|address| NEAR.contains(&address.to_string().as_str()))
        };
        // A name and a password in it would be sent to nobody.
        let is_good = !authority.as_str().contains('@')
            && (scheme == "https" || scheme == "http" && is_near());
        is_good.then(|| Self { url: url.to_owned(), host: authority.as_str().to_owned() })
    }

    /// The root of a service: an address without a path.
    pub(super) fn root(url: &str) -> Option<Self> {
        let url = url.strip_suffix('/').unwrap_or(url);
        let read = Self::parse(url)?;
        let is_root = url.split_once("://").is_some_and(|(_, rest)| rest == read.host);
        is_root.then(|| Self { url: format!("{url}/"), ..read })
    }

    /// A path below a root.
    pub(super) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }
}

/// Posts something. What is not answered in time is not answered.
pub(super) fn post(
    agent: &Agent,
    url: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Reply, KmsError> {
    read(with(agent.post(url), headers).send(body))
}

pub(super) fn get(agent: &Agent, url: &str, headers: &[(&str, &str)]) -> Result<Reply, KmsError> {
    read(with(agent.get(url), headers).call())
}

/// Asks for a token of the machine's.
pub(super) fn put(agent: &Agent, url: &str, headers: &[(&str, &str)]) -> Result<Reply, KmsError> {
    read(with(agent.put(url), headers).send_empty())
}

fn with<B>(request: RequestBuilder<B>, headers: &[(&str, &str)]) -> RequestBuilder<B> {
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

fn read(answered: Result<ureq::http::Response<Body>, ureq::Error>) -> Result<Reply, KmsError> {
    // Why there is none is not told: it can quote an address with what stands in it.
    let mut response = answered.map_err(|_| KmsError::Silent)?;
    let status = response.status().as_u16();
    let length = declared(response.headers());
    let mut body = Zeroizing::new(Vec::with_capacity(length));
    let mut reader = response.body_mut().as_reader().take(ANSWER + 1);
    reader.read_to_end(&mut body).map_err(|_| KmsError::Silent)?;
    if body.len() as u64 > ANSWER {
        return Err(KmsError::Strange);
    }
    Ok(Reply { status, body })
}

/// How much will come, so that what was read does not move about in memory.
fn declared(headers: &HeaderMap) -> usize {
    let text = headers.get("content-length").and_then(|value| value.to_str().ok());
    let length = text.and_then(|text| text.parse::<u64>().ok()).unwrap_or(4096);
    usize::try_from(length.min(ANSWER)).unwrap_or(4096)
}

#[test]
fn without_tls_a_place_is_near() {
    for good in [
        "https://kms.eu-central-1.amazonaws.com",
        "https://kms.eu-central-1.amazonaws.com/",
        "http://127.0.0.1:4566",
        "http://[::1]:80",
        "http://169.254.169.254",
    ] {
        assert!(Endpoint::root(good).is_some(), "{good}");
    }
    for bad in [
        "http://kms.eu-central-1.amazonaws.com",
        "http://169.254.169.253",
        "http://127.0.0.1.evil.example",
        "https://user:password@kms.example",
        "https://kms.example/path",
        "https://kms.example/?query",
        "kms.example",
        "",
    ] {
        assert!(Endpoint::root(bad).is_none(), "{bad}");
    }
    assert_eq!(Endpoint::root("http://127.0.0.1:4566/").unwrap().host(), "127.0.0.1:4566");
    assert!(Endpoint::parse("http://[fd00:ec2::23]/v1/credentials").is_some());
    assert!(Endpoint::parse("http://10.0.0.1/v1/credentials").is_none());
}
