//! A history as a project of middle size has one, which is not a real one's.
//!
//! What it is made after, in numbers that are chosen and not measured:
//!
//! - Files come in time, grow, and are changed by a few lines here and there; a few
//!   of them often, most seldom.
//! - Changes are made on branches of one to eight commits, and each branch is merged
//!   by a commit of its own, with a line in a list of changes.
//! - It is packed as a clone of it would be.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::COMMITS;
use crate::bench::scan::entries;
use crate::command::{must, program};

/// Where the lines come from, below the sources of Go's standard library.
const FOLDERS: [&str; 6] = ["crypto", "encoding", "go", "html", "net", "text"];
const FILES: usize = 600;
const LARGEST: u64 = 200_000;

/// Files that are changed, commit by commit.
pub(super) struct History {
    files: Vec<Source>,
    /// How many of them there are by now.
    there: usize,
    /// How many commits.
    written: usize,
    dice: Dice,
}

/// A file by its name, line by line.
pub(super) struct Source {
    name: String,
    lines: Vec<Vec<u8>>,
}

impl History {
    /// A list of changes, and some hundred files of Go's standard library.
    pub(super) fn new() -> Result<Self> {
        let changes = Source { name: "CHANGELOG.md".to_owned(), lines: vec![Vec::new()] };
        Ok(Self::of([changes].into_iter().chain(sources()?).collect()))
    }

    fn of(files: Vec<Source>) -> Self {
        Self { there: files.len().div_ceil(3), files, written: 0, dice: Dice(5) }
    }

    pub(super) fn import_into(&mut self, folder: &Path) -> Result<()> {
        let git = |words: &[&str]| {
            let mut git = Command::new("git");
            git.current_dir(folder).args(words);
            git
        };
        must(&mut git(&["init", "--quiet", "--initial-branch=main"]))?;
        let mut import = git(&["fast-import", "--quiet"]);
        let mut child = import.stdin(Stdio::piped()).spawn().context("cannot start git")?;
        let pipe = child.stdin.take().context("git has no input")?;
        let written = self.write(BufWriter::new(pipe), COMMITS);
        let status = child.wait().context("cannot wait for git")?;
        written.context("cannot write the history")?;
        ensure!(status.success(), "git took no history");
        must(&mut git(&["reset", "--hard", "--quiet", "main"]))?;
        // As whoever hosts it packs it: what is imported is packed one against the last.
        must(&mut git(&["repack", "-a", "-d", "-f", "--quiet"])).map(drop)
    }

    /// Writes what `git fast-import` reads: changes on branches, each of which is
    /// merged before the next one begins.
    fn write(&mut self, mut out: impl Write, commits: usize) -> std::io::Result<()> {
        let first: Vec<usize> = (0..self.there).collect();
        self.commit(&mut out, "main", &[], &first)?;
        let mut main = 1;
        while self.written < commits {
            let (mut tip, mut touched) = (main, BTreeSet::from([0]));
            for _ in 0..*self.dice.one_of(&[1, 1, 1, 2, 2, 3, 5, 8]) {
                let chosen = self.chosen();
                self.commit(&mut out, "topic", &[tip], &chosen)?;
                touched.extend(chosen);
                tip = self.written;
            }
            // The list of changes grows at its top.
            self.note();
            let touched: Vec<usize> = touched.into_iter().collect();
            self.commit(&mut out, "main", &[main, tip], &touched)?;
            main = self.written;
        }
        out.flush()
    }

    fn commit(
        &mut self,
        out: &mut impl Write,
        branch: &str,
        parents: &[usize],
        files: &[usize],
    ) -> std::io::Result<()> {
        self.written += 1;
        let (mark, seconds) = (self.written, 1_500_000_000 + self.written * 3600);
        let author = self.dice.below(40);
        writeln!(out, "commit refs/heads/{branch}\nmark :{mark}")?;
        writeln!(out, "author A{author} <a{author}@example.invalid> {seconds} +0000")?;
        writeln!(out, "committer A <a@example.invalid> {seconds} +0000")?;
        let message = format!("change {mark}\n\nWhat was changed, and why.\n");
        write!(out, "data {}\n{message}\n", message.len())?;
        for (parent, word) in parents.iter().zip(["from", "merge"]) {
            writeln!(out, "{word} :{parent}")?;
        }
        for &index in files {
            let Some(file) = self.files.get(index) else { continue };
            let content = file.lines.join(&b'\n');
            writeln!(out, "M 644 inline {}\ndata {}", file.name, content.len())?;
            out.write_all(&content)?;
            writeln!(out)?;
        }
        Ok(())
    }

    /// The files of a commit, once they are changed. Few files change often, and most
    /// seldom.
    fn chosen(&mut self) -> Vec<usize> {
        let mut chosen = BTreeSet::new();
        if self.there < self.files.len() && self.dice.below(6) == 0 {
            chosen.insert(self.there);
            self.there += 1;
        }
        for _ in 0..*self.dice.one_of(&[1, 1, 2, 2, 3, 4, 8]) {
            let below = self.dice.below(self.there);
            chosen.insert(self.dice.below(below + 1));
        }
        for &index in &chosen {
            for _ in 0..=self.dice.below(3) {
                self.edit(index);
            }
        }
        chosen.into_iter().collect()
    }

    fn note(&mut self) {
        let line = format!("- change {}: what users notice of it", self.written).into_bytes();
        if let Some(changes) = self.files.first_mut() {
            changes.lines.insert(0, line);
        }
    }

    /// Puts some lines of any file into one, in place of others or not; or takes
    /// some out.
    fn edit(&mut self, index: usize) {
        let (from, count) = (self.dice.below(self.files.len()), 1 + self.dice.below(14));
        let Some(source) = self.files.get(from) else { return };
        let start = self.dice.below(source.lines.len());
        let taken: Vec<_> = source.lines.iter().skip(start).take(count).cloned().collect();
        let Some(file) = self.files.get_mut(index) else { return };
        let at = self.dice.below(file.lines.len());
        let end = |count: usize| (at + count).min(file.lines.len());
        let (range, new) = match self.dice.below(10) {
            // Files grow.
            0..6 => (at..at, taken),
            6..9 => (at..end(count), taken),
            _ => (at..end(count.min(5)), Vec::new()),
        };
        file.lines.splice(range, new);
    }
}

/// `SplitMix64`: well mixed, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn one_of<'t, T>(&mut self, all: &'t [T]) -> &'t T {
        &all[self.below(all.len())]
    }

    /// A number below another; 0 below 0.
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 33).unwrap_or(0) % bound.max(1)
    }
}

/// Some hundred files of Go's standard library, evenly chosen.
fn sources() -> Result<Vec<Source>> {
    let root = PathBuf::from(must(program("go").args(["env", "GOROOT"]))?.trim()).join("src");
    let mut paths = Vec::new();
    for folder in FOLDERS {
        list(&root.join(folder), &mut paths)?;
    }
    let step = paths.len().div_ceil(FILES).max(1);
    let read = |path: &PathBuf| {
        let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.strip_prefix(&root).unwrap_or(path).display().to_string();
        Ok(Source { name, lines: text.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect() })
    };
    let files: Vec<Source> = paths.iter().step_by(step).map(read).collect::<Result<_>>()?;
    ensure!(files.len() > FILES / 4, "{} holds too few sources", root.display());
    Ok(files)
}

fn list(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    for entry in entries(folder)? {
        let path = entry.path();
        let found = fs::metadata(&path).with_context(|| format!("no {}", path.display()))?;
        if found.is_dir() {
            list(&path, paths)?;
        } else if path.extension().is_some_and(|is| is == "go") && found.len() <= LARGEST {
            paths.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(commits: usize) -> String {
        let lines = |words: &str| words.split(' ').map(Into::into).collect();
        let source = |name: &str, words| Source { name: name.to_owned(), lines: lines(words) };
        let mut history = History::of(vec![source("a", "x y z"), source("b", "1 2 3")]);
        let mut out = Vec::new();
        history.write(&mut out, commits).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_first_commit_holds_the_first_files() {
        let text = written(1);

        assert_eq!(text.matches("commit refs/heads/").count(), 1);
        assert!(text.ends_with("M 644 inline a\ndata 5\nx\ny\nz\n"));
    }

    #[test]
    fn further_commits_change_files_on_branches_in_the_same_way_each_time() {
        let text = written(50);

        assert!(text.matches("commit refs/heads/").count() >= 50);
        let merges = text.matches("\nmerge :").count();
        assert!((8..30).contains(&merges), "{merges}");
        assert!(text.contains("M 644 inline b\n"));
        assert_eq!(text, written(50));
    }
}
