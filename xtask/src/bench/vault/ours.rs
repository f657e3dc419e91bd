//! Our server, on either database.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};
use unspoken_testkit::{Database, Vault};

use super::load::{Sent, Service};
use crate::bench::project::value;

/// So many requests in a second pass the limit, which is on the way all the same.
const RATE: u32 = 10_000_000;

pub(super) fn serve(work: &Path, database: Database) -> Vault {
    let mut vault = super::vault(work, database);
    vault.start_limited(RATE);
    vault
}

/// Fills a vault, and tells how it is asked.
pub(super) fn service(vault: &Vault, secrets: usize) -> Service {
    let ground = vault.ground();
    fill(&ground, 0..secrets);
    let agent = ground.agent().client;
    let reader = vec![("Authorization", format!("Bearer {}", agent.token()))];
    let get =
        |path: String| Sent { method: "GET", path, headers: reader.clone(), body: String::new() };
    // A name that is there already: each write is a version more.
    ground.set("WRITTEN", &value(0));
    let mut unchanged = get(ground.secrets());
    let tag = agent.get(&ground.secrets()).ok().header("etag").unwrap_or_default().to_owned();
    unchanged.headers.push(("If-None-Match", tag));
    let writer = vec![
        ("Authorization", format!("Bearer {}", ground.owner.token())),
        ("Content-Type", "application/json".to_owned()),
    ];
    let (name, beside) = match vault.database() {
        Database::Sqlite => ("unspoken-vault, SQLite", Vec::new()),
        Database::Postgres => ("unspoken-vault, PostgreSQL", vault.cluster().0.processes()),
    };
    Service {
        name,
        address: agent.address(),
        process: vault.processes().first().copied().unwrap_or_default(),
        beside,
        one: get(ground.secret(&secret(0))),
        whole: get(ground.secrets()),
        unchanged,
        write: Sent {
            method: "PUT",
            path: ground.secret("WRITTEN"),
            headers: writer,
            body: json!({ "value": value(0) }).to_string(),
        },
    }
}

/// Sets these secrets, as one revision.
pub(super) fn fill(ground: &unspoken_testkit::Ground, secrets: std::ops::Range<usize>) {
    let set: Map<String, Value> =
        secrets.map(|index| (secret(index), json!({ "value": value(index) }))).collect();
    ground.owner.patch(&ground.secrets(), &json!({ "set": set })).ok();
}

/// Has the record verified, as an operator would.
pub(super) fn check_record(vault: &Vault) -> Result<()> {
    let file = vault.folder().join("record");
    let file = file.to_str().context("the folder's name is no text")?;
    let exported = vault.run(&["audit", "export", "--output", file]);
    let said = String::from_utf8_lossy(&exported.stderr).into_owned();
    ensure!(exported.status.success(), "the record cannot be exported: {said}");
    let verified = std::process::Command::new(unspoken_testkit::vault_binary())
        .args(["audit", "verify"])
        .arg(file)
        .output()?;
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    ensure!(verified.status.success(), "the record does not hold: {said}");
    Ok(())
}

fn secret(index: usize) -> String {
    format!("SECRET_{index:04}")
}
