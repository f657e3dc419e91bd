//! `unspoken scan`: where values and credentials are that should not be there.

mod accepted;
mod findings;
mod history;
pub(crate) mod known;
mod report;
mod search;
mod staged;
pub(crate) mod trace;
mod transcripts;
mod values;
mod work_tree;

pub(crate) use accepted::{BaselineFile, NAME as BASELINE};
pub(crate) use findings::Findings;
pub(crate) use search::Search;
pub(crate) use staged::scan as scan_staged;
pub(crate) use values::{Folders, unasked};

use std::io::stdin;
use std::path::{Path, PathBuf};

use clap_complete::ArgValueCandidates;
use unspoken_model::{EnvironmentName, shown};
use unspoken_store::env_vars;

use self::accepted::{Acceptance, Consent};
use self::findings::Gathered;
use self::history::Listing;
use self::report::Report;
use self::search::Room;
use self::trace::{Place, Trace};
use self::work_tree::Files;
use crate::complete;
use crate::context::Context;
use crate::failure::{Code, Failure, quoted};
use crate::git::{Git, Staged};
use crate::ui::counted;

/// Find values and credentials that got out
///
/// Looks for the values of this project, as they are and in their usual disguises,
/// as far as this machine's keys open them; and for credentials of well-known kinds,
/// which needs no key. Without a path or one of the places below: the work tree of
/// the repository, without what git ignores, but with ignored `.env` files.
///
/// Exits with 8 when something was found. It is a net, not a proof: a value that was
/// encrypted, compressed or cut in pieces is not seen.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken scan\n  unspoken scan src/ notes.txt\n  unspoken scan --history\n  unspoken scan --transcripts\n  kubectl logs web | unspoken scan --stdin -e production\n  unspoken scan --sarif > scan.sarif\n  unspoken scan tests/server.rs --accept 'a key that the test makes'"
)]
pub(crate) struct Scan {
    /// Files and folders
    paths: Vec<PathBuf>,

    /// What is staged for the next commit
    #[arg(long)]
    staged: bool,

    /// Every version, message and tag that the repository keeps
    #[arg(long)]
    history: bool,

    /// Standard input
    #[arg(long)]
    stdin: bool,

    /// What coding agents and shells have noted on this machine
    #[arg(long)]
    transcripts: bool,

    /// Look for the values of this environment; may be repeated [default: all that open]
    #[arg(short, long, value_name = "ENV", add = ArgValueCandidates::new(complete::environments))]
    env: Vec<EnvironmentName>,

    /// Look for well-known credentials alone, and open nothing
    #[arg(long, conflicts_with = "env")]
    no_values: bool,

    /// Print SARIF 2.1.0, for code hosts
    #[arg(long, conflicts_with = "json")]
    sarif: bool,

    /// The file of accepted findings [default: `scan-baseline.json` beside `unspoken.toml`]
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Accept what is found in these paths, as far as it is committed, for this reason
    #[arg(long, value_name = "REASON")]
    accept: Option<String>,

    /// Accept more than one finding where no path is given
    #[arg(long, requires = "accept")]
    yes: bool,
}

/// Where it is looked.
#[derive(Debug)]
struct Ground {
    /// The repository's root; without one, the folder that we are in.
    root: PathBuf,
    git: Option<Git>,
    /// How many folders below the root this process is; `None` elsewhere.
    depth: Option<usize>,
}

impl Scan {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let ground = Ground::find(cx)?;
        let folder = cx.found().map_or_else(|_| ground.root.clone(), |found| found.root);
        let accepting = self.accept.is_some();
        let mut file = BaselineFile::find(self.baseline.as_deref(), &folder, accepting)?;
        let listing = if self.history { Some(Listing::start(ground.git()?)) } else { None };
        let known = if self.no_values { None } else { values::open(cx, &self.env)? };
        let search = Search::new(known, file.as_ref().map(BaselineFile::key));
        let findings = Findings::default();
        self.look(cx, &ground, &search, &findings)?;
        let lost = match listing {
            Some(listing) => history::scan(ground.git()?, listing, &search, &findings)?,
            None => 0,
        };
        let Gathered { mut traces, unread, looked } = findings.into_sorted();
        say_unread(cx, &unread);
        if looked == 0
            && traces.is_empty()
            && unread.is_empty()
            && (!self.paths.is_empty() || !self.is_elsewhere())
        {
            cx.ui.warn("nothing was looked at: no file is there, or git ignores what there is");
        }
        if lost > 0 {
            let lost = counted(lost, "finding");
            cx.ui.note(&format!(
                "{lost} more in what no branch, tag or stash leads to: git drops it in time, or with \
                 `git gc --prune=now`"
            ));
        }
        if let Some(git) = &ground.git {
            work_tree::mark_ignored(git, &mut traces)?;
        }
        let mut accepted = 0;
        if let Some(file) = &file {
            let (before, unmet) = file.sift(&mut traces);
            accepted = before;
            if unmet > 0 {
                let unmet = counted(unmet, "accepted finding");
                cx.ui.detail(format_args!("{unmet} of `{}` not met here", file.shown));
            }
        }
        if let (Some(reason), Some(file)) = (&self.accept, &mut file) {
            let git = ground.git()?;
            // Paths say nothing about the index and the history.
            let is_narrow = !self.paths.is_empty() && !self.staged && !self.history;
            let consent = Consent { reason, is_for_all: self.yes || is_narrow };
            let acceptance = file.accept(&mut traces, consent, git)?;
            say_accepted(cx, &acceptance, &file.shown);
        }
        let report = Report { ground: &ground, traces, accepted, unread: unread.len(), looked };
        self.tell(cx, &report)
    }

    /// Whether something else than files was asked for.
    fn is_elsewhere(&self) -> bool {
        self.staged || self.history || self.stdin || self.transcripts
    }

    /// Looks wherever that was asked for, but in the history.
    fn look(
        &self,
        cx: &Context,
        ground: &Ground,
        search: &Search,
        findings: &Findings,
    ) -> Result<(), Failure> {
        let home = cx.variables.path(env_vars::HOME);
        let home = home.and_then(|home| std::fs::canonicalize(home).ok());
        let files = |root, prefix, place| Files { search, findings, root, prefix, place };
        if !self.paths.is_empty() {
            let paths = self.paths.iter().map(|path| found(path)).collect::<Result<Vec<_>, _>>()?;
            files(&ground.root, "", Place::WorkTree).look_at_all(&paths)?;
        } else if !self.is_elsewhere() {
            let files = files(&ground.root, "", Place::WorkTree);
            files.look_at_all(std::slice::from_ref(&ground.root))?;
        }
        if self.transcripts {
            if let Some(home) = &home {
                let files = files(home, "~/", Place::Transcript);
                files.look_at_all(&transcripts::places(home))?;
            }
            let files = files(&ground.root, "", Place::Transcript);
            files.look_at_files(&transcripts::places_in(&ground.root))?;
        }
        if self.stdin {
            let spots = search.look(stdin().lock(), &mut Room::new());
            findings.add("-", &Place::Stdin, spots);
        }
        if self.staged {
            let git = ground.git()?;
            staged::scan(git, &Staged::list(git)?, search, findings)?;
        }
        Ok(())
    }

    fn tell(&self, cx: &Context, report: &Report<'_>) -> Result<(), Failure> {
        if self.sarif {
            cx.ui.print_json(&report.to_sarif())?;
        } else if cx.ui.json {
            cx.ui.print_json(&report.to_json())?;
        } else {
            cx.ui.print(&report.print())?;
            if report.traces.is_empty() {
                cx.ui.note(&report.summary());
            } else {
                cx.ui.note(&report.advice());
            }
        }
        report.outcome()
    }
}

impl Ground {
    fn find(cx: &Context) -> Result<Self, Failure> {
        let start = cx.start()?;
        let top = Git::at(&start).find(&["rev-parse", "--show-toplevel"]).ok().flatten();
        let (root, git) = match top.map(PathBuf::from) {
            Some(root) => (root.clone(), Some(Git::at(&root))),
            // A bare repository has a history all the same.
            None => {
                let git = Git::at(&start);
                let is_bare = git.find(&["rev-parse", "--git-dir"]).is_ok_and(|f| f.is_some());
                let root = std::fs::canonicalize(&start).unwrap_or(start);
                (root, is_bare.then_some(git))
            }
        };
        let here = std::env::current_dir().and_then(std::fs::canonicalize).ok();
        let below = here.as_ref().and_then(|here| here.strip_prefix(&root).ok());
        let depth = below.map(|below| below.components().count());
        Ok(Self { root, git, depth })
    }

    /// A path of a finding, as it is typed into the shell that we were started in.
    fn typed(&self, path: &str) -> String {
        let path = match self.depth {
            _ if path.starts_with('/') => path.to_owned(),
            // A path must not pass for a flag.
            Some(0) if path.starts_with('-') => format!("./{path}"),
            Some(depth) => format!("{}{path}", "../".repeat(depth)),
            None => self.root.join(path).display().to_string(),
        };
        quoted(path.as_ref())
    }

    fn git(&self) -> Result<&Git, Failure> {
        self.git.as_ref().ok_or_else(|| {
            Failure::new(Code::Missing, "this folder is in no git repository")
                .hint("Give files or folders: `unspoken scan PATH`.")
        })
    }
}

/// A path that somebody typed, as the walk tells it.
fn found(path: &Path) -> Result<PathBuf, Failure> {
    std::fs::canonicalize(path).map_err(|error| {
        Failure::new(Code::Missing, format!("cannot look at {}: {error}", quoted(path)))
    })
}

/// How many of a kind are told by name.
const TOLD: usize = 5;

fn say_unread(cx: &Context, unread: &[(String, String)]) {
    for (path, why) in unread.iter().take(TOLD) {
        let path = if path.is_empty() { String::new() } else { format!("`{}`: ", shown(path)) };
        cx.ui.warn(&format!("not looked at: {path}{why}"));
    }
    if unread.len() > TOLD {
        let further = counted(unread.len() - TOLD, "more file");
        cx.ui.warn(&format!("not looked at: {further}"));
    }
}

fn say_accepted(cx: &Context, acceptance: &Acceptance, path: &str) {
    if !acceptance.added.is_empty() {
        let count = counted(acceptance.added.len(), "finding");
        let lines: String = acceptance.added.iter().map(Trace::print).collect();
        let lines = lines.lines().map(|line| format!("\n  {line}")).collect::<String>();
        cx.ui.note(&format!("{count} accepted in `{path}`; commit it{lines}"));
    }
    if acceptance.plaintext > 0 {
        let left = counted(acceptance.plaintext, "finding");
        cx.ui.warn(&format!("{left} not accepted: a file of plaintext values never is"));
    }
    if acceptance.left > 0 {
        let left = counted(acceptance.left, "finding");
        cx.ui.warn(&format!(
            "{left} not accepted: only what git tracks, staged files and the history can be accepted"
        ));
    }
}
