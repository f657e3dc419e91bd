//! `dev`: the command runs again whenever its secrets are others, and only
//! then.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use unspoken_testkit::{Output, Project, canary, canary_marker, peers};

use crate::terminal::at_a_terminal;

const PATIENCE: Duration = Duration::from_secs(20);
/// Within this a restart would have been seen: one looks, waits, and opens.
const CALM: Duration = Duration::from_millis(1_200);

/// Says of which tag its secret is, and stays.
const SERVE: &str = "echo up ${A##*-} $$; while :; do sleep 0.05; done";

/// A `dev` that runs, with all that it and its command say, line by line.
struct Dev {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Dev {
    #[track_caller]
    fn start(project: &Project, flags: &[&str], command: &[&str]) -> Self {
        let arguments = [&["dev"], flags, &["--"], command].concat();
        Self::of(project.unspoken(arguments).command())
    }

    #[track_caller]
    fn of(mut command: Command) -> Self {
        // One pipe for both streams, so that what was said first comes first.
        let (read, write) = std::io::pipe().unwrap();
        command.stdin(Stdio::null()).stdout(write.try_clone().unwrap()).stderr(write);
        let child = command.spawn().unwrap();
        let (sender, lines) = channel();
        let said = BufReader::new(read).lines().map_while(Result::ok);
        std::thread::spawn(move || said.map(|line| sender.send(line)).all(|sent| sent.is_ok()));
        Self { child, lines, seen: Vec::new() }
    }

    #[track_caller]
    fn serve(project: &Project, flags: &[&str]) -> Self {
        let dev = Self::start(project, flags, &["sh", "-c", SERVE]);
        dev.says("up old")
    }

    /// Waits for a line that holds this.
    #[track_caller]
    fn says(mut self, text: &str) -> Self {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("{text:?} was expected: {:?}", self.shown());
            };
            let found = line.contains(text);
            self.seen.push(line);
            if found {
                return self;
            }
        }
    }

    /// Waits for a while in which nothing may be said.
    #[track_caller]
    fn says_no_more(mut self) -> Self {
        let end = Instant::now() + CALM;
        if let Ok(line) = self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.seen.push(line);
            panic!("nothing more was expected: {:?}", self.shown());
        }
        self
    }

    fn shown(&self) -> Vec<String> {
        let shown = self.seen.iter();
        shown.map(|line| line.replace(&canary_marker(), "[a value]")).collect()
    }

    fn signal(&self, name: &str) {
        let status =
            Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end; the exit code, and every line.
    #[track_caller]
    fn ends(mut self) -> (Option<i32>, Vec<String>) {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.seen.extend(self.lines.iter());
                return (status.code(), std::mem::take(&mut self.seen));
            }
            assert!(Instant::now() < end, "it does not end: {:?}", self.shown());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it, and demands that its command was started so often.
    #[track_caller]
    fn was_up(self, times: usize) {
        self.signal("TERM");
        let (code, lines) = self.ends();
        assert_eq!(code, Some(143));
        assert_eq!(lines.iter().filter(|line| line.starts_with("up ")).count(), times, "{lines:?}");
        assert!(!lines.iter().any(|line| line.contains(&canary_marker())), "a value was said");
    }

    #[track_caller]
    fn was_up_once(self) {
        self.signal("TERM");
        assert_eq!(self.ends().0, Some(143));
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // A test that failed leaves nothing running.
        if let Ok(None) = self.child.try_wait() {
            self.signal("TERM");
            let _ = self.child.wait();
        }
    }
}

fn project() -> Project {
    let project = Project::with_environments(&["development"]);
    project.set("development", "A", canary("old"));
    project.set("development", "B", canary("b"));
    project
}

#[track_caller]
fn set(project: &Project, tag: &str) -> Output {
    project.unspoken(["set", "A", "--yes"]).stdin(canary(tag)).run().ok()
}

/// The document with another value, while the project keeps its own.
#[track_caller]
fn document_with(project: &Project, tag: &str) -> Vec<u8> {
    let path = project.document("development");
    let before = fs::read(&path).unwrap();
    set(project, tag);
    let with = fs::read(&path).unwrap();
    fs::write(&path, before).unwrap();
    with
}

/// What an editor does.
fn replace(project: &Project, bytes: &[u8]) {
    let path = project.document("development");
    let beside = path.with_extension("new");
    fs::write(&beside, bytes).unwrap();
    fs::rename(beside, path).unwrap();
}

#[test]
fn a_changed_value_starts_the_command_once_more() {
    let project = project();
    let dev = Dev::serve(&project, &[]);
    set(&project, "new");
    let dev = dev.says("restarting, changed: A").says("up new").says_no_more();
    set(&project, "newer");
    dev.says("up newer").was_up(3);
}

#[test]
fn a_replaced_document_and_another_branch_are_changes() {
    let project = project();
    let other = document_with(&project, "edited");
    project.git(["add", "--all"]);
    project.git(["commit", "--quiet", "-m", "old"]);
    project.git(["checkout", "--quiet", "-b", "feature"]);
    set(&project, "feature");
    project.git(["commit", "--quiet", "-am", "feature"]);
    project.git(["checkout", "--quiet", "main"]);

    let dev = Dev::serve(&project, &[]);
    replace(&project, &other);
    let dev = dev.says("up edited");
    project.git(["checkout", "--quiet", "--force", "feature"]);
    let dev = dev.says("up feature");
    project.git(["checkout", "--quiet", "main"]);
    dev.says("up old").says_no_more().was_up(4);
}

#[test]
fn equal_values_are_no_change() {
    let project = project();
    let path = project.document("development");
    let before = fs::read(&path).unwrap();
    set(&project, "between");
    let other = document_with(&project, "old");
    fs::write(&path, before).unwrap();
    let dev = Dev::serve(&project, &[]);
    fs::write(&path, fs::read(&path).unwrap()).unwrap();
    let dev = dev.says_no_more();
    assert!(other != fs::read(&path).unwrap(), "it was not sealed anew");
    replace(&project, &other);
    let dev = dev.says_no_more();
    project.unspoken(["rotate", "-e", "development", "--yes"]).run().ok();
    let dev = dev.says_no_more();
    project.write("unspoken.toml", format!("{}\n# a remark\n", project.read("unspoken.toml")));
    let dev = dev.says_no_more();
    set(&project, "new");
    dev.says("up new").was_up(2);
}

#[test]
fn only_the_chosen_names_count() {
    let project = project();
    let dev = Dev::serve(&project, &["--only", "A"]);
    project.set("development", "C", canary("c"));
    let dev = dev.says_no_more();
    // Without it the command could not start: it keeps what it has.
    project.unspoken(["rm", "A", "--yes"]).run().ok();
    let dev = dev.says("keeps the secrets").says_no_more();
    set(&project, "again");
    dev.says("up again").was_up(2);
    let output = project.unspoken(["dev", "--only", "X", "--", "true"]).run();
    output.fails_with(3).says("`X`");
}

#[test]
fn a_new_and_a_removed_secret_are_changes() {
    let project = project();
    let dev = Dev::serve(&project, &[]);
    project.set("development", "C", canary("c"));
    let dev = dev.says("changed: C").says("up old");
    project.unspoken(["rm", "B", "--yes"]).run().ok();
    dev.says("changed: B").says("up old").was_up(3);
}

#[test]
fn quick_changes_are_one_restart() {
    let project = project();
    let documents: Vec<_> =
        ["one", "two", "three", "four"].map(|tag| document_with(&project, tag)).into();
    let dev = Dev::serve(&project, &[]);
    for document in documents {
        replace(&project, &document);
        std::thread::sleep(Duration::from_millis(30));
    }
    dev.says("restarting").says("up four").says_no_more().was_up(2);
}

#[test]
fn a_document_that_cannot_be_opened_changes_nothing_until_it_is_mended() {
    let project = project();
    let path = project.document("development");
    let (good, other) = (fs::read(&path).unwrap(), document_with(&project, "mended"));
    let conflict =
        [b"<<<<<<< ours\n", good.as_slice(), b"=======\n", &other, b">>>>>>> x\n"].concat();
    let dev = Dev::serve(&project, &[]);
    fs::write(&path, &conflict).unwrap();
    let dev = dev.says("keeps the secrets that it has").says_no_more();
    fs::remove_file(&path).unwrap();
    let dev = dev.says("keeps the secrets").says_no_more();
    replace(&project, &good);
    let dev = dev.says_no_more();
    fs::write(&path, &conflict).unwrap();
    let dev = dev.says("keeps the secrets");
    replace(&project, &other);
    dev.says("up mended").was_up(2);
}

#[test]
fn what_has_ended_by_itself_starts_with_the_next_change() {
    let project = project();
    let dev = Dev::start(&project, &[], &["sh", "-c", "echo up ${A##*-}; exit 3"]);
    let dev = dev.says("up old").says("exit code 3").says_no_more();
    set(&project, "new");
    let dev = dev.says("changed: A").says("up new").says("exit code 3");
    set(&project, "newer");
    dev.says("up newer").says("exit code 3").was_up(3);
}

#[test]
fn a_restart_that_fails_waits_for_the_next_change() {
    let project = project();
    project.write("server", format!("#!/bin/sh\n{SERVE}\n"));
    project.program("chmod", ["+x", "server"]).run().ok();
    let dev = Dev::start(&project, &[], &["./server"]).says("up old");
    fs::rename(project.root().join("server"), project.root().join("away")).unwrap();
    set(&project, "new");
    let dev = dev.says("restarting").says("cannot start").says_no_more();
    fs::rename(project.root().join("away"), project.root().join("server")).unwrap();
    set(&project, "newer");
    dev.says("up newer").was_up(2);
    project.unspoken(["dev", "--", "./absent"]).run().fails_with(127).says("./absent");
}

#[test]
fn one_that_ignores_the_request_is_killed_in_the_end() {
    let project = project();
    let stubborn = format!("trap '' TERM; {SERVE}");
    let dev = Dev::start(&project, &["--grace", "1"], &["sh", "-c", &stubborn]).says("up old");
    set(&project, "new");
    let dev = dev.says("restarting");
    let begun = Instant::now();
    let mut dev = dev.says("up new");
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    // And is not waited for at the end of this test.
    let pid = dev.seen.iter().rev().find_map(|line| line.strip_prefix("up new ")).unwrap();
    Command::new("kill").args(["-KILL", pid]).status().unwrap();
    dev = dev.says("SIGKILL");
    dev.signal("INT");
    assert_eq!(dev.ends().0, Some(130));
}

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
    let alive =
        |pid: &String| fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|text| !text.is_empty());
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

#[test]
fn it_keeps_no_value_in_memory_or_environment() {
    let project = project();
    for flags in [&[][..], &["--fd"], &["--fd-kind=memfd"]] {
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
