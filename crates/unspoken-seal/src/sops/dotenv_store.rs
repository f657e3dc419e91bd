//! Documents as sops' own dotenv dialect, where quotes are data.
//!
//! A line is a comment (`#` first), or a name, the first `=`, and a value in
//! which `\n` stands for a newline. Metadata is flattened into `sops_` lines:
//! `__map_` for a step into a map, `__list_` and an index for one into a list.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::node::{Item, Node};
use crate::parse_error::{ParseError, ParseProblem};

const PREFIX: &str = "sops_";
const MAP: &str = "__map_";
const LIST: &str = "__list_";

/// How many values and comments may stand in one text, far more than a document
/// may have: what is larger only costs memory.
const LINES: usize = 100_000;

/// How deep metadata may be nested; sops needs six steps at the most.
const DEPTH: usize = 16;

/// Splits a dotenv document into its items and its metadata.
pub(crate) fn read(text: &str) -> Result<(Vec<Item<'_>>, Node<'_>), ParseError> {
    let mut items = Vec::new();
    let mut metadata = Branch::default();
    for (index, line) in text.split('\n').enumerate() {
        let error = |problem| ParseError { line: index + 1, problem };
        if line.is_empty() {
            continue;
        }
        if items.len() > LINES {
            return Err(error(ParseProblem::TooMany));
        }
        if let Some(comment) = line.strip_prefix('#') {
            items.push(Item::Comment(Cow::Borrowed(comment)));
            continue;
        }
        let (key, value) = line.split_once('=').ok_or(error(ParseProblem::NoEquals))?;
        let Some(field) = key.strip_prefix(PREFIX) else {
            items.push(Item::Pair(Cow::Borrowed(key), Node::Text(unescape(value))));
            continue;
        };
        if line.ends_with('\r') {
            return Err(error(ParseProblem::CarriageReturn));
        }
        let path = split_path(field).ok_or(error(ParseProblem::FlatKey))?;
        metadata.insert(&path, unescape(value)).map_err(error)?;
    }
    if metadata.is_empty() {
        return Err(ParseError { line: 1, problem: ParseProblem::NoMetadata });
    }
    let problem = |problem| ParseError { line: text.split('\n').count(), problem };
    Ok((items, metadata.into_node().map_err(problem)?))
}

/// Prints a document: the items, then the flattened metadata.
pub(crate) fn print<'n>(items: impl Iterator<Item = &'n Item<'n>>, metadata: &Node<'_>) -> String {
    let mut text = String::new();
    for item in items {
        match item {
            Item::Comment(comment) => {
                text.push('#');
                text.push_str(comment);
            }
            Item::Pair(key, node) => {
                text.push_str(key);
                text.push('=');
                print_value(&mut text, node);
            }
        }
        text.push('\n');
    }
    flatten(&mut text, PREFIX, metadata);
    text
}

fn print_value(text: &mut String, node: &Node<'_>) {
    match node {
        Node::Text(value) => text.push_str(&value.replace('\n', "\\n")),
        Node::Number(value) => text.push_str(value),
        Node::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        // A dotenv document is read into texts, and only texts are put in.
        Node::Null | Node::Time(_) | Node::Comment(_) | Node::List(_) | Node::Map(_) => {}
    }
}

fn flatten(out: &mut String, key: &str, node: &Node<'_>) {
    let separator = if key == PREFIX { "" } else { MAP };
    match node {
        Node::Map(items) => {
            for item in items {
                if let Item::Pair(name, node) = item {
                    flatten(out, &format!("{key}{separator}{name}"), node);
                }
            }
        }
        Node::List(nodes) => {
            for (index, node) in nodes.iter().enumerate() {
                flatten(out, &format!("{key}{LIST}{index}"), node);
            }
        }
        _ => {
            out.push_str(key);
            out.push('=');
            print_value(out, node);
            out.push('\n');
        }
    }
}

fn unescape(value: &str) -> Cow<'_, str> {
    if value.contains("\\n") {
        Cow::Owned(value.replace("\\n", "\n"))
    } else {
        Cow::Borrowed(value)
    }
}

/// One step into flattened metadata.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

/// Takes `age__list_0__map_enc` apart.
fn split_path(field: &str) -> Option<Vec<Step<'_>>> {
    let mut steps = Vec::new();
    let mut rest = field;
    let mut index = false;
    loop {
        let end = [rest.find(MAP), rest.find(LIST)].into_iter().flatten().min();
        let (head, tail) = rest.split_at(end.unwrap_or(rest.len()));
        if head.is_empty() || steps.len() == DEPTH {
            return None;
        }
        // `+1`, `01`: one spelling per index.
        let canonical = |n: &usize| n.to_string() == head;
        steps.push(if index {
            Step::Index(head.parse().ok().filter(canonical)?)
        } else {
            Step::Key(head)
        });
        if tail.is_empty() {
            return Some(steps);
        }
        index = tail.starts_with(LIST);
        rest = tail.strip_prefix(if index { LIST } else { MAP })?;
    }
}

/// Metadata that is being put together again.
#[derive(Debug, Default)]
struct Branch<'a> {
    leaf: Option<Cow<'a, str>>,
    keys: BTreeMap<&'a str, Branch<'a>>,
    indexes: BTreeMap<usize, Branch<'a>>,
}

impl<'a> Branch<'a> {
    fn is_empty(&self) -> bool {
        self.leaf.is_none() && self.keys.is_empty() && self.indexes.is_empty()
    }

    fn insert(&mut self, path: &[Step<'a>], value: Cow<'a, str>) -> Result<(), ParseProblem> {
        let mut branch = self;
        for step in path {
            branch = match *step {
                Step::Key(key) => branch.keys.entry(key).or_default(),
                Step::Index(index) => branch.indexes.entry(index).or_default(),
            };
        }
        if !branch.is_empty() {
            return Err(ParseProblem::Repeated);
        }
        branch.leaf = Some(value);
        Ok(())
    }

    fn into_node(self) -> Result<Node<'a>, ParseProblem> {
        match (self.leaf, self.keys.is_empty(), self.indexes.is_empty()) {
            (Some(text), true, true) => Ok(Node::Text(text)),
            (None, false, true) => {
                let pair = |(key, branch): (&'a str, Branch<'a>)| {
                    Ok(Item::Pair(Cow::Borrowed(key), branch.into_node()?))
                };
                self.keys.into_iter().map(pair).collect::<Result<_, _>>().map(Node::Map)
            }
            (None, true, false) => {
                if !self.indexes.keys().copied().eq(0..self.indexes.len()) {
                    return Err(ParseProblem::IndexGap);
                }
                let nodes = self.indexes.into_values().map(Branch::into_node);
                nodes.collect::<Result<_, _>>().map(Node::List)
            }
            _ => Err(ParseProblem::Repeated),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_blanks_and_backslashes_are_data() {
        let text = "A=\"v # x\"\nB= b \n#\n# c\nexport X=1\n=v\nDUP=1\nDUP=2\nE=a=b==\nN=x\\ny\\\\nz\nsops_mac=m\n";
        let (items, metadata) = read(text).unwrap();
        let pair =
            |key: &'static str, value: &'static str| Item::Pair(key.into(), Node::text(value));
        assert_eq!(
            items,
            [
                pair("A", "\"v # x\""),
                pair("B", " b "),
                Item::Comment("".into()),
                Item::Comment(" c".into()),
                pair("export X", "1"),
                pair("", "v"),
                pair("DUP", "1"),
                pair("DUP", "2"),
                pair("E", "a=b=="),
                pair("N", "x\ny\\\nz"),
            ]
        );
        assert_eq!(print(items.iter(), &metadata), text);
    }

    #[test]
    fn metadata_is_flattened_with_indexes_in_order() {
        let lines: String =
            (0..12).map(|n| format!("sops_age__list_{n}__map_enc=e{n}\n")).collect();
        let (_, metadata) = read(&lines).unwrap();
        assert_eq!(metadata.get("age").unwrap().as_list().unwrap().len(), 12);
        assert_eq!(print([].iter(), &metadata), lines);
    }

    #[test]
    fn wrong_documents_are_refused_with_their_line() {
        for (text, line, problem) in [
            ("A=b\n", 1, ParseProblem::NoMetadata),
            ("A=b\njunk\nsops_mac=m\n", 2, ParseProblem::NoEquals),
            ("sops_mac=m\nsops_mac=n\n", 2, ParseProblem::Repeated),
            ("sops_mac=m\nsops_mac__map_x=n\n", 3, ParseProblem::Repeated),
            ("A=b\nsops_age__list_1__map_enc=e", 2, ParseProblem::IndexGap),
            ("sops_age__list_x=e\n", 1, ParseProblem::FlatKey),
            ("sops_age__list_00=e\n", 1, ParseProblem::FlatKey),
            ("sops_=e\n", 1, ParseProblem::FlatKey),
            ("sops_lastmodified=x\r\n", 1, ParseProblem::CarriageReturn),
        ] {
            assert_eq!(read(text).unwrap_err(), ParseError { line, problem }, "{text:?}");
        }
    }
}
