//! All routes: the interface's table of contents.

mod coming_in;

use unspoken_model::{Action, Verb};

use super::handler::{
    environment, journal, key_value, person, project, record, rewrap, secret, session, team, token,
    trust,
};
use super::route::Method::{Delete, Get, Patch, Post, Put};
use super::route::{Method, Needs, Plan, Route};
use crate::access::Caller;

pub(crate) fn routes() -> Vec<Route> {
    [
        sessions(),
        coming_in::logins(),
        coming_in::pages(),
        coming_in::providers(),
        people(),
        projects(),
        secrets(),
        versions(),
        tokens(),
        trusts(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn plan(method: Method, path: &'static str, action: Action, summary: &'static str) -> Plan {
    Plan { method, path, action, summary }
}

fn sessions() -> Vec<Route> {
    vec![
        Route::token(
            plan(Get, "/v1/session", Action::SessionShow, "Tells whose token was shown"),
            session::show,
        ),
        Route::token(
            plan(Delete, "/v1/session", Action::SessionEnd, "Revokes the token that was shown"),
            session::end_own,
        ),
        Route::invited(
            plan(
                Post,
                "/v1/session",
                Action::SessionMake,
                "Begins the session of an invited person",
            ),
            session::begin,
        ),
        Route::token(
            plan(
                Post,
                "/v1/journal",
                Action::JournalReport,
                "Reports uses of values while the vault could not be reached",
            ),
            journal::report,
        ),
    ]
}

fn people() -> Vec<Route> {
    let govern = Needs::Team(Verb::Govern);
    vec![
        Route::token(
            plan(Get, "/v1/teams", Action::TeamList, "Lists the caller's teams"),
            team::list,
        ),
        Route::token_of(
            plan(Post, "/v1/teams", Action::TeamMake, "Makes a team, which the caller owns"),
            Caller::owns_a_team,
            team::make,
        ),
        Route::at(
            plan(
                Get,
                "/v1/teams/{team}/people",
                Action::PersonList,
                "Lists people and their roles",
            ),
            govern,
            person::list,
        ),
        Route::at(
            plan(Post, "/v1/teams/{team}/people", Action::PersonInvite, "Has a person join"),
            govern,
            person::invite,
        ),
        Route::at(
            plan(
                Post,
                "/v1/teams/{team}/people/{person}/invitation",
                Action::PersonInvite,
                "Lets a person begin anew: without password, second factor and sessions",
            ),
            govern,
            person::invite_again,
        ),
        Route::at(
            plan(
                Put,
                "/v1/teams/{team}/people/{person}/roles",
                Action::RoleGive,
                "Gives a role at one place, or takes it away",
            ),
            govern,
            person::change_role,
        ),
        Route::at(
            plan(
                Post,
                "/v1/teams/{team}/people/{person}/suspend",
                Action::PersonSuspend,
                "Shuts a person out and ends their sessions",
            ),
            govern,
            person::suspend,
        ),
        Route::at(
            plan(
                Post,
                "/v1/teams/{team}/people/{person}/resume",
                Action::PersonResume,
                "Lets a person sign in again",
            ),
            govern,
            person::resume,
        ),
    ]
}

fn projects() -> Vec<Route> {
    vec![
        Route::token(
            plan(Get, "/v1/projects", Action::ProjectList, "Lists projects and environments"),
            project::list,
        )
        .asking(&[("remote", "string"), ("name", "string")]),
        Route::at(
            plan(Post, "/v1/teams/{team}/projects", Action::ProjectMake, "Makes a project"),
            Needs::Team(Verb::Arrange),
            project::make,
        ),
        Route::at(
            plan(
                Patch,
                "/v1/projects/{project}",
                Action::ProjectChange,
                "Renames a project, or says where its repository is",
            ),
            Needs::Project(Verb::Arrange),
            project::change,
        ),
        Route::at(
            plan(
                Post,
                "/v1/projects/{project}/rewrap",
                Action::ProjectRewrap,
                "Makes a new key for a project, to which its values are moved in the background",
            ),
            Needs::Project(Verb::Arrange),
            rewrap::begin,
        ),
        Route::at(
            plan(
                Post,
                "/v1/projects/{project}/environments",
                Action::EnvironmentMake,
                "Makes an environment",
            ),
            Needs::Project(Verb::Arrange),
            environment::make,
        ),
        Route::at(
            plan(
                Patch,
                "/v1/environments/{environment}",
                Action::EnvironmentChange,
                "Says for how long a sealed copy of an environment's values may be used",
            ),
            Needs::Environment(Verb::Arrange),
            environment::change,
        ),
        Route::at(
            plan(
                Delete,
                "/v1/environments/{environment}",
                Action::EnvironmentRemove,
                "Removes an environment and all its versions",
            ),
            Needs::Environment(Verb::Arrange),
            environment::remove,
        ),
    ]
}

fn secrets() -> Vec<Route> {
    vec![
        Route::at(
            plan(
                Get,
                "/v1/environments/{environment}/names",
                Action::SecretList,
                "Lists names, without values",
            ),
            Needs::Environment(Verb::List),
            secret::list,
        ),
        Route::at(
            plan(
                Get,
                "/v1/environments/{environment}/secrets",
                Action::EnvironmentReveal,
                "Hands out an environment's values",
            ),
            Needs::Environment(Verb::Reveal),
            secret::reveal_all,
        ),
        Route::at(
            plan(
                Patch,
                "/v1/environments/{environment}/secrets",
                Action::SecretWrite,
                "Sets and removes several values in one revision",
            ),
            Needs::Environment(Verb::Write),
            secret::change,
        ),
        Route::at(
            plan(
                Get,
                "/v1/environments/{environment}/secrets/{name}",
                Action::SecretReveal,
                "Hands out one value",
            ),
            Needs::Environment(Verb::Reveal),
            secret::reveal,
        )
        .asking(&[("version", "integer")]),
        Route::at(
            plan(
                Put,
                "/v1/environments/{environment}/secrets/{name}",
                Action::SecretWrite,
                "Sets one value",
            ),
            Needs::Environment(Verb::Write),
            secret::put,
        ),
        Route::at(
            plan(
                Delete,
                "/v1/environments/{environment}/secrets/{name}",
                Action::SecretRemove,
                "Removes one value",
            ),
            Needs::Environment(Verb::Write),
            secret::remove,
        ),
    ]
}

/// What was there before, and what others' clients read.
fn versions() -> Vec<Route> {
    vec![
        Route::at(
            plan(
                Get,
                "/v1/environments/{environment}/secrets/{name}/versions",
                Action::SecretVersions,
                "Lists the versions of a value",
            ),
            Needs::Environment(Verb::List),
            secret::versions,
        ),
        Route::at(
            plan(
                Post,
                "/v1/environments/{environment}/secrets/{name}/rollback",
                Action::SecretRollback,
                "Sets a name's older value again",
            ),
            Needs::Environment(Verb::Write),
            secret::roll_back,
        ),
        Route::at(
            plan(
                Post,
                "/v1/environments/{environment}/rollback",
                Action::EnvironmentRollback,
                "Makes an environment as it was at an older revision",
            ),
            Needs::Environment(Verb::Write),
            secret::roll_back_all,
        ),
        Route::token_to(
            plan(
                Get,
                "/v1/kv/data/{project_name}/{environment_name}",
                Action::EnvironmentReveal,
                "Hands out an environment as clients of HashiCorp's Vault read it",
            ),
            key_value::find,
            key_value::read,
        ),
    ]
}

fn tokens() -> Vec<Route> {
    vec![
        Route::at(
            plan(Get, "/v1/teams/{team}/tokens", Action::TokenList, "Lists tokens"),
            Needs::Team(Verb::Delegate),
            token::list,
        ),
        Route::token_of(
            plan(
                Post,
                "/v1/teams/{team}/tokens",
                Action::TokenMake,
                "Makes a token that reads some environments",
            ),
            Caller::is_person,
            token::make,
        ),
        Route::at(
            plan(
                Delete,
                "/v1/tokens/{token}",
                Action::TokenRevoke,
                "Revokes a token, everywhere and at once",
            ),
            Needs::OfToken(Verb::Delegate),
            token::revoke,
        ),
        Route::at(
            plan(Get, "/v1/teams/{team}/audit", Action::AuditRead, "Reads the record"),
            Needs::Team(Verb::Audit),
            record::list,
        )
        .asking(&[
            ("since", "integer"),
            ("until", "integer"),
            ("after", "string"),
            ("actor", "string"),
            ("action", "string"),
            ("subject", "string"),
            ("outcome", "string"),
            ("limit", "integer"),
        ]),
    ]
}

fn trusts() -> Vec<Route> {
    vec![
        Route::at(
            plan(
                Get,
                "/v1/teams/{team}/trusts",
                Action::TrustList,
                "Lists the rules by which jobs get tokens",
            ),
            Needs::Team(Verb::Govern),
            trust::list,
        ),
        Route::at(
            plan(
                Post,
                "/v1/teams/{team}/trusts",
                Action::TrustMake,
                "Makes a rule by which jobs get tokens",
            ),
            Needs::Team(Verb::Govern),
            trust::make,
        ),
        Route::at(
            plan(
                Delete,
                "/v1/teams/{team}/trusts/{trust}",
                Action::TrustRemove,
                "Removes a rule, and ends its tokens",
            ),
            Needs::Team(Verb::Govern),
            trust::remove,
        ),
        Route::open(
            plan(
                Post,
                "/v1/exchange",
                Action::TokenExchange,
                "Gives a job a token, by what its CI system has signed",
            ),
            trust::exchange,
        ),
    ]
}
