//! `dev`: the command runs again whenever its secrets are others, and only
//! then.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use unspoken_testkit::{Output, Project, canary, canary_marker, unspoken_binary};

const PATIENCE: Duration = Duration::from_secs(20);
/// Within this a restart would have been seen: one looks, waits, and opens.
const CALM: Duration = Duration::from_millis(1_200);

/// Says of which tag its secret is, and stays.
pub(crate) const SERVE: &str = "echo up ${A##*-} $$; while :; do sleep 0.05; done";

/// A `dev` that runs, with all that it and its command say, line by line.
pub(crate) struct Dev {
    pub(crate) child: Child,
    lines: Receiver<String>,
    pub(crate) seen: Vec<String>,
}

impl Dev {
    #[track_caller]
    pub(crate) fn start(project: &Project, flags: &[&str], command: &[&str]) -> Self {
        let binary = unspoken_binary();
        // Whoever runs the tests may have us ignore them, as `nohup` does.
        let start = ["--default-signal=HUP,INT,QUIT", binary.to_str().unwrap(), "dev"];
        let arguments = [&start[..], flags, &["--"], command].concat();
        Self::of(project.program("env", arguments).command())
    }

    #[track_caller]
    pub(crate) fn of(mut command: Command) -> Self {
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
    pub(crate) fn says(mut self, text: &str) -> Self {
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
    pub(crate) fn says_no_more(mut self) -> Self {
        let end = Instant::now() + CALM;
        if let Ok(line) = self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.seen.push(line);
            panic!("nothing more was expected: {:?}", self.shown());
        }
        self
    }

    pub(crate) fn shown(&self) -> Vec<String> {
        let shown = self.seen.iter();
        shown.map(|line| line.replace(&canary_marker(), "[a value]")).collect()
    }

    pub(crate) fn signal(&self, name: &str) {
        let status =
            Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end; the exit code, and every line.
    #[track_caller]
    pub(crate) fn ends(mut self) -> (Option<i32>, Vec<String>) {
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
    pub(crate) fn was_up(self, times: usize) {
        self.signal("TERM");
        let (code, lines) = self.ends();
        assert_eq!(code, Some(143));
        assert_eq!(lines.iter().filter(|line| line.starts_with("up ")).count(), times, "{lines:?}");
        assert!(!lines.iter().any(|line| line.contains(&canary_marker())), "a value was said");
    }

    #[track_caller]
    pub(crate) fn was_up_once(self) {
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

pub(crate) fn project() -> Project {
    let project = Project::with_environments(&["development"]);
    project.set("development", "A", canary("old"));
    project.set("development", "B", canary("b"));
    project
}

#[track_caller]
pub(crate) fn set(project: &Project, tag: &str) -> Output {
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
    let dev = dev.says("opened again, and are the same").says_no_more();
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
