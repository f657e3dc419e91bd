//! JSON that somebody else has written, changed where it must be and nowhere
//! else: an item is put into its text, or cut out of it.
//!
//! Rules:
//! - What is not touched keeps its order, its spaces and its line ends.
//! - An item goes to the end of its list; taking it out again gives the bytes
//!   that were there before.
//! - Strict JSON: comments and trailing commas are refused, because they could
//!   not be kept.

use std::ops::Range;

use serde_json::Value;

/// A value's place in the text.
#[derive(Debug)]
struct Node {
    span: Range<usize>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Object(Vec<Member>),
    Array(Vec<Node>),
    Scalar,
}

#[derive(Debug)]
struct Member {
    key: String,
    /// Where its key begins.
    start: usize,
    value: Node,
}

/// A JSON text, known to be one.
#[derive(Debug)]
pub(crate) struct JsonText {
    text: String,
    value: Value,
    root: Node,
}

/// What keeps a text from being strict JSON, and where; lines and columns count
/// from one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Fault {
    /// Without its comments it would read.
    pub(crate) is_comment: bool,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// Says why a text that did not read is no strict JSON.
pub(crate) fn fault(text: &str) -> Fault {
    let (bare, first) = without_comments(text);
    match (serde_json::from_str::<Value>(&bare), first) {
        (Ok(_), Some((line, column))) => Fault { is_comment: true, line, column },
        (Err(error), _) => {
            Fault { is_comment: false, line: error.line().max(1), column: error.column().max(1) }
        }
        (Ok(_), None) => Fault { is_comment: false, line: 1, column: 1 },
    }
}

/// Puts blanks in place of comments, so that all else keeps its place. Says where
/// the first one begins.
fn without_comments(text: &str) -> (String, Option<(usize, usize)>) {
    let mut bare = String::with_capacity(text.len());
    let (mut first, mut line, mut column) = (None, 1, 0);
    let (mut in_text, mut escaped) = (false, false);
    // How the comment ends that is being read, and whether `*` came just before.
    let mut comment: Option<(char, bool)> = None;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        (line, column) = if char == '\n' { (line + 1, 0) } else { (line, column + 1) };
        if let Some((end, star)) = comment {
            bare.push(if char == '\n' { '\n' } else { ' ' });
            let is_over = char == end && (end == '\n' || star);
            comment = (!is_over).then_some((end, char == '*'));
            continue;
        }
        if !in_text && char == '/' && matches!(chars.peek(), Some('/' | '*')) {
            first = first.or(Some((line, column)));
            let end = if chars.next() == Some('/') { '\n' } else { '/' };
            column += 1;
            comment = Some((end, false));
            bare.push_str("  ");
            continue;
        }
        in_text ^= char == '"' && !escaped;
        escaped = in_text && char == '\\' && !escaped;
        bare.push(char);
    }
    (bare, first)
}

impl JsonText {
    /// `None` when the text is not strict JSON.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let mut scan = Scan { text, at: 0 };
        let root = scan.value()?;
        Some(Self { text: text.to_owned(), value, root })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    pub(crate) fn value(&self) -> &Value {
        &self.value
    }

    /// What stands at a path of keys.
    pub(crate) fn find(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(&self.value, |value, key| value.as_object()?.get(*key))
    }

    /// Puts an item at the end of the list at a path, and makes the way there.
    /// `None` when something else stands on the way.
    pub(crate) fn push(&self, path: &[&str], item: &Value) -> Option<Self> {
        self.insert(path, item, |item| Value::Array(vec![item]))
    }

    /// Puts a value at a path where nothing is.
    pub(crate) fn set(&self, path: &[&str], value: &Value) -> Option<Self> {
        if self.find(path).is_some() {
            return Self::parse(&self.text);
        }
        self.insert(path, value, |value| value)
    }

    fn insert(&self, path: &[&str], item: &Value, last: fn(Value) -> Value) -> Option<Self> {
        let mut node = &self.root;
        for (depth, key) in path.iter().enumerate() {
            let Kind::Object(members) = &node.kind else { return None };
            match members.iter().rev().find(|member| member.key == *key) {
                Some(member) => node = &member.value,
                None => {
                    let rest = path.get(depth + 1..)?.iter().rev();
                    let value = rest.fold(last(item.clone()), |inner, key| {
                        Value::Object([((*key).to_owned(), inner)].into_iter().collect())
                    });
                    return self.append(node, Some(key), &value);
                }
            }
        }
        match node.kind {
            Kind::Array(_) => self.append(node, None, item),
            _ => None,
        }
    }

    /// Writes a child at the end of an object or a list.
    fn append(&self, node: &Node, key: Option<&str>, value: &Value) -> Option<Self> {
        let (first, end) = node.children()?;
        let newline = if self.text.contains("\r\n") { "\r\n" } else { "\n" };
        let unit = self.unit();
        let print = |indent: &str| {
            let key = key.map(|key| format!("{}: ", Value::from(key))).unwrap_or_default();
            format!("{key}{}", print(value, indent, unit, newline))
        };
        let Some(first) = first else {
            let outer = self.indent_at(node.span.start);
            let inner = format!("{outer}{unit}");
            let body = format!("{newline}{inner}{}{newline}{outer}", print(&inner));
            return self.with(node.span.start + 1..node.span.end.checked_sub(1)?, &body);
        };
        let before = self.text.get(node.span.start..first)?;
        let piece = if before.contains('\n') {
            let indent = self.indent_at(first);
            format!(",{newline}{indent}{}", print(&indent))
        } else {
            let key = key.map(|key| format!("{}: ", Value::from(key))).unwrap_or_default();
            format!(", {key}{value}")
        };
        self.with(end..end, &piece)
    }

    /// Cuts the item at `index` out of the list at a path.
    pub(crate) fn cut_item(&self, path: &[&str], index: usize) -> Option<Self> {
        let node = self.node(path)?;
        let Kind::Array(items) = &node.kind else { return None };
        let spans: Vec<Range<usize>> = items.iter().map(|item| item.span.clone()).collect();
        self.cut(node, &spans, index)
    }

    /// Cuts the last member of a path out.
    pub(crate) fn cut_member(&self, path: &[&str]) -> Option<Self> {
        let (key, outer) = path.split_last()?;
        let node = self.node(outer)?;
        let Kind::Object(members) = &node.kind else { return None };
        let index = members.iter().rposition(|member| member.key == *key)?;
        let spans = members.iter().map(|member| member.start..member.value.span.end);
        let spans: Vec<Range<usize>> = spans.collect();
        self.cut(node, &spans, index)
    }

    fn cut(&self, node: &Node, spans: &[Range<usize>], index: usize) -> Option<Self> {
        let range = match (index.checked_sub(1).and_then(|at| spans.get(at)), spans.get(index + 1))
        {
            (Some(before), _) => before.end..spans.get(index)?.end,
            (None, Some(after)) => spans.get(index)?.start..after.start,
            (None, None) => node.span.start + 1..node.span.end.checked_sub(1)?,
        };
        self.with(range, "")
    }

    fn node(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(&self.root, |node, key| match &node.kind {
            Kind::Object(members) => {
                members.iter().rev().find(|member| member.key == *key).map(|member| &member.value)
            }
            _ => None,
        })
    }

    fn with(&self, range: Range<usize>, piece: &str) -> Option<Self> {
        let text = [self.text.get(..range.start)?, piece, self.text.get(range.end..)?].concat();
        Self::parse(&text)
    }

    /// The blanks that the line of a byte begins with.
    fn indent_at(&self, at: usize) -> String {
        let before = self.text.get(..at).unwrap_or_default();
        let line = before.rsplit('\n').next().unwrap_or_default();
        line.chars().take_while(|char| matches!(char, ' ' | '\t')).collect()
    }

    /// What the text indents by.
    fn unit(&self) -> &str {
        let indents = self.text.lines().map(|line| {
            let rest = line.trim_start_matches([' ', '\t']);
            line.get(..line.len() - rest.len()).unwrap_or_default()
        });
        indents.into_iter().find(|indent| !indent.is_empty()).unwrap_or("  ")
    }
}

impl Node {
    /// Where the first child begins, and where the last one ends.
    fn children(&self) -> Option<(Option<usize>, usize)> {
        match &self.kind {
            Kind::Object(members) => Some((
                members.first().map(|member| member.start),
                members.last().map_or(self.span.start + 1, |member| member.value.span.end),
            )),
            Kind::Array(items) => Some((
                items.first().map(|item| item.span.start),
                items.last().map_or(self.span.start + 1, |item| item.span.end),
            )),
            Kind::Scalar => None,
        }
    }
}

/// A value over several lines.
fn print(value: &Value, indent: &str, unit: &str, newline: &str) -> String {
    let inner = format!("{indent}{unit}");
    let lines = |open: char, parts: Vec<String>, close: char| {
        let parts = parts.join(&format!(",{newline}{inner}"));
        format!("{open}{newline}{inner}{parts}{newline}{indent}{close}")
    };
    match value {
        Value::Array(items) if !items.is_empty() => {
            lines('[', items.iter().map(|item| print(item, &inner, unit, newline)).collect(), ']')
        }
        Value::Object(members) if !members.is_empty() => {
            let members = members.iter().map(|(key, value)| {
                format!("{}: {}", Value::from(key.as_str()), print(value, &inner, unit, newline))
            });
            lines('{', members.collect(), '}')
        }
        _ => value.to_string(),
    }
}

/// A reader of spans, over a text that is known to be JSON: its depth is bounded
/// by the reader that knew it.
struct Scan<'t> {
    text: &'t str,
    at: usize,
}

impl Scan<'_> {
    fn value(&mut self) -> Option<Node> {
        self.blanks();
        let start = self.at;
        let kind = match self.peek()? {
            b'{' => {
                self.at += 1;
                let mut members = Vec::new();
                while self.more(b'}')? {
                    let start = self.at;
                    self.string()?;
                    let key = serde_json::from_str(self.text.get(start..self.at)?).ok()?;
                    self.blanks();
                    self.at += 1;
                    members.push(Member { key, start, value: self.value()? });
                }
                Kind::Object(members)
            }
            b'[' => {
                self.at += 1;
                let mut items = Vec::new();
                while self.more(b']')? {
                    items.push(self.value()?);
                }
                Kind::Array(items)
            }
            b'"' => {
                self.string()?;
                Kind::Scalar
            }
            _ => {
                while self.peek().is_some_and(|byte| {
                    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
                }) {
                    self.at += 1;
                }
                Kind::Scalar
            }
        };
        Some(Node { span: start..self.at, kind })
    }

    /// Goes to the next child; `false` behind the closing bracket.
    fn more(&mut self, close: u8) -> Option<bool> {
        self.blanks();
        if self.peek()? == b',' {
            self.at += 1;
            self.blanks();
        }
        if self.peek()? == close {
            self.at += 1;
            return Some(false);
        }
        Some(true)
    }

    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            let byte = self.peek()?;
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                return Some(());
            }
        }
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_item_is_put_in_as_the_text_is_written() {
        #[track_caller]
        fn case(old: &str, expected: &str) {
            let new = JsonText::parse(old).unwrap().push(&["a", "b"], &json!("x")).unwrap();
            assert_eq!(new.text(), expected, "{old}");
        }

        case("{}\n", "{\n  \"a\": {\n    \"b\": [\n      \"x\"\n    ]\n  }\n}\n");
        case("{\"a\": {\"b\": [1, 2]}}", "{\"a\": {\"b\": [1, 2, \"x\"]}}");
        case(
            "{\n\t\"a\": {\n\t\t\"b\": [\n\t\t\t1\n\t\t]\n\t}\n}",
            "{\n\t\"a\": {\n\t\t\"b\": [\n\t\t\t1,\n\t\t\t\"x\"\n\t\t]\n\t}\n}",
        );
        case(
            "{\n    \"c\": 1\n}\n",
            "{\n    \"c\": 1,\n    \"a\": {\n        \"b\": [\n            \"x\"\n        ]\n    }\n}\n",
        );
        case("{\r\n  \"a\": {\"b\": []}\r\n}", "{\r\n  \"a\": {\"b\": [\r\n    \"x\"\r\n  ]}\r\n}");
        for wrong in ["{\"a\": 1}", "[]", "{\"a\": {\"b\": {}}}"] {
            assert!(JsonText::parse(wrong).unwrap().push(&["a", "b"], &json!(1)).is_none());
        }
        for wrong in ["{ // c\n}", "{\"a\": 1,}", "", "\u{feff}{}"] {
            assert!(JsonText::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_comment_is_told_from_what_does_not_read() {
        #[track_caller]
        fn case(text: &str, is_comment: bool, line: usize, column: usize) {
            assert!(JsonText::parse(text).is_none(), "{text}");
            assert_eq!(fault(text), Fault { is_comment, line, column }, "{text}");
        }

        case("{\n  // mine\n}\n", true, 2, 3);
        case("{\"a\": 1 /* b\n*c */, \"d\": \"\\\"//\"}", true, 1, 9);
        case("{} // end", true, 1, 4);
        case("{\"a\": \"//\",}", false, 1, 12);
        case("{\n  // mine\n  \"a\": 1,\n}\n", false, 4, 1);
        case("{} /*/", true, 1, 4);
        case("", false, 1, 1);
        case("{", false, 1, 1);
        case("\u{feff}{}", false, 1, 1);
    }

    proptest! {
        #[test]
        fn in_and_out_gives_the_bytes_that_were_there(
            items in proptest::collection::vec("[a-c\"\\\\,\\]]{0,3}", 1..4),
            pretty in any::<bool>(),
            index in 0..4_usize,
        ) {
            let value = json!({ "z": null, "a": { "b": items, "t": [{}] }, "y": -1.5e3 });
            let old = if pretty { format!("{value:#}") } else { value.to_string() };
            let new = JsonText::parse(&old).unwrap().push(&["a", "b"], &json!({ "k": "v" })).unwrap();
            let new = new.push(&["a", "b"], &json!("2")).unwrap();
            let new = new.push(&["n", "m"], &json!("3")).unwrap();
            prop_assert_eq!(new.find(&["n", "m"]), Some(&json!(["3"])));
            let again = new.cut_member(&["n"]).unwrap();
            let again = again.cut_item(&["a", "b"], items.len() + 1).unwrap();
            let again = again.cut_item(&["a", "b"], items.len()).unwrap();
            prop_assert_eq!(again.text(), &old);
            let index = index % items.len();
            let cut = again.cut_item(&["a", "b"], index).unwrap();
            let mut left = items.clone();
            left.remove(index);
            prop_assert_eq!(cut.find(&["a", "b"]), Some(&json!(left)));
        }

        #[test]
        fn any_text_is_survived(text in any::<String>()) {
            let _ = fault(&text);
            if let Some(parsed) = JsonText::parse(&text) {
                let _ = parsed.push(&["a"], &json!(1));
            }
        }
    }
}
