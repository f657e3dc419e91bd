//! The set that a process was given.

use std::{collections::BTreeMap, fmt};

use serde_core::ser::{Error as _, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::{Error, Secret, nearest::nearest};

/// The secrets of one project and environment.
///
/// `Debug` lists their names; nothing prints, compares or serialises a value. The default is
/// the set of a program that was not started by Unspoken.
#[derive(Default)]
pub struct Secrets {
    pub(crate) inside: bool,
    pub(crate) project: String,
    pub(crate) environment: String,
    pub(crate) revision: u64,
    pub(crate) token: Option<Secret>,
    pub(crate) values: BTreeMap<String, Secret>,
}

impl Secrets {
    /// Makes a set from plain texts, for tests. Its project and environment are `test`.
    ///
    /// ```
    /// use unspoken_sdk::Secrets;
    ///
    /// let secrets = Secrets::for_testing([("STRIPE_KEY", "sk_test_1")]);
    /// assert_eq!(secrets.get("STRIPE_KEY").unwrap().expose(), "sk_test_1");
    /// ```
    pub fn for_testing<N: Into<String>, V: Into<String>>(
        values: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let secret = |value: V| Secret::new(Zeroizing::new(value.into()));
        Self {
            inside: true,
            project: "test".to_owned(),
            environment: "test".to_owned(),
            values: values.into_iter().map(|(name, value)| (name.into(), secret(value))).collect(),
            ..Self::default()
        }
    }

    /// Gives the secret called `name`, or says what to do about its absence.
    pub fn get(&self, name: &str) -> Result<Secret, Error> {
        if !self.inside {
            return Err(Error::Outside { name: name.to_owned() });
        }
        self.optional(name).ok_or_else(|| Error::Missing {
            name: name.to_owned(),
            project: self.project.clone(),
            environment: self.environment.clone(),
            nearest: nearest(name, self.names()).map(str::to_owned),
        })
    }

    /// Gives the secret called `name`, if there is one.
    pub fn optional(&self, name: &str) -> Option<Secret> {
        self.values.get(name).cloned()
    }

    /// Lists the names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// Says whether the program was started without Unspoken, so that there are no secrets.
    pub fn is_outside(&self) -> bool {
        !self.inside
    }

    /// The project that the set comes from.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// The environment that the set comes from, such as `production`.
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// The environment's revision when it was opened.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// This instance's own token, where a supervisor gave it one.
    pub fn token(&self) -> Option<&Secret> {
        self.token.as_ref()
    }

    /// Says whether `text` is this instance's token: whether a health probe comes from the
    /// supervisor. Compared in constant time; never true where there is no token.
    pub fn is_probe(&self, text: &str) -> bool {
        self.token.as_ref().is_some_and(|token| token.is_same(text))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets")
            .field("project", &self.project)
            .field("environment", &self.environment)
            .field("revision", &self.revision)
            .field("secrets", &self.values)
            .finish_non_exhaustive()
    }
}

/// Refuses, as each of its secrets does.
impl Serialize for Secrets {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("a set of secrets is not serialised [REDACTED]"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_secret_is_named_with_the_nearest_one_and_a_command() {
        let secrets = Secrets::for_testing([("DATABASE_URL", "canary"), ("STRIPE_KEY", "canary")]);

        let said = secrets.get("DATBASE_URL").unwrap_err().to_string();

        assert_eq!(
            said,
            "no secret `DATBASE_URL` in `test/test`; did you mean `DATABASE_URL`? \
             Or add it: unspoken set DATBASE_URL -e test"
        );
        assert!(secrets.optional("DATBASE_URL").is_none());
    }

    #[test]
    fn outside_there_is_an_error_and_nothing() {
        let secrets = Secrets::default();

        assert!(secrets.is_outside());
        assert!(secrets.optional("STRIPE_KEY").is_none());
        assert_eq!(secrets.names().count(), 0);
        assert!(
            secrets.get("STRIPE_KEY").unwrap_err().to_string().contains("unspoken run --fd --")
        );
    }

    #[test]
    fn the_set_prints_names_alone() {
        let secrets = Secrets {
            token: Some(Secret::new(Zeroizing::new("canary-token".to_owned()))),
            ..Secrets::for_testing([("STRIPE_KEY", "canary-value")])
        };

        for text in [format!("{secrets:?}"), format!("{secrets:#?}")] {
            assert!(text.contains("\"STRIPE_KEY\": [REDACTED]"), "{text}");
            assert!(!text.contains("canary"), "{text}");
        }
        assert!(serde_json::to_string(&secrets).is_err());
    }

    #[test]
    fn a_probe_shows_the_token() {
        let secrets = Secrets {
            token: Some(Secret::new(Zeroizing::new("canary-token".to_owned()))),
            ..Secrets::default()
        };

        assert!(secrets.is_probe("canary-token"));
        assert!(!secrets.is_probe("canary-other"));
        assert!(!secrets.is_probe(""));
        assert!(!Secrets::default().is_probe(""));
    }
}
