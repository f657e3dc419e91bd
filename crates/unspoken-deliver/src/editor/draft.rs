//! The text that a person edits: a set in the dotenv dialect, with what is wrong
//! in it as comments above the lines.

use std::fmt;

use unspoken_model::Place;
use unspoken_seal::SecretSet;
use zeroize::Zeroizing;

use crate::export::{ExportError, print_what_fits};

/// A text for an editor, with comments that are not part of it.
pub struct Draft {
    /// What is edited, without the comments.
    plain: Zeroizing<Vec<u8>>,
    text: Zeroizing<Vec<u8>>,
    comments: Vec<String>,
    /// The line of the first comment.
    line: Option<usize>,
}

/// Something that is wrong with a line, never with a part of its value in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mark {
    pub line: usize,
    pub problem: String,
}

impl Draft {
    /// Prints a set, and says which values the dialect cannot carry.
    pub fn print(set: &SecretSet, place: &Place) -> (Self, Vec<ExportError>) {
        let (body, left_out) = print_what_fits(set);
        let header = header(place, &left_out);
        let plain = Zeroizing::new([header.as_bytes(), &body].concat());
        (Self::again(plain, &[]), left_out)
    }

    /// The same text once more, with comments above the lines that are wrong.
    /// `marks` are in the order of their lines.
    pub fn again(plain: Zeroizing<Vec<u8>>, marks: &[Mark]) -> Self {
        let comments: Vec<String> = marks
            .iter()
            .zip(1..)
            .map(|(mark, before)| {
                format!("# ERROR in line {}: {}", mark.line + before, mark.problem)
            })
            .collect();
        let room = plain.len() + comments.iter().map(|comment| comment.len() + 1).sum::<usize>();
        let mut text = Zeroizing::new(Vec::with_capacity(room));
        let mut above = marks.iter().zip(&comments).peekable();
        for (line, number) in plain.split_inclusive(|&byte| byte == b'\n').zip(1..) {
            while let Some((_, comment)) = above.next_if(|(mark, _)| mark.line <= number) {
                text.extend_from_slice(comment.as_bytes());
                text.push(b'\n');
            }
            text.extend_from_slice(line);
        }
        Self { plain, text, line: marks.first().map(|mark| mark.line), comments }
    }

    /// What the editor gets.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Where the cursor should be.
    pub fn line(&self) -> Option<usize> {
        self.line
    }

    /// Takes the comments out of what came back.
    pub fn without_marks(&self, edited: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut plain = Zeroizing::new(Vec::with_capacity(edited.len()));
        for line in edited.split_inclusive(|&byte| byte == b'\n') {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            if !self.comments.iter().any(|comment| comment.as_bytes() == text) {
                plain.extend_from_slice(line);
            }
        }
        plain
    }

    /// Whether a text, without its comments, is this one.
    pub fn is_same(&self, plain: &[u8]) -> bool {
        *self.plain == plain
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("comments", &self.comments)
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

fn header(place: &Place, left_out: &[ExportError]) -> String {
    let mut header = format!(
        "# The secrets of {place}, one NAME=value each.\n\
         #\n\
         # Save and close to change them. Close without a change, empty the text, or end\n\
         # the editor with an error (in Vim with :cq), and nothing is changed.\n\
         # Removing a line removes the secret. Values with blanks, quotes, # or $ stand\n\
         # in '…' or \"…\", over several lines where they have them.\n"
    );
    for error in left_out {
        header.push_str(&format!(
            "# Not shown, and kept as it is: {}: {}\n",
            error.name, error.reason
        ));
    }
    header.push('\n');
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(text.as_bytes().to_vec())
    }

    fn mark(line: usize, problem: &str) -> Mark {
        Mark { line, problem: problem.to_owned() }
    }

    #[test]
    fn a_mark_stands_above_its_line_and_comes_out_again() {
        let text = "# head\nA=1\nJUNK\nB='x\n";
        let draft = Draft::again(plain(text), &[mark(3, "junk"), mark(4, "quote")]);
        assert_eq!(
            std::str::from_utf8(draft.text()).unwrap(),
            "# head\nA=1\n# ERROR in line 4: junk\nJUNK\n# ERROR in line 6: quote\nB='x\n"
        );
        assert_eq!(draft.line(), Some(3));
        assert!(draft.is_same(&draft.without_marks(draft.text())));
        let mended = "# head\nA=1\n# ERROR in line 4: junk\nJ=1\n# ERROR in line 6: quote\nB=x";
        assert_eq!(*draft.without_marks(mended.as_bytes()), b"# head\nA=1\nJ=1\nB=x");
        // Only what was put in comes out.
        let own = b"# ERROR in line 4: other\n";
        assert_eq!(*draft.without_marks(own), own);
    }

    #[test]
    fn a_text_without_marks_is_itself() {
        for text in ["", "A=1", "A=1\n", "\n\n", "A='\n\n'\n"] {
            let draft = Draft::again(plain(text), &[]);
            assert_eq!(draft.text(), text.as_bytes());
            assert_eq!(*draft.without_marks(text.as_bytes()), text.as_bytes());
            assert_eq!(draft.line(), None);
        }
    }

    #[test]
    fn debug_shows_no_text() {
        let draft = Draft::again(plain("A=canary\n"), &[mark(1, "junk")]);
        assert!(!format!("{draft:?}").contains("canary"));
    }
}
