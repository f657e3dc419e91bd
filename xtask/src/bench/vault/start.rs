//! How long a node takes to begin, and how much memory it has then, with much in its store.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use unspoken_testkit::{Client, Database, Ground};

use super::load::memory_of;
use super::ours;

/// How many secrets are in the store.
pub(super) const SECRETS: usize = 1_000_000;

/// How many one environment has, and how many are set at once.
const IN_ONE: usize = 10_000;
const AT_ONCE: usize = 2_500;

const ROUNDS: usize = 5;

#[derive(Default)]
pub(super) struct Start {
    /// From the start of the process to its first answer out of the store, at the longest.
    pub(super) longest: Duration,
    /// KiB of a node that has answered once.
    pub(super) memory: u64,
    /// Bytes of the database's file.
    pub(super) stored: u64,
}

impl Start {
    pub(super) fn measure(work: &Path) -> Result<Self> {
        let mut vault = super::vault(work, Database::Sqlite);
        vault.start();
        let first = vault.ground();
        for number in 0..SECRETS / IN_ONE {
            let ground = first.beside(&format!("environment-{number}"));
            fill(&ground);
        }
        let (path, token) = (first.secrets(), first.owner.token().to_owned());
        vault.stop();
        let mut start = Self::default();
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            let address = vault.start();
            Client::new(address).with_token(&token).get(&path).ok();
            start.longest = start.longest.max(begun.elapsed());
            let process = vault.processes().first().copied().context("no node serves")?;
            start.memory = start.memory.max(memory_of(process)?);
            vault.stop();
        }
        start.stored = std::fs::metadata(vault.file()).context("the store is gone")?.len();
        Ok(start)
    }
}

fn fill(ground: &Ground) {
    for from in (0..IN_ONE).step_by(AT_ONCE) {
        ours::fill(ground, from..from + AT_ONCE);
    }
}
