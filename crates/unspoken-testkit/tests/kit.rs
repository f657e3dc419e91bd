//! The kit itself: a test that trusts it must be able to.

use unspoken_testkit::{Project, canary, show_env};

#[test]
fn a_program_receives_what_the_test_says_and_nothing_else() {
    let project = Project::empty();
    let value = canary("kit");

    let output = project.program(show_env(), [] as [&str; 0]).env("A", &value).run().ok();

    let received: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(output.text()).unwrap();
    let names: Vec<&str> =
        received.keys().map(String::as_str).filter(|n| !n.starts_with("GIT_")).collect();
    assert!(received["A"] == value.as_str());
    assert_eq!(names.len(), 7, "{names:?}");
    for name in ["HOME", "LANG", "PATH", "TMPDIR", "TZ", "UNSPOKEN_HOME"] {
        assert!(names.contains(&name), "{name}");
    }
}

#[test]
fn a_program_is_asked_for_single_variables() {
    let project = Project::empty();

    let output = project.program(show_env(), ["TZ", "NOT_SET"]).run().ok();

    assert_eq!(output.text(), "{\"TZ\":\"UTC\"}\n");
}

#[test]
fn an_output_shows_no_value() {
    let project = Project::empty();
    let value = canary("shown");
    let script = "cat; cat \"$0\" >&2; exit 7";
    project.write("value", &value);

    let output = project.program("sh", ["-c", script, "value"]).stdin(&value).run();

    let shown = format!("{output:?}");
    assert!(!shown.contains(&value));
    assert!(shown.contains("exit code 7"), "{shown}");
    assert!(output.stdout == value.as_bytes() && output.stderr == value);
}

#[test]
fn a_signal_is_an_exit_code() {
    let project = Project::empty();
    assert_eq!(project.program("sh", ["-c", "kill -9 $$"]).run().code, 137);
}

#[test]
fn a_project_is_a_repository_of_its_own() {
    let project = Project::empty();
    assert_eq!(
        project.git(["rev-parse", "--show-toplevel"]).trim(),
        project.root().canonicalize().unwrap().to_string_lossy()
    );
}

#[test]
fn a_snapshot_names_what_has_changed_and_no_more() {
    let project = Project::empty();
    project.write("kept", "same");
    project.write("edited", "old");
    project.write("removed", "");
    let before = project.snapshot();
    assert!(before.changes(&project.snapshot()).is_empty());

    project.write("edited", "new");
    project.write("added", "");
    project.write(".a.json.lock", "");
    project.git(["add", "kept"]);
    std::fs::remove_file(project.root().join("removed")).unwrap();

    let changes = before.changes(&project.snapshot());
    assert_eq!(changes, ["acme-web/added", "acme-web/edited", "acme-web/removed"]);
}
