//! Changes put into a text that another program wrote: what was not changed
//! keeps its bytes, comments and blank lines included.

use std::ops::Range;

use granit_parser::ScalarStyle;

use super::METADATA;
use super::print::{print_pair, quoted, scalar};
use super::read::{Pair, Source, read};
use crate::node::{Item, Node};
use crate::sops::metadata::Metadata;

/// Makes `text` hold these items and this metadata. New names go to the end.
/// `None` when the layout does not allow it: what came out is read again, and
/// must be what was asked for.
pub(crate) fn edit<'n>(
    text: &str,
    items: impl Iterator<Item = &'n Item<'n>>,
    metadata: &Metadata<'_>,
) -> Option<String> {
    let wanted: Vec<(&str, &Node<'_>)> = items.filter_map(Item::as_pair).collect();
    let source = read(text).ok()?;
    let mut editor = Editor { text, edits: Vec::new() };
    editor.values(&source, &wanted)?;
    editor.metadata(&source, metadata)?;
    let edited = editor.apply()?;

    let (found, found_metadata) = super::read(&edited).ok()?;
    let same = found.iter().filter_map(Item::as_pair).eq(wanted);
    let metadata_fits = Metadata::new(found_metadata)?.to_written() == metadata.to_written();
    (same && metadata_fits).then_some(edited)
}

struct Editor<'t> {
    text: &'t str,
    edits: Vec<(Range<usize>, String)>,
}

impl Editor<'_> {
    fn values(&mut self, source: &Source<'_>, wanted: &[(&str, &Node<'_>)]) -> Option<()> {
        let nodes: Vec<&Node<'_>> =
            source.items.iter().filter_map(Item::as_pair).map(|(_, node)| node).collect();
        let mut next = 0;
        let mut added = Vec::new();
        for &(name, node) in wanted {
            // What stands before the one that was found last was removed, and
            // may have come back at the end.
            let rest = || source.pairs.iter().skip(next).position(|pair| pair.name == name);
            match added.is_empty().then(rest).flatten() {
                Some(skipped) => {
                    self.remove(source.pairs.get(next..next + skipped)?)?;
                    next += skipped;
                    if *nodes.get(next)? != node {
                        self.replace(source.pairs.get(next)?, node)?;
                    }
                    next += 1;
                }
                None => added.push((name, node)),
            }
        }
        self.remove(source.pairs.get(next..)?)?;
        self.append(source, &added)
    }

    /// Removes the lines of pairs. A comment above them stays.
    fn remove(&mut self, pairs: &[Pair<'_>]) -> Option<()> {
        for pair in pairs.iter().filter(|pair| pair.name != METADATA) {
            let (start, _) = self.line_start(pair)?;
            self.edits.push((start..self.line_end(pair), String::new()));
        }
        Some(())
    }

    fn replace(&mut self, pair: &Pair<'_>, node: &Node<'_>) -> Option<()> {
        let text = node.as_text()?;
        let Range { start, end } = pair.value;
        let edit = match pair.style? {
            ScalarStyle::DoubleQuoted => (start..end, quoted(text)),
            ScalarStyle::SingleQuoted if is_tame(text) => (start..end, format!("'{text}'")),
            ScalarStyle::Plain if start < end => (start..end, scalar(text)),
            // Nothing stands there, or an indicator stands before it.
            _ => {
                let colon = pair.key.end + self.text.get(pair.key.end..)?.find(':')? + 1;
                let whole = self.text.get(..end.max(colon))?;
                let whole = whole.trim_end_matches([' ', '\t', '\r', '\n']).len();
                (colon..whole.max(colon), format!(" {}", scalar(text)))
            }
        };
        self.edits.push(edit);
        Some(())
    }

    /// Puts new pairs after the last one, before the metadata where that is
    /// last.
    fn append(&mut self, source: &Source<'_>, added: &[(&str, &Node<'_>)]) -> Option<()> {
        if added.is_empty() {
            return Some(());
        }
        let values = source.pairs.iter().rev().find(|pair| pair.name != METADATA);
        let (at, column) = match values {
            Some(last) => (self.line_end(last), self.line_start(last)?.1),
            None => self.line_start(source.pairs.first()?)?,
        };
        let mut lines = String::new();
        for (name, node) in added {
            print_pair(&mut lines, name, node, column);
        }
        let before = self.text.get(..at)?;
        let open = !before.is_empty() && !before.ends_with('\n') && before != "\u{feff}";
        let lines = if open { format!("\n{lines}") } else { lines };
        let lines = self.with_line_ends(lines);
        self.edits.push((at..at, lines));
        Some(())
    }

    /// Changes the metadata: single texts where they stand, or else all of it.
    fn metadata(&mut self, source: &Source<'_>, metadata: &Metadata<'_>) -> Option<()> {
        let pair = source.pairs.iter().find(|pair| pair.name == METADATA)?;
        let is_metadata = |item: &&Item<'_>| item.as_pair().is_some_and(|(k, _)| k == METADATA);
        let (_, before) = source.items.iter().find(is_metadata)?.as_pair()?;
        let after = metadata.node();
        let mark = self.edits.len();
        let stays = |key: &str| before.get(key).is_some();
        if metadata.keys().all(stays) && self.scalars(pair, before, after).is_some() {
            return Some(());
        }
        self.edits.truncate(mark);
        let (start, column) = self.line_start(pair)?;
        let mut lines = String::new();
        print_pair(&mut lines, METADATA, &metadata.to_written(), column);
        let lines = self.with_line_ends(lines);
        self.edits.push((start..self.line_end(pair), lines));
        Some(())
    }

    fn scalars(&mut self, pair: &Pair<'_>, before: &Node<'_>, after: &Node<'_>) -> Option<()> {
        for inner in &pair.inner {
            let (old, new) = (before.get(&inner.name)?, after.get(&inner.name)?);
            if without_comments(old) == *new {
                continue;
            }
            old.as_text()?;
            self.replace(inner, new)?;
        }
        Some(())
    }

    /// Where a pair's line begins, and the column at which its key stands.
    /// `None` when something stands before it.
    fn line_start(&self, pair: &Pair<'_>) -> Option<(usize, usize)> {
        let before = self.text.get(..pair.key.start)?;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let head = before.get(start..)?;
        let blank = head.strip_prefix('\u{feff}').filter(|_| start == 0).unwrap_or(head);
        let column = blank.len();
        blank.bytes().all(|b| b == b' ').then_some((pair.key.start - column, column))
    }

    /// Where a pair's last line ends, with what stands behind the value.
    fn line_end(&self, pair: &Pair<'_>) -> usize {
        let from = pair.value.end.max(pair.key.end);
        let (before, rest) = self.text.split_at_checked(from).unwrap_or_default();
        if before.ends_with('\n') {
            return from;
        }
        rest.find('\n').map_or(self.text.len(), |at| from + at + 1)
    }

    fn with_line_ends(&self, lines: String) -> String {
        let first = self.text.split_inclusive('\n').next().unwrap_or_default();
        if first.ends_with("\r\n") { lines.replace('\n', "\r\n") } else { lines }
    }

    fn apply(mut self) -> Option<String> {
        self.edits.sort_by_key(|(range, _)| (range.start, range.end));
        let mut out = String::with_capacity(self.text.len() + 1024);
        let mut at = 0;
        for (range, text) in &self.edits {
            out.push_str(self.text.get(at..range.start)?);
            out.push_str(text);
            at = range.end;
        }
        out.push_str(self.text.get(at..)?);
        Some(out)
    }
}

fn is_tame(text: &str) -> bool {
    text.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'\'')
}

fn without_comments<'n>(node: &Node<'n>) -> Node<'n> {
    let mut node = node.clone();
    super::drop_comments(&mut node);
    node
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_text_makes_the_reader_or_the_editor_panic(
            head in "([A-C]: [A-C1]{1,2}\n)?([a-c:#\\[\\]{}&*!|>'\"%@` \n\t\r?,0-9.+~\u{fe}\u{2028}-]{0,40})",
            tail in "([A-C]: ?[|>'\"]?[+-]? ?\n? ?[a-c\n ]{0,9}['\"]?\n)?",
            value in "[ -~]{0,9}",
        ) {
            for text in [head.clone(), format!("{head}\nsops:\n  mac: m\n{tail}")] {
                let Ok((mut items, metadata)) = crate::sops::yaml_store::read(&text) else { continue };
                let mut metadata = Metadata::new(metadata).unwrap();
                metadata.set("mac", Node::text(value.clone()));
                items.retain(|item| item.as_pair().is_none_or(|(name, _)| name != "A"));
                items.push(Item::Pair("NEW".into(), Node::text(value.clone())));
                // What comes out is what was asked for: the editor says so itself.
                drop(edit(&text, items.iter(), &metadata));
            }
        }
    }

    #[test]
    fn metadata_with_more_in_it_is_printed_anew_and_the_rest_stays() {
        let text = "# a\nA:   x # b\n\nsops: # c\n    mac: m # d\n    kms: []\n\n# e\nB: y\n";
        let (items, metadata) = crate::sops::yaml_store::read(text).unwrap();
        let mut metadata = Metadata::new(metadata).unwrap();
        metadata.set("mac", Node::text("new"));
        let edited = edit(text, items.iter(), &metadata).unwrap();
        assert_eq!(edited, text.replace("mac: m", "mac: new"));
        metadata.set("version", Node::text("3.13.2"));
        let edited = edit(text, items.iter(), &metadata).unwrap();
        let anew = "sops:\n    mac: new\n    version: 3.13.2\n";
        assert_eq!(edited, format!("# a\nA:   x # b\n\n{anew}\n# e\nB: y\n"));
    }
}
