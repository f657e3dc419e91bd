//! A real vault beside a project, for these tests.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use unspoken_testkit::{Invocation, Output, Project, canary, vault_binary};

/// The server's program on a store of its own.
pub(crate) struct Server {
    folder: TempDir,
    child: Option<Child>,
    address: String,
    pub(crate) token: String,
    pub(crate) team: String,
}

/// A project whose person has a session at the vault.
pub(crate) struct Linked {
    pub(crate) project: Project,
    pub(crate) server: Server,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = program(&folder, "init").output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let said = String::from_utf8(made.stdout).unwrap();
        let invitation =
            said.lines().map(str::trim).find(|line| line.starts_with("unsp_admin_")).unwrap();
        let mut server = Self {
            folder,
            child: None,
            address: "127.0.0.1:0".to_owned(),
            token: invitation.to_owned(),
            team: String::new(),
        };
        server.serve();
        let session = server.owner("POST", "/v1/session", r#"{"device":"test"}"#);
        session["token"].as_str().unwrap().clone_into(&mut server.token);
        let session = server.owner("GET", "/v1/session", "");
        session["team"].as_str().unwrap().clone_into(&mut server.team);
        server
    }

    /// Serves, at the same address as before.
    pub(crate) fn serve(&mut self) {
        let mut command = program(&self.folder, "serve");
        let mut child =
            command.args(["--listen", &self.address]).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split("http://").nth(1).unwrap_or_else(|| panic!("{line}"));
        address.trim().clone_into(&mut self.address);
        self.child = Some(child);
    }

    pub(crate) fn stop(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Asks as somebody, and tells the status.
    pub(crate) fn ask(&self, token: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: vault\r\nauthorization: Bearer {token}\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_default())
    }

    /// Asks as the owner, who is not refused.
    pub(crate) fn owner(&self, method: &str, path: &str, body: &str) -> Value {
        let (status, answer) = self.ask(&self.token, method, path, body);
        assert!(status < 300, "{method} {path}: {status}");
        answer
    }

    /// The rows of the record, the oldest first.
    pub(crate) fn audit(&self) -> Vec<Value> {
        let path = format!("/v1/teams/{}/audit?limit=1000", self.team);
        let page = self.owner("GET", &path, "");
        let mut rows = page["rows"].as_array().unwrap().clone();
        rows.sort_by_key(|row| row["at"].as_i64());
        rows
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.stop();
        }
    }
}

fn program(folder: &TempDir, command: &str) -> Command {
    let mut program = Command::new(vault_binary());
    let at = |name: &str| folder.path().join(name).into_os_string();
    program.args([command, "--data"]).arg(at("data")).arg("--master-key-file").arg(at("master"));
    program
}

impl Linked {
    /// A project with the environment `development` in a document.
    pub(crate) fn new() -> Self {
        let project = Project::with_environments(&["development"]);
        Self { project, server: Server::start() }
    }

    /// The same with `staging` in the vault.
    pub(crate) fn with_staging() -> Self {
        let linked = Self::new();
        let url = linked.server.url();
        linked.run(&["env", "add", "staging", "--source", "vault", "--vault", &url]).ok();
        linked
    }

    /// A call with the person's session.
    pub(crate) fn call(&self, arguments: &[&str]) -> Invocation {
        self.call_with(&self.server.token, arguments)
    }

    pub(crate) fn call_with(&self, token: &str, arguments: &[&str]) -> Invocation {
        let call = self.project.unspoken(arguments).env("UNSPOKEN_TOKEN", token);
        call.env("UNSPOKEN_VAULT_URL", self.server.url())
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let output = self.call(arguments).run();
        assert!(!output.stderr.contains("unsp_cli_"));
        output
    }

    pub(crate) fn set(&self, environment: &str, name: &str, value: &str, more: &[&str]) {
        let arguments = [&["set", name, "-e", environment], more].concat();
        self.call(&arguments).stdin(value).run().ok().is_silent_on_values();
    }

    pub(crate) fn has(&self, environment: &str, name: &str, value: &str) {
        let found = self.run(&["get", name, "-e", environment]).ok();
        assert!(found.text() == value, "`{name}` in `{environment}` has another value");
    }

    /// The id of an environment.
    pub(crate) fn id(&self, environment: &str) -> String {
        let list = self.server.owner("GET", "/v1/projects", "");
        let list = list["projects"][0]["environments"].as_array().unwrap().clone();
        let found = list.iter().find(|one| one["name"] == environment).unwrap();
        found["id"].as_str().unwrap().to_owned()
    }

    /// A token that reads one environment: its id, and itself.
    pub(crate) fn agent(&self, environment: &str, more: &str) -> (String, String) {
        let id = self.id(environment);
        let body =
            format!(r#"{{"name":"agent","environments":["{id}"],"lifetime_seconds":3600{more}}}"#);
        let path = format!("/v1/teams/{}/tokens", self.server.team);
        let made = self.server.owner("POST", &path, &body);
        let text = |key: &str| made[key].as_str().unwrap().to_owned();
        (text("id"), text("token"))
    }

    /// The files of what is kept of the vault's answers.
    pub(crate) fn kept(&self) -> Vec<PathBuf> {
        let Ok(folders) = std::fs::read_dir(self.project.unspoken_home().join("snapshots")) else {
            return Vec::new();
        };
        let files = folders.flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap());
        let files = files.map(|file| file.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|ending| ending == "sealed")).collect()
    }

    /// Demands that no value lies on the disk in the clear.
    pub(crate) fn hides_values(&self) {
        for path in self.kept() {
            let bytes = std::fs::read(path).unwrap();
            let marker = unspoken_testkit::canary_marker();
            assert!(!bytes.windows(marker.len()).any(|window| window == marker.as_bytes()));
        }
        assert!(!canary("x").is_empty());
    }
}
