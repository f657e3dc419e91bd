//! `rotate NAME` and `trust`: a hook is started only as it was agreed to, and
//! whatever goes wrong leaves everything as it was.
//!
//! No hook holds a value: what it prints is made from what it is given.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use unspoken_testkit::{Invocation, Output, Project, Snapshot, canary, peers};

pub(crate) const GOOD: &str = "#!/bin/sh\nread -r old\nprintf '%s-next\\n' \"$old\"\n";

/// A project with one secret, and a hook for it that is not trusted yet.
pub(crate) fn project(script: &str) -> Project {
    project_with(script, "\"scripts/rotate\"")
}

fn project_with(script: &str, command: &str) -> Project {
    let project = Project::with_environments(&["development"]);
    project.set("development", "KEY", canary("rotate"));
    fs::create_dir(project.root().join("scripts")).unwrap();
    hook(&project, script);
    let text = project.read("unspoken.toml");
    project.write("unspoken.toml", format!("{text}\n[rotation]\nKEY = {command}\n"));
    project
}

pub(crate) fn hook(project: &Project, script: &str) {
    let path = project.root().join("scripts/rotate");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

pub(crate) fn trusted(script: &str) -> Project {
    let project = project(script);
    trust(&project);
    project
}

#[track_caller]
pub(crate) fn trust(project: &Project) {
    project.unspoken(["trust", "--yes"]).run().ok();
}

pub(crate) fn rotation(project: &Project) -> Invocation {
    project.unspoken(["rotate", "KEY", "--yes", "--timeout", "20"])
}

#[track_caller]
pub(crate) fn rotate(project: &Project) -> Output {
    rotation(project).run().is_silent_on_values()
}

/// Rotates, and demands that it fails and changes nothing.
#[track_caller]
pub(crate) fn fails(project: &Project, code: i32) -> Output {
    let before = project.snapshot();
    let output = rotate(project).fails_with(code);
    is_as(project, &before);
    output
}

#[track_caller]
pub(crate) fn is_as(project: &Project, before: &Snapshot) {
    project.is_as(before);
    project.has("development", "KEY", canary("rotate"));
}

pub(crate) fn next() -> String {
    format!("{}-next", canary("rotate"))
}

#[test]
fn a_trusted_hook_gives_the_new_value() {
    let project = trusted(GOOD);
    rotate(&project).ok().says("rotated KEY in development");
    project.has("development", "KEY", next());
    assert!(!project.unspoken_home().join("rescue").exists());

    let json = project.unspoken(["--json", "rotate", "KEY", "--yes"]).run().ok();
    assert_eq!(json.json()["change"], "rotated");
    assert_eq!(json.json()["environment"], "development");
    assert_eq!(json.json()["revision"], 4);
    assert!(json.stderr.is_empty());
}

#[test]
fn a_hook_in_another_language_gets_the_old_value_and_no_newline() {
    let python = peers().python();
    let script = format!(
        "#!{}\nimport sys\nold = sys.stdin.read()\nassert not old.endswith('\\n')\nprint(old + '-next')\n",
        python.display()
    );
    let project = trusted(&script);
    rotate(&project).ok();
    project.has("development", "KEY", next());
}

#[test]
fn a_name_that_has_no_value_gets_its_first_one() {
    let project = trusted("#!/bin/sh\ntest -z \"$(cat)\" && echo \"$UNSPOKEN_ROTATE_NAME\"\n");
    project.unspoken(["rm", "KEY", "--yes"]).run().ok();
    rotate(&project).ok();
    project.has("development", "KEY", "KEY");
}

#[test]
fn what_a_hook_says_on_standard_error_reaches_the_user() {
    let project = trusted(&GOOD.replace("read", "echo 'asking the provider' >&2\nread"));
    rotate(&project).ok().says("asking the provider");
}

#[test]
fn a_hook_knows_what_it_rotates_and_no_key_of_ours() {
    let script = "#!/bin/sh\ntest -z \"$SOPS_AGE_KEY$SOPS_AGE_KEY_FILE$UNSPOKEN_KEY$UNSPOKEN_HOME\" || exit 9\n\
                  test \"$KEPT\" = kept || exit 8\n\
                  echo \"$UNSPOKEN_ROTATE_PROJECT/$UNSPOKEN_ROTATE_ENVIRONMENT/$UNSPOKEN_ROTATE_NAME@$PWD@$0@$#\"\n";
    let project = trusted(script);
    let call = rotation(&project).env("KEPT", "kept").env("UNSPOKEN_KEY", "key");
    call.env("SOPS_AGE_KEY", "AGE-SECRET-KEY-1")
        .current_dir(project.home())
        .env("UNSPOKEN_PROJECT_DIR", project.root())
        .run()
        .ok();
    let root = project.root().canonicalize().unwrap();
    let root = root.display();
    let expected = format!("acme-web/development/KEY@{root}@{root}/scripts/rotate@0");
    project.has("development", "KEY", expected);
}

#[test]
fn arguments_are_words_and_no_shell_sees_them() {
    let project = project_with(
        "#!/bin/sh\nprintf '%s|' \"$@\"\n",
        "[\"scripts/rotate\", \"$(touch x)\", \"a b\", \"; touch x\", \"*\"]",
    );
    trust(&project);
    rotate(&project).ok();
    project.has("development", "KEY", "$(touch x)|a b|; touch x|*|");
    assert!(!project.root().join("x").exists());
}

#[test]
fn a_value_of_the_largest_size_goes_both_ways() {
    let project = trusted("#!/bin/sh\ntr a b\n");
    project.set("development", "KEY", "a".repeat(65_536));
    rotate(&project).ok();
    project.has("development", "KEY", "b".repeat(65_536));
    // Without reading any of it.
    hook(&project, "#!/bin/sh\necho new\n");
    trust(&project);
    rotate(&project).ok();
    project.has("development", "KEY", "new");
}

#[test]
fn an_answer_that_is_no_new_value_changes_nothing() {
    for (script, code, said) in [
        ("read -r old; echo \"$old-next\"; exit 3", 1, "exit code 3"),
        ("kill -KILL $$", 1, "signal 9"),
        ("cat; echo; echo two", 1, "more than one line"),
        ("printf 'one\\r\\n'", 1, "more than one line"),
        ("true", 1, "printed nothing"),
        ("echo", 1, "printed nothing"),
        ("cat", 1, "the old value"),
        ("cat; echo", 1, "the old value"),
        ("printf 'a\\377'", 1, "not UTF-8"),
        ("printf 'a\\0b'", 1, "NUL"),
        ("yes", 1, "more than 65536 bytes"),
        ("head -c 65537 /dev/zero | tr '\\0' x", 1, "more than 65536 bytes"),
    ] {
        let project = trusted(&format!("#!/bin/sh\n{script}\n"));
        let output = fails(&project, code).says(said).says("hint: Nothing was changed");
        if said.starts_with("exit") {
            output
                .says("the provider may have made a new value")
                .says("unspoken set KEY -e development");
        }
    }
}

/// Whether a process of this group is there.
fn lives(group: &str) -> bool {
    let listed = Command::new("ps").args(["-eo", "pgid=,stat="]).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let mut words = listed.lines().map(str::split_whitespace);
    // One that has ended and is not reaped by its new parent is gone for us.
    words.any(|mut words| words.next() == Some(group) && !words.next().unwrap().starts_with('Z'))
}

#[test]
fn a_hook_that_hangs_is_ended_with_all_that_it_started() {
    // The second kind does not go when it is asked.
    for (script, least) in [("", 1), ("trap '' TERM\n", 3)] {
        let script = format!("#!/bin/sh\n{script}echo $$ > \"$GROUP\"\nsleep 60 &\nsleep 60\n");
        let project = trusted(&script);
        let group = project.folder().join("group");
        let before = project.snapshot();
        let start = Instant::now();
        let call = project.unspoken(["rotate", "KEY", "--yes", "--timeout", "1"]);
        let output = call.env("GROUP", &group).run().fails_with(1);
        output.says("did not end within 1 s").says("the provider may have made a new value");
        let took = start.elapsed();
        assert!(took >= Duration::from_secs(least) && took < Duration::from_secs(5), "{took:?}");
        let pid = fs::read_to_string(&group).unwrap();
        assert!(!lives(pid.trim()), "the hook's group is still there");
        fs::remove_file(&group).unwrap();
        is_as(&project, &before);
    }
}

#[test]
fn what_a_hook_has_left_behind_is_not_waited_for() {
    let project =
        trusted("#!/bin/sh\nread -r old\nsleep 30 2>&- &\necho \"$old-next\"\necho $! >&2\n");
    let start = Instant::now();
    let output = rotate(&project).ok();
    assert!(start.elapsed() < Duration::from_secs(10));
    project.has("development", "KEY", next());
    let pid = output.stderr.lines().next().unwrap().to_owned();
    Command::new("kill").arg(pid).status().unwrap();
}

#[test]
fn an_interrupt_ends_the_hook_and_is_told() {
    let script = "#!/bin/sh\necho $$ > \"$GROUP.new\"; mv \"$GROUP.new\" \"$GROUP\"\nsleep 60\n";
    for signal in ["INT", "TERM"] {
        let project = trusted(script);
        let group = project.folder().join("group");
        let before = project.snapshot();
        let child = rotation(&project).env("GROUP", &group).spawn();
        let pid = wait_for(&group);
        assert!(lives(pid.trim()));
        Command::new("kill")
            .args([&format!("-{signal}"), &child.id().to_string()])
            .status()
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(130), "{said}");
        assert!(said.contains("interrupted") && said.contains("provider may have"), "{said}");
        assert!(!lives(pid.trim()));
        fs::remove_file(&group).unwrap();
        is_as(&project, &before);
    }
}

#[track_caller]
pub(crate) fn wait_for(path: &std::path::Path) -> String {
    for _ in 0..500 {
        if let Ok(text) = fs::read_to_string(path) {
            return text;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("the hook did not start");
}

#[test]
fn an_expiry_stays_with_a_warning_or_is_set_anew() {
    let project = trusted(GOOD);
    project.unspoken(["set", "KEY", "--keep", "--expires", "2098-01-01"]).run().ok();
    rotate(&project).ok().says("`KEY` still expires on 2098-01-01").says("--keep --expires");
    let dated =
        |project: &Project| project.unspoken(["list", "--json"]).run().ok().text().to_owned();
    assert!(dated(&project).contains("2098-01-01"));
    let output = rotation(&project).run().ok();
    assert!(output.stderr.contains("still expires"));
    let call = project.unspoken(["rotate", "KEY", "--yes", "--expires", "2099-01-01"]);
    assert!(!call.run().ok().stderr.contains("still expires"));
    assert!(dated(&project).contains("2099-01-01"));
    project.unspoken(["rotate", "KEY", "--yes", "--expires", "never"]).run().ok();
    assert!(!dated(&project).contains("2099-01-01"));
}

#[test]
fn no_value_is_an_argument_or_a_variable_of_the_hook() {
    let project = trusted(
        "#!/bin/sh\ntr '\\0' '\\n' < /proc/$$/environ > \"$SEEN\"\ntr '\\0' '\\n' < /proc/$$/cmdline >> \"$SEEN\"\ncat; echo -next\n",
    );
    let seen = project.folder().join("seen");
    let before = canary("rotate");
    let output = rotation(&project).env("SEEN", &seen).run().ok();
    output.is_silent_on_values();
    let seen = fs::read_to_string(&seen).unwrap();
    assert!(seen.contains("UNSPOKEN_ROTATE_NAME=KEY") && !seen.contains(&before));
    assert!(!seen.contains("UNSPOKEN_HOME"));
}
