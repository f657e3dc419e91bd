//! `--help`: every command explains itself, with an example.

use clap::Command;
use unspoken_testkit::Project;

/// Each command with its path, the program itself first.
fn commands() -> Vec<(Vec<String>, Command)> {
    let mut found = vec![(Vec::new(), unspoken::command())];
    let mut next = 0;
    while let Some((path, command)) = found.get(next).cloned() {
        for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
            let path = [path.as_slice(), &[inner.get_name().to_owned()]].concat();
            found.push((path, inner.clone()));
        }
        next += 1;
    }
    found
}

#[test]
fn every_command_of_the_issue_is_there() {
    let names: Vec<String> = commands().into_iter().map(|(path, _)| path.join(" ")).collect();
    for name in [
        "init",
        "set",
        "get",
        "list",
        "rm",
        "mv",
        "import",
        "export",
        "generate",
        "run",
        "env list",
        "env add",
        "why",
        "doctor",
        "check",
        "access",
        "completions",
    ] {
        assert!(names.contains(&name.to_owned()), "{name}");
    }
}

#[test]
fn the_help_of_every_command_has_an_example() {
    let project = Project::empty();
    for (path, _) in commands() {
        for flag in ["--help", "-h"] {
            let arguments = [path.as_slice(), &[flag.to_owned()]].concat();
            let output = project.unspoken(&arguments).run().ok();
            assert!(output.stderr.is_empty());
            let text = output.text();
            let example = format!("  unspoken {}", path.join(" "));
            assert!(text.contains(example.trim_end()), "{arguments:?} has no example");
            assert!(text.contains("Usage: unspoken"), "{arguments:?}");
            assert!(text.lines().all(|line| line.chars().count() <= 100), "{arguments:?} is wide");
        }
    }
}

#[test]
fn no_argument_is_without_an_explanation() {
    for (path, command) in commands() {
        assert!(command.get_about().is_some(), "{path:?}");
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            assert!(argument.get_help().is_some(), "{path:?} {}", argument.get_id());
        }
    }
}

#[test]
fn every_command_takes_the_global_flags() {
    let project = Project::empty();
    for (path, _) in commands() {
        let arguments = [path.as_slice(), &["--help".to_owned()]].concat();
        let output = project.unspoken(&arguments).run().ok();
        for flag in ["--project-dir <DIR>", "--json", "-q, --quiet", "-v, --verbose"] {
            assert!(output.text().contains(flag), "{path:?} has no {flag}");
        }
    }
}

#[test]
fn the_grammar_is_sound() {
    unspoken::command().debug_assert();
}

#[test]
fn exit_codes_are_the_documented_ones() {
    let codes: Vec<(u8, &str)> =
        unspoken::exit_codes().map(|(number, name, _)| (number, name)).collect();
    for code in [(1, "other"), (2, "usage"), (3, "missing"), (4, "no key"), (5, "integrity")] {
        assert!(codes.contains(&code), "{code:?}");
    }
    for code in [(6, "locked"), (10, "refused"), (126, "not executable"), (127, "not found")] {
        assert!(codes.contains(&code), "{code:?}");
    }
}
