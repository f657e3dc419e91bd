//! A client for a vault under test: one connection that is kept, and no opinion on what is
//! answered. It never prints what a body holds.

use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::project::must;

/// See the top. A clone has a connection of its own.
pub struct Client {
    address: SocketAddr,
    token: Option<String>,
    connection: Mutex<Option<BufReader<TcpStream>>>,
}

/// What was answered.
pub struct Answer {
    pub status: u16,
    /// Names are in lowercase.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// When the request began to be sent.
    pub sent: Instant,
    pub received: Instant,
}

/// How long a test waits for a part of an answer.
const PATIENCE: Duration = Duration::from_mins(1);

impl Client {
    /// One that shows no token.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, token: None, connection: Mutex::default() }
    }

    /// The same with a token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..Self::new(self.address) }
    }

    /// The same to another node.
    pub fn at(&self, address: SocketAddr) -> Self {
        Self { token: self.token.clone(), ..Self::new(address) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The token that it shows.
    #[track_caller]
    pub fn token(&self) -> &str {
        match &self.token {
            Some(token) => token,
            None => panic!("this client has no token"),
        }
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    #[track_caller]
    pub fn get_with(&self, path: &str, header: (&str, &str)) -> Answer {
        self.send("GET", path, &[header], b"")
    }

    #[track_caller]
    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], b"")
    }

    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[], body.to_string().as_bytes())
    }

    #[track_caller]
    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, &[], body.to_string().as_bytes())
    }

    #[track_caller]
    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send("PATCH", path, &[], body.to_string().as_bytes())
    }

    /// Asks, and stops the test when there is no answer at all.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        must(self.ask(method, path, headers, body), "get an answer from the vault")
    }

    /// Asks a vault that may die meanwhile. Nothing is asked twice.
    pub fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Answer> {
        let mut kept = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let mut connection = match kept.take().filter(is_open) {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let sent = Instant::now();
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        if let Some(token) = &self.token {
            head.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        let whole = [head.as_bytes(), body].concat();
        // Who refuses a body early closes before all of it is sent, and still answers.
        let written = connection.get_mut().write_all(&whole);
        let answer = read(&mut connection, sent).map_err(|error| written.err().unwrap_or(error))?;
        if answer.header("connection") != Some("close") {
            *kept = Some(connection);
        }
        Ok(answer)
    }

    fn connect(&self) -> io::Result<BufReader<TcpStream>> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(BufReader::new(stream))
    }
}

/// Whether the other side has kept it open.
fn is_open(connection: &BufReader<TcpStream>) -> bool {
    let stream = connection.get_ref();
    let looked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0]));
    let is_quiet = looked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
    is_quiet && stream.set_nonblocking(false).is_ok()
}

fn read(connection: &mut BufReader<TcpStream>, sent: Instant) -> io::Result<Answer> {
    let bad = || io::Error::from(io::ErrorKind::InvalidData);
    let mut line = String::new();
    if connection.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let status = line.split(' ').nth(1).and_then(|word| word.trim().parse().ok());
    let status = status.ok_or_else(bad)?;
    let (mut headers, mut length) = (Vec::new(), 0);
    loop {
        line.clear();
        connection.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        let (name, value) = (name.to_lowercase(), value.trim().to_owned());
        if name == "content-length" {
            length = value.parse().map_err(|_| bad())?;
        }
        headers.push((name, value));
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body)?;
    Ok(Answer { status, headers, body, sent, received: Instant::now() })
}

impl Answer {
    /// Demands success.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!((200..300).contains(&self.status), "{self:?}");
        self
    }

    /// Demands a status.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert!(self.status == status, "{self:?}, not {status}");
        self
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        let parsed = serde_json::from_slice(&self.body);
        match parsed.ok() {
            Some(value) => value,
            None => panic!("the body is no JSON ({self:?})"),
        }
    }

    /// A text of the body, by its pointer, such as `/secrets/A/value`.
    #[track_caller]
    pub fn text(&self, pointer: &str) -> String {
        match self.json().pointer(pointer).and_then(Value::as_str) {
            Some(text) => text.to_owned(),
            None => panic!("the body has no text at `{pointer}` ({self:?})"),
        }
    }

    #[track_caller]
    pub fn number(&self, pointer: &str) -> i64 {
        match self.json().pointer(pointer).and_then(Value::as_i64) {
            Some(number) => number,
            None => panic!("the body has no number at `{pointer}` ({self:?})"),
        }
    }

    /// Why it was refused, for programs; empty where it was not.
    pub fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The request's id, as the record has it.
    #[track_caller]
    pub fn request(&self) -> String {
        match self.header("x-request-id") {
            Some(id) => id.to_owned(),
            None => panic!("the answer names no request ({self:?})"),
        }
    }

    /// Whether a text stands anywhere in it.
    pub fn holds(&self, text: &str) -> bool {
        let is_in = |bytes: &[u8]| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        is_in(&self.body) || self.headers.iter().any(|(_, value)| is_in(value.as_bytes()))
    }
}

impl Clone for Client {
    fn clone(&self) -> Self {
        self.at(self.address)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("address", &self.address).finish_non_exhaustive()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {} {}", self.status, self.code())
    }
}
