//! The reader for `.env` files that are imported.
//!
//! Rules:
//! - What is read is what npm's `dotenv` 18 reads, byte for byte: most `.env`
//!   files were written for it.
//! - Where npm drops or bends something without a word, the line is refused.
//!   So a file is read whole or not at all, and every wrong line is named.
//! - Where other readers would see another value, there is a [`Warning`].
//! - Neither errors nor warnings hold any text that could be a part of a value.
//!   A pasted key without quotes makes lines that look like names, so text is
//!   only quoted as a key where it stands before an assignment.

mod line;
#[cfg(test)]
mod tests;
mod value;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::mem;

use thiserror::Error;
use unspoken_model::{NameError, SecretName};
use zeroize::Zeroizing;

use self::line::{Line, Scanner};
use crate::foreign::Names;
use crate::{Secret, SecretError};

/// More values than this in one file are refused.
pub const MAX_ENTRIES: usize = 10_000;

/// What a file holds: each name once, in the order of first appearance.
#[derive(Debug)]
pub struct Parsed {
    pub entries: Vec<Entry>,
    pub warnings: Vec<Warning>,
}

/// One value, and the line where its assignment starts.
#[derive(Debug)]
pub struct Entry {
    pub name: SecretName,
    pub secret: Secret,
    pub line: usize,
    /// Whether it stands in single quotes, in which no reader inserts anything.
    pub literal: bool,
}

/// A value that was read, but that another reader would read differently.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("line {line}: `{name}`: {kind}")]
pub struct Warning {
    pub line: usize,
    pub name: SecretName,
    pub kind: WarningKind,
}

/// Where dialects disagree, or where a person may have meant something else.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum WarningKind {
    #[error("the value ends at a `#` that has no blank before it; quote it to keep the rest")]
    HashCut,
    #[error("the comment behind the value is not kept")]
    CommentDropped,
    #[error("`$` is kept as it is, where other readers would insert a variable")]
    Interpolation,
    #[error("backticks are quotes here, and a part of the value to other readers")]
    Backticks,
    #[error("a backslash is kept as it is, where other readers would remove it")]
    Backslash,
    #[error("text follows the closing quote, and readers disagree on what that means")]
    TextAfterQuote,
    #[error("it replaces the value of line {first}")]
    Duplicate { first: usize },
    #[error("the value is empty")]
    Empty,
}

/// A line that cannot be imported, with the key where there is one.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub struct LineError {
    pub line: usize,
    pub key: Option<String>,
    pub problem: LineProblem,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum LineProblem {
    #[error("this is not UTF-8 text")]
    NotText,
    #[error("this is no assignment, comment or blank line, and npm would skip it")]
    NoAssignment,
    #[error(transparent)]
    Name(NameError),
    #[error("the quote {quote} is not closed")]
    UnclosedQuote { quote: char },
    #[error("a Unicode line separator outside quotes, which npm takes for the end of the line")]
    LineSeparator,
    #[error(transparent)]
    Value(SecretError),
    #[error("the name is that of another value, in line {first}")]
    SameName { first: usize },
    #[error("the file holds more than {max} values", max = MAX_ENTRIES)]
    TooMany,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "line {}: `{key}`: {}", self.line, self.problem),
            None => write!(f, "line {}: {}", self.line, self.problem),
        }
    }
}

/// Reads a whole file, or says all that is wrong with it.
pub fn parse(text: &[u8]) -> Result<Parsed, Vec<LineError>> {
    parse_named(text, &Names::default())
}

/// The same, with the names that the values are to have here.
pub fn parse_named(text: &[u8], names: &Names) -> Result<Parsed, Vec<LineError>> {
    let (text, unreadable) = normalise(text);
    let mut reading = Reading::default();
    for (line, found) in Scanner::new(&text, names) {
        // A line that is no text has its own error below: what the stand-ins
        // for its bytes would lead to is noise.
        match found {
            Ok(found) => reading.add(line, found),
            Err(_) if unreadable.contains(&line) => {}
            Err(error) => reading.errors.push(error),
        }
        if reading.entries.len() > MAX_ENTRIES {
            reading.errors.push(LineError { line, key: None, problem: LineProblem::TooMany });
            break;
        }
    }
    let unreadable = unreadable.into_iter();
    reading.errors.extend(unreadable.map(|line| LineError {
        line,
        key: None,
        problem: LineProblem::NotText,
    }));
    reading.finish()
}

/// What has been read so far.
#[derive(Default)]
struct Reading {
    entries: Vec<Entry>,
    /// Where each name's entry is, and what the name is in the file.
    places: HashMap<SecretName, (usize, String)>,
    warnings: Vec<Warning>,
    errors: Vec<LineError>,
}

impl Reading {
    fn add(&mut self, line: usize, found: Line) {
        let Line { key, name, mut value, kinds, literal } = found;
        let secret = match Secret::new(mem::take(&mut *value)) {
            Ok(secret) => secret,
            Err(error) => {
                let problem = LineProblem::Value(error);
                self.errors.push(LineError { line, key: Some(name.to_string()), problem });
                return;
            }
        };
        let warn = |kind| Warning { line, name: name.clone(), kind };
        self.warnings.extend(kinds.into_iter().map(warn));
        let entry = Entry { name: name.clone(), secret, line, literal };
        let there = self.places.get(&name);
        match there.and_then(|(at, key)| Some((self.entries.get_mut(*at)?, key))) {
            // Two names of the file that have become one here.
            Some((earlier, other)) if *other != key => {
                let problem = LineProblem::SameName { first: earlier.line };
                self.errors.push(LineError { line, key: Some(key), problem });
            }
            Some((earlier, _)) => {
                let kind = WarningKind::Duplicate { first: earlier.line };
                self.warnings.push(warn(kind));
                *earlier = entry;
            }
            None => {
                self.places.insert(name, (self.entries.len(), key));
                self.entries.push(entry);
            }
        }
    }

    fn finish(mut self) -> Result<Parsed, Vec<LineError>> {
        if self.errors.is_empty() {
            return Ok(Parsed { entries: self.entries, warnings: self.warnings });
        }
        self.errors.sort_by_key(|error| error.line);
        Err(self.errors)
    }
}

/// The text with one kind of line end, and the lines that are not UTF-8.
///
/// Bytes that are no text become `?`: the file is refused anyway, and reading
/// on finds what else is wrong with it. The copy never outgrows its capacity,
/// so no part of it is left behind unwiped.
fn normalise(text: &[u8]) -> (Zeroizing<String>, BTreeSet<usize>) {
    let mut normal = Zeroizing::new(String::with_capacity(text.len()));
    let mut unreadable = BTreeSet::new();
    let mut line = 1;
    let mut after_return = false;
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' if after_return => {}
                '\n' | '\r' => {
                    normal.push('\n');
                    line += 1;
                }
                c => normal.push(c),
            }
            after_return = c == '\r';
        }
        if !chunk.invalid().is_empty() {
            normal.push('?');
            after_return = false;
            unreadable.insert(line);
        }
    }
    (normal, unreadable)
}
