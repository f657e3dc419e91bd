//! The vault's trials for as long as its promises say: nodes and databases that are killed for two
//! minutes each, and a thousand revocations. The suite does the same for seconds.

use anyhow::{Result, ensure};

use crate::command::{Said, cargo, listen};

/// How long and how often, unless the variables say otherwise already.
const WISHES: &[(&str, &str)] = &[
    ("UNSPOKEN_KILL_SECONDS", "120"),
    ("UNSPOKEN_TRIALS", "1000"),
    ("UNSPOKEN_TRIAL_SECONDS", "1200"),
];

/// What each line begins with that a trial leaves.
const MARK: &str = "trial: ";

/// Performs the trials one after the other, and tells what each of them came to.
pub(crate) fn run() -> Result<String> {
    let mut command = cargo(["test", "--package", "unspoken-vault", "--locked", "--test", "it"]);
    command.args(["--", "promise_2_", "promise_7_", "--nocapture", "--test-threads=1"]);
    for (name, wish) in WISHES {
        if std::env::var_os(name).is_none() {
            command.env(name, wish);
        }
    }
    let Said { text, success } = listen(&mut command)?;
    ensure!(success, "{text}\na trial failed");
    let told: Vec<&str> = text.lines().filter_map(|line| line.split(MARK).nth(1)).collect();
    ensure!(!told.is_empty(), "{text}\nno trial said what it came to");
    Ok(format!("{} trials\n  {}", told.len(), told.join("\n  ")))
}
