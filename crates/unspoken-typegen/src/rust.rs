//! Rust: a module with a function for each secret.

use unspoken_model::{Language, SecretName};

use crate::comment::Comment;
use crate::identifier::identifiers;
use crate::{Catalogue, Collision, Entry, HEADER};

/// The words that cannot be names as they are, in all editions.
const KEYWORDS: [&str; 48] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let",
    "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return",
    "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
    "virtual", "where", "while", "yield",
];

/// The words that cannot be names in any way.
const PATHS: [&str; 3] = ["crate", "self", "super"];

/// The longest name whose lines `rustfmt` does not break.
const SHORT: usize = 50;

pub(crate) fn print(catalogue: &Catalogue) -> Result<String, Collision> {
    let identifiers = identifiers(catalogue, Language::Rust, spell)?;
    let mut text = format!(
        "// {HEADER}\n\n\
         //! The secrets of `{}`.\n\n\
         #![allow(clippy::all, clippy::pedantic, dead_code, non_snake_case, rustdoc::all)]\n",
        catalogue.project
    );
    if !identifiers.is_empty() {
        text.push_str("\nuse unspoken_sdk::{Error, Secret};\n");
    }
    for (entry, identifier) in catalogue.entries.iter().zip(&identifiers) {
        text.push('\n');
        text.push_str(&comment(entry));
        text.push_str(&function(entry, identifier));
    }
    Ok(text)
}

fn function(entry: &Entry, identifier: &str) -> String {
    let name = &entry.name;
    let skip = if name.as_str().len() > SHORT { "#[rustfmt::skip]\n" } else { "" };
    let (call, kind) =
        if entry.is_optional() { ("optional", "Option<Secret>") } else { ("get", "Secret") };
    format!(
        "{skip}pub fn {identifier}() -> Result<{kind}, Error> {{\n    \
         unspoken_sdk::{call}(\"{name}\")\n}}\n"
    )
}

fn comment(entry: &Entry) -> String {
    let lines = Comment::of(entry).lines(format!("The secret `{}`.", entry.name), escape);
    let line = |line: &String| format!("/// {line}").trim_end().to_owned() + "\n";
    lines.iter().map(line).collect()
}

/// No line opens a block of code, which would be compiled and run as a test,
/// and none is markup of its own.
fn escape(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        if matches!(c, '\\' | '`' | '~' | '<' | '[') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// `DATABASE_URL` is `database_url`; `TYPE` is `r#type`; `SELF` is `self_`.
fn spell(name: &SecretName) -> String {
    let word = name.as_str().to_ascii_lowercase();
    if PATHS.contains(&word.as_str()) {
        format!("{word}_")
    } else if KEYWORDS.contains(&word.as_str()) {
        format!("r#{word}")
    } else {
        word
    }
}

#[test]
fn a_name_is_a_function_whatever_word_it_is() {
    for (name, identifier) in [
        ("DATABASE_URL", "database_url"),
        ("A__B_", "a__b_"),
        ("TYPE", "r#type"),
        ("GEN", "r#gen"),
        ("SELF", "self_"),
        ("CRATE", "crate_"),
        ("UNION", "union"),
    ] {
        assert_eq!(spell(&SecretName::parse(name).unwrap()), identifier);
    }
}

#[test]
fn a_line_is_words_and_no_code() {
    for (line, expected) in [
        ("```rust", "\\`\\`\\`rust"),
        ("~~~", "\\~\\~\\~"),
        ("- ``` <b> [x] \\", "- \\`\\`\\` \\<b> \\[x] \\\\"),
    ] {
        assert_eq!(escape(line), expected);
    }
}
