//! A shell's text, cut into simple commands: words without their quotes, and
//! what is read by redirection.
//!
//! Rules:
//! - It is a reader, no shell: nothing is expanded, so a name that is put
//!   together from variables is not seen.
//! - What is substituted is a command of its own, also in a here-document. That
//!   is data besides, also where a shell would be handed it.
//! - Any text gives some commands; what does not end, ends with the text.

use std::iter::Peekable;
use std::str::Chars;

/// How deep substitutions are followed.
const DEPTH: usize = 64;

/// How deep here-documents are looked into that stand in each other.
const DOCUMENTS: usize = 4;

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
    /// Numbers are reckoned with: `<` is no redirection.
    is_arithmetic: bool,
    /// A here-document, in which `"` is a character like others.
    is_document: bool,
    closer: Closer,
}

struct Reader<'t> {
    chars: Peekable<Chars<'t>>,
    frames: Vec<Frame>,
    found: Vec<Simple>,
    /// The here-documents that begin after this line.
    documents: Vec<Document>,
    /// How many here-documents this text stands in.
    depth: usize,
}

struct Document {
    end: String,
    is_literal: bool,
}

/// Cuts a text into its commands.
pub(crate) fn simple_commands(text: &str) -> Vec<Simple> {
    commands(text, Frame::new(Closer::End), 0)
}

fn commands(text: &str, mut top: Frame, depth: usize) -> Vec<Simple> {
    let mut reader = Reader {
        chars: text.chars().peekable(),
        frames: Vec::new(),
        found: Vec::new(),
        documents: Vec::new(),
        depth,
    };
    while let Some(char) = reader.chars.next() {
        if top.quoted { reader.quoted(&mut top, char) } else { reader.plain(&mut top, char) }
    }
    loop {
        // What a here-document says besides is no command.
        if !top.is_document {
            reader.end_command(&mut top);
        }
        match reader.frames.pop() {
            Some(outer) => top = outer,
            None => return reader.found,
        }
    }
}

impl Frame {
    fn new(closer: Closer) -> Self {
        Self {
            simple: Simple::default(),
            word: None,
            next: Next::default(),
            quoted: false,
            is_arithmetic: false,
            is_document: false,
            closer,
        }
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
            '"' if !top.is_document => top.quoted = false,
            '\\' => {
                if let Some(next) = self.chars.next() {
                    if !matches!(next, '$' | '`' | '"' | '\\' | '\n') {
                        top.push('\\');
                    }
                    top.push(next);
                }
            }
            '$' if self.take('(') => self.enter_paren(top, false),
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
            '<' | '>' | '#' if top.is_arithmetic => top.push(char),
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
                let is_arithmetic = top.is_arithmetic;
                self.enter_paren(top, is_arithmetic);
            }
            ')' => {
                self.end_command(top);
                if top.closer == Closer::Paren {
                    self.leave(top);
                }
            }
            '$' if self.take('(') => self.enter_paren(top, false),
            '$' if self.take('\'') => self.escaped(top),
            // Of `$"…"`, the quotes matter.
            '$' if self.chars.peek() == Some(&'"') => {}
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

    /// What stands in `$'…'`.
    fn escaped(&mut self, top: &mut Frame) {
        top.word.get_or_insert_default();
        while let Some(char) = self.chars.next() {
            match char {
                '\'' => return,
                '\\' => self.chars.next().into_iter().for_each(|next| top.push(next)),
                _ => top.push(char),
            }
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
        let mut document = Document { end: String::new(), is_literal: false };
        while let Some(next) = self.chars.next_if(|next| {
            !next.is_whitespace() && !matches!(next, ';' | '&' | '|' | '<' | '>' | '(' | ')')
        }) {
            match next {
                '\'' | '"' | '\\' => document.is_literal = true,
                _ => document.end.push(next),
            }
        }
        self.documents.push(document);
    }

    /// Passes over here-documents, but for what is substituted in them.
    fn skip_documents(&mut self) {
        for document in std::mem::take(&mut self.documents) {
            let mut body = String::new();
            while self.chars.peek().is_some() {
                let line: String = self.chars.by_ref().take_while(|&char| char != '\n').collect();
                if line.trim() == document.end {
                    break;
                }
                body.push_str(&line);
                body.push('\n');
            }
            if !document.is_literal && self.depth < DOCUMENTS {
                let top = Frame { quoted: true, is_document: true, ..Frame::new(Closer::End) };
                self.found.extend(commands(&body, top, self.depth + 1));
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

    /// Begins what stands behind `(`: a command, or with another `(` an arithmetic.
    fn enter_paren(&mut self, top: &mut Frame, is_arithmetic: bool) {
        let frames = self.frames.len();
        self.enter(top, Closer::Paren);
        if self.frames.len() > frames {
            top.is_arithmetic = is_arithmetic || self.chars.peek() == Some(&'(');
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
        case(
            "a <<EOF\n\"$(env)\" `b c` \"d\" \\$(e)\nEOF\nf",
            &[&["a"], &["env"], &["b", "c"], &["f"]],
        );
        case("a <<\\EOF\n$(env)\nEOF\nf", &[&["a"], &["f"]]);
        case("x=$((1<<4))\nb", &[&["1<<4"], &[""], &["x="], &["b"]]);
        case(
            "a \"$(( (1<<4) # $(b <c) ))\" d",
            &[&["1<<4"], &["b"], &["", "#", ""], &[""], &["a", "", "d"]],
        );
        case("((x<<1))\nb", &[&["x<<1"], &[""], &[""], &["b"]]);
        case("a $'it\\'s'; b", &[&["a", "it's"], &["b"]]);
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
                prop::sample::select(vec!["$(", "((", "$'", ")", "`", "\"", "'", "<<E\n", "<", ">", "\\", "\n", "a"]),
                0..200,
            ),
        ) {
            let _ = simple_commands(&text);
            let _ = simple_commands(&odd.concat());
        }
    }
}
