//! Text to tree.

use std::borrow::Cow;

use thiserror::Error;

use crate::node::{Item, Node};

/// How deep lists and maps may stand in each other.
const DEPTH: usize = 64;

/// How many values may stand in one text, lists and maps included. A document
/// has a tenth of it; what is larger only costs memory.
const NODES: usize = 100_000;

/// What is wrong in a JSON text, and in which line.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("line {line}: {problem}")]
pub struct JsonError {
    pub line: usize,
    pub problem: JsonProblem,
}

/// One thing that can be wrong in a JSON text.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum JsonProblem {
    #[error("the text ends too early")]
    End,
    #[error("expected {expected}")]
    Expected { expected: &'static str },
    #[error("a control character must be escaped")]
    Control,
    #[error("a backslash escape that JSON does not know")]
    Escape,
    #[error("nested deeper than {DEPTH} levels")]
    TooDeep,
    #[error("more than {NODES} values")]
    TooMany,
    #[error("text after the end of the value")]
    Trailing,
}

/// Reads one JSON value that fills the whole text.
pub(crate) fn read(text: &str) -> Result<Node<'_>, JsonError> {
    let mut reader = Reader { text, at: 0, nodes: 0 };
    let result = reader.value(0).and_then(|node| {
        reader.blank();
        if reader.at == text.len() { Ok(node) } else { Err(JsonProblem::Trailing) }
    });
    result.map_err(|problem| JsonError { line: reader.line(), problem })
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn line(&self) -> usize {
        let before = self.text.as_bytes().iter().take(self.at);
        1 + before.filter(|&&byte| byte == b'\n').count()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), JsonProblem> {
        match self.peek() {
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(JsonProblem::Expected { expected }),
            None => Err(JsonProblem::End),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node<'a>, JsonProblem> {
        self.blank();
        self.nodes += 1;
        if self.nodes > NODES {
            return Err(JsonProblem::TooMany);
        }
        match self.peek().ok_or(JsonProblem::End)? {
            b'{' => self.map(depth + 1),
            b'[' => self.list(depth + 1),
            b'"' => self.string().map(Node::Text),
            b't' => self.word("true", Node::Bool(true)),
            b'f' => self.word("false", Node::Bool(false)),
            b'n' => self.word("null", Node::Null),
            b'-' | b'0'..=b'9' => self.number(),
            _ => Err(JsonProblem::Expected { expected: "a value" }),
        }
    }

    fn word(&mut self, word: &'static str, node: Node<'a>) -> Result<Node<'a>, JsonProblem> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(node)
        } else {
            Err(JsonProblem::Expected { expected: "a value" })
        }
    }

    fn map(&mut self, depth: usize) -> Result<Node<'a>, JsonProblem> {
        let mut items = Vec::new();
        self.sequence(depth, b'}', |reader| {
            reader.blank();
            let key = reader.string()?;
            reader.blank();
            reader.expect(b':', "a colon")?;
            items.push(Item::Pair(key, reader.value(depth)?));
            Ok(())
        })?;
        Ok(Node::Map(items))
    }

    fn list(&mut self, depth: usize) -> Result<Node<'a>, JsonProblem> {
        let mut nodes = Vec::new();
        self.sequence(depth, b']', |reader| {
            nodes.push(reader.value(depth)?);
            Ok(())
        })?;
        Ok(Node::List(nodes))
    }

    fn sequence(
        &mut self,
        depth: usize,
        close: u8,
        mut element: impl FnMut(&mut Self) -> Result<(), JsonProblem>,
    ) -> Result<(), JsonProblem> {
        if depth > DEPTH {
            return Err(JsonProblem::TooDeep);
        }
        self.at += 1;
        self.blank();
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(());
        }
        loop {
            element(self)?;
            self.blank();
            match self.peek().ok_or(JsonProblem::End)? {
                b',' => self.at += 1,
                found if found == close => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(JsonProblem::Expected { expected: "a comma or the end" }),
            }
        }
    }

    fn number(&mut self) -> Result<Node<'a>, JsonProblem> {
        let start = self.at;
        let wrong = JsonProblem::Expected { expected: "a number" };
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let leading_zero = self.peek() == Some(b'0');
        let whole = self.digits();
        if whole == 0 || (leading_zero && whole > 1) {
            return Err(wrong);
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(wrong);
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(wrong);
            }
        }
        self.text.get(start..self.at).map(|text| Node::Number(text.into())).ok_or(wrong)
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn string(&mut self) -> Result<Cow<'a, str>, JsonProblem> {
        self.expect(b'"', "a text in quotes")?;
        let start = self.at;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        // Two passes that the compiler and the library do many bytes at a time.
        let plain = memchr::memchr2(b'"', b'\\', rest).ok_or(JsonProblem::End)?;
        self.at += plain;
        let head = self.text.get(start..self.at).ok_or(JsonProblem::End)?;
        if head.bytes().map(|byte| u8::from(byte < 0x20)).fold(0, std::ops::BitOr::bitor) != 0 {
            self.at = start;
            return Err(JsonProblem::Control);
        }
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(head));
        }
        // Room for everything that can follow, so that a value which is being
        // imported is not left behind in a buffer that was outgrown.
        let length = end_of_string(rest.get(plain..).unwrap_or_default());
        let mut owned = String::with_capacity(head.len() + length);
        owned.push_str(head);
        self.escaped(&mut owned)?;
        Ok(Cow::Owned(owned))
    }

    fn escaped(&mut self, owned: &mut String) -> Result<(), JsonProblem> {
        loop {
            let start = self.at;
            while self.peek().is_some_and(|byte| byte != b'"' && byte != b'\\' && byte >= 0x20) {
                self.at += 1;
            }
            owned.push_str(self.text.get(start..self.at).ok_or(JsonProblem::End)?);
            match self.peek().ok_or(JsonProblem::End)? {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => {
                    self.at += 1;
                    let c = self.escape()?;
                    owned.push(c);
                }
                _ => return Err(JsonProblem::Control),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonProblem> {
        let kind = self.peek().ok_or(JsonProblem::End)?;
        self.at += 1;
        Ok(match kind {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => self.unicode()?,
            _ => return Err(JsonProblem::Escape),
        })
    }

    /// Reads `XXXX` after `\u`, and the second half of a surrogate pair. A lone
    /// surrogate becomes U+FFFD, as in Go.
    fn unicode(&mut self) -> Result<char, JsonProblem> {
        let first = self.hex4()?;
        if let Some(c) = char::from_u32(first) {
            return Ok(c);
        }
        let pair = self.text.as_bytes().get(self.at..self.at + 2) == Some(b"\\u");
        if (0xD800..0xDC00).contains(&first) && pair {
            let before = self.at;
            self.at += 2;
            let second = self.hex4()?;
            if (0xDC00..0xE000).contains(&second) {
                let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex4(&mut self) -> Result<u32, JsonProblem> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).ok_or(JsonProblem::End)?;
        let mut code = 0;
        for &digit in digits {
            let digit = char::from(digit).to_digit(16).ok_or(JsonProblem::Escape)?;
            code = code * 16 + digit;
        }
        self.at += 4;
        Ok(code)
    }
}

/// How many bytes are left of a string, up to its closing quote.
fn end_of_string(rest: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&byte) = rest.get(at) {
        match byte {
            b'"' => break,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    // An escape of a lone surrogate takes 6 bytes and yields 3, so no escape
    // grows.
    at
}
