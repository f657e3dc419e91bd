//! An issuer of proofs on this machine: it publishes real keys, signs what a test wants, and can be
//! told to be hostile in every way that a real one never is.

use std::collections::HashMap;
use std::fmt;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::project::must;

/// See the top. It answers until the test ends.
#[derive(Clone)]
pub struct Issuer {
    url: String,
    state: Arc<Mutex<State>>,
}

/// A request to an issuer.
#[derive(Clone, Debug)]
pub struct IssuerAsked {
    /// Such as `GET /keys`.
    pub line: String,
    /// Names are in lowercase.
    pub headers: HashMap<String, String>,
    pub body: String,
}

/// What an issuer answers.
#[derive(Clone, Debug)]
pub struct IssuerSays {
    pub status: &'static str,
    pub headers: Vec<String>,
    pub body: Vec<u8>,
    /// How long it lets people wait.
    pub delay: Duration,
}

type Script = Arc<dyn Fn(&IssuerAsked) -> Option<IssuerSays> + Send + Sync>;

struct State {
    /// How often keys were made.
    generation: u32,
    rsa: Arc<RsaKeyPair>,
    ec: Arc<EcdsaKeyPair>,
    asked: Vec<IssuerAsked>,
    script: Option<Script>,
}

impl Issuer {
    /// One with an RSA and an elliptic key, called `rsa-1` and `ec-1`.
    #[track_caller]
    pub fn start() -> Self {
        let listener = must(TcpListener::bind("127.0.0.1:0"), "listen");
        let url = format!("http://{}", must(listener.local_addr(), "listen"));
        let (rsa, ec) = keys();
        let state = State { generation: 1, rsa, ec, asked: Vec::new(), script: None };
        let issuer = Self { url, state: Arc::new(Mutex::new(state)) };
        let serving = issuer.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                // Who asked may be gone before the answer.
                std::thread::spawn(move || drop(serving.serve(stream)));
            }
        });
        issuer
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Has it answer otherwise than by its documents, where `script` says something.
    pub fn play(
        &self,
        script: impl Fn(&IssuerAsked) -> Option<IssuerSays> + Send + Sync + 'static,
    ) {
        self.state().script = Some(Arc::new(script));
    }

    /// What it was asked since the last call.
    pub fn asked(&self) -> Vec<IssuerAsked> {
        std::mem::take(&mut self.state().asked)
    }

    /// Forgets its keys and makes others, whose names end with the next number.
    #[track_caller]
    pub fn rotate(&self) {
        let (rsa, ec) = keys();
        let mut state = self.state();
        (state.rsa, state.ec) = (rsa, ec);
        state.generation += 1;
    }

    /// Signs by the RSA key.
    #[track_caller]
    pub fn sign(&self, claims: &Value) -> String {
        let kid = format!("rsa-{}", self.state().generation);
        self.sign_as(&json!({ "alg": "RS256", "typ": "JWT", "kid": kid }), claims)
    }

    /// Signs by the elliptic key.
    #[track_caller]
    pub fn sign_by_curve(&self, claims: &Value) -> String {
        let kid = format!("ec-{}", self.state().generation);
        self.sign_as(&json!({ "alg": "ES256", "typ": "JWT", "kid": kid }), claims)
    }

    /// Signs under any header: by the elliptic key where it says `ES256`, else by the RSA key.
    #[track_caller]
    pub fn sign_as(&self, header: &Value, claims: &Value) -> String {
        let text = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", text(header), text(claims));
        let (rsa, ec) = {
            let state = self.state();
            (Arc::clone(&state.rsa), Arc::clone(&state.ec))
        };
        let random = SystemRandom::new();
        let signature = if header["alg"] == "ES256" {
            let signed = ec.sign(&random, message.as_bytes());
            signed.map(|signature| signature.as_ref().to_vec())
        } else {
            let mut signature = vec![0; rsa.public_modulus_len()];
            let signed = rsa.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature);
            signed.map(|()| signature)
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(sound(signature)))
    }

    /// The RSA key that it publishes, for who wants to misuse it.
    pub fn modulus(&self) -> Vec<u8> {
        modulus(&self.state().rsa)
    }

    fn document(&self, line: &str) -> Option<Value> {
        let url = &self.url;
        match line {
            "GET /.well-known/openid-configuration" => Some(json!({
                "issuer": url,
                "jwks_uri": format!("{url}/keys"),
                "authorization_endpoint": format!("{url}/authorize"),
                "token_endpoint": format!("{url}/token"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            })),
            "GET /keys" => Some(self.published()),
            _ => None,
        }
    }

    fn published(&self) -> Value {
        let state = self.state();
        let number = state.generation;
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        // An uncompressed point: a byte, and two coordinates.
        let point = state.ec.public_key().as_ref();
        let (x, y) = point.get(1..).unwrap_or_default().split_at(32);
        json!({ "keys": [
            {
                "kty": "RSA", "use": "sig", "kid": format!("rsa-{number}"), "e": "AQAB",
                "n": text(&modulus(&state.rsa)),
            },
            {
                "kty": "EC", "use": "sig", "crv": "P-256", "kid": format!("ec-{number}"),
                "x": text(x), "y": text(y),
            },
        ] })
    }

    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        let asked = read(&mut reader)?;
        let script = {
            let mut state = self.state();
            state.asked.push(asked.clone());
            state.script.clone()
        };
        let said = script.and_then(|script| script(&asked)).unwrap_or_else(|| {
            let document = self.document(&asked.line);
            document.map_or_else(
                || IssuerSays::new("404 Not Found", &json!({})),
                |document| IssuerSays::new("200 OK", &document),
            )
        });
        std::thread::sleep(said.delay);
        let mut head = format!("HTTP/1.1 {}\r\nConnection: close\r\n", said.status);
        for header in &said.headers {
            head.push_str(&format!("{header}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", said.body.len()));
        let stream = reader.get_mut();
        stream.write_all(head.as_bytes())?;
        stream.write_all(&said.body)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IssuerSays {
    pub fn new(status: &'static str, body: &Value) -> Self {
        let headers = vec!["Content-Type: application/json".to_owned()];
        Self { status, headers, body: body.to_string().into_bytes(), delay: Duration::ZERO }
    }
}

#[track_caller]
fn keys() -> (Arc<RsaKeyPair>, Arc<EcdsaKeyPair>) {
    let rsa = sound(RsaKeyPair::generate(KeySize::Rsa2048));
    let ec = sound(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING));
    (Arc::new(rsa), Arc::new(ec))
}

/// What stands in a public key of 2048 bits behind the beginnings of a sequence and of a number, and
/// that number's sign; behind it comes 65537.
fn modulus(key: &RsaKeyPair) -> Vec<u8> {
    key.public_key().as_ref().iter().skip(9).take(256).copied().collect()
}

#[track_caller]
fn sound<T>(outcome: Result<T, Unspecified>) -> T {
    must(outcome.map_err(std::io::Error::other), "make a key or a signature")
}

fn read(reader: &mut BufReader<TcpStream>) -> std::io::Result<IssuerAsked> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let line = line.trim_end().rsplit_once(' ').map_or("", |(line, _)| line).to_owned();
    let mut headers = HashMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|text: &String| text.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok(IssuerAsked { line, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("url", &self.url).finish_non_exhaustive()
    }
}
