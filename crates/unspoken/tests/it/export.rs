//! `export`: what is printed is read back by the real readers.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use unspoken_testkit::{Project, canary, peers};

fn values() -> BTreeMap<String, String> {
    let c = canary("export");
    let values = [
        ("PLAIN", c.clone()),
        ("SPACES", format!("  {c}  ")),
        ("DOUBLE", format!("{c} \"quoted\"")),
        ("SINGLE", format!("{c} it's")),
        ("DOLLAR", format!("{c} $HOME $(id) `id`")),
        ("HASH", format!("{c}#x # y")),
        ("UNICODE", format!("{c} ü 🔑")),
        ("EQUALS", format!("{c}=a==")),
        ("EMPTY", String::new()),
    ];
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn several_lines() -> String {
    let c = canary("lines");
    format!("-----BEGIN\n{c}\n\n{c}\n-----END")
}

fn project(values: &BTreeMap<String, String>) -> Project {
    let project = Project::with_environments(&["development"]);
    let text = serde_json::to_string(values).unwrap();
    project.unspoken(["import", "-", "--format", "json"]).stdin(text).run().ok();
    project
}

#[track_caller]
fn export(project: &Project, format: &str) -> Vec<u8> {
    let output = project.unspoken(["export", "--format", format]).run().ok();
    assert!(output.stderr.is_empty(), "{output:?}");
    output.stdout
}

#[track_caller]
fn is_read_as(found: &[u8], expected: &BTreeMap<String, String>) {
    let found: BTreeMap<String, String> = serde_json::from_slice(found).unwrap();
    for (name, value) in expected {
        assert!(found.get(name) == Some(value), "`{name}` is read as another value");
    }
}

#[test]
fn json_is_read_by_any_json_reader() {
    let mut values = values();
    values.insert("LINES".to_owned(), several_lines());
    let project = project(&values);
    let found: BTreeMap<String, String> =
        serde_json::from_slice(&export(&project, "json")).unwrap();
    assert!(found == values);
}

#[test]
fn shell_is_read_by_a_real_shell() {
    let mut values = values();
    values.insert("LINES".to_owned(), several_lines());
    let project = project(&values);
    let script = export(&project, "shell");
    // From standard input, for no plaintext touches a disk, not even a test's.
    let show = format!("eval \"$(cat)\"; exec {}", unspoken_testkit::show_env().display());
    for shell in ["dash", "bash"] {
        let output = project.program(shell, ["-eu", "-c", &show]).stdin(&script).run().ok();
        is_read_as(&output.stdout, &values);
    }
}

#[test]
fn dotenv_is_read_alike_by_npm_python_and_a_shell() {
    let mut values = values();
    values.insert("LINES".to_owned(), several_lines());
    let project = project(&values);
    let text = export(&project, "dotenv");

    let script = "const {parse} = require('dotenv'); const text = require('fs').readFileSync(0);
                  process.stdout.write(JSON.stringify(parse(text)))";
    let npm = project.program("node", ["-e", script]).current_dir(peers().node_folder());
    is_read_as(&npm.stdin(&text).run().ok().stdout, &values);

    let script = "import sys, json, dotenv
print(json.dumps(dotenv.dotenv_values(stream=sys.stdin)))";
    let python = project.program(peers().python(), ["-c", script]);
    is_read_as(&python.stdin(&text).run().ok().stdout, &values);

    let show = format!("set -a; eval \"$(cat)\"; exec {}", unspoken_testkit::show_env().display());
    let shell = project.program("dash", ["-eu", "-c", &show]);
    is_read_as(&shell.stdin(&text).run().ok().stdout, &values);
}

#[test]
fn what_is_exported_is_imported_again() {
    let mut values = values();
    values.insert("LINES".to_owned(), several_lines());
    let first = project(&values);
    for format in ["dotenv", "json"] {
        let second = Project::with_environments(&["development"]);
        let text = export(&first, format);
        second.unspoken(["import", "-", "--format", format]).stdin(text).run().ok();
        for (name, value) in &values {
            second.has("development", name, value);
        }
    }
}

#[test]
fn docker_has_a_line_for_each_value_as_it_is() {
    let values = values();
    let project = project(&values);
    let text = String::from_utf8(export(&project, "docker")).unwrap();
    let found: BTreeMap<String, String> = text
        .lines()
        .map(|line| line.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    assert!(found == values);
}

#[test]
fn what_a_format_cannot_carry_is_refused_and_nothing_is_printed() {
    let c = canary("refused");
    for (format, value, reason) in [
        ("docker", format!("{c}\n{c}"), "several lines"),
        ("dotenv", format!("{c}\r{c}"), "carriage return"),
        ("dotenv", format!("{c}${{HOME}}"), "python-dotenv"),
        ("dotenv", format!("{c}\\"), "backslash"),
        ("github", format!("{c}\r{c}"), "carriage return"),
    ] {
        let values = BTreeMap::from([("A".to_owned(), c.clone()), ("B".to_owned(), value)]);
        let project = project(&values);
        project.write("github", "");
        let call = project.unspoken(["export", "-f", format]).env("GITHUB_ENV", "github");
        let output = call.run().fails_with(1).is_silent_on_values();
        assert!(output.stdout.is_empty(), "{format}");
        assert!(project.read("github").is_empty());
        output.says("`B`").says(reason).says("hint: ");
    }
}

#[test]
fn github_masks_every_value_and_each_of_its_lines_then_sets_them() {
    let mut values = values();
    values.insert("LINES".to_owned(), several_lines());
    let project = project(&values);
    project.write("github", "BEFORE=1\n");

    let call = project.unspoken(["export", "--format", "github"]).env("GITHUB_ENV", "github");
    let output = call.run().ok();

    let masks = output.text();
    assert!(masks.lines().all(|line| line.starts_with("::add-mask::")), "more than masks");
    let masks: Vec<String> = masks
        .lines()
        .map(|line| line.replacen("::add-mask::", "", 1))
        .map(|mask| mask.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%"))
        .collect();
    for value in values.values().filter(|value| !value.is_empty()) {
        assert!(masks.contains(value), "a value is not masked");
    }
    for line in several_lines().lines().filter(|line| !line.is_empty()) {
        assert!(masks.contains(&line.to_owned()), "a line of a value is not masked");
    }
    let file = project.read("github");
    assert!(file.starts_with("BEFORE=1\n"));
    is_read_as(&serde_json::to_vec(&read_github(&file)).unwrap(), &values);
    assert!(!output.stderr.contains(&canary("export")));
}

/// Reads the file as GitHub's runner does.
fn read_github(text: &str) -> BTreeMap<String, String> {
    let mut lines = text.lines();
    let mut found = BTreeMap::new();
    while let Some(line) = lines.next() {
        if let Some((name, delimiter)) = line.split_once("<<") {
            let value: Vec<&str> = lines.by_ref().take_while(|line| *line != delimiter).collect();
            found.insert(name.to_owned(), value.join("\n"));
        }
    }
    found
}

#[test]
fn github_needs_its_file() {
    let project = project(&values());
    let call = project.unspoken(["export", "--format", "github"]).env_remove("GITHUB_ENV");
    let output = call.run().fails_with(2).is_silent_on_values();
    output.says("GITHUB_ENV");
}

#[test]
fn github_prints_no_mask_when_its_file_cannot_be_written() {
    let project = project(&values());
    let absent = project.tmp().join("absent/github");
    let call = project.unspoken(["export", "--format", "github"]).env("GITHUB_ENV", &absent);
    call.run().fails_with(1);
    assert!(!absent.exists());
}

#[test]
fn an_unknown_format_is_told_with_all_known_ones() {
    let project = project(&values());
    let output = project.unspoken(["export", "--format", "yaml"]).run().fails_with(2);
    for format in ["dotenv", "shell", "json", "docker", "github", "bundle", "systemd", "compose"] {
        assert!(output.stderr.contains(format), "{format}: {output:?}");
    }
}

#[test]
fn inherited_values_are_exported_too_and_no_file_appears() {
    let project = project(&values());
    project.unspoken(["env", "add", "preview", "--inherits", "development"]).run().ok();
    let before = project.snapshot();
    let output = project.unspoken(["export", "-e", "preview", "-f", "json"]).run().ok();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found.as_object().unwrap().len(), values().len());
    project.is_as(&before);
    assert!(fs::read_dir(project.tmp()).unwrap().next().is_none());
}
