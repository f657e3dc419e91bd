//! What `check` and `doctor` look for, with no private key: nothing is opened.
//!
//! Rules:
//! - A document that must not be used tells nothing else: its names and readers
//!   may be somebody's invention.
//! - Findings come in an order that depends on the project alone.

mod document;
mod names;
pub(crate) mod place;
mod types;

use std::collections::{BTreeMap, BTreeSet};

use unspoken_model::{EnvironmentName, ProjectFile};
use unspoken_seal::VerifyError;
use unspoken_store::{StoreError, Waiting};

use crate::context::{Context, Workspace};
use crate::failure::Failure;
use crate::finding::{Finding, Rule};
use crate::repository::Repository;

/// What was found, in the order in which it is told.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    /// What concerns no environment alone.
    pub(crate) general: Vec<Finding>,
    pub(crate) environments: BTreeMap<EnvironmentName, Vec<Finding>>,
    /// How many names the environments hold together.
    pub(crate) names: usize,
}

/// The names of each document that may be used.
type Sheets = BTreeMap<EnvironmentName, BTreeSet<String>>;

impl Audit {
    /// Looks at these environments and what they inherit from.
    pub(crate) fn run(
        cx: &Context,
        workspace: &Workspace,
        repository: Option<&Repository>,
        chosen: &[EnvironmentName],
    ) -> Self {
        let file = &workspace.project.file;
        let ancestry = |name| file.ancestry(name).unwrap_or_default();
        let wanted: BTreeSet<EnvironmentName> = chosen.iter().flat_map(ancestry).collect();
        let mut audit = Self { general: place::look(workspace, repository), ..Self::default() };
        audit.general.extend(types::look(cx, workspace));
        let mut sheets = Sheets::new();
        for environment in file.environments.keys() {
            let mut findings = Vec::new();
            // The names of all are read, because gaps are between environments.
            if let Some(names) = look_at_document(cx, workspace, environment, &mut findings) {
                sheets.insert(environment.clone(), names);
            }
            if wanted.contains(environment) {
                if !file.is_in_vault(environment) {
                    findings.extend(place::look_at_document(workspace, environment));
                    findings.extend(look_at_inbox(cx, workspace, environment));
                }
                audit.environments.insert(environment.clone(), findings);
            }
        }
        for (environment, findings) in &mut audit.environments {
            findings.extend(names::look(file, &sheets, environment));
            findings.sort_by(|a, b| (a.level, a.rule, &a.text).cmp(&(b.level, b.rule, &b.text)));
        }
        audit.general.extend(names::look_at_visible(file, &sheets));
        audit.names = sheets.values().flatten().collect::<BTreeSet<_>>().len();
        audit
    }

    /// All findings, what is general first.
    pub(crate) fn into_findings(self) -> Vec<Finding> {
        self.general.into_iter().chain(self.environments.into_values().flatten()).collect()
    }
}

/// Looks at one document. Its names, if it may be used.
fn look_at_document(
    cx: &Context,
    workspace: &Workspace,
    environment: &EnvironmentName,
    findings: &mut Vec<Finding>,
) -> Option<BTreeSet<String>> {
    if workspace.project.file.is_in_vault(environment) {
        return look_in_vault(cx, workspace, environment, findings);
    }
    let store = cx.store(workspace);
    let refused = |error: StoreError| refusal(workspace, environment, error);
    let bytes = store.read(environment).map_err(|error| findings.push(refused(error))).ok()?;
    let verified =
        store.verify(environment, &bytes).map_err(|error| findings.push(refused(error))).ok()?;
    let document = verified.document();
    let page = document::Page {
        file: &workspace.project.file,
        environment,
        path: &workspace.project.file.document_path(environment),
        text: &String::from_utf8_lossy(&bytes),
        document,
        today: cx.today(),
    };
    findings.extend(page.look());
    Some(document.names().map(str::to_owned).collect())
}

/// Looks at the names that a vault has. One that cannot be asked makes no environment wrong; one
/// that answers that there is none does.
fn look_in_vault(
    cx: &Context,
    workspace: &Workspace,
    environment: &EnvironmentName,
    findings: &mut Vec<Finding>,
) -> Option<BTreeSet<String>> {
    let topic = environment.as_str();
    let at = |finding: Finding| finding.at(ProjectFile::NAME, None);
    match cx.sheet(workspace, environment) {
        Ok(sheet) => {
            let today = cx.today();
            let expiring = sheet.expires.iter();
            let expiring =
                expiring.filter_map(|(n, e)| document::expiry(environment, n, *e, today));
            findings.extend(expiring.map(at));
            Some(sheet.names)
        }
        Err(failure) => {
            let text = format!("its names are not checked: {}", failure.message);
            findings.push(at(Finding::of(Rule::Vault, topic, text).hint(failure.hint)));
            None
        }
    }
}

/// Values that wait for somebody who can open the document.
fn look_at_inbox(
    cx: &Context,
    workspace: &Workspace,
    environment: &EnvironmentName,
) -> Vec<Finding> {
    let topic = environment.as_str();
    let list = match cx.store(workspace).inbox(environment) {
        Ok(list) => list,
        Err(error) => {
            let failure = Failure::from(error);
            return vec![Finding::of(Rule::Inbox, topic, failure.message).hint(failure.hint)];
        }
    };
    let finding = |waiting: &Waiting| {
        let label = &waiting.label;
        let text = format!("`{}` waits since {}, from {}", label.name, label.time(), label.author);
        let hint = format!(
            "Whoever can open `{environment}` takes it up with the next command that does; run \
             `unspoken inbox -e {environment}` to see more."
        );
        let path = workspace.shown(&waiting.path).to_string();
        Finding::of(Rule::Inbox, topic, text).hint(hint).at(&path, None)
    };
    list.iter().map(finding).collect()
}

/// Why a document cannot be looked at.
fn refusal(workspace: &Workspace, environment: &EnvironmentName, error: StoreError) -> Finding {
    let mut line = None;
    let rule = match &error {
        StoreError::NoDocument { .. } => Rule::MissingDocument,
        StoreError::Parse { error, .. } => {
            line = Some(error.line);
            Rule::Seal
        }
        StoreError::Verify { error: VerifyError::Unpinned { .. }, .. } => Rule::Unpinned,
        StoreError::Verify { .. } => Rule::Seal,
        _ => Rule::Unreadable,
    };
    let failure = Failure::from(error);
    let path = workspace.project.file.document_path(environment);
    Finding::of(rule, environment.as_str(), failure.message).hint(failure.hint).at(&path, line)
}
