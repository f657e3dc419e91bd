//! `scan --history` beside gitleaks, on a history that is generated, or on that of
//! any repository.

mod generated;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use self::generated::History;
use super::contender::Contender;
use super::measure::{Times, race};
use super::page::{figures, times_of, verdict};
use super::project::Project;
use crate::command::{must, program};
use crate::setup;

const SECRETS: usize = 20;
const COMMITS: usize = 5000;
const ROUNDS: usize = 3;

/// How many times as long as ours gitleaks should take.
const BAR: f64 = 5.0;

/// A history, and how long it took to look through it.
#[derive(Default)]
pub(crate) struct HistoryScan {
    what: String,
    gitleaks: Times,
    scan: Times,
    kinds: Times,
}

impl HistoryScan {
    /// Measures on a history that is made for it.
    pub(crate) fn measure(unspoken: &Path, peers: &Path, work: &Path) -> Result<Self> {
        let folder = work.join("history");
        fs::create_dir(&folder).context("cannot make a folder")?;
        let mut history = History::new()?;
        history.import_into(&folder)?;
        let go = must(program("go").args(["env", "GOVERSION"]))?;
        let what = format!(
            "generated, since no real one of that length comes with this repository: lines of the \
             standard library of {} in files that come in time\nand grow, changed on branches of \
             one to eight commits, each of which is merged by one more",
            go.trim()
        );
        Self::race(unspoken, peers, work, &folder, &what)
    }

    /// Measures on a clone of a repository, packed as a clone is, and without its files:
    /// whatever they set up for either program, or for a project, is left out.
    pub(crate) fn measure_on(
        repository: &Path,
        unspoken: &Path,
        peers: &Path,
        work: &Path,
    ) -> Result<Self> {
        let folder = work.join("history");
        let mut clone = program("git");
        clone
            .args(["clone", "--quiet", "--no-local", "--no-checkout"])
            .arg(repository)
            .arg(&folder);
        must(&mut clone).with_context(|| format!("cannot clone {}", repository.display()))?;
        Self::race(unspoken, peers, work, &folder, "those of a clone of a real repository")
    }

    fn race(unspoken: &Path, peers: &Path, work: &Path, folder: &Path, what: &str) -> Result<Self> {
        let home = work.join("history-home");
        fs::create_dir(&home).context("cannot make a folder")?;
        let mut count = program("git");
        let count = must(count.arg("-C").arg(folder).args(["rev-list", "--all", "--count"]))?;
        let what = format!("{} commits, {what}", count.trim());
        let project = Project::new(unspoken, folder, &home, SECRETS)?;
        must(&mut program("sync"))?;
        let words = ["git", "--no-banner", "--log-level=error", "--exit-code=0", "."];
        let gitleaks = Contender::new("gitleaks", peers.join("bin/gitleaks"), folder, &words);
        let gitleaks = gitleaks.with("HOME", home);
        let scan = project.contender("unspoken scan", &["scan", "--history"]);
        let kinds = project.contender("unspoken scan", &["scan", "--history", "--no-values"]);
        let [scan, kinds] = [scan, kinds].map(|one| one.ending_with(&[0, 8]));
        let [gitleaks, scan, kinds] =
            race([(&gitleaks, ROUNDS), (&scan, ROUNDS), (&kinds, ROUNDS)])?;
        Ok(Self { what, gitleaks, scan, kinds })
    }

    pub(crate) fn print(&self) -> String {
        let mut text = format!(
            "\n## `scan --history`, in milliseconds\n\n\
             {}. {SECRETS} secrets. gitleaks {} looks for its own kinds alone.\n\n\
             | | rounds | minimum | median | bar |\n|---|--:|--:|--:|---|\n",
            self.what,
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
