//! From text to a project file, with the line of whatever is wrong.

mod generate;
mod vault;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml_edit::{Document, Item, Table, TableLike};

use super::{
    DocumentForm, EnvironmentEntry, ProjectFile, ProjectFileError, ProjectFileProblem, RunMode,
    Source,
};
use crate::{EnvironmentName, ProjectName, RecipientName, SealKey, SecretName, is_same_key};

impl ProjectFile {
    /// Reads a project file, or says which line is wrong.
    pub fn parse(text: &str) -> Result<Self, ProjectFileError> {
        let document = Document::parse(text).map_err(|error| ProjectFileError {
            line: line_of(text, error.span()),
            problem: ProjectFileProblem::Syntax { message: error.message().replace('\n', "; ") },
        })?;
        let reader = Reader { text };
        let root = document.as_table();
        reader.known(root, &ROOT, "")?;
        let project = reader.project(root)?;
        let environments = reader.environments(root)?;
        let default = reader.default(root, &environments)?;
        let file = Self {
            text: text.to_owned(),
            project,
            default,
            run_mode: reader.run_mode(root)?,
            vault: reader.vault(root)?,
            recipients: reader.recipients(root)?,
            required: reader.names(root, "required", "required")?,
            visible: reader.names(root, "visible", "visible")?,
            rotation: reader.rotation(root)?,
            generate: reader.generate(root)?,
            descriptions: reader.descriptions(root)?,
            environments,
        };
        for (name, entry) in &file.environments {
            reader.check_references(&document, &file, name, entry)?;
        }
        Ok(file)
    }
}

/// The keys that a project file may have.
pub(super) const ROOT: [&str; 11] = [
    "project",
    "default",
    "run_mode",
    "vault",
    "environments",
    "recipients",
    "required",
    "visible",
    "rotation",
    "generate",
    "descriptions",
];

/// The keys that an environment may have.
const ENVIRONMENT: [&str; 6] = ["source", "inherits", "file", "seal_key", "recipients", "required"];

/// How private keys begin, in every kind.
const PRIVATE: [&str; 3] = ["AGE-SECRET-KEY-", "AGE-PLUGIN-", "-----BEGIN"];

/// A text and where it stands.
type Spanned<'a> = (&'a str, Option<Range<usize>>);

/// Reads one text; knows where each thing stands in it.
struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn error(&self, span: Option<Range<usize>>, problem: ProjectFileProblem) -> ProjectFileError {
        ProjectFileError { line: line_of(self.text, span), problem }
    }

    fn known(
        &self,
        table: &dyn TableLike,
        keys: &[&str],
        within: &str,
    ) -> Result<(), ProjectFileError> {
        for (key, item) in table.iter() {
            if !keys.contains(&key) {
                let span = table.key(key).and_then(toml_edit::Key::span).or_else(|| item.span());
                let (key, within) = (key.to_owned(), within.to_owned());
                return Err(self.error(span, ProjectFileProblem::UnknownKey { key, within }));
            }
        }
        Ok(())
    }

    fn text<'i>(
        &self,
        table: &'i dyn TableLike,
        key: &str,
    ) -> Result<Option<Spanned<'i>>, ProjectFileError> {
        let Some(item) = table.get(key) else { return Ok(None) };
        match item.as_str() {
            Some(text) => Ok(Some((text, item.span()))),
            None => {
                let key = key.to_owned();
                Err(self.error(item.span(), ProjectFileProblem::NotText { key }))
            }
        }
    }

    fn environment(
        &self,
        table: &dyn TableLike,
        key: &str,
    ) -> Result<Option<EnvironmentName>, ProjectFileError> {
        let Some((text, span)) = self.text(table, key)? else { return Ok(None) };
        EnvironmentName::parse(text).map(Some).map_err(|error| {
            self.error(span, ProjectFileProblem::Name { key: key.to_owned(), error })
        })
    }

    fn project(&self, root: &Table) -> Result<ProjectName, ProjectFileError> {
        let Some((text, span)) = self.text(root, "project")? else {
            return Err(self.error(None, ProjectFileProblem::Missing { key: "project" }));
        };
        ProjectName::parse(text).map_err(|error| {
            self.error(span, ProjectFileProblem::Name { key: "project".to_owned(), error })
        })
    }

    fn default(
        &self,
        root: &Table,
        environments: &BTreeMap<EnvironmentName, EnvironmentEntry>,
    ) -> Result<EnvironmentName, ProjectFileError> {
        let Some(name) = self.environment(root, "default")? else {
            return Err(self.error(None, ProjectFileProblem::Missing { key: "default" }));
        };
        if environments.contains_key(&name) {
            return Ok(name);
        }
        let (key, name) = ("default".to_owned(), name.to_string());
        let span = root.get("default").and_then(Item::span);
        Err(self.error(span, ProjectFileProblem::NoSuchEnvironment { key, name }))
    }

    fn run_mode(&self, root: &Table) -> Result<RunMode, ProjectFileError> {
        match self.text(root, "run_mode")? {
            None => Ok(RunMode::default()),
            Some(("environment", _)) => Ok(RunMode::Environment),
            Some(("fd", _)) => Ok(RunMode::Descriptor),
            Some((_, span)) => Err(self.error(span, ProjectFileProblem::RunMode)),
        }
    }

    fn environments(
        &self,
        root: &Table,
    ) -> Result<BTreeMap<EnvironmentName, EnvironmentEntry>, ProjectFileError> {
        let Some(item) = root.get("environments") else {
            return Err(self.error(None, ProjectFileProblem::Missing { key: "environments" }));
        };
        let Some(table) = item.as_table_like() else {
            let key = "environments".to_owned();
            return Err(self.error(item.span(), ProjectFileProblem::NotTable { key }));
        };
        let mut environments = BTreeMap::new();
        for (name, item) in table.iter() {
            let key = format!("environments.{name}");
            let Some(fields) = item.as_table_like() else {
                return Err(self.error(item.span(), ProjectFileProblem::NotTable { key }));
            };
            let span = table.key(name).and_then(toml_edit::Key::span).or_else(|| item.span());
            let parsed = EnvironmentName::parse(name)
                .map_err(|error| self.error(span, ProjectFileProblem::Name { key, error }))?;
            environments.insert(parsed, self.entry(name, fields)?);
        }
        Ok(environments)
    }

    fn entry(
        &self,
        name: &str,
        fields: &dyn TableLike,
    ) -> Result<EnvironmentEntry, ProjectFileError> {
        self.known(fields, &ENVIRONMENT, &format!("environments.{name}"))?;
        let source = self.source(fields)?;
        let inherits = self.environment(fields, "inherits")?;
        let file = match self.text(fields, "file")? {
            None => None,
            Some((path, span)) => {
                let path = path.to_owned();
                if !is_plain(&path) {
                    return Err(self.error(span, ProjectFileProblem::Path { path }));
                }
                if DocumentForm::of(&path).is_none() {
                    return Err(self.error(span, ProjectFileProblem::Extension { path }));
                }
                Some(path)
            }
        };
        let seal_key = match self.text(fields, "seal_key")? {
            None => None,
            Some((text, span)) => Some(
                SealKey::parse(text).map_err(|_| self.error(span, ProjectFileProblem::SealKey))?,
            ),
        };
        let key = format!("environments.{name}.recipients");
        let parse = RecipientName::parse;
        let recipients = self.texts(fields, "recipients", &key, |key, text| {
            parse(text).map_err(|error| ProjectFileProblem::Recipient { key, error })
        })?;
        let recipients = recipients.into_iter().collect();
        let required = self.names(fields, "required", &format!("environments.{name}.required"))?;
        Ok(EnvironmentEntry { source, inherits, file, seal_key, recipients, required })
    }

    /// A list of texts, each read by `parse`; empty when it is not there. The
    /// last part of `path` is its key.
    fn texts<T>(
        &self,
        table: &dyn TableLike,
        key: &str,
        path: &str,
        parse: impl Fn(String, &str) -> Result<T, ProjectFileProblem>,
    ) -> Result<Vec<T>, ProjectFileError> {
        let Some(item) = table.get(key) else { return Ok(Vec::new()) };
        let not_texts = || ProjectFileProblem::NotTexts { key: path.to_owned() };
        let Some(array) = item.as_array() else { return Err(self.error(item.span(), not_texts())) };
        let read = |value: &toml_edit::Value| {
            let text = value.as_str().ok_or_else(not_texts);
            let read = text.and_then(|text| parse(path.to_owned(), text));
            read.map_err(|problem| self.error(value.span().or_else(|| item.span()), problem))
        };
        array.iter().map(read).collect()
    }

    /// A list of names of secrets.
    fn names(
        &self,
        table: &dyn TableLike,
        key: &str,
        path: &str,
    ) -> Result<BTreeSet<SecretName>, ProjectFileError> {
        let names = self.texts(table, key, path, |key, text| {
            SecretName::parse(text).map_err(|error| ProjectFileProblem::Secret { key, error })
        })?;
        Ok(names.into_iter().collect())
    }

    /// A table of the root, as its keys and values; empty when it is not there.
    fn table<'i>(
        &self,
        root: &'i Table,
        key: &str,
    ) -> Result<Vec<(&'i str, &'i Item)>, ProjectFileError> {
        let Some(item) = root.get(key) else { return Ok(Vec::new()) };
        let Some(table) = item.as_table_like() else {
            let key = key.to_owned();
            return Err(self.error(item.span(), ProjectFileProblem::NotTable { key }));
        };
        Ok(table.iter().collect())
    }

    fn recipients(
        &self,
        root: &Table,
    ) -> Result<BTreeMap<RecipientName, String>, ProjectFileError> {
        let mut recipients: BTreeMap<RecipientName, String> = BTreeMap::new();
        for (name, item) in self.table(root, "recipients")? {
            let key = format!("recipients.{name}");
            let wrong = |problem| self.error(item.span(), problem);
            let parsed = RecipientName::parse(name).map_err(|error| {
                wrong(ProjectFileProblem::Recipient { key: key.clone(), error })
            })?;
            let Some(text) = item.as_str() else {
                return Err(wrong(ProjectFileProblem::NotText { key }));
            };
            if PRIVATE.iter().any(|start| text.trim_start().starts_with(start)) {
                return Err(wrong(ProjectFileProblem::PrivateKey { key }));
            }
            if text.is_empty() || text.trim() != text || text.chars().any(char::is_control) {
                return Err(wrong(ProjectFileProblem::PublicKey { key }));
            }
            if let Some((first, _)) = recipients.iter().find(|(_, other)| is_same_key(other, text))
            {
                let (first, second) = (first.clone(), parsed);
                return Err(wrong(ProjectFileProblem::SharedKey { first, second }));
            }
            recipients.insert(parsed, text.to_owned());
        }
        Ok(recipients)
    }

    fn rotation(
        &self,
        root: &Table,
    ) -> Result<BTreeMap<SecretName, Vec<String>>, ProjectFileError> {
        let mut rotation = BTreeMap::new();
        for (name, item) in self.table(root, "rotation")? {
            let key = format!("rotation.{name}");
            let wrong = |problem| self.error(item.span(), problem);
            let parsed = SecretName::parse(name)
                .map_err(|error| wrong(ProjectFileProblem::Secret { key: key.clone(), error }))?;
            let words = match item.as_str() {
                Some(program) => vec![program.to_owned()],
                None => {
                    let fields = root.get("rotation").and_then(Item::as_table_like);
                    let Some(fields) = fields else { continue };
                    self.texts(fields, name, &key, |_, text| Ok(text.to_owned()))?
                }
            };
            if !words.first().is_some_and(|program| is_plain(program)) {
                return Err(wrong(ProjectFileProblem::Program { key }));
            }
            rotation.insert(parsed, words);
        }
        Ok(rotation)
    }

    fn check_references(
        &self,
        document: &Document<&str>,
        file: &ProjectFile,
        name: &EnvironmentName,
        entry: &EnvironmentEntry,
    ) -> Result<(), ProjectFileError> {
        let item = || document.as_table().get("environments")?.get(name.as_str());
        let span_of = |key: &str| item().and_then(|item| item.get(key)).and_then(Item::span);
        if let Some(parent) = &entry.inherits
            && !file.environments.contains_key(parent)
        {
            let key = format!("environments.{name}.inherits");
            let problem = ProjectFileProblem::NoSuchEnvironment { key, name: parent.to_string() };
            return Err(self.error(span_of("inherits"), problem));
        }
        if let Err(error) = file.ancestry(name) {
            return Err(self.error(span_of("inherits"), ProjectFileProblem::Inherits(error)));
        }
        let unknown = |name: &&RecipientName| !file.recipients.contains_key(*name);
        if let Some(other) = entry.recipients.iter().find(unknown) {
            let key = format!("environments.{name}.recipients");
            let problem = ProjectFileProblem::NoSuchRecipient { key, name: other.clone() };
            return Err(self.error(span_of("recipients"), problem));
        }
        if entry.source == Source::Vault {
            return match file.vault {
                Some(_) => Ok(()),
                None => {
                    let problem = ProjectFileProblem::NoVault { name: name.to_string() };
                    Err(self.error(span_of("source"), problem))
                }
            };
        }
        let path = file.document_path(name);
        // Some file systems take two spellings for one file.
        let folded = |name: &EnvironmentName| file.document_path(name).to_lowercase();
        let shared = |other: &EnvironmentName| {
            other != name && !file.is_in_vault(other) && folded(other) == folded(name)
        };
        if file.environments.keys().any(shared) {
            return Err(self.error(span_of("file"), ProjectFileProblem::SharedFile { path }));
        }
        Ok(())
    }
}

/// Whether a path is relative, cannot lead out of its root, can be held by git,
/// and needs no quotes in a shell.
#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "sops compares exactly")]
fn is_plain(path: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "._-+@".contains(c);
    let folder = |part: &str| {
        !["", ".", ".."].contains(&part)
            && !part.eq_ignore_ascii_case(".git")
            && part.chars().all(plain)
    };
    let name = path.rsplit('/').next().unwrap_or(path);
    // Plaintext is named so, and kept out of git.
    let taken = name.starts_with(".env") && !name.ends_with(".enc");
    path.split('/').all(folder) && !taken
}

fn line_of(text: &str, span: Option<Range<usize>>) -> usize {
    let end = span.map_or(0, |span| span.start).min(text.len());
    1 + text.as_bytes().iter().take(end).filter(|&&byte| byte == b'\n').count()
}
