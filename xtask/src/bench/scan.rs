//! `scan` of a work tree, beside a search for one fixed string.

use std::fmt::Write as _;
use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::contender::Contender;
use super::measure::{Times, race};
use super::page::{figures, times_of, verdict};
use super::project::Project;
use crate::command::{exists, must, program};

const SECRETS: usize = 20;
const BYTES: u64 = 1_000_000_000;
const ROUNDS: usize = 5;

/// What a scan may cost, as a multiple of ripgrep.
const BAR: f64 = 2.0;

/// Stands in no file of the tree: the search for it reads all of it.
const NOWHERE: &str = "zq7xj-stands-nowhere-4kw";

/// A tree, and how long it took to look through it.
#[derive(Default)]
pub(crate) struct Scan {
    tree: Tree,
    ripgrep_version: String,
    ripgrep: Times,
    all: Times,
    kinds: Times,
}

/// How much was copied.
#[derive(Debug, Default)]
struct Tree {
    files: u64,
    bytes: u64,
}

/// Fails at once when the other program is missing.
pub(crate) fn ensure_ripgrep() -> Result<()> {
    ensure!(exists("rg"), "ripgrep is missing\ninstall it, for instance: apt-get install ripgrep");
    Ok(())
}

impl Scan {
    pub(crate) fn measure(unspoken: &Path, work: &Path) -> Result<Self> {
        let (folder, home) = (work.join("tree"), work.join("tree-home"));
        fs::create_dir(&home).context("cannot make a folder")?;
        let tree = Tree::plant(&registry()?, &folder)?;
        let project = Project::new(unspoken, &folder, &home, SECRETS)?;
        track(&folder)?;
        let words = ["--fixed-strings", "--no-ignore-parent", NOWHERE, "."];
        // It ends with 1 when it has found nothing.
        let ripgrep = Contender::new("rg", "rg", &folder, &words).with("HOME", home);
        let ripgrep = ripgrep.ending_with(&[1]);
        // Sources of others hold keys for tests.
        let scan = project.contender("unspoken scan", &["scan"]).ending_with(&[0, 8]);
        let kinds = project.contender("unspoken scan", &["scan", "--no-values"]);
        let kinds = kinds.ending_with(&[0, 8]);
        let [ripgrep, all, kinds] = race([(&ripgrep, ROUNDS), (&scan, ROUNDS), (&kinds, ROUNDS)])?;
        Ok(Self { tree, ripgrep_version: version()?, ripgrep, all, kinds })
    }

    pub(crate) fn print(&self) -> String {
        let Tree { files, bytes } = self.tree;
        let mut text = format!(
            "\n## `scan` of a work tree, in milliseconds\n\n\
             {} MB in {files} files: sources of crates, as they lie in cargo's registry, copied until \
             they were as much; all of them tracked by git and in the\npage cache. {SECRETS} secrets. \
             ripgrep {} looks for one fixed string with the same ignore files; it leaves out hidden \
             and binary files, and `scan`\nlooks at them.\n\n\
             | | rounds | minimum | median | bar |\n|---|--:|--:|--:|---|\n",
            bytes / 1_000_000,
            self.ripgrep_version
        );
        let _ = writeln!(text, "| `rg --fixed-strings STRING` | {} | |", figures(&self.ripgrep));
        for (name, times) in
            [("unspoken scan", &self.all), ("unspoken scan --no-values", &self.kinds)]
        {
            let ratio = times_of(times, &self.ripgrep);
            let met = verdict(ratio <= BAR);
            let figures = figures(times);
            let _ = writeln!(text, "| `{name}` | {figures} | {ratio:.2} × of ≤ {BAR} ×: {met} |");
        }
        text
    }
}

impl Tree {
    /// Copies the folder as often as it takes.
    fn plant(from: &Path, to: &Path) -> Result<Self> {
        let mut tree = Self::default();
        for copy in 0.. {
            let before = tree.bytes;
            tree.copy(from, &to.join(format!("copy-{copy}")))?;
            if tree.is_full() {
                break;
            }
            ensure!(tree.bytes > before, "{} holds nothing to copy", from.display());
        }
        Ok(tree)
    }

    /// Copies what is in the folder until the tree is full. Links are left out.
    fn copy(&mut self, from: &Path, to: &Path) -> Result<()> {
        fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
        for entry in entries(from)? {
            if self.is_full() {
                break;
            }
            let (path, copied) = (entry.path(), to.join(entry.file_name()));
            let kind = entry.file_type().context("cannot tell what a file is")?;
            if kind.is_dir() {
                self.copy(&path, &copied)?;
            } else if kind.is_file() {
                let bytes = fs::copy(&path, &copied);
                self.bytes += bytes.with_context(|| format!("cannot copy {}", path.display()))?;
                self.files += 1;
            }
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.bytes >= BYTES
    }
}

/// What is in a folder, in the order of its names.
pub(crate) fn entries(folder: &Path) -> Result<Vec<DirEntry>> {
    let read = || fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>();
    let mut entries = read().with_context(|| format!("cannot read {}", folder.display()))?;
    entries.sort_by_key(DirEntry::file_name);
    Ok(entries)
}

/// The sources that whoever builds this has.
fn registry() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    Ok(cargo.context("HOME is not set")?.join("registry/src"))
}

/// Makes it a repository whose index knows the files. What is packed fast is packed
/// well enough: a scan of the work tree does not read it.
fn track(folder: &Path) -> Result<()> {
    let git = |words: &[&str]| must(Command::new("git").current_dir(folder).args(words));
    git(&["init", "--quiet"])?;
    git(&["-c", "core.compression=0", "-c", "core.fsync=none", "add", "."])?;
    must(&mut program("sync")).map(drop)
}

fn version() -> Result<String> {
    let said = must(program("rg").arg("--version"))?;
    Ok(said.split_whitespace().nth(1).unwrap_or("unknown").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_copied_without_its_links() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("inner")).unwrap();
        fs::write(from.join("inner/one"), "12345").unwrap();
        fs::write(from.join("two"), "123").unwrap();
        std::os::unix::fs::symlink("two", from.join("link")).unwrap();
        let mut tree = Tree::default();

        tree.copy(&from, &to).unwrap();

        assert_eq!((tree.files, tree.bytes), (2, 8));
        assert_eq!(fs::read(to.join("inner/one")).unwrap(), b"12345");
        assert!(!to.join("link").exists());
    }
}
