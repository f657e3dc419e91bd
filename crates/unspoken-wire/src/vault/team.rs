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

    /// Whom to invite, and as what.
    PersonRequest {
        email: String,
        name: String,
        role: String,
        /// The id of a project, where the role is to hold for that alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        project: Option<String>,
        /// The id of an environment, where the role is to hold for that alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        environment: Option<String>,
    }

    /// Somebody who joined. Who is not known yet, or has to begin anew, gets an invitation, which is
    /// shown this once.
    PersonInvited {
        id: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<PlainText>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires: Option<i64>,
    }

    /// What a person is to be at one place.
    RoleChange {
        /// Absent for nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        project: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        environment: Option<String>,
    }

    /// A person's new password.
    PasswordChange {
        /// The one until now, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        current: Option<PlainText>,
        /// 12 to 1024 characters.
        password: PlainText,
    }
}
