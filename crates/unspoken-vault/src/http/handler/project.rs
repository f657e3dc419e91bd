//! Projects: listed, made, changed.

use std::collections::BTreeMap;

use unspoken_model::{EnvironmentId, Outcome, ProjectId, ProjectName, Verb};
use unspoken_wire::vault::{
    EnvironmentBody, Nothing, ProjectBody, ProjectChange, ProjectList, ProjectRequest,
};

use crate::access::{Caller, Permit, Place};
use crate::db::{Cell, Desk};
use crate::http::answer::Json;
use crate::http::asked::Asked;
use crate::key::Address;
use crate::problem::Problem;

/// What the caller may see: projects, each with its environments.
pub(in crate::http) fn list(
    desk: &mut Desk<'_>,
    caller: &Caller,
    asked: &Asked,
    _: &Nothing,
) -> Result<Json<ProjectList>, Problem> {
    asked.allow_queries(&["remote", "name"])?;
    let (remote, name) = (asked.query::<String>("remote")?, asked.query::<String>("name")?);
    let mut found: BTreeMap<(String, ProjectId), ProjectBody> = BTreeMap::new();
    for team in caller.teams() {
        let rows = desk.rows(
            "SELECT p.id, p.name, p.remotes, e.id, e.name, e.revision, e.offline FROM project p \
             LEFT JOIN environment e ON e.project = p.id WHERE p.team = $1 ORDER BY p.id, e.name",
            &[Cell::text(team)],
        )?;
        for row in rows {
            let project: ProjectId = row.parsed(0)?;
            let remotes: Vec<String> = row.text(2)?.lines().map(str::to_owned).collect();
            let is_asked = remote.as_ref().is_none_or(|remote| remotes.contains(remote))
                && name.as_deref().is_none_or(|name| row.text(1).is_ok_and(|found| found == name));
            let environment: Option<EnvironmentId> = row.maybe_parsed(3)?;
            let place = Place { team, project: Some(project), environment };
            if !is_asked || !caller.may(Verb::List, &place) {
                continue;
            }
            let key = (row.text(1)?.to_owned(), project);
            let body = found.entry(key).or_insert(ProjectBody {
                id: project.to_string(),
                team: team.to_string(),
                name: row.text(1)?.to_owned(),
                remotes,
                environments: Vec::new(),
            });
            if let Some(environment) = environment {
                body.environments.push(EnvironmentBody {
                    id: environment.to_string(),
                    project: project.to_string(),
                    name: row.text(4)?.to_owned(),
                    revision: row.number(5)?,
                    offline_seconds: Some(row.number(6)?),
                });
            }
        }
    }
    desk.record(Outcome::Done);
    Ok(Json(ProjectList { projects: found.into_values().collect() }))
}

pub(in crate::http) fn make(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
    body: &ProjectRequest,
) -> Result<Json<ProjectBody>, Problem> {
    let team = permit.place().team;
    let name = parse(&body.name)?;
    let remotes = remotes(&body.remotes)?;
    let id = ProjectId::new(asked.fresh);
    let kek = asked.kek_for_new(desk)?;
    let address = Address::project(&asked.deployment, &team, &id).wrapped_by(kek);
    let wrapped = asked.new_key(address)?;
    desk.change(
        "INSERT INTO project (id, team, name, remotes, key_version, made) VALUES ($1, $2, $3, $4, 1, $5)",
        &[
            Cell::text(id),
            Cell::text(team),
            name.as_str().into(),
            remotes.join("\n").into(),
            desk.now().into(),
        ],
    )?;
    desk.change(
        "INSERT INTO project_key (project, version, kek, wrapped) VALUES ($1, 1, $2, $3)",
        &[Cell::text(id), kek.into(), wrapped.into()],
    )?;
    desk.entry.subject = id.to_string();
    desk.record(Outcome::Done);
    Ok(Json(ProjectBody {
        id: id.to_string(),
        team: team.to_string(),
        name: name.to_string(),
        remotes,
        environments: Vec::new(),
    }))
}

pub(in crate::http) fn change(
    desk: &mut Desk<'_>,
    permit: &Permit,
    _: &Asked,
    body: &ProjectChange,
) -> Result<(), Problem> {
    let id = Cell::text(permit.place().project.ok_or_else(Problem::internal)?);
    if let Some(name) = &body.name {
        let name = parse(name)?;
        let cells = [id.clone(), name.as_str().into()];
        desk.change("UPDATE project SET name = $2 WHERE id = $1", &cells)?;
    }
    if let Some(list) = &body.remotes {
        let cells = [id, remotes(list)?.join("\n").into()];
        desk.change("UPDATE project SET remotes = $2 WHERE id = $1", &cells)?;
    }
    desk.record(Outcome::Done);
    Ok(())
}

fn parse(name: &str) -> Result<ProjectName, Problem> {
    ProjectName::parse(name)
        .map_err(|error| Problem::invalid(format!("the name of the project: {error}")))
}

/// How many remotes a project has, and how long one is.
const REMOTES: usize = 16;
const REMOTE: usize = 512;

fn remotes(list: &[String]) -> Result<Vec<String>, Problem> {
    let is_good = |remote: &String| {
        !remote.is_empty()
            && remote.len() <= REMOTE
            && remote.bytes().all(|byte| byte.is_ascii_graphic())
    };
    if list.len() > REMOTES || !list.iter().all(is_good) {
        return Err(Problem::invalid(format!(
            "a project has at most {REMOTES} remotes of at most {REMOTE} characters without spaces"
        )));
    }
    Ok(list.to_vec())
}
