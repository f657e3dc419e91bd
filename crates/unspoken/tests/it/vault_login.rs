//! Logging in by a page of the vault. The vault's side of it is played here: what is asked, what a
//! browser brings back, and what is believed of it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use unspoken_seal::{Checksum, PlainToken, TokenKind};
use unspoken_testkit::{Answer, Client, Project};
use zeroize::Zeroizing;

use crate::vault_ground::{Asked, Double, record};

const LOGIN: &str = "login_0123456789ab";

/// A vault in which somebody decides: after so many questions, where nobody brings the answer.
fn vault(token: &Zeroizing<String>, pending: usize) -> Double {
    let (token, left) = (token.clone(), Arc::new(AtomicUsize::new(pending)));
    Double::start(move |line, asked| match line {
        "POST /v1/logins" => {
            let is_device = asked.body.get("redirect").is_none();
            let mut body = json!({
                "login": LOGIN, "url": "/login/here", "number": 42, "expires": 4_000_000_000_000_i64,
            });
            if is_device {
                body["user_code"] = json!("BCDF-GHJK");
                body["interval"] = json!(1);
            }
            ("200 OK".to_owned(), body.to_string())
        }
        "POST /v1/logins/login_0123456789ab/finish" => {
            if left.load(Ordering::SeqCst) > 0 {
                left.fetch_sub(1, Ordering::SeqCst);
                let body = json!({ "code": "pending", "message": "wait", "request_id": "req_1" });
                return ("425 Too Early".to_owned(), body.to_string());
            }
            let made = json!({ "id": "tok_0123456789ab", "token": *token, "expires": 4_000_000_000_000_i64 });
            ("200 OK".to_owned(), made.to_string())
        }
        "GET /v1/session" => {
            let body = json!({
                "token": "tok_0123456789ab", "kind": "cli", "name": "laptop", "team": "team_0123456789ab",
                "expires": 4_000_000_000_000_i64, "person": "per_0123456789ab", "email": "ada@example.com",
            });
            ("200 OK".to_owned(), body.to_string())
        }
        _ => ("404 Not Found".to_owned(), String::new()),
    })
}

fn token() -> Zeroizing<String> {
    PlainToken::random(TokenKind::Cli).expose()
}

/// Calls the program, and waits until it has said something.
fn begin(
    project: &Project,
    words: &[&str],
    says: &str,
) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut child = project.unspoken(words).spawn();
    let mut reader = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains(says) {
        assert!(reader.read_line(&mut said).unwrap() > 0, "{said}");
    }
    assert!(said.contains("42"), "{said}");
    (child, reader)
}

/// Ends a call, and gives its exit code and the rest of what it said.
fn end((mut child, mut reader): (Child, BufReader<std::process::ChildStderr>)) -> (i32, String) {
    let mut said = String::new();
    reader.read_to_string(&mut said).unwrap();
    (child.wait().unwrap().code().unwrap(), said)
}

/// What a browser does when it is sent somewhere.
fn browse(address: &str) -> String {
    let rest = address.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn text<'a>(asked: &'a Asked, key: &str) -> &'a str {
    asked.body[key].as_str().unwrap_or_else(|| panic!("`{key}` is missing: {:?}", asked.head))
}

/// A verifier's challenge, as RFC 7636 has it.
fn challenge(verifier: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let hex = Checksum::of(verifier.as_bytes()).to_string();
    let byte = |at: usize| u8::from_str_radix(hex.get(2 * at..2 * at + 2).unwrap(), 16).unwrap();
    let bits = (0..32).flat_map(|at| (0..8).rev().map(move |bit| byte(at) >> bit & 1));
    let mut bits: Vec<u8> = bits.collect();
    bits.resize(43 * 6, 0);
    let number =
        |six: &[u8]| six.iter().fold(0_usize, |number, bit| number << 1 | usize::from(*bit));
    bits.chunks(6).map(|six| char::from(DIGITS[number(six)])).collect()
}

#[test]
fn a_browser_brings_the_code_and_only_the_right_state_is_believed() {
    let token = token();
    let (vault, project) = (vault(&token, 0), Project::with_environments(&["production"]));
    let words = ["login", "--vault", &vault.url, "--no-browser"];
    let call = begin(&project, &words, "unspoken login --device");
    let begun = vault.asked().remove(0);
    let (redirect, state) = (text(&begun, "redirect"), text(&begun, "state"));
    assert!(redirect.starts_with("http://127.0.0.1:") && redirect.ends_with("/callback"));
    assert!(state.len() == 43 && !begun.head.contains("uthorization"), "{}", begun.head);

    for wrong in ["?code=planted", "?code=planted&state=", "?code=planted&state=x", "?error=x"] {
        let answer = browse(&format!("{redirect}{wrong}"));
        assert!(answer.starts_with("HTTP/1.1 400 ") && !answer.contains("planted"), "{answer}");
    }
    assert_eq!(vault.asked().len(), 1, "the vault was asked with what was planted");
    let answer = browse(&format!("{redirect}?code=the-code&state={state}"));
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("go back"), "{answer}");
    for header in ["Content-Security-Policy: default-src 'none'", "Cache-Control: no-store"] {
        assert!(answer.contains(header), "{answer}");
    }
    let (code, said) = end(call);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("as ada@example.com"), "{said}");
    assert!(record(&project).1.contains("holder: ada@example.com"));

    let asked = vault.asked();
    let finish = asked.iter().find(|one| one.head.contains("/finish")).unwrap();
    assert_eq!(text(finish, "code"), "the-code");
    assert_eq!(challenge(text(finish, "verifier")), text(&begun, "challenge"));
    // Nobody listens there any more.
    let host = redirect.trim_start_matches("http://").trim_end_matches("/callback").to_owned();
    assert!(TcpStream::connect(host).is_err());
}

#[test]
fn what_was_refused_in_the_browser_is_refused_here() {
    let token = token();
    let (vault, project) = (vault(&token, 0), Project::with_environments(&["production"]));
    let words = ["login", "--vault", &vault.url, "--no-browser"];
    let call = begin(&project, &words, "unspoken login --device");
    let begun = vault.asked().remove(0);
    browse(&format!(
        "{}?error=access_denied&state={}",
        text(&begun, "redirect"),
        text(&begun, "state")
    ));
    let (code, said) = end(call);
    assert!(code == 11 && said.contains("the login was refused"), "{code} {said}");
    assert_eq!(vault.asked().len(), 1);
}

#[test]
fn a_device_waits_until_somebody_has_decided() {
    let token = token();
    let (vault, project) = (vault(&token, 2), Project::with_environments(&["production"]));
    let call = begin(&project, &["login", "--vault", &vault.url, "--device"], "BCDF-GHJK");
    let (code, said) = end(call);
    assert_eq!(code, 0, "{said}");
    let asked = vault.asked();
    assert!(asked[0].body.get("redirect").is_none() && asked[0].body.get("state").is_none());
    let finishes: Vec<&Asked> = asked.iter().filter(|one| one.head.contains("/finish")).collect();
    assert_eq!(finishes.len(), 3);
    assert!(finishes.iter().all(|one| one.body.get("code").is_none()));
    assert_eq!(challenge(text(finishes[2], "verifier")), text(&asked[0], "challenge"));
}

#[test]
fn a_vault_sends_nobody_to_a_page_of_others() {
    let evil = Double::start(|line, _| {
        assert_eq!(line, "POST /v1/logins");
        let body: Value = json!({
            "login": LOGIN, "url": "https://evil.example/login", "number": 42, "expires": 0,
        });
        ("200 OK".to_owned(), body.to_string())
    });
    let project = Project::with_environments(&["production"]);
    let words = ["login", "--vault", &evil.url, "--no-browser"];
    let output = project.unspoken(words).run().fails_with(1).says("not its own");
    assert!(!output.stderr.contains("evil"), "{output:?}");
}

#[test]
fn where_nobody_is_at_a_terminal_no_browser_is_waited_for() {
    let project = Project::with_environments(&["production"]);
    let output = project.unspoken(["login", "--vault", "http://127.0.0.1:9"]).run();
    output.fails_with(10).says("--token-stdin");
    project.unspoken(["login"]).run().fails_with(2).says("--vault https://");
}

/// A person's browser, as far as the vault's pages need one.
struct Browser {
    client: Client,
    cookie: String,
    page: String,
}

impl Browser {
    fn open(&mut self, path: &str) -> Answer {
        let answer = self.client.send("GET", path, &[("Cookie", &self.cookie)], b"");
        self.keep(answer)
    }

    /// Sends a form of the page that is shown.
    fn submit(&mut self, path: &str, fields: &str) -> Answer {
        let mark = "name=\"seal\" value=\"";
        let seal = self.page.split(mark).nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        let body = format!("{fields}&seal={seal}");
        let form = ("Content-Type", "application/x-www-form-urlencoded");
        let headers = [("Cookie", self.cookie.as_str()), form];
        let answer = self.client.send("POST", path, &headers, body.as_bytes());
        self.keep(answer)
    }

    fn keep(&mut self, answer: Answer) -> Answer {
        if let Some(set) = answer.header("set-cookie") {
            set.split(';').next().unwrap().clone_into(&mut self.cookie);
        }
        if answer.status != 303 {
            self.page = String::from_utf8_lossy(&answer.body).into_owned();
        }
        answer
    }
}

/// Signs in for the login of a page, and allows it if the page shows the number.
fn allow(browser: &mut Browser, login: &str) -> Answer {
    let sign_in = format!("{login}/sign-in");
    let signed =
        browser.submit(&sign_in, "email=owner%40localhost&password=many+small+green+apples&code=");
    if let Some(next) = signed.header("location") {
        browser.open(next);
    }
    browser.submit(&format!("{login}/decide"), "answer=allow")
}

/// A real vault whose owner has a password, and a browser that knows nothing yet.
fn real() -> (unspoken_testkit::Vault, String, Browser) {
    let (vault, url) = crate::vault_ground::vault();
    let password = json!({ "password": "many small green apples" });
    vault.owner().put("/v1/session/password", &password).is(204);
    let browser = Browser { client: vault.client(), cookie: String::new(), page: String::new() };
    (vault, url, browser)
}

#[test]
fn the_real_vault_lets_a_browser_bring_the_session() {
    let (_vault, url, mut browser) = real();
    let project = Project::with_environments(&["production"]);
    let mut child = project.unspoken(["login", "--vault", &url, "--no-browser"]).spawn();
    let mut reader = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("unspoken login --device") {
        assert!(reader.read_line(&mut said).unwrap() > 0, "{said}");
    }
    let page = said.split_whitespace().find_map(|word| word.strip_prefix(&url)).unwrap();
    let number = said.split("the number ").nth(1).and_then(|rest| rest.split(':').next()).unwrap();
    browser.open(page);
    let decided = allow(&mut browser, page);
    assert!(browser.page.contains(&format!(">{number}</p>")), "another number is shown");
    let back = decided.header("location").unwrap();
    assert!(browse(back).contains("go back to the terminal"));
    let (code, said) = end((child, reader));
    assert!(code == 0 && said.contains("as owner@localhost"), "{code} {said}");
    let who = project.unspoken(["whoami", "--json"]).run().ok().json();
    assert_eq!((&who["holder"], &who["kind"]), (&json!("owner@localhost"), &json!("person")));
    project.unspoken(["logout"]).run().ok().says("is revoked");
}

#[test]
fn the_real_vault_lets_a_device_in_by_its_code() {
    let (_vault, url, mut browser) = real();
    let project = Project::with_environments(&["production"]);
    let mut child = project.unspoken(["login", "--vault", &url, "--device"]).spawn();
    let mut reader = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("the number ") {
        assert!(reader.read_line(&mut said).unwrap() > 0, "{said}");
    }
    let code = said.split("Type the code ").nth(1).and_then(|rest| rest.split(',').next()).unwrap();
    browser.open("/device");
    let typed = browser.submit("/device", &format!("code={code}"));
    let page = typed.header("location").unwrap().to_owned();
    browser.open(&page);
    allow(&mut browser, &page);
    let (code, said) = end((child, reader));
    assert!(code == 0 && said.contains("as owner@localhost"), "{code} {said}");
    assert!(record(&project).1.contains("holder: owner@localhost"));
}
