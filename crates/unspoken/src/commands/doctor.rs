//! `unspoken doctor`: what was found where, and what to do.

mod finding;

use jiff::civil::Date;
use serde_json::{Value, json};
use unspoken_model::{EnvironmentName, ExpiryState, shown};
use unspoken_seal::{Document, IdentityError};
use unspoken_store::{project_directory, read_limited};

use self::finding::{Finding, Level};
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure, mend};
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
        match cx.workspace() {
            Ok(workspace) => look_at_project(cx, &workspace, &mut findings),
            Err(failure) => findings.push(Finding::failed("project", &failure)),
        }
        if cx.ui.json {
            let list: Vec<Value> = findings.iter().map(Finding::to_json).collect();
            cx.ui.print_json(&json!({ "findings": list }))?;
        } else {
            cx.ui.print(&findings.iter().map(Finding::print).collect::<String>())?;
        }
        let errors = findings.iter().filter(|finding| finding.level == Level::Error).count();
        if errors == 0 {
            return Ok(());
        }
        Err(Failure::new(Code::Other, format!("{errors} of these must be mended")))
    }
}

fn look_at_keys(cx: &Context, findings: &mut Vec<Finding>) {
    let home = match cx.home() {
        Ok(home) => home,
        Err(failure) => return findings.push(Finding::failed("keys", &failure)),
    };
    findings
        .push(Finding::fine("keys", format!("{} (from {})", home.path().display(), home.origin())));
    for candidate in cx.keyring(&home).candidates(None) {
        match candidate {
            Ok(candidate) => findings.push(match candidate.identities() {
                Ok(_) | Err(IdentityError::Sealed) => {
                    Finding::fine("key", candidate.origin.to_string())
                }
                Err(error) => {
                    let text = format!("{}: {error}", candidate.origin);
                    let hint = "Every line must be an age identity or begin with `#`.".to_owned();
                    Finding::warning("key", text, Some(hint))
                }
            }),
            Err(error) => {
                let failure = Failure::because(Code::NoKey, &error.source);
                // The keychain's own advice, or the command that mends a file.
                let hint = match mend(&error.source) {
                    Some(command) => Some(format!("Run `{command}`.")),
                    None => Failure::from(error.source).hint,
                };
                findings.push(Finding::error("key", failure.message, hint));
            }
        }
    }
}

fn look_at_project(cx: &Context, workspace: &Workspace, findings: &mut Vec<Finding>) {
    let project = &workspace.project;
    let by = match project_directory(None, &cx.variables) {
        Some(setting) => setting.origin.to_string(),
        None => "the search upwards".to_owned(),
    };
    let text = format!("{} in {} (found by {by})", project.file.project, project.root.display());
    findings.push(Finding::fine("project", text));
    let today = cx.today();
    for environment in project.file.environments.keys() {
        match look_at_environment(cx, workspace, environment, today) {
            Ok(found) => findings.extend(found),
            Err(failure) => findings.push(Finding::failed(environment.as_str(), &failure)),
        }
    }
    for name in [".env", ".env.local", ".env.development", ".env.production"] {
        if project.root.join(name).exists() {
            let hint = format!("Run `unspoken import {name}`.");
            findings.push(Finding::warning(
                "plaintext",
                format!("there is a `{name}`"),
                Some(hint),
            ));
        }
    }
    let ignored = read_limited(&project.root.join(".gitignore"), 1024 * 1024).unwrap_or_default();
    if !ignored.split(|&byte| byte == b'\n').any(|line| line.trim_ascii_end() == b".env") {
        let hint = Some("Run `unspoken init`, which adds the lines.".to_owned());
        findings.push(Finding::warning(
            "git",
            "`.gitignore` does not name `.env`".to_owned(),
            hint,
        ));
    }
}

fn look_at_environment(
    cx: &Context,
    workspace: &Workspace,
    environment: &EnvironmentName,
    today: Date,
) -> Result<Vec<Finding>, Failure> {
    let store = cx.store(workspace);
    let bytes = store.read(environment)?;
    let verified = store.verify(environment, &bytes)?;
    let document = verified.document();
    let topic = environment.as_str();
    let mut findings = vec![Finding::fine(topic, describe(workspace, environment, document))];
    if document.block().is_none() {
        findings.push(Finding::warning(
            topic,
            "not sealed: names, order and recipients are not protected".to_owned(),
            Some(format!("Review it, then run `unspoken accept -e {environment}`.")),
        ));
    }
    for name in document.names().filter(|name| document.is_clear(name)) {
        findings.push(Finding::warning(
            topic,
            format!("the value of `{}` is not encrypted", shown(name)),
            None,
        ));
    }
    findings.extend(expiries(document, environment, today));
    match store.unlock(environment, &verified) {
        Ok((_, origin)) => {
            // The key fits; whether the values and the MAC do, opening tells.
            store.open_own(environment)?;
            findings.push(Finding::fine(topic, format!("opened by {origin}")));
        }
        Err(error) => {
            let failure = Failure::from(error);
            findings.push(Finding::warning(topic, failure.message, failure.hint));
        }
    }
    Ok(findings)
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

fn expiries(document: &Document<'_>, environment: &EnvironmentName, today: Date) -> Vec<Finding> {
    let expires = document.block().map(|block| &block.expires);
    let mut findings = Vec::new();
    for (name, expiry) in expires.into_iter().flatten() {
        let hint =
            || Some(format!("Run `unspoken set {name} -e {environment} --expires 'in 90 days'`."));
        let topic = environment.as_str();
        match expiry.state(today) {
            ExpiryState::Expired { days } => {
                let text = format!("`{name}` expired {days} days ago");
                findings.push(Finding::error(topic, text, hint()));
            }
            ExpiryState::Soon { days } => {
                let text = format!("`{name}` expires in {days} days");
                findings.push(Finding::warning(topic, text, hint()));
            }
            ExpiryState::Later { .. } => {}
        }
    }
    findings
}
