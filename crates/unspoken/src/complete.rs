//! Completion of environments and names, asked by the shell while one types.
//!
//! Reads the project file and documents' names, no key and no value. Whatever
//! goes wrong gives no candidates: a prompt is no place for an error.

use std::env;

use clap_complete::{CompleteEnv, CompletionCandidate};
use unspoken_model::{DocumentForm, EnvironmentName, SecretName};
use unspoken_seal::Document;
use unspoken_store::env_vars::UNSPOKEN_COMPLETE;
use unspoken_store::{Project, Variables, find, project_directory, read_limited};

/// Answers the shell.
pub(crate) fn answer() {
    CompleteEnv::with_factory(crate::command).var(UNSPOKEN_COMPLETE.name).complete();
}

fn project() -> Option<Project> {
    let variables = Variables::from_process();
    let explicit = project_directory(None, &variables).map(|setting| setting.value);
    let start = env::current_dir().ok()?;
    Project::read(find(&start, explicit.as_deref()).ok()?).ok()
}

/// The project's environments.
pub(crate) fn environments() -> Vec<CompletionCandidate> {
    let Some(project) = project() else { return Vec::new() };
    project.file.environments.keys().map(|name| CompletionCandidate::new(name.as_str())).collect()
}

/// Whom the project file names.
pub(crate) fn recipients() -> Vec<CompletionCandidate> {
    let Some(project) = project() else { return Vec::new() };
    project.file.recipients.keys().map(|name| CompletionCandidate::new(name.as_str())).collect()
}

/// The names in any of the project's environments.
pub(crate) fn names() -> Vec<CompletionCandidate> {
    let Some(project) = project() else { return Vec::new() };
    // Nobody waits for a network while typing.
    let documents = |name: &&EnvironmentName| !project.file.is_in_vault(name);
    let environments = project.file.environments.keys().filter(documents);
    let mut names: Vec<String> =
        environments.flat_map(|environment| names_of(&project, environment)).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(CompletionCandidate::new).collect()
}

/// What `access` can be asked about: recipients and secrets.
pub(crate) fn subjects() -> Vec<CompletionCandidate> {
    recipients().into_iter().chain(names()).collect()
}

fn names_of(project: &Project, environment: &EnvironmentName) -> Vec<String> {
    let (path, form): (_, DocumentForm) = project.document(environment);
    let Ok(bytes) = read_limited(&path, Document::MAX_BYTES as u64) else { return Vec::new() };
    let Ok(document) = Document::parse(form, &bytes) else { return Vec::new() };
    let legal = |name: &&str| SecretName::parse(name).is_ok();
    document.names().filter(legal).map(str::to_owned).collect()
}
