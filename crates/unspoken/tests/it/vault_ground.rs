//! What the tests of vaults stand on: the real server at a port of its own, and a server that says
//! what a test wants and remembers what it was asked.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;
use unspoken_seal::{PlainToken, TokenAuth};
use unspoken_store::{VaultClient, VaultUrl};
use unspoken_testkit::{Project, unspoken_binary};
use unspoken_wire::vault::{
    EnvironmentBody, EnvironmentRequest, ProjectBody, ProjectRequest, SecretRequest,
    SecretsRequest, SessionBody, SessionRequest, TokenMade,
};
use zeroize::Zeroizing;

/// A real vault on SQLite, and its owner. Ends when this is dropped.
pub(crate) struct Vault {
    child: Child,
    pub(crate) url: String,
    pub(crate) invitation: String,
    _folder: TempDir,
}

impl Vault {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // What cargo has built beside the program under test.
        let program = unspoken_binary().with_file_name("unspoken-vault");
        let (data, key) = (folder.path().join("data"), folder.path().join("master-key"));
        let call = |word: &str| {
            let mut command = Command::new(&program);
            command.arg(word).arg("--data").arg(&data).arg("--master-key-file").arg(&key);
            command.env_clear();
            command
        };
        let made = call("init").output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let said = String::from_utf8(made.stdout).unwrap();
        let invitation = said.split_whitespace().find(|word| word.starts_with("unsp_admin_"));
        let invitation = invitation.unwrap().to_owned();
        let mut serve = call("serve");
        serve.args(["--listen", "127.0.0.1:0"]).stderr(Stdio::piped());
        let mut child = serve.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
        let url = url.unwrap().to_owned();
        // Read on, so that the server can go on saying things.
        thread::spawn(move || lines.for_each(drop));
        Self { child, url, invitation, _folder: folder }
    }

    pub(crate) fn client(&self, token: &str) -> VaultClient {
        let token = PlainToken::parse(token).unwrap().auth();
        VaultClient::new(VaultUrl::parse(&self.url).unwrap(), Some(token))
    }

    /// A session of the owner, by the invitation.
    pub(crate) fn owner(&self) -> Zeroizing<String> {
        let request = SessionRequest { device: "a test".to_owned() };
        let made: TokenMade =
            self.client(&self.invitation).put("POST", "/v1/session", &request).unwrap();
        Zeroizing::new(made.token.expose().to_owned())
    }

    /// The same with the token that a machine keeps.
    pub(crate) fn client_of_record(&self, project: &Project) -> VaultClient {
        let (_, text) = record(project);
        let token = text.lines().find_map(|line| line.strip_prefix("token: ")).unwrap();
        let token = TokenAuth::parse(token).unwrap();
        VaultClient::new(VaultUrl::parse(&self.url).unwrap(), Some(token))
    }

    /// Makes `acme-web` with one environment and one value in it.
    pub(crate) fn furnish(&self, owner: &str, environment: &str, name: &str, value: &str) {
        self.furnish_by(&self.client(owner), environment, name, value);
    }

    pub(crate) fn furnish_by(
        &self,
        client: &VaultClient,
        environment: &str,
        name: &str,
        value: &str,
    ) {
        let team = client.find::<SessionBody>("/v1/session").unwrap().team;
        let request = ProjectRequest { name: "acme-web".to_owned(), remotes: Vec::new() };
        let path = format!("/v1/teams/{team}/projects");
        let project: ProjectBody = client.put("POST", &path, &request).unwrap();
        let request = EnvironmentRequest { name: environment.to_owned() };
        let path = format!("/v1/projects/{}/environments", project.id);
        let made: EnvironmentBody = client.put("POST", &path, &request).unwrap();
        let value = SecretRequest { value: Zeroizing::new(value.to_owned()).into(), expiry: None };
        let mut request = SecretsRequest::default();
        request.set.insert(name.to_owned(), value);
        let path = format!("/v1/environments/{}/secrets", made.id);
        client.put::<_, Value>("PATCH", &path, &request).unwrap();
    }

    /// Nobody answers here any more.
    pub(crate) fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A member of the vault at a machine of their own.
pub(crate) fn logged_in(project: &Project, vault: &Vault) -> Zeroizing<String> {
    let owner = vault.owner();
    let login = project.unspoken(["login", "--vault", &vault.url, "--token-stdin"]);
    login.stdin(owner.as_bytes()).run().ok().says("logged in to");
    owner
}

/// The one record of a vault that this machine has.
pub(crate) fn record(project: &Project) -> (std::path::PathBuf, String) {
    let folder = project.unspoken_home().join("vaults");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let path = files.remove(0);
    let text = fs::read_to_string(&path).unwrap();
    (path, text)
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
