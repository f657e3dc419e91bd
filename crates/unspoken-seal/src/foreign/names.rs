//! Names that a file has, and the names that its values get here.

use std::cell::Cell;
use std::str::FromStr;

use thiserror::Error;
use unspoken_model::{NameError, SecretName};

/// How a file's names become names of ours. By default they must be that
/// already.
#[derive(Debug, Default)]
pub struct Names {
    renames: Vec<(Rename, Cell<bool>)>,
    uppercase: bool,
}

/// One name that becomes another: `OLD=NEW`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rename {
    pub from: String,
    pub to: SecretName,
}

/// Why a text is no [`Rename`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum RenameError {
    #[error("expected `OLD=NEW`")]
    Form,
    #[error(transparent)]
    Name(NameError),
}

impl Names {
    /// With `uppercase`, letters become capitals, and `-` and `.` become `_`. A
    /// rename goes before.
    pub fn new(renames: Vec<Rename>, uppercase: bool) -> Self {
        let renames = renames.into_iter().map(|rename| (rename, Cell::new(false))).collect();
        Self { renames, uppercase }
    }

    /// The name that a value gets here.
    pub fn read(&self, raw: &str) -> Result<SecretName, NameError> {
        if let Some((rename, used)) = self.renames.iter().find(|(rename, _)| rename.from == raw) {
            used.set(true);
            return Ok(rename.to.clone());
        }
        if self.uppercase {
            return SecretName::parse(&raw.to_ascii_uppercase().replace(['-', '.'], "_"));
        }
        SecretName::parse(raw)
    }

    /// The names that were to become others, and have not been met.
    pub fn unused(&self) -> impl Iterator<Item = &str> {
        let unused = self.renames.iter().filter(|(_, used)| !used.get());
        unused.map(|(rename, _)| rename.from.as_str())
    }
}

impl FromStr for Rename {
    type Err = RenameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (from, to) = text.split_once('=').ok_or(RenameError::Form)?;
        if from.is_empty() {
            return Err(RenameError::Form);
        }
        let to = SecretName::parse(to).map_err(RenameError::Name)?;
        Ok(Self { from: from.to_owned(), to })
    }
}

#[test]
fn names_are_mapped_and_unused_renames_are_told() {
    let rename = |text: &str| text.parse::<Rename>();
    assert_eq!(rename("a").unwrap_err(), RenameError::Form);
    assert_eq!(rename("=A").unwrap_err(), RenameError::Form);
    assert!(matches!(rename("a=b").unwrap_err(), RenameError::Name(_)));

    let names = Names::new(vec![rename("db.url=DATABASE").unwrap(), rename("x=Y").unwrap()], true);
    assert_eq!(names.read("db.url").unwrap().as_str(), "DATABASE");
    assert_eq!(names.read("api-key.v2").unwrap().as_str(), "API_KEY_V2");
    assert!(names.read("über").is_err());
    assert_eq!(names.unused().collect::<Vec<_>>(), ["x"]);
    assert!(Names::default().read("a").is_err());
}
