//! The record of a vault: who did what, when, and what came of it. Never a value, and
//! never a token.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// One row of the record, but for its place in a chain.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AuditEntry {
    /// Milliseconds since 1970.
    pub at: i64,
    /// The id of the team that it is about; empty where there is none.
    pub team: String,
    /// The person's id, or the token's where a machine did it; empty for nobody known.
    pub actor: String,
    /// The id of the token that was shown.
    pub token: String,
    /// Where the request came from.
    pub address: String,
    pub action: Action,
    /// The id of what it was done to.
    pub subject: String,
    /// The names that were handed out or changed, separated by spaces; `*` for all that
    /// the environment had in this revision. Where a role was given or taken: the role,
    /// and for which project or environment alone. Where a login was decided on: how. Where
    /// somebody signed in by a provider, or an account there was linked or removed: by which, or its issuer
    /// where it is not set up any more. Where a passkey was added or removed: the first sixteen characters of its id. Where somebody signed in with a passkey: `passkey`,
    /// and `counter` where its counter went back.
    pub names: String,
    pub revision: i64,
    pub outcome: Outcome,
    pub request: String,
}

/// Why a text is no action, or no outcome.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the record has no such word")]
pub struct AuditWordError;

macro_rules! words {
    ($(#[$doc:meta])* $type:ident { $($(#[$first:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum $type { $($(#[$first])* $variant,)* }

        impl $type {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl FromStr for $type {
            type Err = AuditWordError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text).ok_or(AuditWordError)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words!(
    /// What was done, or was to be done.
    Action {
        /// A node began to write. The first row of each chain.
        #[default]
        NodeStart = "node.start",
        /// As many refusals as the revision tells were not written one by one.
        RefusalsLeftOut = "refusals.left_out",
        SecretList = "secret.list",
        SecretReveal = "secret.reveal",
        EnvironmentReveal = "environment.reveal",
        SecretWrite = "secret.write",
        SecretRemove = "secret.remove",
        SecretVersions = "secret.versions",
        SecretRollback = "secret.rollback",
        EnvironmentRollback = "environment.rollback",
        EnvironmentList = "environment.list",
        EnvironmentMake = "environment.make",
        EnvironmentRename = "environment.rename",
        /// How long a sealed copy may be used: `offline:` and seconds stand as the names.
        EnvironmentChange = "environment.change",
        EnvironmentRemove = "environment.remove",
        ProjectList = "project.list",
        ProjectMake = "project.make",
        ProjectChange = "project.change",
        ProjectRemove = "project.remove",
        ProjectRewrap = "project.rewrap",
        TeamList = "team.list",
        TeamMake = "team.make",
        PersonList = "person.list",
        PersonInvite = "person.invite",
        PersonSuspend = "person.suspend",
        PersonResume = "person.resume",
        PersonChange = "person.change",
        /// A person chose a password, or a second factor.
        PersonPassword = "person.password",
        PersonSecondFactor = "person.second_factor",
        /// A person is known by an account at a provider from now on.
        PersonIdentity = "person.identity",
        PersonIdentityRemove = "person.identity_remove",
        PasskeyAdd = "passkey.add",
        PasskeyRemove = "passkey.remove",
        RoleGive = "role.give",
        RoleTake = "role.take",
        TokenList = "token.list",
        TokenMake = "token.make",
        TokenRevoke = "token.revoke",
        TokenExchange = "token.exchange",
        TrustList = "trust.list",
        TrustMake = "trust.make",
        TrustRemove = "trust.remove",
        LoginBegin = "login.begin",
        LoginShow = "login.show",
        /// A person signed in to decide on a login.
        LoginSignIn = "login.sign_in",
        LoginDecide = "login.decide",
        LoginFinish = "login.finish",
        SessionMake = "session.make",
        SessionShow = "session.show",
        SessionEnd = "session.end",
        AuditRead = "audit.read",
        /// A program reports a fetch that it served from its snapshot while the vault was out of
        /// reach. When, by its own clock, stands behind the names: `at:` and milliseconds since
        /// 1970.
        JournalReport = "journal.report",
    }
);

words!(
    /// What came of it.
    Outcome {
        #[default]
        Done = "done",
        /// Nothing had changed since the caller's last fetch.
        Unchanged = "unchanged",
        Refused = "refused",
        /// It was allowed, and could not be done as things were.
        Failed = "failed",
    }
);

#[test]
fn every_word_is_read_as_it_is_written_and_stands_once() {
    let mut words: Vec<&str> = Action::ALL.iter().map(|action| action.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), Action::ALL.len());
    for action in Action::ALL {
        assert_eq!(action.as_str().parse(), Ok(*action));
    }
    for outcome in Outcome::ALL {
        assert_eq!(outcome.as_str().parse(), Ok(*outcome));
    }
    assert_eq!("".parse::<Action>(), Err(AuditWordError));
}
