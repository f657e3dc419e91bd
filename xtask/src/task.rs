//! The tasks by name.

use anyhow::{Result, bail};

use crate::{bench, demo, dist, fuzz, pages, setup, sizes, test};

const USAGE: &str = "\
usage: cargo xtask <task>

  setup                        install what the tests need, once
  test [STEP...]               everything that must hold, or only the named steps
  test long                    the vault's trials for as long as it promises: fifteen minutes
  sizes                        the budgets for files
  dist                         the static release binaries
  pages [--check]              reference, manual and completions, generated
  fuzz [TARGET] [--seconds N]  fuzz one target or all, 60 seconds each
  bench                        measure, and write docs/benchmarks.md
  bench vault                  the vault under load, beside a peer; writes docs/benchmarks-vault.md
  bench history --repo DIR     a scan of that repository's history, beside gitleaks; printed
  demo                         the main jobs, shown on a real .env and a real vault";

/// Performs the task that was typed.
pub(crate) fn perform(words: &[&str]) -> Result<()> {
    match words {
        ["setup"] => setup::ensure().map(|peers| println!("{}", peers.display())),
        ["test", steps @ ..] => test::run(steps),
        ["sizes"] => sizes::check().map(|report| println!("{report}")),
        ["dist"] => dist::build_all().map(|report| println!("{report}")),
        ["pages"] => pages::write(),
        ["pages", "--check"] => pages::check().map(|report| println!("{report}")),
        ["fuzz", rest @ ..] => fuzz::run(rest),
        ["bench"] => bench::run(),
        ["bench", "vault"] => bench::vault::run(),
        ["bench", "history", "--repo", repository] => bench::run_history(repository.as_ref()),
        ["demo"] => demo::run(),
        _ => bail!("{USAGE}"),
    }
}
