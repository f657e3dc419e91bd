//! An open set as text that another program reads.
//!
//! Rules:
//! - Every reader that a format is for reads exactly the value, or the value is
//!   refused with the reason. Nothing is bent, escaped "as well as possible" or
//!   left out.
//! - The text is wiped when it is dropped, and no copy of it is left behind
//!   while it grows.

mod bundle;
mod compose;
mod credential;
mod docker;
mod dotenv;
mod github;
mod json;

mod shell;
#[cfg(test)]
mod tests;

pub use bundle::print_bundle;
pub use compose::{
    ComposeError, Composition, FileMode, FolderError, Made, MadeError, MemoryFolder, Service,
    ServiceError,
};
pub use credential::{
    Blob, Credential, CredentialError, CredentialKey, CredentialKeyError, CredentialName,
    CredentialNameError,
};

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use unspoken_model::SecretName;
use unspoken_seal::{Secret, SecretSet};
use zeroize::Zeroizing;

use unspoken_wire::Page;

/// What an exported text is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ExportFormat {
    /// A `.env` file for npm `dotenv`, `python-dotenv` and a POSIX shell.
    Dotenv,
    /// `export` commands for a POSIX shell to evaluate.
    Shell,
    /// One flat object.
    Json,
    /// A file for `docker run --env-file`.
    Docker,
    /// Lines for the file that `$GITHUB_ENV` names.
    Github,
}

/// A format's name that is not known.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("no export format `{found}`")]
pub struct ExportFormatError {
    pub found: String,
}

/// A set as text.
pub struct Exported {
    /// Commands for standard output, before anything else is said: they make
    /// GitHub hide the values in logs. Empty for every other format.
    pub masks: Zeroizing<Vec<u8>>,
    /// The text itself.
    pub body: Zeroizing<Vec<u8>>,
}

/// A value that a format cannot carry faithfully.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{name}` cannot be written: {reason}")]
pub struct ExportError {
    pub name: SecretName,
    pub reason: Reason,
}

/// Why a value cannot be written so that all readers of the format agree.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Reason {
    #[error("its value holds a carriage return, which the readers of this format lose")]
    CarriageReturn,
    #[error("its value has several lines, and this format has one line for each value")]
    LineEnd,
    #[error("its line would reach {found} bytes, and the reader stops at 65536")]
    LineTooLong { found: usize },
    #[error("its value ends in a backslash, which would hide the closing quote")]
    TrailingBackslash,
    #[error("its value holds two backslashes in a row, which some readers make one")]
    DoubleBackslash,
    #[error("its value holds a `${{…}}`, where python-dotenv would insert a variable")]
    Interpolation,
    #[error("its value holds an apostrophe together with {with:?}, and no quotes carry both")]
    Apostrophe { with: char },
    #[error("a shell keeps this variable for itself")]
    ShellVariable,
    #[error("GitHub does not let a workflow set this variable")]
    GithubVariable,
}

impl ExportFormat {
    pub const ALL: [Self; 5] = [Self::Dotenv, Self::Shell, Self::Json, Self::Docker, Self::Github];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dotenv => "dotenv",
            Self::Shell => "shell",
            Self::Json => "json",
            Self::Docker => "docker",
            Self::Github => "github",
        }
    }
}

impl FromStr for ExportFormat {
    type Err = ExportFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|format| format.as_str() == text);
        found.ok_or_else(|| ExportFormatError { found: text.to_owned() })
    }
}

impl fmt::Display for ExportFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exported([REDACTED])")
    }
}

/// Prints a whole set, sorted by name, and wipes it.
#[expect(clippy::needless_pass_by_value, reason = "a sink ends the life of the set")]
pub fn print(format: ExportFormat, set: SecretSet) -> Result<Exported, ExportError> {
    let mut masks = Page::default();
    let body = match format {
        ExportFormat::Dotenv => lines(&set, dotenv::print)?,
        ExportFormat::Shell => lines(&set, shell::print)?,
        ExportFormat::Json => json::print(&set),
        ExportFormat::Docker => lines(&set, docker::print)?,
        ExportFormat::Github => {
            set.iter().for_each(|(_, secret)| github::print_masks(secret, &mut masks));
            lines(&set, github::print)?
        }
    };
    Ok(Exported { masks: masks.into_bytes(), body: body.into_bytes() })
}

/// Prints the values that the dotenv format can carry, and says which it cannot.
pub(crate) fn print_what_fits(set: &SecretSet) -> (Zeroizing<Vec<u8>>, Vec<ExportError>) {
    let mut page = Page::default();
    let mut left_out = Vec::new();
    for (name, secret) in set.iter() {
        // What is refused has left nothing on the page.
        if let Err(reason) = dotenv::print(name, secret, &mut page) {
            left_out.push(ExportError { name: name.clone(), reason });
        }
    }
    (page.into_bytes(), left_out)
}

type Print = fn(&SecretName, &Secret, &mut Page) -> Result<(), Reason>;

fn lines(set: &SecretSet, print: Print) -> Result<Page, ExportError> {
    let mut page = Page::default();
    for (name, secret) in set.iter() {
        print(name, secret, &mut page)
            .map_err(|reason| ExportError { name: name.clone(), reason })?;
    }
    Ok(page)
}
