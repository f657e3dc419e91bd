//! Rights in a vault: who may do what, where. Pure: a table and its reading.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::{EnvironmentId, ProjectId, SecretName};

/// What a person is in a team, a project or an environment. A later one may do all
/// that an earlier one may.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Role {
    Reader,
    Developer,
    Admin,
    Owner,
}

/// Why a text is no role.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a role is `reader`, `developer`, `admin` or `owner`")]
pub struct RoleError;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Verb {
    /// See that it is there, and its names.
    List,
    /// Be handed values.
    Reveal,
    /// Change values.
    Write,
    /// Make tokens that reveal, and end them.
    Delegate,
    /// Make, rename and remove projects and environments.
    Arrange,
    /// Invite, suspend, and give roles.
    Govern,
    /// Read the record.
    Audit,
}

/// What a machine's token reaches: all that it may do is list and reveal there.
///
/// Every part narrows it. An empty list means nothing, never everything.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Grant {
    pub environments: BTreeSet<EnvironmentId>,
    /// `None`: all names of these environments.
    pub names: Option<BTreeSet<SecretName>>,
}

/// What a person's role holds for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Reach {
    Team,
    Project(ProjectId),
    Environment(EnvironmentId),
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Reader, Self::Developer, Self::Admin, Self::Owner];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Developer => "developer",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// The whole table.
    pub fn permits(self, verb: Verb) -> bool {
        let least = match verb {
            Verb::List | Verb::Reveal => Self::Reader,
            Verb::Write | Verb::Delegate => Self::Developer,
            Verb::Arrange | Verb::Govern | Verb::Audit => Self::Admin,
        };
        self >= least
    }

    /// Whether who has this role may give that one, or take it away.
    pub fn governs(self, other: Self) -> bool {
        self.permits(Verb::Govern) && other <= self
    }
}

impl Verb {
    pub const ALL: [Self; 7] = [
        Self::List,
        Self::Reveal,
        Self::Write,
        Self::Delegate,
        Self::Arrange,
        Self::Govern,
        Self::Audit,
    ];
}

impl Grant {
    /// Whether a token may do this in an environment. Which names it may see is
    /// [`Grant::shows`].
    pub fn permits(&self, verb: Verb, environment: &EnvironmentId) -> bool {
        matches!(verb, Verb::List | Verb::Reveal) && self.environments.contains(environment)
    }

    pub fn shows(&self, name: &SecretName) -> bool {
        self.names.as_ref().is_none_or(|names| names.contains(name))
    }
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(RoleError)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_role_may_do_all_that_a_lower_one_may() {
        for verb in Verb::ALL {
            for pair in Role::ALL.windows(2) {
                assert!(!pair[0].permits(verb) || pair[1].permits(verb), "{verb:?}");
            }
        }
        assert!(!Role::Reader.permits(Verb::Write));
        assert!(!Role::Developer.permits(Verb::Audit));
        assert!(Role::Admin.governs(Role::Admin) && !Role::Admin.governs(Role::Owner));
        assert!(!Role::Developer.governs(Role::Reader));
    }

    proptest::proptest! {
        #[test]
        fn a_narrower_grant_never_widens(
            environments in proptest::collection::btree_set(0_u8..6, 0..6),
            names in proptest::option::of(proptest::collection::btree_set(0_u8..6, 0..6)),
            kept in proptest::collection::btree_set(0_u8..6, 0..6),
            asked in (0_u8..6, 0_u8..6),
        ) {
            let environment = |number: u8| EnvironmentId::new([number; 16]);
            let name = |number: u8| SecretName::parse(&format!("N{number}")).unwrap();
            let grant = |environments: &BTreeSet<u8>, names: Option<&BTreeSet<u8>>| Grant {
                environments: environments.iter().copied().map(environment).collect(),
                names: names.map(|names| names.iter().copied().map(name).collect()),
            };
            let wide = grant(&environments, names.as_ref());
            let fewer = environments.intersection(&kept).copied().collect();
            let named = names.as_ref().map_or(kept.clone(), |names| &kept & names);
            let (there, what) = (environment(asked.0), name(asked.1));
            for verb in Verb::ALL {
                let is_let = |grant: &Grant| grant.permits(verb, &there) && grant.shows(&what);
                for narrow in [grant(&fewer, names.as_ref()), grant(&environments, Some(&named))] {
                    assert!(!is_let(&narrow) || is_let(&wide));
                }
                assert!(!is_let(&grant(&BTreeSet::new(), None)));
                assert!(!is_let(&grant(&environments, Some(&BTreeSet::new()))));
                assert!(matches!(verb, Verb::List | Verb::Reveal) || !is_let(&wide));
            }
        }
    }
}
