//! The guide to a vault, typed as it stands there, in two terminals of somebody who has nothing yet.

use std::os::unix::fs::symlink;
use std::path::Path;

use unspoken_testkit::{Project, canary, unspoken_binary, vault_binary};

use crate::pane::Pane;

/// A command of a guide, and what it says it prints.
struct Step {
    command: String,
    said: Vec<String>,
}

/// What stands for lines that are left out.
const LEFT_OUT: &str = "…";

#[test]
fn what_stands_in_the_guide_to_a_vault_is_what_happens() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/vault.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let begin = guide.find("\n## Start a vault\n").unwrap();
    let end = guide.find("\n## Where your token is\n").unwrap();
    let steps = read(guide.get(begin..end).unwrap());
    assert!(steps.len() > 10, "{} commands", steps.len());

    let project = Project::empty();
    let bin = project.home().join("bin");
    std::fs::create_dir(&bin).unwrap();
    symlink(unspoken_binary(), bin.join("unspoken")).unwrap();
    symlink(vault_binary(), bin.join("unspoken-vault")).unwrap();
    let open = || {
        let pane = Pane::open(&project).resize(250, 60);
        pane.line("PATH=$HOME/bin:$PATH; cd").prompts().clear()
    };
    let (mut first, mut second) = (open(), open());
    // Where the guide's vault listens, and where this one does: others may listen there.
    let mut address = String::new();
    let mut invitation = String::new();
    for step in steps {
        let command = step.command.replace("127.0.0.1:8750", &address);
        let found;
        if command.starts_with("unspoken-vault serve") {
            first = first
                .line(&format!("{command} --listen 127.0.0.1:0"))
                .shows("listening at http://");
            found = after(&first.screen(&["-J"]), &command);
            address = found[0].rsplit('/').next().unwrap().to_owned();
        } else if command.starts_with("unspoken-vault") {
            (first, found) = perform(first, &command);
            let words = found.iter().flat_map(|line| line.split_whitespace());
            let shown = words.filter(|word| word.starts_with("unsp_admin_")).max();
            shown.unwrap_or_default().clone_into(&mut invitation);
        } else {
            (second, found) = match command.split_whitespace().nth(1) {
                Some("login") => answer(second, &command, "Token (not shown):", &invitation),
                Some("set") => answer(second, &command, "(not shown):", &canary("guide")),
                _ => perform(second, &command),
            };
        }
        let said: Vec<String> =
            step.said.iter().map(|line| line.replace("127.0.0.1:8750", &address)).collect();
        assert!(
            fits(&said, &found),
            "$ {command}\nthe guide says\n{}\nand this came\n{}",
            said.join("\n"),
            found.join("\n")
        );
    }
}

/// All commands of a text, in their order.
fn read(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in text.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap().lines() {
            match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => {
                    steps.push(Step { command: command.to_owned(), said: Vec::new() });
                }
                (None, Some(step)) => step.said.push(line.trim_end().to_owned()),
                (None, None) => panic!("a block begins with what nothing has printed: {line}"),
            }
        }
    }
    for step in &mut steps {
        step.said.retain(|line| !line.is_empty());
    }
    steps
}

/// Types a command, and reads what it prints.
fn perform<'p>(pane: Pane<'p>, command: &str) -> (Pane<'p>, Vec<String>) {
    let pane = pane.line(command).shows(command).prompts();
    let found = after(&pane.screen(&["-J"]), command);
    (pane.clear(), found)
}

/// The same where something is asked for, and not shown.
fn answer<'p>(pane: Pane<'p>, command: &str, asks: &str, text: &str) -> (Pane<'p>, Vec<String>) {
    let pane = pane.line(command).shows(asks).line(text).prompts();
    let found = after(&pane.screen(&["-J"]), command);
    assert!(!found.concat().contains(text), "what was typed is shown");
    (pane.clear(), found)
}

/// What stands between a command and the next prompt.
fn after(screen: &str, command: &str) -> Vec<String> {
    let printed = screen.split_once(command).unwrap().1;
    let lines = printed.lines().skip(1).map(str::trim_end);
    lines.filter(|line| !line.is_empty() && *line != "go>").map(str::to_owned).collect()
}

/// Whether what came is what was said.
fn fits(said: &[String], found: &[String]) -> bool {
    match said.split_first() {
        None => found.is_empty(),
        Some((line, rest)) if line == LEFT_OUT => {
            (0..=found.len()).any(|count| fits(rest, &found[count..]))
        }
        Some((line, rest)) => found
            .split_first()
            .is_some_and(|(first, more)| is_like(line, first) && fits(rest, more)),
    }
}

/// Whether two lines say the same, but for what is another one each time.
fn is_like(said: &str, found: &str) -> bool {
    if said == "the token is in the keychain" {
        // A test has none.
        return found.starts_with("the token is in ");
    }
    let (said, found): (Vec<_>, Vec<_>) =
        (said.split_whitespace().collect(), found.split_whitespace().collect());
    said.len() == found.len() && said.iter().zip(&found).all(|(said, found)| is_word(said, found))
}

fn is_word(said: &str, found: &str) -> bool {
    let other = |c: char| !c.is_alphanumeric() && c != LEFT_OUT.chars().next().unwrap_or_default();
    let (said, found) = (said.trim_matches(other), found.trim_matches(other));
    let is_id = ["tok_", "team_", "req_", "unsp_admin_"]
        .iter()
        .any(|kind| said.starts_with(kind) && found.starts_with(kind));
    let is_time = |word: &str| word.len() == 20 && word.ends_with('Z') && word.contains('T');
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    said == found
        || is_id
        || is_time(said) && (is_time(found) || found == "never")
        || is_number(said) && is_number(found)
        || said == "laptop" && !found.is_empty()
}

#[test]
fn a_guide_that_says_something_else_is_noticed() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let case = |said: &str, found: &str, expected: bool| {
        assert_eq!(fits(&lines(said), &lines(found)), expected, "{said:?} {found:?}");
    };
    case("added", "added", true);
    case("added", "added\nand more", false);
    case("added", "", false);
    case("", "added", false);
    case("…\nend", "one\ntwo\nend", true);
    case("…\nend", "one\ntwo", false);
    case(
        "`ci` (tok_a) reads, until 2026-12-22T12:00:00Z;",
        "`ci` (tok_bc) reads, until 2027-12-22T12:00:00Z;",
        true,
    );
    case("`ci` (tok_a) reads", "`ci` (team_a) reads", false);
    case("5 fetches", "17 fetches", true);
}
