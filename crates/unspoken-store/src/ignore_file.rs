//! Lines that `.gitignore` and `.gitattributes` must have.
//!
//! Rules:
//! - What is there stays, with its order and its line ending.
//! - Our lines stand in one block under a comment; adding twice adds once.
//! - In these files a later line beats an earlier one. So once a line is
//!   added, each of our exceptions (`!…`) that belongs after it is added too.

use std::path::Path;

use crate::file_error::if_found;
use crate::{FileError, read_limited, replace};

const LIMIT: u64 = 1024 * 1024;

/// Adds the `wanted` lines to a file that lacks some of them. Says whether it
/// wrote.
pub fn ensure_lines(path: &Path, comment: &str, wanted: &[&str]) -> Result<bool, FileError> {
    let old = if_found(read_limited(path, LIMIT))?.unwrap_or_default();
    let old =
        String::from_utf8(old).map_err(|error| FileError::not_text(path, error.utf8_error()))?;
    match add_lines(&old, comment, wanted) {
        Some(new) => replace(path, new.as_bytes()).map(|()| true),
        None => Ok(false),
    }
}

/// The text with all `wanted` lines, or `None` when it has them.
///
/// `comment` is the text of the block's comment, without its `#`.
pub fn add_lines(old: &str, comment: &str, wanted: &[&str]) -> Option<String> {
    let has = |line: &str| old.lines().any(|found| found == line || found.trim_end() == line);
    let first = wanted.iter().position(|line| !has(line))?;
    let missing =
        wanted.iter().skip(first).copied().filter(|line| line.starts_with('!') || !has(line));
    let ending = if old.contains("\r\n") { "\r\n" } else { "\n" };

    let header = format!("# {comment}");
    let (before, after) = match end_of_block(old, &header) {
        Some(at) => old.split_at_checked(at)?,
        None => (old, ""),
    };
    let mut new = before.to_owned();
    if !new.is_empty() && !new.ends_with('\n') {
        new.push_str(ending);
    }
    if !has(&header) {
        if !new.is_empty() {
            new.push_str(ending);
        }
        new.push_str(&header);
        new.push_str(ending);
    }
    for line in missing {
        new.push_str(line);
        new.push_str(ending);
    }
    new.push_str(after);
    Some(new)
}

/// Where the lines under `header` end: at an empty line, or with the text.
fn end_of_block(text: &str, header: &str) -> Option<usize> {
    let mut at = 0;
    let mut is_inside = false;
    for line in text.split_inclusive('\n') {
        if is_inside && line.trim().is_empty() {
            return Some(at);
        }
        is_inside |= line.trim_end() == header;
        at += line.len();
    }
    is_inside.then_some(at)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;
    use crate::ignore_pattern;

    const WANTED: &[&str] = &[".env", ".env.*", "!.env.example"];

    #[test]
    fn missing_lines_are_added_and_the_rest_stays() {
        #[track_caller]
        fn case(old: &str, expected: Option<&str>) {
            assert_eq!(add_lines(old, "ours", WANTED).as_deref(), expected, "{old:?}");
        }

        let block = "# ours\n.env\n.env.*\n!.env.example\n";
        case("", Some(block));
        case("target", Some(&format!("target\n\n{block}")));
        case("target\n", Some(&format!("target\n\n{block}")));
        case(block, None);
        case("!.env.example\r\n.env  \n.env.*", None);
        case("a\r\n", Some("a\r\n\r\n# ours\r\n.env\r\n.env.*\r\n!.env.example\r\n"));
        // Into our block, before what the user has below it.
        case(
            "# ours\n.env\n\n# theirs\nb\n",
            Some("# ours\n.env\n.env.*\n!.env.example\n\n# theirs\nb\n"),
        );
        case("# ours\n.env", Some("# ours\n.env\n.env.*\n!.env.example\n"));
        // An exception that stands too early is said again.
        case("!.env.example\n", Some(&format!("!.env.example\n\n{block}")));
    }

    #[test]
    fn a_file_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".gitignore");

        assert!(ensure_lines(&path, "ours", WANTED).unwrap());
        assert!(!ensure_lines(&path, "ours", WANTED).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "# ours\n.env\n.env.*\n!.env.example\n");

        fs::write(&path, b"ab\xff").unwrap();
        let error = ensure_lines(&path, "ours", WANTED).unwrap_err();
        assert!(matches!(error, FileError::NotText { at: 2, .. }));
        assert_eq!(fs::read(&path).unwrap(), b"ab\xff");
    }

    #[test]
    fn a_pattern_is_added_once_however_it_ends() {
        for name in ["a ", "a\t", "a\u{a0}", "a\r", "a\\ "] {
            let pattern = ignore_pattern(name);
            let new = add_lines("b\n", "ours", &[&pattern]).unwrap();
            assert_eq!(add_lines(&new, "ours", &[&pattern]), None, "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn every_old_line_is_kept_and_twice_is_once(
            old in prop::collection::vec(
                prop::sample::select(vec!["", "a", "# ours", ".env", ".env.*", "!.env.example"]),
                0..12,
            ),
            ending in prop::sample::select(vec!["\n", "\r\n"]),
            ends in any::<bool>(),
        ) {
            let mut old = old.join(ending);
            if ends {
                old.push_str(ending);
            }
            if let Some(new) = add_lines(&old, "ours", WANTED) {
                prop_assert_eq!(add_lines(&new, "ours", WANTED), None);
                let mut rest = new.lines();
                for line in old.lines() {
                    prop_assert!(rest.any(|kept| kept == line), "{:?} is lost", line);
                }
            } else {
                prop_assert!(WANTED.iter().all(|line| old.lines().any(|found| found == *line)));
            }
        }
    }
}
