//! All routes: the interface's table of contents.

use unspoken_model::{Action, Verb};

use super::handler::{
    account, consent, environment, journal, key_value, login, passkey, person, project, provider,
    record, rewrap, secret, session, sign_in, team, token, trust,
};
use super::route::Method::{Delete, Get, Patch, Post, Put};
use super::route::{Method, Needs, Plan, Route};
use crate::access::Caller;

pub(crate) fn routes() -> Vec<Route> {
    [
        sessions(),
        logins(),
        pages(),
        providers(),
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

fn logins() -> Vec<Route> {
    vec![
        Route::open(
            plan(Post, "/v1/logins", Action::LoginBegin, "Begins a login in a browser"),
            login::begin,
        ),
        Route::open(
            plan(
                Post,
                "/v1/logins/{login}/finish",
                Action::LoginFinish,
                "Begins the session that a person allowed",
            ),
            login::finish,
        ),
        Route::token_of(
            plan(
                Put,
                "/v1/session/password",
                Action::PersonPassword,
                "Sets the caller's password, and ends their other sessions",
            ),
            Caller::is_person,
            account::set_password,
        ),
    ]
}

/// What people see in a browser.
fn pages() -> Vec<Route> {
    let page = |path, summary| plan(Get, path, Action::LoginShow, summary);
    let sent = |path, action, summary| plan(Post, path, action, summary);
    vec![
        Route::page(page("/device", "Asks for the code that a device shows"), consent::ask_code),
        Route::form(
            sent("/device", Action::LoginShow, "Finds the login of a device"),
            consent::find_code,
        ),
        Route::page(page("/login/{login}", "Asks who it is, or to decide"), consent::show),
        Route::form(
            sent("/login/{login}/sign-in", Action::LoginSignIn, "Signs a person in"),
            sign_in::sign_in,
        ),
        Route::form(
            sent("/login/{login}/passkey", Action::LoginSignIn, "Signs in with a passkey alone"),
            passkey::sign_in,
        ),
        Route::page_within(
            page("/login/{login}/passkeys", "Lists a person's passkeys"),
            passkey::list,
        ),
        Route::form_within(
            sent("/login/{login}/passkeys", Action::PasskeyAdd, "Adds a passkey"),
            passkey::add,
        ),
        Route::form_within(
            sent("/login/{login}/passkeys/remove", Action::PasskeyRemove, "Removes a passkey"),
            passkey::remove,
        ),
        Route::page(
            page("/login/{login}/invitation", "Asks for an invitation and a new password"),
            sign_in::ask_invitation,
        ),
        Route::form(
            sent("/login/{login}/invitation", Action::PersonPassword, "Takes an invitation"),
            sign_in::take_invitation,
        ),
        Route::page_within(
            page("/login/{login}/second-factor", "Offers a second factor"),
            account::ask_second_factor,
        ),
        Route::form_within(
            sent(
                "/login/{login}/second-factor",
                Action::PersonSecondFactor,
                "Sets a second factor",
            ),
            account::set_second_factor,
        ),
        Route::form_within(
            sent("/login/{login}/sign-out", Action::LoginSignIn, "Lets somebody else sign in"),
            sign_in::sign_out,
        ),
        Route::form_within(
            sent("/login/{login}/decide", Action::LoginDecide, "Allows or refuses a login"),
            consent::decide,
        ),
    ]
}

/// Away to a provider, and back.
fn providers() -> Vec<Route> {
    let sent = |path, summary| plan(Post, path, Action::LoginSignIn, summary);
    vec![
        Route::form(
            sent("/login/{login}/provider/{provider}", "Sends a person to a provider"),
            provider::leave,
        ),
        Route::form(
            sent(
                "/login/{login}/invitation/provider/{provider}",
                "Sends a person to a provider who was invited",
            ),
            provider::leave_with_invitation,
        ),
        Route::page(
            plan(
                Get,
                "/oidc/{provider}/callback",
                Action::LoginSignIn,
                "Takes a person back from a provider",
            ),
            provider::come_back,
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
