//! The bodies of the vault's interface, as both sides know them.
//!
//! Rules:
//! - A body with a key that is not known is refused by the vault; a client passes over it, so that an
//!   old client serves a newer vault.
//! - Values stand in [`PlainText`] on their way in, and are printed by [`Revealed::print`] on
//!   their way out. Both are wiped.
//! - Times are milliseconds since 1970, in UTC. Ids are texts.

mod login;
mod plain_text;
mod record;
mod revealed;
mod session;
mod team;
mod trust;

use serde::{Deserialize, Serialize};

pub use login::{LoginBegun, LoginFinish, LoginRequest};
pub use plain_text::PlainText;
pub use record::{
    ChainEnd, EndKind, Hex, RecordBegin, RecordEnd, RecordHead, RecordLine, RecordLineError,
    RecordRow,
};
pub use revealed::{Revealed, RevealedError, RevealedSecret};
pub use session::{SessionBody, SessionRequest, TokenBody, TokenList, TokenMade, TokenRequest};
pub use team::{
    PasswordChange, PersonBody, PersonInvited, PersonList, PersonRequest, RoleBody, RoleChange,
    TeamBody, TeamList, TeamRequest,
};
pub use trust::{ExchangeRequest, TrustBody, TrustList, TrustMade, TrustRequest};

macro_rules! body {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, schemars::JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }
    )* };
}
pub(crate) use body;

body! {
    /// Why a request was not answered.
    ProblemBody {
        /// For programs; never changes its meaning.
        code: String,
        /// For people.
        message: String,
        /// The request's id, as the vault's log and record have it.
        request_id: String,
    }

    ProjectBody {
        id: String,
        team: String,
        name: String,
        /// Where its repository is, in the one spelling of remotes.
        remotes: Vec<String>,
        environments: Vec<EnvironmentBody>,
    }

    ProjectList {
        projects: Vec<ProjectBody>,
    }

    EnvironmentBody {
        id: String,
        project: String,
        name: String,
        /// One more for each change.
        revision: i64,
        /// For how many seconds a sealed copy of its values may be used while the vault does not
        /// answer; 0 for never.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        offline_seconds: Option<i64>,
    }

    EnvironmentList {
        environments: Vec<EnvironmentBody>,
    }

    /// A name, and everything about its secret but the value.
    NameBody {
        name: String,
        version: i64,
        /// The environment's revision that began with this version.
        revision: i64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expiry: Option<String>,
        made: i64,
        /// The id of who wrote it.
        author: String,
    }

    NameList {
        revision: i64,
        names: Vec<NameBody>,
    }

    VersionBody {
        version: i64,
        revision: i64,
        made: i64,
        author: String,
        /// Whether the secret was removed by it.
        removed: bool,
    }

    VersionList {
        versions: Vec<VersionBody>,
    }

    /// One use of values while the vault could not be reached.
    JournalEntry {
        /// When it was, by the machine's own clock: milliseconds since 1970.
        at: i64,
        /// The environment's id.
        environment: String,
        revision: i64,
        /// The names that were used, separated by spaces; `*` for all that were fetched.
        names: String,
    }

    /// What a change came to.
    RevisionBody {
        revision: i64,
    }

    /// The version of a project's new key.
    RewrapBody {
        key_version: i64,
    }

    AuditRow {
        node: String,
        seq: i64,
        at: i64,
        team: String,
        actor: String,
        token: String,
        address: String,
        action: String,
        subject: String,
        names: String,
        revision: i64,
        outcome: String,
        request: String,
        /// The chain's hash up to here, in hex.
        hash: String,
    }

    AuditPage {
        rows: Vec<AuditRow>,
        /// What to ask `after` for the next page; absent on the last one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<String>,
    }
}

macro_rules! request {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => { $(
        $(#[$doc])*
        #[derive(Debug, Default, Deserialize, Serialize, schemars::JsonSchema)]
        #[serde(rename_all = "snake_case", deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }
    )* };
}
pub(crate) use request;

request! {
    /// A request that says nothing.
    Nothing {}

    ProjectRequest {
        name: String,
        #[serde(default)]
        remotes: Vec<String>,
    }

    /// Only what is there is changed.
    ProjectChange {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remotes: Option<Vec<String>>,
    }

    EnvironmentRequest {
        name: String,
    }

    EnvironmentChange {
        /// For how many seconds a sealed copy of its values may be used while the vault does not
        /// answer: 0, for never, to 30 days.
        offline_seconds: i64,
    }

    SecretRequest {
        value: PlainText,
        /// `YYYY-MM-DD`; absent for never.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expiry: Option<String>,
    }

    /// Several changes that are one revision.
    SecretsRequest {
        #[serde(default)]
        set: std::collections::BTreeMap<String, SecretRequest>,
        #[serde(default)]
        remove: Vec<String>,
    }

    /// Uses of values while the vault could not be reached.
    JournalRequest {
        entries: Vec<JournalEntry>,
    }

    /// Which version, or which revision, to have again.
    RollbackRequest {
        to: i64,
    }
}

impl JournalRequest {
    /// How many uses are reported at once.
    pub const MAX: usize = 500;
}
