//! A rotation hook: a program of the project that gets one value on its
//! standard input and answers with a new one on its standard output.
//!
//! Rules:
//! - The program is started itself, never by a shell, in the project's root and
//!   in a process group of its own.
//! - It gets the parent's variables by the rule of `run`: what configures or
//!   unlocks Unspoken and sops stays behind. Three say what is rotated.
//! - It ends in time, or its group is ended. What a program that has ended left
//!   running is not waited for.
//! - The answer is one line. Anything else is an error, and is wiped.
//! - From the start until the answer is stored an interrupt does not end us: it
//!   ends the hook, and is told.

mod answer;
mod interrupts;
mod talk;

pub use interrupts::Interrupts;

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use thiserror::Error;
use unspoken_model::{Place, SecretName};
use unspoken_seal::{Secret, SecretError};

use crate::child::is_withheld;
use talk::Talk;

/// A hook that is about to be started.
#[derive(Clone, Copy, Debug)]
pub struct Hook<'a> {
    /// The program, by its whole path.
    pub program: &'a Path,
    pub arguments: &'a [String],
    /// The project's root, in which it works.
    pub root: &'a Path,
    pub place: &'a Place,
    pub name: &'a SecretName,
    /// How long it may take.
    pub limit: Duration,
}

/// What a hook gave. An interrupt waits until this is dropped.
#[derive(Debug)]
pub struct Answer {
    pub secret: Secret,
    pub interrupts: Interrupts,
}

/// Why a hook gave no value. Never says what it printed.
#[derive(Debug, Error)]
pub enum HookError {
    #[error("cannot start `{}`", .program.display())]
    Start { program: PathBuf, source: io::Error },
    #[error("cannot talk to the hook")]
    Talk { source: io::Error },
    #[error("the hook did not end within {} s", .limit.as_secs())]
    Late { limit: Duration },
    #[error("interrupted while the hook ran")]
    Interrupted,
    #[error("the hook ended with {}", ending(*.status))]
    Failed { status: ExitStatus },
    #[error("the hook printed nothing")]
    Nothing,
    #[error("the hook printed more than one line")]
    Lines,
    #[error("the hook printed more than {max} bytes", max = Secret::MAX)]
    TooMuch,
    #[error("what the hook printed is no value: {0}")]
    Value(SecretError),
    #[error("the hook printed the old value")]
    Same,
}

impl Hook<'_> {
    /// The variables that tell a hook what it rotates.
    pub const VARIABLES: [&'static str; 3] =
        ["UNSPOKEN_ROTATE_PROJECT", "UNSPOKEN_ROTATE_ENVIRONMENT", "UNSPOKEN_ROTATE_NAME"];

    /// Starts the hook, gives it the old value, and takes the new one.
    pub fn rotate(
        &self,
        old: Option<&Secret>,
        parent: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Answer, HookError> {
        let child = self.command(parent).spawn().map_err(|source| {
            let program = self.program.to_owned();
            HookError::Start { program, source }
        })?;
        let talk = Talk::begin(child, self.limit)?;
        let (output, interrupts) = talk.finish(old)?;
        let secret = answer::read(output, old)?;
        Ok(Answer { secret, interrupts })
    }

    fn command(&self, parent: impl IntoIterator<Item = (OsString, OsString)>) -> Command {
        let kept = parent.into_iter().filter(|(variable, _)| !is_withheld(variable));
        let told =
            [self.place.project.as_str(), self.place.environment.as_str(), self.name.as_str()];
        let mut command = Command::new(self.program);
        command.args(self.arguments).current_dir(self.root).process_group(0);
        command.env_clear().envs(kept).envs(Self::VARIABLES.into_iter().zip(told));
        // What it has to say goes to the user.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        command
    }
}

fn ending(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no exit code".to_owned(),
    }
}
