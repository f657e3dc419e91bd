//! The libraries for applications: each is checked by the one script beside it,
//! with its language's own tools, and by the cases of `conformance/`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::command::{Said, listen, path_with, root, target};

const LANGUAGES: [&str; 4] = ["go", "python", "rust", "typescript"];

/// Runs every library's checks, with the real program to be started by.
pub(crate) fn check(peers: &Path, binary: &Path) -> Result<String> {
    let mut remarks = Vec::new();
    for language in LANGUAGES {
        let text = check_one(language, peers, binary)?;
        let cases = conformance(&text);
        let cases = cases.with_context(|| format!("{text}\n{language}: no case was performed"))?;
        remarks.push(format!("{language} {cases}"));
    }
    Ok(format!("conformance cases: {}", remarks.join(", ")))
}

/// Builds and checks the library for Node, and says what a reading costs inside
/// of it: the median, the fastest and the slowest in microseconds.
pub(crate) fn node_reading(peers: &Path, binary: &Path) -> Result<String> {
    let text = check_one("typescript", peers, binary)?;
    let line = text.lines().find_map(|line| line.strip_prefix("reading: "));
    line.map(str::to_owned).with_context(|| format!("{text}\nthe bench said nothing"))
}

/// Runs one library's script, and returns what it said.
fn check_one(language: &str, peers: &Path, binary: &Path) -> Result<String> {
    let mut check = Command::new("bash");
    check.arg("check.sh").current_dir(root().join("sdks").join(language));
    check.env("UNSPOKEN_BUILD", target().join("sdks")).env("UNSPOKEN_BIN", binary);
    check.env("UNSPOKEN_PEERS", peers).env("PATH", path_with(&peers.join("bin"))?);
    let Said { text, success } = listen(&mut check)?;
    ensure!(success, "{text}\nsdks/{language}/check.sh failed");
    Ok(text)
}

/// How many cases were performed. That none failed is what the exit code says;
/// that none was left out is demanded here.
fn conformance(text: &str) -> Option<usize> {
    let line = text.lines().rfind(|line| line.ends_with("0 failed, 0 left out"))?;
    let count: usize = line.split(' ').next()?.parse().ok()?;
    (count > 0).then_some(count)
}

#[test]
fn cases_are_counted_and_none_may_be_left_out() {
    assert_eq!(conformance("ok\n45 passed, 0 failed, 0 left out\n"), Some(45));
    assert_eq!(conformance("42 passed, 0 failed, 3 left out\n"), None);
    assert_eq!(conformance("0 passed, 0 failed, 0 left out\n"), None);
    assert_eq!(conformance(""), None);
}
