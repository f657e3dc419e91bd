//! Which setting counts: flag, then variable, then project file, then default.
//!
//! Pure: what was typed and what the environment held are arguments. Every
//! setting remembers what decided it, so that `doctor` and `why` can say so.

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;
use unspoken_model::{EnvironmentName, PlaceError, ProjectFile, nearest};

use crate::env_vars::{UNSPOKEN_ENV, UNSPOKEN_PROJECT_DIR};
use crate::{NotText, Variables};

/// A decided setting.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Setting<T> {
    pub value: T,
    pub origin: Origin,
}

/// What decided a setting.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    Flag(&'static str),
    Variable(&'static str),
    ProjectFile,
    Default,
}

/// Why a setting cannot be decided.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ConfigError {
    #[error(transparent)]
    NotText(#[from] NotText),
    #[error("the variable `{variable}` does not name an environment: {error}")]
    Malformed { variable: &'static str, error: PlaceError },
    #[error("`{name}` is the beginning of several environments")]
    Ambiguous { name: EnvironmentName, candidates: Vec<EnvironmentName> },
    #[error("no environment `{name}` in this project (asked for by {origin})")]
    UnknownEnvironment {
        name: EnvironmentName,
        origin: Origin,
        nearest: Option<EnvironmentName>,
        candidates: Vec<EnvironmentName>,
    },
}

/// Decides which environment is meant.
pub fn environment(
    flag: Option<&EnvironmentName>,
    variables: &Variables,
    project: &ProjectFile,
) -> Result<Setting<EnvironmentName>, ConfigError> {
    let chosen = match flag {
        Some(name) => Setting { value: name.clone(), origin: Origin::Flag("--env") },
        None => match variables.text(UNSPOKEN_ENV)? {
            Some(text) => Setting {
                value: EnvironmentName::parse(text).map_err(|error| ConfigError::Malformed {
                    variable: UNSPOKEN_ENV.name,
                    error,
                })?,
                origin: Origin::Variable(UNSPOKEN_ENV.name),
            },
            None => Setting { value: project.default.clone(), origin: Origin::ProjectFile },
        },
    };
    if project.entry(&chosen.value).is_some() {
        return Ok(chosen);
    }
    if let Origin::Flag(_) = chosen.origin
        && let Some(name) = begun(&chosen.value, project)?
    {
        return Ok(Setting { value: name, origin: chosen.origin });
    }
    let candidates: Vec<_> = project.environments.keys().cloned().collect();
    let known = candidates.iter().map(EnvironmentName::as_str);
    let near = nearest(chosen.value.as_str(), known);
    Err(ConfigError::UnknownEnvironment {
        nearest: candidates.iter().find(|name| Some(name.as_str()) == near).cloned(),
        candidates,
        name: chosen.value,
        origin: chosen.origin,
    })
}

/// The one environment whose name begins so: what is typed may be short.
fn begun(
    start: &EnvironmentName,
    project: &ProjectFile,
) -> Result<Option<EnvironmentName>, ConfigError> {
    let begins = |name: &&EnvironmentName| name.as_str().starts_with(start.as_str());
    let mut found: Vec<_> = project.environments.keys().filter(begins).cloned().collect();
    if found.len() > 1 {
        return Err(ConfigError::Ambiguous { name: start.clone(), candidates: found });
    }
    Ok(found.pop())
}

/// Decides in which folder the project is; `None` leaves it to the search.
pub fn project_directory(flag: Option<&Path>, variables: &Variables) -> Option<Setting<PathBuf>> {
    let typed = flag.map(|path| (path, Origin::Flag("--project-dir")));
    let variable = || {
        let path = variables.path(UNSPOKEN_PROJECT_DIR)?;
        Some((path, Origin::Variable(UNSPOKEN_PROJECT_DIR.name)))
    };
    let (path, origin) = typed.or_else(variable)?;
    Some(Setting { value: path.to_owned(), origin })
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "the flag `{name}`"),
            Self::Variable(name) => write!(f, "the variable `{name}`"),
            Self::ProjectFile => write!(f, "`{}`", ProjectFile::NAME),
            Self::Default => f.write_str("default"),
        }
    }
}

#[cfg(test)]
mod tests {
    use unspoken_model::{EnvironmentEntry, ProjectName};

    use super::*;

    fn name(text: &str) -> EnvironmentName {
        EnvironmentName::parse(text).unwrap()
    }

    fn project() -> ProjectFile {
        let mut file = ProjectFile::new(ProjectName::parse("acme").unwrap(), name("development"));
        file.add(&name("staging"), EnvironmentEntry::default());
        file.add(&name("production"), EnvironmentEntry::default());
        file
    }

    #[test]
    fn the_flag_beats_the_variable_beats_the_project() {
        #[track_caller]
        fn case(flag: Option<&str>, variable: &str, expected: (&str, Origin)) {
            let flag = flag.map(name);
            let variables = Variables::from_pairs([("UNSPOKEN_ENV", variable)]);
            let found = environment(flag.as_ref(), &variables, &project()).unwrap();
            assert_eq!((found.value.as_str(), found.origin), expected);
        }

        case(Some("production"), "staging", ("production", Origin::Flag("--env")));
        case(None, "staging", ("staging", Origin::Variable("UNSPOKEN_ENV")));
        case(None, "", ("development", Origin::ProjectFile));
        // A variable that does not count is not read either.
        case(Some("production"), "NOT A NAME", ("production", Origin::Flag("--env")));
    }

    #[test]
    fn an_unknown_environment_is_answered_with_the_known_ones() {
        let variables = Variables::from_pairs([("UNSPOKEN_ENV", "prodution")]);
        let error = environment(None, &variables, &project()).unwrap_err();
        assert_eq!(
            error,
            ConfigError::UnknownEnvironment {
                name: name("prodution"),
                origin: Origin::Variable("UNSPOKEN_ENV"),
                nearest: Some(name("production")),
                candidates: vec![name("development"), name("production"), name("staging")],
            }
        );
        assert_eq!(
            error.to_string(),
            "no environment `prodution` in this project \
             (asked for by the variable `UNSPOKEN_ENV`)"
        );

        let flag = name("qa");
        let error = environment(Some(&flag), &variables, &project()).unwrap_err();
        assert!(matches!(
            error,
            ConfigError::UnknownEnvironment { origin: Origin::Flag("--env"), nearest: None, .. }
        ));
    }

    #[test]
    fn what_is_typed_may_be_the_beginning_of_one_name() {
        let text = "project = \"p\"\ndefault = \"dev\"\n[environments]\n\
                    dev = {}\ndevelopment = {}\nprod-eu = {}\nprod-us = {}\nstaging = {}\n";
        let file = ProjectFile::parse(text).unwrap();
        let none = Variables::from_pairs([("UNSPOKEN_ENV", "st")]);
        let case = |typed: &str| environment(Some(&name(typed)), &none, &file);
        assert_eq!(case("st").unwrap().value, name("staging"));
        // A whole name is that environment, whatever else begins so.
        assert_eq!(case("dev").unwrap().value, name("dev"));
        assert_eq!(case("deve").unwrap().value, name("development"));
        let candidates = vec![name("prod-eu"), name("prod-us")];
        assert_eq!(
            case("prod").unwrap_err(),
            ConfigError::Ambiguous { name: name("prod"), candidates }
        );
        assert!(matches!(case("x"), Err(ConfigError::UnknownEnvironment { .. })));
        // A variable is written once, and read by people later: it has the whole name.
        let error = environment(None, &none, &file).unwrap_err();
        assert!(matches!(error, ConfigError::UnknownEnvironment { .. }));
    }

    #[test]
    fn a_malformed_variable_is_named() {
        let variables = Variables::from_pairs([("UNSPOKEN_ENV", "../etc")]);
        let error = environment(None, &variables, &project()).unwrap_err();
        let expected = PlaceError::Character { found: '.', at: 0 };
        let variable = "UNSPOKEN_ENV";
        assert_eq!(error, ConfigError::Malformed { variable, error: expected });
    }

    #[test]
    fn the_project_directory_has_the_same_order() {
        let both = Variables::from_pairs([("UNSPOKEN_PROJECT_DIR", "b")]);
        let none = Variables::from_pairs([("UNSPOKEN_PROJECT_DIR", "")]);
        let found = |flag: Option<&str>, variables| {
            project_directory(flag.map(Path::new), variables)
                .map(|setting| (setting.value, setting.origin.to_string()))
        };
        assert_eq!(found(Some("a"), &both), Some(("a".into(), "the flag `--project-dir`".into())));
        assert_eq!(
            found(None, &both),
            Some(("b".into(), "the variable `UNSPOKEN_PROJECT_DIR`".into()))
        );
        assert_eq!(found(None, &none), None);
    }
}
