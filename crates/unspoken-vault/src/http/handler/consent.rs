//! Pages by which a person decides: on which device's login, and whether to allow it.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use unspoken_model::Outcome;
use unspoken_wire::vault::Nothing;
use zeroize::Zeroizing;

use super::login::{origin, read_user_code};
use super::sign_in::{ask, form, in_browser};
use crate::db::Desk;
use crate::hazmat;
use crate::http::asked::Asked;
use crate::http::page::{Page, STYLE};
use crate::http::route::Form;
use crate::http::visitor::{Visitor, open_login};
use crate::problem::Problem;
use crate::sign_in::{Door, LoginRow, whence};

#[derive(Template)]
#[template(path = "device.html")]
struct DevicePage<'a> {
    style: &'static str,
    seal: &'a str,
    problem: &'a str,
}

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    style: &'static str,
    login: &'a str,
    seal: &'a str,
    name: &'a str,
    email: &'a str,
    device: &'a str,
    address: &'a str,
    begun: &'a str,
    number: i64,
    has_second_factor: bool,
}

#[derive(Template)]
#[template(path = "done.html")]
struct DonePage<'a> {
    style: &'static str,
    device: &'a str,
    is_allowed: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct CodeForm {
    seal: String,
    code: String,
}

/// What a person decides.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct DecideForm {
    seal: String,
    answer: Decision,
}

#[derive(Clone, Copy, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Decision {
    Allow,
    Refuse,
}

form!(CodeForm, DecideForm);

pub(in crate::http) fn ask_code(
    _: &mut Desk<'_>,
    asked: &Asked,
    _: &Nothing,
) -> Result<Page, Problem> {
    code_page(asked, "")
}

fn code_page(asked: &Asked, problem: &str) -> Result<Page, Problem> {
    in_browser(asked, "", |_, seal, _| Page::new(&DevicePage { style: STYLE, seal, problem }))
}

/// Finds the login whose code was typed.
pub(in crate::http) fn find_code(
    desk: &mut Desk<'_>,
    asked: &Asked,
    form: &CodeForm,
) -> Result<Page, Problem> {
    asked.doors.knock(Door::DeviceCode, &whence(asked.address))?;
    asked.doors.knock(Door::Anywhere, "code")?;
    let found = match read_user_code(&form.code) {
        Some(code) => LoginRow::find_typed(desk, &code)?,
        None => None,
    };
    match found {
        Some(id) => {
            let browser = asked.browser.as_ref().ok_or_else(Problem::forbidden)?;
            LoginRow::hold_typed(desk, id, &browser.hash())?;
            Ok(Page::go_to(format!("/login/{id}")))
        }
        None => {
            desk.record(Outcome::Refused);
            let problem =
                "No device waits with this code. Check it; a code is good for ten minutes.";
            Ok(code_page(asked, problem)?.with_status(404))
        }
    }
}

/// Asks who it is; or, who has signed in, to decide.
pub(in crate::http) fn show(
    desk: &mut Desk<'_>,
    asked: &Asked,
    _: &Nothing,
) -> Result<Page, Problem> {
    let login = open_login(desk, asked)?;
    let visitor = match Visitor::of(desk, asked, login)? {
        Ok(visitor) => visitor,
        Err(login) => return ask(asked, &login, "", ""),
    };
    let Visitor { login, person, .. } = &visitor;
    let begun = time(login.expires - LoginRow::LIFETIME);
    let page = in_browser(asked, &login.id.to_string(), |id, seal, _| {
        Page::new(&ConsentPage {
            style: STYLE,
            login: id,
            seal,
            name: &person.name,
            email: &person.email,
            device: &login.device,
            address: &login.address,
            begun: &begun,
            number: login.number,
            // Without a password there is no first one.
            has_second_factor: person.proof.own.is_some() || person.proof.password.is_none(),
        })
    })?;
    desk.record(Outcome::Done);
    Ok(page.leading_to(origin(&login.redirect).map(form_source)))
}

/// An origin as a policy of pages spells it. It has no spelling for `[::1]`, which browsers then
/// refuse to go to; but one for whatever host at that port.
fn form_source(origin: &str) -> String {
    origin.replace("[::1]", "*")
}

/// Allows or refuses a login, and sends the browser back.
pub(in crate::http) fn decide(
    desk: &mut Desk<'_>,
    visitor: &Visitor,
    _: &Asked,
    form: &DecideForm,
) -> Result<Page, Problem> {
    let Visitor { login, person, .. } = visitor;
    let is_allowed = form.answer == Decision::Allow;
    let code = new_code();
    let is_decided = if !is_allowed {
        login.refuse(desk)?
    } else if login.redirect.is_empty() {
        login.allow(desk, None, login.expires)?
    } else {
        let until = desk.now() + LoginRow::CODE;
        login.allow(desk, Some(hazmat::sha256(&[code.as_bytes()])), until)?
    };
    if !is_decided {
        return Err(Problem::conflict("somebody has decided on this sign-in already"));
    }
    desk.entry.actor = person.id.to_string();
    desk.entry.names.clear();
    desk.entry.names.push_str(if is_allowed { "allow" } else { "refuse" });
    desk.record(Outcome::Done);
    if origin(&login.redirect).is_none() {
        let page = DonePage { style: STYLE, device: &login.device, is_allowed };
        return Ok(Page::new(&page)?.without_browser());
    }
    let answer = if is_allowed { ("code", code.as_str()) } else { ("error", "access_denied") };
    let query = serde_urlencoded::to_string([answer, ("state", login.state.as_str())]);
    let query = query.map_err(|_| Problem::internal())?;
    Ok(Page::go_to(format!("{}?{query}", login.redirect)).without_browser())
}

/// A code of 256 bits.
fn new_code() -> Zeroizing<String> {
    let bytes = Zeroizing::new(hazmat::random::<32>());
    Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes))
}

fn time(milliseconds: i64) -> String {
    let time = Timestamp::from_millisecond(milliseconds).unwrap_or_default();
    time.strftime("%H:%M UTC, %-d %B %Y").to_string()
}
