//! Tree to text.

use crate::node::{Item, Node};

/// Prints a map with one tab per level and a final newline. Comments are
/// dropped: JSON has none.
pub(crate) fn print_map<'n>(pairs: impl Iterator<Item = (&'n str, &'n Node<'n>)>) -> String {
    let mut text = String::new();
    print_pairs(&mut text, pairs, 0);
    text.push('\n');
    text
}

fn print_pairs<'n>(
    out: &mut String,
    pairs: impl Iterator<Item = (&'n str, &'n Node<'n>)>,
    level: usize,
) {
    print_sequence(out, level, ['{', '}'], pairs, |out, (key, node)| {
        print_text(out, key);
        out.push_str(": ");
        print_node(out, node, level + 1);
    });
}

fn print_node(out: &mut String, node: &Node<'_>, level: usize) {
    match node {
        // Neither a time nor a comment is read from JSON.
        Node::Null | Node::Comment(_) => out.push_str("null"),
        Node::Bool(true) => out.push_str("true"),
        Node::Bool(false) => out.push_str("false"),
        Node::Number(number) => out.push_str(number),
        Node::Text(text) | Node::Time(text) => print_text(out, text),
        Node::List(nodes) => {
            print_sequence(out, level, ['[', ']'], nodes.iter(), |out, node| {
                print_node(out, node, level + 1);
            });
        }
        Node::Map(items) => print_pairs(out, items.iter().filter_map(Item::as_pair), level),
    }
}

fn print_sequence<T>(
    out: &mut String,
    level: usize,
    [open, close]: [char; 2],
    elements: impl Iterator<Item = T>,
    mut element: impl FnMut(&mut String, T),
) {
    out.push(open);
    let mut empty = true;
    for each in elements {
        out.push_str(if empty { "\n" } else { ",\n" });
        empty = false;
        indent(out, level + 1);
        element(out, each);
    }
    if !empty {
        out.push('\n');
        indent(out, level);
    }
    out.push(close);
}

fn indent(out: &mut String, level: usize) {
    for _ in 0..level {
        out.push('\t');
    }
}

/// Prints one text in quotes with Go's escapes.
pub(crate) fn print_text(out: &mut String, text: &str) {
    out.push('"');
    // Nearly all texts have nothing to escape, and this pass looks at many
    // bytes at a time.
    if !text.bytes().fold(false, |found, byte| found | may_need_escape(byte)) {
        out.push_str(text);
        out.push('"');
        return;
    }
    let mut rest = text;
    while let Some(at) = rest.bytes().position(may_need_escape) {
        let (plain, tail) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = tail.chars();
        match chars.next() {
            Some(c) if needs_escape(c) => escape(out, c),
            Some(c) => out.push(c),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

/// Whether a character that needs an escape may begin with this byte. Such a
/// byte always begins a character.
fn may_need_escape(byte: u8) -> bool {
    byte < 0x20 || matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&' | 0xe2)
}

fn needs_escape(c: char) -> bool {
    matches!(c, '"' | '\\' | '<' | '>' | '&' | '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}')
}

fn escape(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        _ => {
            out.push_str("\\u");
            for shift in [12, 8, 4, 0] {
                let digit = (u32::from(c) >> shift) & 0xf;
                out.push(char::from_digit(digit, 16).unwrap_or('0'));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::read;
    use proptest::prelude::*;

    #[test]
    fn texts_are_escaped_as_go_escapes_them() {
        let mut out = String::new();
        print_text(&mut out, "a<b>&\"\\\n\r\t\u{8}\u{c}\u{1}\u{7f}\u{2028}\u{2029}ü😀/");
        assert_eq!(
            out,
            "\"a\\u003cb\\u003e\\u0026\\\"\\\\\\n\\r\\t\\b\\f\\u0001\u{7f}\\u2028\\u2029ü😀/\""
        );
    }

    #[test]
    fn what_is_printed_is_read_back_and_printed_the_same() {
        let print =
            |node: &Node<'_>| print_map(node.as_map().unwrap().iter().filter_map(Item::as_pair));
        let text = "{\n\t\"a\": [],\n\t\"b\": {},\n\t\"c\": [\n\t\t1,\n\t\t-0.5e+3,\n\t\tnull,\n\t\ttrue\n\t],\n\t\"c\": {\n\t\t\"d\": \"x\\ny\"\n\t}\n}\n";
        assert_eq!(print(&read(text).unwrap()), text);
    }

    #[test]
    fn wrong_json_is_refused_with_its_line() {
        for (text, line, message) in [
            ("", 1, "the text ends too early"),
            ("{", 1, "the text ends too early"),
            ("{\n\"a\" 1}", 2, "expected a colon"),
            ("{\"a\":1,}", 1, "expected a text in quotes"),
            ("[1 2]", 1, "expected a comma or the end"),
            ("01", 1, "expected a number"),
            ("-", 1, "expected a number"),
            ("1.", 1, "expected a number"),
            ("tru", 1, "expected a value"),
            ("\"a\nb\"", 1, "a control character must be escaped"),
            ("\"\\x\"", 1, "a backslash escape that JSON does not know"),
            ("\"\\u12", 1, "the text ends too early"),
            ("1\n\n2", 3, "text after the end of the value"),
            ("'a'", 1, "expected a value"),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(
                (error.line, error.problem.to_string().as_str()),
                (line, message),
                "{text:?}"
            );
        }
    }

    #[test]
    fn ten_thousand_levels_are_refused_and_not_a_stack_overflow() {
        let deep = "[".repeat(10_000);
        assert_eq!(read(&deep).unwrap_err().problem.to_string(), "nested deeper than 64 levels");
        let fine = format!("{}{}", "[".repeat(64), "]".repeat(64));
        assert!(read(&fine).is_ok());
    }

    #[test]
    fn surrogates_are_read_as_go_reads_them() {
        assert_eq!(read(r#""\ud83d\ude00""#).unwrap(), Node::text("😀"));
        assert_eq!(read(r#""\ud83dx""#).unwrap(), Node::text("\u{fffd}x"));
        assert_eq!(read(r#""\ud83d\u0041""#).unwrap(), Node::text("\u{fffd}A"));
        assert_eq!(read(r#""\ude00""#).unwrap(), Node::text("\u{fffd}"));
    }

    proptest! {
        #[test]
        fn texts_survive(text in any::<String>()) {
            let mut out = String::new();
            print_text(&mut out, &text);
            prop_assert_eq!(read(&out).unwrap(), Node::text(text.clone()));
            // A second, independent reader agrees.
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }

        #[test]
        fn accepts_exactly_what_an_independent_reader_accepts(text in r#"[\[\]{}",:0-9.eE+\-a-n\\u tru]{0,24}"#) {
            let ours = read(&text).is_ok();
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            // serde_json refuses lone surrogates and floats out of range; Go takes the former.
            let lenient = theirs.as_ref().err().map(ToString::to_string).unwrap_or_default();
            prop_assume!(!lenient.contains("surrogate") && !lenient.contains("out of range") && !lenient.contains("hex escape"));
            prop_assert_eq!(ours, theirs.is_ok());
        }
    }
}
