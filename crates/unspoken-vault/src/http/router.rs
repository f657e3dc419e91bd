//! All routes: the interface's table of contents.

use unspoken_model::{Action, Verb};

use super::handler::{environment, journal, project, record, secret, session, token};
use super::route::Method::{Delete, Get, Patch, Post, Put};
use super::route::{Method, Needs, Plan, Route};

pub(crate) fn routes() -> Vec<Route> {
    [sessions(), projects(), secrets(), tokens()].into_iter().flatten().collect()
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

fn projects() -> Vec<Route> {
    vec![
        Route::token(
            plan(Get, "/v1/projects", Action::ProjectList, "Lists projects and environments"),
            project::list,
        ),
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
                "/v1/projects/{project}/environments",
                Action::EnvironmentMake,
                "Makes an environment",
            ),
            Needs::Project(Verb::Arrange),
            environment::make,
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
        ),
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
    ]
}

fn tokens() -> Vec<Route> {
    vec![
        Route::at(
            plan(Get, "/v1/teams/{team}/tokens", Action::TokenList, "Lists tokens"),
            Needs::Team(Verb::Delegate),
            token::list,
        ),
        Route::token(
            plan(
                Post,
                "/v1/teams/{team}/tokens",
                Action::TokenMake,
                "Makes a token that reads some environments",
            ),
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
        ),
    ]
}
