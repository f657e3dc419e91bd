//! `run --fd` with more than a pipe holds, so that `unspoken` stays beside the
//! command: no child may make it hang, and nobody notices that it is there.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use unspoken_testkit::{Project, canary, peers, unspoken_binary};

use crate::fd::found_after;
use crate::terminal::{Session, at_a_terminal};

/// What no step here takes, also on a slow machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A project with this many values of the largest size.
fn project(values: usize) -> Project {
    let project = Project::with_environments(&["development"]);
    let value = "x".repeat(65_536 - 64);
    let entries: serde_json::Map<String, Value> = (0..values)
        .map(|n| (format!("L{n:03}"), format!("{value}{}", canary(&format!("{n:03}"))).into()))
        .collect();
    let json = Value::Object(entries).to_string();
    project.unspoken(["import", "-", "--format", "json"]).stdin(json).run().ok();
    project
}

/// More than a pipe holds; the smallest such, where the size is not the point.
fn over_a_megabyte() -> Project {
    project(17)
}

fn command(project: &Project, flags: &[&str], command: &[&str]) -> Command {
    let arguments = [&["run", "--redact=never"], flags, &["--"], command].concat();
    let mut command = project.unspoken(arguments).command();
    command.stdin(Stdio::null()).stderr(Stdio::null());
    command
}

/// The exit code, within a bounded time.
#[track_caller]
fn ends(child: &mut Child) -> Option<i32> {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    panic!("it hangs");
}

fn python(script: &str) -> [String; 3] {
    [peers().python().to_str().unwrap().to_owned(), "-c".to_owned(), script.to_owned()]
}

fn words(command: &[String]) -> Vec<&str> {
    command.iter().map(String::as_str).collect()
}

/// Sends a signal to a process.
fn signal(name: &str, pid: u32) {
    let status = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status();
    assert!(status.unwrap().success());
}

#[test]
fn no_child_makes_it_hang_whatever_it_does_with_ten_megabytes() {
    let project = project(160);
    let whole = python(
        "import json
found = json.load(open(3, 'rb'))['secrets']
assert len(found) == 160 and min(map(len, found.values())) > 65500
raise SystemExit(40)",
    );
    let slowly = python(
        "import os, time
count = 0
while part := os.read(3, 300000):
    count += len(part); time.sleep(0.002)
raise SystemExit(41 if count > 10_000_000 else 1)",
    );
    let cases: [(&[&str], i32); 11] = [
        (&words(&whole), 40),
        (&words(&slowly), 41),
        (&["sh", "-c", "sleep 0.2; exit 42"], 42),
        (&["sh", "-c", "head -c 100000 <&3 >/dev/null; exit 43"], 43),
        (&["bash", "-c", "exec 3<&- 20<&-; sleep 0.2; exit 44"], 44),
        (&["sh", "-c", "sleep 60 >/dev/null & exit 45"], 45),
        (&["sh", "-c", "kill -KILL $$"], 137),
        (&["sh", "-c", "kill -TERM $$"], 143),
        (&["false"], 1),
        (&["no-such-program"], 127),
        (&["./unspoken.toml"], 126),
    ];
    // What is read from is shared, and there are two processors or more.
    let project = &project;
    std::thread::scope(|scope| {
        for cases in cases.chunks(6) {
            scope.spawn(move || {
                for (arguments, code) in cases {
                    let mut child = command(project, &["--fd"], arguments);
                    let child = &mut child.stdout(Stdio::null()).spawn().unwrap();
                    assert_eq!(ends(child), Some(*code), "{arguments:?}");
                }
            });
        }
    });
}

/// How many bytes a child counts on descriptor 3, and whether it is the process
/// that was started.
#[track_caller]
fn counted(project: &Project, kind: &str) -> (usize, bool) {
    let child = ["run", "--redact=never", kind, "--", "sh", "-c", "wc -c <&3; echo $$"];
    let child = project.unspoken(child).spawn();
    let id = child.id();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let (count, pid) = text.split_once('\n').unwrap();
    (count.trim().parse().unwrap(), pid.trim() == id.to_string())
}

#[test]
fn every_byte_arrives_around_the_sizes_of_a_pipe() {
    for (values, sizes) in
        [(0, &[65_535, 65_536, 65_537][..]), (15, &[1_048_575, 1_048_576, 1_048_577])]
    {
        let project = project(values);
        let (fill, more) = ("x".repeat(30_000), "x".repeat(20_000));
        for (name, value) in [("FILL", fill), ("MORE", more)] {
            project.set("development", name, value);
        }
        for &size in sizes {
            let mut length = 30_000;
            // The number of the revision is in it, too, and may take another digit.
            let (found, is_it) = loop {
                let (found, is_it) = counted(&project, "--fd");
                if found == size {
                    break (found, is_it);
                }
                length = length + size - found;
                let value = "x".repeat(length);
                project.unspoken(["set", "FILL", "--yes"]).stdin(value).run().ok();
            };
            assert_eq!(is_it, size <= 1_048_576, "{found}");
            assert_eq!(counted(&project, "--fd-kind=memfd"), (size, true));
        }
    }
}

#[test]
fn the_child_finds_no_more_descriptors_when_somebody_stays_beside_it() {
    let project = over_a_megabyte();
    let to_16: String = (3..17).map(|number| format!("exec {number}</dev/null\n")).collect();
    let many: String = (3..40).map(|number| format!("exec {number}</dev/null\n")).collect();
    for before in ["", "exec 3</dev/null 20</dev/null", &to_16, &many] {
        let found = found_after(&project, before, "--fd");
        assert_eq!(found["fds"], serde_json::json!([0, 1, 2, 3, 20]), "{before:?}");
        assert_eq!(found["parent"], "unspoken\n", "nobody stayed beside it");
    }
}

#[test]
fn it_starts_with_no_signal_held_back() {
    let project = over_a_megabyte();
    // Without the two that are the C library's own.
    let shown = "sed -En 's/^Sig(Ign|Blk):\\s*[0-9a-f]*([0-9a-f]{8})$/\\2/p' /proc/self/status \
        | while read -r set; do echo $((0x$set & 0x7fffffff)); done";
    let with =
        project.unspoken(["run", "--redact=never", "--fd", "--", "sh", "-c", shown]).run().ok();
    let without = project.program("sh", ["-c", shown]).run().ok();
    assert_eq!(with.text(), without.text());
}

/// Says each signal that it gets, and ends at SIGUSR2 or at a typed line.
const COUNT: &str = "
import os, signal, sys
def say(*words): os.write(1, (' '.join(map(str, words)) + '\\n').encode())
def said(number, _):
    say('got', number)
    if number == 12: os._exit(9)
for number in (1, 2, 3, 10, 12, 15): signal.signal(number, said)
say('ready')
if sys.argv[1:] == ['line']: say('read', sys.stdin.readline().strip())
else:
    while True: signal.pause()
raise SystemExit(9)";

#[test]
fn a_signal_that_is_sent_reaches_the_child_once() {
    let project = over_a_megabyte();
    let mut command = command(&project, &["--fd"], &words(&python(COUNT)));
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.next().unwrap(), "ready");
    for (name, number) in [("TERM", 15), ("INT", 2), ("HUP", 1), ("USR1", 10), ("QUIT", 3)] {
        signal(name, child.id());
        assert_eq!(lines.next().unwrap(), format!("got {number}"));
    }
    signal("USR2", child.id());
    // One that came twice would stand before this.
    assert_eq!(lines.collect::<Vec<_>>(), ["got 12"]);
    assert_eq!(ends(&mut child), Some(9));
}

#[test]
fn who_ignores_the_ends_of_children_gets_the_exit_code_all_the_same() {
    let project = over_a_megabyte();
    let binary = unspoken_binary();
    let call =
        ["--ignore-signal=CHLD", binary.to_str().unwrap(), "run", "--redact=never", "--fd", "--"];
    let call = project.program("env", call.iter().chain(&["sh", "-c", "exit 7"]));
    call.run().fails_with(7);
}

#[test]
fn ctrl_c_reaches_the_child_once_on_a_terminal() {
    let project = over_a_megabyte();
    let count = python(COUNT);
    let command =
        [&["run", "--redact=never", "--fd", "--"], words(&count).as_slice(), &["line"]].concat();
    let session = at_a_terminal(&project, &command).expect("ready").send("\x03").expect("got 2");
    let session = session.send("\x1c").expect("got 3").send("typed\r").expect("read typed");
    let screen = session.end().exits_with(9);
    screen.says("ready").shows_no_value();
    // Without a handler it ends, and so does everything.
    // Of a shell that waits for a program it has just started, not all end at once.
    let command =
        ["run", "--redact=never", "--fd", "--", "bash", "-c", "echo ready; exec sleep 60"];
    at_a_terminal(&project, &command).expect("ready").send("\x03").end().exits_with(130);
}

/// A shell with job control, in which commands are typed.
fn shell(project: &Project) -> Session<'_> {
    let bash = ["run", "--redact=never", "--", "bash", "--norc", "--noediting", "-i"];
    at_a_terminal(project, &bash).env("PS1", "prompt: ").expect("prompt: ")
}

#[test]
fn a_stopped_child_is_continued_by_fg() {
    let project = over_a_megabyte();
    let count = python(COUNT);
    project.write("count.py", &count[2]);
    let call = format!(
        "UNSPOKEN_HOME={} {} run --fd -- {} count.py line\r",
        project.unspoken_home().display(),
        unspoken_binary().display(),
        count[0],
    );
    let session = shell(&project).send(&call).expect("ready").send("\x1a").expect("Stopped");
    let session = session.expect("prompt: ").send("fg\r").expect("count.py");
    let session = session.send("typed\r").expect("read typed").expect("prompt: ");
    let session = session.send("echo code $?\r").expect("code 9").send("exit 0\r");
    session.end().exits_with(0);
}

#[test]
fn the_leader_of_a_session_tells_the_child_that_the_terminal_is_gone() {
    let project = over_a_megabyte();
    let script = "import os, pty, sys, time
pid, master = pty.fork()
if pid == 0: os.execv(sys.argv[1], sys.argv[1:])
while b'ready' not in os.read(master, 100): pass
os.close(master)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))";
    project.write("count.py", COUNT.replace("say('got', number)", "os._exit(9)"));
    let python = python(script);
    let binary = unspoken_binary();
    let run =
        [binary.to_str().unwrap(), "run", "--redact=never", "--fd", "--", &python[0], "count.py"];
    let arguments = [&["10", &python[0], "-c", script], &run[..]].concat();
    assert_eq!(project.program("timeout", arguments).run().ok().text(), "9\n");
}
