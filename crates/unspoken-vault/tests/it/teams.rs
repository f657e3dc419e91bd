//! A second team, for what must not pass from one to the other.

use serde_json::json;
use unspoken_testkit::{Ground, Vault};

use crate::raw::Raw;

/// Another team of the same owner, with a project and an environment.
pub(crate) fn second_team(vault: &Vault, ground: &Ground) -> Ground {
    let team = "team_BBBBBBBBBBBB";
    let person = ground.owner.get("/v1/session").ok().text("/person");
    Raw::of(vault).change(&format!(
        "INSERT INTO team (id, name, made) VALUES ('{team}', 'second', 1); \
         INSERT INTO membership (person, team, project, environment, role) \
         VALUES ('{person}', '{team}', '', '', 'owner')"
    ));
    in_team(ground, team, "other")
}

/// A project with an environment in a team.
pub(crate) fn in_team(ground: &Ground, team: &str, project: &str) -> Ground {
    let body = json!({ "name": project });
    let made = ground.owner.post(&format!("/v1/teams/{team}/projects"), &body).ok();
    let ground = Ground { team: team.to_owned(), project: made.text("/id"), ..ground.clone() };
    ground.beside(&format!("{project}-env"))
}
