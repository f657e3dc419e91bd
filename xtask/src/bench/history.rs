//! `scan --history` beside gitleaks, on a history that is generated.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::contender::Contender;
use super::measure::{Times, race};
use super::page::{figures, times_of, verdict};
use super::project::Project;
use super::scan::entries;
use crate::command::{must, program};
use crate::setup;

const SECRETS: usize = 20;
const COMMITS: usize = 5000;
const ROUNDS: usize = 3;

/// How many times as long as ours gitleaks should take.
const BAR: f64 = 5.0;

/// Where the lines come from, below the sources of Go's standard library.
const FOLDERS: [&str; 6] = ["crypto", "encoding", "go", "html", "net", "text"];
const FILES: usize = 600;
const LARGEST: u64 = 200_000;

/// A history, and how long it took to look through it.
#[derive(Default)]
pub(crate) struct HistoryScan {
    go: String,
    files: usize,
    gitleaks: Times,
    scan: Times,
    kinds: Times,
}

impl HistoryScan {
    pub(crate) fn measure(unspoken: &Path, peers: &Path, work: &Path) -> Result<Self> {
        let (folder, home) = (work.join("history"), work.join("history-home"));
        for inner in [&folder, &home] {
            fs::create_dir(inner).context("cannot make a folder")?;
        }
        let mut history = History::of(sources()?);
        history.import_into(&folder)?;
        let project = Project::new(unspoken, &folder, &home, SECRETS)?;
        must(&mut program("sync"))?;
        let words = ["git", "--no-banner", "--log-level=error", "--exit-code=0", "."];
        let gitleaks = Contender::new("gitleaks", peers.join("bin/gitleaks"), &folder, &words);
        let gitleaks = gitleaks.with("HOME", home);
        let scan = project.contender("unspoken scan", &["scan", "--history"]);
        let kinds = project.contender("unspoken scan", &["scan", "--history", "--no-values"]);
        let [scan, kinds] = [scan, kinds].map(|one| one.ending_with(&[0, 8]));
        let [gitleaks, scan, kinds] =
            race([(&gitleaks, ROUNDS), (&scan, ROUNDS), (&kinds, ROUNDS)])?;
        let go = must(program("go").args(["env", "GOVERSION"]))?.trim().to_owned();
        Ok(Self { go, files: history.files.len(), gitleaks, scan, kinds })
    }

    pub(crate) fn print(&self) -> String {
        let mut text = format!(
            "\n## `scan --history`, in milliseconds\n\n\
             {COMMITS} commits, generated: the first holds {} files of the standard library of {}, \
             each further one changes one to eight of them, by lines that are\nput in, replaced or taken \
             out at random. Packed by `git gc`. {SECRETS} secrets. gitleaks {} looks for its own kinds \
             alone.\n\n\
             | | rounds | minimum | median | bar |\n|---|--:|--:|--:|---|\n",
            self.files,
            self.go,
            setup::version_of("/gitleaks/")
        );
        let _ = writeln!(text, "| `gitleaks git` | {} | |", figures(&self.gitleaks));
        for (name, times) in [("", &self.scan), (" --no-values", &self.kinds)] {
            let ratio = times_of(&self.gitleaks, times);
            let (figures, met) = (figures(times), verdict(ratio >= BAR));
            let _ = writeln!(
                text,
                "| `unspoken scan --history{name}` | {figures} | {ratio:.1} × as fast, of ≥ {BAR} ×: {met} |"
            );
        }
        text
    }
}

/// Files that are changed, commit by commit.
struct History {
    files: Vec<Source>,
    dice: Dice,
}

/// A file by its name, line by line.
struct Source {
    name: String,
    lines: Vec<Vec<u8>>,
}

impl History {
    fn of(files: Vec<Source>) -> Self {
        Self { files, dice: Dice(5) }
    }

    fn import_into(&mut self, folder: &Path) -> Result<()> {
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
        must(&mut git(&["gc", "--quiet"])).map(drop)
    }

    /// Writes what `git fast-import` reads.
    fn write(&mut self, mut out: impl Write, commits: usize) -> std::io::Result<()> {
        for commit in 0..commits {
            let seconds = 1_500_000_000 + commit * 3600;
            writeln!(out, "commit refs/heads/main")?;
            writeln!(out, "committer A <a@example.invalid> {seconds} +0000")?;
            let message = format!("change {commit}\n\nWhat was changed, and why.\n");
            write!(out, "data {}\n{message}\n", message.len())?;
            for index in self.chosen(commit) {
                let Some(file) = self.files.get(index) else { continue };
                let content = file.lines.join(&b'\n');
                writeln!(out, "M 644 inline {}\ndata {}", file.name, content.len())?;
                out.write_all(&content)?;
                writeln!(out)?;
            }
        }
        out.flush()
    }

    /// The files of a commit, once they are changed.
    fn chosen(&mut self, commit: usize) -> Vec<usize> {
        const COUNTS: [usize; 7] = [1, 1, 2, 2, 3, 4, 8];
        let all = self.files.len();
        if commit == 0 {
            return (0..all).collect();
        }
        let count = COUNTS.get(self.dice.below(COUNTS.len())).copied().unwrap_or(1);
        let mut chosen: Vec<usize> = (0..count).map(|_| self.dice.below(all)).collect();
        chosen.sort_unstable();
        chosen.dedup();
        for &index in &chosen {
            for _ in 0..=self.dice.below(3) {
                self.edit(index);
            }
        }
        chosen
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
            0..5 => (at..at, taken),
            5..8 => (at..end(count), taken),
            _ => (at..end(count.min(5)), Vec::new()),
        };
        file.lines.splice(range, new);
    }
}

/// `SplitMix64`: well mixed, and the same everywhere.
struct Dice(u64);

impl Dice {
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
    fn the_first_commit_holds_all_files() {
        let text = written(1);

        assert_eq!(text.matches("commit refs/heads/main\n").count(), 1);
        assert!(
            text.ends_with("M 644 inline a\ndata 5\nx\ny\nz\nM 644 inline b\ndata 5\n1\n2\n3\n")
        );
    }

    #[test]
    fn further_commits_change_files_in_the_same_way_each_time() {
        let text = written(50);

        assert_eq!(text.matches("commit refs/heads/main\n").count(), 50);
        assert!(text.matches("M 644 inline ").count() >= 51);
        assert_eq!(text, written(50));
    }
}
