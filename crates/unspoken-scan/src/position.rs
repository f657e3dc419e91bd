//! Positions: a byte's place as an editor names it.

use memchr::{memchr_iter, memrchr};

/// A line and a column, both counted from 1.
///
/// A column is a Unicode code point. A byte that is no UTF-8 counts as one.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// Finds the positions of ascending offsets, in one pass over the text.
#[derive(Debug)]
pub struct Lines<'a> {
    rest: &'a [u8],
    offset: usize,
    position: Position,
}

impl<'a> Lines<'a> {
    pub fn new(text: &'a [u8]) -> Self {
        Self { rest: text, offset: 0, position: Position { line: 1, column: 1 } }
    }

    /// The position of an offset. One that lies before the last that was asked
    /// for, or behind the end, is taken to be there.
    pub fn position(&mut self, offset: usize) -> Position {
        let step = offset.saturating_sub(self.offset).min(self.rest.len());
        let (passed, rest) = self.rest.split_at(step);
        let mut tail = passed;
        if let Some(last) = memrchr(b'\n', passed) {
            self.position.line += memchr_iter(b'\n', passed).count();
            self.position.column = 1;
            tail = passed.get(last + 1..).unwrap_or_default();
        }
        self.position.column += width(tail);
        self.rest = rest;
        self.offset += step;
        self.position
    }
}

impl Position {
    /// The position of one offset.
    pub fn of(text: &[u8], offset: usize) -> Self {
        Lines::new(text).position(offset)
    }
}

fn width(text: &[u8]) -> usize {
    text.utf8_chunks().map(|part| part.valid().chars().count() + part.invalid().len()).sum()
}

#[test]
fn a_position_counts_lines_and_code_points() {
    let text = "aé😀b\n\nx".as_bytes();
    let mut lines = Lines::new(text);
    let mut at = |offset| {
        let Position { line, column } = lines.position(offset);
        (line, column)
    };
    assert_eq!([at(0), at(1), at(3), at(7)], [(1, 1), (1, 2), (1, 3), (1, 4)]);
    assert_eq!([at(8), at(9), at(10), at(11)], [(1, 5), (2, 1), (3, 1), (3, 2)]);
    assert_eq!([at(3), at(99)], [(3, 2), (3, 2)]);
    assert_eq!(Position::of(b"\xff\xfe\r\n\xff!", 5), Position { line: 2, column: 2 });
}
