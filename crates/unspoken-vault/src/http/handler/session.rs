//! Sessions: whose token it is, the first one of a person who was invited, and its end.

use unspoken_model::{Outcome, PersonId, TeamId};
use unspoken_seal::{PlainToken, TokenKind};
use unspoken_wire::vault::{Nothing, PlainText, SessionBody, SessionRequest, TokenMade};

use super::token::end;
use crate::access::{Caller, Holder};
use crate::db::{Cell, Desk};
use crate::http::answer::Json;
use crate::http::asked::Asked;
use crate::problem::Problem;

/// How long a session lasts, and how long it may lie unused.
const LIFETIME: i64 = 30 * 86_400_000;
const IDLE: i64 = 7 * 86_400_000;

pub(in crate::http) fn show(
    desk: &mut Desk<'_>,
    caller: &Caller,
    _: &Asked,
    _: &Nothing,
) -> Result<Json<SessionBody>, Problem> {
    let mut body = SessionBody {
        token: caller.token.to_string(),
        kind: caller.kind.as_str().to_owned(),
        name: caller.name.clone(),
        team: caller.team.to_string(),
        expires: caller.expires,
        ..SessionBody::default()
    };
    match &caller.holder {
        Holder::Machine(grant) => {
            body.environments = grant.environments.iter().map(ToString::to_string).collect();
            let names = grant.names.as_ref();
            body.names = names.map(|names| names.iter().map(ToString::to_string).collect());
        }
        Holder::Person { id, .. } | Holder::Invited(id) => {
            body.person = Some(id.to_string());
            let row = desk.row("SELECT email FROM person WHERE id = $1", &[Cell::text(id)])?;
            body.email = row.map(|row| row.text(0).map(str::to_owned)).transpose()?;
        }
    }
    desk.record(Outcome::Done);
    Ok(Json(body))
}

/// Ends the session whose token was shown.
pub(in crate::http) fn end_own(
    desk: &mut Desk<'_>,
    caller: &Caller,
    _: &Asked,
    _: &Nothing,
) -> Result<(), Problem> {
    desk.entry.subject = caller.token.to_string();
    end(desk, caller.token)?;
    desk.record(Outcome::Done);
    Ok(())
}

/// Begins the first session of a person who was invited. The invitation is spent.
pub(in crate::http) fn begin(
    desk: &mut Desk<'_>,
    caller: &Caller,
    _: &Asked,
    body: &SessionRequest,
) -> Result<Json<TokenMade>, Problem> {
    let Holder::Invited(person) = caller.holder else { return Err(Problem::forbidden()) };
    end(desk, caller.token)?;
    let cells = [Cell::text(person)];
    desk.change("UPDATE person SET state = 'active' WHERE id = $1 AND state = 'invited'", &cells)?;
    let made = make(desk, person, caller.team, &body.device)?;
    desk.record(Outcome::Done);
    Ok(Json(made))
}

/// Makes a person's session.
pub(in crate::http) fn make(
    desk: &mut Desk<'_>,
    person: PersonId,
    team: TeamId,
    device: &str,
) -> Result<TokenMade, Problem> {
    let device: String = device.chars().filter(|c| !c.is_control()).take(100).collect();
    let token = PlainToken::random(TokenKind::Cli);
    let now = desk.now();
    let id = Cell::text(token.id());
    desk.change(
        "INSERT INTO token (id, kind, hash, team, person, name, author, made, expires, idle, \
         addresses, names, revoked, touched) \
         VALUES ($1, 'cli', $2, $3, $4, $5, $4, $6, $7, $8, NULL, NULL, NULL, $6)",
        &[
            id.clone(),
            token.auth().hash().as_bytes().to_vec().into(),
            Cell::text(team),
            Cell::text(person),
            device.into(),
            now.into(),
            (now + LIFETIME).into(),
            IDLE.into(),
        ],
    )?;
    desk.change("INSERT INTO token_use (token, used, remaining) VALUES ($1, NULL, NULL)", &[id])?;
    desk.entry.subject = token.id().to_string();
    let text = PlainText::from(token.expose());
    Ok(TokenMade { id: token.id().to_string(), token: text, expires: now + LIFETIME })
}
