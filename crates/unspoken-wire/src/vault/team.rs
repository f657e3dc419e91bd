//! Teams, and the people in them.

use serde::{Deserialize, Serialize};

use super::{PlainText, body, request};

body! {
    TeamBody {
        id: String,
        name: String,
    }

    TeamList {
        teams: Vec<TeamBody>,
    }

    /// What a person is, and where.
    RoleBody {
        /// `reader`, `developer`, `admin` or `owner`.
        role: String,
        /// The id of a project, where it holds for that alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        project: Option<String>,
        /// The id of an environment, where it holds for that alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        environment: Option<String>,
    }

    PersonBody {
        id: String,
        email: String,
        name: String,
        /// `invited`, `active` or `suspended`.
        state: String,
        roles: Vec<RoleBody>,
    }

    PersonList {
        people: Vec<PersonBody>,
    }
}

request! {
    TeamRequest {
        name: String,
    }

    /// Whom to invite.
    PersonRequest {
        email: String,
        name: String,
        role: String,
    }

    /// An invitation. Its token is shown this once.
    PersonInvited {
        id: String,
        token: PlainText,
        expires: i64,
    }
}
