//! Asks a vault.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use unspoken_seal::TokenAuth;
use unspoken_wire::vault::{ProblemBody, Revealed};
use ureq::http::{Request, Response, StatusCode, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};
use zeroize::Zeroizing;

use super::{VaultError, VaultUrl};

/// One vault, and the token that is shown to it.
pub struct VaultClient {
    url: VaultUrl,
    agent: Agent,
    token: Option<TokenAuth>,
}

/// What an environment has, or that it has nothing new.
#[derive(Debug)]
pub enum Fetched {
    Unchanged { keep: Keep },
    Values { revealed: Revealed, keep: Keep },
}

/// For how many seconds a sealed copy of what was fetched may stand in for the vault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Keep(pub u32);

/// What came back.
struct Said {
    status: StatusCode,
    bytes: Zeroizing<Vec<u8>>,
    keep: Keep,
}

impl VaultClient {
    /// How long a connection and a whole answer may take.
    const CONNECT: Duration = Duration::from_secs(5);
    const WHOLE: Duration = Duration::from_secs(30);

    /// How large an answer without values may be.
    const ANSWER: u64 = 16 * 1024 * 1024;

    /// Nothing is connected yet. The token was made for this vault.
    pub fn new(url: VaultUrl, token: Option<TokenAuth>) -> Self {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(Arc::new(provider))
            .build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_connect(Some(Self::CONNECT))
            .timeout_global(Some(Self::WHOLE))
            .user_agent(concat!("unspoken/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Self { url, agent, token }
    }

    pub fn url(&self) -> &VaultUrl {
        &self.url
    }

    /// Asks for something that holds no value. `path` begins with a slash.
    pub fn find<A: DeserializeOwned>(&self, path: &str) -> Result<A, VaultError> {
        let Said { status, bytes, .. } = self.send("GET", path, None, None)?;
        self.read(status, &bytes)
    }

    /// Has something done, and reads what came of it.
    pub fn put<B: Serialize, A: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: &B,
    ) -> Result<A, VaultError> {
        let Said { status, bytes, .. } = self.send(method, path, Some(self.print(body)?), None)?;
        self.read(status, &bytes)
    }

    /// The same, for a change of a revision that the caller knows.
    pub fn put_at<B: Serialize, A: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: &B,
        revision: i64,
    ) -> Result<A, VaultError> {
        let tag = (header::IF_MATCH, etag(revision));
        let Said { status, bytes, .. } =
            self.send(method, path, Some(self.print(body)?), Some(tag))?;
        self.read(status, &bytes)
    }

    /// Has something done whose answer is empty.
    pub fn tell<B: Serialize>(&self, method: &str, path: &str, body: &B) -> Result<(), VaultError> {
        let Said { status, bytes, .. } = self.send(method, path, Some(self.print(body)?), None)?;
        if status.is_success() { Ok(()) } else { Err(self.problem(status, &bytes)) }
    }

    /// Has something ended, whose answer is empty.
    pub fn remove(&self, path: &str) -> Result<(), VaultError> {
        let Said { status, bytes, .. } = self.send("DELETE", path, None, None)?;
        if status.is_success() { Ok(()) } else { Err(self.problem(status, &bytes)) }
    }

    /// Fetches values, unless the caller has this revision of them.
    pub fn fetch(&self, path: &str, known: Option<i64>) -> Result<Fetched, VaultError> {
        let tag = known.map(|revision| (header::IF_NONE_MATCH, etag(revision)));
        let Said { status, bytes, keep } = self.send("GET", path, None, tag)?;
        if status == StatusCode::NOT_MODIFIED && known.is_some() {
            return Ok(Fetched::Unchanged { keep });
        }
        if !status.is_success() {
            return Err(self.problem(status, &bytes));
        }
        let revealed = Revealed::parse(&bytes).map_err(|_| self.unreadable(status))?;
        Ok(Fetched::Values { revealed, keep })
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<Zeroizing<Vec<u8>>>,
        tag: Option<(header::HeaderName, String)>,
    ) -> Result<Said, VaultError> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            let mut bearer = Zeroizing::new(String::with_capacity(128));
            bearer.push_str("Bearer ");
            bearer.push_str(&token.expose());
            request = request.header(header::AUTHORIZATION, bearer.as_str());
        }
        if let Some((name, value)) = tag {
            request = request.header(name, value);
        }
        let sent = match body {
            Some(body) => {
                let request = request.header(header::CONTENT_TYPE, "application/json");
                request.body(body.as_slice()).map(|request| self.agent.run(request))
            }
            None => request.body(()).map(|request| self.agent.run(request)),
        };
        let unreachable =
            |reason: String| VaultError::Unreachable { url: self.url.clone(), reason };
        let response = sent
            .map_err(|error| unreachable(error.to_string()))?
            .map_err(|error| unreachable(error.to_string()))?;
        let status = response.status();
        let keep = Keep::of(response.headers());
        self.body(response).map(|bytes| Said { status, bytes, keep })
    }

    fn body(&self, response: Response<Body>) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let limit = (Revealed::MAX_BYTES as u64).max(Self::ANSWER);
        let mut body = response.into_body();
        let read = body.with_config().limit(limit).read_to_vec().map(Zeroizing::new);
        read.map_err(|error| match error {
            ureq::Error::BodyExceedsLimit(_) => VaultError::TooLarge { url: self.url.clone() },
            error => VaultError::Unreachable { url: self.url.clone(), reason: error.to_string() },
        })
    }

    fn print<B: Serialize>(&self, body: &B) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        // A body is texts and numbers, which are always printed.
        let failed = |_| VaultError::TooLarge { url: self.url.clone() };
        let mut room = Room(0);
        serde_json::to_writer(&mut room, body).map_err(failed)?;
        // It never grows, so no copy of a value is left behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(room.0));
        serde_json::to_writer(&mut *bytes, body).map_err(failed)?;
        Ok(bytes)
    }

    fn read<A: DeserializeOwned>(&self, status: StatusCode, bytes: &[u8]) -> Result<A, VaultError> {
        if !status.is_success() {
            return Err(self.problem(status, bytes));
        }
        let bytes = if bytes.is_empty() { b"null" } else { bytes };
        serde_json::from_slice(bytes).map_err(|_| self.unreadable(status))
    }

    fn problem(&self, status: StatusCode, bytes: &[u8]) -> VaultError {
        match serde_json::from_slice::<ProblemBody>(bytes) {
            Ok(ProblemBody { code, message, request_id }) => VaultError::Problem {
                url: self.url.clone(),
                status: status.as_u16(),
                code: unspoken_model::shown(&code),
                message: unspoken_model::shown(&message),
                request: unspoken_model::shown(&request_id),
            },
            Err(_) => self.unreadable(status),
        }
    }

    fn unreadable(&self, status: StatusCode) -> VaultError {
        VaultError::Answer { url: self.url.clone(), status: status.as_u16() }
    }
}

impl Keep {
    /// What a vault says with each answer that holds values.
    const HEADER: &str = "unspoken-snapshot-seconds";

    /// What is good for a vault that says nothing.
    const USUAL: Self = Self(24 * 60 * 60);

    /// No vault is asked for longer than this.
    const MOST: u32 = 30 * 24 * 60 * 60;

    fn of(headers: &header::HeaderMap) -> Self {
        let Some(value) = headers.get(Self::HEADER) else { return Self::USUAL };
        // What cannot be read allows nothing.
        let seconds = value.to_str().ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        Self(u32::min(seconds, Self::MOST))
    }
}

/// Counts what is written.
struct Room(usize);

impl std::io::Write for Room {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn etag(revision: i64) -> String {
    format!("\"rev-{revision}\"")
}

impl fmt::Debug for VaultClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VaultClient")
            .field("url", &self.url)
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}
