//! The project file, `unspoken.toml`: which environments a project has.
//!
//! Rules:
//! - Strict. A key that is not known is refused with its line, because a
//!   misspelt setting of a security tool must not be silently without effect.
//! - Edits keep the user's comments, order and spacing.
//! - Nothing here is secret: the file is committed and reviewed.

mod edit;
mod read;
mod vault;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use thiserror::Error;

use crate::{
    EnvironmentName, IdError, Language, NameError, PlaceError, ProjectName, RecipientName,
    RecipientNameError, SealKey, SecretName, VaultUrlError, is_same_key,
};

pub use vault::{Source, VaultEntry};

/// A project file that has been read.
#[derive(Clone, Debug)]
pub struct ProjectFile {
    text: String,
    pub project: ProjectName,
    /// The environment that is meant when none is named.
    pub default: EnvironmentName,
    /// How `run` hands the secrets over, unless it is told otherwise.
    pub run_mode: RunMode,
    /// Where the environments are that live in a vault.
    pub vault: Option<VaultEntry>,
    /// Who may be given access: their names and public keys.
    pub recipients: BTreeMap<RecipientName, String>,
    /// The names that every environment must have.
    pub required: BTreeSet<SecretName>,
    /// The names whose values may be seen: settings, kept with the secrets.
    pub visible: BTreeSet<SecretName>,
    /// The commands that rotate a value: a program and its arguments.
    pub rotation: BTreeMap<SecretName, Vec<String>>,
    /// Where generated types go, below the project's root.
    pub generate: BTreeMap<Language, String>,
    /// What the secrets are for, in words that everybody may read.
    pub descriptions: BTreeMap<SecretName, String>,
    pub environments: BTreeMap<EnvironmentName, EnvironmentEntry>,
}

/// How a command gets the secrets.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RunMode {
    /// As variables.
    #[default]
    Environment,
    /// On a descriptor, so that none of them stands in the environment.
    Descriptor,
}

/// What the project file says of one environment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct EnvironmentEntry {
    pub source: Source,
    pub inherits: Option<EnvironmentName>,
    /// The document's path below the project's root, when it is not the usual.
    pub file: Option<String>,
    /// The key that the document's seal must verify with.
    pub seal_key: Option<SealKey>,
    /// Who may read it, besides the holders of the environment's own key.
    pub recipients: BTreeSet<RecipientName>,
    /// The names that it must have, its own or inherited.
    pub required: BTreeSet<SecretName>,
}

/// Which of the sops stores a document is kept in. The file's name says it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DocumentForm {
    Json,
    Dotenv,
    Yaml,
}

/// What is wrong in a project file, and in which line.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("line {line}: {problem}")]
pub struct ProjectFileError {
    pub line: usize,
    pub problem: ProjectFileProblem,
}

/// One thing that can be wrong in a project file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ProjectFileProblem {
    Syntax { message: String },
    UnknownKey { key: String, within: String },
    Missing { key: &'static str },
    NotText { key: String },
    NotTable { key: String },
    NotTexts { key: String },
    Name { key: String, error: PlaceError },
    Recipient { key: String, error: RecipientNameError },
    Secret { key: String, error: NameError },
    PublicKey { key: String },
    PrivateKey { key: String },
    SharedKey { first: RecipientName, second: RecipientName },
    NoSuchRecipient { key: String, name: RecipientName },
    Program { key: String },
    Output { language: Language },
    Description { key: String },
    SealKey,
    RunMode,
    Source,
    VaultUrl(VaultUrlError),
    VaultProject(IdError),
    NoVault { name: String },
    NotInVault { key: &'static str },
    Path { path: String },
    Extension { path: String },
    NoSuchEnvironment { key: String, name: String },
    SharedFile { path: String },
    Inherits(InheritError),
}

/// Why an environment's ancestry cannot be followed.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum InheritError {
    #[error("the environments inherit from each other in a circle: {}", names(.path))]
    Circle { path: Vec<EnvironmentName> },
}

/// `.a` or `.b`.
fn quoted(endings: &[&str]) -> String {
    endings.iter().map(|ending| format!("`{ending}`")).collect::<Vec<_>>().join(" or ")
}

fn names(path: &[EnvironmentName]) -> String {
    path.iter().map(EnvironmentName::as_str).collect::<Vec<_>>().join(" → ")
}

impl DocumentForm {
    /// Tells the form from a path, as the sops program does, and knows the
    /// `.env.enc` files of others besides.
    #[expect(clippy::case_sensitive_file_extension_comparisons, reason = "sops compares exactly")]
    pub fn of(path: &str) -> Option<Self> {
        if path.ends_with(".json") {
            Some(Self::Json)
        } else if path.ends_with(".env") || path.ends_with(".env.enc") {
            Some(Self::Dotenv)
        } else if path.ends_with(".yaml") || path.ends_with(".yml") {
            Some(Self::Yaml)
        } else {
            None
        }
    }
}

impl ProjectFile {
    pub const NAME: &'static str = "unspoken.toml";

    /// How many bytes a description may have.
    pub const MAX_DESCRIPTION: usize = 1000;

    /// Writes the file of a new project.
    pub fn new(project: ProjectName, default: EnvironmentName) -> Self {
        // The line about `visible` belongs to the key below it: an edit that adds a
        // table must not get between them.
        let text = format!(
            "# Which environments this project has. Commit this file; the values are\n\
             # encrypted, in secrets/. See `unspoken --help`.\n\
             project = \"{project}\"\n\
             # visible = [\"LOG_LEVEL\"]  # settings that hide nothing: output shows them\n\
             default = \"{default}\"\n\
             \n\
             [environments.{default}]\n"
        );
        let environments = BTreeMap::from([(default.clone(), EnvironmentEntry::default())]);
        Self {
            text,
            project,
            default,
            run_mode: RunMode::default(),
            vault: None,
            recipients: BTreeMap::new(),
            required: BTreeSet::new(),
            visible: BTreeSet::new(),
            rotation: BTreeMap::new(),
            generate: BTreeMap::new(),
            descriptions: BTreeMap::new(),
            environments,
        }
    }

    /// The file's text, with what was changed since it was read.
    pub fn print(&self) -> &str {
        &self.text
    }

    pub fn entry(&self, name: &EnvironmentName) -> Option<&EnvironmentEntry> {
        self.environments.get(name)
    }

    /// Where an environment's document lies, below the project's root.
    pub fn document_path(&self, name: &EnvironmentName) -> String {
        match self.entry(name).and_then(|entry| entry.file.as_ref()) {
            Some(file) => file.clone(),
            None => format!("secrets/{name}.json"),
        }
    }

    /// Where an environment's values are kept.
    pub fn source(&self, name: &EnvironmentName) -> Source {
        self.entry(name).map_or(Source::Document, |entry| entry.source)
    }

    /// Whether an environment lives in a vault, so that it has no document.
    pub fn is_in_vault(&self, name: &EnvironmentName) -> bool {
        self.source(name) == Source::Vault
    }

    /// An environment and all that it inherits from, nearest first.
    pub fn ancestry(&self, name: &EnvironmentName) -> Result<Vec<EnvironmentName>, InheritError> {
        let mut path = vec![name.clone()];
        let mut current = name;
        while let Some(parent) = self.entry(current).and_then(|entry| entry.inherits.as_ref()) {
            let seen = path.contains(parent);
            path.push(parent.clone());
            if seen {
                return Err(InheritError::Circle { path });
            }
            current = parent;
        }
        Ok(path)
    }

    /// The names that an environment must have.
    pub fn required(&self, name: &EnvironmentName) -> BTreeSet<&SecretName> {
        let own = self.entry(name).into_iter().flat_map(|entry| &entry.required);
        self.required.iter().chain(own).collect()
    }

    /// Who may read an environment, with their public keys.
    pub fn access(&self, name: &EnvironmentName) -> Vec<(&RecipientName, &str)> {
        let names = self.entry(name).into_iter().flat_map(|entry| &entry.recipients);
        let keyed = |name| self.recipients.get_key_value(name);
        names.filter_map(keyed).map(|(name, key)| (name, key.as_str())).collect()
    }

    /// What the project calls the holder of a public key.
    pub fn name_of(&self, key: &str) -> Option<&RecipientName> {
        self.recipients.iter().find(|(_, text)| is_same_key(text, key)).map(|(name, _)| name)
    }
}

impl fmt::Display for ProjectFileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { message } => write!(f, "not TOML: {message}"),
            Self::UnknownKey { key, within } if within.is_empty() => {
                write!(f, "unknown key `{key}`")
            }
            Self::UnknownKey { key, within } if read::ROOT.contains(&key.as_str()) => write!(
                f,
                "`{key}` stands in `[{within}]`, and belongs above the first line in brackets"
            ),
            Self::UnknownKey { key, within } => write!(f, "unknown key `{key}` in `[{within}]`"),
            Self::Missing { key } => write!(f, "the key `{key}` is missing"),
            Self::NotText { key } => write!(f, "`{key}` must be a text in quotes"),
            Self::NotTable { key } => write!(f, "`{key}` must be a table"),
            Self::NotTexts { key } => write!(f, "`{key}` must be a list of texts in quotes"),
            Self::Name { key, error } => write!(f, "`{key}` is no name: {error}"),
            Self::Recipient { key, error } => write!(f, "`{key}` is no recipient's name: {error}"),
            Self::Secret { key, error } => write!(f, "`{key}` is no secret's name: {error}"),
            Self::PublicKey { key } => write!(f, "`{key}` must be a public key in one line"),
            Self::PrivateKey { key } => {
                write!(f, "`{key}` holds a private key, where the public one belongs")
            }
            Self::SharedKey { first, second } => {
                write!(f, "`{first}` and `{second}` have the same public key")
            }
            Self::NoSuchRecipient { key, name } => {
                write!(f, "`{key}` names `{name}`, which is not in `[recipients]`")
            }
            Self::Program { key } => {
                write!(
                    f,
                    "`{key}` must be a program's plain path below the root, then its arguments"
                )
            }
            Self::RunMode => f.write_str("`run_mode` must be `environment` or `fd`"),
            Self::Source => f.write_str("`source` must be `document` or `vault`"),
            Self::VaultUrl(error) => write!(f, "`vault.url`: {error}"),
            Self::VaultProject(error) => write!(f, "`vault.project`: {error}"),
            Self::NoVault { name } => {
                write!(f, "`{name}` lives in a vault, and no `[vault]` says in which")
            }
            Self::NotInVault { key } => {
                write!(f, "`{key}` belongs to a document, and this environment lives in a vault")
            }
            Self::Output { language } => {
                write!(
                    f,
                    "`generate.{}` must be a plain path below the root, outside of `secrets`, that \
                     ends in {}",
                    language.key(),
                    quoted(language.endings())
                )
            }
            Self::Description { key } => {
                let max = ProjectFile::MAX_DESCRIPTION;
                write!(
                    f,
                    "`{key}` must be a text of 1 to {max} bytes, with no control character but line ends"
                )
            }
            Self::SealKey => f.write_str("`seal_key` must be 32 bytes in base64"),
            Self::Path { path } => {
                write!(
                    f,
                    "`file` must be a plain path below the root that git can hold, `{path}` is not"
                )
            }
            Self::Extension { path } => {
                write!(f, "`{path}` must end in `.json`, `.yaml`, `.yml`, `.env` or `.env.enc`")
            }
            Self::NoSuchEnvironment { key, name } => {
                write!(f, "`{key}` names `{name}`, which is not one of the environments")
            }
            Self::SharedFile { path } => {
                write!(f, "two environments share the document `{path}`")
            }
            Self::Inherits(error) => error.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
