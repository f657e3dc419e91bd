//! The project file, `unspoken.toml`: which environments a project has.
//!
//! Rules:
//! - Strict. A key that is not known is refused with its line, because a
//!   misspelt setting of a security tool must not be silently without effect.
//! - Edits keep the user's comments, order and spacing.
//! - Nothing here is secret: the file is committed and reviewed.

mod read;

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;
use toml_edit::{DocumentMut, Item, Table, TableLike, value};

use crate::{EnvironmentName, PlaceError, ProjectName, SealKey};

/// A project file that has been read.
#[derive(Clone, Debug)]
pub struct ProjectFile {
    text: String,
    pub project: ProjectName,
    /// The environment that is meant when none is named.
    pub default: EnvironmentName,
    pub environments: BTreeMap<EnvironmentName, EnvironmentEntry>,
}

/// What the project file says of one environment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct EnvironmentEntry {
    pub inherits: Option<EnvironmentName>,
    /// The document's path below the project's root, when it is not the usual.
    pub file: Option<String>,
    /// The key that the document's seal must verify with.
    pub seal_key: Option<SealKey>,
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
    Name { key: String, error: PlaceError },
    SealKey,
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

    /// Writes the file of a new project.
    pub fn new(project: ProjectName, default: EnvironmentName) -> Self {
        let text = format!(
            "# Which environments this project has. Commit this file; the values are\n\
             # encrypted, in secrets/. See `unspoken --help`.\n\
             project = \"{project}\"\n\
             default = \"{default}\"\n\
             \n\
             [environments.{default}]\n"
        );
        let environments = BTreeMap::from([(default.clone(), EnvironmentEntry::default())]);
        Self { text, project, default, environments }
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

    /// Adds an environment at the end of the file.
    pub fn add(&mut self, name: &EnvironmentName, entry: EnvironmentEntry) {
        self.edit(|root| {
            let table = environment_table(root, name);
            if let Some(parent) = &entry.inherits {
                table.insert("inherits", value(parent.as_str()));
            }
            if let Some(file) = &entry.file {
                table.insert("file", value(file.as_str()));
            }
            if let Some(key) = entry.seal_key {
                table.insert("seal_key", value(key.to_string()));
            }
        });
        self.environments.insert(name.clone(), entry);
    }

    /// Pins the key that an environment's document must be sealed with.
    pub fn pin(&mut self, name: &EnvironmentName, key: SealKey) {
        self.edit(|root| {
            environment_table(root, name).insert("seal_key", value(key.to_string()));
        });
        self.environments.entry(name.clone()).or_default().seal_key = Some(key);
    }

    fn edit(&mut self, change: impl FnOnce(&mut Table)) {
        // A `ProjectFile` was parsed or made by us, so this cannot fail; if it
        // did, the old text would stay, which loses nothing.
        if let Ok(mut document) = self.text.parse::<DocumentMut>() {
            change(document.as_table_mut());
            self.text = document.to_string();
        }
    }
}

/// The table `[environments.NAME]`, made when it is not there.
fn environment_table<'a>(root: &'a mut Table, name: &EnvironmentName) -> &'a mut dyn TableLike {
    if root.get("environments").and_then(Item::as_table_like).is_none() {
        let mut environments = Table::new();
        environments.set_implicit(true);
        root.insert("environments", Item::Table(environments));
    }
    let environments = &mut root["environments"];
    if environments.get(name.as_str()).and_then(Item::as_table_like).is_none() {
        environments[name.as_str()] = Item::Table(Table::new());
    }
    match environments[name.as_str()].as_table_like_mut() {
        Some(table) => table,
        // The line above has just made it a table.
        None => unreachable!(),
    }
}

impl fmt::Display for ProjectFileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { message } => write!(f, "not TOML: {message}"),
            Self::UnknownKey { key, within } if within.is_empty() => {
                write!(f, "unknown key `{key}`")
            }
            Self::UnknownKey { key, within } => write!(f, "unknown key `{key}` in `[{within}]`"),
            Self::Missing { key } => write!(f, "the key `{key}` is missing"),
            Self::NotText { key } => write!(f, "`{key}` must be a text in quotes"),
            Self::NotTable { key } => write!(f, "`{key}` must be a table"),
            Self::Name { key, error } => write!(f, "`{key}` is no name: {error}"),
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> EnvironmentName {
        EnvironmentName::parse(text).unwrap()
    }

    const FULL: &str = "# ours\n\
        project = \"acme-web\"\n\
        default = \"development\" # the usual\n\
        \n\
        [environments.development]\n\
        \n\
        [environments.staging]\n\
        inherits = \"development\"\n\
        \n\
        [environments.production]\n\
        inherits = \"staging\"\n\
        file = \"secrets/prod.env.enc\"\n\
        seal_key = \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"\n";

    #[test]
    fn parse_reads_every_field() {
        let file = ProjectFile::parse(FULL).unwrap();

        assert_eq!(file.project.as_str(), "acme-web");
        assert_eq!(file.default, name("development"));
        assert_eq!(file.document_path(&name("staging")), "secrets/staging.json");
        assert_eq!(file.document_path(&name("production")), "secrets/prod.env.enc");
        assert_eq!(file.entry(&name("production")).unwrap().seal_key, Some(SealKey::new([0; 32])));
        assert_eq!(
            file.ancestry(&name("production")).unwrap(),
            [name("production"), name("staging"), name("development")]
        );
    }

    #[test]
    fn what_is_not_understood_is_refused_with_its_line() {
        #[track_caller]
        fn case(text: &str, line: usize, message: &str) {
            let error = ProjectFile::parse(text).unwrap_err();
            assert_eq!((error.line, error.problem.to_string().as_str()), (line, message));
        }

        case("", 1, "the key `project` is missing");
        case("project = 7\n", 1, "`project` must be a text in quotes");
        case(
            "project = \"A\"",
            1,
            "`project` is no name: 'A' at byte 0 cannot stand in it (a-z, then a-z, 0-9, `-` and `_`)",
        );
        case(&FULL.replace("default =", "defualt ="), 3, "unknown key `defualt`");
        case(
            &FULL.replace("seal_key", "sealkey"),
            13,
            "unknown key `sealkey` in `[environments.production]`",
        );
        case(&FULL.replace("AAA=", "AAA"), 13, "`seal_key` must be 32 bytes in base64");
        case(
            &FULL.replace("secrets/prod.env.enc", "../prod.env"),
            12,
            "`file` must be a plain path below the root that git can hold, `../prod.env` is not",
        );
        case(
            &FULL.replace("secrets/prod.env.enc", "/etc/prod.env"),
            12,
            "`file` must be a plain path below the root that git can hold, `/etc/prod.env` is not",
        );
        case(
            &FULL.replace("secrets/prod.env.enc", "secrets/prod.txt"),
            12,
            "`secrets/prod.txt` must end in `.json`, `.yaml`, `.yml`, `.env` or `.env.enc`",
        );
        case(
            &FULL.replace("secrets/prod.env.enc", "secrets/staging.json"),
            12,
            "two environments share the document `secrets/staging.json`",
        );
        case(
            &FULL.replace("\"staging\"", "\"stagin\""),
            11,
            "`environments.production.inherits` names `stagin`, which is not one of the environments",
        );
        case(
            &FULL.replace("\"development\" #", "\"dev\" #"),
            3,
            "`default` names `dev`, which is not one of the environments",
        );
        case(
            &FULL.replace(
                "[environments.development]\n",
                "[environments.development]\ninherits = \"production\"\n",
            ),
            6,
            "the environments inherit from each other in a circle: development → production → staging → development",
        );
    }

    #[test]
    fn only_plain_paths_that_git_can_hold_are_documents() {
        for (path, fits) in [
            ("secrets/prod.env.enc", true),
            (".env.enc", true),
            ("secrets/prod.yaml", true),
            ("prod.yml", true),
            ("prod.yaml.enc", false),
            ("prod.YAML", false),
            ("a/.env.prod.enc", false),
            (".env", false),
            ("a/.env.local.env", false),
            (".git/x.json", false),
            (".GIT/x.json", false),
            ("x;touch y.json", false),
            ("a\\nb.json", false),
            ("a//b.json", false),
            ("secrets/Staging.json", false),
        ] {
            let text = FULL.replace("secrets/prod.env.enc", path);
            assert_eq!(ProjectFile::parse(&text).is_ok(), fits, "{path}");
        }
    }

    #[test]
    fn an_edit_keeps_comments_and_order() {
        let mut file = ProjectFile::parse(FULL).unwrap();
        file.pin(&name("staging"), SealKey::new([1; 32]));
        file.add(
            &name("preview"),
            EnvironmentEntry { inherits: Some(name("staging")), ..Default::default() },
        );

        let text = file.print();
        assert!(text.starts_with(
            "# ours\nproject = \"acme-web\"\ndefault = \"development\" # the usual\n"
        ));
        assert!(text.ends_with("\n\n[environments.preview]\ninherits = \"staging\"\n"), "{text}");
        let again = ProjectFile::parse(text).unwrap();
        assert_eq!(again.environments, file.environments);
    }

    #[test]
    fn a_new_file_is_read_back() {
        let mut file = ProjectFile::new(ProjectName::parse("acme").unwrap(), name("development"));
        file.add(&name("production"), EnvironmentEntry::default());
        let again = ProjectFile::parse(file.print()).unwrap();
        assert_eq!(again.environments, file.environments);
        assert_eq!(again.default, name("development"));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,200}", cut in 0..FULL.len()) {
            drop(ProjectFile::parse(&text));
            let mut mixed = FULL.get(..cut).unwrap_or_default().to_owned();
            mixed.push_str(&text);
            drop(ProjectFile::parse(&mixed));
        }
    }
}
