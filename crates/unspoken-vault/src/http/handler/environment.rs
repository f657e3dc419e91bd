//! Environments: made, changed and removed.

use unspoken_model::{EnvironmentId, EnvironmentName, Outcome};
use unspoken_wire::vault::{EnvironmentBody, EnvironmentChange, EnvironmentRequest, Nothing};

use crate::access::Permit;
use crate::db::{Cell, Desk};
use crate::hazmat;
use crate::http::answer::Json;
use crate::http::asked::Asked;
use crate::problem::Problem;

/// How long a sealed copy may stand in unless somebody says otherwise, and at most.
const OFFLINE: i64 = 24 * 60 * 60;
const OFFLINE_MOST: i64 = 30 * 24 * 60 * 60;

pub(in crate::http) fn make(
    desk: &mut Desk<'_>,
    permit: &Permit,
    _: &Asked,
    body: &EnvironmentRequest,
) -> Result<Json<EnvironmentBody>, Problem> {
    let project = permit.place().project.ok_or_else(Problem::internal)?;
    let name = EnvironmentName::parse(&body.name)
        .map_err(|error| Problem::invalid(format!("the name of the environment: {error}")))?;
    let id = EnvironmentId::new(hazmat::random());
    desk.change(
        "INSERT INTO environment (id, team, project, name, revision, offline, made) \
         VALUES ($1, $2, $3, $4, 0, $6, $5)",
        &[
            Cell::text(id),
            Cell::text(permit.place().team),
            Cell::text(project),
            name.as_str().into(),
            desk.now().into(),
            OFFLINE.into(),
        ],
    )?;
    desk.entry.subject = id.to_string();
    desk.record(Outcome::Done);
    let (id, project) = (id.to_string(), project.to_string());
    let offline_seconds = Some(OFFLINE);
    let name = name.to_string();
    Ok(Json(EnvironmentBody { id, project, name, revision: 0, offline_seconds }))
}

/// Says for how long clients may use a sealed copy of its values. Clients learn it with the next
/// answer.
pub(in crate::http) fn change(
    desk: &mut Desk<'_>,
    permit: &Permit,
    _: &Asked,
    body: &EnvironmentChange,
) -> Result<(), Problem> {
    let row = permit.row()?;
    if !(0..=OFFLINE_MOST).contains(&body.offline_seconds) {
        return Err(Problem::invalid("`offline_seconds` is 0, for never, up to 2592000"));
    }
    let cells = [Cell::text(row.id), body.offline_seconds.into()];
    desk.change("UPDATE environment SET offline = $2 WHERE id = $1", &cells)?;
    desk.entry.revision = row.revision;
    desk.entry.names = format!("offline:{}", body.offline_seconds);
    desk.record(Outcome::Done);
    Ok(())
}

/// Removes an environment, all versions of its values, and what tokens had of it.
pub(in crate::http) fn remove(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
    _: &Nothing,
) -> Result<(), Problem> {
    let row = permit.row()?;
    asked.expect(row.revision)?;
    let id = [Cell::text(row.id)];
    let touched = [id[0].clone(), desk.now().into()];
    // Whoever is just using a token of it is waited for.
    desk.change(
        "UPDATE token SET touched = $2 WHERE id IN \
         (SELECT token FROM token_environment WHERE environment = $1)",
        &touched,
    )?;
    for statement in [
        "DELETE FROM token_environment WHERE environment = $1",
        "DELETE FROM membership WHERE environment = $1",
        "DELETE FROM secret WHERE environment = $1",
        "DELETE FROM secret_version WHERE environment = $1",
        "DELETE FROM environment WHERE id = $1",
    ] {
        desk.change(statement, &id)?;
    }
    desk.entry.revision = row.revision;
    desk.record(Outcome::Done);
    Ok(())
}
