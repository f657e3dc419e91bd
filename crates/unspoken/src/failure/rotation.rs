//! The errors around rotation hooks, with a code and what helps.

use std::path::Path;

use unspoken_deliver::hook::HookError;
use unspoken_model::{EnvironmentName, SecretName};
use unspoken_store::{HookProgramError, PrivateError, RecordFolderError, RecordKind, RescueError};

use super::{Code, Failure, mend, quoted};

impl Failure {
    /// What a hook's error means for the value that it was to rotate.
    pub(crate) fn of_hook(
        error: &HookError,
        environment: &EnvironmentName,
        name: &SecretName,
    ) -> Self {
        let code = match error {
            HookError::Interrupted => Code::Interrupted,
            _ => Code::Other,
        };
        let failure = Self::because(code, error);
        let hint = match error {
            HookError::Start { .. } => {
                "Nothing was changed. Check the first line of the program: it names its \
                 interpreter, as in `#!/bin/sh`."
                    .to_owned()
            }
            HookError::Same => {
                format!("Nothing was changed. Look at the provider whether `{name}` was rotated.")
            }
            _ => format!(
                "Nothing was changed here, but the provider may have made a new value. Look there; \
                 if it did, store that with `unspoken set {name} -e {environment}`."
            ),
        };
        failure.hint(hint)
    }
}

impl From<HookProgramError> for Failure {
    fn from(error: HookProgramError) -> Self {
        let failure = Self::because(Code::Other, &error);
        match &error {
            HookProgramError::File(_) | HookProgramError::Outside { .. } => failure.hint(
                "Nothing was started. A hook is a file below the project's root, with no link on \
                 the way: see `[rotation]` in `unspoken.toml`.",
            ),
            HookProgramError::NotExecutable { path } => {
                failure.hint(format!("Nothing was started. Run `chmod +x {}`.", quoted(path)))
            }
            HookProgramError::NoInterpreter { .. } => failure.hint(
                "Nothing was started. Name its interpreter in the first line, as in `#!/bin/sh`.",
            ),
        }
    }
}

impl From<RecordFolderError> for Failure {
    fn from(error: RecordFolderError) -> Self {
        match error {
            RecordFolderError::Private { error: PrivateError::File(error), .. } => error.into(),
            RecordFolderError::Private { kind, error: ref private } => {
                let failure = Self::because(Code::Refused, &error);
                let what = match kind {
                    RecordKind::Trust => "agreed to",
                    RecordKind::Permissions => "permitted",
                };
                match mend(private) {
                    Some(command) => failure.hint(format!(
                        "Others may have changed what you {what}. If not, run `{command}`."
                    )),
                    None => failure,
                }
            }
            RecordFolderError::Record { kind, ref path, .. }
            | RecordFolderError::OtherRoot { kind, ref path, .. } => {
                let path = quoted(path);
                Self::because(Code::Refused, &error).hint(match kind {
                    RecordKind::Trust => {
                        format!("Nothing was started. Run `rm {path}`, then `unspoken trust`.")
                    }
                    RecordKind::Permissions => format!("Nothing was shown. Run `rm {path}`."),
                })
            }
            RecordFolderError::TooLarge { .. } => Self::because(Code::Other, &error),
        }
    }
}

impl From<RescueError> for Failure {
    fn from(error: RescueError) -> Self {
        match error {
            RescueError::Store(error) => error.into(),
            RescueError::Held { .. } => Self::because(Code::Locked, &error)
                .hint("Nothing was started. Wait for it, then look with `unspoken list`."),
            RescueError::Waiting { ref name, ref environment, .. } => Self::because(
                Code::Refused,
                &error,
            )
            .hint(format!(
                "Nothing was started. Run `unspoken rotate {name} -e {environment} --rescued` to \
                     store it."
            )),
            RescueError::Nothing { .. } => Self::because(Code::Missing, &error)
                .hint("Run it without `--rescued` to start the hook."),
            RescueError::NoRecipient { .. } => Self::because(Code::Other, &error),
            RescueError::Verify { .. } => Self::because(Code::Integrity, &error),
        }
    }
}

/// A command as it could be typed into a shell.
pub(crate) fn command_line(command: &[String]) -> String {
    let words = command.iter().map(|word| match word.as_str() {
        "" => "''".to_owned(),
        word => quoted(Path::new(word)),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_command_is_shown_as_its_words() {
    let command = ["scripts/a", "", "two words", "$(touch x)", "it's", "\u{1b}"];
    assert_eq!(
        command_line(&command.map(str::to_owned)),
        "scripts/a '' 'two words' '$(touch x)' 'it'\\''s' '\\u{1b}'"
    );
}
