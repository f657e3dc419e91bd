//! What a finished program said.

use std::fmt;
use std::process::ExitStatus;

use serde_json::Value;

/// A finished program's exit code and streams.
///
/// `Debug` and the panics show standard error, which never holds a value, and
/// only the length of standard output, which may.
#[derive(Clone, Eq, PartialEq)]
pub struct Output {
    /// The exit code; 128 and the signal's number where a signal ended it.
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Output {
    pub(crate) fn of(output: std::process::Output) -> Self {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Self { code: code(output.status), stdout: output.stdout, stderr }
    }

    /// Standard output as text.
    #[track_caller]
    pub fn text(&self) -> &str {
        match std::str::from_utf8(&self.stdout) {
            Ok(text) => text,
            Err(error) => panic!("standard output is no text: {error}"),
        }
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!("standard output is no JSON, at line {}", error.line()),
        }
    }

    /// Standard error as the one JSON object that an error is with `--json`.
    #[track_caller]
    pub fn json_error(&self) -> Value {
        match serde_json::from_str(&self.stderr) {
            Ok(value) => value,
            Err(error) => panic!("standard error is no JSON, at line {}: {self:?}", error.line()),
        }
    }

    /// Demands success.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.fails_with(0)
    }

    /// Demands an exit code.
    #[track_caller]
    pub fn fails_with(self, code: i32) -> Self {
        assert!(self.code == code, "exit code {code} was expected: {self:?}");
        self
    }

    /// Demands that standard error contains a text.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "{text:?} was expected: {self:?}");
        self
    }

    /// Demands that nothing was said on either stream.
    #[track_caller]
    pub fn says_nothing(self) -> Self {
        assert!(self.stdout.is_empty() && self.stderr.is_empty(), "silence was expected: {self:?}");
        self
    }

    /// Demands that neither stream holds a canary value.
    #[track_caller]
    pub fn is_silent_on_values(self) -> Self {
        let marker = crate::canary_marker();
        let holds = |bytes: &[u8]| bytes.windows(marker.len()).any(|w| w == marker.as_bytes());
        assert!(!holds(&self.stdout), "standard output holds a value");
        assert!(!holds(self.stderr.as_bytes()), "standard error holds a value");
        self
    }
}

#[cfg(unix)]
fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.stderr.replace(&crate::canary_marker(), "[a value]");
        write!(f, "exit code {}, {} bytes on standard output", self.code, self.stdout.len())?;
        write!(f, ", on standard error:\n{shown}")
    }
}
