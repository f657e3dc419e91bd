//! A repository of envless: `secrets/NAME.env.enc` are dotenv documents of
//! sops, and `.envless/identity.key` is this machine's key to them.

use std::fs;
use std::path::{Path, PathBuf};

use unspoken_model::{DocumentForm, EnvironmentName, shown};
use unspoken_seal::Identity;
use unspoken_store::read_limited;
use zeroize::Zeroizing;

use super::source::{LIMIT, Source};
use super::{Kind, Reading};
use crate::failure::{Code, Failure, quoted};

const ENDING: &str = ".env.enc";

/// More environments than this are refused.
const MOST: usize = 256;

/// What was found: the folder, and each environment's document.
pub(super) struct Repository {
    folder: PathBuf,
    documents: Vec<(String, PathBuf)>,
}

impl Repository {
    /// Looks for a repository in a folder, or around one of its documents.
    /// `None` when the path is something else.
    pub(super) fn find(path: &Path, kind: Option<Kind>) -> Result<Option<Self>, Failure> {
        if kind.is_some_and(|kind| kind != Kind::Envless) {
            return Ok(None);
        }
        if path.is_dir() {
            let documents = documents(&path.join("secrets"))?;
            if documents.is_empty() && kind.is_none() {
                return Ok(None);
            }
            if documents.is_empty() {
                let message = format!("there is no `secrets/*{ENDING}` in `{}`", path.display());
                return Err(Failure::new(Code::Missing, message)
                    .hint(format!("Name the folder of the repository: `ls {}`.", quoted(path))));
            }
            return Ok(Some(Self { folder: path.to_owned(), documents }));
        }
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(name) = name.strip_suffix(ENDING) else { return Ok(None) };
        let folder = path.parent().map_or_else(PathBuf::new, |secrets| secrets.join(".."));
        if kind.is_none() && !folder.join(".envless").is_dir() {
            return Ok(None);
        }
        Ok(Some(Self { folder, documents: vec![(name.to_owned(), path.to_owned())] }))
    }

    /// The document of one environment.
    fn document(&self, name: &str) -> Result<&Path, Failure> {
        if let Some((_, path)) = self.documents.iter().find(|(found, _)| found == name) {
            return Ok(path);
        }
        let message = format!("the envless repository has no environment `{}`", shown(name));
        let found: Vec<String> =
            self.documents.iter().map(|(name, _)| format!("`{}`", shown(name))).collect();
        Err(Failure::new(Code::Missing, message).hint(format!(
            "It has {}. Name one: `-e ENV --from-env NAME`, or leave both out for all.",
            found.join(", ")
        )))
    }
}

impl Reading<'_> {
    /// Reads the environment that was named, or all.
    pub(super) fn envless(
        &self,
        repository: &Repository,
    ) -> Result<Vec<(EnvironmentName, Source)>, Failure> {
        self.fits(Kind::Envless)?;
        let identities = self.envless_identities(repository)?;
        let read = |environment: EnvironmentName, path: &Path| -> Result<_, Failure> {
            self.foreign(path)?;
            let bytes = Zeroizing::new(read_limited(path, LIMIT as u64)?);
            let called = path.display().to_string();
            let form = DocumentForm::Dotenv;
            let imported = self.sops(&called, &bytes, form, &environment, &identities)?;
            let source = Source { path: Some(path.to_owned()), bytes, imported, is_plain: false };
            Ok((environment, source))
        };
        if let (Some(_), from) = (&self.args.env.env, &self.args.from_env) {
            let environment = self.environment()?;
            let only = match (repository.documents.as_slice(), from) {
                // The one document that was named is the one that is meant.
                ([(_, path)], None) if self.args.file == *path => path,
                (_, from) => {
                    let from = from.as_deref().unwrap_or(environment.as_str());
                    repository.document(from)?
                }
            };
            return Ok(vec![read(environment, only)?]);
        }
        let mut sources = Vec::new();
        for (name, path) in &repository.documents {
            sources.push(read(self.same(name)?, path)?);
        }
        Ok(sources)
    }

    /// The environment of the project that is named like one of envless.
    fn same(&self, name: &str) -> Result<EnvironmentName, Failure> {
        let there =
            name.parse().ok().filter(|name| self.workspace.project.file.entry(name).is_some());
        there.ok_or_else(|| {
            let name = shown(name);
            let message = format!("this project has no environment `{name}`");
            Failure::new(Code::Missing, message).hint(format!(
                "Nothing was imported. Run `unspoken env add {name}`, or say where its values go: `-e \
                 ENV --from-env {name}`."
            ))
        })
    }

    fn envless_identities(&self, repository: &Repository) -> Result<Vec<Identity>, Failure> {
        let path = repository.folder.join(".envless/identity.key");
        let Some(text) = self.workspace.home.read_foreign(&path)? else { return Ok(Vec::new()) };
        Identity::parse_file(&text)
            .map_err(|error| Failure::new(Code::NoKey, format!("`{}`: {error}", path.display())))
    }
}

fn documents(folder: &Path) -> Result<Vec<(String, PathBuf)>, Failure> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut documents = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(name) = name.strip_suffix(ENDING).filter(|name| !name.is_empty()) {
            documents.push((name.to_owned(), path));
        }
        if documents.len() > MOST {
            let message = format!("`{}` has more than {MOST} documents", folder.display());
            return Err(Failure::new(Code::Other, message));
        }
    }
    documents.sort();
    Ok(documents)
}
