//! One call of a program, in an environment that the test knows whole.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::Output;

/// A program that is about to be called.
#[derive(Debug)]
pub struct Invocation {
    command: Command,
    stdin: Vec<u8>,
}

impl Invocation {
    pub(crate) fn new(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { command, stdin: Vec::new() }
    }

    #[must_use]
    pub fn stdin(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.stdin = bytes.as_ref().to_vec();
        self
    }

    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.command.env_remove(name);
        self
    }

    #[must_use]
    pub fn current_dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Calls the program and waits for its end.
    #[track_caller]
    pub fn run(self) -> Output {
        let child = self.spawn();
        match child.wait_with_output() {
            Ok(output) => Output::of(output),
            Err(error) => panic!("cannot wait for the program: {error}"),
        }
    }

    /// Calls the program; the test waits for it, or kills it.
    #[track_caller]
    pub fn spawn(mut self) -> Child {
        let name = self.command.get_program().to_string_lossy().into_owned();
        let mut child = match self.command.spawn() {
            Ok(child) => child,
            Err(error) => panic!("cannot start `{name}`: {error}"),
        };
        if let Some(mut pipe) = child.stdin.take() {
            // Its own thread: a program that talks before it reads must not wait for us. One that
            // does not read at all closes the pipe, which is no failure of the test.
            std::thread::spawn(move || pipe.write_all(&self.stdin));
        }
        child
    }

    /// The bare command, for what this type does not offer.
    pub fn command(self) -> Command {
        self.command
    }
}
