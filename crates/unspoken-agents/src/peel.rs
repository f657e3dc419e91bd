//! What stands before the program that a command starts in the end.

/// A program without its folder.
pub(crate) fn base_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

/// Takes off what starts another program: assignments, `sudo`, `env`, keywords
/// of the shell.
pub(crate) fn peel(words: &[String]) -> &[String] {
    let mut rest = words;
    while let Some((word, behind)) = rest.split_first() {
        let is_assignment = word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
        let inner = match base_name(word) {
            _ if is_assignment => behind,
            "if" | "then" | "elif" | "else" | "while" | "until" | "do" | "!" | "{" | "builtin"
            | "nohup" | "npx" | "bunx" | "setsid" => options(behind, ""),
            "sudo" | "doas" => options(behind, "ughpCRrtTD"),
            "exec" => options(behind, "a"),
            "time" => options(behind, "fo"),
            "nice" => options(behind, "n"),
            "ionice" => options(behind, "cn"),
            "stdbuf" => options(behind, "ioe"),
            "xargs" => options(behind, "IndLPsEa"),
            "timeout" => options(behind, "sk").get(1..).unwrap_or_default(),
            "npm" | "pnpm" | "yarn" | "bun"
                if behind
                    .first()
                    .is_some_and(|word| matches!(word.as_str(), "exec" | "x" | "dlx")) =>
            {
                options(behind.get(1..).unwrap_or_default(), "")
            }
            // `command -v` only tells where a program is.
            "command" if !behind.first().is_some_and(|word| word.starts_with('-')) => behind,
            "env" => {
                let mut inner = options(behind, "uCS");
                while inner.first().is_some_and(|word| word.contains('=')) {
                    inner = inner.get(1..).unwrap_or_default();
                }
                // Nothing is left to start: `env` itself is the program.
                if inner.is_empty() {
                    return rest;
                }
                inner
            }
            _ => return rest,
        };
        rest = inner;
    }
    rest
}

/// Takes off options; a short one of `valued` has its value behind it.
fn options<'w>(words: &'w [String], valued: &str) -> &'w [String] {
    let mut rest = words;
    while let Some((word, behind)) = rest.split_first() {
        if word == "--" {
            return behind;
        }
        let Some(option) = word.strip_prefix('-') else { break };
        let has_value = option.len() == 1 && valued.contains(option);
        rest = if has_value { behind.get(1..).unwrap_or_default() } else { behind };
    }
    rest
}
