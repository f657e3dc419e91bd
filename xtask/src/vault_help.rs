//! The reference of the vault's program: what it says of itself, command by command.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::api;
use crate::command::{must, program};

/// What the program and each of its commands say to `--help`, as sections.
pub(crate) fn print() -> Result<String> {
    let mut text = String::new();
    print_one(&api::binary()?, &[], &mut text)?;
    Ok(text)
}

fn print_one(binary: &Path, words: &[&str], text: &mut String) -> Result<()> {
    let mut asked = program(binary);
    // As wide as where nothing says how wide.
    asked.args(words).arg("--help").env_remove("COLUMNS");
    let help = must(&mut asked)?;
    let name = [&["unspoken-vault"], words].concat().join(" ");
    ensure!(help.contains(&format!("Usage: {name}")), "`{name} --help` says something else");
    let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
    text.push_str(&format!("\n## `{name}`\n\n```text\n{}\n```\n", lines.join("\n")));
    for command in commands(&help) {
        print_one(binary, &[words, &[command]].concat(), text)?;
    }
    Ok(())
}

/// The commands that a help lists. Hidden ones are not in it.
fn commands(help: &str) -> Vec<&str> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| line.starts_with("  "));
    // What goes on in a second line stands further to the right.
    let named = listed.filter(|line| !line.starts_with("   "));
    named.filter_map(|line| line.split_whitespace().next()).collect()
}

#[test]
fn commands_are_read_from_a_help() {
    let help = "Does it\n\nUsage: a <COMMAND>\n\nCommands:\n  one    Does\n         more\n  two    Does\n\n\
                Options:\n  -h, --help  Print help\n";
    assert_eq!(commands(help), ["one", "two"]);
    assert!(commands("Usage: a\n\nOptions:\n  -h  Help\n").is_empty());
}
