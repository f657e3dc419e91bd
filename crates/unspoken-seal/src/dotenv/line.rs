//! One assignment: `export NAME = value`, and where it ends.

use unspoken_model::SecretName;
use zeroize::Zeroizing;

use super::value::{self, Reading};
use super::{LineError, LineProblem, WarningKind};
use crate::foreign::Names;

/// An assignment that npm would read, with a legal name.
pub(super) struct Line {
    /// What the name is in the file.
    pub(super) key: String,
    pub(super) name: SecretName,
    pub(super) value: Zeroizing<Vec<u8>>,
    pub(super) kinds: Vec<WarningKind>,
    pub(super) literal: bool,
}

/// Walks over a text whose lines end in `\n`, from one assignment to the next.
pub(super) struct Scanner<'a> {
    rest: &'a str,
    line: usize,
    names: &'a Names,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str, names: &'a Names) -> Self {
        Self { rest: text, line: 1, names }
    }
}

impl Iterator for Scanner<'_> {
    type Item = (usize, Result<Line, LineError>);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let line = self.line;
            let (found, taken) = read(self.rest, self.names);
            let (taken, rest) = self.rest.split_at_checked(taken).unwrap_or((self.rest, ""));
            self.line += taken.matches('\n').count() + 1;
            self.rest = rest.strip_prefix('\n').unwrap_or(rest);
            match found {
                Ok(None) => {}
                Ok(Some(found)) => return Some((line, Ok(found))),
                Err((key, problem)) => return Some((line, Err(LineError { line, key, problem }))),
            }
        }
        None
    }
}

type Found = Result<Option<Line>, (Option<String>, LineProblem)>;

/// Reads what starts here, and says how many bytes it takes up. They end before
/// a line end or at the end of the text.
fn read(text: &str, names: &Names) -> (Found, usize) {
    let line = value::line_of(text);
    let body = line.trim_start_matches(value::is_blank);
    if body.is_empty() || body.starts_with('#') {
        return (separator_free(line).map(|()| None), line.len());
    }
    let (key, after) = match assignment(body) {
        Ok(found) => found,
        Err(key) => return (Err((key, LineProblem::NoAssignment)), line.len()),
    };
    // `after` is a tail of the line, so this is where the value starts.
    let start = line.len() - after.len();
    let Some(rest) = text.get(start..) else {
        return (Err((None, LineProblem::NoAssignment)), line.len());
    };
    let (reading, taken) = value::read(rest);
    (judge(key, names, after, reading), start + taken)
}

fn judge(key: &str, names: &Names, after: &str, reading: Result<Reading, LineProblem>) -> Found {
    let name = match names.read(key) {
        Ok(name) => name,
        // The last line of a key in base64 that was pasted without quotes.
        Err(_) if after.chars().all(|c| c == '=' || value::is_blank(c)) => {
            return Err((None, LineProblem::NoAssignment));
        }
        Err(error) => {
            let key = (key.len() <= SecretName::MAX).then(|| key.to_owned());
            return Err((key, LineProblem::Name(error)));
        }
    };
    match reading {
        Ok(Reading { value, kinds, literal }) => {
            Ok(Some(Line { key: key.to_owned(), name, value, kinds, literal }))
        }
        Err(problem) => Err((Some(name.to_string()), problem)),
    }
}

/// Splits a line into its key and what stands behind `=` or `: `; else the
/// name that is nearly assigned, if it is one that can be said aloud.
fn assignment(body: &str) -> Result<(&str, &str), Option<String>> {
    let body = without_export(body);
    let end = body.find(|c| !in_key(c)).unwrap_or(body.len());
    let (key, after) = body.split_at_checked(end).unwrap_or((body, ""));
    if key.is_empty() {
        return Err(None);
    }
    if let Some(after) = after.trim_start_matches(value::is_blank).strip_prefix('=') {
        return Ok((key, after));
    }
    let colon = after.strip_prefix(':');
    if let Some(value) = colon.filter(|value| value.starts_with(value::is_blank)) {
        return Ok((key, value));
    }
    let nearly = after.trim_start_matches(value::is_blank).starts_with(':');
    Err((nearly && SecretName::parse(key).is_ok()).then(|| key.to_owned()))
}

/// Removes `export` where a key follows it; else `export` is the key.
fn without_export(body: &str) -> &str {
    let Some(rest) = body.strip_prefix("export") else { return body };
    let key = rest.trim_start_matches(value::is_blank);
    if key.len() < rest.len() && key.starts_with(in_key) { key } else { body }
}

/// The characters of npm's keys. Few of them may stand in a [`SecretName`].
fn in_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

fn separator_free(line: &str) -> Result<(), (Option<String>, LineProblem)> {
    if line.contains(value::SEPARATORS) {
        return Err((None, LineProblem::LineSeparator));
    }
    Ok(())
}
