//! Python: one object with a property for each secret, or its stub.

use crate::comment::Comment;
use crate::{Catalogue, Entry, HEADER};

pub(crate) fn print(catalogue: &Catalogue) -> String {
    let project = &catalogue.project;
    let import = if catalogue.entries.is_empty() { "" } else { "import unspoken\n\n\n" };
    let mut text = format!(
        "# {HEADER}\n\
         \"\"\"The secrets of {project}, as typed attributes.\"\"\"\n\n{import}"
    );
    if catalogue.entries.is_empty() {
        text.push('\n');
    }
    text.push_str(&format!(
        "class Secrets:\n    \"\"\"The secrets of {project}.\"\"\"\n\n    __slots__ = ()\n"
    ));
    for entry in &catalogue.entries {
        let (name, kind, call) = (&entry.name, kind(entry, "unspoken.Secret"), call(entry));
        text.push_str(&format!("\n    @property\n    def {name}(self) -> {kind}:\n"));
        text.push_str(&docstring(entry));
        text.push_str(&format!("        return unspoken.{call}(\"{name}\")\n"));
    }
    text.push_str("\n\nsecrets = Secrets()\n");
    text
}

/// What the library's own class has besides names.
const MEMBERS: &str = "    \
    def names(self) -> tuple[str, ...]: ...
    def __contains__(self, name: object) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
    def __len__(self) -> int: ...
    def is_probe(self, text: str | None) -> bool: ...
    @property
    def project(self) -> str: ...
    @property
    def environment(self) -> str: ...
    @property
    def revision(self) -> int: ...
    @property
    def outside(self) -> bool: ...
    @property
    def token(self) -> Secret | None: ...
";

/// For a module that says `from unspoken import secrets`: the names, and which
/// of them are optional.
pub(crate) fn print_stub(catalogue: &Catalogue) -> String {
    let mut text = format!("# {HEADER}\n");
    if catalogue.entries.is_empty() {
        text.push_str("class Secrets: ...\n\nsecrets: Secrets\n");
        return text;
    }
    text.push_str("from collections.abc import Iterator\nfrom typing import Literal\n\nfrom unspoken import Secret\n\nclass Secrets:\n");
    let required: Vec<&Entry> = catalogue.entries.iter().filter(|e| !e.is_optional()).collect();
    for entry in &required {
        text.push_str(&format!("    @property\n    def {}(self) -> Secret:\n", entry.name));
        text.push_str(&docstring(entry));
        text.push_str("        ...\n\n");
    }
    let all: Vec<&Entry> = catalogue.entries.iter().collect();
    if !required.is_empty() {
        text.push_str(&method("__getitem__", &required, "Secret"));
    }
    text.push_str(&method("optional", &all, "Secret | None"));
    text.push_str(MEMBERS);
    text.push_str("\nsecrets: Secrets\n");
    text
}

fn method(name: &str, entries: &[&Entry], kind: &str) -> String {
    let names: String =
        entries.iter().map(|entry| format!("            \"{}\",\n", entry.name)).collect();
    format!(
        "    def {name}(\n        self,\n        name: Literal[\n{names}        ],\n    ) -> {kind}: ...\n"
    )
}

fn kind(entry: &Entry, secret: &str) -> String {
    if entry.is_optional() { format!("{secret} | None") } else { secret.to_owned() }
}

fn call(entry: &Entry) -> &'static str {
    if entry.is_optional() { "optional" } else { "get" }
}

fn docstring(entry: &Entry) -> String {
    let lines = Comment::of(entry).lines(format!("The secret {}.", entry.name), escape);
    if let [line] = lines.as_slice() {
        return format!("        \"\"\"{line}\"\"\"\n");
    }
    let indented = |(at, line): (usize, &String)| match (at, line.is_empty()) {
        (0, _) => format!("{line}\n"),
        (_, true) => "\n".to_owned(),
        _ => format!("        {line}\n"),
    };
    let lines: String = lines.iter().enumerate().map(indented).collect();
    format!("        \"\"\"{lines}        \"\"\"\n")
}

/// Nothing ends the text, no line is an example that `doctest` would run, and
/// nothing is a directive, a role or a link to tools that read docstrings as
/// reStructuredText.
fn escape(line: &str) -> String {
    let line = match line.strip_prefix(">>>") {
        Some(rest) => format!("> >>{rest}"),
        None => line.to_owned(),
    };
    let line = match line.strip_prefix("..") {
        Some(rest) => format!(". .{rest}"),
        None => line,
    };
    line.replace(['`', '|'], "'").replace('\\', "\\\\").replace('"', "\\\"")
}

#[test]
fn a_text_goes_on_to_its_end_and_is_no_example() {
    for (line, expected) in [
        ("a \"\"\" b", "a \\\"\\\"\\\" b"),
        ("ends in \\", "ends in \\\\"),
        ("\\\"", "\\\\\\\""),
        ("\\N{DASH} \\u0022", "\\\\N{DASH} \\\\u0022"),
        (">>> import os", "> >> import os"),
        (".. include:: /etc/passwd", ". . include:: /etc/passwd"),
        ("see :file:`a` and |b|", "see :file:'a' and 'b'"),
    ] {
        assert_eq!(escape(line), expected);
    }
}
