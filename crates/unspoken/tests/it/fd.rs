//! `run --fd`: the secrets on a descriptor, and nowhere else.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use unspoken_testkit::{Output, Project, canary, peers, show_env, unspoken_binary};

/// Tells which descriptors are open, and what is on the bundle's.
const OPEN: &str = "
import json, os
def is_open(fd):
    try: os.fstat(fd)
    except OSError: return False
    return True
fds = sorted(fd for fd in map(int, os.listdir('/proc/self/fd')) if is_open(fd))
parent = open(f'/proc/{os.getppid()}/comm').read()
print(json.dumps({'fds': fds, 'parent': parent, 'at': os.environ.get('UNSPOKEN_FD')}))";

fn project() -> Project {
    let project = Project::with_environments(&["development"]);
    for name in ["A", "B"] {
        project.set("development", name, canary(name));
    }
    project
}

fn python() -> String {
    peers().python().to_str().unwrap().to_owned()
}

/// `run` with these flags and a shell's script as the command.
fn script(project: &Project, flags: &[&str], script: &str) -> Output {
    let arguments = [&["run", "--redact=never"], flags, &["--", "bash", "-c", script]].concat();
    project.unspoken(arguments).run()
}

/// The bundle that a child reads, with `run`'s flags.
#[track_caller]
fn bundle(project: &Project, flags: &[&str]) -> Value {
    let flags = [&["--fd"], flags].concat();
    script(project, &flags, "cat <&3").ok().json()
}

fn names(bundle: &Value) -> Vec<&str> {
    bundle["secrets"].as_object().unwrap().keys().map(String::as_str).collect()
}

/// Which files below a folder hold a text.
fn holders(folder: &Path, text: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            holders(&path, text, found);
        } else if kind.is_file() && holds(&fs::read(&path).unwrap_or_default(), text) {
            found.push(path.display().to_string());
        }
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Where a value can be seen from outside while a command has it: of its files
/// in `/proc`, of two listings of processes, of what lies on the disk.
#[track_caller]
fn seen(project: &Project, flags: &[&str], value: &str) -> Vec<String> {
    let read = "import os, sys
if 'UNSPOKEN_FD' in os.environ: held = open(3, 'rb').read()
os.path.exists('/proc/self/fd/20') and os.close(20)
print('ready', flush=True); sys.stdin.read()";
    let python = python();
    let mut command = project
        .unspoken([&["run", "--redact=never"], flags, &["--", &python, "-c", read]].concat())
        .command();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    let mut found = Vec::new();
    let own = format!("/proc/{}", child.id());
    for folder in [own.clone(), format!("{own}/attr"), format!("{own}/task/{}", child.id())] {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            // The memory itself holds it, as it must, and what tells where pages are has no end.
            let is_memory = ["mem", "pagemap"].map(Into::into).contains(&entry.file_name());
            if !is_memory && entry.file_type().is_ok_and(|kind| kind.is_file()) {
                let bytes = fs::read(entry.path()).unwrap_or_default();
                if holds(&bytes, value) {
                    found.push(entry.file_name().to_str().unwrap().to_owned());
                }
            }
        }
    }
    for flags in ["auxe", "auxwwe"] {
        let listing = Command::new("ps").arg(flags).env("COLUMNS", "100000").output().unwrap();
        assert!(listing.status.success() && holds(&listing.stdout, "ps "));
        if holds(&listing.stdout, value) {
            found.push(format!("ps {flags}"));
        }
    }
    holders(project.folder(), value, &mut found);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    found.sort();
    found.dedup();
    found
}

#[test]
fn nothing_of_a_value_is_seen_from_outside_and_in_an_environment_it_is() {
    let project = Project::with_environments(&["development"]);
    let value = canary("seen-from-outside");
    project.set("development", "SEEN", &value);
    assert_eq!(seen(&project, &["--fd"], &value), Vec::<String>::new());
    assert_eq!(seen(&project, &["--fd-kind", "memfd"], &value), Vec::<String>::new());
    let usual = seen(&project, &[], &value);
    assert!(usual.contains(&"environ".to_owned()), "{usual:?}");
    assert!(usual.iter().any(|place| place.starts_with("ps ")), "{usual:?}");
}

#[test]
fn the_bundle_says_where_it_comes_from() {
    let project = project();
    let bundle = bundle(&project, &[]);
    let mut keys: Vec<&String> = bundle.as_object().unwrap().keys().collect();
    keys.sort_unstable();
    let all = ["environment", "project", "revision", "secrets", "storages", "token", "version"];
    assert_eq!(keys, all);
    assert_eq!((&bundle["version"], &bundle["project"]), (&1.into(), &"acme-web".into()));
    assert_eq!((&bundle["environment"], &bundle["token"]), (&"development".into(), &"".into()));
    assert!(bundle["revision"].as_u64().unwrap() >= 2);
    assert!(bundle["secrets"]["A"] == canary("A").as_str());
}

#[test]
fn the_command_is_the_process_that_was_started() {
    let project = project();
    let child =
        project.unspoken(["run", "--redact=never", "--fd", "--", "sh", "-c", "echo $$"]).spawn();
    let id = child.id();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{id}\n"));
}

/// Starts `run` from a shell that has done something to the descriptors.
#[track_caller]
pub(crate) fn found_after(project: &Project, before: &str, flags: &str) -> Value {
    let call =
        format!("{before}\nexec \"$@\" run {flags} -- {} -c \"$OPEN\"", peers().python().display());
    let binary = unspoken_binary();
    let arguments = ["-c", &call, "bash", binary.to_str().unwrap()];
    project.program("bash", arguments).env("OPEN", OPEN).run().ok().json()
}

#[test]
fn the_standard_streams_and_the_listed_descriptors_are_open_and_no_other() {
    let project = project();
    let many: String = (3..30).map(|number| format!("exec {number}</dev/null\n")).collect();
    let to_16: String = (3..17).map(|number| format!("exec {number}</dev/null\n")).collect();
    for before in
        ["", "exec 3</dev/null", "exec 4</dev/null 5</dev/null 20</dev/null", &many, &to_16]
    {
        for (flags, expected, at) in [
            ("--fd", &[0, 1, 2, 3, 20][..], "3,20"),
            ("--fd=9", &[0, 1, 2, 9], "9"),
            ("--fd=20,3", &[0, 1, 2, 3, 20], "20,3"),
            ("--fd=4,5,6", &[0, 1, 2, 4, 5, 6], "4,5,6"),
            ("--fd=1023", &[0, 1, 2, 1023], "1023"),
            ("--fd-kind=memfd", &[0, 1, 2, 3, 20], "3,20"),
        ] {
            let found = found_after(&project, before, flags);
            assert_eq!(found["fds"], Value::from(expected), "{flags} after {before:?}");
            assert_eq!(found["at"], at);
        }
    }
}

#[test]
fn closed_standard_streams_are_not_taken_for_the_bundle() {
    let project = project();
    for closed in ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-", "0<&- 2>&-"] {
        let call = format!(
            "exec {closed}\nexec \"$@\" run --fd -- bash -c '
                grep -o .[AB].: <&3 >found; at() {{ readlink /proc/$$/fd/$1; }}
                zero=$(at 0) one=$(at 1) two=$(at 2)
                printf \"%s\\n\" \"$zero\" \"$one\" \"$two\" >streams'"
        );
        let binary = unspoken_binary();
        let call = project.program("bash", ["-c", &call, "bash", binary.to_str().unwrap()]);
        assert_eq!(call.run().code, 0, "{closed}");
        assert_eq!(project.read("found"), "\"A\":\n\"B\":\n", "{closed}");
        // One is `/dev/null` for each that was closed; none is the bundle's pipe.
        let streams = project.read("streams");
        let nulls = streams.lines().filter(|stream| *stream == "/dev/null").count();
        assert!(nulls >= closed.split(' ').count(), "{closed}: {streams}");
    }
}

#[test]
fn what_is_no_descriptor_is_refused_before_anything_runs() {
    let project = project();
    for flags in
        ["--fd=2", "--fd=0", "--fd=1024", "--fd=3,3", "--fd=", "--fd=x", "--fd=3,", "--fd=-1"]
    {
        script(&project, &[flags], "touch ran").fails_with(2).says("--fd");
    }
    for flags in [&["--fd", "--no-fd"][..], &["--no-fd", "--fd-kind=pipe"], &["--fd-kind=file"]] {
        script(&project, flags, "touch ran").fails_with(2);
    }
    assert!(!project.root().join("ran").exists());
    // The number after a blank is the command.
    project
        .unspoken(["run", "--redact=never", "--fd", "9", "--", "true"])
        .run()
        .fails_with(127)
        .says("`--fd=9`");
}

#[test]
fn a_limit_that_is_too_low_is_named() {
    let project = project();
    let limited = |flags: &[&str]| {
        let binary = unspoken_binary();
        let usual = ["--nofile=12:12", binary.to_str().unwrap(), "run"];
        project
            .program("prlimit", [&usual, flags, &["--", "cat", "/proc/self/fd/3"]].concat())
            .run()
    };
    limited(&["--fd"]).fails_with(1).says("descriptor 20").says("limit").says("--fd=3");
    limited(&["--fd=12"]).fails_with(1).says("descriptor 12").says("12");
    assert_eq!(names(&limited(&["--fd=3"]).ok().json()), ["A", "B"]);
    assert_eq!(names(&limited(&["--fd=3,11"]).ok().json()), ["A", "B"]);
}

#[test]
fn a_crash_writes_nothing_where_that_was_asked_for() {
    let project = project();
    let core = |flags: &[&str]| {
        let output = script(&project, flags, "grep 'core file' /proc/self/limits").ok();
        output.text().split_whitespace().skip(4).take(2).collect::<Vec<_>>().join(" ")
    };
    let usual = project.program("grep", ["core file", "/proc/self/limits"]).run().ok();
    let usual: Vec<_> = usual.text().split_whitespace().skip(4).take(2).collect();
    assert_eq!(core(&[]), usual.join(" "));
    assert_eq!(core(&["--fd"]), "1 1");
    assert_eq!(core(&["--harden"]), "1 1");
    assert_eq!(core(&["--fd-kind=memfd"]), "1 1");
}

#[test]
fn a_limit_of_no_core_at_all_is_no_obstacle() {
    let project = project();
    let binary = unspoken_binary();
    let call = "ulimit -Hc 0; exec \"$@\" run --fd -- grep 'core file' /proc/self/limits";
    let call = project.program("bash", ["-c", call, "bash", binary.to_str().unwrap()]);
    let output = call.run().ok();
    assert_eq!(output.text().split_whitespace().nth(5), Some("0"));
}

#[test]
fn the_project_file_chooses_the_descriptors_and_a_flag_the_environment() {
    let project = project();
    let file = project.read("unspoken.toml");
    let mode = |mode: &str| {
        project
            .write("unspoken.toml", file.replacen("default =", &format!("{mode}\ndefault ="), 1));
    };
    let shown = "echo ${UNSPOKEN_FD-none} ${A+has}";
    mode("run_mode = \"fd\"");
    assert_eq!(script(&project, &[], shown).ok().text(), "3,20\n");
    assert_eq!(script(&project, &["--fd=7"], shown).ok().text(), "7\n");
    assert_eq!(script(&project, &["--no-fd"], shown).ok().text(), "none has\n");
    mode("run_mode = \"environment\"");
    assert_eq!(script(&project, &[], shown).ok().text(), "none has\n");
    assert_eq!(script(&project, &["--fd"], shown).ok().text(), "3,20\n");
    for wrong in ["run_mode = \"pipe\"", "run_mode = 3"] {
        mode(wrong);
        let line = project.read("unspoken.toml").lines().position(|line| line == wrong).unwrap();
        let output = script(&project, &[], shown).fails_with(1);
        output.says("run_mode").says(&format!("line {}", line + 1));
    }
}

#[test]
fn only_rename_prefix_and_clean_choose_here_too() {
    let project = project();
    assert_eq!(names(&bundle(&project, &["--only", "A"])), ["A"]);
    assert_eq!(names(&bundle(&project, &["--rename", "A=pg_url"])), ["B", "pg_url"]);
    assert_eq!(names(&bundle(&project, &["--prefix", "APP_"])), ["APP_A", "APP_B"]);
    let show = show_env();
    let command = ["run", "--redact=never", "--fd", "--clean", "--", show.to_str().unwrap()];
    let output = project.unspoken(command).env("OTHER", "x").env("TERM", "dumb").run().ok();
    let received = output.is_silent_on_values().json();
    let mut found: Vec<_> = received.as_object().unwrap().keys().map(String::as_str).collect();
    found.sort_unstable();
    assert_eq!(found, ["HOME", "LANG", "PATH", "TERM", "TMPDIR", "TZ", "UNSPOKEN_FD"]);
}

#[test]
fn an_empty_set_is_handed_over_too() {
    let project = Project::with_environments(&["development"]);
    assert_eq!(bundle(&project, &[])["secrets"], serde_json::json!({}));
}

#[test]
fn nothing_of_the_parents_stands_in_for_a_secret_or_for_ours() {
    let project = project();
    let show = show_env();
    let command = ["run", "--redact=never", "--fd=7", "--", show.to_str().unwrap()];
    let mut call = project.unspoken(command);
    for name in ["A", "UNSPOKEN_FD", "UNSPOKEN_BUNDLE", "UNSPOKEN_READY_FD", "SOPS_AGE_KEY"] {
        call = call.env(name, canary("parent"));
    }
    let received = call.env("OTHER", "stays").run().ok().is_silent_on_values().json();
    let ours = |name: &&String| {
        ["A", "B", "OTHER"].contains(&name.as_str())
            || name.starts_with("UNSPOKEN_")
            || name.starts_with("SOPS_")
    };
    let mut found: Vec<_> = received.as_object().unwrap().keys().filter(ours).collect();
    found.sort_unstable();
    assert_eq!(found, ["OTHER", "UNSPOKEN_FD"]);
    assert_eq!(received["UNSPOKEN_FD"], "7");
}

#[test]
fn a_pipe_is_read_once_and_a_memory_file_again_and_again() {
    let project = project();
    let twice = "cat <&3 >/dev/null; cat <&20 | wc -c";
    assert_eq!(script(&project, &["--fd"], twice).ok().text(), "0\n");
    let again = "cmp /proc/self/fd/3 <(sh -c 'sh -c \"cat /proc/self/fd/20\"') && cat <&3";
    let found = script(&project, &["--fd-kind=memfd"], again).ok().json();
    assert_eq!(names(&found), ["A", "B"]);
    let written = "import fcntl, os
assert os.readlink('/proc/self/fd/3').startswith('/memfd:unspoken')
assert fcntl.fcntl(3, 1034) & 15 == 15
for attempt in (lambda: os.pwrite(3, b'x', 0), lambda: os.ftruncate(3, 0), lambda: os.ftruncate(3, 1 << 20)):
    try: attempt()
    except OSError: continue
    raise SystemExit('it could be changed')
print('sealed')";
    let call = ["run", "--redact=never", "--fd-kind=memfd", "--", &python(), "-c", written];
    assert_eq!(project.unspoken(call).run().ok().text(), "sealed\n");
}

#[test]
fn what_cannot_be_started_has_the_shells_codes() {
    let project = project();
    project.write("data", "not a program");
    for flags in [&["--fd"][..], &["--fd-kind=memfd"]] {
        for (program, code) in [("no-such-program", 127), ("./data", 126)] {
            let call = [&["run", "--redact=never"], flags, &["--", program]].concat();
            project.unspoken(call).run().is_silent_on_values().fails_with(code).says(program);
        }
    }
}

#[test]
fn a_launcher_that_closes_descriptors_is_warned_of() {
    let project = project();
    project.write("sudo", "#!/bin/sh\n");
    project.program("chmod", ["+x", "sudo"]).run().ok();
    project
        .unspoken(["run", "--redact=never", "--fd", "--", "./sudo"])
        .run()
        .ok()
        .says("`sudo` closes");
    assert!(
        project.unspoken(["run", "--redact=never", "--", "./sudo"]).run().ok().stderr.is_empty()
    );
}
