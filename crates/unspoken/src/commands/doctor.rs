//! `unspoken doctor`: what was found where, and what to do.

use serde_json::{Value, json};
use unspoken_deliver::fd::{Inheritance, Listed};
use unspoken_model::EnvironmentName;
use unspoken_seal::{Document, IdentityError};
use unspoken_store::env_vars::UNSPOKEN_FD;
use unspoken_store::{KeyringError, project_directory, read_limited};
use unspoken_wire::Descriptors;

use crate::audit::Audit;
use crate::audit::place::git_failed;
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure, mend};
use crate::finding::{Finding, Level, Rule, count};
use crate::git;
use crate::repository::Repository;
use crate::ui::counted;

/// Look at this machine and project, and say what to mend
///
/// What was found where, which key opens what, loose permissions, missing seals,
/// expiring secrets, plaintext files. Exits with 1 when something must be
/// mended.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  unspoken doctor\n  unspoken doctor --json")]
pub(crate) struct Doctor {}

impl Doctor {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let mut findings = Vec::new();
        look_at_keys(cx, &mut findings);
        findings.extend(look_at_descriptors(cx));
        match cx.workspace() {
            Ok(workspace) => look_at_project(cx, &workspace, &mut findings),
            Err(failure) => findings.push(Finding::failed("project", failure)),
        }
        if cx.ui.json {
            let list: Vec<Value> = findings.iter().map(Finding::to_json).collect();
            cx.ui.print_json(&json!({ "findings": list }))?;
        } else {
            cx.ui.print(&findings.iter().map(Finding::print).collect::<String>())?;
        }
        match count(&findings, Level::Error) {
            0 => Ok(()),
            errors => Err(Failure::new(Code::Other, format!("{errors} of these must be mended"))),
        }
    }
}

fn look_at_keys(cx: &Context, findings: &mut Vec<Finding>) {
    let home = match cx.home() {
        Ok(home) => home,
        Err(failure) => return findings.push(Finding::failed("keys", failure)),
    };
    findings
        .push(Finding::fine("keys", format!("{} (from {})", home.path().display(), home.origin())));
    for candidate in cx.keyring(&home).candidates(None) {
        match candidate {
            Ok(candidate) => findings.push(match candidate.identities() {
                Ok(_) | Err(IdentityError::Sealed) => {
                    Finding::fine("key", candidate.origin.to_string())
                }
                Err(error) => Finding::warning("key", format!("{}: {error}", candidate.origin))
                    .hint("Every line must be an age identity or begin with `#`.".to_owned()),
            }),
            Err(error) => findings.push(unused(error)),
        }
    }
}

/// What became of a bundle on the way here: `unspoken run --fd -- LAUNCHER
/// unspoken doctor` says whether the launcher lets it through.
fn look_at_descriptors(cx: &Context) -> Option<Finding> {
    const TOPIC: &str = "descriptors";
    let listed = cx.variables.text(UNSPOKEN_FD).ok()??;
    let descriptors = match Descriptors::parse(listed) {
        Ok(descriptors) => descriptors,
        Err(error) => return Some(Finding::warning(TOPIC, format!("`UNSPOKEN_FD`: {error}"))),
    };
    let found = Inheritance::look(&descriptors);
    let text = |(number, found): &(u16, Listed)| match found {
        Listed::Ours => format!("{number} is a bundle's"),
        Listed::Foreign => format!("{number} is something else"),
        Listed::Closed => format!("{number} is closed"),
    };
    let texts: Vec<String> = found.iter().map(text).collect();
    let text = format!("{} (by `UNSPOKEN_FD`)", texts.join(", "));
    if found.iter().any(|(_, found)| *found == Listed::Ours) {
        return Some(Finding::fine(TOPIC, text));
    }
    let hint = "A program between `unspoken run --fd` and this one has closed them: start this one directly, \
                or choose other numbers: `unspoken run --fd=7,42 -- …`.";
    Some(Finding::failed(TOPIC, Failure::new(Code::Bundle, text).hint(hint)))
}

fn unused(error: KeyringError) -> Finding {
    let mut failure = Failure::because(Code::NoKey, &error.source);
    // The command that mends a file, or the keychain's own advice.
    failure.hint = match mend(&error.source) {
        Some(command) => Some(format!("Run `{command}`.")),
        None => Failure::from(error.source).hint,
    };
    Finding::failed("key", failure)
}

fn look_at_project(cx: &Context, workspace: &Workspace, findings: &mut Vec<Finding>) {
    let project = &workspace.project;
    let by = match project_directory(None, &cx.variables) {
        Some(setting) => setting.origin.to_string(),
        None => "the search upwards".to_owned(),
    };
    let text = format!("{} in {} (found by {by})", project.file.project, project.root.display());
    findings.push(Finding::fine("project", text));
    let repository = look_at_git(workspace, findings);
    let all: Vec<EnvironmentName> = project.file.environments.keys().cloned().collect();
    let audit = Audit::run(cx, workspace, repository.as_ref(), &all);
    // Which keys are not private, the keyring has said already.
    let is_new = |finding: &Finding| finding.rule != Some(Rule::Permissions);
    findings.extend(audit.general.into_iter().filter(is_new));
    for (environment, found) in audit.environments {
        let (before, after) = look_at_environment(cx, workspace, &environment);
        findings.extend(before.into_iter().chain(found).chain(after));
    }
    for name in [".env", ".env.local", ".env.development", ".env.production"] {
        if project.root.join(name).exists() {
            findings.push(
                Finding::warning("plaintext", format!("there is a `{name}`"))
                    .hint(format!("Run `unspoken import {name}`.")),
            );
        }
    }
}

fn look_at_git(workspace: &Workspace, findings: &mut Vec<Finding>) -> Option<Repository> {
    let root = &workspace.project.root;
    let ignored = read_limited(&root.join(".gitignore"), 1024 * 1024).unwrap_or_default();
    if !ignored.split(|&byte| byte == b'\n').any(|line| line.trim_ascii_end() == b".env") {
        findings.push(
            Finding::warning("git", "`.gitignore` does not name `.env`".to_owned())
                .hint("Run `unspoken init`, which adds the lines.".to_owned()),
        );
    }
    let repository = Repository::find(root).unwrap_or_else(|error| {
        findings.push(git_failed(error.into()));
        None
    });
    if repository.is_some() && !git::is_set_up(root) {
        findings.push(
            Finding::warning("git", "branches do not merge by name in this clone".to_owned())
                .hint("Run `unspoken git setup`.".to_owned()),
        );
    }
    repository
}

/// What only a machine with keys can tell: what is said before the document's
/// findings, and what after them.
fn look_at_environment(
    cx: &Context,
    workspace: &Workspace,
    environment: &EnvironmentName,
) -> (Option<Finding>, Option<Finding>) {
    let store = cx.store(workspace);
    let topic = environment.as_str();
    if let Some(vault) = workspace.project.file.vault.as_ref()
        && workspace.project.file.is_in_vault(environment)
    {
        // What is wrong with it stands among the findings.
        let found = cx.sheet(workspace, environment).ok().map(|sheet| {
            let names = counted(sheet.names.len(), "name");
            let revision = sheet.revision.unwrap_or_default();
            let text = format!("{names} in the vault {}, revision {revision}", vault.url);
            Finding::fine(topic, text)
        });
        return (found, None);
    }
    // What is wrong with the document itself stands among its findings.
    let Ok(bytes) = store.read(environment) else { return (None, None) };
    let Ok(verified) = store.verify(environment, &bytes) else { return (None, None) };
    let before = Finding::fine(topic, describe(workspace, environment, verified.document()));
    let after = match store.unlock(environment, &verified) {
        // The key fits; whether the values and the MAC do, opening tells.
        Ok((_, origin)) => match store.open_own(environment) {
            Ok(_) => Finding::fine(topic, format!("opened by {origin}")),
            Err(error) => Finding::failed(topic, error.into()),
        },
        Err(error) => {
            let failure = Failure::from(error);
            Finding::warning(topic, failure.message).hint(failure.hint)
        }
    };
    (Some(before), Some(after))
}

fn describe(
    workspace: &Workspace,
    environment: &EnvironmentName,
    document: &Document<'_>,
) -> String {
    let (path, _) = workspace.project.document(environment);
    let count = document.names().count();
    let values = counted(count, "value");
    let people = counted(document.recipients().len(), "recipient");
    let revision = document.block().map_or(String::new(), |b| format!(", revision {}", b.revision));
    format!("{}: {values}, {people}{revision}", workspace.shown(&path))
}
