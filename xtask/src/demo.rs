//! `cargo xtask demo`: the main job, shown on a real `.env` with awkward values.
//!
//! Each command is printed before what it says. Every expectation is checked:
//! the first that fails ends the demo with an error. The values are made up,
//! so that it may show them.

mod stage;
mod vault;

use std::fs;

use anyhow::{Context as _, Result, ensure};

use crate::dist;
use stage::{Stage, say};

/// Name, how the `.env` file spells the value, and the value.
const VALUES: &[(&str, &str, &str)] = &[
    (
        "DATABASE_URL",
        "postgres://app:pa55@db.example/app?sslmode=require",
        "postgres://app:pa55@db.example/app?sslmode=require",
    ),
    ("EMPTY", "", ""),
    ("GREETING", "\"naïve café ☕ 密码\"", "naïve café ☕ 密码"),
    ("PADDED", "\"  blanks at both ends  \"", "  blanks at both ends  "),
    ("PASSWORD", "'h#sh $HOME `tick` \"double\" \\slash'", "h#sh $HOME `tick` \"double\" \\slash"),
    ("QUOTED", "\"it's one apostrophe\"", "it's one apostrophe"),
    (
        "SIGNING_KEY",
        "\"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIDemoDemoDemo\n-----END PRIVATE KEY-----\n\"",
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIDemoDemoDemo\n-----END PRIVATE KEY-----\n",
    ),
];

const DOCUMENT: &str = "secrets/development.json";
const COPY: &str = "secrets/staging.json";

pub(crate) fn run() -> Result<()> {
    println!("Building the release binaries.");
    let stage = Stage::new(dist::build()?, dist::build_vault()?);
    import(&stage)?;
    look(&stage)?;
    receive(&stage)?;
    hand_over(&stage)?;
    leak(&stage)?;
    tamper(&stage)?;
    misplace(&stage)?;
    let (_, _, url) = VALUES[0];
    vault::hand_out(&stage, url)?;
    println!("\nAll of it is as it should be.");
    Ok(())
}

fn import(stage: &Stage) -> Result<()> {
    say("A project has a .env file, with values that are easy to get wrong.");
    let line = |&(name, spelling, _): &(&str, &str, &str)| format!("{name}={spelling}\n");
    stage.write(".env", VALUES.iter().map(line).collect::<String>())?;
    stage.show("cat", &[".env"])?;

    say("It becomes an encrypted file; the plain one is removed once that was read back.");
    let words = ["init", "--project", "demo", "-e", "development", "--import", ".env"];
    stage.unspoken(&words, 0)?;
    ensure!(!stage.path(".env").exists(), "the plain file is still there");
    Ok(())
}

fn look(stage: &Stage) -> Result<()> {
    say("This is what git sees: names can be reviewed, values cannot be read.");
    let text = fs::read_to_string(stage.path(DOCUMENT)).context("there is no document")?;
    println!("$ cut -c 1-100 {DOCUMENT}");
    for line in text.lines() {
        println!("{}", line.chars().take(100).collect::<String>());
    }
    for (name, _, value) in VALUES.iter().filter(|(_, _, value)| !value.is_empty()) {
        ensure!(text.contains(name), "`{name}` is not in the document");
        for part in value.lines() {
            ensure!(!stage.holds(part)?, "a file in the project holds the value of `{name}`");
        }
    }
    println!("(no file in the project holds any of the values)");

    say("Names are listed without any key.");
    let listed = stage.unspoken(&["list", "-e", "development"], 0)?;
    for (name, _, _) in VALUES {
        ensure!(listed.contains(name), "`{name}` is not listed");
    }
    Ok(())
}

fn receive(stage: &Stage) -> Result<()> {
    say("A program runs with the values, and here prints what it received.");
    let names = VALUES.iter().map(|&(name, _, _)| name);
    let words: Vec<&str> =
        ["run", "--redact=never", "--", "printenv", "-0"].into_iter().chain(names).collect();
    let received = stage.quietly(&words)?;
    let received: Vec<&str> = received.split_terminator('\0').collect();
    ensure!(received.len() == VALUES.len(), "{} values were received", received.len());
    for ((name, _, value), found) in VALUES.iter().zip(received) {
        ensure!(found == *value, "`{name}` is another than in the .env file");
        println!("{name:13} equal: {found:?}");
    }
    Ok(())
}

fn hand_over(stage: &Stage) -> Result<()> {
    say("In the environment, everything that may read /proc reads the values.");
    let count = "tr '\\0' '\\n' < /proc/$$/environ | grep -c pa55";
    let found = stage.unspoken(&["run", "--", "sh", "-c", count], 0)?;
    ensure!(found.trim() == "1", "the environment does not hold the value");

    say("By a pipe, nothing stands there, and the program has them all the same.");
    let words = ["run", "--fd", "--", "sh", "-c", &format!("{count}; true")];
    let found = stage.unspoken(&words, 0)?;
    ensure!(found.trim() == "0", "the environment holds the value");
    let bundle = ["run", "--fd", "--redact=never", "--", "sh", "-c", "cat <&3"];
    let bundle = stage.unspoken(&bundle, 0)?;
    let (_, _, greeting) = VALUES[2];
    ensure!(bundle.contains(greeting), "another greeting arrived");
    Ok(())
}

fn leak(stage: &Stage) -> Result<()> {
    say("What a program prints into a pipe, a file, a CI log or an agent's hands has no values.");
    let script = "echo \"connecting to $DATABASE_URL\"; printf %s \"$PASSWORD\" | base64 -w0";
    let said = stage.unspoken(&["run", "--", "sh", "-c", script], 0)?;
    ensure!(said.contains("connecting to [REDACTED:DATABASE_URL]"), "the value is not left out");
    ensure!(said.contains("[REDACTED:PASSWORD]"), "the value in base64 is not left out");

    say("What got out before is found, in any disguise.");
    let copy =
        ["run", "--redact=never", "--", "sh", "-c", "printenv PASSWORD | base64 > notes.txt"];
    stage.unspoken(&copy, 0)?;
    let found = stage.unspoken(&["scan"], 8)?;
    ensure!(found.contains("notes.txt:1:1: value of PASSWORD"), "the value is not found");
    fs::remove_file(stage.path("notes.txt")).context("cannot remove notes.txt")
}

fn tamper(stage: &Stage) -> Result<()> {
    say("Somebody changes one character of one value in the encrypted file.");
    let sound = fs::read_to_string(stage.path(DOCUMENT)).context("there is no document")?;
    let at = sound.find("data:").context("the document holds no value")? + "data:".len();
    let mut bytes = sound.clone().into_bytes();
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    stage.write(DOCUMENT, bytes)?;
    stage.unspoken(&["run", "--", "touch", "started"], 5)?;
    ensure!(!stage.marks(), "the program was started all the same");

    say("The file is put back as it was.");
    stage.write(DOCUMENT, sound)?;
    stage.unspoken(&["run", "--", "true"], 0).map(drop)
}

fn misplace(stage: &Stage) -> Result<()> {
    say("Somebody copies one environment's file over another's.");
    stage.unspoken(&["env", "add", "staging"], 0)?;
    stage.unspoken(&["set", "API_KEY", "-e", "staging", "--generate"], 0)?;
    stage.show("cp", &[DOCUMENT, COPY])?;
    stage.unspoken(&["run", "-e", "staging", "--", "touch", "started"], 5)?;
    ensure!(!stage.marks(), "the program was started all the same");
    Ok(())
}
