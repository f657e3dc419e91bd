//! What a run may cost: executed instructions and memory, which are the same
//! on every machine, so that a test can hold them.

use unspoken_testkit::{Project, canary};

/// A project whose default environment has this many secrets of a usual length.
fn project(secrets: usize) -> Project {
    let project = Project::with_environments(&["development"]);
    let entries: serde_json::Map<String, serde_json::Value> = (0..secrets)
        .map(|n| (format!("SECRET_{n:04}"), canary(&format!("{n:04}")).into()))
        .collect();
    let json = serde_json::Value::Object(entries).to_string();
    project.unspoken(["import", "-", "--format", "json"]).stdin(json).run().ok();
    project
}

/// The release binary: a debug build executes many times more.
fn release() -> std::path::PathBuf {
    assert!(
        std::env::var_os("UNSPOKEN_BIN").is_some(),
        "UNSPOKEN_BIN is not set: run `cargo xtask test`, which builds the release binary"
    );
    unspoken_testkit::unspoken_binary()
}

/// Executed instructions up to the moment when the command would start. The
/// command does not exist: a process that was replaced reports nothing.
fn instructions(project: &Project) -> u64 {
    let binary = release();
    let flags = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
    let run = [binary.to_str().unwrap(), "run", "--redact=never", "--", "/nonexistent"];
    let output = project.program("valgrind", flags.iter().chain(&run)).run();
    let report = output.fails_with(127).stderr;
    let (_, count) = report.split_once("Collected : ").unwrap();
    count.lines().next().unwrap().trim().parse().unwrap()
}

#[test]
fn ten_secrets_cost_at_most_four_million_instructions() {
    let count = instructions(&project(10));
    assert!(count <= 4_000_000, "{count}");
}

#[test]
fn a_thousand_secrets_cost_at_most_twenty_million_instructions() {
    let count = instructions(&project(1_000));
    assert!(count <= 20_000_000, "{count}");
}

#[test]
fn a_thousand_secrets_need_a_megabyte_of_memory_of_our_own() {
    let project = project(1_000);
    let binary = release();
    let run = ["--data=1048576", binary.to_str().unwrap(), "run", "--redact=never", "--", "true"];
    project.program("prlimit", run).run().ok();
}

/// What of the program itself is mapped counts too, although all processes
/// share it. How much that is depends on how the kernel keeps the file at
/// present, so there is room.
#[test]
fn a_thousand_secrets_fit_into_eight_megabytes_with_the_program() {
    let project = project(1_000);
    let binary = release();
    let run =
        ["--format=%M", binary.to_str().unwrap(), "run", "--redact=never", "--", "/nonexistent"];
    let output = project.program("/usr/bin/time", run).run();
    let report = output.fails_with(127).stderr;
    let kib: u64 = report.lines().last().unwrap().trim().parse().unwrap();
    assert!(kib <= 8 * 1024, "{kib} KiB");
}
