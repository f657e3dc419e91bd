//! `run`: the command gets the secrets, and is what was started.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;

use serde_json::Value;
use unspoken_testkit::{Output, Project, canary, show_env, unspoken_binary};

fn project() -> Project {
    let project = Project::with_environments(&["development"]);
    for name in ["A", "B"] {
        project.set("development", name, canary(name));
    }
    project
}

/// What a child received, by name.
#[track_caller]
fn received(project: &Project, flags: &[&str], parent: &[(&str, &str)]) -> Value {
    let show = show_env();
    let arguments = [&["run", "--redact=never"], flags, &["--", show.to_str().unwrap()]].concat();
    let mut call = project.unspoken(arguments);
    for (name, value) in parent {
        call = call.env(name, value);
    }
    let output = call.run().ok();
    assert!(output.stderr.is_empty(), "{output:?}");
    output.json()
}

fn script(project: &Project, flags: &[&str], script: &str) -> Output {
    let arguments = [&["run", "--redact=never"], flags, &["--", "sh", "-c", script]].concat();
    project.unspoken(arguments).run()
}

#[test]
fn values_arrive_byte_for_byte() {
    let project = project();
    let c = canary("exact");
    let values = [
        ("LINES", format!("-----BEGIN\n{c}\r\n\n{c}\n")),
        ("QUOTES", format!(" {c}'\"`$HOME\\ #=\t")),
        ("UNICODE", format!("{c}ü🔑\u{feff}\u{7f}\u{1}")),
        ("EMPTY", String::new()),
        ("LARGE", c.repeat(1_000)),
    ];
    for (name, value) in &values {
        project.set("development", name, format!("{value}\n"));
    }
    let received = received(&project, &[], &[]);
    for (name, value) in &values {
        assert!(received[name] == value.as_str(), "`{name}` arrived as another value");
    }
}

#[test]
fn a_secret_wins_over_the_parents_variable_and_others_stay() {
    let project = project();
    let received = received(&project, &[], &[("A", "parent"), ("OTHER", "stays")]);
    assert!(received["A"] == canary("A").as_str());
    assert_eq!(received["OTHER"], "stays");
}

#[test]
fn our_own_variables_and_keys_never_arrive() {
    let project = project();
    let parent = [
        ("UNSPOKEN_ENV", "development"),
        ("UNSPOKEN_ANYTHING", "x"),
        ("SOPS_AGE_KEY", "x"),
        ("SOPS_AGE_KEY_FILE", "/x"),
        ("SOPS_AGE_ANYTHING", "x"),
    ];
    let received = received(&project, &[], &parent);
    let names: Vec<&String> = received.as_object().unwrap().keys().collect();
    let ours = |name: &&&String| name.starts_with("UNSPOKEN_") || name.starts_with("SOPS_AGE_");
    assert_eq!(names.iter().find(ours), None);
    assert!(received["A"] == canary("A").as_str());
}

#[test]
fn clean_starts_from_six_variables() {
    let project = project();
    let received =
        received(&project, &["--clean"], &[("TERM", "dumb"), ("OTHER", "x"), ("LC_ALL", "C")]);
    let mut names: Vec<&str> = received.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["A", "B", "HOME", "LANG", "PATH", "TERM", "TMPDIR", "TZ"]);
}

#[test]
fn only_rename_and_prefix_choose_what_arrives() {
    let project = project();
    let names = |flags: &[&str]| {
        let flags = [&["--clean"], flags].concat();
        let received = received(&project, &flags, &[]);
        let usual = ["HOME", "LANG", "PATH", "TMPDIR", "TZ"];
        let names = received.as_object().unwrap().keys().filter(|n| !usual.contains(&n.as_str()));
        let mut names: Vec<String> = names.cloned().collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(&["--only", "A"]), ["A"]);
    assert_eq!(names(&["--only", "A,B"]), ["A", "B"]);
    assert_eq!(names(&["--only", "A", "--only", "B"]), ["A", "B"]);
    assert_eq!(names(&["--rename", "A=pg_url"]), ["B", "pg_url"]);
    assert_eq!(names(&["--prefix", "APP_"]), ["APP_A", "APP_B"]);
    assert_eq!(names(&["--prefix", "APP_", "--rename", "A=X", "--only", "A"]), ["X"]);
    let renamed = received(&project, &["--rename", "A=X"], &[]);
    assert!(renamed["X"] == canary("A").as_str());
}

#[test]
fn a_choice_that_fits_nothing_is_told_and_nothing_runs() {
    let project = Project::with_environments(&["development"]);
    project.set("development", "DATABASE_URL", canary("url"));
    project.set("development", "B", canary("b"));
    for (flags, code, said) in [
        (&["--only", "DATBASE_URL"][..], 3, "`DATABASE_URL`?"),
        (&["--rename", "DATBASE_URL=X"], 3, "`DATABASE_URL`?"),
        (&["--only", "B", "--rename", "DATABASE_URL=X"], 2, "not among"),
        (&["--rename", "DATABASE_URL=B"], 2, "both"),
        (&["--rename", "B"], 2, "NAME=VARIABLE"),
        (&["--rename", "B=1x"], 2, "--rename"),
        (&["--prefix", "1-"], 2, "--prefix"),
        (&["--only", "b"], 2, "--only"),
    ] {
        let output = script(&project, flags, "touch ran").is_silent_on_values();
        assert_eq!(output.code, code, "{flags:?}: {output:?}");
        output.says(said);
        assert!(!project.root().join("ran").exists(), "{flags:?}");
    }
}

#[test]
fn the_exit_code_and_the_signal_are_the_commands_own() {
    let project = project();
    for code in [0, 1, 2, 3, 42, 255] {
        assert_eq!(script(&project, &[], &format!("exit {code}")).code, code);
    }
    for signal in [9, 15] {
        let mut command = project
            .unspoken(["run", "--redact=never", "--", "sh", "-c", &format!("kill -{signal} $$")])
            .command();
        let status = command.status().unwrap();
        assert_eq!(status.signal(), Some(signal));
    }
}

#[test]
fn the_command_starts_with_no_signal_ignored_or_blocked() {
    let project = project();
    let shown = "grep -E '^Sig(Ign|Blk)' /proc/self/status";
    let with = script(&project, &[], shown).ok();
    let without = project.program("/bin/sh", ["-c", shown]).run().ok();
    assert_eq!(with.text(), without.text());
    let closed = script(&project, &[], "yes | head -n 1").ok();
    assert!(closed.stderr.is_empty(), "{closed:?}");
}

#[test]
fn the_process_is_replaced() {
    let project = project();
    let child = project.unspoken(["run", "--redact=never", "--", "sh", "-c", "echo $$"]).spawn();
    let id = child.id();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{id}\n"));
}

#[test]
fn streams_arguments_and_folder_are_the_commands_own() {
    let project = project();
    let inner = project.root().join("inner");
    fs::create_dir(&inner).unwrap();
    let call = project.unspoken([
        "run",
        "--redact=never",
        "--",
        "sh",
        "-c",
        "cat; pwd; echo \"$1\" >&2",
        "sh",
        "--json -q",
    ]);
    let output = call.stdin("in\n").current_dir(&inner).run().ok();
    let folder = inner.canonicalize().unwrap();
    assert_eq!(output.text(), format!("in\n{}\n", folder.display()));
    assert_eq!(output.stderr, "--json -q\n");
}

#[test]
fn the_command_needs_no_dashes_before_it_and_keeps_its_own_flags() {
    let project = project();
    let output =
        project.unspoken(["run", "--redact=never", "echo", "-e", "x", "--json"]).run().ok();
    assert!(output.text().ends_with("-e x --json\n") || output.text() == "x --json\n");
    assert_eq!(project.unspoken(["x", "--", "echo", "hi"]).run().ok().text(), "hi\n");
}

#[test]
fn a_misspelt_flag_is_not_taken_for_the_command() {
    let project = project();
    let output = project.unspoken(["run", "--redact=never", "--onyl", "A", "--", "true"]).run();
    output.fails_with(2).says("--onyl");
}

#[test]
fn what_cannot_be_started_has_the_shells_codes() {
    let project = project();
    project.write("data", "not a program");
    project.write("broken", "#!/absent/interpreter\n");
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(project.root().join("broken"), executable).unwrap();
    for (program, code, said) in [
        ("no-such-program", 127, "no program `no-such-program`"),
        ("./absent", 127, "./absent"),
        ("./data", 126, "./data"),
        ("./secrets", 126, "./secrets"),
        ("./broken", 126, "interpreter"),
        ("", 127, ""),
    ] {
        let output =
            project.unspoken(["run", "--redact=never", "--", program]).run().is_silent_on_values();
        assert_eq!(output.code, code, "{program:?}: {output:?}");
        output.says(said);
    }
    project.unspoken(["run", "--redact=never"]).run().fails_with(2);
    project.unspoken(["run", "--redact=never", "--"]).run().fails_with(2);
}

#[test]
fn more_than_the_system_takes_is_told_with_a_way_out() {
    let project = project();
    let large = "x".repeat(60_000);
    let values: serde_json::Map<String, Value> =
        (0..60).map(|n| (format!("L{n}"), Value::String(large.clone()))).collect();
    let text = Value::Object(values).to_string();
    project.unspoken(["import", "-", "--format", "json"]).stdin(text).run().ok();

    let output = project.unspoken(["run", "--redact=never", "--", "true"]).run().fails_with(126);

    output.says("too large").says("--only");
    project.unspoken(["run", "--redact=never", "--only", "A", "--", "true"]).run().ok();
}

#[test]
fn an_environment_runs_with_what_it_inherits() {
    let project = project();
    project.unspoken(["env", "add", "preview", "--inherits", "development"]).run().ok();
    project.set("preview", "B", canary("own"));
    for (flags, parent) in
        [(&["-e", "preview"][..], &[][..]), (&[], &[("UNSPOKEN_ENV", "preview")])]
    {
        let received = received(&project, flags, parent);
        assert!(received["A"] == canary("A").as_str());
        assert!(received["B"] == canary("own").as_str());
    }
}

#[test]
fn the_command_is_looked_up_where_the_child_looks() {
    let project = Project::with_environments(&["development"]);
    let bin = project.root().join("bin");
    fs::create_dir(&bin).unwrap();
    project.write("bin/mine", "#!/bin/sh\necho mine\n");
    fs::set_permissions(bin.join("mine"), fs::Permissions::from_mode(0o755)).unwrap();
    project.set("development", "PATH", format!("{}:/usr/bin:/bin", bin.display()));
    assert_eq!(
        project.unspoken(["run", "--redact=never", "--", "mine"]).run().ok().text(),
        "mine\n"
    );
}

#[test]
fn verbose_names_what_is_delivered_and_no_value() {
    let project = project();
    let output = project
        .unspoken(["run", "--redact=never", "-v", "--rename", "A=X", "--", "true"])
        .run()
        .ok();
    output.is_silent_on_values().says("A → X").says("B → B");
}

#[test]
fn a_run_in_a_run_works_and_sees_the_other_environment() {
    let project = Project::with_environments(&["development", "production"]);
    project.set("production", "A", canary("inner"));
    let home = project.unspoken_home();
    let script = format!(
        "UNSPOKEN_HOME={} exec {} run --redact=never -e production -- {} A",
        home.display(),
        unspoken_binary().display(),
        show_env().display()
    );
    let output = project.unspoken(["run", "--redact=never", "--", "sh", "-c", &script]).run().ok();
    assert!(output.json()["A"] == canary("inner").as_str());
}
