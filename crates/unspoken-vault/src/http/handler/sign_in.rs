//! Pages by which a person signs in: with a password, or with an invitation. By a provider: see
//! `provider.rs`.
//!
//! Who is not known, has no password, is shut out, or shows a wrong password, code or passkey, reads
//! the same sentence, after the same time.

use askama::Template;
use schemars::JsonSchema;
use serde::Deserialize;
use unspoken_model::{Outcome, PersonId, TokenId};
use unspoken_seal::TokenAuth;
use unspoken_wire::vault::{Nothing, PlainText};

use super::passkey::{self, Ask};
use super::token::end;
use crate::access::{Caller, Holder};
use crate::db::{Cell, Desk};
use crate::federation::Provider;
use crate::http::asked::Asked;
use crate::http::browser::Browser;
use crate::http::page::{Page, SCRIPT, STYLE};
use crate::http::route::Form;
use crate::http::visitor::{Visitor, open_login, over};
use crate::problem::Problem;
use crate::sign_in::{
    Arrival, Door, Email, LoginRow, PasskeyRow, Passwords, PersonRow, SecondFactor, Shown, whence,
};
use crate::wanted::StoredProof;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    style: &'static str,
    script: &'static str,
    /// What passkeys are asked with, where there can be any.
    ask: Option<Ask>,
    login: &'a str,
    seal: &'a str,
    device: &'a str,
    email: &'a str,
    problem: &'a str,
    providers: &'a [ProviderLine],
}

#[derive(Template)]
#[template(path = "invitation.html")]
struct InvitationPage<'a> {
    style: &'static str,
    login: &'a str,
    seal: &'a str,
    problem: &'a str,
    providers: &'a [ProviderLine],
}

/// By whom a person can sign in instead.
pub(super) struct ProviderLine {
    pub(super) id: String,
    pub(super) name: String,
}

/// What a person signs in with.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct SignInForm {
    seal: String,
    email: String,
    password: PlainText,
    #[serde(default)]
    code: PlainText,
    /// A passkey in place of the code; empty for none.
    #[serde(default)]
    credential: String,
    #[serde(default)]
    client: String,
    #[serde(default)]
    authenticator: String,
    #[serde(default)]
    signature: String,
    #[serde(default)]
    user: String,
}

/// What a person shows who was invited, and the password that they chose.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct InvitationForm {
    seal: String,
    invitation: PlainText,
    password: PlainText,
    again: PlainText,
}

/// A form that says nothing but that it was sent.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct EmptyForm {
    seal: String,
}

macro_rules! form {
    ($($form:ty),*) => { $(
        impl Form for $form {
            fn seal(&self) -> &str {
                &self.seal
            }
        }
    )*
        /// Reads bytes as each of them.
        pub(super) fn read_forms(bytes: &[u8]) {
            $(
                if let Ok(form) = serde_urlencoded::from_bytes::<$form>(bytes) {
                    drop(form.seal().to_owned());
                }
            )*
        }
    };
}
pub(super) use form;
form!(SignInForm, InvitationForm, EmptyForm);

impl SignInForm {
    /// The passkey in place of the code.
    fn shown(&self) -> Option<Shown> {
        let Self { credential, client, authenticator, signature, user, .. } = self;
        Shown::read(credential, client, authenticator, signature, user)
    }
}

/// Asks who it is. The browser gets its number with this page, unless it has one.
pub(super) fn ask(
    asked: &Asked,
    login: &LoginRow,
    email: &str,
    problem: &str,
) -> Result<Page, Problem> {
    let page = in_browser(asked, &login.id.to_string(), |id, seal, browser| {
        let (device, ask) = (&login.device, Ask::of(asked, login, browser));
        let (style, script, providers) = (STYLE, SCRIPT, &provider_lines(asked, |_| true));
        Page::new(&SignInPage {
            style,
            script,
            ask,
            login: id,
            seal,
            device,
            email,
            problem,
            providers,
        })
    })?;
    Ok(if asked.front.party().is_some() { page.with_script() } else { page })
}

/// By whom a person can sign in here, of these issuers.
pub(super) fn provider_lines(asked: &Asked, of: impl Fn(&str) -> bool) -> Vec<ProviderLine> {
    let providers = asked.providers().iter().filter(|provider| of(&provider.issuer));
    let line =
        |provider: &Provider| ProviderLine { id: provider.id.clone(), name: provider.name.clone() };
    providers.map(line).collect()
}

/// Makes a page with a form for the browser that asks.
pub(super) fn in_browser(
    asked: &Asked,
    about: &str,
    make: impl FnOnce(&str, &str, &Browser) -> Result<Page, Problem>,
) -> Result<Page, Problem> {
    match &asked.browser {
        Some(browser) => make(about, &browser.seal_of_form(about), browser),
        None => {
            let browser = Browser::random();
            Ok(make(about, &browser.seal_of_form(about), &browser)?.with_browser(browser))
        }
    }
}

pub(in crate::http) fn sign_in(
    desk: &mut Desk<'_>,
    asked: &Asked,
    form: &SignInForm,
) -> Result<Page, Problem> {
    let login = open_login(desk, asked)?;
    let person = match Email::parse(&form.email) {
        Ok(email) => PersonRow::find_by_email(desk, &asked.deployment, &email)?,
        Err(_) => None,
    };
    let nobody = StoredProof::default();
    let proof = person.as_ref().map_or(&nobody, |person| &person.proof);
    // Who is not known is counted as well.
    let known_as: String =
        form.email.trim().chars().take(Email::MAX).collect::<String>().to_ascii_lowercase();
    let (fits, own) = asked.proof(proof, form.password.expose(), &known_as)?;
    let step = own.and_then(|key| {
        let used = person.as_ref().and_then(|person| person.used_step);
        SecondFactor::of_key(&key).step(form.code.expose(), desk.now(), used)
    });
    let nobodys = PersonId::new([0; 16]);
    let id = person.as_ref().map_or(nobodys, |person| person.id);
    let team = PersonRow::team(desk, id)?;
    // The people of the team see who is tried, and with what outcome.
    desk.entry.team = team.map(|team| team.to_string()).unwrap_or_default();
    if person.is_some() {
        desk.entry.subject = id.to_string();
    }
    let has_passkeys = PasskeyRow::any(desk, id)?;
    let shown = match form.shown() {
        Some(shown) => {
            "passkey".clone_into(&mut desk.entry.names);
            // Behind a password that does not fit it is looked at all the same, so that neither time
            // nor the next page tells; but as nobody's, or anybody could use up what it counts.
            let whose = if fits { id } else { nobodys };
            passkey::is_second_factor(desk, asked, &login, &shown, whose)?
        }
        None => false,
    };
    let person = person.filter(|person| {
        let is_alone = person.proof.own.is_none() && !has_passkeys;
        fits && (is_alone || step.is_some() || shown) && person.is_active && team.is_some()
    });
    let Some(person) = person else {
        desk.record(Outcome::Refused);
        let problem = "That did not work. Check the address, the password and, if you have set one up, the code or the passkey.";
        let login = open_login(desk, asked)?;
        return Ok(ask(asked, &login, &form.email, problem)?.with_status(401));
    };
    if let Some(step) = step
        && !PersonRow::use_step(desk, person.id, step)?
    {
        return Err(Problem::forbidden());
    }
    asked.doors.forget(Door::Person, &known_as);
    let_in(desk, &login, (person.id, Arrival::Proven), "")
}

/// Notes who signed in and how, under a new number that nobody else can have chosen.
pub(super) fn let_in(
    desk: &mut Desk<'_>,
    login: &LoginRow,
    (person, arrival): (PersonId, Arrival),
    then: &str,
) -> Result<Page, Problem> {
    let browser = Browser::random();
    if !login.hold(desk, (person, arrival), &browser.hash())? {
        return Err(over());
    }
    desk.entry.actor = person.to_string();
    desk.record(Outcome::Done);
    Ok(Page::go_to(format!("/login/{}{then}", login.id)).with_browser(browser))
}

/// Lets somebody else sign in.
pub(in crate::http) fn sign_out(
    desk: &mut Desk<'_>,
    visitor: &Visitor,
    _: &Asked,
    _: &EmptyForm,
) -> Result<Page, Problem> {
    visitor.login.let_go(desk)?;
    desk.record(Outcome::Done);
    Ok(Page::go_to(format!("/login/{}", visitor.login.id)))
}

pub(in crate::http) fn ask_invitation(
    desk: &mut Desk<'_>,
    asked: &Asked,
    _: &Nothing,
) -> Result<Page, Problem> {
    let login = open_login(desk, asked)?;
    invitation_page(asked, &login, "")
}

pub(super) fn invitation_page(
    asked: &Asked,
    login: &LoginRow,
    problem: &str,
) -> Result<Page, Problem> {
    in_browser(asked, &login.id.to_string(), |id, seal, _| {
        let providers = &provider_lines(asked, |_| true);
        Page::new(&InvitationPage { style: STYLE, login: id, seal, problem, providers })
    })
}

/// Takes an invitation and a password, and signs its person in. The invitation is spent.
pub(in crate::http) fn take_invitation(
    desk: &mut Desk<'_>,
    asked: &Asked,
    form: &InvitationForm,
) -> Result<Page, Problem> {
    let login = open_login(desk, asked)?;
    let wrong =
        |problem: &str, status| Ok(invitation_page(asked, &login, problem)?.with_status(status));
    if !Passwords::allows(form.password.expose()) {
        return wrong("A password has 12 to 1024 characters.", 400);
    }
    if form.password.expose() != form.again.expose() {
        return wrong("The two passwords are not the same.", 400);
    }
    let Some((token, person)) = invited(desk, asked, form)? else {
        return wrong("This is no invitation, or it was used, or its time is over.", 401);
    };
    let password = asked.new_password(form.password.expose())?;
    end(desk, token)?;
    PersonRow::set_password(desk, person, &password)?;
    let cells = [Cell::text(person)];
    desk.change("UPDATE person SET state = 'active' WHERE id = $1 AND state = 'invited'", &cells)?;
    desk.entry.subject = person.to_string();
    let_in(desk, &login, (person, Arrival::Proven), "/second-factor")
}

/// Whose invitation was shown. Where it is none, the try is counted and recorded.
pub(super) fn invited(
    desk: &mut Desk<'_>,
    asked: &Asked,
    form: &InvitationForm,
) -> Result<Option<(TokenId, PersonId)>, Problem> {
    let auth = TokenAuth::parse(form.invitation.expose().trim()).ok();
    if let Some(auth) = &auth {
        desk.entry.token = auth.id().to_string();
    }
    let caller = match Caller::find(desk, auth.as_ref(), asked.address) {
        Ok(caller) => Some(caller),
        Err(problem) if problem.kind.is_refusal() => None,
        Err(problem) => return Err(problem),
    };
    let found = caller.and_then(|caller| match caller.holder {
        Holder::Invited(person) => Some((caller.token, person)),
        _ => None,
    });
    if found.is_none() {
        asked.doors.knock(Door::Address, &whence(asked.address))?;
        desk.record(Outcome::Refused);
    }
    Ok(found)
}
