//! What stands before the program that a command starts in the end.

/// Long options that have their value behind them.
const SUDO: &[&str] = &[
    "user",
    "group",
    "host",
    "prompt",
    "close-from",
    "chroot",
    "role",
    "type",
    "command-timeout",
    "chdir",
    "other-user",
];
const XARGS: &[&str] =
    &["max-args", "delimiter", "max-procs", "max-chars", "arg-file", "process-slot-var"];
const UV: &[&str] = &[
    "with",
    "with-editable",
    "with-requirements",
    "python",
    "extra",
    "group",
    "env-file",
    "package",
    "directory",
    "project",
];

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
            | "nohup" | "setsid" | "busybox" | "toybox" => options(behind, "", &[]),
            // What a function is called is no program.
            "" | "coproc" if is_brace(behind.first()) => behind,
            "coproc" if is_brace(behind.get(1)) => behind.get(1..).unwrap_or_default(),
            "coproc" => behind,
            "function" => behind.get(1..).unwrap_or_default(),
            "npx" | "bunx" => options(behind, "p", &["package"]),
            "sudo" | "doas" => options(behind, "ughpCRrtTD", SUDO),
            "exec" => options(behind, "a", &[]),
            "time" => options(behind, "fo", &["format", "output"]),
            "nice" => options(behind, "n", &["adjustment"]),
            "ionice" => options(behind, "cn", &["class", "classdata"]),
            "stdbuf" => options(behind, "ioe", &["input", "output", "error"]),
            "xargs" => options(behind, "IndLPsEa", XARGS),
            "timeout" => {
                options(behind, "sk", &["signal", "kill-after"]).get(1..).unwrap_or_default()
            }
            "npm" | "pnpm" | "yarn" | "bun"
                if behind
                    .first()
                    .is_some_and(|word| matches!(word.as_str(), "exec" | "x" | "dlx")) =>
            {
                options(behind.get(1..).unwrap_or_default(), "", &["package"])
            }
            "uv" | "poetry" | "pipenv" | "pdm" | "rye" | "pixi" if is(behind, "run") => {
                options(behind.get(1..).unwrap_or_default(), "pw", UV)
            }
            "bundle" if is(behind, "exec") => {
                options(behind.get(1..).unwrap_or_default(), "", &["gemfile"])
            }
            // `command -v` only tells where a program is.
            "command" if !tells(behind) => options(behind, "", &[]),
            "env" => {
                let mut inner = options(behind, "uCS", &["unset", "chdir", "split-string"]);
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

/// Whether a program is asked for this command of its own.
fn is(behind: &[String], command: &str) -> bool {
    behind.first().is_some_and(|word| word == command)
}

fn is_brace(word: Option<&String>) -> bool {
    word.is_some_and(|word| word == "{")
}

fn tells(behind: &[String]) -> bool {
    behind.first().is_some_and(|word| word.starts_with('-') && word.contains(['v', 'V']))
}

/// Takes off options. Behind a short one of `short`, which may end a group, and a
/// long one of `long`, stands its value.
pub(crate) fn options<'w>(words: &'w [String], short: &str, long: &[&str]) -> &'w [String] {
    let mut rest = words;
    while let Some((word, behind)) = rest.split_first() {
        if word == "--" {
            return behind;
        }
        let Some(option) = word.strip_prefix('-') else { break };
        let has_value = match option.strip_prefix('-') {
            Some(name) => long.contains(&name),
            None => {
                option.find(|char| short.contains(char)).is_some_and(|at| at + 1 == option.len())
            }
        };
        rest = if has_value { behind.get(1..).unwrap_or_default() } else { behind };
    }
    rest
}
