//! The words of a comment, before a language puts its marks around them.
//!
//! A description is foreign text. What comes out of here are lines of visible
//! characters with single spaces between words, none at either end: so none is
//! indented code, none hides or turns round what stands beside it, and none
//! ends earlier in one language than in another.

use std::collections::BTreeMap;

use unspoken_model::{EnvironmentName, Expiry};

use crate::Entry;

/// What is said of one secret.
pub(crate) struct Comment {
    /// The description's lines; an empty one between paragraphs.
    pub(crate) description: Vec<String>,
    /// When it expires and where it is missing: a sentence a line.
    pub(crate) remarks: Vec<String>,
}

impl Comment {
    pub(crate) fn of(entry: &Entry) -> Self {
        let description = entry.description.as_deref().map(lines).unwrap_or_default();
        let mut remarks: Vec<String> = expiries(&entry.expires);
        if entry.is_optional() {
            remarks.push(format!("Not in {}.", join(&entry.missing)));
        }
        Self { description, remarks }
    }

    /// All lines: `first`, or the description in its place, then the remarks.
    /// What is foreign goes through `escape`.
    pub(crate) fn lines(self, first: String, escape: impl Fn(&str) -> String) -> Vec<String> {
        let Self { description, remarks } = self;
        let mut lines: Vec<String> = description.iter().map(|line| escape(line)).collect();
        if lines.is_empty() {
            lines.push(first);
        }
        if !remarks.is_empty() {
            lines.push(String::new());
            lines.extend(remarks);
        }
        lines
    }
}

fn expiries(expires: &BTreeMap<Expiry, Vec<EnvironmentName>>) -> Vec<String> {
    expires.iter().map(|(day, where_)| format!("Expires on {day} in {}.", join(where_))).collect()
}

fn join(environments: &[EnvironmentName]) -> String {
    environments.iter().map(EnvironmentName::as_str).collect::<Vec<_>>().join(", ")
}

/// The lines of a text, with at most one empty line between two.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines().map(plain) {
        let is_between = lines.last().is_some_and(|last| !last.is_empty());
        if !line.is_empty() || is_between {
            lines.push(line);
        }
    }
    if lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// One line: its words with a space between each two, what cannot be seen
/// written out.
fn plain(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for word in line.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        for c in word.chars() {
            if is_invisible(c) {
                out.push_str(&format!("[U+{:04X}]", u32::from(c)));
            } else {
                out.push(c);
            }
        }
    }
    out
}

/// Controls, marks of direction, spaces of no width and tags. The joiners that
/// some scripts and pictures are spelt with stay.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_hold_words_and_nothing_else() {
        #[track_caller]
        fn case(text: &str, expected: &[&str]) {
            assert_eq!(lines(text), expected, "{text:?}");
        }

        case("one", &["one"]);
        case("\n\n  one \t two\r\n\n\n\u{a0}three\n \n", &["one two", "", "three"]);
        case("a\u{2028}b\u{85}c\u{3000}d", &["a b c d"]);
        case("a\u{202e}b\u{feff}\0\u{1b}[2J", &["a[U+202E]b[U+FEFF][U+0000][U+001B][2J"]);
        case("\u{e0041}ü👩\u{200d}🚀", &["[U+E0041]ü👩\u{200d}🚀"]);
        case(" \n\n", &[]);
    }
}
