//! `run` where its output is no terminal: what a command says arrives without the
//! values, and everything else is as if nobody were in between.

use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use unspoken_testkit::{Project, canary, peers, unspoken_binary};

use crate::terminal::at_a_terminal;

/// What no step here takes, also on a slow machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn project() -> Project {
    let project = Project::with_environments(&["development"]);
    project.set("development", "A", canary("redact"));
    project.set("development", "PIN", "hunter2");
    project
}

fn call(project: &Project, flags: &[&str], command: &[&str]) -> Command {
    let arguments = [&["run"], flags, &["--"], command].concat();
    let mut command = project.unspoken(arguments).command();
    command.stdin(Stdio::null());
    command
}

fn shell(project: &Project, script: &str) -> Command {
    call(project, &[], &["sh", "-c", script])
}

/// What arrives on both streams, when these are one pipe.
fn together(mut command: Command) -> (Vec<u8>, Option<i32>) {
    let (mut read, write) = std::io::pipe().unwrap();
    command.stdout(write.try_clone().unwrap()).stderr(write);
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut bytes = Vec::new();
    read.read_to_end(&mut bytes).unwrap();
    (bytes, child.wait().unwrap().code())
}

#[track_caller]
fn code_of(child: &mut Child) -> Option<i32> {
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

#[test]
fn a_value_is_named_and_not_shown_on_both_streams() {
    let project = project();
    let script = "echo \"a $A\"; echo \"e $A, pin $PIN, hunter22\" >&2; exit 7";
    let output = shell(&project, script).output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    assert!(output.stdout == b"a [REDACTED:A]\n");
    assert!(output.stderr == b"e [REDACTED:A], pin [REDACTED:PIN], hunter22\n");
}

#[test]
fn what_real_programs_make_of_a_value_is_not_shown() {
    let project = project();
    let python = peers().python();
    let scripts = [
        "printf %s \"$A\" | base64",
        "printf %s \"user:$A\" | base64 -w0",
        "printf %s \"$A$A$A$A\" | base64 -w 60",
        "printf %s \"$A\" | od -An -v -tx1 | tr -d '\\n'",
        "printf %s \"$A\" | xxd -p -c 256",
        "printf %s \"$A\" | fold -w 10",
        "printf %s \"$A\" | sed 's/./& /g'",
        "printf '\\033[31m%.6s\\033[0m%s' \"$A\" \"${A#??????}\"",
        "\"$P\" -c 'import os,json; print(json.dumps(json.dumps({\"v\": os.environ[\"A\"] + \"\\\"\"})))'",
        "\"$P\" -c 'import os,urllib.parse as u; print(u.quote(\"k=\" + os.environ[\"A\"]))'",
        "\"$P\" -c 'import os,sys; sys.stdout.buffer.write(os.environ[\"A\"].encode(\"utf-16\"))'",
        "\"$P\" -c 'import os; print(\"\".join(f\"%{b:02x}\" for b in os.environ[\"A\"].encode()))'",
    ];
    for script in scripts {
        let mut command = call(&project, &[], &["bash", "-c", script]);
        let output = command.env("P", &python).output().unwrap();
        assert!(output.status.success(), "{script}");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("[REDACTED:A]"), "{script}");
        assert!(text.len() < 160 && !text.contains("yranac"), "{script}");
    }
}

#[test]
fn the_order_of_two_streams_that_are_one_stays() {
    let project = project();
    let script = "for i in $(seq 300); do echo \"o$i\"; echo \"e$i\" >&2; done; echo $A >&2";
    let (bytes, code) = together(shell(&project, script));
    let expected: String = (1..=300).map(|i| format!("o{i}\ne{i}\n")).collect();
    assert_eq!(code, Some(0));
    assert!(bytes == format!("{expected}[REDACTED:A]\n").as_bytes());
}

#[test]
fn a_value_that_is_written_byte_by_byte_is_not_shown() {
    let project = project();
    let script = "import os, sys\nfor b in ('<' + os.environ['A'] + '>').encode():\n  \
                  os.write(1, bytes([b]))";
    let python = peers().python().to_str().unwrap().to_owned();
    let output = call(&project, &[], &[&python, "-c", script]).output().unwrap();
    assert!(output.stdout == b"<[REDACTED:A]>");
}

#[test]
fn bytes_that_are_no_text_arrive_as_they_are() {
    let project = project();
    let mut state = 7_u32;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    let bytes: Vec<u8> = noise.take(3_000_000).collect();
    project.write("noise", &bytes);
    let output = shell(&project, "cat noise").output().unwrap();
    assert!(output.stdout == bytes);
    // A file on the other side as well.
    let file = std::fs::File::create(project.root().join("copy")).unwrap();
    assert!(shell(&project, "cat noise").stdout(file).status().unwrap().success());
    assert!(std::fs::read(project.root().join("copy")).unwrap() == bytes);
}

#[test]
fn a_lot_of_output_arrives_whole_and_none_is_kept() {
    let project = project();
    let mut command = shell(&project, "head -c 300000000 /dev/zero; echo $A");
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let (mut total, mut last, mut buffer) = (0, Vec::new(), vec![0; 1 << 16]);
    loop {
        let count = out.read(&mut buffer).unwrap();
        if count == 0 {
            break;
        }
        total += count;
        last = [&last[..], &buffer[..count]].concat();
        last.drain(..last.len().saturating_sub(40));
    }
    assert_eq!(total, 300_000_000 + "[REDACTED:A]\n".len());
    assert!(last.ends_with(b"\0[REDACTED:A]\n"));
    assert_eq!(code_of(&mut child), Some(0));
}

/// How long a prompt without a line end takes to arrive, once it is asked for.
fn prompt(project: &Project, prompt: &str) -> Duration {
    let script = format!("read x; printf '{prompt}'; read x; echo $A");
    let mut command = shell(project, &script);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, mut out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    // It is up, and waits.
    std::thread::sleep(Duration::from_millis(100));
    let start = Instant::now();
    stdin.write_all(b"\n").unwrap();
    let mut first = vec![0; prompt.len()];
    out.read_exact(&mut first).unwrap();
    let taken = start.elapsed();
    assert_eq!(String::from_utf8_lossy(&first), prompt);
    stdin.write_all(b"\n").unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(rest == "[REDACTED:A]\n");
    assert_eq!(code_of(&mut child), Some(0));
    taken
}

#[test]
fn a_prompt_appears_at_once_and_what_may_be_a_value_soon() {
    let project = project();
    let fastest = |text: &str| (0..5).map(|_| prompt(&project, text)).min().unwrap();
    let taken = fastest("Name? ");
    assert!(taken < Duration::from_millis(60), "{taken:?}");
    // It begins like a value.
    let taken = fastest("unspo");
    assert!(taken > Duration::from_millis(45) && taken < Duration::from_millis(150), "{taken:?}");
}

#[test]
fn what_stays_behind_talks_on_without_values_and_keeps_nobody_waiting() {
    let project = project();
    let script = "(sleep 1; echo \"later $A\"; echo done > finished) & echo \"now $A\"; exit 3";
    let mut command = shell(&project, script);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let start = Instant::now();
    assert_eq!(code_of(&mut child), Some(3));
    assert!(start.elapsed() < Duration::from_millis(900), "{:?}", start.elapsed());
    let mut text = String::new();
    out.read_to_string(&mut text).unwrap();
    assert!(text == "now [REDACTED:A]\nlater [REDACTED:A]\n");
    assert_eq!(project.read("finished"), "done\n");
}

#[test]
fn a_slow_reader_gets_the_last_byte_too_though_it_may_begin_a_value() {
    let project = project();
    // The value begins with `u`, and more is said than the pipe takes.
    let script = "yes aaaaaaaaaaaaaaa | head -c 400000; echo bu";
    let mut child = shell(&project, script).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    std::thread::sleep(Duration::from_millis(400));
    let mut bytes = Vec::new();
    out.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len(), 400_003);
    assert!(bytes.ends_with(b"bu\n"));
    assert_eq!(code_of(&mut child), Some(0));
}

#[test]
fn what_was_half_said_is_handed_on_with_the_rest() {
    let project = project();
    let (half, rest) = ("one ${A%??????}", "${A#\"${A%??????}\"} two");
    let script = format!("(sleep 0.06; printf %s \"{half}\"; sleep 0.4; echo \"{rest}\") & exit 0");
    let mut command = call(&project, &[], &["bash", "-c", &script]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    assert_eq!(code_of(&mut child), Some(0));
    let mut text = String::new();
    out.read_to_string(&mut text).unwrap();
    assert!(text == "one [REDACTED:A] two\n");
}

#[test]
fn only_a_signal_that_asks_for_the_end_cuts_what_is_left_and_that_is_told() {
    let project = project();
    for (signal, expected) in [("USR1", Some(0)), ("TERM", Some(143))] {
        let mut command = shell(&project, "head -c 400000 /dev/zero; echo x > ready");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut out = child.stdout.take().unwrap();
        std::thread::sleep(Duration::from_millis(100));
        // The command waits for room; when it gets some it ends, and we wait for more.
        out.read_exact(&mut vec![0; 100_000]).unwrap();
        let end = Instant::now() + PATIENCE;
        while !project.root().join("ready").exists() {
            assert!(Instant::now() < end, "it did not end");
            std::thread::sleep(Duration::from_millis(5));
        }
        std::fs::remove_file(project.root().join("ready")).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        let pid = child.id().to_string();
        project.program("kill", [&format!("-{signal}"), &pid]).run().ok();
        if signal == "USR1" {
            let mut rest = Vec::new();
            out.read_to_end(&mut rest).unwrap();
            assert_eq!(rest.len(), 300_000);
        }
        assert_eq!(code_of(&mut child), expected, "{signal}");
    }
}

#[test]
fn what_goes_on_to_listen_keeps_nothing_of_the_callers() {
    let project = project();
    let script = "exec 9> lock; flock 9; \"$U\" run -- sh -c 'sleep 1 9>&- &' > log; echo ended; \
                  flock -n lock true && echo free";
    let mut command = project.program("bash", ["-c", script]).command();
    command.env("U", unspoken_binary()).stdin(Stdio::null());
    let output = command.output().unwrap();
    // The shell itself still holds it: only its own end frees it.
    assert!(output.stdout == b"ended\n", "{}", String::from_utf8_lossy(&output.stdout));
    let again = project.program("flock", ["-n", "lock", "true"]).run();
    assert_eq!(again.code, 0, "somebody holds the lock");
}

#[test]
fn a_command_may_close_its_output_and_go_on() {
    let project = project();
    let script = "echo $A; exec >&- 2>&-; sleep 0.3; echo x > finished; exit 4";
    let output = shell(&project, script).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(output.stdout == b"[REDACTED:A]\n");
    assert_eq!(project.read("finished"), "x\n");
}

#[test]
fn a_reader_that_leaves_ends_the_writing() {
    let project = project();
    let mut child = shell(&project, "exec yes").stdout(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut [0; 100]).unwrap();
    drop(out);
    // SIGPIPE, as without us.
    assert_eq!(code_of(&mut child), Some(141));
}

#[test]
fn a_reader_that_is_slow_makes_the_writer_wait_and_signals_arrive_meanwhile() {
    let project = project();
    let script = "trap 'echo x > caught; kill $!; exit 9' TERM; yes & echo x > ready; wait";
    let mut child = shell(&project, script).stdout(Stdio::piped()).spawn().unwrap();
    let end = Instant::now() + PATIENCE;
    while !project.root().join("ready").exists() {
        assert!(Instant::now() < end, "it did not start");
        std::thread::sleep(Duration::from_millis(5));
    }
    // Nobody reads, so all pipes are full by now, or soon.
    std::thread::sleep(Duration::from_millis(200));
    let pid = child.id().to_string();
    project.program("kill", ["-TERM", &pid]).run().ok();
    let out = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || std::io::copy(&mut { out }, &mut std::io::sink()));
    assert_eq!(code_of(&mut child), Some(9));
    reader.join().unwrap().unwrap();
    assert_eq!(project.read("caught"), "x\n");
}

#[test]
fn exit_codes_and_failures_are_the_same() {
    let project = project();
    let code = |script: &str| shell(&project, script).output().unwrap().status.code();
    assert_eq!(code("exit 255"), Some(255));
    assert_eq!(code("kill -KILL $$"), Some(137));
    assert_eq!(code("kill -TERM $$"), Some(143));
    let missing = call(&project, &[], &["no-such-program"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(127));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("no program `no-such-program`"));
    // Nothing is said to be written that was not.
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let lost = shell(&project, "echo x").stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(lost.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&lost.stderr).contains("cannot write what the command says"));
}

#[test]
fn where_nobody_reads_or_redaction_is_not_wanted_the_process_is_replaced() {
    let project = project();
    let mut nobody = shell(&project, "echo $$ > pid");
    let mut child = nobody.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    assert_eq!(code_of(&mut child), Some(0));
    assert_eq!(project.read("pid").trim(), child.id().to_string());

    let mut never = call(&project, &["--redact", "never"], &["sh", "-c", "echo $$ $A"]);
    let child = never.stdout(Stdio::piped()).spawn().unwrap();
    let expected = format!("{} {}\n", child.id(), canary("redact"));
    assert!(child.wait_with_output().unwrap().stdout == expected.as_bytes());
}

#[test]
fn the_bundle_on_a_descriptor_is_not_shown_either_nor_what_was_left_out() {
    let project = project();
    let mut command = call(&project, &["--fd", "--only", "PIN"], &["sh", "-c", "cat <&3"]);
    let output = command.output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"PIN\":\"[REDACTED:PIN]\""));
    project.write("leak", canary("redact"));
    let mut command = call(&project, &["--only", "PIN"], &["cat", "leak"]);
    assert!(command.output().unwrap().stdout == b"[REDACTED:A]");
}

#[test]
fn what_the_project_says_may_be_seen_is_shown() {
    let project = project();
    project.set("development", "REGION", "acme-tenant-77");
    let script = "echo $REGION $A";
    let output = shell(&project, script).output().unwrap();
    assert!(output.stdout == b"[REDACTED:REGION] [REDACTED:A]\n");
    let file = project.read("unspoken.toml");
    project.write("unspoken.toml", format!("visible = [\"REGION\"]\n{file}"));
    let output = shell(&project, script).output().unwrap();
    assert!(output.stdout == b"acme-tenant-77 [REDACTED:A]\n");
}

#[test]
fn who_takes_output_for_data_is_told_what_is_missing() {
    let project = project();
    let into_file = |script: &str| {
        let file = std::fs::File::create(project.root().join("out")).unwrap();
        shell(&project, script).stdout(file).stderr(Stdio::piped()).output().unwrap()
    };
    let said = into_file("echo $A $PIN").stderr;
    let said = String::from_utf8_lossy(&said);
    assert!(
        said.contains("left out of the output: A, PIN; for data use `--redact never`"),
        "{said}"
    );
    assert!(into_file("echo nothing").stderr.is_empty());
    // A log or another program is no place for words of ours.
    assert!(shell(&project, "echo $A").output().unwrap().stderr.is_empty());
}

#[test]
fn inside_a_coding_agent_nothing_is_shown() {
    let project = project();
    let mut never = call(&project, &["--redact=never"], &["true"]);
    let output = never.env("CLAUDECODE", "1").output().unwrap();
    assert_eq!(output.status.code(), Some(10));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("`--redact never` shows values, and this runs inside Claude Code"),
        "{said}"
    );
    let (home, binary) = (project.unspoken_home(), unspoken_binary());
    let (home, binary) = (home.display(), binary.display());
    let script = format!("UNSPOKEN_HOME={home} CLAUDECODE=1 {binary} run -- sh -c 'echo $A'");
    let screen = at_a_terminal(&project, &["run", "--redact=never", "--", "sh", "-c", &script]);
    let screen = screen.end();
    assert!(screen.text.contains("[REDACTED:A]"), "{}", screen.code);
}

#[test]
fn the_streams_of_the_caller_keep_their_settings() {
    let project = project();
    let (read, write) = std::io::pipe().unwrap();
    let flags = || rustix::fs::fcntl_getfl(write.as_fd()).unwrap();
    let before = flags();
    let own = OwnedFd::from(write.try_clone().unwrap());
    let mut child = shell(&project, "head -c 1000000 /dev/zero").stdout(own).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(flags(), before, "others share this open file");
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        { read }.read_to_end(&mut bytes).map(|_| bytes.len())
    });
    assert_eq!(code_of(&mut child), Some(0));
    drop(write);
    assert_eq!(reader.join().unwrap().unwrap(), 1_000_000);
}
