//! The errors of the crates below, with a code and what helps.

use std::fmt::Write as _;
use std::path::Path;

use unspoken_deliver::child::{ExecError, PlanError};
use unspoken_deliver::export::ExportError;
use unspoken_model::{EnvironmentName, ProjectFile, shown};
use unspoken_seal::{
    BlockError, ParseError, ParseProblem, SealError, SetError, VerifyError, YamlProblem,
};
use unspoken_store::{
    ConfigError, FileError, FindError, HomeError, LockError, NoKey, PrivateError, ProjectError,
    StoreError,
};

use super::{Code, Failure};

impl From<FindError> for Failure {
    fn from(error: FindError) -> Self {
        match &error {
            FindError::NotFound { start, .. } => {
                let message = format!(
                    "no project: there is no `{}` in `{}` or above it",
                    ProjectFile::NAME,
                    start.display()
                );
                Self::new(Code::Missing, message)
                    .hint("Run `unspoken init` to make this folder a project.")
            }
            FindError::AboveRepository { path, .. } => {
                let folder = path.parent().unwrap_or(path);
                Self::because(Code::Integrity, &error).hint(format!(
                    "If that is the project you mean, run `unspoken --project-dir {} …`.",
                    quoted(folder)
                ))
            }
            FindError::Owner { path, .. } => Self::because(Code::Integrity, &error).hint(format!(
                "Somebody else could decide what you run with. If you trust them, name the project: \
                 `unspoken --project-dir {} …`.",
                quoted(path.parent().unwrap_or(path))
            )),
            FindError::File(FileError::NotFound { .. }) => Self::because(Code::Missing, &error)
                .hint("`--project-dir` names the folder that holds `unspoken.toml`."),
            FindError::File(_) => Self::because(Code::Other, &error),
        }
    }
}

impl From<ProjectError> for Failure {
    fn from(error: ProjectError) -> Self {
        match error {
            ProjectError::Lock(error) => error.into(),
            ProjectError::File(error) => error.into(),
            ProjectError::Parse { ref path, .. } => Self::because(Code::Other, &error).hint(
                format!("Mend the line, or run `git diff {}` to see what changed.", quoted(path)),
            ),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        match &error {
            ConfigError::UnknownEnvironment { name, nearest, candidates, .. } => {
                let hint = match nearest {
                    Some(nearest) => format!("Did you mean `-e {nearest}`?"),
                    None => format!(
                        "This project has {}. Run `unspoken env add {name}` to add it.",
                        list(candidates)
                    ),
                };
                Self::because(Code::Missing, &error).hint(hint)
            }
            ConfigError::Malformed { variable, .. } => Self::because(Code::Usage, &error)
                .hint(format!("Run `unset {variable}`, or set it to an environment's name.")),
            ConfigError::NotText(_) => Self::because(Code::Usage, &error),
        }
    }
}

fn list(names: &[EnvironmentName]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        Self::because(Code::Other, &error)
            .hint("Set UNSPOKEN_HOME to the folder for private keys, an absolute path.")
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        match &error {
            FileError::HardLinks { path, .. } => Self::because(Code::Other, &error).hint(format!(
                "A copy of the project by hard links does this. Run `rm {}`.",
                quoted(path)
            )),
            _ => Self::because(Code::Other, &error),
        }
    }
}

impl From<PrivateError> for Failure {
    fn from(error: PrivateError) -> Self {
        match mend(&error) {
            Some(command) => Self::because(Code::NoKey, &error)
                .hint(format!("Others may have read it. If not, run `{command}`.")),
            None => Self::because(Code::Other, &error),
        }
    }
}

/// The command that makes a private file private again.
pub(crate) fn mend(error: &PrivateError) -> Option<String> {
    match error {
        PrivateError::Loose { path, required, .. } => {
            Some(format!("chmod {required:o} {}", quoted(path)))
        }
        PrivateError::Owner { path, required, .. } => {
            Some(format!("sudo chown {required} {}", quoted(path)))
        }
        PrivateError::File(_) | PrivateError::Different { .. } => None,
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        let hint = match error {
            LockError::File(error) => return error.into(),
            LockError::Held { holder: Some(pid), .. } => {
                format!("Run `ps -p {pid}` to see who has it, and try again.")
            }
            LockError::Held { holder: None, .. } => "Try again in a moment.".to_owned(),
        };
        Self::because(Code::Locked, &error).hint(hint)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoDocument { ref environment, ref path, pinned } => {
                let hint = if pinned {
                    restore(path)
                } else {
                    format!("Run `unspoken env add {environment}` to make it.")
                };
                Self::because(Code::Missing, &error).hint(hint)
            }
            StoreError::Parse { ref path, error: ParseError { problem: ParseProblem::Conflict, .. } } => {
                Self::because(Code::Integrity, &error).hint(format!(
                    "Take one side with `git checkout --ours -- {0}` or `git checkout --theirs -- \
                     {0}`, then set the other side's values again.",
                    quoted(path)
                ))
            }
            StoreError::Parse {
                error: ParseError { problem: ParseProblem::Block(BlockError::Newer { .. }), .. },
                ..
            } => Self::because(Code::Integrity, &error)
                .hint("A newer release wrote it: upgrade, then check with `unspoken --version`."),
            StoreError::Parse { ref path, error: ParseError { problem: ParseProblem::Yaml(problem), .. } }
                if problem != YamlProblem::Syntax =>
            {
                Self::because(Code::Integrity, &error).hint(format!(
                    "Nothing was used. Write it in another way, with `sops edit {}`.",
                    quoted(path)
                ))
            }
            StoreError::Parse { ref path, .. } | StoreError::Open { ref path, .. } => {
                Self::because(Code::Integrity, &error).hint(restore(path))
            }
            StoreError::Verify { ref environment, ref path, error: ref inner } => {
                let hint = verify_hint(environment, path, inner);
                Self::because(Code::Integrity, &error).hint(hint)
            }
            StoreError::NoKey(no_key) => no_key_failure(&no_key),
            StoreError::Set { error: ref inner, .. } => {
                let failure = Self::because(Code::Other, &error);
                match inner {
                    SetError::Clear { .. } => failure.hint(
                        "Nothing was changed. Look at the rule with `grep crypted_` in the \
                         document; `sops set` writes what it leaves in the clear.",
                    ),
                    SetError::Name { .. } | SetError::Repeated { .. } | SetError::Nested { .. } => {
                        failure.hint("Mend it with the program that wrote it, such as `sops edit`.")
                    }
                    _ => failure,
                }
            }
            StoreError::Lock(error) => error.into(),
            StoreError::File(error) => error.into(),
            StoreError::Private(error) => error.into(),
            StoreError::Inherit(_) => Self::because(Code::Integrity, &error),
            StoreError::NewDataKey { ref path } => Self::because(Code::Integrity, &error).hint(format!(
                "Anybody who knows the public keys may have written it. Run `git log -p -- {}`; if you \
                 know who changed the data key, add `--new-data-key`.",
                quoted(path)
            )),
            StoreError::Accept { .. } => Self::because(Code::Other, &error)
                .hint("Mend it with the program that wrote it, then run this again."),
            StoreError::Exists { ref path } => Self::because(Code::Refused, &error).hint(format!(
                "Another environment may have been added there before. Move it away: `mv {0} {0}.old`.",
                quoted(path)
            )),
            StoreError::Seal { ref path, error: SealError::Layout } => {
                Self::because(Code::Other, &error).hint(format!(
                    "Nothing was changed. `sops edit {}` lays it out anew; then run this again.",
                    quoted(path)
                ))
            }
            StoreError::TooLarge { .. }
            | StoreError::Recipient(_)
            | StoreError::Seal { .. } => {
                Self::because(Code::Other, &error)
            }
        }
    }
}

fn restore(path: &Path) -> String {
    format!("Nothing was used. Run `git checkout -- {}` to restore it.", quoted(path))
}

fn verify_hint(environment: &EnvironmentName, path: &Path, error: &VerifyError) -> String {
    match error {
        VerifyError::WrongPlace { .. } | VerifyError::Seal => restore(path),
        VerifyError::Unpinned { .. } => format!(
            "Restore the line `seal_key` of `{0}`: `git log -p -- {0}` shows it. If it never was there \
             and you know who made the document, run `unspoken accept -e {environment} \
             --new-data-key`.",
            ProjectFile::NAME
        ),
        VerifyError::Unsealed | VerifyError::OtherSealKey { .. } => format!(
            "Another program wrote it, or somebody replaced it. Look at `git log -p -- {}`; if the \
             change is right, run `unspoken accept -e {environment}`.",
            quoted(path)
        ),
        VerifyError::Spelling => format!(
            "A formatter or a change of line ends did this; keep `secrets/` out of formatters. Run \
             `git checkout -- {}` to restore it.",
            quoted(path)
        ),
    }
}

fn no_key_failure(no_key: &NoKey) -> Failure {
    let mut message = format!("no key on this machine opens `{}`", no_key.path.display());
    let mut hint = String::new();
    let mut said = Vec::new();
    for refused in &no_key.refused {
        let text = Failure::because(Code::NoKey, &refused.source).message;
        // A loose folder is met again for every key in it.
        if said.contains(&text) {
            continue;
        }
        let _ = write!(message, "\n  not used: {text}");
        said.push(text);
        if let Some(command) = mend(&refused.source) {
            let _ = writeln!(hint, "Others may have read that key. If not, run `{command}`.");
        }
    }
    for tried in &no_key.tried {
        let _ = write!(message, "\n  does not fit: {tried}");
    }
    for recipient in &no_key.recipients {
        let _ = write!(message, "\n  it is for: {recipient}");
    }
    if hint.is_empty() {
        let _ = write!(
            hint,
            "Ask somebody who has access for the key of `{}`, and put it into the key folder. Run \
             `unspoken doctor` to see where keys are looked for.",
            no_key.environment
        );
    }
    Failure::new(Code::NoKey, message).hint(hint.trim_end().to_owned())
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        match &error {
            PlanError::Missing { name, nearest, .. } => {
                let hint = match nearest {
                    Some(nearest) => format!("Did you mean `{nearest}`?"),
                    None => format!("Run `unspoken set {name}` to add it."),
                };
                Self::because(Code::Missing, &error).hint(hint)
            }
            _ => Self::because(Code::Usage, &error),
        }
    }
}

impl From<ExecError> for Failure {
    fn from(error: ExecError) -> Self {
        match &error {
            ExecError::NotFound { .. } => Self::because(Code::NotFound, &error)
                .hint("`run` uses no shell: for pipes or `&&`, run `unspoken run -- sh -c '…'`."),
            ExecError::TooLarge { .. } => Self::because(Code::NotExecutable, &error)
                .hint("Choose what the command needs: `unspoken run --only A,B -- …`."),
            ExecError::NotExecutable { .. }
            | ExecError::NoInterpreter { .. }
            | ExecError::Io { .. } => Self::because(Code::NotExecutable, &error),
        }
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        Self::because(Code::Other, &error)
            .hint("Nothing was printed. `--format json` carries every value.")
    }
}

/// A path as it can be pasted into a shell.
pub(crate) fn quoted(path: &Path) -> String {
    let text = shown(&path.to_string_lossy());
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:@,".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[test]
fn a_path_in_a_hint_is_one_word_of_a_shell() {
    for (path, text) in [
        ("/home/ada/secrets/a.json", "/home/ada/secrets/a.json"),
        ("/home/ada/my app", "'/home/ada/my app'"),
        ("x;touch${IFS}pwned", "'x;touch${IFS}pwned'"),
        ("it's", "'it'\\''s'"),
        ("a\u{1b}[2J\u{202e}", "'a\\u{1b}[2J\\u{202e}'"),
    ] {
        assert_eq!(quoted(Path::new(path)), text);
    }
}
