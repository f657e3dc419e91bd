//! Tokens and sessions.

use serde::{Deserialize, Serialize};

use super::{PlainText, body, request};

body! {
    /// Who the caller is.
    SessionBody {
        token: String,
        /// `agent`, `cli` or `admin`.
        kind: String,
        name: String,
        team: String,
        expires: i64,
        /// Absent for a machine.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        person: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        email: Option<String>,
        /// The ids of the environments that a machine's token reaches.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        environments: Vec<String>,
        /// The names that it reaches there; absent for all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        names: Option<Vec<String>>,
    }

    /// A token, and everything about it but what it is shown by.
    TokenBody {
        id: String,
        kind: String,
        name: String,
        team: String,
        author: String,
        made: i64,
        expires: i64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        idle_seconds: Option<i64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        used: Option<i64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uses_left: Option<i64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revoked: Option<i64>,
        environments: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        names: Option<Vec<String>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        addresses: Option<Vec<String>>,
    }

    TokenList {
        tokens: Vec<TokenBody>,
    }
}

request! {
    /// What a machine's token is to reach. Every part narrows it.
    TokenRequest {
        name: String,
        /// The ids of environments.
        environments: Vec<String>,
        /// Absent for all names.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        names: Option<Vec<String>>,
        /// For how long it can be used.
        lifetime_seconds: i64,
        /// For how long it may lie unused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        idle_seconds: Option<i64>,
        /// How often it can be used.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uses: Option<i64>,
        /// Networks such as `10.0.0.0/8`; absent for all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        addresses: Option<Vec<String>>,
    }

    /// Where a session is begun.
    SessionRequest {
        /// What a person calls the machine.
        device: String,
    }

    /// A new token. It is shown this once.
    TokenMade {
        id: String,
        token: PlainText,
        expires: i64,
    }
}
