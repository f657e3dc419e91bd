//! The pages that are generated from the program: reference, manual, completions.
//!
//! They are committed, so that a reader of the repository and a packager find
//! them, and checked by the suite, so that they cannot drift.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use clap_mangen::Man;

use crate::command::{must, program, root};
use crate::{api, dist, vault_help};

const WRITTEN: &str = "Written by `cargo xtask pages`; do not edit.\n";
const WIDTH: usize = 100;

/// What a manual page's foot says. All crates of the workspace share one version.
const SOURCE: &str = concat!("unspoken ", env!("CARGO_PKG_VERSION"));

/// Folders that hold generated files and nothing else.
const FOLDERS: &[&str] = &["docs/reference", "docs/man", "docs/completions"];

/// Path below the checkout, and content.
type Pages = BTreeMap<PathBuf, Vec<u8>>;

/// Writes all pages, and removes what is no page any more.
pub(crate) fn write() -> Result<()> {
    let pages = print()?;
    for stale in stale(&present()?, &pages).into_iter().filter(|path| !pages.contains_key(path)) {
        fs::remove_file(root().join(&stale)).context("cannot remove an old page")?;
    }
    for (path, bytes) in &pages {
        let path = root().join(path);
        fs::create_dir_all(path.parent().unwrap_or(&path)).context("cannot make a folder")?;
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    println!("{} pages", pages.len());
    Ok(())
}

/// Compares the pages that are there with those that ought to be.
pub(crate) fn check() -> Result<String> {
    let pages = print()?;
    let stale = stale(&present()?, &pages);
    if stale.is_empty() {
        return Ok(format!("{} pages", pages.len()));
    }
    let list: Vec<String> = stale.iter().map(|path| path.display().to_string()).collect();
    bail!("out of date, run `cargo xtask pages`:\n{}", list.join("\n"))
}

/// Every path that is missing, superfluous or different.
fn stale(present: &Pages, wanted: &Pages) -> Vec<PathBuf> {
    let mut paths: Vec<&PathBuf> = present.keys().chain(wanted.keys()).collect();
    paths.sort();
    paths.dedup();
    paths.retain(|path| present.get(*path) != wanted.get(*path));
    paths.into_iter().cloned().collect()
}

fn present() -> Result<Pages> {
    let mut pages = Pages::new();
    for folder in FOLDERS {
        let Ok(entries) = fs::read_dir(root().join(folder)) else { continue };
        for entry in entries {
            let name = entry.context("cannot list the pages")?.file_name();
            let path = Path::new(folder).join(name);
            let bytes = fs::read(root().join(&path))
                .with_context(|| format!("cannot read {}", path.display()))?;
            pages.insert(path, bytes);
        }
    }
    Ok(pages)
}

fn print() -> Result<Pages> {
    let mut command = unspoken::command().disable_help_subcommand(true).term_width(WIDTH);
    command.build();
    let mut pages = Pages::new();
    pages.insert("docs/reference/commands.md".into(), commands(&command).into_bytes());
    pages.insert("docs/reference/exit-codes.md".into(), exit_codes().into_bytes());
    pages.insert("docs/reference/variables.md".into(), variables().into_bytes());
    pages.insert("docs/reference/openapi.json".into(), api::describe()?);
    let vault = format!("# Commands of the vault's server\n\n{WRITTEN}{}", vault_help::print()?);
    pages.insert("docs/reference/vault-commands.md".into(), vault.into_bytes());
    man(&command, &mut pages)?;
    completions(&mut pages)?;
    Ok(pages)
}

fn commands(command: &clap::Command) -> String {
    let mut text = format!("# Commands\n\n{WRITTEN}");
    each(command, &mut |command| {
        let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
        let help = command.clone().render_long_help().to_string();
        let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
        let _ = write!(text, "\n## `{name}`\n\n```text\n{}\n```\n", lines.join("\n"));
    });
    text
}

fn exit_codes() -> String {
    let mut text = format!(
        "# Exit codes\n\n{WRITTEN}\n`run` ends with the exit code of the command that it became.\n\n\
         | code | name | meaning |\n|--:|---|---|\n"
    );
    for (code, name, meaning) in unspoken::exit_codes() {
        let _ = writeln!(text, "| {code} | `{name}` | {meaning} |");
    }
    text
}

fn variables() -> String {
    let mut text = format!(
        "# Environment variables\n\n{WRITTEN}\nAn empty variable is one that is not set. \
         None of those that begin with `UNSPOKEN_` or `SOPS_AGE_` reaches a child process.\n\n\
         | variable | effect | read by |\n|---|---|---|\n"
    );
    for variable in unspoken_store::env_vars::TABLE {
        let _ =
            writeln!(text, "| `{}` | {} | {} |", variable.name, variable.effect, variable.read_by);
    }
    text
}

fn man(command: &clap::Command, pages: &mut Pages) -> Result<()> {
    let mut result = Ok(());
    each(command, &mut |command| {
        let man = Man::new(command.clone()).source(SOURCE);
        let mut page = Vec::new();
        if let Err(error) = man.render(&mut page) {
            result = Err(error);
        }
        pages.insert(Path::new("docs/man").join(man.get_filename()), page);
    });
    result.context("cannot print a manual page")
}

/// The completions are what the program itself prints.
fn completions(pages: &mut Pages) -> Result<()> {
    let binary = dist::build()?;
    let checkout = root().to_string_lossy().into_owned();
    for shell in ["bash", "zsh", "fish"] {
        let script = must(program(&binary).args(["completions", shell]))?;
        ensure!(!script.contains(&checkout), "the {shell} completions name this checkout");
        pages.insert(Path::new("docs/completions").join(shell), script.into_bytes());
    }
    Ok(())
}

/// Visits a command and all commands below it that are not hidden.
fn each(command: &clap::Command, visit: &mut dyn FnMut(&clap::Command)) {
    visit(command);
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        each(inner, visit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_stale_when_missing_superfluous_or_different() {
        let pages = |list: &[(&str, &str)]| -> Pages {
            list.iter().map(|&(p, t)| (PathBuf::from(p), t.as_bytes().to_vec())).collect()
        };
        let wanted = pages(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let present = pages(&[("a", "1"), ("b", "other"), ("d", "4")]);

        assert_eq!(stale(&present, &wanted), ["b", "c", "d"].map(PathBuf::from));
        assert!(stale(&wanted, &wanted).is_empty());
    }

    #[test]
    fn every_table_has_a_row_for_every_entry() {
        assert_eq!(exit_codes().matches("\n| ").count(), unspoken::exit_codes().count() + 1);
        let table = unspoken_store::env_vars::TABLE;
        assert_eq!(variables().matches("\n| `").count(), table.len());
    }
}
