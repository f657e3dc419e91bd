//! The command of `SOPS_AGE_KEY_CMD`, which prints private keys.
//!
//! Rules:
//! - It is the user's own words, split as a shell would, and run without one.
//! - What it prints is read up to a limit, within a time, and wiped; what it
//!   says on standard error is shown.
//! - The keys that we hold ourselves are not handed to it.

use std::io;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::env_vars::SOPS_AGE_KEY;

/// How much of the output is read.
const LIMIT: usize = 64 * 1024;

/// How long it may take.
const TIME: Duration = Duration::from_secs(30);

/// The variable that says which key is wanted.
const RECIPIENT: &str = "SOPS_AGE_RECIPIENT";

/// Why a command gave no key.
#[derive(Debug, Error)]
pub enum CommandError {
    #[error("the command is not UTF-8 text")]
    NotText,
    #[error("the command is empty, or a quote in it is not closed")]
    Form,
    #[error("the command cannot be run")]
    Run { source: io::Error },
    #[error("the command took longer than {seconds} seconds", seconds = TIME.as_secs())]
    Time,
    #[error("the command printed more than {LIMIT} bytes")]
    TooLong,
    #[error("the command failed{}", code.map(|code| format!(" with exit code {code}")).unwrap_or_default())]
    Failed { code: Option<i32> },
}

/// Runs a command for one public key, and returns what it printed.
pub(super) fn run(command: &str, recipient: &str) -> Result<Zeroizing<Vec<u8>>, CommandError> {
    within(TIME, command, recipient)
}

fn within(
    time: Duration,
    command: &str,
    recipient: &str,
) -> Result<Zeroizing<Vec<u8>>, CommandError> {
    let words = shlex::split(command).ok_or(CommandError::Form)?;
    let (program, arguments) = words.split_first().ok_or(CommandError::Form)?;
    let child = Command::new(program)
        .args(arguments)
        .env(RECIPIENT, recipient)
        .env_remove(SOPS_AGE_KEY.name)
        .env_remove("UNSPOKEN_KEY")
        .env_remove("UNSPOKEN_TOKEN")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|source| CommandError::Run { source })?;
    let mut running = Running(child);
    let until = Instant::now() + time;
    let text = running.read(until)?;
    running.wait(until)?;
    Ok(text)
}

/// A child that does not outlive its use.
struct Running(Child);

impl Running {
    fn read(&mut self, until: Instant) -> Result<Zeroizing<Vec<u8>>, CommandError> {
        // Room for all, so that a key never moves and leaves a copy.
        let mut text = Zeroizing::new(vec![0; LIMIT + 1]);
        let mut filled = 0;
        let Some(out) = &self.0.stdout else { return Err(CommandError::Form) };
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let wait = Timespec::try_from(left).ok();
            let mut fds = [PollFd::new(out, PollFlags::IN)];
            match poll(&mut fds, wait.as_ref()) {
                Ok(0) => return Err(CommandError::Time),
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return Err(CommandError::Run { source: error.into() }),
            }
            match rustix::io::read(out, &mut text[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(Errno::INTR) => {}
                Err(error) => return Err(CommandError::Run { source: error.into() }),
            }
            if filled > LIMIT {
                return Err(CommandError::TooLong);
            }
        }
        text.truncate(filled);
        Ok(text)
    }

    fn wait(&mut self, until: Instant) -> Result<(), CommandError> {
        loop {
            let ended = self.0.try_wait().map_err(|source| CommandError::Run { source })?;
            match ended {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(CommandError::Failed { code: status.code() }),
                None if Instant::now() >= until => return Err(CommandError::Time),
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_of_a_command_is_read_without_a_shell() {
        let text = |command: &str| run(command, "age1x").map(|text| text.to_vec());
        assert_eq!(text("printf '%s|' 'a  b' \"$HOME\" ;").unwrap(), b"a  b|$HOME|;|");
        let asked = "python3 -c 'import os; print(os.environ[\"SOPS_AGE_RECIPIENT\"])'";
        assert_eq!(text(asked).unwrap(), b"age1x\n");
        let limit = format!("head -c {LIMIT} /dev/zero");
        assert_eq!(text(&limit).unwrap().len(), LIMIT);
    }

    #[test]
    fn a_command_that_gives_no_key_is_told_of() {
        #[track_caller]
        fn case(command: &str, expected: &str) {
            let error = within(Duration::from_millis(300), command, "").unwrap_err();
            assert_eq!(error.to_string(), expected, "{command}");
        }

        case("", "the command is empty, or a quote in it is not closed");
        case("printf 'x", "the command is empty, or a quote in it is not closed");
        case("/nonexistent/program", "the command cannot be run");
        case("false", "the command failed with exit code 1");
        case("sleep 60", "the command took longer than 30 seconds");
        case("sh -c 'exec >&-; exec sleep 60'", "the command took longer than 30 seconds");
        case("head -c 65537 /dev/zero", "the command printed more than 65536 bytes");
        case("yes", "the command printed more than 65536 bytes");
    }
}
