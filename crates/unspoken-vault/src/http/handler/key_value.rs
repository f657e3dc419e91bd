//! The view that clients of HashiCorp's Vault read: version 2 of its key-value store.

use unspoken_model::{EnvironmentName, ProjectName, Verb};
use unspoken_wire::Page;
use unspoken_wire::vault::{Nothing, Revealed};

use super::secret::reveal_as;
use crate::access::{Caller, Permit};
use crate::db::{Cell, Desk};
use crate::http::answer::{KeyValueHanded, Shape};
use crate::http::asked::Asked;
use crate::problem::Problem;

/// The environment that a path names, of all that the caller's team has.
pub(in crate::http) fn find(
    desk: &mut Desk<'_>,
    caller: Caller,
    asked: &Asked,
) -> Result<Permit, Problem> {
    let text = |place| asked.text(place).unwrap_or_default();
    let project = ProjectName::parse(text("project_name"));
    let environment = EnvironmentName::parse(text("environment_name"));
    let (Ok(project), Ok(environment)) = (project, environment) else {
        return Err(Problem::forbidden());
    };
    let row = desk.row(
        "SELECT e.id FROM environment e JOIN project p ON p.id = e.project \
         WHERE p.team = $1 AND p.name = $2 AND e.name = $3",
        &[Cell::text(caller.team), project.as_str().into(), environment.as_str().into()],
    )?;
    let id = row.ok_or_else(Problem::forbidden)?.parsed(0)?;
    Permit::environment(desk, caller, Verb::Reveal, id)
}

/// Hands it out.
pub(in crate::http) fn read(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
    _: &Nothing,
) -> Result<KeyValueHanded, Problem> {
    reveal_as(desk, permit, asked, Shape::KeyValue).map(KeyValueHanded)
}

/// Prints an environment as such a client expects one secret with many keys.
pub(in crate::http) fn print(revealed: &Revealed) -> Page {
    let mut page = Page::with_capacity(1024);
    page.push("{\"request_id\":\"\",\"lease_id\":\"\",\"renewable\":false,\"lease_duration\":0,\"data\":{\"data\":{");
    let mut before = "";
    for secret in &revealed.secrets {
        page.push(before);
        page.push_json(&secret.name);
        page.push(":");
        page.push_json(secret.value.expose());
        before = ",";
    }
    page.push("},\"metadata\":{\"version\":");
    page.push(&revealed.revision.to_string());
    page.push(",\"destroyed\":false,\"deletion_time\":\"\",\"custom_metadata\":null}},\"wrap_info\":null,\"warnings\":null,\"auth\":null}");
    page
}
