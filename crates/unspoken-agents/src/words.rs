//! What the words of a command ask for, as the rules and our own flags know them.

use crate::rule::CommandRule;

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
    let has = |text: &str| own.iter().any(|word| word.trim_start_matches("--format=") == text);
    match wanted {
        ["export"] => has("systemd") || has("compose") || has("--help"),
        ["read"] => starts || has("--help"),
        ["agents", "allow"] => has("--list") || has("--revoke") || has("--help"),
        _ => has("--help"),
    }
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
