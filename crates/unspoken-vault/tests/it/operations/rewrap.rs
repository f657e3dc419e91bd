//! New keys: the master key of a store, and the key of a project.

use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Map, Value, json};

use super::vault::{Kind, Vault, error, program, text};

const VALUE: &str = "plain-c3a590-value";

fn rewrap(vault: &Vault, old: &Path, new: &Path) -> Output {
    let mut command = program();
    command.arg("rewrap").args(vault.place()).arg("--master-key-file").arg(old);
    command.arg("--new-master-key-file").arg(new).output().unwrap()
}

#[track_caller]
fn read(vault: &Vault, environment: &str, name: &str) -> String {
    let answer = vault.value(environment, name);
    assert_eq!(answer.status, 200);
    answer.body["secrets"][name]["value"].as_str().unwrap().to_owned()
}

fn a_store_moves_to_another_master_key(kind: Kind) {
    let mut vault = Vault::new(kind);
    let (_, environment) = vault.project("acme");
    vault.put(&environment, "A", VALUE);
    let public = text(&vault.command(&["audit", "key"]));
    let (old, new) = (vault.key_file(), vault.path("keys/new.key"));
    let sealed = vault.look("SELECT sealed FROM secret_version");

    // A node that runs with the old key hands out nothing from then on, not even what it has read
    // before, and makes no key.
    assert!(read(&vault, &environment, "A") == VALUE);
    let path = format!("/v1/environments/{environment}/secrets");
    assert_eq!(vault.ask("GET", &path, &Value::Null).status, 200);
    let said = text(&rewrap(&vault, &old, &new));
    assert!(said.contains("version 2 of its master key"), "{said}");
    assert_eq!(vault.value(&environment, "A").status, 503);
    assert_eq!(vault.ask("GET", &path, &Value::Null).status, 503);
    assert_eq!(vault.ask("PUT", &format!("{path}/A"), &json!({"value": VALUE})).status, 503);
    let path = format!("/v1/teams/{}/projects", vault.team);
    assert_eq!(vault.ask("POST", &path, &json!({"name": "b", "remotes": []})).status, 503);
    vault.stop();

    // The old key opens nothing, and the values were not written anew.
    assert!(error(&vault.command(&["audit", "key"])).contains("does not open"));
    assert!(error(&rewrap(&vault, &old, &vault.path("keys/third.key"))).contains("does not open"));
    assert!(error(&rewrap(&vault, &new, &new)).contains("is the old one"));
    assert!(text(&rewrap(&vault, &old, &new)).contains("already"));
    assert_eq!(vault.look("SELECT sealed FROM secret_version"), sealed);
    std::fs::rename(&new, &old).unwrap();
    vault.serve();
    assert!(read(&vault, &environment, "A") == VALUE);
    vault.project("more");
    vault.stop();
    text(&vault.command(&["check", "--all"]));
    assert_eq!(text(&vault.command(&["audit", "key"])), public);
}

#[test]
fn a_store_moves_to_another_master_key_on_sqlite() {
    a_store_moves_to_another_master_key(Kind::Sqlite);
}

#[test]
fn a_store_moves_to_another_master_key_on_postgresql() {
    a_store_moves_to_another_master_key(Kind::Postgres);
}

#[test]
fn a_rewrap_that_was_cut_short_goes_on_with_the_same_key_alone() {
    let mut vault = Vault::new(Kind::Sqlite);
    let (_, environment) = vault.project("first");
    vault.put(&environment, "A", VALUE);
    for number in 0..250 {
        vault.project(&format!("project-{number}"));
    }
    vault.stop();
    let (old, new) = (vault.key_file(), vault.path("keys/new.key"));
    // The database gives up in the middle.
    let last = vault.look("SELECT MAX(project) FROM project_key");
    vault.change(&format!(
        "CREATE TRIGGER fail BEFORE UPDATE ON project_key WHEN old.project = '{last}' \
         BEGIN SELECT RAISE(ABORT, 'stop'); END"
    ));
    error(&rewrap(&vault, &old, &new));
    assert_eq!(vault.look("SELECT COUNT(*) FROM project_key WHERE kek = 2"), "200");
    // It is neither the old key's nor the new one's.
    let begun = "has not come to its end";
    assert!(error(&vault.command(&["serve"])).contains(begun));
    assert!(String::from_utf8(vault.command(&["check"]).stdout).unwrap().contains(begun));
    assert!(error(&rewrap(&vault, &old, &vault.path("keys/third.key"))).contains("another new"));
    vault.change("DROP TRIGGER fail");
    assert!(text(&rewrap(&vault, &old, &new)).contains("51 keys"));
    std::fs::rename(&new, &old).unwrap();
    vault.serve();
    assert!(read(&vault, &environment, "A") == VALUE);
    assert!(text(&vault.command(&["check", "--all"])).contains("251 can be used"));
}

/// How many versions of values are moved.
const NAMES: usize = 900;

fn a_project_moves_to_a_new_key(kind: Kind) {
    let mut vault = Vault::new(kind);
    let (project, environment) = vault.project("acme");
    let set = |at: usize| (format!("N{at}"), json!({"value": format!("{VALUE}-{at}")}));
    let changes = json!({"set": (0..NAMES).map(set).collect::<Map<_, _>>()});
    let path = format!("/v1/environments/{environment}/secrets");
    for _ in 0..3 {
        assert_eq!(vault.ask("PATCH", &path, &changes).status, 200);
    }
    let sealed = "SELECT sealed FROM secret_version WHERE name = 'N7' AND version = 3";
    let before = vault.look(sealed);
    let begin = format!("/v1/projects/{project}/rewrap");
    let answer = vault.ask("POST", &begin, &json!({}));
    assert_eq!((answer.status, &answer.body["key_version"]), (200, &json!(2)));
    // One at a time.
    assert_eq!(vault.ask("POST", &begin, &json!({})).status, 409);
    vault.put(&environment, "NEW", VALUE);
    assert_eq!(vault.look("SELECT key_version FROM secret_version WHERE name = 'NEW'"), "2");

    // Killed in the middle, it goes on; all can be read all the time.
    let left = "SELECT COUNT(*) FROM secret_version WHERE key_version = 1";
    while vault.look(left) == (3 * NAMES).to_string() {
        assert!(read(&vault, &environment, "N899") == format!("{VALUE}-899"));
    }
    vault.kill();
    vault.serve();
    while vault.look(left) != "0" {
        assert!(read(&vault, &environment, "N0") == format!("{VALUE}-0"));
        assert_eq!(vault.ask("GET", &path, &Value::Null).status, 200);
    }
    assert_eq!(vault.look(sealed), before);
    // And the old key goes.
    vault.wait_for("SELECT COUNT(*) FROM project_key", "1");
    assert!(read(&vault, &environment, "N1") == format!("{VALUE}-1"));
    let old = vault.ask("GET", &format!("{path}/N1?version=1"), &Value::Null);
    assert_eq!(old.status, 200);
    text(&vault.command(&["check", "--all"]));
}

/// A value that is written while the others are moved gets the new key, or is moved as well.
#[test]
fn values_that_two_nodes_write_meanwhile_can_be_read_afterwards() {
    let vault = Vault::new(Kind::Postgres);
    let other = vault.start(&vault.key_file());
    let (project, environment) = vault.project("acme");
    let path = format!("/v1/environments/{environment}/secrets");
    vault.put(&environment, "A0", VALUE);
    let is_over = AtomicBool::new(false);
    let written = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (vault, other, is_over) = (&vault, &other, &is_over);
            let (path, written) = (&path, &written);
            scope.spawn(move || {
                let path = format!("{path}/A{thread}");
                while !is_over.load(Ordering::SeqCst) {
                    let body = json!({"value": VALUE});
                    let answer = match thread % 2 {
                        0 => vault.ask("PUT", &path, &body),
                        _ => other.ask(&vault.session, "PUT", &path, &body),
                    };
                    assert_eq!(answer.status, 200);
                    written.fetch_add(1, Ordering::SeqCst);
                    let answer = other.ask(&vault.session, "GET", &path, &Value::Null);
                    assert_eq!(answer.status, 200);
                }
            });
        }
        while written.load(Ordering::SeqCst) < 100 {
            std::thread::yield_now();
        }
        let begin = format!("/v1/projects/{project}/rewrap");
        assert_eq!(other.ask(&vault.session, "POST", &begin, &json!({})).status, 200);
        vault.wait_for("SELECT MIN(version) FROM project_key", "2");
        is_over.store(true, Ordering::SeqCst);
    });
    let count = vault.look("SELECT COUNT(*) FROM secret_version");
    assert_eq!(count, (written.into_inner() + 1).to_string());
    let said = text(&vault.command(&["check", "--all"]));
    assert!(said.contains(&format!("all {count} can be opened")), "{said}");
}

#[test]
fn a_project_moves_to_a_new_key_on_sqlite() {
    a_project_moves_to_a_new_key(Kind::Sqlite);
}

#[test]
fn a_project_moves_to_a_new_key_on_postgresql() {
    a_project_moves_to_a_new_key(Kind::Postgres);
}
