//! A vault in a folder of its own, and a PostgreSQL where a test wants one.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

pub(crate) struct Vault {
    pub(crate) folder: TempDir,
    postgres: Option<Postgres>,
    node: Option<Node>,
    pub(crate) session: String,
    pub(crate) team: String,
}

/// A server process.
pub(crate) struct Node {
    child: Child,
    address: String,
}

struct Postgres {
    child: Child,
    port: u16,
    _folder: TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

const PATIENCE: Duration = Duration::from_secs(30);

impl Vault {
    /// Makes a store, serves it, and begins the owner's session.
    pub(crate) fn new(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let postgres = (kind == Kind::Postgres).then(Postgres::start);
        let mut vault =
            Self { folder, postgres, node: None, session: String::new(), team: String::new() };
        let said = text(&vault.command(&["init"]));
        let invitation = said.split_whitespace().find(|word| word.starts_with("unsp_")).unwrap();
        vault.serve();
        let began = vault.ask_as(invitation, "POST", "/v1/session", &json!({"device": "test"}));
        began.body["token"].as_str().unwrap().clone_into(&mut vault.session);
        let shown = vault.ask("GET", "/v1/session", &Value::Null);
        shown.body["team"].as_str().unwrap().clone_into(&mut vault.team);
        vault
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.path("keys/master.key")
    }

    /// What says where the store is.
    pub(crate) fn place(&self) -> Vec<String> {
        match &self.postgres {
            Some(postgres) => vec!["--database".to_owned(), postgres.url()],
            None => vec!["--data".to_owned(), self.path("data").display().to_string()],
        }
    }

    /// Runs a command on this store with its master key.
    pub(crate) fn command(&self, words: &[&str]) -> Output {
        let key = self.key_file().display().to_string();
        let mut command = program();
        command.args(words).args(self.place()).args(["--master-key-file", &key]);
        command.output().unwrap()
    }

    /// Starts the node that [`Vault::ask`] asks.
    pub(crate) fn serve(&mut self) {
        self.node = Some(self.start(&self.key_file()));
    }

    /// Starts one more node.
    pub(crate) fn start(&self, key: &Path) -> Node {
        let mut command = program();
        // Tests ask as fast as they can, on whatever machine.
        command.args(["serve", "--listen", "127.0.0.1:0", "--rate", "0"]).args(self.place());
        command.arg("--master-key-file").arg(key);
        Node::start(command)
    }

    /// Stops the node as an operator does.
    pub(crate) fn stop(&mut self) {
        self.node.take().unwrap().stop();
    }

    pub(crate) fn kill(&mut self) {
        let mut node = self.node.take().unwrap();
        node.child.kill().unwrap();
        node.child.wait().unwrap();
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.ask_as(&self.session, method, path, body)
    }

    fn ask_as(&self, token: &str, method: &str, path: &str, body: &Value) -> Answer {
        self.node.as_ref().unwrap().ask(token, method, path, body)
    }

    /// Makes a project with one environment, and tells both ids.
    pub(crate) fn project(&self, name: &str) -> (String, String) {
        let made = self.ask(
            "POST",
            &format!("/v1/teams/{}/projects", self.team),
            &json!({"name": name, "remotes": []}),
        );
        let project = made.body["id"].as_str().unwrap().to_owned();
        let made = self.ask(
            "POST",
            &format!("/v1/projects/{project}/environments"),
            &json!({"name": "production"}),
        );
        (project, made.body["id"].as_str().unwrap().to_owned())
    }

    pub(crate) fn put(&self, environment: &str, name: &str, value: &str) {
        let path = format!("/v1/environments/{environment}/secrets/{name}");
        assert_eq!(self.ask("PUT", &path, &json!({"value": value})).status, 200);
    }

    pub(crate) fn value(&self, environment: &str, name: &str) -> Answer {
        self.ask("GET", &format!("/v1/environments/{environment}/secrets/{name}"), &Value::Null)
    }

    /// The database, for who tampers with it.
    pub(crate) fn change(&self, statement: &str) -> usize {
        match &self.postgres {
            None => {
                let file = self.path("data/vault.db");
                rusqlite::Connection::open(file).unwrap().execute(statement, []).unwrap()
            }
            Some(postgres) => postgres.change(statement),
        }
    }

    /// The first column of the first row, as a text.
    pub(crate) fn look(&self, statement: &str) -> String {
        match &self.postgres {
            None => {
                let file = self.path("data/vault.db");
                let connection = rusqlite::Connection::open(file).unwrap();
                let read = |row: &rusqlite::Row<'_>| row.get::<_, rusqlite::types::Value>(0);
                match connection.query_row(statement, [], read).unwrap() {
                    rusqlite::types::Value::Integer(number) => number.to_string(),
                    rusqlite::types::Value::Text(text) => text,
                    other => format!("{other:?}"),
                }
            }
            Some(postgres) => postgres.psql(statement),
        }
    }

    /// Waits until it looks like this.
    #[track_caller]
    pub(crate) fn wait_for(&self, statement: &str, expected: &str) {
        let begin = Instant::now();
        while self.look(statement) != expected {
            assert!(begin.elapsed() < PATIENCE, "{statement} never was {expected}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Node {
    fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        stderr.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening at http://").map(str::to_owned);
        let address = address.unwrap_or_else(|| panic!("it does not listen: {line}"));
        // What it says from here on has a reader.
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        Self { child, address }
    }

    pub(crate) fn stop(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }

    pub(crate) fn ask(&self, token: &str, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: vault\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        Answer { status, body: serde_json::from_str(body).unwrap_or(Value::Null) }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Postgres {
    const FOLDER: &str = "/usr/lib/postgresql/15/bin";

    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("pg");
        std::fs::create_dir(&data).unwrap();
        if rustix::process::geteuid().is_root() {
            for path in [folder.path(), &data] {
                assert!(
                    Command::new("chown").arg("postgres").arg(path).status().unwrap().success()
                );
            }
        }
        let data = data.to_str().unwrap();
        let made = Self::program("initdb")
            .args(["-D", data, "-U", "vault", "--auth=trust", "--no-sync"])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Self::program("postgres")
            .args(["-D", data, "-p", &port.to_string(), "-h", "127.0.0.1", "-k", ""])
            .args(["-c", "fsync=off"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let postgres = Self { child, port, _folder: folder };
        let begin = Instant::now();
        while !postgres.is_ready() {
            assert!(begin.elapsed() < PATIENCE, "PostgreSQL does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        postgres
    }

    /// One of its programs, which refuse to be run by root.
    fn program(name: &str) -> Command {
        let path = format!("{}/{name}", Self::FOLDER);
        if !rustix::process::geteuid().is_root() {
            return Command::new(path);
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", &path]);
        command
    }

    fn url(&self) -> String {
        format!("postgres://vault@127.0.0.1:{}/postgres", self.port)
    }

    fn is_ready(&self) -> bool {
        let mut command = Command::new("psql");
        command.args([&self.url(), "-Atc", "SELECT 1"]).output().unwrap().status.success()
    }

    fn psql(&self, statement: &str) -> String {
        text(&Command::new("psql").args([&self.url(), "-Atc", statement]).output().unwrap())
            .trim()
            .to_owned()
    }

    /// Its answer is such as `DELETE 3`.
    fn change(&self, statement: &str) -> usize {
        self.psql(statement).rsplit(' ').next().unwrap().parse().unwrap()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program, with none of the variables that it reads.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unspoken-vault"));
    command.env_clear();
    command
}

/// What a command printed that went well.
#[track_caller]
pub(crate) fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What a command said that failed.
#[track_caller]
pub(crate) fn error(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr.clone()).unwrap()
}
