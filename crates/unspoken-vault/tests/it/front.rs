//! What tests of people and of pages share: a server, a client, a browser.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A server on a port of its own, and its owner's session.
pub(crate) struct Ground {
    child: Child,
    pub(crate) address: String,
    pub(crate) owner: String,
    pub(crate) invitation: String,
    pub(crate) team: String,
    folder: TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) text: String,
}

/// A browser without a screen: it keeps one cookie, and sends forms of the page that it shows.
pub(crate) struct Browser<'g> {
    ground: &'g Ground,
    pub(crate) cookie: Option<String>,
    pub(crate) page: String,
}

/// A login that a program began.
pub(crate) struct Begun {
    pub(crate) login: String,
    pub(crate) verifier: String,
    pub(crate) body: Value,
}

pub(crate) const REDIRECT: &str = "http://127.0.0.1:4711/callback";

impl Ground {
    /// A new store, served; nobody has come in yet.
    pub(crate) fn empty() -> Self {
        let folder = TempDir::new().unwrap();
        let place = |command: &str| program(&folder, command);
        let made = place("init").args(["--owner", "Owner@Example.com"]).output().unwrap();
        let said = String::from_utf8(made.stdout).unwrap();
        let invitation = said.split_whitespace().find(|word| word.starts_with("unsp_admin_"));
        let invitation = invitation.unwrap().to_owned();
        let mut child = place("serve")
            .args(["--listen", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit('/').next().unwrap().to_owned();
        let (owner, team) = (String::new(), String::new());
        Self { child, address, owner, invitation, team, folder }
    }

    /// The same, with the owner's session.
    pub(crate) fn new() -> Self {
        let mut ground = Self::empty();
        ground.owner = ground.session(&ground.invitation);
        let session = ground.get("/v1/session", &ground.owner);
        ground.team = session["team"].as_str().unwrap().into();
        ground
    }

    /// Begins a session with an invitation, without a browser.
    pub(crate) fn session(&self, invitation: &str) -> String {
        let answer =
            self.call("POST", "/v1/session", invitation, Some(json!({"device": "laptop"})));
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn call(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> Answer {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let auth = format!("Authorization: Bearer {token}");
        let headers = if token.is_empty() { vec![] } else { vec![auth.as_str()] };
        self.send(method, path, &headers, &body)
    }

    pub(crate) fn get(&self, path: &str, token: &str) -> Value {
        let answer = self.call("GET", path, token, None);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.json()
    }

    pub(crate) fn status(&self, method: &str, path: &str, token: &str, body: Value) -> u16 {
        self.call(method, path, token, Some(body)).status
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        for header in headers {
            head += &format!("{header}\r\n");
        }
        head += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(head.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, text) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        Answer { status, headers: headers.collect(), text: text.to_owned() }
    }

    /// Has a person join by an invitation, and gives their id and the invitation.
    pub(crate) fn invite(&self, token: &str, email: &str, role: &str) -> (String, String) {
        let body = json!({"email": email, "name": email, "role": role});
        let answer =
            self.call("POST", &format!("/v1/teams/{}/people", self.team), token, Some(body));
        assert_eq!(answer.status, 200, "{}", answer.text);
        let body = answer.json();
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        (text("id"), text("token"))
    }

    /// A person with a session and no password.
    pub(crate) fn person(&self, email: &str, role: &str) -> (String, String) {
        let (id, invitation) = self.invite(&self.owner, email, role);
        (id, self.session(&invitation))
    }

    /// The same, who has a password.
    pub(crate) fn person_with(&self, email: &str, password: &str) -> (String, String) {
        let (id, session) = self.person(email, "developer");
        let body = json!({"password": password});
        assert_eq!(self.status("PUT", "/v1/session/password", &session, body), 204);
        (id, session)
    }

    pub(crate) fn change(&self, token: &str, person: &str, what: &str, body: Value) -> u16 {
        let method = if what == "roles" { "PUT" } else { "POST" };
        let path = format!("/v1/teams/{}/people/{person}/{what}", self.team);
        self.status(method, &path, token, body)
    }

    pub(crate) fn begin(&self, redirect: Option<&str>) -> Begun {
        let verifier = format!("verifier-{}", redirect.unwrap_or("device"));
        let challenge = digest::digest(&digest::SHA256, verifier.as_bytes());
        let mut body = json!({
            "device": "ada's <b>laptop</b>",
            "challenge": URL_SAFE_NO_PAD.encode(challenge),
        });
        if let Some(redirect) = redirect {
            body["redirect"] = redirect.into();
            body["state"] = "st&te=1".into();
        }
        let answer = self.call("POST", "/v1/logins", "", Some(body));
        assert_eq!(answer.status, 200, "{}", answer.text);
        let body = answer.json();
        Begun { login: body["login"].as_str().unwrap().to_owned(), verifier, body }
    }

    pub(crate) fn finish(&self, begun: &Begun, verifier: &str, code: Option<&str>) -> Answer {
        let mut body = json!({"verifier": verifier});
        if let Some(code) = code {
            body["code"] = code.into();
        }
        self.call("POST", &format!("/v1/logins/{}/finish", begun.login), "", Some(body))
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser { ground: self, cookie: None, page: String::new() }
    }

    /// Has whoever runs the vault call the program.
    pub(crate) fn operate(&self, command: &str, argument: &str) -> (bool, String) {
        let output = program(&self.folder, command).arg(argument).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.success(), text)
    }

    /// All that stands in the store's files.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.path().join("data")).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }
}

fn program(folder: &TempDir, command: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_unspoken-vault"));
    program.env_clear().arg(command).arg("--data").arg(folder.path().join("data"));
    program.arg("--master-key-file").arg(folder.path().join("master.key"));
    program
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap().to_owned()
    }

    pub(crate) fn location(&self) -> &str {
        self.headers.get("location").map_or("", String::as_str)
    }
}

impl Browser<'_> {
    pub(crate) fn open(&mut self, path: &str) -> Answer {
        let cookie = self.cookie.as_ref().map(|cookie| format!("Cookie: {cookie}"));
        let headers: Vec<_> = cookie.iter().map(String::as_str).collect();
        let answer = self.ground.send("GET", path, &headers, "");
        self.keep(answer)
    }

    /// Sends a form of the page that is shown, and follows where that leads within the vault.
    pub(crate) fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let seal = self.hidden("seal");
        let mut fields = fields.to_vec();
        fields.push(("seal", &seal));
        let answer = self.post(path, &fields, &[]);
        match answer.location() {
            next if next.starts_with('/') => {
                let next = next.to_owned();
                self.open(&next)
            }
            _ => answer,
        }
    }

    pub(crate) fn post(&mut self, path: &str, fields: &[(&str, &str)], more: &[&str]) -> Answer {
        let cookie = self.cookie.as_ref().map(|cookie| format!("Cookie: {cookie}"));
        let mut headers: Vec<_> = cookie.iter().map(String::as_str).collect();
        headers.extend_from_slice(more);
        headers.push("Content-Type: application/x-www-form-urlencoded");
        let body = serde_urlencoded::to_string(fields).unwrap();
        let answer = self.ground.send("POST", path, &headers, &body);
        self.keep(answer)
    }

    fn keep(&mut self, answer: Answer) -> Answer {
        if let Some(set) = answer.headers.get("set-cookie") {
            assert!(set.contains("HttpOnly; SameSite=Strict"), "{set}");
            let pair = set.split(';').next().unwrap().to_owned();
            self.cookie = Some(pair).filter(|pair| !pair.ends_with('='));
        }
        if answer.status != 303 {
            self.page.clone_from(&answer.text);
        }
        answer
    }

    /// A hidden field of the page that is shown.
    pub(crate) fn hidden(&self, name: &str) -> String {
        let begin = format!("name=\"{name}\" value=\"");
        let value = self.page.split(&begin).nth(1).and_then(|rest| rest.split('"').next());
        value.unwrap_or_else(|| panic!("no `{name}` in {}", self.page)).to_owned()
    }

    /// Signs in for a login, up to the question.
    pub(crate) fn sign_in(
        &mut self,
        begun: &Begun,
        email: &str,
        password: &str,
        code: &str,
    ) -> Answer {
        match begun.body["user_code"].as_str() {
            Some(typed) => {
                self.open("/device");
                self.submit("/device", &[("code", typed)])
            }
            None => self.open(&format!("/login/{}", begun.login)),
        };
        let fields = [("email", email), ("password", password), ("code", code)];
        self.submit(&format!("/login/{}/sign-in", begun.login), &fields)
    }

    pub(crate) fn decide(&mut self, begun: &Begun, answer: &str) -> Answer {
        self.submit(&format!("/login/{}/decide", begun.login), &[("answer", answer)])
    }
}

/// The code that an authenticator shows, so many steps from now.
pub(crate) fn totp(secret: &str, steps: i64) -> String {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits = secret.chars().flat_map(|c| {
        let five = letters.find(c).unwrap();
        (0..5).rev().map(move |place| five >> place & 1)
    });
    let bits: Vec<usize> = bits.collect();
    let byte = |eight: &[usize]| eight.iter().fold(0, |byte, bit| byte << 1 | bit);
    let key: Vec<u8> =
        bits.chunks_exact(8).map(|eight| u8::try_from(byte(eight)).unwrap()).collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let step = i64::try_from(now / 30).unwrap() + steps;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let at = usize::from(tag.as_ref()[19] & 15);
    let four: [u8; 4] = tag.as_ref()[at..at + 4].try_into().unwrap();
    format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000)
}
