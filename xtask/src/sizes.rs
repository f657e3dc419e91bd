//! The budgets for files. Clippy holds the one for functions.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::command::{files, root};

const MOST: usize = 500;
const MEDIAN: usize = 170;
const MAIN: usize = 40;

/// Counts the lines of every Rust file, and says which are over budget.
pub(crate) fn check() -> Result<String> {
    let mut sizes = Vec::new();
    for path in files()?.into_iter().filter(|path| path.extension().is_some_and(|e| e == "rs")) {
        let text = std::fs::read_to_string(root().join(&path))
            .with_context(|| format!("cannot read {}", path.display()))?;
        sizes.push((path, text.lines().count()));
    }
    let (median, over) = judge(&sizes);
    if over.is_empty() {
        return Ok(format!("{} files, median {median} lines", sizes.len()));
    }
    bail!("{}", over.join("\n"))
}

fn judge(sizes: &[(PathBuf, usize)]) -> (usize, Vec<String>) {
    let mut over: Vec<String> = sizes
        .iter()
        .filter(|(path, lines)| *lines > limit(path))
        .map(|(path, lines)| format!("{}: {lines} lines, at most {}", path.display(), limit(path)))
        .collect();
    let mut counts: Vec<usize> = sizes.iter().map(|&(_, lines)| lines).collect();
    counts.sort_unstable();
    let median = counts.get(counts.len() / 2).copied().unwrap_or(0);
    if median > MEDIAN {
        over.push(format!("the median file has {median} lines, at most {MEDIAN}"));
    }
    (median, over)
}

/// A program's beginning has a budget of its own; that of a test binary is a
/// list of its parts.
fn limit(path: &Path) -> usize {
    if path.ends_with("src/main.rs") { MAIN } else { MOST }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_budget_is_held() {
        #[track_caller]
        fn case(sizes: &[(&str, usize)], over: usize) {
            let sizes: Vec<_> = sizes.iter().map(|&(p, n)| (PathBuf::from(p), n)).collect();
            assert_eq!(judge(&sizes).1.len(), over, "{sizes:?}");
        }

        case(&[], 0);
        case(&[("a/src/main.rs", 40), ("a/lib.rs", 170), ("b.rs", 500)], 0);
        case(&[("a/src/main.rs", 41), ("a/lib.rs", 170), ("b.rs", 500)], 1);
        case(&[("a.rs", 1), ("b.rs", 1), ("c.rs", 501)], 1);
        case(&[("a.rs", 1), ("b.rs", 171), ("c.rs", 171)], 1);
    }
}
