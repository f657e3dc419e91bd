//! What is said, and where.
//!
//! Rules:
//! - Data goes to standard output, words to standard error.
//! - A value goes to standard output alone, and only by [`Ui::write_value`].
//! - `--quiet` leaves errors; `--json` makes data and errors JSON; colour only
//!   on a terminal, and never with `NO_COLOR`.
//! - A reader that went away is no panic: [`Code::ClosedPipe`].

use std::fmt;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};
use std::process::ExitCode;

use serde_json::{Value, json};
use unspoken_model::shown;
use unspoken_store::{Variables, env_vars};

use crate::failure::{Code, Failure};
use crate::flags::OutputFlags;

/// The streams of one run.
#[derive(Clone, Debug)]
pub(crate) struct Ui {
    pub(crate) json: bool,
    quiet: bool,
    verbose: bool,
    colour: bool,
    /// Whether somebody is there to answer a question.
    interactive: bool,
}

impl Ui {
    pub(crate) fn new(output: OutputFlags, variables: &Variables) -> Self {
        let stderr = io::stderr().is_terminal();
        Self {
            json: output.json,
            quiet: output.quiet,
            verbose: output.verbose,
            colour: stderr && !variables.is_set(env_vars::NO_COLOR),
            interactive: stderr && io::stdin().is_terminal() && !variables.is_set(env_vars::CI),
        }
    }

    pub(crate) fn is_interactive(&self) -> bool {
        self.interactive
    }

    pub(crate) fn stdout_is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    pub(crate) fn stderr_is_terminal(&self) -> bool {
        io::stderr().is_terminal()
    }

    pub(crate) fn stdin_is_terminal(&self) -> bool {
        io::stdin().is_terminal()
    }

    /// Prints data.
    pub(crate) fn print(&self, text: &str) -> Result<(), Failure> {
        self.write_value(text.as_bytes())
    }

    /// Prints data as one JSON document.
    pub(crate) fn print_json(&self, value: &Value) -> Result<(), Failure> {
        self.print(&format!("{value:#}\n"))
    }

    /// Prints the result of a change: JSON when that was asked for, else words.
    pub(crate) fn report(&self, value: &Value, words: &str) -> Result<(), Failure> {
        if self.json {
            return self.print_json(value);
        }
        self.note(words);
        Ok(())
    }

    /// Writes bytes to standard output as they are.
    pub(crate) fn write_value(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Failure::new(Code::ClosedPipe, "standard output was closed"),
            _ => Failure::new(Code::Other, format!("cannot write to standard output: {error}")),
        })
    }

    /// Says what was done.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.say("", "", &printable(text));
        }
    }

    /// Says what a question is about, even when all else is to be quiet.
    pub(crate) fn lay_out(&self, text: &str) {
        self.say("", "", &printable(text));
    }

    /// Says what is being done, for who asked. What nobody asked for is not
    /// even put into words.
    pub(crate) fn detail(&self, text: fmt::Arguments<'_>) {
        if self.verbose {
            self.say("2", "", &text.to_string());
        }
    }

    pub(crate) fn warn(&self, text: &str) {
        if !self.quiet {
            self.say("1;33", "warning: ", &printable(text));
        }
    }

    /// Says why it failed, and gives the exit code.
    pub(crate) fn fail(&self, failure: &Failure) -> ExitCode {
        if failure.code == Code::ClosedPipe {
            return ExitCode::from(failure.code.number());
        }
        if self.json {
            let object = json!({
                "code": failure.code.number(),
                "message": failure.message,
                "hint": failure.hint,
            });
            self.say("", "", &object.to_string());
        } else {
            self.say("1;31", "error: ", &printable(&failure.message));
            if let Some(hint) = &failure.hint {
                self.say("1;36", "hint: ", &printable(hint));
            }
        }
        ExitCode::from(failure.code.number())
    }

    fn say(&self, style: &str, label: &str, text: &str) {
        let mut err = io::stderr().lock();
        // Nobody is left to tell if this fails.
        let _ = if !self.colour || style.is_empty() {
            writeln!(err, "{label}{text}")
        } else if label.is_empty() {
            writeln!(err, "\x1b[{style}m{text}\x1b[0m")
        } else {
            writeln!(err, "\x1b[{style}m{label}\x1b[0m{text}")
        };
    }
}

/// `1 line`, `2 lines`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Rows of cells, set in columns. Every row has as many cells as the first.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A path or a key of a foreign file may hold control characters, which a
/// terminal would obey.
fn printable(text: &str) -> String {
    // Line ends and tabs in our own sentences are meant.
    text.split_inclusive(['\n', '\t']).fold(String::new(), |mut out, part| {
        let end = part.len() - usize::from(part.ends_with(['\n', '\t']));
        let (words, end) = part.split_at(end);
        out.push_str(&shown(words));
        out.push_str(end);
        out
    })
}

#[test]
fn control_characters_of_names_and_paths_reach_no_terminal() {
    assert_eq!(printable("a\x1b[2Jb\n\tc\u{9b}"), "a\\u{1b}[2Jb\n\tc\\u{9b}");
}
