//! Routes by which people come in: logins, and the pages on which they are decided on.

use unspoken_model::Action;

use super::super::handler::{account, consent, login, passkey, provider, sign_in, ways};
use super::super::route::Method::{Get, Post, Put};
use super::super::route::Route;
use super::plan;
use crate::access::Caller;

pub(super) fn logins() -> Vec<Route> {
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
pub(super) fn pages() -> Vec<Route> {
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
            page("/login/{login}/ways", "Lists a person's ways to sign in"),
            ways::list,
        ),
        Route::form_proven(
            sent("/login/{login}/passkeys", Action::PasskeyAdd, "Adds a passkey"),
            passkey::add,
        ),
        Route::form_proven(
            sent("/login/{login}/passkeys/remove", Action::PasskeyRemove, "Removes a passkey"),
            passkey::remove,
        ),
        Route::form_proven(
            sent(
                "/login/{login}/accounts/remove",
                Action::PersonIdentityRemove,
                "Removes an account at a provider",
            ),
            ways::remove_account,
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
        Route::form_proven(
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
pub(super) fn providers() -> Vec<Route> {
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
