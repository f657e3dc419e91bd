//! Forms by which a person signs in with a passkey, adds one, and removes one.
//!
//! Rules:
//! - A passkey alone counts as both factors: its authenticator has to know the person.
//! - Whoever adds or removes one has shown for this login, minutes ago, that it is them: there is no
//!   older session that could do either.
//! - As with codes: who has a second factor does not lose the last one but by an invitation.

use schemars::JsonSchema;
use serde::Deserialize;
use unspoken_model::{Outcome, PersonId};

use super::sign_in::{ask, form, let_in};
use super::ways;
use crate::db::Desk;
use crate::http::asked::Asked;
use crate::http::browser::Browser;
use crate::http::page::Page;
use crate::http::route::Form;
use crate::http::visitor::{Proven, Visitor, open_login};
use crate::problem::Problem;
use crate::sign_in::{
    Arrival, Door, LoginRow, Made, PasskeyRow, PersonRow, Proof, Question, Refusal, Shown, WaysIn,
    whence,
};

/// What the page of a login has authenticators sign.
pub(super) struct Ask {
    pub(super) party: String,
    pub(super) alone: String,
    pub(super) second: String,
    pub(super) create: String,
}

/// What each challenge is for: none serves for another.
const ALONE: &str = "alone";
const SECOND: &str = "second";
const CREATE: &str = "create";

/// A passkey that signs in alone.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct PasskeyForm {
    seal: String,
    credential: String,
    client: String,
    authenticator: String,
    signature: String,
    user: String,
}

/// A passkey that was made.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewPasskeyForm {
    seal: String,
    name: String,
    client: String,
    attestation: String,
}

/// Which passkey is to go.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct RemovePasskeyForm {
    seal: String,
    credential: String,
}

form!(PasskeyForm, NewPasskeyForm, RemovePasskeyForm);

impl Ask {
    /// `None` where browsers keep no passkeys for this vault.
    pub(super) fn of(asked: &Asked, login: &LoginRow, browser: &Browser) -> Option<Self> {
        let challenge = |purpose| login.challenge(&browser.hash(), purpose);
        Some(Self {
            party: asked.front.party()?.id.clone(),
            alone: challenge(ALONE),
            second: challenge(SECOND),
            create: challenge(CREATE),
        })
    }
}

/// Signs in who shows a passkey that knows them.
pub(in crate::http) fn sign_in(
    desk: &mut Desk<'_>,
    asked: &Asked,
    form: &PasskeyForm,
) -> Result<Page, Problem> {
    let login = open_login(desk, asked)?;
    asked.doors.knock(Door::Address, &whence(asked.address))?;
    asked.doors.knock(Door::Anywhere, "sign-in")?;
    "passkey".clone_into(&mut desk.entry.names);
    let PasskeyForm { credential, client, authenticator, signature, user, .. } = form;
    let shown = Shown::read(credential, client, authenticator, signature, user);
    let proven = match &shown {
        Some(shown) => prove(desk, asked, &login, shown, (ALONE, Proof::Verification), None)?,
        None => None,
    };
    let person = match proven {
        Some(id) => PersonRow::find(desk, &asked.deployment, id)?.filter(|row| row.is_active),
        None => None,
    };
    let team = match &person {
        Some(person) => PersonRow::team(desk, person.id)?,
        None => None,
    };
    let (Some(person), Some(team)) = (person, team) else {
        desk.record(Outcome::Refused);
        let problem = "This passkey was not accepted. Try again, or sign in with your password.";
        // The login's next challenge stands on this page.
        let login = open_login(desk, asked)?;
        return Ok(ask(asked, &login, "", problem)?.with_status(401));
    };
    desk.entry.team = team.to_string();
    desk.entry.subject = person.id.to_string();
    let_in(desk, &login, (person.id, Arrival::Proven), "")
}

/// Whether a passkey stands in for the code of somebody who has shown a password.
pub(super) fn is_second_factor(
    desk: &mut Desk<'_>,
    asked: &Asked,
    login: &LoginRow,
    shown: &Shown,
    person: PersonId,
) -> Result<bool, Problem> {
    let how = (SECOND, Proof::Presence);
    Ok(prove(desk, asked, login, shown, how, Some(person))?.is_some())
}

/// Whose a passkey is that answers this login's challenge. That is used up by it, either way.
fn prove(
    desk: &mut Desk<'_>,
    asked: &Asked,
    login: &LoginRow,
    shown: &Shown,
    (purpose, proof): (&str, Proof),
    known: Option<PersonId>,
) -> Result<Option<PersonId>, Problem> {
    let party = asked.front.party();
    let (Some(party), Some(browser)) = (party, asked.browser.as_ref()) else { return Ok(None) };
    if !login.use_challenge(desk)? {
        return Ok(None);
    }
    let challenge = login.challenge(&browser.hash(), purpose);
    let question = Question { party, challenge: &challenge };
    match shown.prove(desk, question, proof, known)? {
        Ok(person) => Ok(Some(person)),
        Err(Refusal::Wrong) => Ok(None),
        Err(Refusal::Counter(person)) => {
            // Its person's team sees that somebody may have a copy.
            desk.entry.subject = person.to_string();
            desk.entry.team = match PersonRow::team(desk, person)? {
                Some(team) => team.to_string(),
                None => String::new(),
            };
            desk.entry.names.push_str(" counter");
            Ok(None)
        }
    }
}

/// Keeps a passkey that was made for this login.
pub(in crate::http) fn add(
    desk: &mut Desk<'_>,
    proven: &Proven,
    asked: &Asked,
    form: &NewPasskeyForm,
) -> Result<Page, Problem> {
    let Visitor { login, person, .. } = &**proven;
    let refuse = |desk: &mut Desk<'_>, problem| ways::refuse(desk, proven, asked, (problem, 400));
    desk.entry.subject = person.id.to_string();
    let party = asked.front.party().ok_or_else(Problem::forbidden)?;
    let browser = asked.browser.as_ref().ok_or_else(Problem::forbidden)?;
    if !login.use_challenge(desk)? {
        return refuse(desk, "This page was used already. Try again.");
    }
    let Ok(name) = super::person::name("a passkey", &form.name) else {
        return refuse(desk, "A passkey has a name of at most 100 bytes.");
    };
    if PasskeyRow::list(desk, person.id)?.len() >= PasskeyRow::MOST {
        return refuse(desk, "That are more passkeys than somebody can have. Remove one first.");
    }
    let challenge = login.challenge(&browser.hash(), CREATE);
    let question = Question { party, challenge: &challenge };
    let made = Made::read(&form.client, &form.attestation);
    let data = made.as_ref().and_then(|made| made.open(question));
    let Some((data, credential)) =
        data.as_ref().and_then(|data| Some((data, data.credential.as_ref()?)))
    else {
        return refuse(desk, "This passkey cannot be used here. Try another device.");
    };
    let Some(id) = PasskeyRow::add(desk, person.id, &name, data, credential)? else {
        return refuse(desk, "This passkey is known already.");
    };
    desk.entry.names = which(&id);
    desk.record(Outcome::Done);
    Ok(ways::again(login.id))
}

/// How the record tells a person's passkeys apart.
fn which(id: &str) -> String {
    id.chars().take(16).collect()
}

/// Removes one, but not the last second factor.
pub(in crate::http) fn remove(
    desk: &mut Desk<'_>,
    proven: &Proven,
    asked: &Asked,
    form: &RemovePasskeyForm,
) -> Result<Page, Problem> {
    let Visitor { login, person, .. } = &**proven;
    desk.entry.subject = person.id.to_string();
    let rows = PasskeyRow::list(desk, person.id)?;
    let Some(row) = rows.iter().find(|row| row.id == form.credential) else {
        desk.record(Outcome::Unchanged);
        return Ok(ways::again(login.id));
    };
    if rows.len() == 1 && person.proof.own.is_none() {
        let problem =
            "This is your only second factor. Add another passkey, or codes, before you remove it.";
        return ways::refuse(desk, proven, asked, (problem, 409));
    }
    let left = WaysIn { passkeys: rows.len() - 1, ..ways::all(desk, asked, person)? };
    if !left.is_any() {
        return ways::refuse(desk, proven, asked, ways::LAST);
    }
    row.remove(desk)?;
    login.doubt_others(desk, person.id)?;
    desk.entry.names = which(&row.id);
    desk.record(Outcome::Done);
    Ok(ways::again(login.id))
}
