//! A person at a terminal: prompts, questions, refusals, colour.

use serde_json::{Value, json};
use unspoken_testkit::{Project, canary, peers, unspoken_binary};

const PASTE: (&str, &str) = ("\x1b[200~", "\x1b[201~");

/// A call on a terminal, and what is typed there.
pub(crate) struct Session<'p> {
    project: &'p Project,
    command: Vec<String>,
    steps: Vec<Value>,
    stdout: &'static str,
    variables: Vec<(&'static str, &'static str)>,
}

/// What became of it. No `Debug`: the screen may show a value.
pub(crate) struct Screen {
    pub(crate) code: i64,
    pub(crate) text: String,
    pub(crate) stdout: String,
    /// For how many seconds each expected text was waited for.
    pub(crate) waits: Vec<f64>,
}

pub(crate) fn at_a_terminal<'p>(project: &'p Project, arguments: &[&str]) -> Session<'p> {
    let binary = unspoken_binary().to_str().unwrap().to_owned();
    let arguments = arguments.iter().map(|argument| (*argument).to_owned());
    Session {
        project,
        command: std::iter::once(binary).chain(arguments).collect(),
        steps: Vec::new(),
        stdout: "terminal",
        variables: Vec::new(),
    }
}

impl Session<'_> {
    pub(crate) fn expect(mut self, text: &str) -> Self {
        self.steps.push(json!({ "expect": text }));
        self
    }

    pub(crate) fn send(mut self, text: &str) -> Self {
        self.steps.push(json!({ "send": text }));
        self
    }

    pub(crate) fn piped(mut self) -> Self {
        self.stdout = "pipe";
        self
    }

    pub(crate) fn env(mut self, name: &'static str, value: &'static str) -> Self {
        self.variables.push((name, value));
        self
    }

    #[track_caller]
    pub(crate) fn end(self) -> Screen {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/terminal.py");
        let mut call = self.project.program(peers().python(), ["-B", script]);
        for (name, value) in &self.variables {
            call = call.env(name, value);
        }
        call = call.env("TERM", "xterm-256color");
        let steps = json!({ "command": self.command, "steps": self.steps, "stdout": self.stdout });
        let answer = call.stdin(steps.to_string()).run().ok().json();
        let screen = Screen {
            code: answer["code"].as_i64().unwrap(),
            text: answer["screen"].as_str().unwrap().to_owned(),
            stdout: answer["stdout"].as_str().unwrap().to_owned(),
            waits: answer["waits"].as_array().unwrap().iter().filter_map(Value::as_f64).collect(),
        };
        let missed = answer["missed"].as_str();
        assert!(missed.is_none(), "{missed:?} did not come: {}", screen.shown());
        assert!(answer["restored"] == true, "the terminal was not put back: {}", screen.shown());
        screen
    }
}

impl Screen {
    pub(crate) fn shown(&self) -> String {
        self.text.replace(&unspoken_testkit::canary_marker(), "[a value]")
    }

    #[track_caller]
    pub(crate) fn exits_with(self, code: i64) -> Self {
        assert!(self.code == code, "{code} was expected, not {}: {}", self.code, self.shown());
        self
    }

    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.text.contains(text), "{text:?} was expected: {}", self.shown());
        self
    }

    #[track_caller]
    pub(crate) fn shows_no_value(self) -> Self {
        let marker = unspoken_testkit::canary_marker();
        assert!(!self.text.contains(&marker), "a value is on the screen");
        self
    }
}

fn project() -> Project {
    let project = Project::with_environments(&["development"]);
    project.set("development", "A", canary("old"));
    project
}

#[test]
fn a_value_is_shown_on_a_terminal_only_when_that_is_asked_for() {
    let project = project();
    for (arguments, hint) in [
        (&["get", "A"][..], "add `--show`"),
        (&["get", "A", "--json"], "--show"),
        (&["export"], "--show"),
        (&["export", "--format", "json"], "--show"),
        (&["export", "--format", "shell"], "--show"),
    ] {
        let screen = at_a_terminal(&project, arguments).end().exits_with(10);
        screen.shows_no_value().says("standard output is a terminal").says(hint);
        let arguments = [arguments, &["--show"]].concat();
        at_a_terminal(&project, &arguments).end().exits_with(0).says(&canary("old"));
        let screen = at_a_terminal(&project, &arguments[..arguments.len() - 1]).piped().end();
        assert!(screen.exits_with(0).stdout.contains(&canary("old")));
    }
}

#[test]
fn a_typed_value_is_not_shown() {
    let project = project();
    let session = at_a_terminal(&project, &["set", "B"]).expect("B").expect("not shown");
    let screen = session.send(&format!("{}\r", canary("typed"))).end().exits_with(0);
    screen.shows_no_value().says("B added in development");
    project.has("development", "B", canary("typed"));
}

#[test]
fn backspace_and_ctrl_u_correct_what_was_typed() {
    let project = project();
    for typed in ["wrong\x15VALUE\r", "VALUExü\x7f\x7f\r", "VALUEx\x08\r"] {
        let typed = typed.replace("VALUE", &canary("corrected"));
        let session = at_a_terminal(&project, &["set", "B", "--yes"]).expect("not shown");
        session.send(&typed).end().exits_with(0).shows_no_value();
        project.has("development", "B", canary("corrected"));
    }
}

#[test]
fn several_lines_can_be_pasted() {
    let project = project();
    let c = canary("pasted");
    let value = format!("-----BEGIN\n{c}\n{c}\n-----END\n");
    let pasted = value.replace('\n', "\r");
    let marked = format!("{}{pasted}{}", PASTE.0, PASTE.1);
    for (name, typed) in [("MARKED", marked), ("PLAIN", pasted.clone())] {
        let session = at_a_terminal(&project, &["set", name]).expect("not shown").send(&typed);
        // A marked paste waits for Enter; another ends with its last line end.
        let session = if name == "MARKED" { session.expect("pasted").send("\r") } else { session };
        session.end().exits_with(0).shows_no_value();
        project.has("development", name, value.trim_end());
    }
}

#[test]
fn an_escape_in_a_paste_is_a_part_of_the_value() {
    let project = project();
    let value = format!("{}\u{3}\u{15}\x1b[31m\u{4}", canary("escape"));
    let session = at_a_terminal(&project, &["set", "B"]).expect("not shown");
    let session =
        session.send(&format!("{}{value}{}", PASTE.0, PASTE.1)).expect("pasted").send("\r");
    session.end().exits_with(0);
    project.has("development", "B", value);
}

#[test]
fn ctrl_c_ends_every_question_and_changes_nothing() {
    let project = project();
    let before = project.snapshot();
    for (arguments, question) in [
        (&["set", "B"][..], "not shown"),
        (&["set", "A"], "[y/N]"),
        (&["set"], "Name"),
        (&["rm", "A"], "[y/N]"),
    ] {
        let session = at_a_terminal(&project, arguments).expect(question);
        let screen = session.send("\x03").end();
        assert!(screen.code == 130, "{arguments:?}: {}", screen.code);
        project.is_as(&before);
    }
    let session = at_a_terminal(&project, &["set", "B"]).expect("not shown");
    let typed = session.send(&format!("{}\x03", canary("half"))).end().exits_with(130);
    typed.shows_no_value();
    project.is_as(&before);
}

#[test]
fn ctrl_d_at_an_empty_prompt_sets_no_empty_value() {
    let project = project();
    let before = project.snapshot();
    let screen = at_a_terminal(&project, &["set", "B"]).expect("not shown").send("\x04").end();
    assert!([10, 130].contains(&screen.code), "{}: {}", screen.code, screen.shown());
    project.is_as(&before);
}

#[test]
fn replacing_a_value_is_asked_for_first() {
    let project = project();
    let before = project.snapshot();
    for answer in ["n\r", "\r", "no\r", "what\rn\r"] {
        let session = at_a_terminal(&project, &["set", "A"]).expect("replace `A`").expect("[y/N]");
        session.send(answer).end().exits_with(10).says("nothing was changed");
        project.is_as(&before);
    }
    for answer in ["y\r", "YES\r"] {
        let session = at_a_terminal(&project, &["set", "A"]).expect("[y/N]").send(answer);
        let session =
            session.expect("New value of A").send(&format!("{}\r", canary(answer.trim())));
        session.end().exits_with(0).shows_no_value().says("A replaced");
        project.has("development", "A", canary(answer.trim()));
    }
    let session = at_a_terminal(&project, &["set", "A", "--yes"]).expect("New value");
    session.send(&format!("{}\r", canary("yes"))).end().exits_with(0);
    project.has("development", "A", canary("yes"));
}

#[test]
fn blanks_at_the_ends_are_asked_about() {
    let project = project();
    for (answer, kept) in [("y\r", canary("blank")), ("n\r", format!(" {} ", canary("blank")))] {
        let session = at_a_terminal(&project, &["set", "B", "--yes"]).expect("not shown");
        let session =
            session.send(&format!(" {} \r", canary("blank"))).expect("blanks").expect("[y/N]");
        session.send(answer).end().exits_with(0).shows_no_value();
        project.has("development", "B", kept);
    }
}

#[test]
fn a_name_that_was_left_out_is_asked_for() {
    let project = project();
    let session = at_a_terminal(&project, &["set"]).expect("Name").send("B\r").expect("not shown");
    session.send(&format!("{}\r", canary("asked"))).end().exits_with(0);
    project.has("development", "B", canary("asked"));
    at_a_terminal(&project, &["set"]).expect("Name").send("b-c\r").end().exits_with(2);
}

#[test]
fn a_value_that_is_too_long_ends_the_prompt() {
    let project = project();
    let before = project.snapshot();
    // The input queue of a terminal holds 4096 bytes; the prompt reads as they come.
    let mut session = at_a_terminal(&project, &["set", "B"]).expect("not shown").send(PASTE.0);
    for _ in 0..33 {
        session = session.send(&"x".repeat(2_000));
    }
    let screen = session.end();
    assert!(screen.code == 1, "{}", screen.code);
    project.is_as(&before);
}

#[test]
fn removing_is_asked_for_first() {
    let project = project();
    let before = project.snapshot();
    let session = at_a_terminal(&project, &["rm", "A"]).expect("remove A from development?");
    session.send("n\r").end().exits_with(10);
    project.is_as(&before);
    let session = at_a_terminal(&project, &["rm", "A"]).expect("[y/N]").send("y\r");
    session.end().exits_with(0).says("removed A");
    project.get("development", "A").fails_with(3);
}

#[test]
fn nothing_is_asked_in_a_job_or_when_the_answer_was_given() {
    let project = project();
    let session = at_a_terminal(&project, &["rm", "A"]).env("CI", "true");
    session.end().exits_with(10).says("--yes");
    at_a_terminal(&project, &["rm", "A", "--yes"]).end().exits_with(0);
}

#[test]
fn init_offers_to_take_over_a_plaintext_file() {
    for (answer, taken) in [("\r", true), ("y\r", true), ("n\r", false)] {
        let project = Project::empty();
        project.write(".env", format!("A={}\n", canary("offer")));
        let session = at_a_terminal(&project, &["init"]).expect("plaintext `.env`").expect("[Y/n]");
        session.send(answer).end().exits_with(0).shows_no_value();
        assert_eq!(project.root().join(".env").exists(), !taken, "{answer:?}");
        if taken {
            project.has("development", "A", canary("offer"));
        }
    }
}

#[test]
fn colour_is_for_terminals_and_no_color_is_obeyed() {
    let project = project();
    let screen = at_a_terminal(&project, &["get", "AA"]).piped().end().exits_with(3);
    screen.says("\x1b[1;31merror: \x1b[0m").says("\x1b[1;36mhint: \x1b[0m");
    for arguments in [&["get", "AA"][..], &["get"], &["--help"], &["list"], &["doctor"]] {
        let screen = at_a_terminal(&project, arguments).env("NO_COLOR", "1").end();
        assert!(!screen.text.contains('\x1b'), "{arguments:?}: {}", screen.shown());
    }
    let screen = at_a_terminal(&project, &["get", "AA", "--json"]).piped().end();
    assert!(!screen.text.contains('\x1b'), "{}", screen.shown());
}

#[test]
fn a_command_that_is_run_has_the_terminal() {
    let project = project();
    let command =
        ["run", "--", "sh", "-c", "[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && read x && echo got $x"];
    let session = at_a_terminal(&project, &command).send("line\r");
    session.end().exits_with(0).says("got line");
    // An interrupt reaches the command itself.
    let command =
        ["run", "--", "sh", "-c", "trap 'exit 7' INT; echo ready; while :; do sleep 0.1; done"];
    at_a_terminal(&project, &command).expect("ready").send("\x03").end().exits_with(7);
}

#[test]
fn a_list_of_environments_is_for_a_person_too() {
    let project = project();
    let screen = at_a_terminal(&project, &["env", "list"]).end().exits_with(0);
    screen.says("development  (default)");
}

#[test]
fn a_conflict_is_asked_about_by_names_and_sides() {
    use crate::repository::Repository;

    let repository = Repository::without_setup();
    let both = |repository: &Repository, tag: &str| {
        for name in ["A", "B", "C"] {
            repository.set(name, tag);
        }
    };
    repository.branch("feature", "main", |theirs| both(theirs, "theirs"));
    repository.git(&["checkout", "--quiet", "main"]).ok();
    both(&repository, "ours");
    repository.commit("ours");
    repository.git(&["merge", "feature"]).fails_with(1);

    let session = at_a_terminal(&repository.project, &["resolve", "--ours", "C"]);
    let session = session.expect("theirs: feature").expect("A: ours changed it");
    let session = session.expect("[o]urs or [t]heirs?").send("x\r").expect("[t]heirs?");
    let session = session.send("t\r").expect("B: ours added it").send("o\r");
    let screen = session.end().exits_with(0).shows_no_value();

    screen.says("git add secrets/development.json");
    for (name, tag) in [("A", "theirs"), ("B", "ours"), ("C", "ours")] {
        repository.has(name, tag);
    }
}

#[test]
fn the_passphrase_of_tako_is_asked_for_and_not_shown() {
    let project = Project::with_environments(&["production"]);
    let blob = "B4R5kiKJ/KbtGpzPP/5iwvjvN0e+OtpeCO8VVvjGoLtGfddP1Xda3AMvHALMpNZf";
    let tako = json!({ "production": { "key_id": "b451c0de00000001", "app": { "A": blob } } });
    project.write("tako.json", tako.to_string());
    for (typed, code) in [("wrong-passphrase", 5), ("tako-example", 0)] {
        let session = at_a_terminal(&project, &["import", "tako.json", "-e", "production"]);
        let session = session.expect("Passphrase of production").send(&format!("{typed}\r"));
        let screen = session.end().exits_with(code);
        assert!(!screen.text.contains(typed), "the passphrase is on the screen");
    }
    project.has("production", "A", "sk-example-key-12345");
}
