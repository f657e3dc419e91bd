//! What the tests of sessions stand on, beside the real server: a server that says what a test wants
//! and remembers what it was asked.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;
use unspoken_testkit::{Client, Database, Project, Vault};

/// A real vault, and where it is.
pub(crate) fn vault() -> (Vault, String) {
    let vault = Vault::on(Database::Sqlite);
    let url = format!("http://{}", vault.addresses()[0]);
    (vault, url)
}

/// Logs the owner in from this machine. The answer is the same session.
pub(crate) fn logged_in(project: &Project, vault: &Vault, url: &str) -> Client {
    let owner = vault.owner();
    let login = project.unspoken(["login", "--vault", url, "--token-stdin"]);
    login.stdin(owner.token()).run().ok().says("logged in to");
    owner
}

/// The one record of a vault that this machine has.
pub(crate) fn record(project: &Project) -> (PathBuf, String) {
    let folder = project.unspoken_home().join("vaults");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let path = files.remove(0);
    let text = fs::read_to_string(&path).unwrap();
    (path, text)
}

/// Whether this machine keeps a record of any vault.
pub(crate) fn has_record(project: &Project) -> bool {
    project.unspoken_home().join("vaults").read_dir().unwrap().next().is_some()
}

/// A request, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) head: String,
    pub(crate) body: Value,
}

/// Says what a test wants to whoever asks, and remembers it.
pub(crate) struct Double {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Double {
    /// `answer` gets the first line of a request without its version, such as `GET /v1/session`, and
    /// gives a status with more header lines, and a body.
    pub(crate) fn start(
        answer: impl Fn(&str, &Asked) -> (String, String) + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let Some(request) = read(&mut stream) else {
                    // Whoever connected and said nothing was there as well.
                    all.lock().unwrap().push(Asked { head: String::new(), body: Value::Null });
                    continue;
                };
                let line = request.head.lines().next().unwrap_or_default();
                let line = line.rsplit_once(' ').map_or(line, |(line, _)| line);
                let (status, body) = answer(line, &request);
                all.lock().unwrap().push(request);
                let length = body.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                );
            }
        });
        Self { url, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some(number) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = number.trim().parse().ok()?;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { head, body: serde_json::from_slice(&body).unwrap_or_default() })
}
