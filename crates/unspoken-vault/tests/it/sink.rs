//! Promise 6: a database file, a log, an error body, a dump of memory contain no value and no usable
//! token. Values go along every path, and then every sink is searched.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use unspoken_testkit::{Client, Database, Ground, Vault, canary, canary_marker};

/// What must not be found, and what it is.
struct Hunt(Vec<(String, Vec<u8>)>);

impl Hunt {
    fn add(&mut self, what: &str, bytes: impl AsRef<[u8]>) {
        self.0.push((what.to_owned(), bytes.as_ref().to_vec()));
    }

    fn add_token(&mut self, what: &str, token: &str) {
        self.add(what, token);
        let auth = unspoken_seal::TokenAuth::parse(token).unwrap().expose();
        self.add(&format!("what is sent of {what}"), auth.as_bytes());
        // The secret half, without what stands around it.
        self.add(&format!("the secret half of {what}"), &token[token.len() - 50..token.len() - 7]);
    }

    /// How often each of them stands in there.
    fn found(&self, bytes: &[u8]) -> Vec<(&str, usize)> {
        let count = |what: &[u8]| memchr::memmem::find_iter(bytes, what).count();
        let counts = self.0.iter().map(|(what, text)| (what.as_str(), count(text)));
        counts.filter(|(_, count)| *count > 0).collect()
    }

    #[track_caller]
    fn is_not_in(&self, sink: &str, bytes: &[u8]) {
        let found = self.found(bytes);
        assert!(found.is_empty(), "{sink} holds: {found:?}");
    }

    /// Searches all files of a folder, and tells how many bytes those were.
    #[track_caller]
    fn is_not_below(&self, folder: &Path) -> usize {
        let mut size = 0;
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                size += self.is_not_below(&path);
            } else if let Ok(bytes) = fs::read(&path) {
                self.is_not_in(&path.display().to_string(), &bytes);
                size += bytes.len();
            }
        }
        size
    }
}

/// Sends values where they belong, and where they do not. Demands that no refusal repeats one.
fn walk(vault: &Vault, ground: &Ground, hunt: &mut Hunt) {
    hunt.add("a value", canary_marker());
    let agent = ground.agent();
    hunt.add_token("an agent's token", agent.client.token());
    hunt.add_token("the owner's session", ground.owner.token());
    hunt.add_token("the invitation", vault.invitation());
    let value = |number: usize| canary(&format!("sink-{number}-{}", "x".repeat(number * 40)));
    for number in 0..20 {
        ground.set(&format!("KEY_{}", number % 7), &value(number));
    }
    let many: serde_json::Map<_, _> =
        (0..300).map(|number| (format!("MANY_{number}"), json!({ "value": value(3) }))).collect();
    ground.owner.patch(&ground.secrets(), &json!({ "set": many })).ok();
    for client in [&ground.owner, &agent.client] {
        for _ in 0..3 {
            client.get(&ground.secrets()).ok();
            client.get(&ground.secret("KEY_1")).ok();
        }
    }
    refusals(ground, &agent.client, hunt);
    ground.revoke(&agent.id);
    agent.client.get(&ground.secrets()).is(401);
}

fn refusals(ground: &Ground, agent: &Client, hunt: &Hunt) {
    let (value, path) = (canary("wrong"), ground.secret("KEY_1"));
    let quoted = serde_json::to_string(&value).unwrap();
    for body in [
        quoted.clone(),
        format!("{{{quoted}:1}}"),
        format!("{{\"value\":{quoted}"),
        format!("{{\"value\":{quoted},\"expiry\":{quoted}}}"),
        format!("{{\"value\":[{quoted}]}}"),
        format!("{{\"value\":\"{value}\\u0000\"}}"),
        format!("{{\"value\":\"{}\"}}", value.repeat(3000)),
        format!("{{\"value\":\"{}\"}}", value.repeat(40_000)),
        format!("{{\"value\":{quoted},{quoted}:2}}"),
        value.clone(),
    ] {
        let answer = ground.owner.send("PUT", &path, &[], body.as_bytes());
        assert!((400..500).contains(&answer.status), "{answer:?}");
        hunt.is_not_in("a refusal", &answer.body);
    }
    let set = json!({ "set": { value.clone(): { "value": value } }, "remove": [value] });
    let lower = value.to_lowercase();
    for (method, path, header, body) in [
        ("PATCH", ground.secrets(), ("X-A", "b"), set.to_string()),
        ("GET", format!("{path}?version={value}"), ("X-A", "b"), String::new()),
        ("GET", format!("{path}?{value}=1"), ("X-A", "b"), String::new()),
        ("GET", path.clone(), ("Authorization", lower.as_str()), String::new()),
        ("PUT", path.clone(), ("If-Match", value.as_str()), json!({ "value": "x" }).to_string()),
        ("GET", format!("/v1/{value}"), ("X-A", "b"), String::new()),
        ("GET", ground.secret(&value), ("X-A", "b"), String::new()),
        ("DELETE", ground.secret("KEY_1"), ("X-A", "b"), value.clone()),
    ] {
        for client in [&ground.owner, agent] {
            let answer = client.send(method, &path, &[header], body.as_bytes());
            if answer.status != 200 {
                hunt.is_not_in("a refusal", &answer.body);
            }
        }
    }
}

#[test]
fn promise_6_no_sink_holds_a_value_or_a_token() {
    Vault::each(|mut vault| {
        let ground = vault.ground();
        let mut hunt = Hunt(Vec::new());
        walk(&vault, &ground, &mut hunt);
        hunt.is_not_in("the log", vault.logs().as_bytes());
        vault.kill();
        let size = match vault.database() {
            Database::Sqlite => {
                let folder = vault.file().parent().unwrap().to_owned();
                assert!(folder.join("vault.db-wal").exists());
                hunt.is_not_below(&folder)
            }
            Database::Postgres => {
                let (cluster, name) = vault.cluster();
                hunt.is_not_in("a dump", &cluster.dump(name));
                // All of its files: tables, its log, and what it writes ahead.
                hunt.is_not_below(cluster.folder())
            }
        };
        assert!(size > 100_000);
        hunt.is_not_in("the log", vault.logs().as_bytes());
    });
}

#[test]
fn promise_6_the_memory_holds_no_value_and_no_token_when_requests_are_over() {
    Vault::each(|vault| {
        let ground = vault.ground();
        let mut hunt = Hunt(Vec::new());
        walk(&vault, &ground, &mut hunt);
        // A request whose end has not been sent: what it has brought is in the memory, and is found.
        let mut half = TcpStream::connect(vault.addresses()[0]).unwrap();
        let head = format!(
            "PUT {} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nContent-Length: 500\r\n\r\n{}",
            ground.secret("KEY_1"),
            ground.owner.token(),
            json!({ "value": canary("half") })
        );
        half.write_all(head.as_bytes()).unwrap();
        let begun = Instant::now();
        while !Core::of(&vault).holds(canary_marker().as_bytes()) {
            assert!(begun.elapsed() < Duration::from_secs(20), "the search does not work");
        }
        // A connection keeps what it has read into while it is open. It is closed when nothing is
        // asked for a while, by whom it may be, and then that is wiped.
        let begun = Instant::now();
        while !hunt.found(&Core::of(&vault).0).is_empty() {
            if begun.elapsed() > Duration::from_secs(25) {
                hunt.is_not_in("the memory", &Core::of(&vault).0);
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        drop((half, ground));
    });
}

/// What a process has in its memory.
struct Core(Vec<u8>);

impl Core {
    /// Takes a dump while the process runs. It lies on the disk for a moment.
    fn of(vault: &Vault) -> Self {
        let (process, folder) = (vault.processes()[0], vault.folder());
        let file = folder.join("core");
        let status = Command::new("gcore")
            .args(["-a", "-o", &file.display().to_string(), &process.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(status.unwrap().success(), "gcore failed");
        let file = folder.join(format!("core.{process}"));
        let bytes = fs::read(&file).unwrap();
        fs::remove_file(file).unwrap();
        Self(bytes)
    }

    fn holds(&self, text: &[u8]) -> bool {
        memchr::memmem::find(&self.0, text).is_some()
    }
}
