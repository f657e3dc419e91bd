//! A real browser without a screen: Chromium, told what to do through a pair of pipes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::project::must;

/// One page of a browser that nobody has used before. It ends when this is dropped.
#[derive(Debug)]
pub struct Chromium {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    number: u64,
    page: Option<String>,
    _profile: TempDir,
}

/// By which names distributions have it.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// How long anything on a page may take.
const PATIENCE: Duration = Duration::from_secs(30);

impl Chromium {
    /// Starts one. It is told what to do on descriptor 3 and answers on 4.
    #[track_caller]
    pub fn start() -> Self {
        let profile = must(tempfile::tempdir(), "make a temporary folder");
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>/dev/null"]);
        command.arg(find()).args([
            "--headless=new",
            "--remote-debugging-pipe",
            "--no-first-run",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
        ]);
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg("about:blank");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = must(command.spawn(), "start `chromium`");
        let (Some(orders), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            panic!("the browser has no streams");
        };
        let answers = BufReader::new(answers);
        let mut browser = Self { child, orders, answers, number: 0, page: None, _profile: profile };
        let made = browser.order("Target.createTarget", &json!({ "url": "about:blank" }));
        let asked = json!({ "targetId": made["targetId"], "flatten": true });
        let page = browser.order("Target.attachToTarget", &asked);
        browser.page = page["sessionId"].as_str().map(str::to_owned);
        browser.order("Page.enable", &json!({}));
        browser
    }

    /// Has the browser do something, by the words of its protocol.
    #[track_caller]
    pub fn order(&mut self, method: &str, parameters: &Value) -> Value {
        self.number += 1;
        let mut order = json!({ "id": self.number, "method": method, "params": parameters });
        if let Some(page) = &self.page {
            order["sessionId"] = json!(page);
        }
        let mut line = order.to_string().into_bytes();
        line.push(0);
        must(self.orders.write_all(&line), "tell the browser something");
        loop {
            let mut said = Vec::new();
            must(self.answers.read_until(0, &mut said), "hear the browser");
            assert!(said.pop() == Some(0), "the browser has ended");
            let said: Value = serde_json::from_slice(&said).unwrap_or_default();
            // What happens meanwhile is not what was asked.
            if said["id"] == self.number {
                assert!(said["error"].is_null(), "{method}: {}", said["error"]);
                return said["result"].clone();
            }
        }
    }

    /// What a script of the page's comes to.
    #[track_caller]
    pub fn ask(&mut self, script: &str) -> Value {
        let asked = json!({
            "expression": script,
            "awaitPromise": true,
            "returnByValue": true,
            "userGesture": true,
        });
        let said = self.order("Runtime.evaluate", &asked);
        assert!(said["exceptionDetails"].is_null(), "{script}: {}", said["exceptionDetails"]);
        said["result"]["value"].clone()
    }

    #[track_caller]
    pub fn open(&mut self, url: &str) {
        self.order("Page.navigate", &json!({ "url": url }));
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'");
    }

    /// Waits until something holds on the page.
    #[track_caller]
    pub fn wait(&mut self, script: &str) {
        let begun = Instant::now();
        // While another page is loaded there is none to ask.
        let asked = json!({ "expression": script, "returnByValue": true });
        while self.order("Runtime.evaluate", &asked)["result"]["value"] != true {
            if begun.elapsed() > PATIENCE {
                let text = self.ask("document.body.innerText");
                panic!("`{script}` does not become true: {}", text.as_str().unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until a text can be read.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        self.wait(&format!("document.body.innerText.includes({})", json!(text)));
    }

    /// Types into the field of this name.
    #[track_caller]
    pub fn fill(&mut self, name: &str, text: &str) {
        let field = format!("document.getElementsByName({})[0]", json!(name));
        self.ask(&format!("{field}.focus(), {field}.value = {}, 0", json!(text)));
    }

    /// Clicks what can be seen and says this.
    #[track_caller]
    pub fn click(&mut self, text: &str) {
        self.ask(&format!(
            "(() => {{ const all = [...document.querySelectorAll('button, a')]; \
             const one = all.find((it) => it.innerText.trim() === {} && it.checkVisibility()); \
             if (!one) throw new Error(document.body.innerText); one.click(); }})()",
            json!(text)
        ));
    }

    /// Gives the page an authenticator of its own that knows its person and is never asked twice.
    #[track_caller]
    pub fn add_authenticator(&mut self) -> String {
        self.order("WebAuthn.enable", &json!({}));
        let options = json!({
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": true,
            "hasUserVerification": true,
            "isUserVerified": true,
            "automaticPresenceSimulation": true,
        });
        let made = self.order("WebAuthn.addVirtualAuthenticator", &json!({ "options": options }));
        made["authenticatorId"].as_str().unwrap_or_default().to_owned()
    }
}

fn find() -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&folders).collect();
    let places = NAMES.iter().flat_map(|name| folders.iter().map(move |it| it.join(name)));
    match places.into_iter().find(|place| Path::is_file(place)) {
        Some(found) => found,
        None => panic!("there is no Chromium: install the package `chromium`"),
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let close = json!({ "id": 0, "method": "Browser.close" }).to_string() + "\0";
        // It ends its other processes itself, if it is asked.
        let _ = self.orders.write_all(close.as_bytes());
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(5) && matches!(self.child.try_wait(), Ok(None))
        {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
