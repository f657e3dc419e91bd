//! Clients that read and write while something is killed, and what they were answered.

use std::collections::{BTreeMap, HashSet};
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

use serde_json::json;
use unspoken_testkit::{Agent, Answer, Client, Database, Ground, Vault, canary, vault_binary};

use crate::raw::{Raw, assert_chains};

const READERS: usize = 4;
const WRITERS: usize = 4;

/// How long a refusal takes at most: the time that one request has, and a little.
const BOUND: Duration = Duration::from_secs(15);

/// How long after the harm is over it takes at most until reads and writes are answered.
const RECOVERY: Duration = Duration::from_secs(10);

/// A write that was answered: its revision, its request and the number of what was written.
type Written = (i64, String, u64);

/// See the top.
pub(super) struct Load {
    database: Database,
    ground: Ground,
    agent: Agent,
    /// Those that serve now, for as much as the clients know.
    nodes: RwLock<Vec<SocketAddr>>,
    /// The requests that were answered with values, or that they are unchanged.
    fetched: Mutex<Vec<String>>,
    /// By writer.
    written: Mutex<BTreeMap<usize, Vec<Written>>>,
    refused: AtomicU64,
    unanswered: AtomicU64,
    slowest_refusal: Mutex<Duration>,
    slowest_recovery: Mutex<Duration>,
    is_over: AtomicBool,
}

/// Ends the load, whatever ends the harm: who waits for the clients would wait for ever.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Load {
    pub(super) fn on(vault: &Vault) -> Self {
        let ground = vault.ground();
        // What is written has been there before: a reader always finds it.
        for writer in 0..WRITERS {
            ground.set(&name(writer), &value(writer, 0));
        }
        Self {
            database: vault.database(),
            agent: ground.agent(),
            ground,
            nodes: RwLock::new(vault.addresses()),
            fetched: Mutex::default(),
            written: Mutex::default(),
            refused: AtomicU64::new(0),
            unanswered: AtomicU64::new(0),
            slowest_refusal: Mutex::default(),
            slowest_recovery: Mutex::default(),
            is_over: AtomicBool::new(false),
        }
    }

    /// Reads and writes for as long as something is harmed.
    pub(super) fn during<T>(&self, harm: impl FnOnce() -> T) -> T {
        std::thread::scope(|scope| {
            let _end = End(&self.is_over);
            for reader in 0..READERS {
                scope.spawn(move || self.read_for_ever(reader));
            }
            for writer in 0..WRITERS {
                scope.spawn(move || self.write_for_ever(writer));
            }
            harm()
        })
    }

    /// Tells the clients where they are served from now on.
    pub(super) fn go_to(&self, nodes: Vec<SocketAddr>) {
        *self.nodes.write().unwrap() = nodes;
    }

    /// Demands that reads and writes are answered, soon and without help.
    #[track_caller]
    pub(super) fn is_answered(&self) {
        let begun = Instant::now();
        let count = || {
            let written = self.written.lock().unwrap().values().map(Vec::len).sum::<usize>();
            (self.fetched.lock().unwrap().len(), written)
        };
        let before = count();
        while count().0 <= before.0 || count().1 <= before.1 {
            assert!(begun.elapsed() < RECOVERY, "it does not serve again");
            std::thread::sleep(Duration::from_millis(2));
        }
        note(&self.slowest_recovery, begun.elapsed());
    }

    /// Demands that all are refused, and are told so in time.
    #[track_caller]
    pub(super) fn is_refused(&self) {
        let (begun, before) = (Instant::now(), self.refused.load(Ordering::SeqCst));
        while self.refused.load(Ordering::SeqCst) < before + 2 * (READERS + WRITERS) as u64 {
            assert!(begun.elapsed() < BOUND, "nobody is refused");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn read_for_ever(&self, reader: usize) {
        let mut client = self.agent.client.clone();
        while !self.is_over.load(Ordering::SeqCst) {
            self.follow(&mut client, reader);
            let (path, header) = match reader % 2 {
                0 => (self.ground.secret("W1"), ("X-A", "b")),
                _ => (self.ground.secrets(), ("If-None-Match", "\"rev-3\"")),
            };
            let answer = client.ask("GET", &path, &[header], b"").ok();
            if let Some(answer) = self.judged(answer, &[200, 304]) {
                self.fetched.lock().unwrap().push(answer.request());
            }
        }
    }

    fn write_for_ever(&self, writer: usize) {
        let mut client = self.ground.owner.clone();
        let path = self.ground.secret(&name(writer));
        for number in 1.. {
            if self.is_over.load(Ordering::SeqCst) {
                break;
            }
            self.follow(&mut client, writer);
            let body = json!({ "value": value(writer, number) }).to_string();
            let answer = client.ask("PUT", &path, &[], body.as_bytes()).ok();
            if let Some(answer) = self.judged(answer, &[200]) {
                let entry = (answer.number("/revision"), answer.request(), number);
                self.written.lock().unwrap().entry(writer).or_default().push(entry);
            }
        }
    }

    /// Goes to a node that serves now.
    fn follow(&self, client: &mut Client, turn: usize) {
        let nodes = self.nodes.read().unwrap();
        // Of two readers, and of two writers, each has another node.
        let address = nodes[(turn / 2) % nodes.len()];
        if client.address() != address {
            *client = client.at(address);
        }
    }

    /// An answer that says that something was done. Others are refusals, or none at all.
    fn judged(&self, answer: Option<Answer>, done: &[u16]) -> Option<Answer> {
        let Some(answer) = answer else {
            self.unanswered.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(5));
            return None;
        };
        if answer.status == 503 {
            self.refused.fetch_add(1, Ordering::SeqCst);
            note(&self.slowest_refusal, answer.received - answer.sent);
            std::thread::sleep(Duration::from_millis(5));
            return None;
        }
        assert!(done.contains(&answer.status), "under load something got {answer:?}");
        Some(answer)
    }

    /// Compares what was answered with what is there, and says what came of it.
    pub(super) fn account(self, vault: &Vault, what: &str, kills: usize) {
        let raw = Raw::of(vault);
        let recorded = raw
            .rows("SELECT request FROM audit WHERE outcome IN ('done', 'unchanged')")
            .into_iter()
            .flatten()
            .collect();
        let answered = self.fetched.lock().unwrap();
        let lost =
            answered.iter().filter(|request| !HashSet::contains(&recorded, *request)).count();
        assert_eq!(lost, 0, "of {} answered fetches so many have no row", answered.len());
        let (mut writes, mut checked) = (0, 0);
        for (writer, written) in self.written.lock().unwrap().iter() {
            writes += written.len();
            checked += self.account_of(vault, *writer, written, &recorded);
        }
        let changes = raw.number("SELECT COUNT(*) FROM secret_version");
        let is_write = "action = 'secret.write' AND outcome = 'done'";
        let noted = raw.number(&format!("SELECT COUNT(*) FROM audit WHERE {is_write}"));
        assert_eq!(changes, noted, "as many changes as rows that say so");
        assert_chains(&raw);
        if vault.database() == Database::Sqlite {
            assert_eq!(raw.rows("PRAGMA integrity_check"), [["ok"]]);
        }
        let verified = verify(vault);
        let refusal = *self.slowest_refusal.lock().unwrap();
        assert!(refusal < BOUND, "a refusal took {refusal:?}");
        let fetches = answered.len();
        // On a machine that does much else, little of the time is between two of them.
        let enough = 4 * kills;
        assert!(fetches >= enough && writes >= enough && checked > 3, "{fetches} {writes}");
        assert!(kills > 0);
        // Read by who runs this for longer.
        let _ = writeln!(
            std::io::stderr(),
            "trial: {:?}, {kills} times {what} was killed: {fetches} fetches and {writes} writes were \
             answered, {} refused (in {refusal:.2?} at most), {} left without an answer; it served again \
             within {:.2?}; {verified}",
            self.database,
            self.refused.load(Ordering::SeqCst),
            self.unanswered.load(Ordering::SeqCst),
            *self.slowest_recovery.lock().unwrap(),
        );
    }

    /// Looks at what one writer was told. Tells how many of the values were read again.
    fn account_of(
        &self,
        vault: &Vault,
        writer: usize,
        written: &[Written],
        recorded: &HashSet<String>,
    ) -> usize {
        let client = self.ground.owner.at(vault.addresses()[0]);
        let path = self.ground.secret(&name(writer));
        let versions = client.get(&format!("{path}/versions")).ok().json();
        let versions = versions["versions"].as_array().unwrap().iter();
        let versions: BTreeMap<i64, i64> = versions
            .map(|one| (one["revision"].as_i64().unwrap(), one["version"].as_i64().unwrap()))
            .collect();
        let mut checked = 0;
        for (at, (revision, request, number)) in written.iter().enumerate() {
            assert!(recorded.contains(request), "a write has no row");
            let version = versions.get(revision).expect("an acknowledged write is lost");
            // All are there; what some of them hold is looked at.
            if at % 8 == 0 || at + 1 == written.len() {
                let found = client.get(&format!("{path}?version={version}")).ok();
                let pointer = format!("/secrets/{}/value", name(writer));
                assert!(found.text(&pointer) == value(writer, *number), "another value");
                checked += 1;
            }
        }
        checked
    }
}

fn name(writer: usize) -> String {
    format!("W{writer}")
}

fn value(writer: usize, number: u64) -> String {
    canary(&format!("crash-{writer}-{number}"))
}

fn note(slowest: &Mutex<Duration>, one: Duration) {
    let mut slowest = slowest.lock().unwrap();
    *slowest = one.max(*slowest);
}

/// Has the program export the record and check it, as an auditor does.
fn verify(vault: &Vault) -> String {
    let file = vault.folder().join("record.jsonl");
    let file = file.to_str().unwrap();
    let key = vault.run(&["audit", "key"]);
    let key = String::from_utf8(key.stdout).unwrap();
    let exported = vault.run(&["audit", "export", "-o", file]);
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let mut verify = Command::new(vault_binary());
    let said = verify.args(["audit", "verify", file, "--key", key.trim()]).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let said = String::from_utf8(said.stdout).unwrap();
    said.lines().next().unwrap().to_owned()
}
