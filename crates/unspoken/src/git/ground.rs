//! What a merge stands on: the project file in HEAD.
//!
//! Rules:
//! - The project file is HEAD's, never the work tree's or the index's: in the
//!   middle of a merge these may already be the other side's, with a pin that
//!   the other side chose.
//! - The nearest project file above a document is the one that it belongs to.

use std::path::{Path, PathBuf};

use unspoken_model::{DocumentForm, EnvironmentName, ProjectFile, SealKey};
use unspoken_store::Project;

use super::{Git, GitError, ObjectId};
use crate::failure::{Code, Failure};

/// How large a project file may be.
const LIMIT: u64 = 1024 * 1024;

/// How many of HEAD's ancestors are asked whether they have pinned a key.
const ANCESTORS: &str = "--max-count=50";

/// A document's project and environment, by HEAD.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) project: Project,
    pub(crate) environment: EnvironmentName,
    pub(crate) form: DocumentForm,
    /// The project file's path in the repository.
    file: String,
}

impl Ground {
    /// Finds which environment's document a path in the repository is. `None`
    /// when it is no document.
    pub(crate) fn find(git: &Git, path: &str) -> Result<Option<Self>, Failure> {
        let top = PathBuf::from(git.text(&["rev-parse", "--show-toplevel"])?);
        for (file, id) in project_files(git, path)? {
            let folder = file.strip_suffix(ProjectFile::NAME).unwrap_or_default();
            let Some(below) = path.strip_prefix(folder) else { continue };
            let project = match read(git, &id)? {
                Ok(parsed) => Project { root: top.join(folder), file: parsed },
                Err(words) => {
                    let message = format!("`{file}` in HEAD does not read: {words}");
                    return Err(Failure::new(Code::Integrity, message)
                        .hint(format!("Run `git show HEAD:{file}`, and mend it first.")));
                }
            };
            let mut names = project.file.environments.keys();
            let found = names.find(|name| project.file.document_path(name) == below).cloned();
            let form = DocumentForm::of(below);
            return Ok(found.zip(form).map(|(environment, form)| Self {
                project,
                environment,
                form,
                file,
            }));
        }
        Ok(None)
    }

    /// The key that HEAD demands of the document.
    pub(crate) fn pin(&self) -> Option<SealKey> {
        self.project.file.entry(&self.environment)?.seal_key
    }

    /// Whether HEAD, or a commit that it grew out of, has pinned this key for
    /// the document.
    pub(crate) fn has_ever_pinned(&self, git: &Git, key: &SealKey) -> Result<bool, GitError> {
        if self.pin() == Some(*key) {
            return Ok(true);
        }
        let search = format!("-S{key}");
        // With `-m` a merge that made a key of its own is found as well.
        let log = ["log", ANCESTORS, "-m", "--format=%H", "--no-ext-diff", "--no-textconv"];
        let end = [search.as_str(), "HEAD", "--", &format!(":(top,literal){}", self.file)];
        let commits = git.text(&[&log[..], &end].concat())?;
        for commit in commits.lines() {
            let Some(id) = git.resolve(&format!("{commit}:{}", self.file))? else { continue };
            let Ok(file) = read(git, &id)? else { continue };
            let entry = file.entry(&self.environment);
            if entry.is_some_and(|entry| entry.seal_key == Some(*key)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The project files of HEAD that stand above a path, nearest first.
fn project_files(git: &Git, path: &str) -> Result<Vec<(String, ObjectId)>, GitError> {
    let folders = Path::new(path).ancestors().skip(1);
    let files = folders.map(|folder| folder.join(ProjectFile::NAME).display().to_string());
    let mut found = Vec::new();
    for file in files {
        if let Some(id) = git.resolve(&format!("HEAD:{file}"))? {
            found.push((file, id));
        }
    }
    Ok(found)
}

fn read(git: &Git, id: &ObjectId) -> Result<Result<ProjectFile, String>, GitError> {
    let bytes = git.blob(id, LIMIT)?;
    Ok(String::from_utf8(bytes)
        .map_err(|_| "it is not text".to_owned())
        .and_then(|text| ProjectFile::parse(&text).map_err(|error| error.to_string())))
}
