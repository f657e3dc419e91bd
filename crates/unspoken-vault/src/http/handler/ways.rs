//! The page on which a person sees how they can sign in, and what is removed there that no script is
//! needed for: accounts at providers. Passkeys: see `passkey.rs`; codes: `account.rs`.
//!
//! Rules:
//! - Whoever has signed in may see it. What changes something takes who is [`Proven`].
//! - The last way in stays. An account at a provider that is not set up any more is none.

use askama::Template;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use unspoken_model::{LoginId, Outcome};
use unspoken_wire::passkey::PublicKey;
use unspoken_wire::vault::Nothing;

use super::passkey::Ask;
use super::sign_in::{ProviderLine, form, in_browser, provider_lines};
use crate::db::Desk;
use crate::federation::Provider;
use crate::http::asked::Asked;
use crate::http::page::{Page, SCRIPT, STYLE};
use crate::http::route::Form;
use crate::http::visitor::{Proven, Visitor};
use crate::problem::Problem;
use crate::sign_in::{IdentityRow, LoginRow, PasskeyRow, PersonRow, WaysIn};

#[derive(Template)]
#[template(path = "ways.html")]
struct WaysPage<'a> {
    style: &'static str,
    script: &'static str,
    login: &'a str,
    seal: &'a str,
    problem: &'a str,
    is_proven: bool,
    /// Where the person can show once more that it is them.
    again: Vec<ProviderLine>,
    /// Whether they have something of their own to show.
    has_own: bool,
    ask: Option<Ask>,
    person: String,
    email: &'a str,
    label: &'a str,
    known: String,
    algorithms: String,
    passkeys: Vec<ListedPasskey>,
    accounts: Vec<ListedAccount>,
    /// By whom the person could be known as well.
    others: Vec<ProviderLine>,
}

/// A passkey, as its person sees it.
struct ListedPasskey {
    id: String,
    name: String,
    made: String,
    used: String,
    may_be_copied: bool,
}

/// An account, as its person sees it.
struct ListedAccount {
    issuer: String,
    subject: String,
    name: String,
    made: String,
    used: String,
    is_set_up: bool,
}

/// Which account is to go.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct RemoveAccountForm {
    seal: String,
    issuer: String,
    subject: String,
}

form!(RemoveAccountForm);

/// What is said of the last way in.
pub(super) const LAST: (&str, u16) =
    ("Without this you could not sign in any more. Add another way before you remove it.", 409);

pub(in crate::http) fn list(
    desk: &mut Desk<'_>,
    visitor: &Visitor,
    asked: &Asked,
    _: &Nothing,
) -> Result<Page, Problem> {
    let page = page(desk, visitor, asked, "")?;
    desk.record(Outcome::Done);
    Ok(page)
}

/// The page once more, as it is by now.
pub(super) fn again(login: LoginId) -> Page {
    Page::go_to(format!("/login/{login}/ways"))
}

/// The page with what kept something from being changed.
pub(super) fn refuse(
    desk: &mut Desk<'_>,
    visitor: &Visitor,
    asked: &Asked,
    (problem, status): (&str, u16),
) -> Result<Page, Problem> {
    desk.record(Outcome::Refused);
    Ok(page(desk, visitor, asked, problem)?.with_status(status))
}

fn page(
    desk: &mut Desk<'_>,
    visitor: &Visitor,
    asked: &Asked,
    problem: &str,
) -> Result<Page, Problem> {
    let Visitor { login, person, .. } = visitor;
    // Its challenge may have been used by this request.
    let login = LoginRow::find(desk, login.id)?.ok_or_else(Problem::forbidden)?;
    let rows = PasskeyRow::list(desk, person.id)?;
    let known: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let known = known.join(" ");
    let algorithms: Vec<_> = PublicKey::ALGORITHMS.iter().map(ToString::to_string).collect();
    let has_own = person.proof.password.is_some() || !rows.is_empty();
    let passkeys = rows.into_iter().map(ListedPasskey::of).collect();
    let accounts = IdentityRow::list(desk, person.id)?;
    let is_linked = |issuer: &str| accounts.iter().any(|row| row.issuer == issuer);
    let again = provider_lines(asked, is_linked);
    let others = provider_lines(asked, |issuer| !is_linked(issuer));
    let accounts = accounts.into_iter().map(|row| ListedAccount::of(row, asked)).collect();
    in_browser(asked, &login.id.to_string(), |id, seal, browser| {
        Page::new(&WaysPage {
            style: STYLE,
            script: SCRIPT,
            login: id,
            seal,
            problem,
            is_proven: login.is_proven,
            again,
            has_own,
            ask: Ask::of(asked, &login, browser),
            person: person.id.to_string(),
            email: &person.email,
            label: &person.name,
            known,
            algorithms: algorithms.join(" "),
            passkeys,
            accounts,
            others,
        })
    })
    .map(Page::with_script)
}

/// By what a person can come in here.
pub(super) fn all(
    desk: &mut Desk<'_>,
    asked: &Asked,
    person: &PersonRow,
) -> Result<WaysIn, Problem> {
    let accounts = IdentityRow::list(desk, person.id)?;
    let accounts = accounts.iter().filter(|row| set_up(asked, &row.issuer).is_some());
    Ok(WaysIn {
        has_password: person.proof.password.is_some(),
        has_codes: person.proof.own.is_some(),
        passkeys: PasskeyRow::list(desk, person.id)?.len(),
        takes_passkeys: asked.front.party().is_some(),
        accounts: accounts.count(),
    })
}

/// The provider of an issuer, if there is one still.
fn set_up<'a>(asked: &'a Asked, issuer: &str) -> Option<&'a Provider> {
    asked.providers().iter().find(|provider| provider.issuer == issuer)
}

impl ListedPasskey {
    fn of(row: PasskeyRow) -> Self {
        let may_be_copied = row.may_be_copied();
        let used = row.used.map(day).unwrap_or_default();
        Self { made: day(row.made), used, may_be_copied, id: row.id, name: row.name }
    }
}

impl ListedAccount {
    fn of(row: IdentityRow, asked: &Asked) -> Self {
        let provider = set_up(asked, &row.issuer);
        Self {
            name: provider.map_or_else(|| row.issuer.clone(), |provider| provider.name.clone()),
            made: day(row.made),
            used: row.used.map(day).unwrap_or_default(),
            is_set_up: provider.is_some(),
            issuer: row.issuer,
            subject: row.subject,
        }
    }
}

fn day(milliseconds: i64) -> String {
    let time = Timestamp::from_millisecond(milliseconds).unwrap_or_default();
    time.strftime("%-d %B %Y").to_string()
}

/// Removes an account, but not the last way in.
pub(in crate::http) fn remove_account(
    desk: &mut Desk<'_>,
    proven: &Proven,
    asked: &Asked,
    form: &RemoveAccountForm,
) -> Result<Page, Problem> {
    let Visitor { login, person, .. } = &**proven;
    desk.entry.subject = person.id.to_string();
    let rows = IdentityRow::list(desk, person.id)?;
    let is_meant = |row: &&IdentityRow| row.issuer == form.issuer && row.subject == form.subject;
    let Some(row) = rows.iter().find(is_meant) else {
        desk.record(Outcome::Unchanged);
        return Ok(again(login.id));
    };
    let provider = set_up(asked, &row.issuer);
    desk.entry.names.clone_from(provider.map_or(&row.issuer, |provider| &provider.id));
    let ways = all(desk, asked, person)?;
    if provider.is_some() && !(WaysIn { accounts: ways.accounts - 1, ..ways }).is_any() {
        return refuse(desk, proven, asked, LAST);
    }
    row.remove(desk, person.id)?;
    login.doubt_others(desk, person.id)?;
    desk.record(Outcome::Done);
    Ok(again(login.id))
}
