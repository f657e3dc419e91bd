//! A shell's text, cut into simple commands: words without their quotes, and
//! what is read by redirection.
//!
//! Rules:
//! - It is a reader, no shell: nothing is expanded, so a name that is put
//!   together from variables is not seen.
//! - What is substituted is a command of its own. A here-document is data, also
//!   where a shell would be handed it.
//! - Any text gives some commands; what does not end, ends with the text.

use std::iter::Peekable;
use std::str::Chars;

/// How deep substitutions are followed.
const DEPTH: usize = 64;

/// One command, as it would be started.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Simple {
    pub(crate) words: Vec<String>,
    /// The files that stand behind `<`.
    pub(crate) reads: Vec<String>,
}

/// What ends a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Closer {
    End,
    Paren,
    Backtick,
}

/// What becomes of the word that is read next.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Next {
    #[default]
    Argument,
    Read,
    Dropped,
}

#[derive(Debug)]
struct Frame {
    simple: Simple,
    word: Option<String>,
    next: Next,
    quoted: bool,
    closer: Closer,
}

struct Reader<'t> {
    chars: Peekable<Chars<'t>>,
    frames: Vec<Frame>,
    found: Vec<Simple>,
    /// The ends of here-documents that begin after this line.
    documents: Vec<String>,
}

/// Cuts a text into its commands.
pub(crate) fn simple_commands(text: &str) -> Vec<Simple> {
    let mut reader = Reader {
        chars: text.chars().peekable(),
        frames: Vec::new(),
        found: Vec::new(),
        documents: Vec::new(),
    };
    let mut top = Frame::new(Closer::End);
    while let Some(char) = reader.chars.next() {
        if top.quoted { reader.quoted(&mut top, char) } else { reader.plain(&mut top, char) }
    }
    loop {
        reader.end_command(&mut top);
        match reader.frames.pop() {
            Some(outer) => top = outer,
            None => return reader.found,
        }
    }
}

impl Frame {
    fn new(closer: Closer) -> Self {
        Self { simple: Simple::default(), word: None, next: Next::default(), quoted: false, closer }
    }

    fn push(&mut self, char: char) {
        self.word.get_or_insert_default().push(char);
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        match std::mem::take(&mut self.next) {
            Next::Argument => self.simple.words.push(word),
            Next::Read => self.simple.reads.push(word),
            Next::Dropped => {}
        }
    }

    /// Before a redirection: a number there is a descriptor.
    fn end_word_before_redirection(&mut self) {
        if self.word.as_ref().is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_digit())) {
            self.word = None;
        }
        self.end_word();
    }
}

impl Reader<'_> {
    fn quoted(&mut self, top: &mut Frame, char: char) {
        match char {
            '"' => top.quoted = false,
            '\\' => {
                if let Some(next) = self.chars.next() {
                    if !matches!(next, '$' | '`' | '"' | '\\' | '\n') {
                        top.push('\\');
                    }
                    top.push(next);
                }
            }
            '$' if self.take('(') => self.enter(top, Closer::Paren),
            '`' => self.backtick(top),
            _ => top.push(char),
        }
    }

    fn plain(&mut self, top: &mut Frame, char: char) {
        match char {
            '\'' => {
                top.word.get_or_insert_default();
                for inner in self.chars.by_ref().take_while(|&inner| inner != '\'') {
                    top.push(inner);
                }
            }
            '"' => {
                top.word.get_or_insert_default();
                top.quoted = true;
            }
            '\\' => match self.chars.next() {
                Some('\n') | None => {}
                Some(next) => top.push(next),
            },
            '#' if top.word.is_none() => {
                while self.chars.next_if(|&inner| inner != '\n').is_some() {}
            }
            '\n' => {
                self.end_command(top);
                self.skip_documents();
            }
            ';' | '&' | '|' => self.end_command(top),
            '(' => {
                self.end_command(top);
                self.enter(top, Closer::Paren);
            }
            ')' => {
                self.end_command(top);
                if top.closer == Closer::Paren {
                    self.leave(top);
                }
            }
            '$' if self.take('(') => self.enter(top, Closer::Paren),
            // Of `$'…'` and `$"…"`, the quotes matter.
            '$' if matches!(self.chars.peek(), Some('\'' | '"')) => {}
            '`' => self.backtick(top),
            '<' => self.input(top),
            '>' => {
                top.end_word_before_redirection();
                while self.chars.next_if(|next| matches!(next, '>' | '|' | '&')).is_some() {}
                if self.take('(') {
                    self.enter(top, Closer::Paren);
                } else {
                    top.next = Next::Dropped;
                }
            }
            _ if char.is_whitespace() => top.end_word(),
            _ => top.push(char),
        }
    }

    fn input(&mut self, top: &mut Frame) {
        top.end_word_before_redirection();
        if self.take('(') {
            return self.enter(top, Closer::Paren);
        }
        if !self.take('<') {
            self.take('&');
            top.next = Next::Read;
            return;
        }
        if self.take('<') {
            top.next = Next::Dropped;
            return;
        }
        self.take('-');
        while self.chars.next_if(|next| matches!(next, ' ' | '\t')).is_some() {}
        let mut end = String::new();
        while let Some(next) = self.chars.next_if(|next| {
            !next.is_whitespace() && !matches!(next, ';' | '&' | '|' | '<' | '>' | '(' | ')')
        }) {
            if !matches!(next, '\'' | '"' | '\\') {
                end.push(next);
            }
        }
        self.documents.push(end);
    }

    fn skip_documents(&mut self) {
        for end in std::mem::take(&mut self.documents) {
            while self.chars.peek().is_some() {
                let line: String = self.chars.by_ref().take_while(|&char| char != '\n').collect();
                if line.trim() == end {
                    break;
                }
            }
        }
    }

    fn backtick(&mut self, top: &mut Frame) {
        if top.closer == Closer::Backtick {
            self.end_command(top);
            self.leave(top);
        } else {
            self.enter(top, Closer::Backtick);
        }
    }

    /// Begins a command inside of a word.
    fn enter(&mut self, top: &mut Frame, closer: Closer) {
        if self.frames.len() < DEPTH {
            self.frames.push(std::mem::replace(top, Frame::new(closer)));
        } else {
            self.end_command(top);
        }
    }

    fn leave(&mut self, top: &mut Frame) {
        if let Some(outer) = self.frames.pop() {
            *top = outer;
            // What is substituted is not known, and is some word.
            top.word.get_or_insert_default();
        }
    }

    fn end_command(&mut self, top: &mut Frame) {
        top.end_word();
        top.next = Next::default();
        let simple = std::mem::take(&mut top.simple);
        if simple != Simple::default() {
            self.found.push(simple);
        }
    }

    fn take(&mut self, wanted: char) -> bool {
        self.chars.next_if_eq(&wanted).is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_cut_as_a_shell_would() {
        #[track_caller]
        fn case(text: &str, expected: &[&[&str]]) {
            let found = simple_commands(text);
            let found: Vec<Vec<&str>> = found
                .iter()
                .map(|simple| simple.words.iter().map(String::as_str).collect())
                .collect();
            assert_eq!(found, expected, "{text}");
        }

        case("a b  c", &[&["a", "b", "c"]]);
        case("a; b&&c || d | e & f\ng", &[&["a"], &["b"], &["c"], &["d"], &["e"], &["f"], &["g"]]);
        case("a 'b c' \"d e\" f\\ g", &[&["a", "b c", "d e", "f g"]]);
        case("a \"x $(b c) y\" d", &[&["b", "c"], &["a", "x  y", "d"]]);
        case("a `b c` d", &[&["b", "c"], &["a", "", "d"]]);
        case("(a b) ; { c; }", &[&["a", "b"], &[""], &["{", "c"], &["}"]]);
        case("a 2>/dev/null > out < in b", &[&["a", "b"]]);
        case("a # b c\nd#e", &[&["a"], &["d#e"]]);
        case("a <<'EOF'\nenv\nEOF\nb", &[&["a"], &["b"]]);
        case("a \"$(cat <<EOF\nenv\nEOF\n)\" b", &[&["cat"], &["a", "", "b"]]);
        case("a <<< env", &[&["a"]]);
        case("diff <(a) <(b)", &[&["a"], &["b"], &["diff", "", ""]]);
        case("$'a b' c", &[&["a b", "c"]]);
        case("a \\\n b", &[&["a", "b"]]);
        case("'a", &[&["a"]]);
        case("\"a $(b", &[&["b"], &["a "]]);
    }

    #[test]
    fn what_is_read_by_redirection_is_told() {
        let found = simple_commands("while read x; do :; done < .env");
        assert_eq!(found.last().map(|simple| simple.reads.clone()), Some(vec![".env".to_owned()]));
        assert_eq!(simple_commands("echo $(<.env)")[0].reads, [".env"]);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(
            text in any::<String>(),
            odd in proptest::collection::vec(
                prop::sample::select(vec!["$(", ")", "`", "\"", "'", "<<E\n", "<", ">", "\\", "\n", "a"]),
                0..200,
            ),
        ) {
            let _ = simple_commands(&text);
            let _ = simple_commands(&odd.concat());
        }
    }
}
