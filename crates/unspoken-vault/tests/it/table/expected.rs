//! What each caller ought to get, from the words of a route and the table of roles.

use serde_json::Value;

use super::Route;
use super::caller::{Caller, Reach, Role, State};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Expected {
    Unauthorized,
    Forbidden,
    /// Whatever comes of it, it is not refused.
    Allowed,
    /// The same for everybody.
    Open,
}

/// What routes need that ask for a token alone, and settle the rest by themselves: where a caller
/// has to have which right, or what the caller has to be.
const SETTLED: &[(&str, &str, &str, &str)] = &[
    ("GET", "/v1/session", "anywhere", "anything"),
    ("DELETE", "/v1/session", "anywhere", "anything"),
    ("GET", "/v1/projects", "anywhere", "anything"),
    ("GET", "/v1/teams", "anywhere", "anything"),
    ("POST", "/v1/teams", "anywhere", "owns a team"),
    ("PUT", "/v1/session/password", "anywhere", "is a person"),
    ("POST", "/v1/journal", "environment", "reveal"),
    ("POST", "/v1/teams/{team}/tokens", "environment", "delegate"),
    ("GET", "/v1/kv/data/{project_name}/{environment_name}", "environment", "reveal"),
];

/// What each role may do.
const ROLES: &[(Role, &[&str])] = &[
    (Role::Reader, &["list", "reveal"]),
    (Role::Developer, &["list", "reveal", "write", "delegate"]),
    (Role::Admin, &["list", "reveal", "write", "delegate", "arrange", "govern", "audit"]),
    (Role::Owner, &["list", "reveal", "write", "delegate", "arrange", "govern", "audit"]),
];

/// Whether what is refused depends on what the body names.
pub(crate) fn depends_on_body(route: &Route) -> bool {
    let known =
        SETTLED.iter().find(|(method, path, ..)| *method == route.method && *path == route.path);
    known.is_some_and(|(method, _, place, _)| *place == "environment" && *method != "GET")
}

/// Says what a caller of a route gets.
pub(crate) fn judge(route: &Route, caller: Caller) -> Expected {
    if route.needs == "nothing" {
        return Expected::Open;
    }
    let state = match caller {
        Caller::Nobody | Caller::Garbage | Caller::Unknown | Caller::WrongSecret => {
            return Expected::Unauthorized;
        }
        Caller::Agent(_, state) | Caller::Person(_, _, state) | Caller::Invited(state) => state,
    };
    if state != State::Active {
        return Expected::Unauthorized;
    }
    let is_invited = matches!(caller, Caller::Invited(_));
    let allowed = match &route.needs {
        Value::String(word) if word == "invitation" => is_invited,
        _ if is_invited => false,
        Value::String(word) if word == "token" => {
            let known = SETTLED
                .iter()
                .find(|(method, path, ..)| *method == route.method && *path == route.path);
            let Some((_, _, place, verb)) = known else {
                panic!("say in `SETTLED` who may {} {}", route.method, route.path)
            };
            match *verb {
                "anything" => true,
                "is a person" => matches!(caller, Caller::Person(..)),
                "owns a team" => {
                    matches!(caller, Caller::Person(Reach::Team | Reach::OtherTeam, Role::Owner, _))
                }
                _ => may(caller, place, verb),
            }
        }
        needs => {
            let (Some(place), Some(verb)) = (needs["at"].as_str(), needs["to"].as_str()) else {
                panic!("{} {} needs what this test does not know", route.method, route.path)
            };
            match place {
                // The token is another one's: to end it is to govern.
                "token" => may(caller, "team", "govern"),
                "team" | "project" | "environment" => may(caller, place, verb),
                _ => panic!("{place} is a place that this test does not know"),
            }
        }
    };
    if allowed { Expected::Allowed } else { Expected::Forbidden }
}

/// Whether a caller may do this at the place that is asked for.
fn may(caller: Caller, place: &str, verb: &str) -> bool {
    match caller {
        Caller::Agent(reach, _) => {
            reach == Reach::Environment
                && place == "environment"
                && ["list", "reveal"].contains(&verb)
        }
        Caller::Person(reach, role, _) => {
            let covered: &[&str] = match reach {
                Reach::Team => &["team", "project", "environment"],
                Reach::Project => &["project", "environment"],
                Reach::Environment => &["environment"],
                _ => &[],
            };
            let row = ROLES.iter().find(|(known, _)| *known == role);
            covered.contains(&place) && row.is_some_and(|(_, verbs)| verbs.contains(&verb))
        }
        _ => false,
    }
}
