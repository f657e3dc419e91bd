//! `unspoken check`: what is wrong in the project, for CI, with no private key.

use clap_complete::ArgValueCandidates;
use serde_json::{Value, json};
use unspoken_model::{EnvironmentName, ProjectFile};
use unspoken_store::{Project, ProjectError};

use crate::audit::Audit;
use crate::audit::place::git_failed;
use crate::complete;
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure};
use crate::finding::{Finding, Level, Rule, count};
use crate::flags::EnvFlag;
use crate::repository::Repository;
use crate::sarif;
use crate::ui::counted;

/// Check seals, names, expiries and access, with no key
///
/// Looks at files alone and opens nothing: every seal against its pinned key,
/// values in the clear, names that are required or that only some environments
/// have, expiries, recipients against the access list, values that people know
/// who lost access, values that wait in an inbox, plaintext files in git.
///
/// Exits with 1 when something is wrong, with 5 when a document must not be used.
/// Warnings alone do not fail, unless `--strict` is given.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken check\n  unspoken check -e production --strict\n  unspoken check --sarif > unspoken.sarif"
)]
pub(crate) struct Check {
    /// An environment, with what it inherits; may be repeated [default: all]
    #[arg(short, long, value_name = "ENV", add = ArgValueCandidates::new(complete::environments))]
    env: Vec<EnvironmentName>,

    /// Print SARIF 2.1.0, for code hosts
    #[arg(long, conflicts_with = "json")]
    sarif: bool,

    /// Fail on warnings too
    #[arg(long)]
    strict: bool,
}

/// What was found, and in which words that is summed up.
struct Outcome {
    findings: Vec<Finding>,
    prefix: String,
    /// What was looked at.
    extent: String,
}

impl Check {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let Outcome { findings, prefix, extent } = self.look(cx)?;
        let (errors, warnings) = (count(&findings, Level::Error), count(&findings, Level::Warning));
        if self.sarif {
            cx.ui.print_json(&sarif::print(&findings, &prefix, ProjectFile::NAME))?;
        } else if cx.ui.json {
            let list: Vec<Value> = findings.iter().map(Finding::to_json).collect();
            cx.ui.print_json(&json!({
                "findings": list,
                "errors": errors,
                "warnings": warnings,
            }))?;
        } else {
            cx.ui.print(&findings.iter().map(Finding::print).collect::<String>())?;
        }
        let summary = match (errors, warnings) {
            (0, 0) => format!("{extent}: nothing is wrong"),
            (0, _) => format!("{extent}: {}", counted(warnings, "warning")),
            (_, 0) => format!("{extent}: {}", counted(errors, "error")),
            _ => {
                let warnings = counted(warnings, "warning");
                format!("{extent}: {}, {warnings}", counted(errors, "error"))
            }
        };
        let is_torn = findings.iter().filter_map(|finding| finding.rule).any(Rule::is_integrity);
        if errors == 0 && (warnings == 0 || !self.strict) {
            // What was found has been said.
            if findings.is_empty() && !cx.ui.json && !self.sarif {
                cx.ui.note(&summary);
            }
            return Ok(());
        }
        Err(Failure::new(if is_torn { Code::Integrity } else { Code::Other }, summary))
    }

    fn look(&self, cx: &Context) -> Result<Outcome, Failure> {
        let found = cx.found()?;
        let root = found.root.clone();
        let mut findings = Vec::new();
        let repository = Repository::find(&root).unwrap_or_else(|error| {
            findings.push(git_failed(error.into()));
            None
        });
        let prefix = repository.as_ref().map_or(String::new(), |found| found.prefix.clone());
        let project = match Project::read(found) {
            Ok(project) => project,
            Err(error) => {
                findings.push(misread(error));
                let extent = "the project file".to_owned();
                return Ok(Outcome { findings, prefix, extent });
            }
        };
        let workspace = Workspace { project, home: cx.home()? };
        let chosen = self.chosen(cx, &workspace)?;
        let audit = Audit::run(cx, &workspace, repository.as_ref(), &chosen);
        let environments = counted(audit.environments.len(), "environment");
        let extent = format!("{environments}, {}", counted(audit.names, "name"));
        findings.extend(audit.into_findings());
        Ok(Outcome { findings, prefix, extent })
    }

    /// The environments that are meant: those that were named, else all.
    fn chosen(&self, cx: &Context, workspace: &Workspace) -> Result<Vec<EnvironmentName>, Failure> {
        if self.env.is_empty() {
            return Ok(workspace.project.file.environments.keys().cloned().collect());
        }
        let known = |name: &EnvironmentName| {
            let flag = EnvFlag { env: Some(name.clone()) };
            Ok(cx.environment(&workspace.project, &flag)?.value)
        };
        self.env.iter().map(known).collect()
    }
}

fn misread(error: ProjectError) -> Finding {
    let line = match &error {
        ProjectError::Parse { error, .. } => Some(error.line),
        _ => None,
    };
    let failure = Failure::from(error);
    Finding::of(Rule::ProjectFile, "project", failure.message)
        .hint(failure.hint)
        .at(ProjectFile::NAME, line)
}
