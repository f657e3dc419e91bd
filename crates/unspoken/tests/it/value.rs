//! `get`: one value, as it is, where it was asked for.

use std::io::Read as _;
use std::process::Stdio;

use unspoken_testkit::{Project, canary};

#[test]
fn the_value_comes_alone_and_nothing_is_added() {
    let project = Project::with_environments(&["development"]);
    project.set("development", "A", canary("get"));
    let output = project.unspoken(["get", "A"]).run().ok();
    assert!(output.stdout == canary("get").as_bytes());
    assert!(output.stderr.is_empty());
}

#[test]
fn the_environment_is_the_flags_then_the_variables_then_the_default() {
    let project = Project::with_environments(&["development", "staging", "production"]);
    for environment in ["development", "staging", "production"] {
        project.set(environment, "A", canary(environment));
    }
    let get = |arguments: &[&str], variable: &str| {
        let arguments = [&["get", "A"], arguments].concat();
        project.unspoken(arguments).env("UNSPOKEN_ENV", variable).run()
    };
    assert!(get(&[], "").ok().stdout == canary("development").as_bytes());
    assert!(get(&[], "staging").ok().stdout == canary("staging").as_bytes());
    let both = get(&["--env", "production"], "staging").ok();
    assert!(both.stdout == canary("production").as_bytes());
    get(&[], "stagin").fails_with(3).says("UNSPOKEN_ENV").says("`-e staging`");
    get(&[], "../x").fails_with(2).says("UNSPOKEN_ENV");
}

#[test]
fn an_inherited_value_is_found_and_an_own_one_wins() {
    let project = Project::with_environments(&["development"]);
    project.unspoken(["env", "add", "preview", "--inherits", "development"]).run().ok();
    for name in ["A", "B"] {
        project.set("development", name, canary(name));
    }
    project.set("preview", "B", canary("own"));
    project.has("preview", "A", canary("A"));
    project.has("preview", "B", canary("own"));
    project.has("development", "B", canary("B"));
}

#[test]
fn json_carries_the_value_as_a_text() {
    let project = Project::with_environments(&["development"]);
    let value = canary("json") + "\n\"\\\u{1f511}";
    project.set("development", "A", &value);
    let found = project.unspoken(["get", "A", "--json"]).run().ok().json();
    assert!(found["value"] == value.as_str());
    assert_eq!((&found["name"], &found["environment"]), (&"A".into(), &"development".into()));
}

#[test]
fn the_folder_can_be_named_by_a_flag_or_a_variable() {
    let project = Project::with_environments(&["development"]);
    project.set("development", "A", canary("folder"));
    let root = project.root();
    let root = root.to_str().unwrap();
    let by_flag = project.unspoken(["--project-dir", root, "get", "A"]);
    let after = project.unspoken(["get", "A", "--project-dir", root]);
    let by_variable = project.unspoken(["get", "A"]).env("UNSPOKEN_PROJECT_DIR", root);
    for call in [by_flag, after, by_variable] {
        assert!(call.current_dir("/").run().ok().stdout == canary("folder").as_bytes());
    }
    project.unspoken(["--project-dir", "absent", "get", "A"]).run().fails_with(3);
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let project = Project::with_environments(&["development"]);
    project.set("development", "A", canary("pipe") + &"x".repeat(60_000));
    for arguments in
        [&["get", "A"][..], &["list"], &["export"], &["completions", "bash"], &["--help"]]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = project.unspoken(arguments).command();
        let mut child = command.stdout(Stdio::from(writer)).spawn().unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let status = child.wait().unwrap();
        assert!(said.is_empty(), "{arguments:?}: {said}");
        assert_eq!(status.code(), Some(141), "{arguments:?}");
    }
    let script = "\"$0\" list | head -n 1";
    let binary = unspoken_testkit::unspoken_binary();
    let binary = binary.to_str().unwrap();
    project.program("sh", ["-c", script, binary]).run().ok();
}

#[test]
fn a_full_standard_output_is_an_error() {
    let project = Project::with_environments(&["development"]);
    project.set("development", "A", canary("full"));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = project.unspoken(["get", "A"]).command();
    let output = command.stdout(Stdio::from(full)).spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("standard output"));
}
