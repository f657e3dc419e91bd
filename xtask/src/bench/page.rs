//! The page: figures as tables, with what a reader needs to judge them.

use std::fmt::Write as _;
use std::time::Duration;

use super::measure::Times;
use super::{Findings, Row, matcher, redaction};

const HEAD: &str = "\
# Benchmarks

Written by `cargo xtask bench`; do not edit. It measures the static release binary, from the start of
the process to its end, on equal values (39 bytes each). The contenders run in turn, round by round.
";

/// Writes the page.
pub(crate) fn print(findings: &Findings, machine: &[String]) -> String {
    let mut text = HEAD.to_owned();
    text.push('\n');
    for line in machine {
        let _ = writeln!(text, "- {line}");
    }
    text.push_str(&times(&findings.rows));
    text.push_str(&costs(&findings.rows));
    text.push_str(&others(findings));
    text.push_str(&matcher::print(&findings.speeds));
    text.push_str(&findings.passing.print());
    text.push_str(&redaction::print_starts(&findings.starts));
    text.push_str(&findings.scan.print());
    text.push_str(&findings.history.print());
    text
}

fn times(rows: &[Row]) -> String {
    let mut text = String::from(
        "\n## `run -- true`, in milliseconds\n\n\
         | secrets | | rounds | minimum | median |\n|--:|---|--:|--:|--:|\n",
    );
    for row in rows {
        for (name, times) in contenders(row) {
            let _ = writeln!(text, "| {} | {name} | {} |", row.secrets, figures(times));
        }
    }
    text
}

fn contenders(row: &Row) -> [(&'static str, &Times); 5] {
    [
        ("`true` alone", &row.bare),
        ("`unspoken run -- true`", &row.unspoken),
        ("`unspoken run --fd -- true`", &row.by_pipe),
        ("`sops exec-env … true`", &row.sops),
        ("`dotenvx run -- true`", &row.dotenvx),
    ]
}

fn costs(rows: &[Row]) -> String {
    let mut text = String::from(
        "\n## What it costs\n\n\
         The minimum, less that of `true` alone; and how many times ours the others cost.\n\n\
         | secrets | unspoken | with `--fd` | sops | dotenvx |\n|--:|--:|--:|--:|--:|\n",
    );
    for row in rows {
        let own = cost(&row.unspoken, &row.bare);
        let by_pipe = cost(&row.by_pipe, &row.bare);
        let (sops, dotenvx) = (cost(&row.sops, &row.bare), cost(&row.dotenvx, &row.bare));
        let _ = writeln!(
            text,
            "| {} | {own:.2} ms | {by_pipe:.2} ms | {sops:.1} ms, {:.0} × | {dotenvx:.0} ms, {:.0} × |",
            row.secrets,
            sops / own,
            dotenvx / own,
        );
    }
    text
}

fn others(findings: &Findings) -> String {
    let mut text = String::from(
        "\n## With 1,000 secrets, in milliseconds\n\n\
         | | rounds | minimum | median |\n|---|--:|--:|--:|\n",
    );
    for (name, times) in [
        ("`list`", &findings.list),
        ("`set`, one value", &findings.set),
        ("`rotate`, 20 recipients", &findings.rotate),
        ("`sops rotate`, 20 recipients", &findings.sops_rotate),
    ] {
        let _ = writeln!(text, "| {name} | {} |", figures(times));
    }
    text.push_str(
        "\nOne stream is a pipe here, so `run` stays beside the command unless it is told \
         otherwise.\n\n| | peak memory |\n|---|--:|\n",
    );
    for (name, kib) in &findings.memory {
        let _ = writeln!(text, "| `{name}` | {}.{} MiB |", kib / 1024, kib % 1024 * 10 / 1024);
    }
    text.push_str("\n## Reading a bundle of ten secrets, inside of Node\n\n");
    let _ = writeln!(
        text,
        "In a new process each time, from the first look at the descriptors to a value: {}.",
        findings.node_reading
    );
    text.push_str(
        "\n## Instructions before the command starts\n\n\
         Counted by callgrind on a command that does not exist.\n\n\
         | secrets | instructions |\n|--:|--:|\n",
    );
    for (secrets, count) in &findings.instructions {
        let _ = writeln!(
            text,
            "| {secrets} | {}.{:02} million |",
            count / 1_000_000,
            count / 10_000 % 100
        );
    }
    text
}

/// Rounds, minimum and median, as cells of a table.
pub(crate) fn figures(times: &Times) -> String {
    let [minimum, median] = [times.minimum(), times.median()].map(milliseconds);
    format!("{} | {minimum:.2} | {median:.2}", times.rounds())
}

fn cost(times: &Times, bare: &Times) -> f64 {
    milliseconds(times.minimum().saturating_sub(bare.minimum())).max(0.01)
}

/// How many times as long the one takes as the other, by the minimum.
pub(crate) fn times_of(one: &Times, other: &Times) -> f64 {
    milliseconds(one.minimum()) / milliseconds(other.minimum()).max(0.001)
}

pub(crate) fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "missed" }
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
