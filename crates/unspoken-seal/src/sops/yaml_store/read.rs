//! Text to tree, with the place of every pair that may be edited.
//!
//! A comment belongs to the map or list around it, which is found by its
//! indentation. One that stands behind a value comes before that value, as in
//! the tree of sops.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use granit_parser::{Event, Parser, Placement, ScalarStyle, Span, StrInput, StructureStyle};

use super::problem::YamlProblem;
use super::scalar;
use crate::node::{Item, Node};
use crate::parse_error::{ParseError, ParseProblem};

/// How deep lists and maps may stand in each other.
pub(super) const DEPTH: usize = 64;

/// How many values and comments may stand in one text. A document has a tenth
/// of it; what is larger only costs memory.
pub(super) const NODES: usize = 100_000;

/// A document's top level as it was read.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) items: Vec<Item<'a>>,
    /// Where the pairs stand, in their order.
    pub(super) pairs: Vec<Pair<'a>>,
}

/// Where a pair stands in the text, in bytes.
#[derive(Debug)]
pub(super) struct Pair<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) key: Range<usize>,
    /// For a block scalar, its content without the indicator.
    pub(super) value: Range<usize>,
    /// `None` for a list or a map.
    pub(super) style: Option<ScalarStyle>,
    /// The pairs of a map.
    pub(super) inner: Vec<Pair<'a>>,
}

/// Reads the one document of a text.
pub(super) fn read(text: &str) -> Result<Source<'_>, ParseError> {
    // YAML 1.1, which sops reads, and 1.2 differ in these: one would see a name
    // where the other sees a comment.
    if let Some(at) = text.find(['\u{85}', '\u{2028}', '\u{2029}']) {
        let before = text.get(..at).unwrap_or_default();
        return Err(ParseError {
            line: 1 + before.matches('\n').count(),
            problem: ParseProblem::Yaml(YamlProblem::LineEnd),
        });
    }
    let options = granit_parser::options! {
        disallow_directives: true,
        max_buffered_comment_events: NODES,
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
    };
    let parser = Parser::new_from_str_with_options(text, options);
    let mut reader = Reader { text, parser, comments: Vec::new(), line: 1, end: 0, nodes: 0 };
    reader
        .document()
        .map_err(|problem| ParseError { line: reader.line, problem: ParseProblem::Yaml(problem) })
}

/// A comment whose place in the tree is not known yet.
#[derive(Debug)]
struct Pending<'a> {
    text: Cow<'a, str>,
    column: usize,
}

struct Reader<'a> {
    text: &'a str,
    parser: Parser<'a, StrInput<'a>>,
    comments: Vec<Pending<'a>>,
    /// The line that is being read.
    line: usize,
    /// Where the last value ended.
    end: usize,
    nodes: usize,
}

/// A value and where it stands.
struct Placed<'a> {
    node: Node<'a>,
    range: Range<usize>,
    style: Option<ScalarStyle>,
    pairs: Vec<Pair<'a>>,
}

impl<'a> Reader<'a> {
    fn event(&mut self) -> Result<(Event<'a>, Span), YamlProblem> {
        let next = self.parser.next_event().ok_or(YamlProblem::Syntax)?;
        let (event, span) = next.map_err(|error| {
            self.line = error.marker().line();
            YamlProblem::Syntax
        })?;
        self.line = span.start.line();
        self.nodes += usize::from(event.is_node() || matches!(event, Event::Comment(..)));
        if self.nodes > NODES {
            return Err(YamlProblem::TooMany);
        }
        Ok((event, span))
    }

    fn document(&mut self) -> Result<Source<'a>, YamlProblem> {
        let (mut items, pairs) = loop {
            match self.event()? {
                (Event::StreamStart | Event::DocumentStart(..), _) => {}
                (Event::Comment(text, _), span) => self.keep(text, span),
                (event @ Event::MappingStart(..), span) => {
                    let root = self.value(event, span, 1)?;
                    let Node::Map(items) = root.node else { return Err(YamlProblem::NotMap) };
                    break (items, root.pairs);
                }
                (Event::StreamEnd, _) => break (Vec::new(), Vec::new()),
                _ => return Err(YamlProblem::NotMap),
            }
        };
        while self.parser.peek().is_some() {
            match self.event()? {
                (Event::Comment(text, _), span) => self.keep(text, span),
                (Event::DocumentEnd | Event::StreamEnd, _) => {}
                (Event::DocumentStart(..), _) => return Err(YamlProblem::SecondDocument),
                _ => return Err(YamlProblem::Syntax),
            }
        }
        items.extend(self.take_comments(0).map(Item::Comment));
        Ok(Source { items, pairs })
    }

    fn keep(&mut self, text: Cow<'a, str>, span: Span) {
        self.comments.push(Pending { text, column: span.start.col() });
    }

    /// The comments that are at least so far to the right.
    fn take_comments(&mut self, column: usize) -> impl Iterator<Item = Cow<'a, str>> + use<'a> {
        let comments = std::mem::take(&mut self.comments);
        let (taken, left): (Vec<_>, _) = comments.into_iter().partition(|c| c.column >= column);
        self.comments = left;
        taken.into_iter().map(|comment| comment.text)
    }

    fn value(
        &mut self,
        event: Event<'a>,
        span: Span,
        depth: usize,
    ) -> Result<Placed<'a>, YamlProblem> {
        let range = span.byte_range().ok_or(YamlProblem::Syntax)?;
        if depth > DEPTH {
            return Err(YamlProblem::TooDeep);
        }
        match event {
            Event::Scalar(_, _, anchor, _)
            | Event::MappingStart(_, anchor, _)
            | Event::SequenceStart(_, anchor, _)
                if anchor != 0 =>
            {
                Err(YamlProblem::Alias)
            }
            Event::Alias(_) => Err(YamlProblem::Alias),
            Event::Scalar(_, _, _, Some(_))
            | Event::MappingStart(_, _, Some(_))
            | Event::SequenceStart(_, _, Some(_)) => Err(YamlProblem::Tag),
            Event::Scalar(text, style, ..) => {
                let written = self.text.get(range.clone()).ok_or(YamlProblem::Syntax)?;
                let node = match style {
                    // What is not there is reported as `~`.
                    ScalarStyle::Plain if written.is_empty() => Node::Null,
                    ScalarStyle::Plain => scalar::resolve(text)?,
                    _ => Node::Text(text),
                };
                let whole = self.text.get(..range.end).ok_or(YamlProblem::Syntax)?;
                // A block scalar's place goes to the next token, over blank lines
                // that are its own or not.
                let end = match style {
                    ScalarStyle::Literal | ScalarStyle::Folded if keeps_blank_lines(&node) => {
                        whole.trim_end_matches(' ').len()
                    }
                    ScalarStyle::Literal | ScalarStyle::Folded => {
                        whole.trim_end_matches([' ', '\t', '\r', '\n']).len().max(range.start)
                    }
                    _ => range.end,
                };
                self.end = self.end.max(end);
                self.line += written.trim_end().matches('\n').count();
                Ok(Placed { node, range: range.start..end, style: Some(style), pairs: Vec::new() })
            }
            Event::MappingStart(style, ..) => {
                let column = column_of(style, span.start.col());
                let (items, pairs) = self.map(column, depth)?;
                Ok(Placed {
                    node: Node::Map(items),
                    range: range.start..self.end,
                    style: None,
                    pairs,
                })
            }
            Event::SequenceStart(style, ..) => {
                // A list may stand as far to the left as its key. Its column is
                // then that of its first value, and its comments go to the map.
                let column = column_of(style, span.start.col());
                let nodes = self.list(column, depth)?;
                Ok(Placed {
                    node: Node::List(nodes),
                    range: range.start..self.end,
                    style: None,
                    pairs: Vec::new(),
                })
            }
            _ => Err(YamlProblem::Syntax),
        }
    }

    fn map(
        &mut self,
        column: usize,
        depth: usize,
    ) -> Result<(Vec<Item<'a>>, Vec<Pair<'a>>), YamlProblem> {
        let (mut items, mut pairs) = (Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        let mut last = None;
        loop {
            let (event, span) = self.event()?;
            match event {
                Event::Comment(text, Placement::Right) if last == Some(self.line) => {
                    items.insert(items.len().saturating_sub(1), Item::Comment(text));
                }
                Event::Comment(text, _) => self.keep(text, span),
                Event::MappingEnd => {
                    self.close(span);
                    items.extend(self.take_comments(column).map(Item::Comment));
                    return Ok((items, pairs));
                }
                key => {
                    items.extend(self.take_comments(0).map(Item::Comment));
                    let (name, range) = self.key(key, span)?;
                    if !seen.insert(name.clone()) {
                        return Err(YamlProblem::Repeated);
                    }
                    let placed = self.value_of_key(&mut items, depth)?;
                    pairs.push(Pair {
                        name: name.clone(),
                        key: range,
                        value: placed.range,
                        style: placed.style,
                        inner: placed.pairs,
                    });
                    items.push(Item::Pair(name, placed.node));
                    last = Some(self.line);
                }
            }
        }
    }

    /// Reads what stands after a key. Comments before a scalar are the map's,
    /// those before a list or a map are inside of it.
    fn value_of_key(
        &mut self,
        items: &mut Vec<Item<'a>>,
        depth: usize,
    ) -> Result<Placed<'a>, YamlProblem> {
        loop {
            match self.event()? {
                (Event::Comment(text, _), span) => self.keep(text, span),
                (event, span) => {
                    if matches!(event, Event::Scalar(..)) {
                        items.extend(self.take_comments(0).map(Item::Comment));
                    }
                    return self.value(event, span, depth + 1);
                }
            }
        }
    }

    fn key(
        &mut self,
        event: Event<'a>,
        span: Span,
    ) -> Result<(Cow<'a, str>, Range<usize>), YamlProblem> {
        match &event {
            Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<" => {
                return Err(YamlProblem::Merge);
            }
            Event::Scalar(..) | Event::Alias(_) => {}
            _ => return Err(YamlProblem::KeyNotText),
        }
        let placed = self.value(event, span, 1)?;
        match placed.node {
            Node::Text(name) => Ok((name, placed.range)),
            _ => Err(YamlProblem::KeyNotText),
        }
    }

    fn list(&mut self, column: usize, depth: usize) -> Result<Vec<Node<'a>>, YamlProblem> {
        let mut nodes: Vec<Node<'a>> = self.take_comments(0).map(Node::Comment).collect();
        let mut last = None;
        loop {
            let (event, span) = self.event()?;
            match event {
                Event::Comment(text, Placement::Right) if last == Some(self.line) => {
                    nodes.insert(nodes.len().saturating_sub(1), Node::Comment(text));
                }
                Event::Comment(text, _) => self.keep(text, span),
                Event::SequenceEnd => {
                    self.close(span);
                    nodes.extend(self.take_comments(column).map(Node::Comment));
                    return Ok(nodes);
                }
                event => {
                    nodes.extend(self.take_comments(0).map(Node::Comment));
                    nodes.push(self.value(event, span, depth + 1)?.node);
                    last = Some(self.line);
                }
            }
        }
    }

    /// Takes note of where a list or map ended, when a bracket ends it.
    fn close(&mut self, span: Span) {
        if let Some(range) = span.byte_range()
            && !range.is_empty()
        {
            self.end = self.end.max(range.end);
        }
    }
}

/// Whether the blank lines behind a block scalar belong to it.
fn keeps_blank_lines(node: &Node<'_>) -> bool {
    node.as_text().is_some_and(|text| text == "\n" || text.ends_with("\n\n"))
}

/// The column from which on a comment is inside.
fn column_of(style: StructureStyle, column: usize) -> usize {
    match style {
        StructureStyle::Block => column,
        StructureStyle::Flow => 0,
    }
}
