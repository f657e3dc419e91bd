//! `dev` as a process among others: signals, the terminal, descendants,
//! descriptors, and what it keeps of a value.

use std::fs;
use std::process::Command;
use std::time::Duration;

use unspoken_testkit::{Project, canary, canary_marker, peers};

use crate::dev::{Dev, SERVE, project, set};
use crate::terminal::at_a_terminal;

#[test]
fn a_signal_is_passed_on_once_and_the_exit_code_too() {
    let project = project();
    let server =
        "trap 'echo got TERM; exit 7' TERM; trap 'echo got HUP' HUP; trap 'echo got USR1' USR1
        echo up; while :; do sleep 0.05; done";
    let dev = Dev::start(&project, &[], &["sh", "-c", server]).says("up");
    dev.signal("USR1");
    let dev = dev.says("got USR1");
    dev.signal("HUP");
    let dev = dev.says("got HUP");
    dev.signal("TERM");
    let (code, lines) = dev.ends();
    assert_eq!(code, Some(7));
    assert_eq!(lines, ["up", "got USR1", "got HUP", "got TERM"]);
}

#[test]
fn ctrl_c_reaches_the_command_once_and_ends_it_all() {
    let project = project();
    let server = "trap 'echo got INT; exit 7' INT; echo ready; while :; do sleep 0.05; done";
    let screen = at_a_terminal(&project, &["dev", "--", "sh", "-c", server]);
    let screen = screen.expect("ready").send("\x03").expect("got INT").end().exits_with(7);
    assert_eq!(screen.shown().matches("got INT").count(), 1, "{}", screen.shown());
    let waiting = ["dev", "--", "sh", "-c", "[ -t 0 ] && exit 3"];
    at_a_terminal(&project, &waiting).expect("exit code 3").send("\x03").end().exits_with(130);
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Takes its time to end, as servers do.
const SERVER: &str = "
const server = require('http').createServer();
server.on('error', (error) => { console.log('failed', error.code); process.exit(9); });
server.listen(Number(process.argv[2]), '127.0.0.1', () =>
  console.log('up', (process.env.A ?? '').split('-').pop(), process.pid));
process.on('SIGTERM', () => { console.log('ending'); setTimeout(() => process.exit(0), 300); });
";

#[test]
fn a_port_is_free_again_when_the_server_is_below_npm_or_a_shell() {
    let project = project();
    let port = free_port();
    let scripts = format!(
        "{{\"scripts\":{{\"start\":\"node server.js {port}\",\"wait\":\"node server.js {port} & wait\"}}}}"
    );
    project.write("package.json", scripts);
    project.write("server.js", SERVER);
    let behind = format!("node server.js {port} & wait");
    for (at, command) in
        [&["npm", "run", "start"][..], &["npm", "run", "wait"], &["sh", "-c", &behind]]
            .iter()
            .enumerate()
    {
        set(&project, "old");
        let dev = Dev::start(&project, &[], command).says("up old");
        set(&project, &format!("new{at}"));
        let dev = dev.says("ending").says(&format!("up new{at}"));
        dev.signal("TERM");
        let (_, lines) = dev.ends();
        assert!(!lines.iter().any(|line| line.starts_with("failed")), "{lines:?}");
        // Nothing of it stays when it is over, either.
        assert_eq!(lines.iter().filter(|line| *line == "ending").count(), 2, "{lines:?}");
        std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    }
}

#[test]
fn what_has_a_session_of_its_own_stays() {
    let project = project();
    let server = format!("setsid sleep 30 >/dev/null 2>&1 & echo daemon $!; {SERVE}");
    let dev = Dev::start(&project, &[], &["sh", "-c", &server]).says("daemon").says("up old");
    set(&project, "new");
    let dev = dev.says("up new");
    let daemons: Vec<String> = dev
        .seen
        .iter()
        .filter_map(|line| line.strip_prefix("daemon "))
        .map(str::to_owned)
        .collect();
    assert_eq!(daemons.len(), 2);
    // A zombie has no command line for good; one that just becomes `sleep` has none for a moment.
    let read = |pid: &String| fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let alive = |pid: &String| {
        (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            !read(pid).is_empty()
        })
    };
    assert!(daemons.iter().all(alive), "{:?}", dev.shown());
    for pid in &daemons {
        Command::new("kill").arg(pid).status().unwrap();
    }
    dev.was_up(2);
}

/// The state and the parent of every process.
fn processes() -> Vec<(String, String)> {
    let listing = Command::new("ps").args(["-eo", "stat=,ppid="]).output().unwrap();
    let text = String::from_utf8(listing.stdout).unwrap();
    let words = text.lines().filter_map(|line| line.trim().split_once(char::is_whitespace));
    words.map(|(state, parent)| (state.to_owned(), parent.trim().to_owned())).collect()
}

#[test]
fn no_zombie_stays_and_waiting_costs_nothing() {
    let project = project();
    let orphans = format!("(sleep 0.1 &) ; (sleep 0.2 &) ; {SERVE}");
    let dev = Dev::start(&project, &[], &["sh", "-c", &orphans]).says("up old");
    set(&project, "new");
    let dev = dev.says("up new").says_no_more();
    let own = dev.child.id().to_string();
    let children: Vec<_> = processes().into_iter().filter(|(_, parent)| *parent == own).collect();
    assert_eq!(children.len(), 1, "{children:?}");
    assert!(!children[0].0.starts_with('Z'), "{children:?}");

    let ticks = || -> u64 {
        let stat = fs::read_to_string(format!("/proc/{own}/stat")).unwrap();
        let after = stat.rsplit_once(')').unwrap().1;
        after.split_whitespace().skip(11).take(2).map(|word| word.parse::<u64>().unwrap()).sum()
    };
    let before = ticks();
    std::thread::sleep(Duration::from_secs(2));
    let spent = ticks() - before;
    assert!(spent <= 3, "{spent} hundredths of a second in two");
    dev.was_up(2);
}

#[test]
fn the_command_says_where_it_is_ready() {
    let project = project();
    for (flag, number) in [("--fd", "4"), ("--fd", "21"), ("--fd=4", "21"), ("--fd=21,4", "")] {
        let say = if number.is_empty() {
            "[ -z \"$UNSPOKEN_READY_FD\" ] && echo none asked".to_owned()
        } else {
            format!("echo 4321 >&{number}; exec 4>&- 21>&-")
        };
        let server = format!("head -c 1 <&${{UNSPOKEN_FD##*,}} >/dev/null; {say}; sleep 60");
        let dev = Dev::start(&project, &[flag], &["bash", "-c", &server]);
        let said = if number.is_empty() { "none asked" } else { "ready on port 4321 after" };
        let dev = dev.says(said);
        dev.signal("TERM");
        let (code, lines) = dev.ends();
        assert_eq!(code, Some(143), "{flag} {number}: {lines:?}");
        assert_eq!(lines.iter().any(|line| line == "none asked"), number.is_empty());
    }
    // Who says nothing is not asked twice, and nobody waits for it.
    let silent =
        Dev::start(&project, &["--fd"], &["bash", "-c", "exec 4>&- 21>&-; echo up; sleep 60"]);
    silent.says("up").says_no_more().was_up_once();
}

#[test]
fn the_two_pipes_are_told_apart_whatever_is_open_already() {
    let project = project();
    let server = "[ $(head -c 1 <&3)$(head -c 11 <&20) = '{\"version\":1' ] || exit 1
        echo 4321 >&21; sleep 60";
    let binary = unspoken_testkit::unspoken_binary();
    let dev = [binary.to_str().unwrap(), "dev", "--fd", "--", "bash", "-c", server];
    // So that ours begin somewhere below the numbers that the child is to find them on.
    for last in 14..=20 {
        let open: String = (3..=last).map(|number| format!("exec {number}</dev/null\n")).collect();
        let call = format!("{open}exec \"$@\"");
        let call = project.program("bash", ["-c", &call, "bash"].iter().chain(&dev));
        Dev::of(call.command()).says("ready on port 4321").was_up_once();
    }
}

#[test]
fn each_start_has_a_token_of_its_own_and_a_closed_environment() {
    let project = project();
    let server = "import hashlib, json, os, time
bundle = json.load(open(3, 'rb'))
token = bundle['token']
assert len(token) == 43 and 'A' not in os.environ
print('token', hashlib.sha256(token.encode()).hexdigest(), flush=True)
print('up', bundle['secrets']['A'].split('-')[-1], bundle['revision'], flush=True)
time.sleep(60)";
    let python = peers().python().to_str().unwrap().to_owned();
    let dev = Dev::start(&project, &["--fd"], &[&python, "-c", server]).says("up old");
    set(&project, "new");
    let dev = dev.says("up new");
    let mut tokens: Vec<_> = dev.seen.iter().filter(|line| line.starts_with("token")).collect();
    tokens.dedup();
    assert_eq!(tokens.len(), 2);
    let up: Vec<&String> = dev.seen.iter().filter(|line| line.starts_with("up ")).collect();
    let revision = |line: &String| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap();
    assert!(revision(up[0]) < revision(up[1]), "{up:?}");
    dev.was_up(2);
}

/// Whether a process's memory holds a text; `None` where it is closed to us.
fn memory_holds(pid: u32, text: &str) -> Option<bool> {
    use std::os::unix::fs::FileExt as _;
    let memory = fs::File::open(format!("/proc/{pid}/mem")).ok()?;
    for line in fs::read_to_string(format!("/proc/{pid}/maps")).ok()?.lines() {
        let (range, rest) = line.split_once(' ').unwrap();
        let (from, to) = range.split_once('-').unwrap();
        let [from, to] = [from, to].map(|number| u64::from_str_radix(number, 16).unwrap());
        if !rest.starts_with("rw") {
            continue;
        }
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        let count = memory.read_at(&mut bytes, from).unwrap_or(0);
        if bytes[..count].windows(text.len()).any(|window| window == text.as_bytes()) {
            return Some(true);
        }
    }
    Some(false)
}

/// The line of the key file that nobody else may know.
fn private_key(project: &Project) -> String {
    let mut entries = fs::read_dir(project.unspoken_home().join("keys")).unwrap();
    let text = fs::read_to_string(entries.next().unwrap().unwrap().path()).unwrap();
    text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap().to_owned()
}

#[test]
fn it_keeps_no_value_in_memory_or_environment() {
    let project = project();
    // To leave values out of the output, they have to be known.
    let never = "--redact=never";
    for flags in [&[never][..], &[never, "--fd"], &[never, "--fd-kind=memfd"]] {
        set(&project, "old");
        let server = "cat <&3 >/dev/null 2>&1; echo up; sleep 60";
        let dev = Dev::start(&project, flags, &["bash", "-c", server]).says("up");
        set(&project, "kept-in-memory");
        let dev = dev.says("restarting").says("up");
        let pid = dev.child.id();
        // It is closed to whoever is not root; then nothing can be seen there.
        if let Some(holds) = memory_holds(pid, "UNSPOKEN_HOME=") {
            assert!(holds, "the search does not work");
            assert_eq!(memory_holds(pid, &canary("kept-in-memory")), Some(false), "{flags:?}");
            assert_eq!(memory_holds(pid, &canary("old")), Some(false), "{flags:?}");
            assert_eq!(memory_holds(pid, &private_key(&project)), Some(false), "{flags:?}");
        }
        if let Ok(environ) = fs::read(format!("/proc/{pid}/environ")) {
            let marker = canary_marker();
            assert!(!environ.windows(marker.len()).any(|window| window == marker.as_bytes()));
        }
        dev.was_up_once();
    }
}

#[test]
fn the_terminal_that_goes_away_ends_it() {
    let project = project();
    let script = "import os, pty, sys
pid, master = pty.fork()
if pid == 0: os.execv(sys.argv[1], sys.argv[1:])
while b'up' not in os.read(master, 100): pass
os.close(master)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))";
    let python = peers().python().to_str().unwrap().to_owned();
    let binary = unspoken_testkit::unspoken_binary();
    let server = "trap 'exit 9' HUP; echo up; while :; do sleep 0.05; done";
    let dev = [binary.to_str().unwrap(), "dev", "--", "sh", "-c", server];
    let arguments = [&["10", &python, "-c", script], &dev[..]].concat();
    assert_eq!(project.program("timeout", arguments).run().ok().text(), "9\n");
}

#[test]
fn a_project_file_that_changes_moves_it_nowhere_else() {
    let project = project();
    project.unspoken(["env", "add", "production"]).run().ok();
    project.set("production", "A", canary("production"));
    let path = project.root().join("unspoken.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("run_mode = \"fd\"\n{text}")).unwrap();
    let server = "echo up ${A:-nothing} ${UNSPOKEN_FD:-variables}; while :; do sleep 0.05; done";
    let dev = Dev::start(&project, &[], &["sh", "-c", server]).says("up nothing 3,20");
    let other = text.replace("default = \"development\"", "default = \"production\"");
    assert!(other != text);
    fs::write(&path, other).unwrap();
    let dev = dev.says("now names another environment or run mode").says_no_more();
    set(&project, "new-production");
    let dev = dev.says_no_more();
    project.unspoken(["set", "A", "-e", "development", "--yes"]).stdin("new").run().ok();
    dev.says("restarting").says("up nothing 3,20").was_up(2);
}

#[test]
fn what_was_there_before_is_not_its_own_to_end() {
    let project = project();
    let binary = unspoken_testkit::unspoken_binary();
    let script =
        format!("sleep 60 & echo before $!; exec '{}' dev -- sh -c '{SERVE}'", binary.display());
    let dev = Dev::of(project.program("sh", ["-c", &script]).command()).says("before");
    let before = dev.seen[0].split(' ').nth(1).unwrap().to_owned();
    let dev = dev.says("up old");
    set(&project, "new");
    let dev = dev.says("up new");
    let alive = Command::new("kill").args(["-0", &before]).status().unwrap().success();
    Command::new("kill").arg(&before).status().unwrap();
    assert!(alive, "{:?}", dev.shown());
    dev.was_up(2);
}
