//! Tree to text, in the one spelling of our documents: that of sops 3.13,
//! except that no comment stands behind a value.

use super::METADATA;
use super::scalar::needs_quotes;
use crate::node::{Item, Node};

/// How many columns one level is.
const INDENT: usize = 4;

/// Prints a document: the items, then the metadata.
pub(crate) fn print<'n>(items: impl Iterator<Item = &'n Item<'n>>, metadata: &Node<'_>) -> String {
    let mut text = String::new();
    for item in items {
        match item {
            Item::Comment(comment) => print_comment(&mut text, comment, 0),
            Item::Pair(key, node) => print_pair(&mut text, key, node, 0),
        }
    }
    print_pair(&mut text, METADATA, metadata, 0);
    text
}

/// Prints `key: value` with its line end, at a column.
pub(super) fn print_pair(out: &mut String, key: &str, node: &Node<'_>, column: usize) {
    indent(out, column);
    print_rest(out, key, node, column);
}

/// Prints a pair whose indentation is there already.
fn print_rest(out: &mut String, key: &str, node: &Node<'_>, column: usize) {
    out.push_str(&scalar(key));
    out.push(':');
    match node {
        Node::Map(items) if !items.is_empty() => {
            out.push('\n');
            print_map(out, items, deeper(column));
        }
        Node::List(nodes) if !nodes.is_empty() => {
            out.push('\n');
            print_list(out, nodes, deeper(column));
        }
        Node::Text(text) if is_block(text) => {
            out.push_str(" |\n");
            for line in text.lines() {
                indent(out, deeper(column));
                out.push_str(line);
                out.push('\n');
            }
        }
        leaf => {
            out.push(' ');
            print_leaf(out, leaf);
        }
    }
}

fn print_map(out: &mut String, items: &[Item<'_>], column: usize) {
    for item in items {
        match item {
            Item::Comment(comment) => print_comment(out, comment, column),
            Item::Pair(key, node) => print_pair(out, key, node, column),
        }
    }
}

fn print_list(out: &mut String, nodes: &[Node<'_>], column: usize) {
    for node in nodes {
        if let Node::Comment(comment) = node {
            print_comment(out, comment, column);
            continue;
        }
        indent(out, column);
        out.push('-');
        match node {
            Node::Map(items) if !items.is_empty() => {
                let mut pairs = items.iter().filter_map(Item::as_pair);
                if let Some((key, node)) = pairs.next() {
                    out.push(' ');
                    print_rest(out, key, node, column + 2);
                }
                pairs.for_each(|(key, node)| print_pair(out, key, node, column + 2));
            }
            Node::List(nodes) if !nodes.is_empty() => {
                out.push('\n');
                print_list(out, nodes, column + 2);
            }
            leaf => {
                out.push(' ');
                print_leaf(out, leaf);
            }
        }
    }
}

fn print_leaf(out: &mut String, node: &Node<'_>) {
    match node {
        Node::Text(text) => out.push_str(&scalar(text)),
        Node::Number(text) | Node::Time(text) => out.push_str(text),
        Node::Bool(true) => out.push_str("true"),
        Node::Bool(false) => out.push_str("false"),
        Node::Null | Node::Comment(_) => out.push_str("null"),
        Node::List(_) => out.push_str("[]"),
        Node::Map(_) => out.push_str("{}"),
    }
    out.push('\n');
}

fn print_comment(out: &mut String, comment: &str, column: usize) {
    indent(out, column);
    out.push('#');
    out.push_str(comment);
    out.push('\n');
}

fn indent(out: &mut String, column: usize) {
    out.extend(std::iter::repeat_n(' ', column));
}

/// The next column that is a multiple of the indentation.
fn deeper(column: usize) -> usize {
    (column / INDENT + 1) * INDENT
}

/// A text as a scalar on one line, in quotes where it needs them.
pub(super) fn scalar(text: &str) -> String {
    let first = text.bytes().next().unwrap_or(b' ');
    let begins = first.is_ascii_alphanumeric() || b"+/._".contains(&first);
    let inner = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    let plain = begins
        && text.bytes().all(inner)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !needs_quotes(text);
    if plain { text.to_owned() } else { quoted(text) }
}

/// A text in double quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            ' '..='~' => out.push(c),
            _ => match u32::from(c) {
                code @ 0..0x100 => out.push_str(&format!("\\x{code:02X}")),
                code @ 0x100..0x1_0000 => out.push_str(&format!("\\u{code:04X}")),
                code => out.push_str(&format!("\\U{code:08X}")),
            },
        }
    }
    out.push('"');
    out
}

/// Whether a text of several lines is printed as such: an armour.
fn is_block(text: &str) -> bool {
    let Some(lines) = text.strip_suffix('\n') else { return false };
    let plain = |line: &str| {
        !line.is_empty() && line.bytes().all(|b| (b' '..=b'~').contains(&b)) && !line.ends_with(' ')
    };
    lines.split('\n').all(plain) && !text.starts_with(' ')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sops::yaml_store::read;
    use proptest::prelude::*;

    fn any_node() -> impl Strategy<Value = Node<'static>> {
        let text = prop_oneof![
            any::<String>(),
            "[ -~\\n]{0,20}",
            "[0-9.:eExo_+-]{1,8}",
            "(y|No|on|null|~|true|<<|2020-01-02|-----BEGIN A-----\n[a-z]{4}\n)",
        ];
        let leaf = prop_oneof![
            text.prop_map(Node::text),
            Just(Node::Null),
            any::<bool>().prop_map(Node::Bool),
            any::<i64>().prop_map(|n| Node::Number(n.to_string().into())),
            any::<f64>()
                .prop_filter("not equal to itself", |n| !n.is_nan() && n.is_finite())
                .prop_map(|n| Node::Number(format!("{n:?}").into())),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            let map = proptest::collection::btree_map("[ -~]{0,8}", inner.clone(), 0..4);
            prop_oneof![
                proptest::collection::vec(inner, 0..4).prop_map(Node::List),
                map.prop_map(|map| Node::Map(pairs(map))),
            ]
        })
    }

    fn pairs(map: std::collections::BTreeMap<String, Node<'static>>) -> Vec<Item<'static>> {
        map.into_iter().map(|(key, node)| Item::Pair(key.into(), node)).collect()
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(
            map in proptest::collection::btree_map("[A-Za-z]{1,8}", any_node(), 0..6),
            comment in "[ -~]{0,12}",
        ) {
            let mut items = pairs(map);
            items.retain(|item| item.as_pair().is_some_and(|(key, _)| key != METADATA));
            items.insert(0, Item::Comment(comment.into()));
            let metadata = Node::Map(vec![Item::Pair("mac".into(), Node::text("m"))]);
            let text = print(items.iter(), &metadata);
            let (found, again) = read(&text).unwrap();
            prop_assert_eq!(&found, &items, "{}", &text);
            prop_assert_eq!(again, metadata);
            prop_assert_eq!(print(found.iter(), &Node::Map(vec![])).len(), print(items.iter(), &Node::Map(vec![])).len());
        }
    }

    #[test]
    fn texts_that_would_be_something_else_stand_in_quotes() {
        for text in [
            "",
            "y",
            "NO",
            "null",
            "1",
            "1e999",
            "0x1F",
            "2020-01-02",
            "a: b",
            "a #",
            "-",
            "ü",
            "a:",
        ] {
            assert!(scalar(text).starts_with('"'), "{text:?}");
        }
        for text in
            ["Y1", "age1abc", "ENC[AES256_GCM,data:a=,iv:b]", "3.13.2", "_unencrypted", "a b"]
        {
            assert_eq!(scalar(text), text);
        }
        assert_eq!(
            quoted("a\"\\\n\u{7f}ü\u{2028}😀"),
            "\"a\\\"\\\\\\n\\x7F\\xFC\\u2028\\U0001F600\""
        );
    }
}
