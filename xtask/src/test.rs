//! `cargo xtask test`: everything that must hold, in the order of cost.
//!
//! One line a step with its duration. The first step that fails shows what it
//! said and ends the suite. The last line counts cargo's tests.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use anyhow::{Context as _, Result, bail, ensure};

use crate::command::{Said, cargo, listen, must, path_with};
use crate::{api, canary, dist, fuzz, long, pages, sdk, setup, sizes, word};

type Step = (&'static str, fn(&mut Suite) -> Result<String>);

const STEPS: &[Step] = &[
    ("setup", |suite| suite.peers().map(|_| String::new())),
    ("fmt", |_| format()),
    ("words", |_| word::check().map(|()| String::new())),
    ("sizes", |_| sizes::check()),
    ("clippy", |_| clippy()),
    ("doc", |_| doc()),
    ("dist", |suite| suite.binary().map(|_| String::new())),
    ("tests", Suite::tests),
    ("sdks", Suite::sdks),
    ("api", |_| api::check()),
    ("pages", |_| pages::check()),
    ("deny", Suite::deny),
    ("fuzz", |_| fuzz::check()),
    ("canary", |suite| canary::check(suite.began)),
];

/// What is left out of a build unless it is asked for, and tested all the same. The step `api` builds
/// without.
const FEATURES: [&str; 2] = ["--features", "unspoken-vault/aws-kms"];

/// What only who names it waits for.
const LONG: &[Step] = &[("long", |_| long::run())];

/// Runs all steps, or the named ones.
pub(crate) fn run(names: &[&str]) -> Result<()> {
    for name in names {
        let known: Vec<&str> = STEPS.iter().chain(LONG).map(|(step, _)| *step).collect();
        ensure!(known.contains(name), "no step `{name}`; the steps are {}", known.join(", "));
    }
    let mut suite = Suite::new();
    let usual = STEPS.iter().filter(|(name, _)| names.is_empty() || names.contains(name));
    let special = LONG.iter().filter(|(name, _)| names.contains(name));
    for (name, step) in usual.chain(special) {
        print!("{name:8}");
        std::io::stdout().flush().context("cannot write")?;
        let start = Instant::now();
        match step(&mut suite) {
            Ok(remark) => println!("{:>7.1} s  {remark}", start.elapsed().as_secs_f32()),
            Err(error) => {
                println!(" failed\n{error:#}");
                let Tally { passed, failed } = suite.tally;
                bail!("{passed} passed, {} failed", failed.max(1));
            }
        }
    }
    match suite.tally.passed {
        // Cargo's tests were not among the steps.
        0 => println!("all of that passed"),
        passed => println!("{passed} passed, 0 failed"),
    }
    Ok(())
}

/// What the steps of one run share.
struct Suite {
    began: SystemTime,
    peers: Option<PathBuf>,
    binary: Option<PathBuf>,
    tally: Tally,
}

/// How many of cargo's tests passed and failed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Tally {
    passed: usize,
    failed: usize,
}

impl Suite {
    fn new() -> Self {
        Self { began: SystemTime::now(), peers: None, binary: None, tally: Tally::default() }
    }

    fn peers(&mut self) -> Result<PathBuf> {
        if self.peers.is_none() {
            self.peers = Some(setup::ensure()?);
        }
        self.peers.clone().context("the peers are not installed")
    }

    fn binary(&mut self) -> Result<PathBuf> {
        if self.binary.is_none() {
            self.binary = Some(dist::build()?);
        }
        self.binary.clone().context("the release binary is not built")
    }

    fn tests(&mut self) -> Result<String> {
        let (peers, binary) = (self.peers()?, self.binary()?);
        let mut command = cargo(["test", "--workspace", "--locked", "--no-fail-fast"]);
        command.args(FEATURES);
        command.env("UNSPOKEN_PEERS", &peers).env("UNSPOKEN_BIN", binary);
        command.env("PATH", path_with(&peers.join("bin"))?);
        let Said { text, success } = listen(&mut command)?;
        let (tally, left_out) = Tally::of(&text);
        self.tally = tally;
        ensure!(success && tally.failed == 0, "{text}\ntests failed");
        ensure!(tally.passed > 0, "{text}\nno test ran");
        ensure!(left_out == 0, "{left_out} tests were left out");
        Ok(format!("{} tests", tally.passed))
    }

    fn sdks(&mut self) -> Result<String> {
        let (peers, binary) = (self.peers()?, self.binary()?);
        sdk::check(&peers, &binary)
    }

    fn deny(&mut self) -> Result<String> {
        let peers = self.peers()?;
        // Cargo-deny then needs no network, whatever it looks at.
        must(&mut cargo(["fetch", "--locked"]))?;
        let mut command = cargo(["deny", "--offline", "check", "bans", "licenses", "sources"]);
        must(command.env("PATH", path_with(&peers.join("bin"))?))?;
        Ok(String::new())
    }
}

impl Tally {
    /// Adds up cargo's summary lines; the second number counts the tests that
    /// were left out.
    fn of(output: &str) -> (Self, usize) {
        let mut tally = Self::default();
        let mut left_out = 0;
        for line in output.lines().filter(|line| line.starts_with("test result: ")) {
            tally.passed += count(line, " passed");
            tally.failed += count(line, " failed");
            left_out += count(line, " ignored");
        }
        (tally, left_out)
    }
}

fn count(line: &str, what: &str) -> usize {
    let number = line.split(what).next().and_then(|before| before.rsplit(' ').next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn format() -> Result<String> {
    // Without a terminal type the differences come without colours.
    must(cargo(["fmt", "--all", "--check"]).env("TERM", "dumb"))?;
    let fuzz = ["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"];
    must(cargo(fuzz).env("TERM", "dumb"))?;
    Ok(String::new())
}

fn clippy() -> Result<String> {
    let mut command = cargo(["clippy", "--workspace", "--all-targets", "--locked"]);
    command.args(FEATURES);
    must(command.args(["--", "-D", "warnings"])).map(|_| String::new())
}

fn doc() -> Result<String> {
    let mut command = cargo(["doc", "--workspace", "--no-deps", "--locked"]);
    command.args(FEATURES);
    command.arg("--document-private-items").env("RUSTDOCFLAGS", "-D warnings");
    must(&mut command)?;
    fuzz::check_seeds().map(|()| String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tally_adds_up_every_binary() {
        let output = "\
running 3 tests
test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
a line that says 7 passed
test result: FAILED. 10 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1.2s
";
        assert_eq!(Tally::of(output), (Tally { passed: 13, failed: 2 }, 1));
        assert_eq!(Tally::of(""), (Tally::default(), 0));
    }
}
