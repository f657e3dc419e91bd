//! `cargo xtask bench`: what a run costs, against the others, on equal values.
//!
//! Rules:
//! - All contenders run in turn, round by round, so that whatever else the
//!   machine does meets them alike. The minimum is the honest figure, the median the
//!   usual one.
//! - A contender's cost is its time less that of the bare command.
//! - Executed instructions are counted too: they are the same on every machine.

mod contender;
mod history;
mod machine;
mod matcher;
mod measure;
mod page;
mod project;
mod redaction;
mod scan;
pub(crate) mod vault;

use std::path::Path;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::command::{root, target};
use crate::{dist, sdk, setup};
use contender::Bench;
use history::HistoryScan;
use matcher::{Example, Speed};
use measure::{Times, instructions, peak_memory, race};
use redaction::{Passing, Start};
use scan::Scan;

const COUNTS: [usize; 4] = [1, 10, 100, 1000];

/// How often each kind of contender runs: what takes seconds runs less often.
const ROUNDS: usize = 300;
const SLOW_ROUNDS: usize = 30;
const SLOWEST_ROUNDS: usize = 4;

/// How many recipients a document has that is rotated, besides its own key.
const READERS: usize = 20;

/// With how many secrets much output is measured, and with how many little.
const PASSING: usize = 100;
const STARTS: [usize; 2] = [10, 1000];

/// What was measured with one number of secrets.
struct Row {
    secrets: usize,
    bare: Times,
    unspoken: Times,
    by_pipe: Times,
    sops: Times,
    dotenvx: Times,
}

/// Everything that the page shows.
#[derive(Default)]
struct Findings {
    rows: Vec<Row>,
    list: Times,
    set: Times,
    rotate: Times,
    sops_rotate: Times,
    /// Number of secrets, and instructions before the command starts.
    instructions: Vec<(usize, u64)>,
    /// What a reading of ten secrets costs inside of Node, in words.
    node_reading: String,
    /// Contender and KiB, with 1,000 secrets.
    memory: Vec<(&'static str, u64)>,
    speeds: Vec<Speed>,
    passing: Passing,
    starts: Vec<Start>,
    scan: Scan,
    history: HistoryScan,
}

pub(crate) fn run() -> Result<()> {
    scan::ensure_ripgrep()?;
    let (peers, binary) = (setup::ensure_gitleaks()?, dist::build()?);
    let example = Example::build()?;
    let work = work_folder()?;
    let mut findings = Findings::default();
    println!("redaction, in memory");
    findings.speeds = example.measure()?;
    let log = work.path().join("log");
    example.write_log(&log, redaction::BYTES)?;
    let mut last = None;
    for secrets in COUNTS {
        println!("{secrets} secrets");
        let bench = last.insert(Bench::new(&binary, &peers, secrets)?);
        let [bare, unspoken, by_pipe, sops, dotenvx] = race([
            (&bench.bare(), ROUNDS),
            (&bench.unspoken(), ROUNDS),
            (&bench.by_pipe(), ROUNDS),
            (&bench.sops(), SLOW_ROUNDS),
            (&bench.dotenvx(), SLOWEST_ROUNDS),
        ])?;
        findings.rows.push(Row { secrets, bare, unspoken, by_pipe, sops, dotenvx });
        findings.instructions.push((secrets, instructions(&bench.unspoken_of_nothing())?));
        if secrets == PASSING {
            findings.passing = Passing::measure(bench, secrets, &log)?;
        }
        if STARTS.contains(&secrets) {
            findings.starts.push(Start::measure(bench, secrets)?);
        }
    }
    let most = last.context("nothing was measured")?;
    let contenders =
        [most.bare(), most.unspoken_replaced(), most.unspoken(), most.sops(), most.dotenvx()];
    for contender in contenders {
        findings.memory.push((contender.name, peak_memory(&contender)?));
    }
    println!("list and set");
    [findings.list, findings.set] = race([(&most.list(), ROUNDS), (&most.set(), ROUNDS)])?;
    println!("rotate");
    most.share(READERS)?;
    [findings.rotate, findings.sops_rotate] =
        race([(&most.rotate(), SLOW_ROUNDS), (&most.sops_rotate(), SLOW_ROUNDS)])?;
    println!("scans");
    findings.scan = Scan::measure(&binary, work.path())?;
    findings.history = HistoryScan::measure(&binary, &peers, work.path())?;
    println!("reading, in Node");
    findings.node_reading = sdk::node_reading(&peers, &binary)?;
    let text = page::print(&findings, &machine::describe()?);
    println!("{text}");
    let path = root().join("docs/benchmarks.md");
    std::fs::write(path, text).context("cannot write docs/benchmarks.md")
}

/// Measures one thing alone, on a repository of one's own, and prints it.
pub(crate) fn run_history(repository: &Path) -> Result<()> {
    let (peers, binary) = (setup::ensure_gitleaks()?, dist::build()?);
    let repository = repository.canonicalize().context("the repository is not there")?;
    let work = work_folder()?;
    let history = HistoryScan::measure_on(&repository, &binary, &peers, work.path())?;
    println!("{}", history.print());
    Ok(())
}

/// A folder for what is large: gone afterwards, and on the disk that builds lie on.
fn work_folder() -> Result<TempDir> {
    let folder = target().join("bench");
    std::fs::create_dir_all(&folder).context("cannot make the folder for what is measured on")?;
    tempfile::tempdir_in(folder).context("cannot make a temporary folder")
}
