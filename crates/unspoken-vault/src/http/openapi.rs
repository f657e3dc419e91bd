//! The description of the interface, made of the routes: `OpenAPI` 3.1.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use unspoken_model::{
    EnvironmentId, LoginId, PersonId, ProjectId, SecretName, TeamId, TokenId, TrustId, Verb,
};
use unspoken_wire::vault::ProblemBody;

use super::route::{Method, Needs, Route};
use super::router::routes;

/// Prints it, with a line's end.
pub(crate) fn print() -> String {
    let settings = SchemaSettings::draft2020_12();
    let settings = settings.with(|it| it.definitions_path = "/components/schemas".into());
    let mut generator = settings.into_generator();
    let problem = generator.subschema_for::<ProblemBody>();
    let mut paths = Map::new();
    for route in described() {
        let path = paths.entry(route.plan.path).or_insert_with(|| json!({}));
        let method = route.plan.method.as_str().to_lowercase();
        if let Some(path) = path.as_object_mut() {
            path.insert(method, operation(&route, &mut generator));
        }
    }
    let whole = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Unspoken vault",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Values for those who may have them, and a record of who had them.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "responses": {
                "Problem": {
                    "description": "Why it was not answered",
                    "content": { "application/json": { "schema": problem } },
                },
            },
            "schemas": generator.take_definitions(true),
        },
    });
    let text = serde_json::to_string_pretty(&whole).unwrap_or_default();
    text + "\n"
}

/// What programs ask. Pages are for people, and change as they need.
fn described() -> impl Iterator<Item = Route> {
    routes().into_iter().filter(|route| !route.is_page)
}

fn operation(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let method = route.plan.method.as_str().to_lowercase();
    let words = route.plan.path.split(['/', '{', '}', '_']).filter(|word| !word.is_empty());
    let id: Vec<&str> = std::iter::once(method.as_str()).chain(words.skip(1)).collect();
    let mut operation = json!({
        "operationId": id.join("-"),
        "summary": route.plan.summary,
        "parameters": parameters(route),
        "responses": responses(route, generator),
        "x-action": route.plan.action.as_str(),
        "x-needs": needs(route.needs),
    });
    if route.needs != Needs::Nothing {
        operation["security"] = json!([{ "token": [] }]);
    }
    if let Some(schema) = route.body.and_then(|describe| describe(generator)) {
        operation["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    operation
}

fn responses(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let problem = json!({ "$ref": "#/components/responses/Problem" });
    let mut responses = Map::new();
    let tag = json!({ "ETag": {
        "description": "The environment's revision",
        "schema": { "type": "string" },
    } });
    match (route.answer)(generator) {
        Some(schema) => {
            let content = json!({ "application/json": { "schema": schema } });
            let mut done = json!({ "description": "Done", "content": content });
            if route.hands_out {
                done["headers"] = tag.clone();
            }
            responses.insert("200".to_owned(), done);
        }
        None => drop(responses.insert("204".to_owned(), json!({ "description": "Done" }))),
    }
    if route.hands_out {
        let unchanged = json!({ "description": "The caller's copy is the newest", "headers": tag });
        responses.insert("304".to_owned(), unchanged);
    }
    responses.insert("default".to_owned(), problem);
    Value::Object(responses)
}

fn parameters(route: &Route) -> Vec<Value> {
    let places = route.plan.path.split('/');
    let places = places.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = places
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": place(name) }))
        .collect();
    for (name, kind) in route.queries {
        parameters.push(json!({ "name": name, "in": "query", "schema": { "type": kind } }));
    }
    let has_revision = matches!(route.needs, Needs::Environment(Verb::Write | Verb::Arrange));
    let header = match (route.hands_out, has_revision && route.plan.method != Method::Get) {
        (true, _) => Some(("If-None-Match", "The revision that the caller has")),
        (_, true) => Some(("If-Match", "The revision that is to be changed, and no other")),
        _ => None,
    };
    if let Some((name, description)) = header {
        let schema = json!({ "type": "string", "examples": ["\"rev-1\""] });
        parameters.push(
            json!({ "name": name, "in": "header", "description": description, "schema": schema }),
        );
    }
    parameters
}

/// What can stand in a place of a path.
fn place(name: &str) -> Value {
    let prefix = match name {
        "team" => TeamId::PREFIX,
        "project" => ProjectId::PREFIX,
        "environment" => EnvironmentId::PREFIX,
        "token" => TokenId::PREFIX,
        "person" => PersonId::PREFIX,
        "trust" => TrustId::PREFIX,
        "login" => LoginId::PREFIX,
        "name" => {
            return json!({
                "type": "string",
                "pattern": "^[A-Z][A-Z0-9_]*$",
                "maxLength": SecretName::MAX,
            });
        }
        _ => return json!({ "type": "string" }),
    };
    json!({ "type": "string", "pattern": format!("^{prefix}_[0-9A-Za-z]{{12}}$") })
}

/// What a caller needs: a word, or a right and where.
fn needs(needs: Needs) -> Value {
    let at = |place: &str, verb| json!({ "at": place, "to": spelling(verb) });
    match needs {
        Needs::Nothing => json!("nothing"),
        Needs::Form => json!("form"),
        Needs::SignedIn => json!("signed-in"),
        Needs::Proven => json!("proven"),
        Needs::Invitation => json!("invitation"),
        Needs::Token => json!("token"),
        Needs::Team(verb) => at("team", verb),
        Needs::Project(verb) => at("project", verb),
        Needs::Environment(verb) => at("environment", verb),
        Needs::OfToken(verb) => at("token", verb),
    }
}

fn spelling(verb: Verb) -> &'static str {
    match verb {
        Verb::List => "list",
        Verb::Reveal => "reveal",
        Verb::Write => "write",
        Verb::Delegate => "delegate",
        Verb::Arrange => "arrange",
        Verb::Govern => "govern",
        Verb::Audit => "audit",
    }
}

#[test]
fn every_route_stands_in_the_description_once() {
    let whole: Value = serde_json::from_str(&print()).unwrap();
    let mut ids = std::collections::BTreeSet::new();
    let routes: Vec<_> = described().collect();
    for route in &routes {
        let method = route.plan.method.as_str().to_lowercase();
        let operation = &whole["paths"][route.plan.path][method.as_str()];
        assert_eq!(operation["summary"], route.plan.summary);
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()));
    }
    assert_eq!(ids.len(), routes.len());
    let text = whole.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(whole.pointer(pointer).is_some(), "{pointer}");
    }
}
