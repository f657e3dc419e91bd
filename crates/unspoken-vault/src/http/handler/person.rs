//! People in a team: listed, invited, given roles, suspended.
//!
//! Rules:
//! - Nobody gives or takes a role that is above their own in the team.
//! - What concerns a person as a whole is done by who governs all that this person is, in every team:
//!   otherwise a team could take another team's owner over.
//! - A team keeps an owner who can act.
//! - Every change touches all tokens of the person, so that whatever they are just doing is waited for.

use unspoken_model::{Action, Outcome, PersonId, ProjectId, Role, TeamId};
use unspoken_wire::vault::{
    Nothing, PersonBody, PersonInvited, PersonList, PersonRequest, PlainText, RoleBody, RoleChange,
};

use crate::access::{Caller, Permit, Place};
use crate::db::{Cell, Desk, SqlError};
use crate::hazmat;
use crate::http::answer::Json;
use crate::http::asked::Asked;
use crate::problem::Problem;
use crate::sign_in::{Email, invitation};

pub(in crate::http) fn list(
    desk: &mut Desk<'_>,
    permit: &Permit,
    _: &Asked,
    _: &Nothing,
) -> Result<Json<PersonList>, Problem> {
    let rows = desk.rows(
        "SELECT p.id, p.email, p.name, p.state, m.role, m.project, m.environment \
         FROM membership m JOIN person p ON p.id = m.person WHERE m.team = $1 \
         ORDER BY p.email, m.project, m.environment",
        &[Cell::text(permit.place().team)],
    )?;
    let mut people: Vec<PersonBody> = Vec::new();
    for row in rows {
        let id = row.text(0)?;
        let part =
            |at| row.text(at).map(|text| Some(text.to_owned()).filter(|text| !text.is_empty()));
        let role =
            RoleBody { role: row.text(4)?.to_owned(), project: part(5)?, environment: part(6)? };
        match people.last_mut().filter(|last| last.id == id) {
            Some(person) => person.roles.push(role),
            None => people.push(PersonBody {
                id: id.to_owned(),
                email: row.text(1)?.to_owned(),
                name: row.text(2)?.to_owned(),
                state: row.text(3)?.to_owned(),
                roles: vec![role],
            }),
        }
    }
    desk.record(Outcome::Done);
    Ok(Json(PersonList { people }))
}

/// Has a person join. Who is known already does so at once; who is not gets an invitation.
pub(in crate::http) fn invite(
    desk: &mut Desk<'_>,
    permit: &Permit,
    _: &Asked,
    body: &PersonRequest,
) -> Result<Json<PersonInvited>, Problem> {
    let team = permit.place().team;
    let email = Email::parse(&body.email).map_err(|error| Problem::invalid(error.to_string()))?;
    let name = name("a person", &body.name)?;
    let role = role(&body.role)?;
    let place = place(desk, team, body.project.as_deref(), body.environment.as_deref())?;
    govern(permit.caller(), team, role)?;
    fit(role, &place)?;
    let known = desk.row("SELECT id FROM person WHERE email = $1", &[email.as_str().into()])?;
    let (person, is_new) = match known {
        Some(row) => (row.parsed(0)?, false),
        None => (PersonId::new(hazmat::random()), true),
    };
    keep_for_inviter(desk, permit.caller(), person)?;
    if is_new {
        desk.change(
            "INSERT INTO person (id, email, name, state, made) VALUES ($1, $2, $3, 'invited', $4)",
            &[Cell::text(person), email.as_str().into(), name.into(), desk.now().into()],
        )?;
    }
    give(desk, person, &place, role).map_err(|problem| match problem {
        SqlError::Twice => Problem::conflict("this person has a role there already"),
        other => other.into(),
    })?;
    touch(desk, person)?;
    let author = permit.caller().actor();
    let made = is_new.then(|| invitation::make(desk, person, team, &author)).transpose()?;
    note(desk, person, Some(role), &place);
    desk.record(Outcome::Done);
    let (token, expires) = made.unzip();
    let token = token.map(|token| PlainText::from(token.expose()));
    Ok(Json(PersonInvited { id: person.to_string(), token, expires }))
}

/// Lets a person begin anew who lost their way in: with an invitation, and without the password,
/// the second factor and the sessions there were.
pub(in crate::http) fn invite_again(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
    _: &Nothing,
) -> Result<Json<PersonInvited>, Problem> {
    let person = whole(desk, permit, asked)?;
    keep_owners(desk, person, None)?;
    let (team, author) = (permit.place().team, permit.caller().actor());
    let (token, expires) = invitation::begin_anew(desk, person, team, &author)?;
    let token = Some(PlainText::from(token.expose()));
    desk.record(Outcome::Done);
    Ok(Json(PersonInvited { id: person.to_string(), token, expires: Some(expires) }))
}

/// Gives a role at one place, or takes it away.
pub(in crate::http) fn change_role(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
    body: &RoleChange,
) -> Result<(), Problem> {
    let team = permit.place().team;
    let person = member(desk, permit, asked)?;
    let place = place(desk, team, body.project.as_deref(), body.environment.as_deref())?;
    let new = body.role.as_deref().map(role).transpose()?;
    let cells = place_cells(person, &place);
    let row = desk.row(
        "SELECT role FROM membership WHERE person = $1 AND team = $2 AND project = $3 AND environment = $4",
        &cells,
    )?;
    let old: Option<Role> = row.map(|row| row.parsed(0)).transpose()?;
    for role in old.into_iter().chain(new) {
        govern(permit.caller(), team, role)?;
    }
    if old == Some(Role::Owner) && new != old && place.project.is_none() {
        keep_owners(desk, person, Some(team))?;
    }
    desk.change(
        "DELETE FROM membership WHERE person = $1 AND team = $2 AND project = $3 AND environment = $4",
        &cells,
    )?;
    if let Some(role) = new {
        fit(role, &place)?;
        keep_for_inviter(desk, permit.caller(), person)?;
        give(desk, person, &place, role)?;
    } else {
        desk.entry.action = Action::RoleTake;
    }
    touch(desk, person)?;
    note(desk, person, new.or(old), &place);
    desk.record(Outcome::Done);
    Ok(())
}

/// Shuts a person out. All sessions and invitations end.
pub(in crate::http) fn suspend(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
    _: &Nothing,
) -> Result<(), Problem> {
    let person = whole(desk, permit, asked)?;
    keep_owners(desk, person, None)?;
    desk.change("UPDATE person SET state = 'suspended' WHERE id = $1", &[Cell::text(person)])?;
    invitation::end_sessions(desk, person)?;
    desk.record(Outcome::Done);
    Ok(())
}

/// Lets a person who was shut out sign in again.
pub(in crate::http) fn resume(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
    _: &Nothing,
) -> Result<(), Problem> {
    let person = whole(desk, permit, asked)?;
    let cells = [Cell::text(person)];
    desk.change(
        "UPDATE person SET state = 'active' WHERE id = $1 AND state = 'suspended'",
        &cells,
    )?;
    touch(desk, person)?;
    desk.record(Outcome::Done);
    Ok(())
}

/// A name as people write it.
pub(super) fn name(whose: &str, text: &str) -> Result<String, Problem> {
    let text = text.trim();
    let is_good = !text.is_empty() && text.len() <= 100 && !text.chars().any(char::is_control);
    if !is_good {
        return Err(Problem::invalid(format!("{whose} has a name of at most 100 bytes")));
    }
    Ok(text.to_owned())
}

/// Has everybody wait who is just using a token of this person.
pub(super) fn touch(desk: &mut Desk<'_>, person: PersonId) -> Result<(), SqlError> {
    let cells = [Cell::text(person), desk.now().into()];
    desk.change("UPDATE token SET touched = $2 WHERE person = $1", &cells)?;
    Ok(())
}

fn role(text: &str) -> Result<Role, Problem> {
    text.parse().map_err(|error: unspoken_model::RoleError| Problem::invalid(error.to_string()))
}

/// Refuses what lies above the caller in the team.
fn govern(caller: &Caller, team: TeamId, role: Role) -> Result<(), Problem> {
    let own = caller.role(&Place::team(team));
    if own.is_some_and(|own| own.governs(role)) { Ok(()) } else { Err(Problem::forbidden()) }
}

/// Refuses an owner of less than a team.
fn fit(role: Role, place: &Place) -> Result<(), Problem> {
    if role == Role::Owner && place.project.is_some() {
        return Err(Problem::invalid("an owner owns a whole team"));
    }
    Ok(())
}

/// Refuses to give more to a person who has not come in yet, but by who invited them: whoever holds
/// an invitation could come in as that person, and would have it.
fn keep_for_inviter(desk: &mut Desk<'_>, caller: &Caller, person: PersonId) -> Result<(), Problem> {
    let other = desk.row(
        "SELECT id FROM token WHERE person = $1 AND kind = 'admin' AND revoked IS NULL \
         AND expires > $2 AND author <> $3 LIMIT 1",
        &[Cell::text(person), desk.now().into(), caller.actor().into()],
    )?;
    match other {
        Some(_) => Err(Problem::conflict(
            "this person was invited by somebody else and has not come in yet",
        )),
        None => Ok(()),
    }
}

/// The person of the path, who is something in the team of the path.
fn member(desk: &mut Desk<'_>, permit: &Permit, asked: &Asked) -> Result<PersonId, Problem> {
    let person: PersonId = asked.id("person")?;
    desk.entry.subject = person.to_string();
    // Whoever changes the same team's people is waited for, so that two cannot each take the other away.
    let team = Cell::text(permit.place().team);
    desk.row("SELECT id FROM team WHERE id = $1 FOR UPDATE", std::slice::from_ref(&team))?;
    let row = desk.row(
        "SELECT person FROM membership WHERE person = $1 AND team = $2 LIMIT 1",
        &[Cell::text(person), team],
    )?;
    row.map(|_| person).ok_or_else(Problem::forbidden)
}

/// The person of the path, if the caller governs all that this person is.
fn whole(desk: &mut Desk<'_>, permit: &Permit, asked: &Asked) -> Result<PersonId, Problem> {
    let person = member(desk, permit, asked)?;
    let rows =
        desk.rows("SELECT team, role FROM membership WHERE person = $1", &[Cell::text(person)])?;
    for row in rows {
        let (team, role) = (row.parsed::<TeamId>(0)?, row.parsed::<Role>(1)?);
        let governed = govern(permit.caller(), team, role);
        if governed.is_err() && team != permit.place().team {
            return Err(Problem::conflict(
                "this person belongs to a team that is not yours as well: take their roles in yours away",
            ));
        }
        governed?;
    }
    Ok(person)
}

/// Refuses to leave a team of theirs, or the one that is meant, without an owner who can act.
fn keep_owners(desk: &mut Desk<'_>, person: PersonId, team: Option<TeamId>) -> Result<(), Problem> {
    let rows = desk.rows(
        "SELECT t.id FROM team t WHERE t.id IN (SELECT team FROM membership \
         WHERE person = $1 AND project = '' AND environment = '' AND role = 'owner') \
         ORDER BY t.id FOR UPDATE",
        &[Cell::text(person)],
    )?;
    for row in rows {
        let owned: TeamId = row.parsed(0)?;
        if team.is_some_and(|team| team != owned) {
            continue;
        }
        let other = desk.row(
            "SELECT m.person FROM membership m JOIN person p ON p.id = m.person \
             WHERE m.team = $1 AND m.project = '' AND m.environment = '' AND m.role = 'owner' \
             AND m.person <> $2 AND p.state = 'active' LIMIT 1",
            &[Cell::text(owned), Cell::text(person)],
        )?;
        if other.is_none() {
            return Err(Problem::conflict(
                "a team keeps an owner who can sign in: this is the last one",
            ));
        }
    }
    Ok(())
}

/// The place that a role is for: it has to lie in the team.
fn place(
    desk: &mut Desk<'_>,
    team: TeamId,
    project: Option<&str>,
    environment: Option<&str>,
) -> Result<Place, Problem> {
    let place = match (project, environment) {
        (None, None) => Place::team(team),
        (project, Some(environment)) => {
            let id = environment.parse().map_err(|_| Problem::forbidden())?;
            let row = desk.environment(id)?.ok_or_else(Problem::forbidden)?;
            if project.is_some_and(|project| project != row.project.to_string()) {
                return Err(Problem::forbidden());
            }
            Place::environment(&row)
        }
        (Some(project), None) => {
            let id: ProjectId = project.parse().map_err(|_| Problem::forbidden())?;
            let row = desk.row("SELECT team FROM project WHERE id = $1", &[Cell::text(id)])?;
            Place::project(row.ok_or_else(Problem::forbidden)?.parsed(0)?, id)
        }
    };
    if place.team == team { Ok(place) } else { Err(Problem::forbidden()) }
}

fn place_cells(person: PersonId, place: &Place) -> [Cell; 4] {
    let part = |id: Option<String>| Cell::Text(id.unwrap_or_default());
    [
        Cell::text(person),
        Cell::text(place.team),
        part(place.project.map(|id| id.to_string())),
        part(place.environment.map(|id| id.to_string())),
    ]
}

fn give(desk: &mut Desk<'_>, person: PersonId, place: &Place, role: Role) -> Result<(), SqlError> {
    let [person, team, project, environment] = place_cells(person, place);
    desk.change(
        "INSERT INTO membership (person, team, project, environment, role) VALUES ($1, $2, $3, $4, $5)",
        &[person, team, project, environment, role.as_str().into()],
    )?;
    Ok(())
}

/// Says in the record whom it is about, as what, and where.
fn note(desk: &mut Desk<'_>, person: PersonId, role: Option<Role>, place: &Place) {
    desk.entry.subject = person.to_string();
    let reach = match (place.project, place.environment) {
        (_, Some(id)) => id.to_string(),
        (Some(id), None) => id.to_string(),
        (None, None) => String::new(),
    };
    let words = role.map(|role| role.to_string()).into_iter().chain(Some(reach));
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    desk.entry.names = words.join(" ");
}
