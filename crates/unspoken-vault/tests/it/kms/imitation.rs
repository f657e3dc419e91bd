//! What stands in for AWS: KMS with keys that never leave it, the service that gives roles, and those
//! that serve containers and machines. It believes nothing that is not signed as AWS publishes.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{digest, hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// A running imitation. It ends with the test's process.
pub(crate) struct Imitation {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    keys: HashMap<String, LessSafeKey>,
    mood: Mood,
    calls: Vec<Call>,
    /// Secrets and tokens by the ids of credentials.
    known: HashMap<String, (String, Option<String>)>,
    given: u32,
    lifetime: SignedDuration,
}

/// How KMS behaves. Those who give credentials are always well.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mood {
    Well,
    Throttles,
    /// Once, and then it is well.
    ThrottlesOnce,
    Broken,
    Hangs,
    Denies,
    /// It does it, and says that it was another key.
    AnotherKey,
    Gone,
    Nonsense,
}

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) action: String,
    pub(crate) context: BTreeMap<String, String>,
    /// By which credential.
    pub(crate) who: String,
}

struct Asked {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

type Answer = (u16, String);

pub(crate) const REGION: &str = "eu-central-1";
pub(crate) const ID: &str = "AKIATEST";
pub(crate) const SECRET: &str = "a+secret/of+the/imitation";

/// What is shown to the service of containers.
pub(crate) const POD_TOKEN: &str = "token-of-the-pod";

impl Imitation {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let known = HashMap::from([(ID.to_owned(), (SECRET.to_owned(), None))]);
        let state = Arc::new(Mutex::new(State {
            keys: HashMap::new(),
            mood: Mood::Well,
            calls: Vec::new(),
            known,
            given: 0,
            lifetime: SignedDuration::from_hours(1),
        }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        Self { address, state }
    }

    /// Makes a key, and tells by what name a vault knows it.
    pub(crate) fn make_key(&self, id: &str) -> String {
        let mut key = [0; 32];
        rand::fill(&mut key).unwrap();
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).unwrap());
        let arn = format!("arn:aws:kms:{REGION}:111122223333:key/{id}");
        self.state().keys.insert(arn.clone(), key);
        format!("aws-kms:{arn}")
    }

    pub(crate) fn feel(&self, mood: Mood) {
        self.state().mood = mood;
    }

    /// For how long credentials are given from now on.
    pub(crate) fn give_for(&self, lifetime: SignedDuration) {
        self.state().lifetime = lifetime;
    }

    /// What was asked since it was asked for the last time.
    pub(crate) fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.state().calls)
    }

    /// Where it is, and a credential.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let own = [("AWS_ACCESS_KEY_ID", ID), ("AWS_SECRET_ACCESS_KEY", SECRET)];
        self.variables_with(&own)
    }

    pub(crate) fn variables_with(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let url = format!("http://{}", self.address);
        let own = [("AWS_ENDPOINT_URL_KMS", url.as_str())];
        own.iter().chain(more).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream);
    let Some(asked) = read(&mut reader) else { return };
    let is_kms = asked.headers.contains_key("x-amz-target");
    let mood = {
        let mut state = state.lock().unwrap();
        let mood = if is_kms { state.mood } else { Mood::Well };
        if mood == Mood::ThrottlesOnce {
            state.mood = Mood::Well;
        }
        mood
    };
    let fault = |kind: &str| json!({ "__type": kind, "message": "of no interest" }).to_string();
    let (status, body) = match mood {
        Mood::Gone => return,
        Mood::Hangs => {
            std::thread::sleep(Duration::from_secs(20));
            return;
        }
        Mood::Throttles | Mood::ThrottlesOnce => (400, fault("ThrottlingException")),
        Mood::Broken => (500, fault("KMSInternalException")),
        Mood::Denies => (400, fault("AccessDeniedException")),
        Mood::Nonsense => (200, "<html>welcome</html>".to_owned()),
        Mood::Well | Mood::AnotherKey if is_kms => {
            let mut state = state.lock().unwrap();
            match kms(&mut state, &asked) {
                Ok(mut answer) => {
                    if mood == Mood::AnotherKey {
                        answer["KeyId"] = "arn:aws:kms:eu-central-1:999999999999:key/other".into();
                    }
                    (200, answer.to_string())
                }
                Err(kind) => (400, fault(kind)),
            }
        }
        Mood::Well | Mood::AnotherKey => give(&mut state.lock().unwrap(), &asked),
    };
    let _ = write!(
        reader.get_mut(),
        "HTTP/1.1 {status} said\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { method, path, headers, body })
}

/// What KMS does, for who has signed.
fn kms(state: &mut State, asked: &Asked) -> Result<Value, &'static str> {
    let who = signer(state, asked)?;
    let action = asked.headers["x-amz-target"].strip_prefix("TrentService.").unwrap().to_owned();
    let body: Value = serde_json::from_slice(&asked.body).map_err(|_| "SerializationException")?;
    let context: BTreeMap<String, String> =
        serde_json::from_value(body["EncryptionContext"].clone()).unwrap_or_default();
    // As in AWS, nothing in it is empty.
    assert!(context.iter().all(|(name, text)| !name.is_empty() && !text.is_empty()));
    state.calls.push(Call { action: action.clone(), context: context.clone(), who });
    let named = body["KeyId"].as_str().ok_or("ValidationException")?;
    let key = state.keys.get(named).ok_or("NotFoundException")?;
    let bytes = |field: &str| {
        let text = body[field].as_str().ok_or("ValidationException")?;
        STANDARD.decode(text).map_err(|_| "ValidationException")
    };
    let bound = Aad::from(serde_json::to_vec(&context).unwrap());
    match action.as_str() {
        "Encrypt" => {
            let mut text = bytes("Plaintext")?;
            let mut nonce = [0; 12];
            rand::fill(&mut nonce).unwrap();
            let sealing = Nonce::assume_unique_for_key(nonce);
            key.seal_in_place_append_tag(sealing, bound, &mut text).unwrap();
            let blob = [&[u8::try_from(named.len()).unwrap()], named.as_bytes(), &nonce, &text];
            Ok(json!({ "KeyId": named, "CiphertextBlob": STANDARD.encode(blob.concat()) }))
        }
        "Decrypt" => {
            let blob = bytes("CiphertextBlob")?;
            let wrong = "InvalidCiphertextException";
            let (length, rest) = blob.split_first().ok_or(wrong)?;
            let (arn, rest) = rest.split_at_checked(usize::from(*length)).ok_or(wrong)?;
            if !state.keys.keys().any(|known| known.as_bytes() == arn) {
                return Err(wrong);
            }
            if arn != named.as_bytes() {
                return Err("IncorrectKeyException");
            }
            let (nonce, text) = rest.split_first_chunk::<12>().ok_or(wrong)?;
            let mut text = text.to_vec();
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let opened = key.open_in_place(nonce, bound, &mut text).map_err(|_| wrong)?;
            Ok(json!({ "KeyId": named, "Plaintext": STANDARD.encode(opened) }))
        }
        _ => Err("UnknownOperationException"),
    }
}

/// Who has signed a request, if it was signed as AWS publishes: written by the text of that, and not by
/// what it checks.
fn signer(state: &State, asked: &Asked) -> Result<String, &'static str> {
    let wrong = "InvalidSignatureException";
    let header = |name: &str| asked.headers.get(name).map(String::as_str);
    let text = header("authorization").ok_or("MissingAuthenticationTokenException")?;
    let text = text.strip_prefix("AWS4-HMAC-SHA256 ").ok_or(wrong)?;
    let parts: HashMap<&str, &str> =
        text.split(", ").filter_map(|part| part.split_once('=')).collect();
    let (id, scope) = parts["Credential"].split_once('/').ok_or(wrong)?;
    let (secret, token) = state.known.get(id).ok_or("UnrecognizedClientException")?;
    if token.as_deref() != header("x-amz-security-token") {
        return Err("UnrecognizedClientException");
    }
    let date = header("x-amz-date").ok_or(wrong)?;
    let at = jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ", date).and_then(|time| time.to_datetime());
    let at = at.map_err(|_| wrong)?.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| wrong)?;
    if at.timestamp().duration_since(Timestamp::now()).abs() > SignedDuration::from_mins(5) {
        return Err(wrong);
    }
    let day = date.split('T').next().unwrap();
    if scope != format!("{day}/{REGION}/kms/aws4_request") {
        return Err(wrong);
    }
    let signed: Vec<&str> = parts["SignedHeaders"].split(';').collect();
    let mut needed = vec!["content-type", "host", "x-amz-date", "x-amz-target"];
    needed.extend(token.as_ref().map(|_| "x-amz-security-token"));
    if !needed.iter().all(|name| signed.contains(name)) || !signed.is_sorted() {
        return Err(wrong);
    }
    let lines = signed.iter().map(|name| format!("{name}:{}\n", header(name).unwrap_or_default()));
    let lines: String = lines.collect();
    let request = format!(
        "{}\n{}\n\n{lines}\n{}\n{}",
        asked.method,
        asked.path,
        parts["SignedHeaders"],
        hex(digest::digest(&digest::SHA256, &asked.body).as_ref())
    );
    let request = hex(digest::digest(&digest::SHA256, request.as_bytes()).as_ref());
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{request}");
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [day, REGION, "kms", "aws4_request", &text] {
        let with = hmac::Key::new(hmac::HMAC_SHA256, &key);
        key = hmac::sign(&with, part.as_bytes()).as_ref().to_vec();
    }
    if hex(&key) == parts["Signature"] { Ok(id.to_owned()) } else { Err(wrong) }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Credentials for who may have them.
fn give(state: &mut State, asked: &Asked) -> Answer {
    let header = |name: &str| asked.headers.get(name).map(String::as_str);
    let is_machine = header("x-aws-ec2-metadata-token") == Some("token-of-the-machine");
    let roles = "/latest/meta-data/iam/security-credentials/";
    match (asked.method.as_str(), asked.path.as_str()) {
        ("PUT", "/latest/api/token") => match header("x-aws-ec2-metadata-token-ttl-seconds") {
            Some(_) => (200, "token-of-the-machine".to_owned()),
            None => (400, String::new()),
        },
        ("GET", path) if path == roles && is_machine => (200, "vault-role\n".to_owned()),
        ("GET", path) if path == format!("{roles}vault-role") && is_machine => {
            (200, told(state, "machine"))
        }
        ("GET", "/v1/credentials") if header("authorization") == Some(POD_TOKEN) => {
            (200, told(state, "pod"))
        }
        ("POST", "/") => {
            let form: HashMap<String, String> = serde_urlencoded::from_bytes(&asked.body).unwrap();
            let field = |name: &str| form.get(name).map(String::as_str);
            let is_good = field("Action") == Some("AssumeRoleWithWebIdentity")
                && field("WebIdentityToken") == Some("a.web&identity=token")
                && field("RoleArn") == Some("arn:aws:iam::111122223333:role/vault");
            if !is_good {
                return (400, String::new());
            }
            let (id, secret, token, end) = new(state, "role");
            let inside = format!(
                "<SessionToken>{token}</SessionToken><SecretAccessKey>{secret}</SecretAccessKey>\
                 <Expiration>{end}</Expiration><AccessKeyId>{id}</AccessKeyId>"
            );
            (200, format!("<R><A><x/></A><Credentials>{inside}</Credentials></R>"))
        }
        _ => (401, String::new()),
    }
}

fn told(state: &mut State, whose: &str) -> String {
    let (id, secret, token, end) = new(state, whose);
    json!({
        "Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": id, "SecretAccessKey": secret,
        "Token": token, "Expiration": end,
    })
    .to_string()
}

fn new(state: &mut State, whose: &str) -> (String, String, String, String) {
    state.given += 1;
    let id = format!("ASIA{whose}{}", state.given);
    let (secret, token) = (format!("secret/{id}"), format!("token+{id}=="));
    state.known.insert(id.clone(), (secret.clone(), Some(token.clone())));
    (id, secret, token, (Timestamp::now() + state.lifetime).to_string())
}
