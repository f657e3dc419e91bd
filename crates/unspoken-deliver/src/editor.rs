//! An editor: a set goes in as text, a text comes out.
//!
//! Rules:
//! - The plaintext stands in an anonymous file in memory and nowhere else. The
//!   editor inherits its descriptor and opens it as `/proc/self/fd/N`, so no
//!   folder ever lists it. It is overwritten when the editor has ended.
//! - Editors that are known get the flags that switch off swap, backup, undo and
//!   history files. Those that hand the path to another process, or copy what
//!   they save to a disk, are refused.
//! - No shell: the words of the variable are split here. What configures or
//!   unlocks Unspoken and sops stays behind, as it does for `run`.
//! - An interrupt that is typed while the editor runs is the editor's own.

mod draft;
mod interrupt;
mod kind;
#[cfg_attr(target_os = "linux", path = "editor/memory_file/linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "editor/memory_file/elsewhere.rs")]
mod memory_file;

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd as _;
use std::process::{Command, ExitStatus, Stdio};

use thiserror::Error;
use zeroize::Zeroizing;

pub use self::draft::{Draft, Mark};
use self::interrupt::Interrupts;
use self::kind::Kind;
pub use self::kind::Refusal;
use self::memory_file::MemoryFile;
use crate::child::is_withheld;

/// How much text is read back. A document is no larger.
const LIMIT: u64 = 64 * 1024 * 1024;

/// A program that edits a text in place.
#[derive(Debug)]
pub struct Editor {
    program: String,
    arguments: Vec<String>,
    kind: Kind,
    interrupts: Interrupts,
}

/// Why nothing came back from an editor.
#[derive(Debug, Error)]
pub enum EditorError {
    #[error("`{text}` is no command: a quote in it is not closed, or it is empty")]
    Words { text: String },
    #[error("the editor `{name}` is not used: {reason}")]
    Refused { name: String, reason: Refusal },
    #[error("there is no editor `{name}`")]
    NotFound { name: String },
    #[error("cannot start the editor `{name}`")]
    Start { name: String, source: io::Error },
    #[error("the editor `{name}` ended with {}", ending(*.status))]
    Failed { name: String, status: ExitStatus },
    #[error("this system has no files in memory that an editor can open")]
    Unsupported,
    #[error("cannot use a file in memory")]
    Memory { source: io::Error },
    #[error("the text has {found} bytes, at most {limit} are read")]
    TooLarge { found: u64, limit: u64 },
}

impl Editor {
    /// Takes the text of `VISUAL` or `EDITOR`. The editor's kind is told by its
    /// name, or by the file that `path` finds for it.
    pub fn choose(text: &str, path: &OsStr) -> Result<Self, EditorError> {
        let words = || EditorError::Words { text: unspoken_model::shown(text) };
        let mut arguments = shlex::split(text).ok_or_else(words)?.into_iter();
        let program = arguments.next().filter(|program| !program.is_empty()).ok_or_else(words)?;
        let kind = Kind::of(&program, path)
            .map_err(|reason| EditorError::Refused { name: kind::name_of(&program), reason })?;
        memory_file::check()?;
        let interrupts = Interrupts::register().map_err(|source| EditorError::Memory { source })?;
        Ok(Self { program, arguments: arguments.collect(), kind, interrupts })
    }

    /// The editor's name, without its folder.
    pub fn name(&self) -> String {
        kind::name_of(&self.program)
    }

    /// Whether it is known which files this editor leaves, so that it was told
    /// to leave none.
    pub fn is_known(&self) -> bool {
        self.kind != Kind::Unknown
    }

    /// Has a text edited, and gives what became of it. `line` is where the
    /// cursor should be; `variables` are the editor's environment.
    pub fn edit(
        &self,
        text: &[u8],
        line: Option<usize>,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Zeroizing<Vec<u8>>, EditorError> {
        let memory = |source| EditorError::Memory { source };
        let file = MemoryFile::create(text).map_err(memory)?;
        let mut command = Command::new(&self.program);
        // Ours come first: what the user has given decides where it can.
        command.args(self.kind.flags()).args(&self.arguments);
        if let Some(line) = line.filter(|_| self.is_known()) {
            command.arg(format!("+{line}"));
        }
        command.arg(file.path()).env_clear();
        command.envs(variables.into_iter().filter(|(variable, _)| !is_withheld(variable)));
        // Standard output is for data: it may be a pipe.
        if !io::stdout().is_terminal() {
            let stderr = io::stderr().as_fd().try_clone_to_owned().map_err(memory)?;
            command.stdout(Stdio::from(stderr));
        }
        let status = {
            let _editors = self.interrupts.leave_to_child();
            let started = file.lend(|| command.spawn()).map_err(memory)?;
            let mut child = started.map_err(|source| match source.kind() {
                io::ErrorKind::NotFound => EditorError::NotFound { name: self.name() },
                _ => EditorError::Start { name: self.name(), source },
            })?;
            child.wait().map_err(|source| EditorError::Start { name: self.name(), source })?
        };
        if !status.success() {
            return Err(EditorError::Failed { name: self.name(), status });
        }
        let found = file.length().map_err(memory)?;
        if found > LIMIT {
            return Err(EditorError::TooLarge { found, limit: LIMIT });
        }
        file.read(found).map_err(memory)
    }
}

fn ending(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown status".to_owned(),
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests;
