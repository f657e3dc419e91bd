//! `run --redact always` under a shell with job control, with programs that use the
//! whole screen: in a real terminal emulator.

use std::fs;

use crate::pane::Pane;
use crate::redact_terminal::project;

#[test]
fn vim_edits_is_suspended_and_goes_on() {
    let project = project();
    let pane = Pane::open(&project).line("stty -a > before");
    let pane = pane.line("$U run --redact always -- vim -u NONE -N text").shows("~");
    let pane = pane.key("i").line("written in vim").key("Escape").key("C-z").shows("Stopped");
    let pane = pane.line("stty -a > stopped; echo $((6*7))").says("42");
    let pane = pane.clear().line("fg").shows("~").says("written in vim");
    let pane = pane.key("C-z").shows("Stopped").clear().line("bg").clear();
    // In the background it wants the terminal, and gets it by `fg` alone.
    let pane = pane.line("jobs").shows("Stopped").line("fg").shows("~");
    let pane = pane.line(":wq").prompts().line("stty -a > after; echo code $?").says("code 0");
    assert_eq!(project.read("text").lines().next(), Some("written in vim"));
    assert_eq!(project.read("before"), project.read("stopped"));
    assert_eq!(project.read("before"), project.read("after"));
    drop(pane);
}

#[test]
fn less_pages_and_follows_the_size() {
    let project = project();
    let lines: String = (1..=500).map(|line| format!("line {line}\n")).collect();
    project.write("lines", lines);
    for command in [
        "$U run --redact always -- less lines",
        "cat lines | $U run --redact always -- less",
        "$U run --redact always -- cat lines | less",
    ] {
        let pane = Pane::open(&project).line(command).says("line 23").key("Space").says("line 46");
        let pane = pane.resize(100, 40).key("g").says("line 39").key("q").prompts();
        pane.line("stty -a > after; echo $((6*7))").says("42");
        assert!(project.read("after").contains(" icanon"), "{command}");
    }
}

#[test]
fn a_screen_that_draws_itself_keeps_its_colours() {
    let project = project();
    let pane = Pane::open(&project).line("$U run --redact always -- top -d 0.2");
    let pane = pane.shows("load average").shows("COMMAND");
    assert!(pane.screen(&["-e"]).contains("\x1b[7m"), "nothing stands out");
    let pane = pane.resize(90, 30).shows("load average").key("q").prompts();
    pane.line("echo code $?").says("code 0");
}

#[test]
fn a_shell_with_job_control_works_inside() {
    let project = project();
    let pane = Pane::open(&project).line("stty -a > outside");
    let pane = pane.line("$U run --redact always -- bash --norc --noprofile -i");
    let pane = pane.line("stty -a > inside; echo value $TOKEN").says("value [REDACTED:TOKEN]");
    assert_eq!(project.read("outside"), project.read("inside"));
    let job = "sh -c 'echo $((6*7)); exec cat'";
    let pane = pane.clear().line(job).says("42").key("C-z").shows("Stopped").clear();
    // It wants the terminal, and must not have it in the background.
    let pane = pane
        .line("bg")
        .shows("cat")
        .line("until jobs | grep Stopped; do sleep 0.05; done")
        .shows("Stopped")
        .clear();
    let pane = pane.line("fg").shows("cat").line("typed").says_twice("typed").key("C-c").prompts();
    let pane = pane.line("echo code $?").says("code 130").clear();
    let pane = pane.line("sleep 50 &").line("jobs").shows("Running").line("kill %1").clear();
    let pane = pane.resize(97, 31).line("stty size").says("31 97");
    let pane = pane.clear().line(job).says("42").key("C-\\").prompts();
    let pane = pane.line("echo code $?").says("code 131");
    pane.line("exit 5").says("exit").prompts().line("echo outer $?").says("outer 5");
}

#[test]
fn a_job_in_the_background_talks_and_waits_for_the_terminal() {
    let project = project();
    let script = "echo value $TOKEN; read -r x; echo \"got <$x>\"";
    let pane = Pane::open(&project).line(&format!("$U run --redact always -- sh -c '{script}' &"));
    let pane = pane.shows("value [REDACTED:TOKEN]").key("Enter");
    let pane = pane.line("until jobs | grep Stopped; do sleep 0.05; done").shows("Stopped").clear();
    let pane = pane.line("fg").shows("$U run").line("typed").says("got <typed>").prompts();
    // Brought to the foreground while it runs, it ends by a key, and not by one before.
    let pane = pane.clear().line("$U run --redact always -- sleep 50 &").clear();
    let pane = pane.line("fg").shows("$U run").insists("C-c");
    pane.line("echo code $?").says("code 130");
}

#[test]
fn a_command_that_is_stopped_by_a_signal_stops_us_and_goes_on_with_us() {
    let project = project();
    let pane = Pane::open(&project).line("stty -a > before");
    let script = "echo $$ > pid; kill -STOP $$; echo \"again $((6*7))\"; read -r x";
    let pane = pane.line(&format!("$U run --redact always -- sh -c '{script}'"));
    let pane = pane.shows("Stopped").line("stty -a > after; echo done").says("done");
    assert_eq!(project.read("before"), project.read("after"));
    let pane = pane.line("fg").says("again 42").key("Enter").prompts();
    // Somebody else lets it go on.
    let pane = pane.clear().line(&format!("$U run --redact always -- sh -c '{script}'"));
    let pane = pane.shows("Stopped").line("kill -CONT $(cat pid)").shows("again 42");
    let pane = pane.line("fg").key("Enter").prompts().line("jobs; echo none").says("none");
    drop(pane);
}

#[test]
fn the_terminal_is_gone_and_nothing_is_left() {
    let project = project();
    let script = "trap \"echo hup > ended; exit\" HUP; echo $((6*7)); while :; do sleep 0.05; done";
    let pane = Pane::open(&project).line(&format!("$U run --redact always -- sh -c '{script}'"));
    let pane = pane.says("42");
    drop(pane);
    let ended = || fs::exists(project.root().join("ended")).unwrap();
    let wait = |_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        ended()
    };
    assert!((0..250).any(wait), "the command was not told");
}
