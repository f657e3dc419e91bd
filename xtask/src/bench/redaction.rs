//! Redaction of what a command prints: much of it, and next to nothing.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use super::contender::{Bench, Contender, Sink};
use super::measure::{Times, race};
use super::page::{figures, milliseconds, times_of, verdict};

/// How much a command prints.
pub(crate) const BYTES: u64 = 1_000_000_000;

/// How often one gigabyte is printed.
const ROUNDS: usize = 5;

/// How often next to nothing is.
const SHORT_ROUNDS: usize = 300;

/// What passing on may cost, as a multiple of two `cat` in a row.
const BAR: f64 = 1.5;

/// A gigabyte, into a pipe and into a file in memory.
#[derive(Default)]
pub(crate) struct Passing {
    secrets: usize,
    pipe: [Times; 2],
    file: [Times; 2],
}

/// What a run costs that prints next to nothing, into a pipe.
pub(crate) struct Start {
    secrets: usize,
    silent: [Times; 2],
    talking: [Times; 2],
}

impl Passing {
    pub(crate) fn measure(bench: &Bench, secrets: usize, log: &Path) -> Result<Self> {
        let memory = tempfile::Builder::new().prefix("unspoken-bench-").tempdir_in("/dev/shm")?;
        let path = memory.path().join("out");
        Ok(Self {
            secrets,
            pipe: pass(bench, log, &Sink::Pipe)?,
            file: pass(bench, log, &Sink::File(path))?,
        })
    }

    pub(crate) fn print(&self) -> String {
        let mut text = format!(
            "\n## One gigabyte of output, in milliseconds\n\n\
             The same text in a file that is in the page cache, printed by `cat`, with {} secrets and no \
             value in it. The pipe is read and thrown away, the\nfile lies in memory.\n\n\
             | | into | rounds | minimum | median | bar |\n|---|---|--:|--:|--:|---|\n",
            self.secrets
        );
        for (into, [plain, redacted]) in [("a pipe", &self.pipe), ("a file", &self.file)] {
            let ratio = times_of(redacted, plain);
            let _ = writeln!(text, "| `cat BIG \\| cat` | {into} | {} | |", figures(plain));
            let _ = writeln!(
                text,
                "| `unspoken run --redact=always -- cat BIG` | {into} | {} | {ratio:.2} × of ≤ {BAR} ×: {} |",
                figures(redacted),
                verdict(ratio <= BAR)
            );
        }
        text
    }
}

fn pass(bench: &Bench, log: &Path, sink: &Sink) -> Result<[Times; 2]> {
    let log = log.to_string_lossy();
    let words = ["-c", "cat \"$1\" | cat", "sh", &log];
    let plain = bench.contender("cat", "sh", "ours", &words);
    let words = ["run", "--redact=always", "--", "cat", &log];
    let redacted = bench.ours("unspoken run --redact=always", &words);
    let [plain, redacted] = [plain, redacted].map(|one| one.writing_to(sink.clone()));
    race([(&plain, ROUNDS), (&redacted, ROUNDS)])
}

impl Start {
    pub(crate) fn measure(bench: &Bench, secrets: usize) -> Result<Self> {
        let contender = |redact: &str, command: &[&str]| -> Contender {
            let words = [&["run", "--redact", redact, "--"], command].concat();
            bench.ours("unspoken run", &words).writing_to(Sink::Pipe)
        };
        let (silent, line) = (["true"], ["echo", "one line"]);
        let [never, auto, never_line, auto_line] = race([
            (&contender("never", &silent), SHORT_ROUNDS),
            (&contender("auto", &silent), SHORT_ROUNDS),
            (&contender("never", &line), SHORT_ROUNDS),
            (&contender("auto", &line), SHORT_ROUNDS),
        ])?;
        Ok(Self { secrets, silent: [never, auto], talking: [never_line, auto_line] })
    }
}

pub(crate) fn print_starts(starts: &[Start]) -> String {
    let mut text = String::from(
        "\n## `run` into a pipe, in milliseconds\n\n\
         Values are learnt when there is something to look at. What is added is by the minimum.\n\n\
         | secrets | | rounds | minimum | median | added |\n|--:|---|--:|--:|--:|--:|\n",
    );
    for start in starts {
        let rows = [("true", &start.silent), ("echo one line", &start.talking)];
        for (command, [never, auto]) in rows {
            let added = milliseconds(auto.minimum()) - milliseconds(never.minimum());
            let row =
                |redact| format!("| {} | `run --redact {redact} -- {command}`", start.secrets);
            let _ = writeln!(text, "{} | {} | |", row("never"), figures(never));
            let _ = writeln!(text, "{} | {} | {added:.2} |", row("auto"), figures(auto));
        }
    }
    text
}
