//! What a person sets for themselves: a password, a second factor.

use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;
use unspoken_model::Outcome;
use unspoken_wire::vault::{Nothing, PasswordChange, PlainText};
use zeroize::Zeroizing;

use super::sign_in::{form, in_browser};
use super::ways;
use crate::access::Caller;
use crate::db::{Cell, Desk};
use crate::http::asked::Asked;
use crate::http::page::{Page, STYLE};
use crate::http::route::Form;
use crate::http::visitor::{Proven, Visitor};
use crate::problem::Problem;
use crate::sign_in::{IdentityRow, PasskeyRow, Passwords, PersonRow, SecondFactor, invitation};

#[derive(Template)]
#[template(path = "second_factor.html")]
struct SecondFactorPage<'a> {
    style: &'static str,
    login: &'a str,
    seal: &'a str,
    secret: &'a str,
    grouped: &'a str,
    uri: &'a str,
    problem: &'a str,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct SecondFactorForm {
    seal: String,
    secret: PlainText,
    code: PlainText,
}

form!(SecondFactorForm);

/// Sets the caller's password. Their other sessions end: whoever wanted a new one may have a
/// reason.
pub(in crate::http) fn set_password(
    desk: &mut Desk<'_>,
    caller: &Caller,
    asked: &Asked,
    body: &PasswordChange,
) -> Result<(), Problem> {
    let id = caller.person().ok_or_else(Problem::forbidden)?;
    if !Passwords::allows(body.password.expose()) {
        return Err(Problem::invalid("a password has 12 to 1024 characters"));
    }
    let person = PersonRow::find(desk, &asked.deployment, id)?.ok_or_else(Problem::forbidden)?;
    if person.proof.password.is_some() {
        let current = body.current.as_ref().map_or("", PlainText::expose);
        let (fits, _) = asked.proof(&person.proof, current, &person.email)?;
        if !fits {
            return Err(Problem::forbidden());
        }
    } else if !IdentityRow::list(desk, id)?.is_empty() || PasskeyRow::any(desk, id)? {
        // Who comes in otherwise gets no password by a session alone, which somebody may have found.
        return Err(Problem::forbidden());
    }
    let password = asked.new_password(body.password.expose())?;
    PersonRow::set_password(desk, id, &password)?;
    desk.change(
        "UPDATE token SET revoked = COALESCE(revoked, $2), touched = $2 WHERE person = $1 AND id <> $3",
        &[Cell::text(id), desk.now().into(), Cell::text(caller.token)],
    )?;
    invitation::end_logins(desk, id)?;
    desk.entry.subject = id.to_string();
    desk.record(Outcome::Done);
    Ok(())
}

pub(in crate::http) fn ask_second_factor(
    desk: &mut Desk<'_>,
    visitor: &Visitor,
    asked: &Asked,
    _: &Nothing,
) -> Result<Page, Problem> {
    if visitor.person.proof.own.is_some() {
        return Ok(Page::go_to(format!("/login/{}", visitor.login.id)));
    }
    if !visitor.login.is_proven {
        return Ok(ways::again(visitor.login.id));
    }
    desk.record(Outcome::Done);
    second_factor_page(asked, visitor, &SecondFactor::random(), "")
}

fn second_factor_page(
    asked: &Asked,
    visitor: &Visitor,
    factor: &SecondFactor,
    problem: &str,
) -> Result<Page, Problem> {
    let secret = factor.expose();
    let grouped = Zeroizing::new(
        secret
            .as_bytes()
            .chunks(4)
            .filter_map(|four| std::str::from_utf8(four).ok())
            .collect::<Vec<_>>()
            .join(" "),
    );
    let label = serde_urlencoded::to_string([("issuer", "Unspoken")]).unwrap_or_default();
    let email: String = form_text(&visitor.person.email);
    let uri = Zeroizing::new(format!(
        "otpauth://totp/Unspoken:{email}?secret={}&{label}&algorithm=SHA1&digits=6&period=30",
        *secret
    ));
    in_browser(asked, &visitor.login.id.to_string(), |login, seal, _| {
        Page::new(&SecondFactorPage {
            style: STYLE,
            login,
            seal,
            secret: &secret,
            grouped: &grouped,
            uri: &uri,
            problem,
        })
    })
}

/// An address in a path: what is not plain is left out of the label.
fn form_text(email: &str) -> String {
    email.chars().filter(|c| c.is_ascii_alphanumeric() || "@.-_".contains(*c)).collect()
}

/// Keeps a second factor, once the person has shown that they can use it.
pub(in crate::http) fn set_second_factor(
    desk: &mut Desk<'_>,
    visitor: &Proven,
    asked: &Asked,
    form: &SecondFactorForm,
) -> Result<Page, Problem> {
    let back = || Page::go_to(format!("/login/{}", visitor.login.id));
    if visitor.person.proof.own.is_some() {
        return Ok(back());
    }
    let factor = SecondFactor::parse(form.secret.expose())
        .ok_or_else(|| Problem::invalid("the form cannot be read"))?;
    let Some(step) = factor.step(form.code.expose(), desk.now(), None) else {
        let problem =
            "This code does not fit. Type the six digits that your authenticator shows now.";
        return Ok(second_factor_page(asked, visitor, &factor, problem)?.with_status(400));
    };
    let id = visitor.person.id;
    let sealed = asked.seal_own(PersonRow::own(&asked.deployment, id), factor.key())?;
    // Not while all that is sealed is sealed anew by another master key.
    asked.kek_for_new(desk)?;
    PersonRow::set_second_factor(desk, id, sealed, step)?;
    desk.entry.subject = id.to_string();
    desk.record(Outcome::Done);
    Ok(back())
}
