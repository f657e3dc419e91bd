//! The page: what a fetch costs.

use std::fmt::Write as _;
use std::time::Duration;

use super::load::{Figure, Mix};
use super::{Findings, ROUNDS, Row, start};

const HEAD: &str = "\
# Benchmarks of the vault

Written by `cargo xtask bench vault`; do not edit. The client is `wrk` with one thread, on the same machine
and so on the same processor; every answer is HTTP without TLS over the loopback address. Each fetch of ours
is in the record, and on the disk, before it is answered. The peer writes its audit file before it
answers, and does not wait for the disk.

Processor time is what the server itself took, in the kernel too; in brackets that of PostgreSQL. The peer
knows no unchanged environment: it is asked for all of it.
";

pub(super) fn print(findings: &Findings, machine: &[String]) -> String {
    let mut text = HEAD.to_owned();
    text.push('\n');
    for line in machine.iter().filter(|line| !line.starts_with("Others:")) {
        let _ = writeln!(text, "- {line}");
    }
    let _ = writeln!(text, "- Peer: {}, storage raft, audit device file", findings.peer);
    let _ = write!(
        text,
        "\n## Loads\n\nThe median of {ROUNDS} rounds.\n\n\
         | load | connections | | requests/s | median | p99 | processor, each |\n\
         |---|--:|---|--:|--:|--:|--:|\n"
    );
    for row in &findings.rows {
        let names = ["SQLite", "PostgreSQL", "peer"];
        for (name, figure) in names.into_iter().zip(&row.figures) {
            let _ = writeln!(
                text,
                "| {} | {} | {name} | {:.0} | {} | {} | {} |",
                row.mix.describe(),
                row.connections,
                figure.per_second(),
                milliseconds(figure.median),
                milliseconds(figure.p99),
                processor(figure),
            );
        }
    }
    text.push_str(&memory(findings));
    text.push_str(&bars(findings));
    text
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

fn processor(figure: &Figure) -> String {
    let own = figure.cost(figure.processor);
    if figure.beside.is_zero() {
        return format!("{own:.0} µs");
    }
    format!("{own:.0} µs (+ {:.0})", figure.cost(figure.beside))
}

fn memory(findings: &Findings) -> String {
    let [sqlite, postgres, peer] = findings.memory.map(mebibytes);
    format!(
        "\n## Memory after the loads\n\n| | |\n|---|--:|\n| SQLite | {sqlite} |\n\
         | PostgreSQL, the node alone | {postgres} |\n| peer | {peer} |\n"
    )
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand")]
fn mebibytes(kibibytes: u64) -> String {
    format!("{:.1} MiB", kibibytes as f64 / 1024.0)
}

/// What was asked for, and whether it was reached.
fn bars(findings: &Findings) -> String {
    let mut text = String::from("\n## Bars\n\n| | measured | bar | |\n|---|--:|--:|---|\n");
    let mut line = |what: &str, measured: String, bar: &str, met: bool| {
        let verdict = if met { "met" } else { "missed" };
        let _ = writeln!(text, "| {what} | {measured} | {bar} | {verdict} |");
    };
    let Some(Row { figures: [sqlite, postgres, _], .. }) =
        findings.rows.iter().find(|row| row.mix == Mix::One && row.connections == 64)
    else {
        return String::new();
    };
    let cost = sqlite.cost(sqlite.processor);
    line("processor for a read, SQLite", format!("{cost:.0} µs"), "60 µs", cost <= 60.0);
    for (name, figure, least) in [("SQLite", sqlite, 10_000.0), ("PostgreSQL", postgres, 15_000.0)]
    {
        let speed = figure.per_second();
        let what = format!("reads in a second by 64 connections, {name}");
        line(&what, format!("{speed:.0}"), &format!("{least:.0}"), speed >= least);
        let what = format!("p99 of these, {name}");
        let met = figure.p99 <= Duration::from_millis(10);
        line(&what, milliseconds(figure.p99), "10 ms", met);
    }
    let start = &findings.start;
    let what = format!("a start with {} secrets ({} MB)", start::SECRETS, start.stored / 1_000_000);
    let met = start.longest <= Duration::from_millis(300);
    line(&what, milliseconds(start.longest), "300 ms", met);
    line("memory of that node", mebibytes(start.memory), "40 MiB", start.memory <= 40 * 1024);
    text
}
