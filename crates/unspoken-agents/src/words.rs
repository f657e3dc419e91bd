//! What the words of a command ask for, as the rules and our own flags know them.

use crate::peel::options;
use crate::rule::{CommandRule, HARMLESS, Instead};

/// Flags of `run` and `dev` that have their value behind them.
const VALUED: &[&str] =
    &["env", "only", "rename", "prefix", "fd-kind", "redact", "project-dir", "grace"];

/// Whether the command only explains itself.
pub(crate) fn has_help(words: &[String]) -> bool {
    words.iter().any(|word| word == "--help")
}

/// What `--redact` says among a command's own words.
pub(crate) fn redaction(own: &[String]) -> Option<&str> {
    let at = own.iter().position(|word| word == "--redact" || word.starts_with("--redact="))?;
    match own.get(at)?.strip_prefix("--redact=") {
        Some(when) => Some(when),
        None => own.get(at + 1).map(String::as_str),
    }
}

/// Whether a rule is about this command.
pub(crate) fn fits(rule: &CommandRule, name: &str, arguments: &[String]) -> bool {
    let Some((program, wanted)) = rule.words.split_first() else { return false };
    if *program != name {
        return false;
    }
    let own = if name == "unspoken" { behind_global_flags(arguments) } else { arguments };
    // What stands behind `--` is another command's.
    let end = own.iter().position(|word| word == "--").unwrap_or(own.len());
    let own = own.get(..end).unwrap_or(own);
    let mut plain = own.iter().filter(|word| !word.starts_with('-'));
    let all = wanted.iter().all(|wanted| {
        if wanted.starts_with('-') {
            own.iter().any(|word| word == wanted)
        } else {
            plain.next().is_some_and(|word| word == wanted)
        }
    });
    all && !is_harmless(wanted, own, end < arguments.len())
}

/// What a command of ours can be asked for without showing a value.
fn is_harmless(wanted: &[&str], own: &[String], starts: bool) -> bool {
    let has = |text: &str| own.iter().any(|word| word == text);
    match wanted {
        ["export"] => has("--help") || is_sealed(own),
        ["read"] => starts || has("--help"),
        ["agents", "allow"] => has("--list") || has("--revoke") || has("--help"),
        _ => has("--help"),
    }
}

/// Whether every format that an `export` is asked for shows no value.
fn is_sealed(own: &[String]) -> bool {
    let value = |(at, word): (usize, &String)| match word.as_str() {
        "-f" | "--format" => Some(own.get(at + 1).cloned().unwrap_or_default()),
        word => {
            let value = word.strip_prefix("--format=").or_else(|| word.strip_prefix("-f"));
            value.map(|value| value.trim_start_matches('=').to_owned())
        }
    };
    let formats: Vec<String> = own.iter().enumerate().filter_map(value).collect();
    !formats.is_empty()
        && formats.iter().all(|format| matches!(format.as_str(), "systemd" | "compose"))
}

/// The command that one of ours starts, and the words of our own before it.
pub(crate) fn started(rest: &[String]) -> (&[String], &[String]) {
    let command = match rest.split_first() {
        // Here, `--` may be left out.
        Some((name, behind)) if matches!(name.as_str(), "run" | "x" | "dev") => {
            options(behind, "e", VALUED)
        }
        _ => {
            let at = rest.iter().position(|word| word == "--");
            at.and_then(|at| rest.get(at + 1..)).unwrap_or_default()
        }
    };
    (rest.get(..rest.len() - command.len()).unwrap_or(rest), command)
}

/// Whether `env`, `set` and their like print what there is, and what to do instead.
pub(crate) fn shows_all(name: &str, arguments: &[String]) -> Option<Instead> {
    let shows = match name {
        "env" => !arguments.iter().any(|word| matches!(word.as_str(), "--help" | "--version")),
        "printenv" => {
            let mut names = arguments.iter().filter(|word| !word.starts_with('-')).peekable();
            let all = names.peek().is_none() && !has_help(arguments);
            all || names.any(|name| !HARMLESS.contains(&name.as_str()))
        }
        "set" => arguments.is_empty(),
        _ => arguments.iter().all(|word| matches!(word.as_str(), "-p" | "-x" | "-xp" | "-px")),
    };
    shows.then_some(Instead::Names)
}

/// The words from the command's own name on.
pub(crate) fn behind_global_flags(arguments: &[String]) -> &[String] {
    let mut rest = arguments;
    loop {
        match rest {
            [flag, _, behind @ ..] if flag == "--project-dir" => rest = behind,
            [flag, behind @ ..] if flag.starts_with('-') && flag != "--" => rest = behind,
            _ => return rest,
        }
    }
}

#[test]
fn an_export_is_harmless_by_its_format_alone() {
    #[track_caller]
    fn case(text: &str, expected: bool) {
        let own: Vec<String> = text.split(' ').map(str::to_owned).collect();
        assert_eq!(is_harmless(&["export"], &own, false), expected, "{text}");
    }

    for text in ["--format compose", "--format=systemd", "-f compose", "-fsystemd", "-f=compose"] {
        case(&format!("export -e production {text}"), true);
        case(&format!("export {text} --format shell"), false);
    }
    case("export -o compose", false);
    case("export -e systemd", false);
    case("export -e compose", false);
    case("export systemd", false);
    case("export --format dotenv --name systemd", false);
    case("export --format shell --service compose", false);
    case("export --format", false);
    case("export --help", true);
}

#[test]
fn what_is_started_is_told_from_our_own_words() {
    #[track_caller]
    fn case(text: &str, expected: &str) {
        let rest: Vec<String> = text.split(' ').map(str::to_owned).collect();
        let (own, command) = started(&rest);
        assert_eq!(command.join(" "), expected, "{text}");
        assert_eq!([own, command].concat(), rest);
    }

    case("run env", "env");
    case("run -- env", "env");
    case("run -e p --env p --only A --rename A=B --prefix A_ --redact auto env -i", "env -i");
    case("run -qe p --fd --fd=3 --fd-kind pipe --project-dir x --clean cat .env", "cat .env");
    case("x -ep -- npm run -- env", "npm run -- env");
    case("dev --grace 3 --grace=3 env", "env");
    case("read -- env", "env");
    case("read env", "");
    case("run", "");
    case("run -e", "");
}
