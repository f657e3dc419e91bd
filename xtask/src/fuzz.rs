//! Fuzzing: every reader of foreign bytes has a target in `fuzz/`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};

use crate::command::{Said, listen, must, path_with, program, root};
use crate::setup;

const NIGHTLY: &str = "nightly";

/// `cargo xtask fuzz [TARGET] [--seconds N]`
pub(crate) fn run(words: &[&str]) -> Result<()> {
    let (target, seconds) = match words {
        [] => (None, 60),
        ["--seconds", seconds] => (None, seconds.parse()?),
        [target] => (Some(*target), 60),
        [target, "--seconds", seconds] => (Some(*target), seconds.parse()?),
        _ => bail!("usage: cargo xtask fuzz [TARGET] [--seconds N]"),
    };
    ensure!(has_nightly(), "fuzzing needs a nightly toolchain: rustup toolchain install nightly");
    let known = targets()?;
    if let Some(target) = target {
        ensure!(known.iter().any(|name| name == target), "the targets are {}", known.join(", "));
    }
    for name in known.iter().filter(|name| target.is_none_or(|target| target == *name)) {
        println!("{name}: {}", one(name, seconds)?);
    }
    Ok(())
}

/// A short run of every target, for the suite.
pub(crate) fn check() -> Result<String> {
    if !has_nightly() {
        let in_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        ensure!(!in_ci, "fuzzing needs a nightly toolchain: rustup toolchain install nightly");
        return Ok("left out: no nightly toolchain".to_owned());
    }
    let known = targets()?;
    for name in &known {
        one(name, 10)?;
    }
    Ok(format!("{} targets, 10 s each", known.len()))
}

fn has_nightly() -> bool {
    let listed = listen(program("rustup").args(["toolchain", "list"]));
    listed.is_ok_and(|said| said.text.lines().any(|line| line.starts_with(NIGHTLY)))
}

fn targets() -> Result<Vec<String>> {
    let folder = root().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).context("cannot read fuzz/fuzz_targets")? {
        let path = entry?.path();
        names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Runs one target on its seeds and what earlier runs have found.
fn one(name: &str, seconds: u32) -> Result<String> {
    let peers = setup::ensure_fuzz()?;
    let corpus: PathBuf = root().join("fuzz/target/corpus").join(name);
    std::fs::create_dir_all(&corpus).context("cannot make the corpus folder")?;
    let mut command = program("rustup");
    command.args(["run", NIGHTLY, "cargo", "fuzz", "run", name]).arg(&corpus);
    command.arg(root().join("fuzz/seeds").join(name));
    command.args(["--", &format!("-max_total_time={seconds}"), "-rss_limit_mb=2048"]);
    // The stable toolchain's names would make nightly's cargo call stable's compiler.
    for variable in ["CARGO", "RUSTUP_TOOLCHAIN", "RUSTC", "RUSTFLAGS", "CARGO_TARGET_DIR"] {
        command.env_remove(variable);
    }
    command.env("PATH", path_with(&peers.join("bin"))?);
    let Said { text, success } = listen(&mut command)?;
    ensure!(success, "{text}\nfuzz target `{name}` failed");
    let done = text.lines().rev().find(|line| line.starts_with("Done "));
    Ok(done.context("the fuzzer did not report its end")?.to_owned())
}

/// Compiles nothing, checks that every target has a seed to begin from.
pub(crate) fn check_seeds() -> Result<()> {
    for name in targets()? {
        let folder = root().join("fuzz/seeds").join(&name);
        let seeds = std::fs::read_dir(&folder).map(Iterator::count).unwrap_or_default();
        ensure!(seeds > 0, "fuzz target `{name}` has no seed in {}", folder.display());
    }
    must(program("git").args(["check-ignore", "--quiet", "fuzz/target/x"])).map(drop)
}
