//! `cargo xtask bench vault`: what a fetch costs the server, beside another server that keeps
//! a record.
//!
//! Rules:
//! - The same client, the same connections, the loopback address, the same disk. Whoever is
//!   measured runs alone; the others are stopped meanwhile.
//! - The contenders run in turn, round by round; the round of median speed is shown.
//! - Every fetch that counts was answered, and is in the record.

mod load;
mod ours;
mod page;
mod peer;
mod start;

use std::path::Path;

use anyhow::{Context as _, Result};
use unspoken_testkit::{Database, Vault};

use crate::bench::machine;
use crate::command::{root, target};
use crate::{dist, setup};
use load::{Figure, Mix, Service};
use peer::Peer;
use start::Start;

/// What is asked for, by how many connections at once.
const LOADS: [(Mix, usize); 8] = [
    (Mix::One, 1),
    (Mix::One, 32),
    (Mix::One, 64),
    (Mix::One, 256),
    (Mix::Whole, 32),
    (Mix::Unchanged, 32),
    (Mix::Whole, 64),
    (Mix::Writes, 32),
];

/// How often each load is measured with each contender.
const ROUNDS: usize = 3;

/// How many secrets the environment has that is read whole.
const SECRETS: usize = 50;

/// One load, and what came of it: `SQLite`, `PostgreSQL`, the peer.
struct Row {
    mix: Mix,
    connections: usize,
    figures: [Figure; 3],
}

/// Everything that the page shows.
struct Findings {
    rows: Vec<Row>,
    peer: String,
    /// KiB after the load.
    memory: [u64; 3],
    start: Start,
}

pub(crate) fn run() -> Result<()> {
    load::ensure_wrk()?;
    let program = setup::ensure_vault_peer()?;
    unspoken_testkit::use_vault_binary(dist::build_vault()?);
    let work = target().join("bench");
    std::fs::create_dir_all(&work).context("cannot make the folder for what is measured on")?;
    let work = tempfile::tempdir_in(work).context("cannot make a temporary folder")?;
    let findings = measure(&program, work.path())?;
    let text = page::print(&findings, &machine::describe()?);
    println!("{text}");
    let path = root().join("docs/benchmarks-vault.md");
    std::fs::write(path, text).context("cannot write docs/benchmarks-vault.md")
}

fn measure(program: &Path, work: &Path) -> Result<Findings> {
    let databases = [Database::Sqlite, Database::Postgres];
    let [sqlite, postgres] = databases.map(|database| ours::serve(work, database));
    let peer = Peer::serve(program, work)?;
    let services = [
        ours::service(&sqlite, SECRETS),
        ours::service(&postgres, SECRETS),
        peer.service(SECRETS)?,
    ];
    let mut rows = Vec::new();
    for (mix, connections) in LOADS {
        println!("{} by {connections} connections", mix.describe());
        let figures = race(&services, mix, connections, work)?;
        for figure in &figures {
            println!("  {:.0} a second", figure.per_second());
        }
        rows.push(Row { mix, connections, figures });
    }
    let memory = services.each_ref().map(Service::memory);
    let [sqlite_memory, postgres_memory, peer_memory] = memory;
    let memory = [sqlite_memory?, postgres_memory?, peer_memory?];
    ours::check_record(&sqlite)?;
    ours::check_record(&postgres)?;
    let version = peer.version();
    drop((sqlite, postgres, peer));
    println!("a start with {} secrets", start::SECRETS);
    Ok(Findings { rows, peer: version, memory, start: Start::measure(work)? })
}

/// The round of median speed, of each.
fn race(services: &[Service; 3], mix: Mix, connections: usize, work: &Path) -> Result<[Figure; 3]> {
    for service in services {
        service.pause()?;
    }
    let mut all: [Vec<Figure>; 3] = Default::default();
    for _ in 0..ROUNDS {
        for (service, figures) in services.iter().zip(&mut all) {
            service.go_on()?;
            let figure = load::measure(service, mix, connections, work);
            service.pause()?;
            figures.push(figure.with_context(|| format!("{} cannot be measured", service.name))?);
        }
    }
    for service in services {
        service.go_on()?;
    }
    Ok(all.map(|mut figures| {
        figures.sort_by(|one, other| one.per_second().total_cmp(&other.per_second()));
        figures.swap_remove(figures.len() / 2)
    }))
}

/// Where a vault's store is made, for a measurement on the disk that builds lie on.
fn vault(work: &Path, database: Database) -> Vault {
    Vault::idle_in(work, database)
}
