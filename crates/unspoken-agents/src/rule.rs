//! The one source: which files an agent must not read, and which commands it
//! must not run. Everything that is written for an agent, and every decision of
//! a hook, comes from these lists.
//!
//! Rules:
//! - Files are the usual homes of secrets, not everything that could hold one.
//! - What cannot be told from a file's name is not guessed.
//! - An encrypted file, and one that is there to be shown, may be read.

/// A command that shows values, by its first words.
#[derive(Debug)]
pub(crate) struct CommandRule {
    /// The program, and what must stand among its arguments: an option anywhere,
    /// other words at the front.
    pub(crate) words: &'static [&'static str],
    pub(crate) instead: Instead,
}

/// What an agent should do instead.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Instead {
    /// Have the program that needs values run with them.
    Run,
    /// Leave it to the person.
    Person,
    /// Look at names.
    Names,
    /// Take the file in, and write none.
    Import,
    /// Leave the redaction on.
    Redact,
    /// Ask for the redaction: nothing tells `run` that the terminal is an agent's.
    RedactAlways,
    /// Ask whether it is a certificate.
    Ask,
}

impl Instead {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Run => {
                "To use a secret without seeing it, run the program that needs it with `unspoken \
                 run -- COMMAND`; `unspoken list` tells which names there are."
            }
            Self::Person => {
                "Ask the person you work for to do this in a terminal of their own; a value is \
                 set with `unspoken set NAME`."
            }
            Self::Names => {
                "`unspoken list` tells which names there are. Run what needs them with `unspoken run -- \
                 COMMAND`: there, `env` shows `[REDACTED:NAME]` in place of each value."
            }
            Self::Import => {
                "No plaintext file is needed: `unspoken import FILE` takes names and values in, and \
                 `unspoken run -- COMMAND` hands them over."
            }
            Self::Redact => {
                "Run the same command without `--redact never`: its output has `[REDACTED:NAME]` in \
                 place of each value."
            }
            Self::RedactAlways => {
                "Here `run` cannot tell your terminal from a person's: run the same command with \
                 `unspoken run --redact always -- COMMAND`."
            }
            Self::Ask => {
                "A public certificate may be called so, too: the person you work for knows."
            }
        }
    }
}

const fn rule(words: &'static [&'static str], instead: Instead) -> CommandRule {
    CommandRule { words, instead }
}

/// The commands. The first and the last mark where our rules begin and end in a
/// list that others write into as well: these two stay what they are.
pub(crate) const COMMANDS: &[CommandRule] = &[
    rule(&["unspoken", "agents", "allow"], Instead::Person),
    rule(&["unspoken", "get"], Instead::Run),
    rule(&["unspoken", "export"], Instead::Run),
    rule(&["unspoken", "read"], Instead::Run),
    rule(&["unspoken", "edit"], Instead::Person),
    rule(&["unspoken", "run", "--redact", "never"], Instead::Redact),
    rule(&["unspoken", "run", "--redact=never"], Instead::Redact),
    rule(&["unspoken", "x", "--redact", "never"], Instead::Redact),
    rule(&["unspoken", "x", "--redact=never"], Instead::Redact),
    rule(&["unspoken", "dev", "--redact", "never"], Instead::Redact),
    rule(&["unspoken", "dev", "--redact=never"], Instead::Redact),
    rule(&["sops", "decrypt"], Instead::Run),
    rule(&["sops", "-d"], Instead::Run),
    rule(&["sops", "--decrypt"], Instead::Run),
    rule(&["sops", "edit"], Instead::Person),
    rule(&["sops", "exec-env"], Instead::Run),
    rule(&["sops", "exec-file"], Instead::Run),
    rule(&["age", "-d"], Instead::Run),
    rule(&["age", "--decrypt"], Instead::Run),
    rule(&["rage", "-d"], Instead::Run),
    rule(&["rage", "--decrypt"], Instead::Run),
    rule(&["unspoken", "keys", "export"], Instead::Person),
    rule(&["unspoken", "key", "export"], Instead::Person),
];

/// Programs that print all variables when they are called with nothing to do.
pub(crate) const BARE: &[&str] = &["env", "printenv", "export", "set", "declare", "typeset"];

/// Variables that `printenv` may be asked for: no program keeps a secret there.
pub(crate) const HARMLESS: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "PWD",
    "TERM",
    "LANG",
    "LC_ALL",
    "TZ",
    "EDITOR",
    "TMPDIR",
    "HOSTNAME",
    "NODE_ENV",
    "CI",
    "VIRTUAL_ENV",
    "GOPATH",
    "JAVA_HOME",
    "CARGO_HOME",
];

/// File names.
pub(crate) const NAMES: &[&str] = &[
    ".env",
    ".envrc",
    ".netrc",
    ".pgpass",
    ".git-credentials",
    "id_rsa",
    "id_ecdsa",
    "id_ed25519",
    "key.pem",
    "privkey.pem",
];

/// What plaintext `.env` files are usually called, for lists that know no exception.
pub(crate) const ENV_NAMES: &[&str] = &[
    ".env.local",
    ".env.*.local",
    ".env.development",
    ".env.dev",
    ".env.test",
    ".env.staging",
    ".env.production",
    ".env.prod",
];

/// Endings of `.env.…` files that are there to be read.
pub(crate) const OPEN: &[&str] = &["example", "sample", "template", "dist", "schema", "enc"];

/// Endings of file names that private keys have.
pub(crate) const ENDINGS: &[&str] = &[".key", ".p12", ".pfx", "-key.pem", "_key.pem", ".key.pem"];

/// The ending that private keys share with public certificates: where an agent
/// can ask, it asks.
pub(crate) const DOUBTFUL: &str = ".pem";

/// Files and folders in a home folder, or at the root of the machine, with all
/// that is below them.
pub(crate) const HOMES: &[&str] = &[
    ".local/share/unspoken",
    "Library/Application Support/unspoken",
    "sops/age/keys.txt",
    ".aws/credentials",
    ".docker/config.json",
    ".kube/config",
    "run/secrets",
];

/// Programs that show, copy or send the files that they are given.
pub(crate) const READERS: &[&str] = &[
    "cat", "tac", "less", "more", "most", "head", "tail", "bat", "batcat", "nl", "strings", "xxd",
    "od", "hexdump", "hd", "base64", "base32", "cut", "sort", "uniq", "fold", "rev", "paste",
    "column", "cp", "mv", "ln", "install", "rsync", "scp", "dd", "tee", "diff", "cmp", "comm",
    "vi", "vim", "nvim", "nano", "emacs", "ed", "code", "source", ".", "tar", "zip", "gzip", "wc",
    "grep", "egrep", "fgrep", "zgrep", "rg", "ag", "ack", "sed", "awk", "gawk", "mawk", "jq", "yq",
];

/// Those of [`READERS`] whose first argument is no file, but what is looked for.
pub(crate) const PATTERN_FIRST: &[&str] = &[
    "grep", "egrep", "fgrep", "zgrep", "rg", "ag", "ack", "sed", "awk", "gawk", "mawk", "jq", "yq",
];

/// Those of [`READERS`] that write a file of the last name they are given.
pub(crate) const COPIERS: &[&str] = &["cp", "mv", "ln", "install"];

/// Whether a path, which may have wildcards, is one that must not be read.
pub(crate) fn is_secret_file(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let name = path.rsplit('/').next().unwrap_or(path);
    if path.starts_with("/proc/") && name == "environ" {
        return true;
    }
    if path.contains('{') && path.len() <= BRACED {
        return alternatives(path).iter().any(|path| !path.contains('{') && is_secret_file(path));
    }
    let begin = name.split(['*', '?']).next().unwrap_or(name);
    if begin.len() < name.len()
        && (begin.starts_with(".e") || begin.starts_with("id_"))
        && NAMES.iter().any(|known| matches(name, known))
    {
        return true;
    }
    if NAMES.contains(&name)
        || ENDINGS.iter().any(|end| name.len() > end.len() && name.ends_with(end))
    {
        return true;
    }
    if let Some(rest) = name.strip_prefix(".env") {
        let last = rest.rsplit('.').next().unwrap_or(rest);
        let is_open = OPEN.contains(&last);
        if (rest.starts_with('.') || rest.starts_with(['*', '?', '['])) && !is_open {
            return true;
        }
    }
    let whole = format!("/{path}/");
    HOMES.iter().any(|home| whole.contains(&format!("/{home}/")))
}

/// How long a path may be whose braces are looked into, and how many paths it is
/// taken for at the most.
const BRACED: usize = 512;
const ALTERNATIVES: usize = 64;

/// What a shell makes of `{a,b}` in a path.
fn alternatives(path: &str) -> Vec<String> {
    let mut found = vec![path.to_owned()];
    let mut at = 0;
    while let Some(one) = found.get(at).cloned() {
        at += 1;
        let Some((before, rest)) = one.split_once('}') else { continue };
        let Some((begin, body)) = before.rsplit_once('{') else { continue };
        if !body.contains(',') {
            continue;
        }
        let room = ALTERNATIVES.saturating_sub(found.len());
        found.extend(body.split(',').take(room).map(|part| format!("{begin}{part}{rest}")));
    }
    found
}

/// Whether a pattern with `*` and `?` stands for a name.
fn matches(pattern: &str, name: &str) -> bool {
    let mut chars = pattern.chars();
    match chars.next() {
        None => name.is_empty(),
        Some('*') => {
            let rest = chars.as_str().trim_start_matches('*');
            name.char_indices().any(|(at, _)| name.get(at..).is_some_and(|end| matches(rest, end)))
                || rest.is_empty()
        }
        Some(char) => name.chars().next().is_some_and(|found| {
            (char == '?' || char == found)
                && matches(chars.as_str(), name.get(found.len_utf8()..).unwrap_or_default())
        }),
    }
}

/// Whether a path may be a private key as well as a certificate.
pub(crate) fn is_doubtful_file(path: &str) -> bool {
    path.ends_with(DOUBTFUL) && !path.ends_with(&format!("/{DOUBTFUL}")) && path != DOUBTFUL
}

/// Whether a path is a plaintext `.env` file.
pub(crate) fn is_env_file(path: &str) -> bool {
    is_secret_file(path) && path.rsplit('/').next().is_some_and(|name| name.starts_with(".env"))
}

/// The files as lines of an ignore file, exceptions last.
pub(crate) fn ignore_lines() -> Vec<String> {
    let mut lines: Vec<String> = NAMES.iter().map(|&name| name.to_owned()).collect();
    lines.push(".env.*".to_owned());
    lines.extend(ENDINGS.iter().map(|end| format!("*{end}")));
    lines.extend(OPEN.iter().map(|open| format!("!.env.{open}")));
    lines.push("!.env.*.enc".to_owned());
    lines
}

/// The files as patterns that reach into every folder, where no exception can
/// be made.
pub(crate) fn patterns() -> Vec<String> {
    let names = NAMES.iter().chain(ENV_NAMES).map(|name| format!("**/{name}"));
    names.chain(ENDINGS.iter().map(|end| format!("**/*{end}"))).collect()
}

#[test]
fn the_usual_homes_of_secrets_are_told_from_what_may_be_read() {
    for path in [
        ".env",
        "./.env",
        "/a/b/.env",
        ".env.local",
        ".env.production",
        ".env*",
        ".env.*",
        ".envrc",
        "certs/server-key.pem",
        "certs/server.key.pem",
        "live/acme.example/privkey.pem",
        "server.key",
        "*.key",
        "~/.ssh/id_ed25519",
        "/proc/self/environ",
        "/proc/*/environ",
        "~/.local/share/unspoken/keys/ab",
        "/run/secrets/DATABASE_URL",
        "$HOME/.config/sops/age/keys.txt",
        "/home/ada/.aws/credentials",
        ".env.",
        ".e*",
        "app/.en?",
        ".e*rc",
        "~/.ssh/id_*",
        ".{env,envrc}",
        "{a,b/{.env,c}}",
    ] {
        assert!(is_secret_file(path), "{path}");
    }
    for path in [
        ".env.example",
        "app/.env.sample",
        ".env.production.enc",
        ".environment",
        "env",
        "a.env.ts",
        ".key",
        "key",
        "id_rsa.pub",
        "secrets/production.json",
        "/proc/cpuinfo",
        "README.md",
        "",
        "/",
        ".env.template",
        "src/env.rs",
        "unspoken.toml",
        "certs/ca.pem",
        "*.pem",
        "*",
        ".*",
        ".e*.example",
        ".editor*",
        "id_*.pub",
        ".{a,b}",
        "{.env}",
        "}{,",
    ] {
        assert!(!is_secret_file(path), "{path}");
    }
}

#[test]
fn what_may_be_a_certificate_is_in_doubt() {
    for path in ["certs/ca.pem", "*.pem", "/a/b.pem"] {
        assert!(is_doubtful_file(path) && !is_secret_file(path), "{path}");
    }
    for path in [".pem", "a/.pem", "ca.crt", "pem", ""] {
        assert!(!is_doubtful_file(path), "{path}");
    }
    assert!(is_env_file("a/.env") && !is_env_file(".env.example") && !is_env_file("server.key"));
}

#[test]
fn the_ends_of_the_block_stand_once() {
    let words: Vec<_> = COMMANDS.iter().map(|rule| rule.words).collect();
    assert_eq!(words[0], ["unspoken", "agents", "allow"]);
    assert_eq!(words[words.len() - 1], ["unspoken", "key", "export"]);
    for (at, one) in words.iter().enumerate() {
        assert!(!words[at + 1..].contains(one), "{one:?}");
    }
}
