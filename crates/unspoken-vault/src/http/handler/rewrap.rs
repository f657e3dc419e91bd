//! A new key for a project. Its values are moved to it in the background.

use std::slice::from_ref;

use unspoken_model::Outcome;
use unspoken_wire::vault::{Nothing, RewrapBody};

use crate::access::Permit;
use crate::db::{Cell, Desk};
use crate::http::answer::Json;
use crate::http::asked::Asked;
use crate::key::Address;
use crate::problem::Problem;

pub(in crate::http) fn begin(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
    _: &Nothing,
) -> Result<Json<RewrapBody>, Problem> {
    let team = permit.place().team;
    let project = permit.place().project.ok_or_else(Problem::internal)?;
    let id = Cell::text(project);
    // Who writes a value is waited for, and writes the next one under the new key.
    let row =
        desk.row("SELECT key_version FROM project WHERE id = $1 FOR UPDATE", from_ref(&id))?;
    let current = row.map(|row| row.number(0)).transpose()?.ok_or_else(Problem::internal)?;
    let old = "SELECT version FROM project_key WHERE project = $1 AND version < $2 LIMIT 1";
    if desk.row(old, &[id.clone(), current.into()])?.is_some() {
        return Err(Problem::conflict("the values are still being moved to the key from before"));
    }
    let kek = asked.kek_for_new(desk)?;
    let address = Address::project(&asked.deployment, &team, &project).wrapped_by(kek);
    let wrapped = asked.new_key(address)?;
    let next = current + 1;
    desk.change(
        "INSERT INTO project_key (project, version, kek, wrapped) VALUES ($1, $2, $3, $4)",
        &[id.clone(), next.into(), kek.into(), wrapped.into()],
    )?;
    desk.change("UPDATE project SET key_version = $2 WHERE id = $1", &[id, next.into()])?;
    desk.entry.revision = next;
    desk.record(Outcome::Done);
    Ok(Json(RewrapBody { key_version: next }))
}
