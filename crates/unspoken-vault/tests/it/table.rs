//! The class: one route forgot the check. Every route, as the program itself describes it, for every
//! kind of caller in every state.
//!
//! What is expected is computed from what a route says that it needs, and from a table of roles that
//! is written down here once more. A new route is covered by that; one that this file cannot judge
//! fails the test.

mod caller;
mod expected;
pub(crate) mod request;

use serde_json::Value;
use unspoken_testkit::{Answer, Ground, Vault};

use crate::raw::Raw;
use crate::teams::{in_team, second_team};
use caller::{Caller, all_callers};
use expected::{Expected, judge};

/// A route, as the program describes it.
pub(crate) struct Route {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) needs: Value,
    pub(crate) operation: Value,
}

/// Where everything happens.
pub(crate) struct World {
    pub(crate) raw: Raw,
    pub(crate) description: Value,
    /// The place that is asked for.
    pub(crate) here: Ground,
    /// Another project of the same team.
    pub(crate) beside: Ground,
    /// Another team's.
    pub(crate) foreign: Ground,
    /// Ids are numbered.
    pub(crate) number: u32,
}

/// The ids of what a request is about, made for it alone.
pub(crate) struct Target {
    pub(crate) environment: String,
    pub(crate) other_environment: String,
    pub(crate) foreign_environment: String,
    pub(crate) token: String,
    pub(crate) person: String,
    pub(crate) trust: String,
}

/// All routes of a program's description.
pub(crate) fn routes(description: &Value) -> Vec<Route> {
    let mut routes = Vec::new();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            routes.push(Route {
                method: method.to_uppercase(),
                path: path.clone(),
                needs: operation["x-needs"].clone(),
                operation: operation.clone(),
            });
        }
    }
    assert!(routes.len() > 15, "these are not all routes");
    routes
}

pub(crate) fn description(vault: &Vault) -> Value {
    let mut command = std::process::Command::new(unspoken_testkit::vault_binary());
    let printed = command.arg("openapi").current_dir(vault.folder()).output().unwrap();
    serde_json::from_slice(&printed.stdout).unwrap()
}

#[test]
fn class_no_route_forgets_the_check() {
    Vault::each(|vault| {
        let mut world = World::new(&vault);
        let mut wrong = Vec::new();
        let mut count = 0;
        for route in routes(&world.description) {
            let mut open = None;
            for caller in all_callers() {
                let target = world.target();
                let token = caller.token(&mut world, &target);
                let answer = request::send(&world, &route, &target, token.as_deref());
                count += 1;
                let expected = judge(&route, caller);
                if let Some(other) =
                    told_by_body(&world, &route, &target, token.as_deref(), expected)
                    && seen(&other) != seen(&answer)
                {
                    let Route { method, path, .. } = &route;
                    wrong
                        .push(format!("{method} {path} by {caller:?}: the body changes {other:?}"));
                }
                if !fits(expected, &answer, caller, &mut open) {
                    let Route { method, path, .. } = &route;
                    wrong.push(format!("{method} {path} by {caller:?}: {answer:?}, {expected:?}"));
                }
            }
            world.mend();
        }
        assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    });
}

/// Whether an answer is what was expected. `open` is what the first caller of an open route got.
fn fits(expected: Expected, answer: &Answer, caller: Caller, open: &mut Option<u16>) -> bool {
    let message: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let message = message["message"].as_str().unwrap_or_default();
    assert!(!message.contains("of the shape"), "the test's own body is wrong: {message}");
    match expected {
        Expected::Unauthorized => answer.status == 401,
        Expected::Forbidden => answer.status == 403,
        Expected::Allowed => answer.status < 500 && ![401, 403, 405].contains(&answer.status),
        // Who has no token gets what everybody gets, or has to wait as everybody has.
        Expected::Open => {
            let first = *open.get_or_insert(answer.status);
            let is_unread = matches!(caller, Caller::Garbage) && answer.status == 401;
            is_unread || answer.status == 429 || answer.status == first && answer.status < 500
        }
    }
}

/// The answer to a body that no route takes, where a caller may learn nothing by it. Where what a
/// caller may depends on what the body names, it has to be read first.
fn told_by_body(
    world: &World,
    route: &Route,
    target: &Target,
    token: Option<&str>,
    expected: Expected,
) -> Option<Answer> {
    match expected {
        Expected::Unauthorized => {}
        Expected::Forbidden if !expected::depends_on_body(route) => {}
        _ => return None,
    }
    let huge = vec![b' '; 1024 * 1024 + 1];
    let bodies: [&[u8]; 4] = [b"{", b"\xff\x00", b"{\"unheard_of\": [[[[1]]]]}", &huge];
    let number = world.number as usize / 3;
    // The largest one now and then: it takes a while.
    let body = if number.is_multiple_of(29) { bodies[3] } else { bodies[number % 3] };
    Some(request::send_body(world, route, target, token, body))
}

/// What of an answer is the same whenever it is given.
fn seen(answer: &Answer) -> (u16, Vec<&(String, String)>, Value) {
    let changing = ["x-request-id", "date", "connection"];
    let mut headers: Vec<_> =
        answer.headers.iter().filter(|(name, _)| !changing.contains(&name.as_str())).collect();
    headers.sort();
    let mut body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if let Some(body) = body.as_object_mut() {
        body.remove("request_id");
    }
    (answer.status, headers, body)
}

impl World {
    fn new(vault: &Vault) -> Self {
        let here = vault.ground();
        let beside = in_team(&here, &here.team, "beside");
        let foreign = second_team(vault, &here);
        let description = description(vault);
        Self { raw: Raw::of(vault), description, here, beside, foreign, number: 0 }
    }

    /// A number that was not there before, as ids have it.
    pub(crate) fn next(&mut self) -> String {
        self.number += 1;
        format!("{:012}", self.number)
    }

    /// Makes what a request is about.
    fn target(&mut self) -> Target {
        let end = self.next();
        let other = self.next();
        let foreign = self.next();
        let (team, project) = (&self.here.team, &self.here.project);
        let (team_f, project_f) = (&self.foreign.team, &self.foreign.project);
        let place = |id: &str, team: &str, project: &str| {
            format!(
                "INSERT INTO environment (id, team, project, name, revision, made) \
                 VALUES ('env_{id}', '{team}', '{project}', 'e{id}', 0, 1); "
            )
        };
        let hash = self.raw.bytes(&[7; 32]);
        self.raw.change(&format!(
            "{}{}{}\
             INSERT INTO person (id, email, name, state, made) \
             VALUES ('per_{end}', 'p{end}@example.invalid', 'P', 'active', 1); \
             INSERT INTO membership (person, team, project, environment, role) \
             VALUES ('per_{end}', '{team}', '', '', 'reader'); \
             INSERT INTO token (id, kind, hash, team, person, name, author, made, expires, touched) \
             VALUES ('tok_{end}', 'agent', {hash}, '{team}', NULL, 't', 'per_{end}', 1, 2, 1); \
             INSERT INTO trust (id, team, name, issuer, audience, claims, environments, lifetime, \
             author, made) VALUES ('trust_{end}', '{team}', 'r{end}', 'https://issuer.invalid', 'a', \
             '{{}}', 'env_{end}', 60, 'per_{end}', 1)",
            place(&end, team, project),
            place(&other, team, project),
            place(&foreign, team_f, project_f),
        ));
        Target {
            environment: format!("env_{end}"),
            other_environment: format!("env_{other}"),
            foreign_environment: format!("env_{foreign}"),
            token: format!("tok_{end}"),
            person: format!("per_{end}"),
            trust: format!("trust_{end}"),
        }
    }

    /// Makes the project anew, if a route has removed it.
    fn mend(&mut self) {
        let project = &self.here.project;
        let count = format!("SELECT COUNT(*) FROM project WHERE id = '{project}'");
        if self.raw.number(&count) == 0 {
            let name = format!("acme-{}", self.number);
            self.here = in_team(&self.here, &self.here.team.clone(), &name);
        }
    }
}
