//! `completions`: what a real shell proposes.

use std::path::Path;

use unspoken_testkit::{Project, canary, unspoken_binary};

fn project() -> Project {
    let project = Project::with_environments(&["development", "production"]);
    project.set("development", "DATABASE_URL", canary("completion"));
    project.set("production", "STRIPE_KEY", canary("completion"));
    project
}

/// Loads the script into bash, and asks it for what follows these words.
const ASK_BASH: &str = r#"
set -eu
source <(unspoken completions bash)
COMP_WORDS=("$@")
COMP_CWORD=$(( $# - 1 ))
COMP_LINE="$*"
COMP_POINT=${#COMP_LINE}
COMP_TYPE=9
COMP_KEY=9
COMPREPLY=()
function=$(complete -p unspoken | sed -n 's/.* -F \([^ ]*\).*/\1/p')
"$function" unspoken "${@: -1}" "${@: -2:1}"
printf '%s\n' "${COMPREPLY[@]}"
"#;

#[track_caller]
fn proposals(project: &Project, folder: &Path, words: &[&str]) -> Vec<String> {
    let binary = unspoken_binary();
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", binary.parent().unwrap().display());
    let arguments = [&["--norc", "-c", ASK_BASH, "bash", "unspoken"], words].concat();
    let call = project.program("bash", arguments).env("PATH", path).current_dir(folder);
    let output = call.run().ok().is_silent_on_values();
    assert!(output.stderr.is_empty(), "{words:?}: {output:?}");
    let words = output.text().lines().map(|line| line.trim().to_owned());
    words.filter(|line| !line.is_empty()).collect()
}

#[test]
fn bash_proposes_commands_flags_environments_and_names() {
    let project = project();
    let root = project.root();
    let ask = |words: &[&str]| proposals(&project, &root, words);
    for command in ["init", "set", "get", "list", "run", "completions"] {
        assert!(ask(&[""]).contains(&command.to_owned()), "{command}");
    }
    assert_eq!(ask(&["comp"]), ["completions"]);
    assert_eq!(ask(&["get", "-e", ""]), ["development", "production"]);
    assert_eq!(ask(&["run", "--env", "p"]), ["production"]);
    assert_eq!(ask(&["get", "D"]), ["DATABASE_URL"]);
    assert_eq!(ask(&["rm", "DATABASE_URL", "S"]), ["STRIPE_KEY"]);
    assert!(ask(&["get", ""]).contains(&"STRIPE_KEY".to_owned()));
    assert!(ask(&["set", "--gen"]).iter().any(|flag| flag.starts_with("--generate")));
    assert_eq!(ask(&["export", "--format", "j"]), ["json"]);
    assert_eq!(ask(&["generate", "p"]), ["python"]);
    assert_eq!(ask(&["import", "--on-conflict", "s"]), ["skip"]);
}

#[test]
fn names_need_no_key_and_no_project_gives_none() {
    let project = project();
    std::fs::remove_dir_all(project.unspoken_home()).unwrap();
    assert_eq!(proposals(&project, &project.root(), &["get", "S"]), ["STRIPE_KEY"]);
    let names = proposals(&project, &project.tmp(), &["get", "S"]);
    assert!(names.is_empty(), "{names:?}");
}

#[test]
fn a_broken_document_gives_no_error_at_the_prompt() {
    let project = project();
    project.write("secrets/production.json", "{");
    assert_eq!(proposals(&project, &project.root(), &["get", "D"]), ["DATABASE_URL"]);
    project.write("unspoken.toml", "[");
    let names = proposals(&project, &project.root(), &["get", "D"]);
    assert!(names.is_empty(), "{names:?}");
}

#[test]
fn every_shell_has_a_script() {
    let project = Project::empty();
    for (shell, part) in [("bash", "complete "), ("zsh", "compdef"), ("fish", "complete ")] {
        let output = project.unspoken(["completions", shell]).run().ok();
        assert!(output.text().contains(part) && output.stderr.is_empty(), "{shell}");
        // The program is found in PATH, not where it happened to be when the script was made.
        assert!(!output.text().contains("target"), "{shell}");
    }
    let output = project.unspoken(["completions", "tcsh"]).run().fails_with(2);
    output.says("bash").says("fish");
}
