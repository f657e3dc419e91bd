//! Our section in a text that is somebody else's.
//!
//! Rules:
//! - It stands between two marks. What is outside of them is not ours and stays
//!   byte for byte.
//! - Putting it in and taking it out gives the bytes that were there before, the
//!   missing end of a last line included.

/// How a line that is none is marked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Comment {
    /// `<!-- … -->`
    Markdown,
    /// `# …`
    Hash,
}

/// A begin mark, found.
struct Found {
    /// Where it starts, with the line end that we put before it.
    start: usize,
    /// Where the text behind the end mark goes on.
    end: usize,
    /// The begin mark's line.
    begin: usize,
    /// How that line ends, and so all of ours.
    ending: &'static str,
}

const BEGIN: &str = "unspoken:begin";
const END: &str = "unspoken:end";
/// Stands in the begin mark when the text before had no end of its last line.
const JOINED: &str = "joined";

impl Comment {
    fn line(self, text: &str) -> String {
        match self {
            Self::Markdown => format!("<!-- {text} -->"),
            Self::Hash => format!("# {text}"),
        }
    }

    fn print(self, body: &str, joined: bool, ending: &str) -> String {
        let joined = if joined { format!(" {JOINED}") } else { String::new() };
        let begin = self.line(&format!("{BEGIN}{joined} (written by `unspoken agents setup`)"));
        let lines = [begin.as_str()].into_iter().chain(body.lines());
        let mut text = String::new();
        for line in lines {
            text.push_str(line);
            text.push_str(ending);
        }
        text.push_str(&self.line(END));
        text.push_str(ending);
        text
    }

    /// Whether the section stands there, and is as it must be.
    pub(crate) fn is_there(self, old: &str, body: &str) -> Option<bool> {
        let found = self.find(old)?;
        let now = old.get(found.begin..found.end)?;
        Some(now == self.print(body, found.is_joined(old), found.ending))
    }

    /// The text with the section in it, as it must be.
    pub(crate) fn put(self, old: &str, body: &str) -> String {
        if let Some(found) = self.find(old) {
            let section = self.print(body, found.is_joined(old), found.ending);
            let (before, after) = (old.get(..found.begin), old.get(found.end..));
            return [before.unwrap_or_default(), &section, after.unwrap_or_default()].concat();
        }
        let ending = if old.contains("\r\n") { "\r\n" } else { "\n" };
        let joined = !old.is_empty() && !old.ends_with('\n');
        let section = self.print(body, joined, ending);
        let before = match (old.is_empty(), joined) {
            (true, _) => String::new(),
            (false, false) => ending.to_owned(),
            (false, true) => ending.repeat(2),
        };
        [old, &before, &section].concat()
    }

    /// The text without the section.
    pub(crate) fn take(self, old: &str) -> String {
        let Some(found) = self.find(old) else { return old.to_owned() };
        let (before, after) = (old.get(..found.start), old.get(found.end..));
        [before.unwrap_or_default(), after.unwrap_or_default()].concat()
    }

    fn find(self, old: &str) -> Option<Found> {
        let start_of = |word: &str| self.line(word).trim_end_matches(" -->").to_owned();
        let (begin_mark, end_mark) = (start_of(BEGIN), start_of(END));
        let mut at = 0;
        let mut begin = None;
        let mut ending = "\n";
        for line in old.split_inclusive('\n') {
            // A mark that has lost its end is followed by somebody else's text.
            if line.starts_with(&begin_mark) {
                begin = Some(at);
                ending = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
            }
            at += line.len();
            if let Some(begin) = begin
                && line.starts_with(&end_mark)
            {
                let mut found = Found { start: begin, end: at, begin, ending };
                let ends = if found.is_joined(old) { 2 } else { 1 };
                let mut before = old.get(..begin)?;
                for _ in 0..ends {
                    before = before.strip_suffix(ending).unwrap_or(before);
                }
                // What we put after nothing stands at the very start.
                found.start = if begin == 0 { 0 } else { before.len() };
                return Some(found);
            }
        }
        None
    }
}

impl Found {
    fn is_joined(&self, old: &str) -> bool {
        let line = old.get(self.begin..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        line.contains(&format!("{BEGIN} {JOINED}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_section_of_another_release_is_replaced_where_it_stands() {
        for comment in [Comment::Markdown, Comment::Hash] {
            let old = format!("{}# after\n", comment.put("# before\n", "one\ntwo"));
            assert_eq!(comment.is_there(&old, "one\ntwo"), Some(true));
            assert_eq!(comment.is_there(&old, "one"), Some(false));
            assert_eq!(comment.is_there("# before\n", "one"), None);
            let new = comment.put(&old, "three");
            assert!(new.starts_with("# before\n\n") && new.ends_with("# after\n"), "{new}");
            assert!(new.contains("three") && !new.contains("one"));
            assert_eq!(comment.put(&new, "three"), new);
            assert_eq!(comment.take(&new), "# before\n# after\n");

            let lost = format!("{}\nmine\n", comment.line(BEGIN));
            let new = comment.put(&lost, "one");
            assert_eq!(comment.is_there(&new, "one"), Some(true));
            assert_eq!(comment.take(&new), lost);
        }
    }

    proptest! {
        #[test]
        fn in_and_out_gives_the_bytes_that_were_there(
            lines in proptest::collection::vec("[a-c# \\r]{0,4}", 0..6),
            ending in prop::sample::select(vec!["\n", "\r\n"]),
            tail in any::<bool>(),
            hash in any::<bool>(),
        ) {
            let comment = if hash { Comment::Hash } else { Comment::Markdown };
            let mut old = lines.join(ending);
            if tail {
                old.push_str(ending);
            }
            let new = comment.put(&old, "body\n\nmore");
            prop_assert_eq!(comment.is_there(&new, "body\n\nmore"), Some(true));
            prop_assert_eq!(&comment.put(&new, "body\n\nmore"), &new);
            prop_assert_eq!(comment.take(&new), old);
        }

        #[test]
        fn any_text_is_survived(old in any::<String>(), body in any::<String>()) {
            let marked = format!("# unspoken:begin joined\n{old}\n# unspoken:end\n");
            for text in [&old, &marked] {
                let _ = Comment::Hash.put(text, &body);
                let _ = Comment::Hash.take(text);
            }
        }
    }
}
