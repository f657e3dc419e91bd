//! TypeScript: declarations that add the names to the library's interface.

use crate::comment::Comment;
use crate::{Catalogue, Entry, HEADER};

pub(crate) fn print(catalogue: &Catalogue) -> String {
    // The import makes the file a module, so that the declaration adds to the
    // package instead of replacing it; of a type, so that no program loads it.
    let mut text = format!(
        "// {HEADER}\n\nimport type {{ Secret }} from \"unspoken\";\n\ndeclare module \"unspoken\" {{\n"
    );
    if catalogue.entries.is_empty() {
        text.push_str("  interface Secrets {}\n}\n");
        return text;
    }
    text.push_str("  interface Secrets {\n");
    for entry in &catalogue.entries {
        text.push_str(&comment(entry));
        let mark = if entry.is_optional() { "?" } else { "" };
        text.push_str(&format!("    readonly {}{mark}: Secret;\n", entry.name));
    }
    text.push_str("  }\n}\n");
    text
}

fn comment(entry: &Entry) -> String {
    let lines = Comment::of(entry).lines(format!("The secret `{}`.", entry.name), escape);
    if let [line] = lines.as_slice() {
        return format!("    /** {line} */\n");
    }
    let lines: String =
        lines.iter().map(|line| format!("     * {line}").trim_end().to_owned() + "\n").collect();
    format!("    /**\n{lines}     */\n")
}

/// Nothing ends the comment, and nothing is a tag: a `@` is one where no letter
/// or digit stands before it. Tools that make pages of comments take `<` for HTML.
fn escape(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        let last = out.chars().next_back();
        let is_end = c == '/' && last == Some('*');
        let is_tag = c == '@' && !last.is_some_and(char::is_alphanumeric);
        if is_end || is_tag {
            out.push('\\');
        }
        if c == '<' {
            out.push_str("&lt;");
        } else {
            out.push(c);
        }
    }
    out
}

#[test]
fn a_comment_goes_on_to_its_end_and_has_no_tag() {
    for (line, expected) in [
        ("a */ b", "a *\\/ b"),
        ("**//", "**\\//"),
        ("*\\/", "*\\/"),
        (
            "@deprecated {@link x} ops@acme.example \\@x",
            "\\@deprecated {\\@link x} ops@acme.example \\\\@x",
        ),
    ] {
        assert_eq!(escape(line), expected);
    }
}
