//! Places: which project and environment a set of secrets belongs to.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The name of a project, such as `acme-web`.
///
/// Invariant: a lowercase letter, then lowercase letters, digits, `-` and `_`, at
/// most 64 bytes: it stands in key files, documents and URLs.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ProjectName(String);

/// The name of an environment, such as `production`.
///
/// Invariant: as a [`ProjectName`]'s. It is also a file name, so nothing in it
/// can lead out of its folder.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EnvironmentName(String);

/// Where a set belongs. Every document is bound to one place.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Place {
    pub project: ProjectName,
    pub environment: EnvironmentName,
}

/// Why a text is no project or environment name.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum PlaceError {
    #[error("it is empty")]
    Empty,
    #[error("it holds at most {max} bytes, this one has {found}", max = ProjectName::MAX)]
    TooLong { found: usize },
    #[error("{found:?} at byte {at} cannot stand in it (a-z, then a-z, 0-9, `-` and `_`)")]
    Character { found: char, at: usize },
}

fn check(text: &str) -> Result<(), PlaceError> {
    if text.is_empty() {
        return Err(PlaceError::Empty);
    }
    if text.len() > ProjectName::MAX {
        return Err(PlaceError::TooLong { found: text.len() });
    }
    let fits = |at: usize, c: char| {
        c.is_ascii_lowercase() || (at > 0 && (c.is_ascii_digit() || c == '-' || c == '_'))
    };
    match text.char_indices().find(|&(at, c)| !fits(at, c)) {
        Some((at, found)) => Err(PlaceError::Character { found, at }),
        None => Ok(()),
    }
}

macro_rules! place_name {
    ($name:ident) => {
        impl $name {
            pub const MAX: usize = 64;

            /// Reads a name, or says what spoils it.
            pub fn parse(text: &str) -> Result<Self, PlaceError> {
                check(text).map(|()| Self(text.to_owned()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = PlaceError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

place_name!(ProjectName);
place_name!(EnvironmentName);

impl ProjectName {
    /// The nearest legal name to a folder's name, for a proposal.
    pub fn from_folder(folder: &str) -> Self {
        let mut text = String::new();
        for c in folder.chars().map(|c| c.to_ascii_lowercase()) {
            match c {
                'a'..='z' => text.push(c),
                '0'..='9' | '_' if !text.is_empty() => text.push(c),
                _ if !text.is_empty() && !text.ends_with('-') => text.push('-'),
                _ => {}
            }
        }
        text.truncate(Self::MAX);
        let text = text.trim_end_matches('-');
        if text.is_empty() { Self("project".to_owned()) } else { Self(text.to_owned()) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.project, self.environment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_keeps_a_name_inside_its_folder() {
        #[track_caller]
        fn case(text: &str, expected: Result<(), PlaceError>) {
            assert_eq!(EnvironmentName::parse(text).map(drop), expected, "{text:?}");
        }

        case("production", Ok(()));
        case("preview-42_b", Ok(()));
        case("", Err(PlaceError::Empty));
        case("..", Err(PlaceError::Character { found: '.', at: 0 }));
        case("a/b", Err(PlaceError::Character { found: '/', at: 1 }));
        case("Prod", Err(PlaceError::Character { found: 'P', at: 0 }));
        case("-e", Err(PlaceError::Character { found: '-', at: 0 }));
        case(&"a".repeat(65), Err(PlaceError::TooLong { found: 65 }));
    }

    #[test]
    fn a_folder_proposes_a_legal_project_name() {
        for (folder, name) in [
            ("acme-web", "acme-web"),
            ("Acme Web!", "acme-web"),
            ("123", "project"),
            ("42-app", "app"),
            ("...", "project"),
            ("ünïcode", "n-code"),
        ] {
            assert_eq!(ProjectName::from_folder(folder).as_str(), name);
            assert!(ProjectName::parse(name).is_ok());
        }
    }
}
