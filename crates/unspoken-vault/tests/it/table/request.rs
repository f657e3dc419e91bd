//! A request that fits a route's description, about a target.

use serde_json::{Map, Value, json};
use unspoken_testkit::{Answer, Client};

use super::{Route, Target, World};

pub(crate) fn send(world: &World, route: &Route, target: &Target, token: Option<&str>) -> Answer {
    let schema = &route.operation["requestBody"]["content"]["application/json"]["schema"];
    let body = match schema {
        Value::Null => String::new(),
        schema => instance(&world.description, schema, target).to_string(),
    };
    send_body(world, route, target, token, body.as_bytes())
}

/// The same with another body.
pub(crate) fn send_body(
    world: &World,
    route: &Route,
    target: &Target,
    token: Option<&str>,
    body: &[u8],
) -> Answer {
    let mut path = route.path.clone();
    for place in places(&route.path) {
        let text = match place.as_str() {
            "team" => world.here.team.clone(),
            "project" => world.here.project.clone(),
            "environment" => target.environment.clone(),
            "token" => target.token.clone(),
            "person" => target.person.clone(),
            "trust" => target.trust.clone(),
            "login" => "login_000000000000".to_owned(),
            "name" => "KEY".to_owned(),
            "project_name" => "acme".to_owned(),
            "environment_name" => target.environment.replace("env_", "e"),
            _ => panic!("teach this test what can stand for {{{place}}} in {}", route.path),
        };
        path = path.replace(&format!("{{{place}}}"), &text);
    }
    let client = Client::new(world.here.owner.address());
    let client = token.map_or(client.clone(), |token| client.with_token(token));
    client.send(&route.method, &path, &[], body)
}

/// The names of a path's places.
pub(crate) fn places(path: &str) -> Vec<String> {
    let parts = path.split('/');
    let places = parts.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    places.map(str::to_owned).collect()
}

/// The least that a schema takes. What a place is named by is the target's.
fn instance(whole: &Value, schema: &Value, target: &Target) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.trim_start_matches('#');
        return instance(whole, whole.pointer(pointer).unwrap(), target);
    }
    match schema["type"].as_str() {
        Some("object") => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let mut object = Map::new();
            for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
                match name.as_str() {
                    "environments" => {
                        object.insert(name.clone(), json!([target.environment]));
                    }
                    "environment" if required.iter().any(|one| one == name) => {
                        object.insert(name.clone(), json!(target.environment));
                    }
                    "entries" => {
                        let one = instance(whole, &inner["items"], target);
                        object.insert(name.clone(), json!([one]));
                    }
                    "role" => drop(object.insert(name.clone(), json!("reader"))),
                    _ if required.iter().any(|one| one == name) => {
                        object.insert(name.clone(), instance(whole, inner, target));
                    }
                    _ => {}
                }
            }
            Value::Object(object)
        }
        Some("array") => json!([]),
        Some("integer") => json!(60),
        Some("boolean") => json!(false),
        Some("string") => match schema["enum"].as_array() {
            Some(words) => words[0].clone(),
            None => json!(format!("x{}", target.environment.trim_start_matches("env_"))),
        },
        _ => json!({}),
    }
}
