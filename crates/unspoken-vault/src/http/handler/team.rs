//! Teams: listed and made.

use unspoken_model::{Outcome, TeamId};
use unspoken_wire::vault::{Nothing, TeamBody, TeamList, TeamRequest};

use crate::access::Caller;
use crate::db::{Cell, Desk};
use crate::hazmat;
use crate::http::answer::Json;
use crate::http::asked::Asked;
use crate::problem::Problem;

/// The teams that the caller belongs to.
pub(in crate::http) fn list(
    desk: &mut Desk<'_>,
    caller: &Caller,
    _: &Asked,
    _: &Nothing,
) -> Result<Json<TeamList>, Problem> {
    let mut teams = Vec::new();
    for team in caller.teams() {
        let row = desk.row("SELECT name FROM team WHERE id = $1", &[Cell::text(team)])?;
        if let Some(row) = row {
            teams.push(TeamBody { id: team.to_string(), name: row.text(0)?.to_owned() });
        }
    }
    teams.sort_by(|one, other| one.name.cmp(&other.name));
    desk.record(Outcome::Done);
    Ok(Json(TeamList { teams }))
}

/// Makes a team. Who owns one may, and owns the new one.
pub(in crate::http) fn make(
    desk: &mut Desk<'_>,
    caller: &Caller,
    _: &Asked,
    body: &TeamRequest,
) -> Result<Json<TeamBody>, Problem> {
    let person = caller.person().ok_or_else(Problem::forbidden)?;
    let name = super::person::name("a team", &body.name)?;
    let id = TeamId::new(hazmat::random());
    desk.change(
        "INSERT INTO team (id, name, made) VALUES ($1, $2, $3)",
        &[Cell::text(id), name.as_str().into(), desk.now().into()],
    )?;
    desk.change(
        "INSERT INTO membership (person, team, project, environment, role) \
         VALUES ($1, $2, '', '', 'owner')",
        &[Cell::text(person), Cell::text(id)],
    )?;
    super::person::touch(desk, person)?;
    desk.entry.team = id.to_string();
    desk.entry.subject = id.to_string();
    desk.record(Outcome::Done);
    Ok(Json(TeamBody { id: id.to_string(), name }))
}
