//! What is said, and in which form: `--json`, `-q`, `-v`, colour.

use serde_json::Value;
use unspoken_testkit::{Project, canary};

fn project() -> Project {
    let project = Project::with_environments(&["development"]);
    project.set("development", "A", canary("speech"));
    project
}

/// Each command as one that succeeds; `true` where it prints data.
fn successes() -> Vec<(Vec<&'static str>, bool)> {
    vec![
        (vec!["init"], false),
        (vec!["set", "B"], false),
        (vec!["set", "C", "--generate"], false),
        (vec!["list"], true),
        (vec!["list", "-e", "development"], true),
        (vec!["mv", "B", "D"], false),
        (vec!["rm", "D", "--yes"], false),
        (vec!["import", "-"], false),
        (vec!["env", "list"], true),
        (vec!["env", "add", "preview"], false),
        (vec!["key", "move", "--to", "file"], false),
        (vec!["why", "A"], true),
        (vec!["doctor"], true),
        (vec!["check"], true),
        (vec!["access"], true),
        (vec!["backup"], false),
        (vec!["get", "A"], true),
        (vec!["export", "--format", "json"], true),
    ]
}

#[test]
fn json_is_one_document_on_standard_output_and_nothing_else_is_said() {
    let project = project();
    for (arguments, _) in successes() {
        let arguments = [&["--json"], arguments.as_slice()].concat();
        let output = project.unspoken(&arguments).stdin("B_2=piped").run().ok();
        assert!(output.stderr.is_empty(), "{arguments:?}: {output:?}");
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        assert!(serde_json::from_str::<Value>(&text).is_ok(), "{arguments:?}: no JSON");
        assert!(output.json().is_object(), "{arguments:?}");
    }
}

#[test]
fn quiet_leaves_data_alone() {
    let project = project();
    for (arguments, data) in successes() {
        let arguments = [arguments.as_slice(), &["-q"]].concat();
        let output = project.unspoken(&arguments).stdin("B_2=piped").run().ok();
        assert!(output.stderr.is_empty(), "{arguments:?}: {output:?}");
        assert_eq!(!output.stdout.is_empty(), data, "{arguments:?}");
    }
}

#[test]
fn words_go_to_standard_error_alone() {
    let project = project();
    for (arguments, data) in successes() {
        let output = project.unspoken(&arguments).stdin("B_2=piped").run().ok();
        assert_eq!(output.stdout.is_empty(), !data, "{arguments:?}");
        assert_eq!(output.stderr.is_empty(), data, "{arguments:?}: {output:?}");
    }
}

#[test]
fn verbose_says_more_and_never_a_value() {
    let project = project();
    for arguments in [
        &["set", "B", "-v"][..],
        &["run", "-v", "--", "true"],
        &["env", "add", "preview", "-v"],
        &["import", "-", "-v"],
    ] {
        let call = project.unspoken(arguments).stdin(format!("B_2={}", canary("verbose")));
        call.run().ok().is_silent_on_values();
    }
    project.unspoken(["list", "-q", "-v"]).run().fails_with(2);
}

#[test]
fn an_error_in_json_is_one_object_with_code_message_and_hint() {
    let project = project();
    let (value, flag) = (canary("argument"), format!("--{}", canary("argument")));
    let cases: [(&[&str], u64); 17] = [
        (&["get", "AA"], 3),
        (&["get", "a"], 2),
        (&["get"], 2),
        (&["list", "-e", "nowhere"], 3),
        (&["rm", "A"], 10),
        (&["rm", "ZZZZ", "--yes"], 3),
        (&["mv", "A", "a"], 2),
        (&["set", "A", &value], 2),
        (&["set", "A", &flag], 2),
        (&["set", &flag], 2),
        (&["set", "A", "--expires", "soon"], 2),
        (&["import", "absent"], 1),
        (&["run", "--only", "ZZZZ", "--", "true"], 3),
        (&["run", "--", "no-such-program"], 127),
        (&["run", "--", "./secrets"], 126),
        (&["export", "--format", "yaml"], 2),
        (&["nonsense"], 2),
    ];
    for (arguments, code) in cases {
        let arguments = [&["--json"], arguments].concat();
        let output = project.unspoken(&arguments).run().is_silent_on_values();
        let error = output.json_error();
        let keys: Vec<&String> = error.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["code", "message", "hint"], "{}", arguments[1]);
        assert_eq!(error["code"].as_u64(), Some(code), "{}", arguments[1]);
        assert_eq!(u64::try_from(output.code).unwrap(), code, "{}", arguments[1]);
        assert!(error["message"].is_string() && !error["message"].as_str().unwrap().is_empty());
        assert!(error["hint"].is_string() || error["hint"].is_null());
        assert_eq!(output.stderr.lines().count(), 1);
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn an_error_is_a_fragment_and_a_hint_a_sentence() {
    let project = project();
    for arguments in [&["get", "AA"][..], &["rm", "A"], &["list", "-e", "qa"], &["set", "A", "x"]] {
        let output = project.unspoken(arguments).run();
        let lines: Vec<&str> = output.stderr.lines().collect();
        let [message, hint] = lines.as_slice() else {
            panic!("two lines were expected: {output:?}")
        };
        let message = message.strip_prefix("error: ").unwrap();
        let hint = hint.strip_prefix("hint: ").unwrap();
        assert!(!message.ends_with('.') && !message.starts_with(char::is_uppercase), "{message}");
        assert!(hint.starts_with(char::is_uppercase) && hint.ends_with(['.', '?']), "{hint}");
    }
}

#[test]
fn a_call_without_a_command_shows_the_help_as_it_is() {
    let project = project();
    let output = project.unspoken([] as [&str; 0]).run().fails_with(2);
    assert!(output.stderr.contains("Usage: unspoken"), "{output:?}");
    assert!(!output.stderr.contains("error: Secrets"), "{output:?}");
    assert!(!output.stderr.contains("hint: Usage"), "{output:?}");
}

#[test]
fn a_misspelt_command_is_told_with_the_nearest() {
    let output = project().unspoken(["lsit"]).run().fails_with(2);
    output.says("lsit").says("list");
}

#[test]
fn no_colour_reaches_a_pipe() {
    let project = project();
    for arguments in [&["get", "AA"][..], &["list"], &["doctor"], &["--help"], &["get", "--help"]] {
        let output = project.unspoken(arguments).env("CLICOLOR_FORCE", "1").run();
        assert!(!output.stderr.contains('\x1b'), "{arguments:?}");
        assert!(!output.text().contains('\x1b'), "{arguments:?}");
    }
}

#[test]
fn the_version_is_one_line() {
    let project = Project::empty();
    for flag in ["--version", "-V"] {
        let output = project.unspoken([flag]).run().ok();
        assert_eq!(output.text(), format!("unspoken {}\n", env!("CARGO_PKG_VERSION")));
    }
}
