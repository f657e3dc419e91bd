//! `read`: what a process was handed, for shells and for languages without a
//! library.

use std::process::Command;

use serde_json::{Value, json};
use unspoken_testkit::{Invocation, Output, Project, canary, peers, show_env, unspoken_binary};

use crate::terminal::at_a_terminal;

fn project() -> Project {
    let project = Project::with_environments(&["development"]);
    for name in ["API_TOKEN", "B"] {
        project.set("development", name, canary(name));
    }
    project
}

/// A script under `run --fd`, in which `$U` is the program.
fn inside(project: &Project, flags: &[&str], script: &str) -> Output {
    let arguments =
        [&["run", "--redact=never", "--fd"], flags, &["--", "bash", "-c", script]].concat();
    project.unspoken(arguments).env("U", unspoken_binary()).run()
}

/// A script that nobody started, in which `$U` is the program.
fn outside(project: &Project, script: &str) -> Invocation {
    project.program("bash", ["-c", script]).env("U", unspoken_binary())
}

fn bundle(value: &str) -> String {
    let secrets = json!({ "API_TOKEN": value, "B": "", "odd name": "x" });
    json!({ "version": 1, "secrets": secrets, "later": [1] }).to_string()
}

#[test]
fn one_value_is_printed_as_it_is() {
    let project = project();
    let output = inside(&project, &[], "\"$U\" read API_TOKEN").ok();
    assert!(output.text() == canary("API_TOKEN"));
    let value = format!("\n {}\r\n\u{1f}é🔑\t\"\\ \n", canary("odd"));
    project.set("development", "ODD", format!("{value}\n"));
    let output = inside(&project, &[], "\"$U\" read ODD").ok();
    assert!(output.text() == value);
    let output = inside(&project, &[], "\"$U\" read API_TOKEN --json").ok().json();
    assert!(output["value"] == canary("API_TOKEN").as_str());
    assert_eq!(
        (&output["name"], &output["environment"]),
        (&"API_TOKEN".into(), &"development".into())
    );
}

#[test]
fn all_values_are_one_flat_object() {
    let project = project();
    let output = inside(&project, &[], "\"$U\" read --json").ok().json();
    assert!(output == json!({ "API_TOKEN": canary("API_TOKEN"), "B": canary("B") }));
    let none = inside(&project, &["--only", "B"], "\"$U\" read --json").ok().json();
    assert!(none == json!({ "B": canary("B") }));
}

#[test]
fn a_command_gets_the_chosen_values_and_nothing_of_ours() {
    let project = project();
    let show = show_env();
    let received = |flags: &str| {
        let script = format!("\"$U\" read {flags} -- {}", show.display());
        inside(&project, &[], &script).ok().json()
    };
    let all = received("");
    assert!(all["API_TOKEN"] == canary("API_TOKEN").as_str() && all["B"] == canary("B").as_str());
    let ours = |all: &Value| {
        let names = all.as_object().unwrap().keys().filter(|name| name.starts_with("UNSPOKEN_"));
        names.cloned().collect::<Vec<_>>()
    };
    assert_eq!(ours(&all), Vec::<String>::new());
    let chosen = received("--only B --clean");
    let mut names: Vec<_> = chosen.as_object().unwrap().keys().map(String::as_str).collect();
    names.retain(|name| !["HOME", "LANG", "PATH", "TERM", "TMPDIR", "TZ"].contains(name));
    // What bash adds by itself is left behind too.
    assert_eq!(names, ["B"]);
    let handed_on = received("--fd=9");
    assert_eq!((ours(&handed_on), handed_on.get("B")), (vec!["UNSPOKEN_FD".to_owned()], None));
    assert_eq!(handed_on["UNSPOKEN_FD"], "9");
}

#[test]
fn a_bundle_is_handed_on_whole() {
    let project = project();
    let shown =
        "\"$U\" read --only API_TOKEN --fd -- bash -c 'ls /proc/self/fd; \"$U\" read --json'";
    let output = inside(&project, &[], shown).ok();
    let (open, object) = output.text().split_once('{').unwrap();
    // And the folder that `ls` lists.
    assert_eq!(open.split_whitespace().collect::<Vec<_>>(), ["0", "1", "2", "20", "3", "4"]);
    let found: Value = serde_json::from_str(&format!("{{{object}")).unwrap();
    assert!(found == json!({ "API_TOKEN": canary("API_TOKEN") }));
    let origin = inside(&project, &[], "\"$U\" read --fd -- bash -c 'cat <&3'").ok().json();
    assert_eq!(
        (&origin["project"], &origin["environment"]),
        (&"acme-web".into(), &"development".into())
    );
    assert!(origin["revision"].as_u64().unwrap() > 0);
}

#[test]
fn what_is_left_open_is_nothing() {
    let project = project();
    let open = "\"$U\" read -- bash -c 'ls /proc/self/fd' | tr '\\n' ' '";
    // And the folder that `ls` lists.
    assert_eq!(inside(&project, &[], open).ok().text(), "0 1 2 3 ");
}

#[test]
fn the_exit_code_and_the_process_are_the_commands_own() {
    let project = project();
    for (script, code) in [("exit 7", 7), ("kill -TERM $$", 143)] {
        let script = format!("\"$U\" read -- sh -c '{script}'");
        assert_eq!(inside(&project, &[], &script).code, code);
    }
    inside(&project, &[], "\"$U\" read -- no-such-program").fails_with(127).says("no-such-program");
    let same = "echo $$; exec \"$U\" read -- sh -c 'echo $$'";
    let output = inside(&project, &[], same).ok();
    let lines: Vec<&str> = output.text().lines().collect();
    assert_eq!(lines[0], lines[1]);
}

#[test]
fn a_file_or_standard_input_is_a_bundle_too() {
    let project = project();
    let file = project.tmp().join("bundle");
    // The disk is no place for a canary.
    std::fs::write(&file, bundle("from a file")).unwrap();
    let path = file.to_str().unwrap();
    for arguments in
        [&["read", "API_TOKEN", "--file", path][..], &["read", "--file", path, "API_TOKEN"]]
    {
        let output = project.unspoken(arguments).env("UNSPOKEN_FD", "3").run().ok();
        assert_eq!(output.text(), "from a file");
    }
    let input = bundle(&canary("input"));
    let output = project.unspoken(["read", "API_TOKEN", "--file", "-"]).stdin(&input).run().ok();
    assert!(output.text() == canary("input"));
    let command =
        ["read", "--file", "-", "--only", "API_TOKEN", "--", "sh", "-c", "echo $API_TOKEN; cat"];
    let output = project.unspoken(command).stdin(&input).run().ok();
    assert!(output.text() == format!("{}\n", canary("input")));
    project.unspoken(["read", "B", "--file", "absent"]).run().fails_with(1).says("absent");
    std::fs::remove_file(file).unwrap();
}

#[test]
fn the_variable_is_read_where_there_is_no_descriptor() {
    let project = project();
    let read = |name: &str, descriptors: Option<&str>| {
        let call =
            project.unspoken(["read", name]).env("UNSPOKEN_BUNDLE", bundle(&canary("variable")));
        match descriptors {
            Some(list) => call.env("UNSPOKEN_FD", list).run(),
            None => call.run(),
        }
    };
    assert!(read("API_TOKEN", None).ok().text() == canary("variable"));
    assert!(read("API_TOKEN", Some("3,20")).ok().text() == canary("variable"));
    read("B", None).ok().says_nothing();
    // In a project, and beside its document, it is the handed-over set that counts.
    let output = project.unspoken(["read", "--", show_env().to_str().unwrap()]);
    let output = output.env("UNSPOKEN_BUNDLE", bundle("x")).run().fails_with(78);
    output.says("`odd name`").says("--only");
    let both = "UNSPOKEN_BUNDLE='{\"version\":1,\"secrets\":{}}' \"$U\" read API_TOKEN";
    assert!(inside(&project, &[], both).ok().text() == canary("API_TOKEN"));
}

#[test]
fn what_is_no_bundle_is_refused_and_not_a_byte_is_repeated() {
    let project = project();
    let c = canary("broken");
    let large = format!("{}{c}", "[".repeat(200_000));
    for content in [
        c.clone(),
        format!("{{\"version\":1,\"secrets\":{{\"A\":\"{c}\""),
        format!("{{\"version\":1,\"secrets\":[\"{c}\"]}}"),
        format!("{{\"version\":1,\"secrets\":{{\"{c}\":7}}}}"),
        format!("{{\"version\":1,\"secrets\":{{\"A\":\"{c}\\u0000\"}}}}"),
        format!("{{\"version\":\"{c}\",\"secrets\":{{}}}}"),
        format!("{{\"version\":1,\"secrets\":{{}}}}{c}"),
        format!("{{\"version\":2,\"secrets\":{{\"A\":\"{c}\"}}}}"),
        format!("{{\"version\":1,\"project\":[\"{c}\"],\"secrets\":{{}}}}"),
        format!("{{\"version\":1,\"{c}\":"),
        large,
        String::new(),
    ] {
        for arguments in [&["A"][..], &["--json"], &["--", "cat", "/proc/self/environ"]] {
            let call = [&["read", "--file", "-"], arguments].concat();
            let output = project.unspoken(call).stdin(&content).run().is_silent_on_values();
            assert!(output.stdout.is_empty());
            output.fails_with(78).says("bundle");
        }
    }
    let newer = project.unspoken(["read", "A"]).env("UNSPOKEN_BUNDLE", "{\"version\":2}").run();
    newer.fails_with(78).says("version 2").says("version 1").says("update");
    let bytes = project.unspoken(["read", "A", "--file", "-"]).stdin([0xff, 0xfe]).run();
    bytes.fails_with(78);
}

#[test]
fn a_bundle_that_was_read_already_says_so() {
    let project = project();
    let output = inside(&project, &[], "\"$U\" read B >/dev/null; \"$U\" read API_TOKEN");
    output.fails_with(78).says("already read").says("memfd");
    let again = "for name in API_TOKEN B; do \"$U\" read $name; done";
    let output = inside(&project, &["--fd-kind=memfd"], again).ok();
    assert!(output.text() == [canary("API_TOKEN"), canary("B")].concat());
}

#[test]
fn what_was_not_handed_over_is_told_with_a_way() {
    let project = project();
    let output = project.unspoken(["read", "API_TOKEN"]).run().is_silent_on_values();
    output.fails_with(3).says("no secrets were handed").says("unspoken run --fd");
    let output = inside(&project, &[], "\"$U\" read API_TOKN").is_silent_on_values();
    output.fails_with(3).says("`API_TOKN`").says("`API_TOKEN`?");
    inside(&project, &["--only", "B"], "\"$U\" read NOTHING_LIKE").fails_with(3).says("--only");
    inside(&project, &[], "\"$U\" read --only X -- true").fails_with(3).says("`X`");
    let closed = "exec 3<&- 20<&-; \"$U\" read B";
    inside(&project, &[], closed).fails_with(78).says("3,20").says("closed");
    // Neither project nor key is needed, nor looked for.
    let elsewhere = project.unspoken(["read", "--json"]).current_dir("/").env_remove("HOME");
    elsewhere.env("UNSPOKEN_BUNDLE", "{\"version\":1,\"secrets\":{}}").run().ok();
}

#[test]
fn what_is_not_asked_for_is_a_mistake_of_usage() {
    let project = project();
    for arguments in [
        &["read"][..],
        &["read", "--only", "B"],
        &["read", "--clean"],
        &["read", "B", "--fd"],
        &["read", "--json", "--harden"],
        &["read", "B", "--", "true"],
        &["read", "a-b"],
        &["read", "B", "C"],
    ] {
        project.unspoken(arguments).run().fails_with(2);
    }
}

#[test]
fn a_foreign_descriptor_is_left_alone_and_unread() {
    let project = project();
    project.write("foreign", "{\"version\":1,\"secrets\":{\"API_TOKEN\":\"foreign\"}}");
    // A file, a device, a socket are no pipe of ours; without the variable nothing is.
    for open in ["3<foreign", "3</dev/zero", "3<>/dev/tcp/127.0.0.1/9"] {
        let script = format!("exec {open} 2>/dev/null || exit 0; exec \"$U\" read API_TOKEN");
        let output = outside(&project, &script).env("UNSPOKEN_FD", "3").run();
        assert!([0, 78].contains(&output.code) && output.stdout.is_empty(), "{open}: {output:?}");
    }
    let kept = "exec 3<foreign; \"$U\" read API_TOKEN -q; head -c 10 <&3";
    let output = outside(&project, kept).env("UNSPOKEN_FD", "3").run().ok();
    assert_eq!(output.text(), "{\"version\"");
    let unlisted = "echo x | { exec 3<&0; \"$U\" read API_TOKEN; head -c 1 <&3; }";
    assert_eq!(outside(&project, unlisted).run().ok().says("handed").text(), "x");
    // A file that stands before the pipe in the list is passed over, and passed on.
    let mixed = "exec 5<foreign 6< <(printf '{\"version\":1,\"secrets\":{\"B\":\"pipe\"}}')
        \"$U\" read -- sh -c 'echo $B; head -c 10 <&5'";
    let output = outside(&project, mixed).env("UNSPOKEN_FD", "5,6").run().ok();
    assert_eq!(output.text(), "pipe\n{\"version\"");
    for list in ["3,", "2", "x", "3 20", "3,3", "99999"] {
        let output = project.unspoken(["read", "B"]).env("UNSPOKEN_FD", list).run();
        output.fails_with(78).says("`UNSPOKEN_FD`");
    }
}

#[test]
fn a_pipe_that_was_set_not_to_block_is_waited_for() {
    let project = project();
    let script = "exec 3< <(sleep 0.3; printf '{\"version\":1,\"secrets\":{\"B\":\"late\"}}')
        perl -e 'use Fcntl; open(my $f, \"<&=\", 3); fcntl($f, F_SETFL, O_NONBLOCK)' || exit 1
        \"$U\" read B";
    let output = outside(&project, script).env("UNSPOKEN_FD", "3").run().ok();
    assert_eq!(output.text(), "late");
}

#[test]
fn a_terminal_gets_a_value_only_when_that_is_asked_for() {
    let project = project();
    let binary = unspoken_binary();
    let binary = binary.to_str().unwrap();
    let read = |flags: &[&str]| {
        let command = [&["run", "--redact=never", "--fd", "--", binary, "read"], flags].concat();
        at_a_terminal(&project, &command)
    };
    for flags in [&["B"][..], &["--json"], &["B", "--json"]] {
        let screen = read(flags).end().exits_with(10);
        screen.shows_no_value().says("standard output is a terminal").says("--show");
        read(&[flags, &["--show"]].concat()).end().exits_with(0).says(&canary("B"));
        assert!(read(flags).piped().end().exits_with(0).stdout.contains(&canary("B")));
    }
    // A command may have it.
    read(&["--", "true"]).end().exits_with(0).shows_no_value();
    // It was not read for nothing: a second try finds it.
    let script = format!("{binary} read B; {binary} read B | wc -c");
    let command = ["run", "--redact=never", "--fd", "--", "sh", "-c", &script];
    let length = canary("B").len().to_string();
    at_a_terminal(&project, &command).end().exits_with(0).shows_no_value().says(&length);
}

#[test]
fn what_we_start_ourselves_inherits_no_bundle() {
    let project = project();
    // In what a run is handed there is B alone, and so has who is started by it.
    let inner = "export UNSPOKEN_HOME; \"$U\" run --no-fd --clean --only B -- \
                 bash -c 'ls /proc/self/fd; cat <&20' 2>/dev/null; true";
    let home = project.unspoken_home();
    let script = format!("UNSPOKEN_HOME={} ; {inner}", home.display());
    let output = inside(&project, &[], &script).ok().is_silent_on_values();
    let open: Vec<&str> = output.text().split_whitespace().collect();
    assert!(!open.contains(&"20") && open.contains(&"1"), "{open:?}");
    // The git that a command asks is one of them.
    let git = "#!/bin/sh\ncat <&20 >>\"$STOLEN\" 2>/dev/null\nexec /usr/bin/git \"$@\"\n";
    let (bin, stolen) = (project.tmp().join("bin"), project.tmp().join("stolen"));
    std::fs::create_dir(&bin).unwrap();
    std::fs::write(bin.join("git"), git).unwrap();
    Command::new("chmod").arg("755").arg(bin.join("git")).status().unwrap();
    let (bin, stolen) = (bin.display(), stolen.display());
    let script = format!(
        "export UNSPOKEN_HOME={} PATH={bin}:$PATH STOLEN={stolen}; \"$U\" check >/dev/null 2>&1; \
         \"$U\" doctor >/dev/null 2>&1; cat {stolen}; \"$U\" read API_TOKEN | wc -c",
        home.display()
    );
    let output = inside(&project, &[], &script).ok().is_silent_on_values();
    assert_eq!(output.text().trim(), canary("API_TOKEN").len().to_string());
}

#[test]
fn a_job_servers_pipe_is_no_bundle() {
    let project = project();
    let script = "import os, subprocess, sys
read, write = os.pipe()
os.write(write, b'+++')
os.dup2(read, 30); os.dup2(write, 31); os.dup2(30, 3); os.dup2(31, 4)
environment = dict(os.environ, UNSPOKEN_FD='3,20')
call = [os.environ['U'], 'read', 'API_TOKEN']
done = subprocess.run(call, pass_fds=[3, 4], env=environment, capture_output=True, timeout=20)
print(done.returncode, os.read(3, 9).decode())";
    let python = peers().python();
    let call = project.program(python, ["-c", script]).env("U", unspoken_binary());
    assert_eq!(call.run().ok().text(), "78 +++\n");
}
