//! Which variables a child gets, as a pure function.
//!
//! Rules:
//! - A secret replaces the parent's variable of the same name; the child never
//!   finds two.
//! - The parent's variables that configure or unlock Unspoken and sops stay
//!   behind, always: what may open a whole store is not for the child.
//! - A selection without effect is a mistake, and is said.
//! - A renamed secret has exactly the given name; the prefix goes before the
//!   others.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

use thiserror::Error;
use unspoken_model::SecretName;
use unspoken_seal::{Secret, SecretSet};

use super::environment::Delivered;
use super::{Environment, Prefix, VariableName};

/// What of a set a child gets, and under which names.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only these secrets; all when it is empty.
    pub only: Vec<SecretName>,
    pub rename: Vec<(SecretName, VariableName)>,
    pub prefix: Option<Prefix>,
    /// Whether the child starts from [`Selection::KEPT`] alone.
    pub clean: bool,
}

/// Why a selection does not fit a set.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum PlanError {
    #[error("no secret `{name}` in `{environment}`")]
    Missing { name: SecretName, environment: String, nearest: Option<SecretName> },
    #[error("`{name}` is renamed, but is not among the chosen secrets")]
    NotChosen { name: SecretName },
    #[error("`{name}` is renamed twice, to `{first}` and to `{second}`")]
    RenamedTwice { name: SecretName, first: VariableName, second: VariableName },
    #[error("`{first}` and `{second}` would both be delivered as `{variable}`")]
    Collision { variable: String, first: String, second: String },
}

impl Selection {
    /// What a clean environment keeps of the parent's.
    pub const KEPT: [&str; 6] = ["PATH", "HOME", "TERM", "LANG", "TMPDIR", "TZ"];

    /// The parent's variables that never reach a child.
    const WITHHELD: [&str; 2] = ["UNSPOKEN_", "SOPS_AGE_"];

    fn passes(&self, variable: &OsStr) -> bool {
        if is_withheld(variable) {
            return false;
        }
        !self.clean || Self::KEPT.iter().any(|kept| variable == *kept)
    }
}

/// Whether a variable of ours is for no program that we start.
pub(crate) fn is_withheld(variable: &OsStr) -> bool {
    let bytes = variable.as_encoded_bytes();
    Selection::WITHHELD.iter().any(|withheld| bytes.starts_with(withheld.as_bytes()))
}

/// Decides on a child's environment: the parent's, and the chosen secrets.
pub fn plan(
    parent: impl IntoIterator<Item = (OsString, OsString)>,
    set: SecretSet,
    selection: &Selection,
) -> Result<Environment, PlanError> {
    let choice = Choice::new(&set, selection)?;
    let delivered: Vec<Delivered> = set
        .into_iter()
        .filter(|(name, _)| choice.has(name))
        .map(|(name, secret)| Delivered {
            variable: choice.variable(&name),
            name: name.into(),
            secret,
        })
        .collect();
    assemble(parent, delivered, selection)
}

/// Passes on what was handed to this process: secrets that have their variables
/// already.
pub fn pass_on(
    parent: impl IntoIterator<Item = (OsString, OsString)>,
    secrets: Vec<(String, Secret)>,
    selection: &Selection,
) -> Result<Environment, PlanError> {
    let delivered = |(variable, secret): (String, Secret)| Delivered {
        name: variable.clone(),
        variable,
        secret,
    };
    assemble(parent, secrets.into_iter().map(delivered).collect(), selection)
}

fn assemble(
    parent: impl IntoIterator<Item = (OsString, OsString)>,
    mut delivered: Vec<Delivered>,
    selection: &Selection,
) -> Result<Environment, PlanError> {
    // Without renaming they are in order already, and sorting only looks.
    delivered.sort_by(|a, b| a.variable.cmp(&b.variable));
    for pair in delivered.windows(2) {
        if let [first, second] = pair
            && first.variable == second.variable
        {
            return Err(PlanError::Collision {
                variable: first.variable.clone(),
                first: first.name.clone(),
                second: second.name.clone(),
            });
        }
    }
    let is_delivered = |variable: &OsStr| {
        let key =
            |delivered: &Delivered| delivered.variable.as_bytes().cmp(variable.as_encoded_bytes());
        delivered.binary_search_by(key).is_ok()
    };
    let inherited = parent
        .into_iter()
        .filter(|(variable, _)| selection.passes(variable) && !is_delivered(variable))
        .collect();
    Ok(Environment { inherited, delivered })
}

/// A selection that fits its set.
struct Choice<'s> {
    only: BTreeSet<&'s SecretName>,
    renamed: BTreeMap<&'s SecretName, &'s VariableName>,
    prefix: Option<&'s Prefix>,
}

impl<'s> Choice<'s> {
    fn new(set: &SecretSet, selection: &'s Selection) -> Result<Self, PlanError> {
        let mut asked = selection.only.iter().chain(selection.rename.iter().map(|(name, _)| name));
        if let Some(name) = asked.find(|name| set.get(name).is_none()) {
            return Err(PlanError::Missing {
                name: name.clone(),
                environment: set.environment().to_string(),
                nearest: set.nearest(name),
            });
        }
        let mut choice = Self {
            only: selection.only.iter().collect(),
            renamed: BTreeMap::new(),
            prefix: selection.prefix.as_ref(),
        };
        for (name, variable) in &selection.rename {
            if !choice.has(name) {
                return Err(PlanError::NotChosen { name: name.clone() });
            }
            if let Some(first) = choice.renamed.insert(name, variable)
                && first != variable
            {
                let (first, second) = (first.clone(), variable.clone());
                return Err(PlanError::RenamedTwice { name: name.clone(), first, second });
            }
        }
        Ok(choice)
    }

    fn has(&self, name: &SecretName) -> bool {
        self.only.is_empty() || self.only.contains(name)
    }

    fn variable(&self, name: &SecretName) -> String {
        match (self.renamed.get(name), self.prefix) {
            (Some(variable), _) => variable.to_string(),
            (None, Some(prefix)) => prefix.before(name),
            (None, None) => name.as_str().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unspoken_model::EnvironmentName;
    use unspoken_seal::Secret;

    use super::*;

    fn name(text: &str) -> SecretName {
        SecretName::parse(text).unwrap()
    }

    fn set<'a>(values: impl IntoIterator<Item = (&'a str, &'a str)>) -> SecretSet {
        let mut set = SecretSet::new(EnvironmentName::parse("production").unwrap());
        for (key, value) in values {
            assert!(set.insert(name(key), Secret::new(value.into()).unwrap()));
        }
        set
    }

    fn parent(values: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        values.iter().map(|&(key, value)| (key.into(), value.into())).collect()
    }

    /// The variables as a child would find them.
    fn found_in(environment: Environment) -> Vec<(OsString, OsString)> {
        let strings = environment.into_strings().into_iter();
        let text = strings.map(|variable| variable.into_string().unwrap());
        text.map(|text| {
            let (variable, value) = text.split_once('=').unwrap();
            (variable.into(), value.into())
        })
        .collect()
    }

    fn rename(pairs: &[(&str, &str)]) -> Vec<(SecretName, VariableName)> {
        let pair = |&(from, to)| (name(from), VariableName::parse(to).unwrap());
        pairs.iter().map(pair).collect()
    }

    #[track_caller]
    fn case(given: &[(&str, &str)], selection: &Selection, expected: &[(&str, &str)]) {
        let set = set([("A", "1"), ("B", "2"), ("PATH_B", "3")]);
        let mut found = found_in(plan(parent(given), set, selection).unwrap());
        found.sort();
        assert_eq!(found, parent(expected), "{selection:?}");
    }

    #[track_caller]
    fn wrong(selection: &Selection, expected: &PlanError) {
        let set = set([("A", "canary"), ("B", "canary"), ("DATABASE_URL", "canary")]);
        let found = plan([], set, selection).unwrap_err();
        assert_eq!(found, *expected);
        assert!(!format!("{found} {found:?}").contains("canary"));
    }

    #[test]
    fn a_secret_replaces_every_variable_of_its_name() {
        let all = Selection::default();
        case(&[], &all, &[("A", "1"), ("B", "2"), ("PATH_B", "3")]);
        case(
            &[("A", "x"), ("A", "y"), ("AA", "z"), ("a", "")],
            &all,
            &[("A", "1"), ("AA", "z"), ("B", "2"), ("PATH_B", "3"), ("a", "")],
        );
    }

    #[test]
    fn a_clean_environment_keeps_six_variables_and_ours_never_pass() {
        let given = [
            ("HOME", "h"),
            ("LANG", "l"),
            ("LANGUAGE", "x"),
            ("PATH", "p"),
            ("PATH_", "x"),
            ("SOPS_AGE_KEY", "canary"),
            ("SOPS_AGE_KEY_FILE", "x"),
            ("SOPS_KMS_ARN", "k"),
            ("TERM", "t"),
            ("TMPDIR", "m"),
            ("TZ", "z"),
            ("UNSPOKEN_HOME", "x"),
            ("UNSPOKEN_KEY", "canary"),
            ("unspoken_x", "y"),
        ];
        let selection = Selection { only: vec![name("A")], ..Selection::default() };
        case(
            &given,
            &selection,
            &[
                ("A", "1"),
                ("HOME", "h"),
                ("LANG", "l"),
                ("LANGUAGE", "x"),
                ("PATH", "p"),
                ("PATH_", "x"),
                ("SOPS_KMS_ARN", "k"),
                ("TERM", "t"),
                ("TMPDIR", "m"),
                ("TZ", "z"),
                ("unspoken_x", "y"),
            ],
        );
        case(
            &given,
            &Selection { clean: true, ..selection },
            &[
                ("A", "1"),
                ("HOME", "h"),
                ("LANG", "l"),
                ("PATH", "p"),
                ("TERM", "t"),
                ("TMPDIR", "m"),
                ("TZ", "z"),
            ],
        );
    }

    #[test]
    fn secrets_are_chosen_renamed_and_prefixed() {
        let prefix = Some(Prefix::parse("app_").unwrap());
        let only = vec![name("B"), name("A"), name("B")];
        let rename = rename(&[("B", "PATH"), ("B", "PATH")]);
        let given = [("A", "x"), ("B", "y"), ("PATH", "z"), ("app_A", "w")];

        let mut selection = Selection { only, ..Selection::default() };
        case(&given, &selection, &[("A", "1"), ("B", "2"), ("PATH", "z"), ("app_A", "w")]);
        selection.rename = rename;
        case(&given, &selection, &[("A", "1"), ("B", "y"), ("PATH", "2"), ("app_A", "w")]);
        selection.prefix = prefix;
        case(&given, &selection, &[("A", "x"), ("B", "y"), ("PATH", "2"), ("app_A", "1")]);
    }

    #[test]
    fn two_secrets_may_change_names() {
        let rename = rename(&[("A", "B"), ("B", "A")]);
        let selection = Selection { rename, ..Selection::default() };
        case(&[("A", "x")], &selection, &[("A", "2"), ("B", "1"), ("PATH_B", "3")]);
    }

    #[test]
    fn a_selection_that_does_not_fit_is_refused() {
        let missing = |text, nearest: Option<&str>| PlanError::Missing {
            name: name(text),
            environment: "production".to_owned(),
            nearest: nearest.map(name),
        };
        let only = |text| Selection { only: vec![name("A"), name(text)], ..Selection::default() };
        let renamed = |pairs| Selection { rename: rename(pairs), ..Selection::default() };
        let collision = |variable: &str, first, second| PlanError::Collision {
            variable: variable.to_owned(),
            first: String::from(first),
            second: String::from(second),
        };

        wrong(&only("DATBASE_URL"), &missing("DATBASE_URL", Some("DATABASE_URL")));
        wrong(&only("SENTRY"), &missing("SENTRY", None));
        wrong(&renamed(&[("DATABASE", "X")]), &missing("DATABASE", Some("DATABASE_URL")));
        wrong(&renamed(&[("A", "B")]), &collision("B", "A", "B"));
        wrong(&renamed(&[("A", "x"), ("B", "x")]), &collision("x", "A", "B"));
        let prefix = Some(Prefix::parse("X_").unwrap());
        wrong(&Selection { prefix, ..renamed(&[("A", "X_B")]) }, &collision("X_B", "A", "B"));
        wrong(
            &Selection { rename: rename(&[("B", "X")]), ..only("DATABASE_URL") },
            &PlanError::NotChosen { name: name("B") },
        );
        let first = VariableName::parse("X").unwrap();
        let second = VariableName::parse("Y").unwrap();
        wrong(
            &renamed(&[("A", "X"), ("A", "Y")]),
            &PlanError::RenamedTwice { name: name("A"), first, second },
        );
    }

    #[test]
    fn an_environment_shows_names_alone() {
        let renames = rename(&[("A", "x")]);
        let selection = Selection { rename: renames, ..Selection::default() };
        let set = set([("A", "canary-secret"), ("B", "canary-secret")]);
        let environment = plan(parent(&[("HOME", "canary-home")]), set, &selection).unwrap();

        let shown = format!("{environment:?} {environment:#?}");
        assert!(shown.contains("HOME") && shown.contains('x') && !shown.contains("canary"));
        let secrets: Vec<_> = environment.secrets().collect();
        assert_eq!(secrets, [("B", "B"), ("A", "x")]);
    }

    proptest! {
        /// Against the obvious way: a map that secrets are put into last.
        #[test]
        fn every_plan_is_the_parent_overwritten(
            given in prop::collection::vec(("[A-C]{1,2}", "[a-z]"), 0..12),
            secrets in prop::collection::btree_map("[A-C]{1,2}", "[0-9]", 0..12),
            prefix in prop::option::of("[A-C]"),
        ) {
            let pairs = secrets.iter().map(|(key, value)| (key.as_str(), value.as_str()));
            let mut expected: BTreeMap<OsString, OsString> = BTreeMap::new();
            expected.extend(given.iter().map(|(key, value)| (key.into(), value.into())));
            let start = prefix.as_deref().unwrap_or("");
            expected.extend(pairs.clone().map(|(key, value)| ([start, key].concat().into(), value.into())));

            let prefix = prefix.as_deref().map(|text| Prefix::parse(text).unwrap());
            let selection = Selection { prefix, ..Selection::default() };
            let given = given.iter().map(|(key, value)| (key.into(), value.into()));
            let found = plan(given, set(pairs), &selection).unwrap();
            prop_assert_eq!(found_in(found).into_iter().collect::<BTreeMap<_, _>>(), expected);
        }
    }
}
