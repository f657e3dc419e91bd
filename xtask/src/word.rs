//! Words that must not stand in the tree: what is unfinished is an issue.

use anyhow::{Result, bail};

use crate::command::{files, root};

/// Looks through every text file except prose.
pub(crate) fn check() -> Result<()> {
    let mut found = Vec::new();
    for path in files()?.into_iter().filter(|path| path.extension().is_none_or(|e| e != "md")) {
        // What is not text holds no comment.
        let Ok(text) = std::fs::read_to_string(root().join(&path)) else { continue };
        found.extend(hits(&text).into_iter().map(|line| format!("{}:{line}", path.display())));
    }
    if found.is_empty() {
        return Ok(());
    }
    bail!("unfinished, left over or switched off:\n{}", found.join("\n"))
}

/// The lines that hold a forbidden word. The words are put together here so
/// that this file does not hold them.
fn hits(text: &str) -> Vec<usize> {
    let words = [["to", "do!"], ["FIX", "ME"], ["db", "g!("], ["#[ig", "nore"]].map(|p| p.concat());
    text.lines()
        .enumerate()
        .filter(|(_, line)| words.iter().any(|word| line.contains(word.as_str())))
        .map(|(index, _)| index + 1)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_with_the_word_is_named() {
        let text = ["fn main() {", &["db", "g!(1);"].concat(), "}", &["#[ig", "nore]"].concat()];
        assert_eq!(hits(&text.join("\n")), [2, 4]);
        assert_eq!(hits("a dbg macro, a todo list, ignore"), Vec::<usize>::new());
    }
}
