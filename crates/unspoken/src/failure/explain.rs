//! The errors of the crates below, with a code and what helps.

mod store;
mod vault;
mod vault_store;

use std::path::Path;

use unspoken_deliver::child::{PlanError, StartError};
use unspoken_deliver::editor::EditorError;
use unspoken_deliver::export::ExportError;
use unspoken_deliver::fd::InheritanceError;
use unspoken_deliver::output::RelayError;
use unspoken_model::{EnvironmentName, ProjectFile, shown};
use unspoken_store::{
    ConfigError, FileError, FindError, HomeError, KeychainError, LockError, MoveError,
    PrivateError, ProjectError, RestoreError,
};

use unspoken_wire::{BundleError, Descriptors};

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

impl From<RelayError> for Failure {
    fn from(error: RelayError) -> Self {
        Self::because(Code::Other, &error)
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
            ConfigError::Ambiguous { candidates, .. } => Self::because(Code::Usage, &error)
                .hint(format!("Say more of its name: {}.", list(candidates))),
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
        if let PrivateError::Keychain { source, .. } = &error {
            return Self::because(Code::NoKey, &error).hint(keychain_hint(source));
        }
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
        PrivateError::File(_)
        | PrivateError::Different { .. }
        | PrivateError::Command(_)
        | PrivateError::Stub { .. }
        | PrivateError::Keychain { .. } => None,
    }
}

impl From<MoveError> for Failure {
    fn from(error: MoveError) -> Self {
        match error {
            MoveError::Private(error) => error.into(),
            MoveError::File(error) => error.into(),
            MoveError::Lock(error) => error.into(),
            MoveError::Missing { .. } => Self::because(Code::Missing, &error)
                .hint("Run `unspoken doctor` to see which keys this machine has."),
            MoveError::Keychain { ref source, .. } => {
                Self::because(Code::Other, &error).hint(keychain_hint(source))
            }
            MoveError::LeftBehind { .. } => Self::because(Code::Other, &error).hint(
                "Run this again, which removes it from there: `unspoken key move --to file`.",
            ),
            MoveError::Identity { .. }
            | MoveError::OtherName { .. }
            | MoveError::OtherKey { .. }
            | MoveError::Differs { .. } => Self::because(Code::Other, &error),
        }
    }
}

/// What helps when the keychain does not give, or take, a key.
fn keychain_hint(error: &KeychainError) -> &'static str {
    match error {
        KeychainError::NoBus | KeychainError::OtherBus | KeychainError::Bus { .. } => {
            "Run it in your desktop session, or bring the key there with `unspoken key move --to \
             file --all`."
        }
        KeychainError::NoService | KeychainError::NoCollection => {
            "Start the keychain, such as GNOME Keyring or KeePassXC, then look with `unspoken \
             doctor`."
        }
        KeychainError::Locked | KeychainError::Dismissed | KeychainError::TimedOut { .. } => {
            "Unlock the keychain in your desktop session, then run this again."
        }
        KeychainError::NotFound { .. } => {
            "Look whether it was removed there. A backup or a colleague may have the key: run \
             `unspoken doctor` to see which others fit."
        }
        KeychainError::Ambiguous { .. }
        | KeychainError::TooLarge { .. }
        | KeychainError::Call { .. } => {
            "Look at the entry in the keychain's own program, then run this again."
        }
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

impl From<RestoreError> for Failure {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::File(error) => error.into(),
            RestoreError::Lock(error) => error.into(),
        }
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        match &error {
            PlanError::Missing { name, environment, nearest } => {
                let hint = match nearest {
                    Some(nearest) => format!("Did you mean `{nearest}`?"),
                    None => format!("Run `unspoken set {name} -e {environment}` to add it."),
                };
                Self::because(Code::Missing, &error).hint(hint)
            }
            _ => Self::because(Code::Usage, &error),
        }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match &error {
            StartError::NotFound { program } if Descriptors::parse(&program.to_string_lossy()).is_ok() => {
                let hint = format!("For a descriptor: `--fd={}`, with no blank.", program.display());
                Self::because(Code::NotFound, &error).hint(hint)
            }
            StartError::NotFound { .. } => Self::because(Code::NotFound, &error)
                .hint("`run` uses no shell: for pipes or `&&`, run `unspoken run -- sh -c '…'`."),
            StartError::TooLarge { .. } | StartError::TooMuch { .. } => Self::because(Code::NotExecutable, &error)
                .hint("Choose what the command needs: `unspoken run --only A,B -- …`."),
            StartError::NotExecutable { .. }
            | StartError::NoInterpreter { .. }
            | StartError::Io { .. } => Self::because(Code::NotExecutable, &error),
            StartError::Descriptors { .. } => Self::because(Code::Other, &error)
                .hint("Choose another number: `unspoken run --fd=9 -- …`."),
            StartError::Limit { .. } => Self::because(Code::Other, &error).hint(
                "Raise the limit (`ulimit -n 1024`), or choose a smaller number: `unspoken run --fd=3 -- …`.",
            ),
            StartError::Relay(_) | StartError::Channel(_) | StartError::Harden { .. } | StartError::Supervise { .. } => {
                Self::because(Code::Other, &error)
            }
        }
    }
}

impl From<BundleError> for Failure {
    fn from(error: BundleError) -> Self {
        let failure = Self::because(Code::Bundle, &error);
        match error {
            BundleError::Empty => failure.hint(
                "A pipe is read once. Read all that you need at once: `unspoken read -- CMD`, or \
                 hand it over again with `unspoken run --fd-kind memfd`.",
            ),
            BundleError::Version { .. } => {
                failure.hint("It was made by a newer `unspoken`: update this one.")
            }
            _ => failure,
        }
    }
}

impl From<InheritanceError> for Failure {
    fn from(error: InheritanceError) -> Self {
        let failure = Self::because(Code::Bundle, &error);
        match error {
            InheritanceError::Gone { .. } => failure.hint(
                "A program between `unspoken run` and this one has closed them. Start this one \
                 directly, or choose other numbers: `unspoken run --fd=7,42 -- …`.",
            ),
            _ => failure,
        }
    }
}

impl From<EditorError> for Failure {
    fn from(error: EditorError) -> Self {
        let other =
            "Choose another for this time: put `EDITOR=vim VISUAL=` before the same command.";
        match &error {
            EditorError::Words { .. } => Self::because(Code::Usage, &error).hint(other),
            EditorError::Refused { .. } => Self::because(Code::Refused, &error).hint(other),
            EditorError::NotFound { .. } | EditorError::Start { .. } => {
                Self::because(Code::Other, &error).hint(other)
            }
            EditorError::Failed { .. } | EditorError::TooLarge { .. } => {
                Self::because(Code::Other, &error).hint("Nothing was changed.")
            }
            EditorError::Unsupported | EditorError::Memory { .. } => {
                Self::because(Code::Other, &error)
                    .hint("Set one value after the other: `unspoken set NAME`.")
            }
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
