//! `run --redact always` on a terminal: what is shown, and how the command ends.
//! Each call also checks that the terminal is set afterwards as it was before.

use std::ffi::OsStr;

use unspoken_testkit::{Project, canary, peers, unspoken_binary};

use crate::terminal::{Screen, Session, at_a_terminal};

pub(crate) fn project() -> Project {
    let project = Project::with_environments(&["development"]);
    project.set("development", "TOKEN", canary("on-a-terminal"));
    project
}

fn redacted<'p>(project: &'p Project, command: &[&str]) -> Session<'p> {
    at_a_terminal(project, &[&["run", "--redact", "always", "--"], command].concat())
}

#[track_caller]
fn shell(project: &Project, script: &str) -> Screen {
    redacted(project, &["sh", "-c", script]).end()
}

#[test]
fn a_value_is_left_out_on_a_terminal_too() {
    let project = project();
    for script in [
        "echo before $TOKEN after",
        "echo before $TOKEN after >&2",
        "echo before $TOKEN after > /dev/tty",
        "printf 'before %s' $TOKEN; printf ' after'",
        "b=${TOKEN#?????????}; printf 'before '; printf %s ${TOKEN%$b}; printf '%s after' $b",
        "b=${TOKEN#?????????}; printf 'before %s\\033[31m%s\\033[0m after' ${TOKEN%$b} $b",
    ] {
        let screen = shell(&project, script).exits_with(0).shows_no_value();
        screen.says("[REDACTED:TOKEN]").says("after");
    }
    let screen = at_a_terminal(&project, &["run", "--", "sh", "-c", "echo $TOKEN"]).end();
    assert!(screen.text.contains(&canary("on-a-terminal")), "it is not asked for here");
}

#[test]
fn the_command_has_a_terminal_and_keeps_its_colours() {
    let project = project();
    let screen =
        shell(&project, "[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && tty && echo $(tty < /dev/tty)");
    screen.exits_with(0).says("/dev/pts/");
    let screen = shell(&project, "ls -d --color=auto / | cat -v; ls -d --color=auto /");
    screen.exits_with(0).says("\x1b[0m");
}

#[test]
fn nothing_of_ours_is_seen_by_the_command() {
    let project = project();
    let binary = unspoken_binary();
    let binary = binary.to_str().unwrap();
    // What this test itself has open is seen with and without.
    let open = "echo fds $(ls /proc/self/fd | wc -l) vars $(env | grep -c .) ours $(env | grep -c UNSPOKEN)";
    let line = |screen: &Screen| screen.text.lines().next().unwrap().to_owned();
    let with = shell(&project, open).exits_with(0);
    let without = at_a_terminal(&project, &["run", "--", "sh", "-c", open]).end().exits_with(0);
    assert_eq!(line(&with), line(&without));
    let script = "[ -z \"$TOKEN\" ] && \"$0\" read TOKEN > got && wc -c < got; \"$0\" read TOKEN";
    let words = ["run", "--fd", "--redact", "always", "--", "sh", "-c", script, binary];
    let screen = at_a_terminal(&project, &words).end().shows_no_value();
    screen.says(&canary("on-a-terminal").len().to_string()).says("error");
}

#[test]
fn an_ending_is_passed_on() {
    let project = project();
    for (script, code) in [
        ("exit 0", 0),
        ("exit 7", 7),
        ("exit 255", 255),
        ("kill -9 $$", 137),
        ("kill -TERM $$", 143),
        ("kill -34 $$", 162),
        ("stty raw -echo; kill -9 $$", 137),
        ("stty raw -echo; printf '\\033[?1049h'; exit 3", 3),
    ] {
        let screen = shell(&project, script);
        assert!(screen.code == code, "{script}: {}", screen.code);
    }
    redacted(&project, &["no-such-program"])
        .end()
        .exits_with(127)
        .says("no program `no-such-program`");
    project.write("plain", "");
    redacted(&project, &["./plain"]).end().exits_with(126).says("cannot execute `./plain`");
    project.write("odd", "#!/no/such/interpreter\n");
    project.program("chmod", ["+x", "odd"]).run().ok();
    redacted(&project, &["./odd"]).end().exits_with(126).says("interpreter");
}

#[test]
fn keys_and_signals_reach_the_command() {
    let project = project();
    let session = redacted(&project, &["sh", "-c", "echo ready; exec sleep 50"]);
    session.expect("ready").send("\x03").end().exits_with(130);
    let session = redacted(&project, &["sh", "-c", "echo ready; exec sleep 50"]);
    session.expect("ready").send("\x1c").end().exits_with(131);
    let trapped = "trap 'exit 9' INT; echo ready; while :; do sleep 0.05; done";
    redacted(&project, &["sh", "-c", trapped]).expect("ready").send("\x03").end().exits_with(9);
    // Its parent is who watches over it, and the parent of that is who was called.
    for (signal, code) in [("TERM", 143), ("HUP", 129), ("INT", 130), ("USR1", 138)] {
        let script = format!("kill -{signal} $(ps -o ppid= -p $PPID); exec sleep 50");
        let screen = shell(&project, &script);
        assert!(screen.code == code, "{signal}: {}", screen.code);
        let script = format!("kill -{signal} $PPID; exec sleep 50");
        let screen = shell(&project, &script);
        assert!(screen.code == code, "{signal} of the monitor: {}", screen.code);
    }
    // Who watches over it is ended by force: nobody is left who knows more.
    shell(&project, "kill -9 $PPID; exec sleep 50").exits_with(137);
}

#[test]
fn single_keys_lines_and_passwords_are_read() {
    let project = project();
    let read = "read -n 1 -s -p 'key? ' x; echo; echo \"got <$x>\"";
    let session = redacted(&project, &["bash", "-c", read]).expect("key? ").send("q");
    session.end().exits_with(0).says("got <q>");
    let read =
        "read -s -p 'Password: ' x; echo; echo \"length ${#x}\"; read -p 'line: ' y; echo \"<$y>\"";
    let session = redacted(&project, &["bash", "-c", read]).expect("Password: ").send("hidden\r");
    let session = session.expect("length 6").expect("line: ").send("wrong\x15right\r");
    let screen = session.expect("<right>").end().exits_with(0);
    assert!(!screen.text.contains("hidden"));
    assert!(screen.text.contains("line: wrong"), "what is typed is shown: {}", screen.shown());
    // The end of input is a key, too.
    let session = redacted(&project, &["sh", "-c", "echo ready; exec cat"]).expect("ready");
    let screen = session.send("one\r").expect("one").expect("one").send("\x04").end();
    assert!(screen.exits_with(0).text == "ready\r\none\r\none\r\n");
}

#[test]
fn one_stream_is_a_terminal_and_the_other_a_pipe() {
    let project = project();
    let script = "[ ! -t 1 ] && [ -t 2 ] && echo out $TOKEN && echo error $TOKEN >&2";
    let screen = redacted(&project, &["sh", "-c", script]).piped().end().exits_with(0);
    assert!(screen.stdout == "out [REDACTED:TOKEN]\n", "{} bytes", screen.stdout.len());
    assert!(!screen.text.contains("out ["));
    screen.shows_no_value().says("error [REDACTED:TOKEN]");
}

#[test]
fn all_that_was_said_is_shown() {
    let project = project();
    for script in
        ["seq 1 200000", "seq 1 200000 & wait", "seq 1 199999; (exec sh -c 'echo 200000')"]
    {
        let screen = shell(&project, script).exits_with(0);
        let expected: String = (1..=200_000).map(|number| format!("{number}\r\n")).collect();
        assert!(screen.text == expected, "{script}: {} bytes", screen.text.len());
    }
    let bytes: Vec<u8> =
        (0..300_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    project.write("binary", bytes);
    let with = shell(&project, "cat binary").exits_with(0);
    let words = ["run", "--redact", "never", "--", "cat", "binary"];
    let without = at_a_terminal(&project, &words).end().exits_with(0);
    assert!(with.text == without.text, "{} and {}", with.text.len(), without.text.len());
}

#[test]
fn what_is_left_in_the_background_does_not_keep_us() {
    let project = project();
    let screen = shell(&project, "(trap '' HUP; sleep 30; echo late) & echo early");
    screen.exits_with(0).says("early");
    let screen = shell(&project, "(trap '' HUP; while echo more; do :; done) & sleep 0.2; exit 4");
    screen.exits_with(4).says("more");
}

#[test]
fn keys_and_prompts_appear_at_once() {
    let project = project();
    let script = "while read -r x; do printf 'Password of %s: ' \"$x\"; done";
    let mut session = redacted(&project, &["sh", "-c", script]);
    for round in 0..10 {
        session = session.send(&format!("k{round}")).expect(&format!("k{round}"));
        session = session.send("\r").expect(&format!("Password of k{round}: "));
    }
    let screen = session.send("\x04").end().exits_with(0);
    // Other tests run beside this one: what counts is how fast it can be.
    for of_keys in [0, 1] {
        let waits = screen.waits.iter().skip(of_keys).step_by(2).copied();
        let fastest = waits.skip(1).fold(f64::MAX, f64::min);
        assert!(fastest < 0.06, "{fastest} seconds");
    }
}

/// The terminal's own signal of another size must not be taken for somebody who
/// wants to end.
#[test]
fn a_window_that_changes_its_size_at_the_end_loses_nothing() {
    let project = Project::with_environments(&["development"]);
    project.set("development", "A", canary("resized"));
    let script = "import fcntl, os, pty, select, struct, sys, termios, time\n\
        pid, fd = pty.fork()\n\
        if pid == 0:\n    os.execv(sys.argv[1], ['unspoken', 'run', '--redact', 'always', '--', 'sh', '-c',\n        'head -c 20000 /dev/zero | tr \"\\\\0\" x; echo END'])\n\
        time.sleep(0.6)\n\
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 30, 90, 0, 0))\n\
        time.sleep(0.2)\n\
        got = b''\n\
        while select.select([fd], [], [], 20)[0]:\n    try:\n        got += os.read(fd, 65536)\n    except OSError:\n        break\n\
        print(got.count(b'x'), got.endswith(b'END\\r\\n'))\n";
    let python = peers().python();
    let binary = unspoken_binary();
    let words = [OsStr::new("-c"), OsStr::new(script), binary.as_os_str()];
    let output = project.program(python, words).run().ok();
    assert_eq!(output.text().trim(), "20000 True");
}
