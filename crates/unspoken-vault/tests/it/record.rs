//! Promise 1: no value leaves before its row of the record is durable. Where the record cannot be
//! written, the answer is 503 and no value; and it recovers by itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use unspoken_testkit::{Agent, Database, Ground, Vault, canary};

use crate::raw::{Raw, assert_chains};

/// How long a refusal takes at most: the time that one request has, and a little.
const BOUND: Duration = Duration::from_secs(15);

/// An environment with a value, and an agent that has fetched it.
struct Scene {
    ground: Ground,
    agent: Agent,
    value: String,
}

impl Scene {
    fn new(vault: &Vault) -> Self {
        let (ground, value) = (vault.ground(), canary("record"));
        ground.set("KEY", &value);
        let agent = ground.agent();
        ground.has(&agent.client, "KEY", &value);
        Self { ground, agent, value }
    }

    /// Nothing is handed out, said to be unchanged, or changed.
    fn refuses(&self) {
        for _ in 0..3 {
            for path in [self.ground.secret("KEY"), self.ground.secrets()] {
                let answer = self.agent.client.get(&path).is(503);
                assert!(!answer.holds(&self.value));
                assert_eq!(answer.code(), "unavailable");
                assert!(answer.header("retry-after").is_some());
                assert!(answer.received - answer.sent < BOUND);
            }
            let has = ("If-None-Match", "\"rev-1\"");
            self.agent.client.get_with(&self.ground.secrets(), has).is(503);
        }
        let body = json!({ "value": canary("not-written") });
        self.ground.owner.put(&self.ground.secret("KEY"), &body).is(503);
    }

    /// It serves again, soon and without help, and what it did not answer was not done.
    fn recovers(&self) {
        let begun = Instant::now();
        loop {
            match self.agent.client.get(&self.ground.secret("KEY")) {
                answer if answer.status == 503 => assert!(begun.elapsed() < BOUND),
                answer => {
                    assert_eq!(answer.ok().number("/revision"), 1);
                    break;
                }
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.ground.has(&self.agent.client, "KEY", &self.value);
    }
}

#[test]
fn promise_1_a_full_disk_refuses_and_recovers() {
    let mut vault = Vault::on(Database::Sqlite);
    let scene = Scene::new(&vault);
    vault.stop();
    // A disk of its own, which only the node sees.
    let folder = vault.file().parent().unwrap().to_owned();
    let script = format!(
        "set -e; cp -a '{0}' '{0}.kept'; mount -t tmpfs -o size=2m none '{0}'; \
         cp -a '{0}.kept/.' '{0}'; exec \"$@\"",
        folder.display()
    );
    let address = vault.start_through(&["unshare", "-rm", "sh", "-c", &script, "sh"]);
    let scene = scene_at(scene, address);
    let process = vault.processes()[0];
    let filler = PathBuf::from(format!("/proc/{process}/root{}/filler", folder.display()));
    for _ in 0..2 {
        // Until nothing more fits.
        let outcome = fs::write(&filler, vec![0; 4 << 20]);
        assert!(outcome.is_err_and(|error| error.kind() == std::io::ErrorKind::StorageFull));
        scene.refuses();
        fs::remove_file(&filler).unwrap();
        scene.recovers();
    }
}

#[test]
fn promise_1_a_file_that_cannot_grow_refuses_and_recovers() {
    let mut vault = Vault::on(Database::Sqlite);
    let scene = Scene::new(&vault);
    vault.stop();
    let ignoring = ["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"];
    let scene = scene_at(scene, vault.start_through(&ignoring));
    scene.recovers();
    let process = vault.processes()[0].to_string();
    let limit = |soft: &str| {
        let status = Command::new("prlimit")
            .args(["--pid", &process, &format!("--fsize={soft}:unlimited")])
            .status();
        assert!(status.unwrap().success());
    };
    limit("0");
    scene.refuses();
    limit("unlimited");
    scene.recovers();
    assert_chains(&Raw::of(&vault));
}

/// The same scene at another node.
fn scene_at(scene: Scene, address: std::net::SocketAddr) -> Scene {
    let Scene { ground, agent, value } = scene;
    let ground = Ground { owner: ground.owner.at(address), ..ground };
    let agent = Agent { client: agent.client.at(address), ..agent };
    Scene { ground, agent, value }
}

#[test]
fn promise_1_a_file_deleted_while_open_refuses_and_recovers_when_it_is_back() {
    let vault = Vault::on(Database::Sqlite);
    let scene = Scene::new(&vault);
    let file = vault.file();
    let with = |suffix: &str| PathBuf::from(format!("{}{suffix}", file.display()));
    let away = |path: &Path| path.with_extension("away");
    for one in ["", "-wal"].map(with) {
        fs::rename(&one, away(&one)).unwrap();
        scene.refuses();
        // Another file in its place is none of ours.
        fs::copy(away(&one), &one).unwrap();
        scene.refuses();
        fs::rename(away(&one), &one).unwrap();
        scene.recovers();
    }
    assert_chains(&Raw::of(&vault));
    fs::remove_file(&file).unwrap();
    scene.refuses();
}

#[test]
fn promise_1_a_table_that_may_not_be_written_refuses_and_recovers() {
    let vault = Vault::on(Database::Postgres);
    let scene = Scene::new(&vault);
    let raw = Raw::of(&vault);
    for (take, give) in [
        ("REVOKE INSERT ON audit FROM vault", "GRANT INSERT ON audit TO vault"),
        ("ALTER TABLE audit RENAME TO gone", "ALTER TABLE gone RENAME TO audit"),
        (
            "ALTER TABLE audit ADD CONSTRAINT no CHECK (false) NOT VALID",
            "ALTER TABLE audit DROP CONSTRAINT no",
        ),
        (
            "ALTER DATABASE postgres SET application_name = 'x'; \
             CREATE RULE nothing AS ON INSERT TO audit DO INSTEAD SELECT 1 / 0",
            "DROP RULE nothing ON audit",
        ),
    ] {
        raw.change(take);
        scene.refuses();
        raw.change(give);
        scene.recovers();
    }
    assert_chains(&raw);
}

#[test]
fn promise_1_a_database_that_died_refuses_and_recovers() {
    let vault = Vault::on_own_cluster();
    let scene = Scene::new(&vault);
    let (cluster, _) = vault.cluster();
    for _ in 0..2 {
        cluster.crash();
        scene.refuses();
        cluster.start();
        scene.recovers();
    }
    assert_chains(&Raw::of(&vault));
}

#[test]
fn promise_1_a_database_that_hangs_refuses_within_a_bound_and_recovers() {
    let vault = Vault::on_own_cluster();
    let scene = Scene::new(&vault);
    let (cluster, _) = vault.cluster();
    let tell = |signal: &str| {
        for process in cluster.processes() {
            let status = Command::new("kill").args([signal, &process.to_string()]).status();
            assert!(status.unwrap().success());
        }
    };
    tell("-STOP");
    // All at once: each of them waits as long as a request may.
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let client = scene.agent.client.clone();
            scope.spawn(|| {
                let client = client;
                let answer = client.get(&scene.ground.secret("KEY")).is(503);
                assert!(!answer.holds(&scene.value) && answer.received - answer.sent < BOUND);
            });
        }
    });
    tell("-CONT");
    scene.recovers();
    assert_chains(&Raw::of(&vault));
}
