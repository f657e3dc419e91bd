//! Promise 7: kill -9 at any time loses no acknowledged write and no row of an answered fetch.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

use serde_json::json;
use unspoken_testkit::{Agent, Client, Database, Ground, Vault, canary};

use crate::raw::{Raw, assert_chains};
use crate::wish;

const READERS: usize = 4;
const WRITERS: usize = 4;

type Written = (i64, String, u64);

/// What the clients were answered.
#[derive(Default)]
struct Answered {
    /// The ids of requests that were answered with a value or that it is unchanged.
    fetched: Mutex<Vec<String>>,
    /// By writer: revision, request and what was written.
    written: Mutex<BTreeMap<usize, Vec<Written>>>,
    /// What may have been written and was not answered.
    unknown: AtomicU64,
    is_over: AtomicBool,
}

#[test]
fn promise_7_killing_a_node_every_second_loses_nothing_that_was_answered() {
    Vault::each(|mut vault| {
        let seconds = wish("UNSPOKEN_KILL_SECONDS", 10);
        let ground = vault.ground();
        // What is written has been there before: a reader always finds it.
        for writer in 0..WRITERS {
            ground.set(&name(writer), &value(writer, 0));
        }
        let agent = ground.agent();
        let node = RwLock::new(vault.addresses()[0]);
        let answered = Answered::default();
        std::thread::scope(|scope| {
            load(scope, &ground, &agent, &answered, &node);
            for _ in 0..seconds {
                std::thread::sleep(Duration::from_millis(900));
                vault.kill();
                *node.write().unwrap() = vault.start();
            }
            answered.is_over.store(true, Ordering::SeqCst);
        });
        account(&vault, &ground, answered);
    });
}

#[test]
fn promise_7_killing_the_database_loses_nothing_that_was_answered() {
    let vault = Vault::on_own_cluster();
    let ground = vault.ground();
    for writer in 0..WRITERS {
        ground.set(&name(writer), &value(writer, 0));
    }
    let agent = ground.agent();
    let node = RwLock::new(vault.addresses()[0]);
    let answered = Answered::default();
    let (cluster, _) = vault.cluster();
    std::thread::scope(|scope| {
        load(scope, &ground, &agent, &answered, &node);
        for _ in 0..wish("UNSPOKEN_KILL_SECONDS", 10) / 2 {
            std::thread::sleep(Duration::from_millis(900));
            cluster.crash();
            cluster.start();
        }
        answered.is_over.store(true, Ordering::SeqCst);
    });
    account(&vault, &ground, answered);
}

fn name(writer: usize) -> String {
    format!("W{writer}")
}

fn value(writer: usize, number: u64) -> String {
    canary(&format!("crash-{writer}-{number}"))
}

/// Begins to read and to write.
fn load<'scope, 'all: 'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    ground: &'all Ground,
    agent: &'all Agent,
    answered: &'all Answered,
    node: &'all RwLock<SocketAddr>,
) {
    for reader in 0..READERS {
        scope.spawn(move || {
            let mut client = agent.client.clone();
            while !answered.is_over.load(Ordering::SeqCst) {
                follow(&mut client, node);
                let (path, header) = match reader % 2 {
                    0 => (ground.secret("W1"), ("X-A", "b")),
                    _ => (ground.secrets(), ("If-None-Match", "\"rev-3\"")),
                };
                let Ok(answer) = client.ask("GET", &path, &[header], b"") else { continue };
                match answer.status {
                    200 | 304 => answered.fetched.lock().unwrap().push(answer.request()),
                    503 => {}
                    _ => panic!("a fetch was answered with {answer:?}"),
                }
            }
        });
    }
    for writer in 0..WRITERS {
        scope.spawn(move || {
            let mut client = ground.owner.clone();
            let mut number = 0;
            while !answered.is_over.load(Ordering::SeqCst) {
                follow(&mut client, node);
                number += 1;
                let body = json!({ "value": value(writer, number) }).to_string();
                let path = ground.secret(&name(writer));
                match client.ask("PUT", &path, &[], body.as_bytes()) {
                    Ok(answer) if answer.status == 200 => {
                        let entry = (answer.number("/revision"), answer.request(), number);
                        let mut written = answered.written.lock().unwrap();
                        written.entry(writer).or_default().push(entry);
                    }
                    Ok(answer) if answer.status != 503 => panic!("a write got {answer:?}"),
                    _ => drop(answered.unknown.fetch_add(1, Ordering::SeqCst)),
                }
            }
        });
    }
}

/// Goes to the node that serves now.
fn follow(client: &mut Client, node: &RwLock<SocketAddr>) {
    let address = *node.read().unwrap();
    if client.address() != address {
        *client = client.at(address);
    }
}

/// Compares what was answered with what is there.
fn account(vault: &Vault, ground: &Ground, answered: Answered) {
    let client = ground.owner.at(vault.addresses()[0]);
    let begun = Instant::now();
    while client.get("/v1/session").status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(30), "it does not serve again");
        std::thread::sleep(Duration::from_millis(20));
    }
    let raw = Raw::of(vault);
    let outcomes = "outcome IN ('done', 'unchanged')";
    let rows = raw.rows(&format!("SELECT request FROM audit WHERE {outcomes}"));
    let recorded: std::collections::HashSet<String> = rows.into_iter().flatten().collect();
    let fetched = answered.fetched.into_inner().unwrap();
    let lost = fetched.iter().filter(|request| !recorded.contains(*request)).count();
    assert_eq!(lost, 0, "of {} answered fetches so many have no row", fetched.len());
    let (mut writes, mut checked) = (0, 0);
    for (writer, written) in answered.written.into_inner().unwrap() {
        let path = ground.secret(&name(writer));
        let versions = client.get(&format!("{path}/versions")).ok().json();
        let versions: BTreeMap<i64, i64> = versions["versions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["revision"].as_i64().unwrap(), one["version"].as_i64().unwrap()))
            .collect();
        writes += written.len();
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
    }
    assert_chains(&raw);
    assert!(fetched.len() > 50 && writes > 20 && checked > 8, "{} {writes}", fetched.len());
    if vault.database() == Database::Sqlite {
        assert_eq!(raw.rows("PRAGMA integrity_check"), [["ok"]]);
    }
}
