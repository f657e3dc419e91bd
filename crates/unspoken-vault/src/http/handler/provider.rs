//! Pages by which a person signs in with a provider: away, and back.
//!
//! Rules:
//! - A browser leaves by a form of ours, and comes back once: with the number that it was given, by
//!   the path of the provider that it was sent to.
//! - Who was never linked to an account comes in by it in three ways: by an invitation that was shown
//!   here first, after signing in otherwise, or, where they have not come in yet, by an address that
//!   this provider may speak for. An address alone never opens what somebody has used before.
//! - A provider that was not told to ask anew shows nothing but that a browser is open there: who comes
//!   in so changes nothing about how they sign in, until it says that it has asked them.
//! - An account that is nobody's, and one of somebody who is shut out, read the same sentence.

use askama::Template;
use unspoken_model::{Action, Outcome, PersonId};
use unspoken_wire::vault::Nothing;
use zeroize::Zeroizing;

use super::sign_in::{EmptyForm, InvitationForm, ask, invitation_page, invited, let_in};
use crate::db::Desk;
use crate::federation::{Account, Errand, Provider, SignedIn, Vouched};
use crate::http::asked::Asked;
use crate::http::browser::Browser;
use crate::http::page::{Page, STYLE};
use crate::http::visitor::{Visitor, find_open, is_held, open_login};
use crate::problem::Problem;
use crate::sign_in::{
    Arrival, Door, Email, Identity, IdentityRow, LoginRow, PersonRow, Purpose, VisitRow,
    invitation, whence,
};

#[derive(Template)]
#[template(path = "away.html")]
struct AwayPage<'a> {
    style: &'static str,
    title: &'a str,
    url: &'a str,
}

/// What stands in the address by which a browser comes back.
enum Brought {
    Code(Zeroizing<String>),
    /// The provider says no, and why is not repeated.
    Refusal,
}

/// What a browser says once it was sent on by our own page.
const HERE: &str = "here";

/// How long a code of a provider is at most.
const CODE: usize = 4096;

/// Sends a browser to a provider: to sign in; and who has signed in, to be known by it from now on, or
/// where they are, to show once more that it is them.
pub(in crate::http) fn leave(
    desk: &mut Desk<'_>,
    asked: &Asked,
    _: &EmptyForm,
) -> Result<Page, Problem> {
    let login = open_login(desk, asked)?;
    let Visitor { login, person, .. } = match Visitor::of(desk, asked, login)? {
        Ok(visitor) => visitor,
        Err(login) => return send(desk, asked, &login, Purpose::SignIn),
    };
    if is_linked(desk, person.id, provider(asked)?)? {
        return send(desk, asked, &login, Purpose::Prove(person.id));
    }
    if !login.is_proven {
        return Err(Problem::forbidden());
    }
    send(desk, asked, &login, Purpose::Link(person.id))
}

/// The same for who was invited. The invitation is spent when they are back.
pub(in crate::http) fn leave_with_invitation(
    desk: &mut Desk<'_>,
    asked: &Asked,
    form: &InvitationForm,
) -> Result<Page, Problem> {
    let login = open_login(desk, asked)?;
    match invited(desk, asked, form)? {
        Some((token, _)) => send(desk, asked, &login, Purpose::Accept(token)),
        None => {
            let problem = "This is no invitation, or it was used, or its time is over.";
            Ok(invitation_page(asked, &login, problem)?.with_status(401))
        }
    }
}

/// The provider of the path.
fn provider(asked: &Asked) -> Result<&Provider, Problem> {
    let provider = asked.text("provider").and_then(|id| asked.providers().find(id));
    provider.map(AsRef::as_ref).ok_or_else(|| Problem::missing("there is no such provider"))
}

fn send(
    desk: &mut Desk<'_>,
    asked: &Asked,
    login: &LoginRow,
    purpose: Purpose,
) -> Result<Page, Problem> {
    let provider = provider(asked)?;
    let browser = asked.browser.as_ref().ok_or_else(Problem::forbidden)?;
    let endpoints = asked.endpoints(provider)?;
    asked.doors.knock(Door::Begin, &whence(asked.address))?;
    asked.doors.knock(Door::Anywhere, "provider")?;
    let state = Browser::random().derive("state", "");
    let errand = errand(asked, provider.id.as_str(), browser, state, (purpose, desk.now()))?;
    VisitRow::begin(desk, login.id, (&provider.id, &errand.state, &browser.hash()), purpose)?;
    let url = errand.address(&endpoints);
    away(&format!("On to {}", provider.name), &url.ok_or_else(Problem::internal)?)
}

/// A page that leads on by itself. The policy of our forms would have to name every place that a
/// provider leads to in turn.
fn away(title: &str, url: &str) -> Result<Page, Problem> {
    Page::new(&AwayPage { style: STYLE, title, url })
}

fn errand(
    asked: &Asked,
    provider: &str,
    browser: &Browser,
    state: Zeroizing<String>,
    (purpose, begun): (Purpose, i64),
) -> Result<Errand, Problem> {
    let provider = asked.providers().find(provider).ok_or_else(Problem::forbidden)?;
    Ok(Errand {
        provider: provider.clone(),
        verifier: browser.derive("verifier", &state),
        nonce: browser.derive("nonce", &state),
        redirect: asked.front.page(&format!("/oidc/{}/callback", provider.id)),
        // Whoever is to be known by an account, or to change something by it, shows that it is theirs,
        // and not one that happens to be open in this browser.
        since: (purpose != Purpose::SignIn).then_some(begun / 1000),
        state,
    })
}

/// Takes a browser back.
pub(in crate::http) fn come_back(
    desk: &mut Desk<'_>,
    asked: &Asked,
    _: &Nothing,
) -> Result<Page, Problem> {
    let Some(browser) = asked.browser.as_ref() else { return again(asked) };
    let over = || Problem::missing("this sign-in is over");
    let state: Zeroizing<String> = asked.query("state")?.map(Zeroizing::new).ok_or_else(over)?;
    let visit = VisitRow::find(desk, &state)?.ok_or_else(over)?;
    desk.entry.subject = visit.login.to_string();
    if !visit.is_of(&browser.hash()) || asked.text("provider") != Some(&visit.provider) {
        return Err(Problem::forbidden());
    }
    let login = find_open(desk, asked, visit.login)?;
    let errand = errand(asked, &visit.provider, browser, state, (visit.purpose, visit.begun))?;
    let (provider, brought) = (errand.provider.clone(), brought(asked, &errand.provider)?);
    desk.entry.names.clone_from(&provider.id);
    let outcome = match brought {
        Brought::Code(code) => asked.vouched(errand, &code)?,
        Brought::Refusal => Vouched::Refused,
    };
    if !visit.end(desk)? {
        return Err(over());
    }
    let person = match &outcome {
        Vouched::For(account) => admit(desk, asked, &provider, account, &visit)?,
        Vouched::Refused | Vouched::Unreachable => None,
    };
    match person {
        Some(person) => {
            let (arrival, then) = arrival(visit.purpose);
            let_in(desk, &login, (person, arrival), then)
        }
        None => {
            // The page asks who it is: nobody is signed in behind it.
            login.let_go(desk)?;
            desk.record(Outcome::Refused);
            let problem = refusal(&provider.name, &outcome, visit.purpose);
            Ok(ask(asked, &login, "", &problem)?.with_status(401))
        }
    }
}

/// What was shown by a way back that led in, and where it goes on.
fn arrival(purpose: Purpose) -> (Arrival, &'static str) {
    match purpose {
        Purpose::SignIn => (Arrival::Silent, ""),
        // The invitation was shown here.
        Purpose::Accept(_) => (Arrival::Proven, ""),
        // That was proven before, or is by now.
        Purpose::Link(_) | Purpose::Prove(_) => (Arrival::Proven, "/ways"),
    }
}

/// Whether what a provider says of the time is enough. One that says nothing of it can make a person
/// known, who has shown here that it is them; it cannot stand for that.
fn is_recent(account: &Account, purpose: Purpose) -> bool {
    match purpose {
        Purpose::SignIn => true,
        Purpose::Link(_) | Purpose::Accept(_) => account.signed_in != SignedIn::Otherwise,
        Purpose::Prove(_) => account.signed_in == SignedIn::Anew,
    }
}

fn refusal(name: &str, outcome: &Vouched, purpose: Purpose) -> String {
    match outcome {
        Vouched::For(account) if !is_recent(account, purpose) => format!(
            "{name} did not say that you have just signed in there, so nothing was changed. If you have a password \
             or a passkey, sign in with that to change how you sign in."
        ),
        Vouched::For(_) => format!(
            "Your account at {name} does not open this vault. If you were invited, use your invitation; if you \
             have a password, sign in with it, and link the account then."
        ),
        Vouched::Refused => format!("{name} did not say who you are."),
        Vouched::Unreachable => format!("{name} cannot be asked now. Try again in a moment."),
    }
}

/// A browser that was sent here from elsewhere does not say which it is. Our own page sends it once
/// more, and then it does.
fn again(asked: &Asked) -> Result<Page, Problem> {
    if asked.query.iter().flatten().any(|(name, _)| name == HERE) {
        return Err(Problem::forbidden());
    }
    let provider = provider(asked)?;
    let here = (HERE.to_owned(), "1".to_owned());
    let query: Vec<_> = asked.query.iter().flatten().chain([&here]).collect();
    let query = serde_urlencoded::to_string(query);
    let query = query.map_err(|_| Problem::internal())?;
    away("Back at the vault", &format!("/oidc/{}/callback?{query}", provider.id))
}

/// Reads what a browser brings, if it comes from who it was sent to.
fn brought(asked: &Asked, provider: &Provider) -> Result<Brought, Problem> {
    let issuer: Option<String> = asked.query("iss")?;
    let names_itself = asked.endpoints(provider)?.names_itself;
    match issuer {
        Some(issuer) if issuer != provider.issuer => return Err(Problem::forbidden()),
        None if names_itself => return Err(Problem::forbidden()),
        _ => {}
    }
    let code: Option<String> = asked.query("code")?;
    let refusal: Option<String> = asked.query("error")?;
    match (code.map(Zeroizing::new), refusal) {
        (Some(code), None) if (1..=CODE).contains(&code.len()) => Ok(Brought::Code(code)),
        (None, Some(_)) => Ok(Brought::Refusal),
        _ => Err(Problem::invalid("what is brought back is a code, or why there is none")),
    }
}

/// Who comes in by an account. `None` for nobody.
fn admit(
    desk: &mut Desk<'_>,
    asked: &Asked,
    provider: &Provider,
    account: &Account,
    visit: &VisitRow,
) -> Result<Option<PersonId>, Problem> {
    let own = match visit.purpose {
        Purpose::Link(person) | Purpose::Prove(person) => Some(person),
        Purpose::SignIn | Purpose::Accept(_) => None,
    };
    if let Some(person) = own {
        PersonRow::lock(desk, person)?;
    }
    // Whoever was waited for may have removed the account, or by what the person came in, or ended
    // this login.
    let login = &find_open(desk, asked, visit.login)?;
    if let Some(person) = own {
        about(desk, person)?;
    }
    if !is_recent(account, visit.purpose) {
        return Ok(None);
    }
    let is_still = |person| login.person == Some(person) && is_held(asked, login);
    let identity = Identity { issuer: &provider.issuer, subject: &account.subject };
    let known = identity.find(desk)?;
    let meant = match visit.purpose {
        Purpose::SignIn => match (known, &account.email) {
            (Some(person), _) => Some(person),
            (None, Some(email)) if provider.speaks_for(email) => newcomer(desk, email)?,
            (None, _) => None,
        },
        // Who has signed in is still the same.
        Purpose::Link(person) => Some(person).filter(|_| is_still(person) && login.is_proven),
        Purpose::Prove(person) => Some(person).filter(|_| is_still(person) && known.is_some()),
        Purpose::Accept(token) => invitation::find(desk, token)?,
    };
    let Some(id) = meant.filter(|id| known.is_none_or(|known| known == *id)) else {
        return Ok(None);
    };
    let has_signed_in = matches!(visit.purpose, Purpose::Link(_));
    // One account of an issuer for each person: nothing would tell them apart.
    if has_signed_in && known.is_none() && is_linked(desk, id, provider)? {
        return Ok(None);
    }
    if !about(desk, id)? {
        return Ok(None);
    }
    if matches!(visit.purpose, Purpose::Accept(_)) || known.is_none() && !has_signed_in {
        invitation::spend(desk, id)?;
    }
    let person = PersonRow::find(desk, &asked.deployment, id)?.filter(|person| person.is_active);
    if person.is_none() {
        return Ok(None);
    }
    if known.is_none() {
        identity.link(desk, id)?;
        desk.entry.action = Action::PersonIdentity;
        desk.entry.actor = id.to_string();
        desk.record(Outcome::Done);
        desk.entry.action = Action::LoginSignIn;
    }
    let is_there = has_signed_in || identity.note(desk)?;
    Ok(Some(id).filter(|_| is_there))
}

/// Whether a person is known by an account at this provider.
fn is_linked(desk: &mut Desk<'_>, person: PersonId, provider: &Provider) -> Result<bool, Problem> {
    let accounts = IdentityRow::list(desk, person)?;
    Ok(accounts.iter().any(|row| row.issuer == provider.issuer))
}

/// Notes whom it is about, so that the people of their team see who is tried, and with what outcome.
/// `false` for who has no team.
fn about(desk: &mut Desk<'_>, person: PersonId) -> Result<bool, Problem> {
    let team = PersonRow::team(desk, person)?;
    desk.entry.team = team.map(|team| team.to_string()).unwrap_or_default();
    desk.entry.subject = person.to_string();
    Ok(team.is_some())
}

/// Who has this address, was invited once, and can still come in by that. Who was invited again has
/// come in before, or was let begin anew: an address alone does not open them. Whoever comes in at the
/// same time is waited for.
fn newcomer(desk: &mut Desk<'_>, email: &Email) -> Result<Option<PersonId>, Problem> {
    let row = desk.row(
        "SELECT id FROM person WHERE email = $1 AND state = 'invited' \
         AND (SELECT COUNT(*) FROM token t WHERE t.person = person.id AND t.kind = 'admin') = 1 \
         AND EXISTS (SELECT 1 FROM token t WHERE t.person = person.id AND t.kind = 'admin' \
         AND t.revoked IS NULL AND t.expires > $2) FOR UPDATE",
        &[email.as_str().into(), desk.now().into()],
    )?;
    Ok(row.map(|row| row.parsed(0)).transpose()?)
}
