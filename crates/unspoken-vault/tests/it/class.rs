//! What went wrong in other servers of this kind: a test each, named after the class.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use unspoken_testkit::{Client, Vault, canary};

use crate::raw::{Raw, assert_chains};
use crate::table::{description, request::places, routes};
use crate::teams::second_team;

#[test]
fn class_paths_with_dots_case_unicode_and_spaces_lead_nowhere() {
    Vault::each(|vault| {
        let ground = vault.ground();
        ground.set("KEY", &canary("path"));
        let agent = ground.agent().client;
        let id = &ground.environment;
        for place in [
            format!("%20{id}"),
            format!("{id}%20"),
            format!("{id}/."),
            format!("./{id}"),
            format!("x/../{id}"),
            format!("{id}%00"),
            format!("{id}%2fsecrets"),
            format!("%2e%2e/{id}"),
            id.to_uppercase(),
            id.to_lowercase().replace("env_", "ENV_"),
            id.replace("env_", "env%5F%E2%80%8B"),
            id.replace("env_", "\u{ff45}nv_"),
            "production".to_owned(),
            String::new(),
        ] {
            let answer = agent.get(&format!("/v1/environments/{}/secrets", encoded(&place)));
            let is_refused = [400, 403, 404].contains(&answer.status);
            assert!(is_refused, "{place}: {answer:?}");
        }
        // An escaped id is the same id: there is one normalisation.
        let escaped = id.replace('_', "%5F");
        agent.get(&format!("/v1/environments/{escaped}/secrets")).is(200);
        for name in ["key", "KEY%20", "%4BEY%00", "K%C3%89Y", "..", "KEY%2f..", "ＫＥＹ"] {
            let answer = ground.owner.get(&ground.secret(&encoded(name)));
            assert!([400, 403, 404].contains(&answer.status), "{name}: {answer:?}");
        }
        for path in ["//v1/session", "/v1//session", "/v1/session/", "/V1/session", "/v1/./session"]
        {
            ground.owner.get(path).is(404);
        }
    });
}

/// As a client writes it that escapes what cannot stand in a request.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| {
        if byte.is_ascii_graphic() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(byte).collect()
}

/// Of every route whose path names more than one thing: things of two owners do not go together.
#[test]
fn class_a_handle_of_one_tenant_is_refused_in_another() {
    Vault::each(|vault| {
        let ground = vault.ground();
        let foreign = second_team(&vault, &ground);
        foreign.set("KEY", &canary("foreign"));
        // The owner may do everything in both teams, and an agent something in each.
        let (agent, other) = (ground.agent(), foreign.agent());
        agent.client.get(&foreign.secrets()).is(403);
        other.client.get(&ground.secrets()).is(403);
        let mixed = json!({
            "name": "mixed",
            "environments": [ground.environment, foreign.environment],
            "lifetime_seconds": 60,
        });
        for team in [&ground.team, &foreign.team] {
            ground.owner.post(&format!("/v1/teams/{team}/tokens"), &mixed).is(403);
        }
        let theirs = json!({
            "name": "theirs", "environments": [foreign.environment], "lifetime_seconds": 60,
        });
        ground.owner.post(&format!("/v1/teams/{}/tokens", ground.team), &theirs).is(403);
        // What lists show, they show of one team.
        let tokens = ground.owner.get(&format!("/v1/teams/{}/tokens", ground.team)).ok();
        assert!(tokens.holds(&agent.id) && !tokens.holds(&other.id));
        let audit = ground.owner.get(&format!("/v1/teams/{}/audit", ground.team)).ok();
        assert!(audit.holds(&agent.id) && !audit.holds(&other.id));
        let rows = audit.json()["rows"].as_array().unwrap().clone();
        assert!(rows.iter().all(|row| row["team"] == ground.team.as_str()));
        let projects = agent.client.get("/v1/projects").ok();
        assert!(projects.holds(&ground.project) && !projects.holds(&foreign.project));
        let twofold = routes(&description(&vault));
        let twofold = twofold.iter().filter(|route| {
            let places = places(&route.path);
            places.contains(&"team".to_owned()) && places.len() > 1
        });
        let raw = Raw::of(&vault);
        for route in twofold {
            let id = &foreign.team;
            let place = places(&route.path).into_iter().find(|place| place != "team").unwrap();
            let thing = match place.as_str() {
                "trust" => {
                    raw.change(&format!(
                        "INSERT INTO trust (id, team, name, issuer, audience, claims, environments, \
                         lifetime, author, made) VALUES ('trust_F00000000000', '{id}', 'r', \
                         'https://i.invalid', 'a', '{{}}', '', 60, '', 1) ON CONFLICT DO NOTHING"
                    ));
                    "trust_F00000000000"
                }
                "person" => {
                    raw.change(&format!(
                        "INSERT INTO person (id, email, name, state, made) VALUES \
                         ('per_F00000000000', 'f@example.invalid', 'F', 'active', 1) \
                         ON CONFLICT DO NOTHING; \
                         INSERT INTO membership (person, team, project, environment, role) VALUES \
                         ('per_F00000000000', '{id}', '', '', 'reader') ON CONFLICT DO NOTHING"
                    ));
                    "per_F00000000000"
                }
                _ => panic!("teach this test what a foreign {place} is"),
            };
            let path = route.path.replace("{team}", &ground.team);
            let path = path.replace(&format!("{{{place}}}"), thing);
            let body = if route.method == "DELETE" { "" } else { "{\"role\":\"reader\"}" };
            let answer = ground.owner.send(&route.method, &path, &[], body.as_bytes());
            let is_refused = [400, 403, 404].contains(&answer.status);
            assert!(is_refused, "{} {path}: {answer:?}", route.method);
        }
        // What was there is there still.
        for (table, id) in [("trust", "trust_F00000000000"), ("person", "per_F00000000000")] {
            let asked = format!("SELECT COUNT(*) FROM {table} WHERE id = '{id}'");
            let made = raw.number(&asked);
            assert!(made == 1 || !made_for(&vault, table), "{table}");
        }
    });
}

/// Whether there are routes about such a thing.
fn made_for(vault: &Vault, thing: &str) -> bool {
    let routes = routes(&description(vault));
    routes.iter().any(|route| places(&route.path).iter().any(|place| place == thing))
}

#[test]
fn class_deep_json_and_huge_bodies_are_refused() {
    Vault::each(|vault| {
        let ground = vault.ground();
        let deep = |depth: usize, open: &str, close: &str| {
            format!("{{\"value\":{}1{}}}", open.repeat(depth), close.repeat(depth))
        };
        let path = ground.secret("KEY");
        let put = |body: &str| ground.owner.send("PUT", &path, &[], body.as_bytes());
        for depth in [1, 31, 33, 200, 100_000] {
            put(&deep(depth, "[", "]")).is(400);
            put(&deep(depth, "{\"a\":", "}")).is(400);
            put(&"[".repeat(depth)).is(400);
        }
        put(&"[".repeat((1 << 20) - 10)).is(400);
        // The largest value is 64 KiB, the largest body 1 MiB.
        let value = |length: usize| json!({ "value": "x".repeat(length) }).to_string();
        put(&value(64 * 1024)).is(200);
        let over = put(&value(64 * 1024 + 1));
        assert!([400, 413].contains(&over.status), "{over:?}");
        let huge = value((1 << 20) + 1);
        assert_eq!(ground.owner.clone().send("PUT", &path, &[], huge.as_bytes()).status, 413);
        ground.owner.get("/v1/session").ok();
    });
}

#[test]
fn class_huge_lists_are_refused() {
    Vault::each(|vault| {
        let ground = vault.ground();
        let many = |count: usize| (0..count).map(|number| format!("N{number}")).collect::<Vec<_>>();
        ground.try_agent(&json!({ "names": many(100) })).is(200);
        ground.try_agent(&json!({ "names": many(101) })).is(400);
        ground.try_agent(&json!({ "environments": many(101) })).is(403);
        let networks: Vec<_> = (0..101).map(|number| format!("10.0.0.{number}")).collect();
        ground.try_agent(&json!({ "addresses": networks })).is(400);
        // 10,000 names fit into an environment, and not one more.
        let batch = |from: usize, count: usize| {
            let set: serde_json::Map<_, _> = (from..from + count)
                .map(|number| (format!("M{number}"), json!({ "value": "v" })))
                .collect();
            ground.owner.patch(&ground.secrets(), &json!({ "set": set }))
        };
        for from in 0..5 {
            batch(from * 2000, 2000).ok();
        }
        batch(10_000, 1).is(413);
        batch(9_999, 1).ok();
        let all = ground.owner.get(&ground.secrets()).ok();
        assert_eq!(all.json()["secrets"].as_object().unwrap().len(), 10_000);
        // A page of the record is bounded, whatever is asked for.
        let audit = format!("/v1/teams/{}/audit?limit=", ground.team);
        for limit in ["100000", "-5", "0"] {
            let page = ground.owner.get(&format!("{audit}{limit}")).ok().json();
            assert!(page["rows"].as_array().unwrap().len() <= 200);
        }
        ground.owner.get(&format!("{audit}99999999999999999999")).is(400);
    });
}

/// Who shows no token changes nothing and is told nothing: routes that let everybody in are few, and
/// stand here.
#[test]
fn class_no_route_changes_anything_for_who_shows_no_token() {
    const OPEN: &[(&str, &str)] = &[("POST", "/v1/exchange")];
    let vault = Vault::on(unspoken_testkit::Database::Sqlite);
    let ground = vault.ground();
    let raw = Raw::of(&vault);
    let state = || {
        let tables = ["team", "person", "project", "environment", "secret_version", "token"];
        tables.map(|table| raw.number(&format!("SELECT COUNT(*) FROM {table}")))
    };
    let before = state();
    for route in routes(&description(&vault)) {
        let named = OPEN.contains(&(route.method.as_str(), route.path.as_str()))
            || route.path.starts_with("/v1/login");
        assert_eq!(route.needs == "nothing", named, "{} {}", route.method, route.path);
        let mut path = route.path.replace("{environment}", &ground.environment);
        path = path.replace("{team}", &ground.team).replace("{project}", &ground.project);
        let answer = vault.client().send(&route.method, &path, &[], b"");
        // A body that cannot be read is told apart before anything else.
        let is_refused = [400, 401, 403].contains(&answer.status);
        assert!(is_refused || named, "{} {path}: {answer:?}", route.method);
    }
    assert_eq!(before, state());
}

/// Rows that were tampered with are a fault of one request, and of no other.
#[test]
fn class_a_fault_is_a_500_and_the_node_lives_on() {
    Vault::each(|vault| {
        let ground = vault.ground();
        ground.set("KEY", &canary("fault"));
        let broken = ground.beside("broken");
        broken.set("KEY", &canary("broken"));
        let raw = Raw::of(&vault);
        let zero = raw.bytes(&[0; 3]);
        let at = format!("WHERE environment = '{}'", broken.environment);
        for damage in [
            format!("UPDATE secret_version SET sealed = {zero} {at}"),
            format!("UPDATE secret_version SET wrapped = {zero} {at}"),
            format!("UPDATE secret_version SET key_version = 77 {at}"),
        ] {
            raw.change(&damage);
            std::thread::scope(|scope| {
                for number in 0..8 {
                    let (client, broken, ground) = (ground.owner.clone(), &broken, &ground);
                    scope.spawn(move || {
                        let client = client;
                        if number % 2 == 0 {
                            let answer = client.get(&broken.secrets());
                            assert!(answer.status >= 500, "{answer:?}");
                        } else {
                            ground.has(&client, "KEY", &canary("fault"));
                        }
                    });
                }
            });
        }
        assert_chains(&raw);
    });
}

/// What is no request is answered with 400 or not at all, and concerns nobody else.
#[test]
fn class_what_is_no_request_concerns_nobody_else() {
    let vault = Vault::on(unspoken_testkit::Database::Sqlite);
    let ground = vault.ground();
    let address = vault.addresses()[0];
    let long = "x".repeat(1 << 20);
    for bytes in [
        "\r\n\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "GET /v1/session HTTP/9.9\r\n\r\n".to_owned(),
        format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"),
        format!("GET /v1/session HTTP/1.1\r\nX: {long}\r\n\r\n"),
        "X: y\r\n".repeat(10_000),
        "PUT / HTTP/1.1\r\nContent-Length: -1\r\n\r\n".to_owned(),
        "PUT /v1/session HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".to_owned(),
        "PUT / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nz".to_owned(),
        "\u{0}\u{1}\u{16}\u{3}\u{1}".repeat(100),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
    ] {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
        // It may close before all of this is sent.
        let _ = stream.write_all(bytes.as_bytes());
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer:.60}");
        ground.owner.get("/v1/session").ok();
    }
    // Who begins and does not go on holds nobody up.
    let idle: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"GET /v1/session HTTP/1.1\r\n").unwrap();
            stream
        })
        .collect();
    let begun = Instant::now();
    Client::new(address).with_token(ground.owner.token()).get("/v1/session").ok();
    assert!(begun.elapsed() < Duration::from_secs(5));
    drop(idle);
}

#[test]
fn class_who_asks_too_often_is_told_to_wait_and_nobody_else_is() {
    let mut vault = Vault::on(unspoken_testkit::Database::Sqlite);
    let ground = vault.ground();
    ground.set("KEY", &canary("often"));
    let agent = ground.agent().client;
    vault.stop();
    let address = vault.start_limited(20);
    let agent = agent.at(address);
    let statuses: Vec<_> = (0..200).map(|_| agent.get(&ground.secret("KEY"))).collect();
    let waits = statuses.iter().filter(|answer| answer.status == 429).count();
    assert!(waits > 50, "{waits}");
    let told = statuses.iter().find(|answer| answer.status == 429).unwrap();
    assert!(told.header("retry-after").is_some() && told.code() == "too_many");
    assert!(statuses.iter().all(|answer| [200, 429].contains(&answer.status)));
    let begun = Instant::now();
    while agent.get(&ground.secret("KEY")).status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Start does not depend on the amount of data.
#[test]
fn class_a_start_takes_no_longer_with_much_data() {
    Vault::each(|mut vault| {
        let ground = vault.ground();
        let start = |vault: &mut Vault| {
            vault.stop();
            let begun = Instant::now();
            vault.start();
            begun.elapsed()
        };
        let before = start(&mut vault).min(start(&mut vault));
        let raw = Raw::of(&vault);
        let (id, sealed) = (&ground.environment, raw.bytes(&[1; 120]));
        let numbers =
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)";
        raw.change(&format!(
            "INSERT INTO secret_version (environment, name, version, revision, key_version, wrapped, \
             sealed, author, made) {numbers} SELECT '{id}', 'N' || i, 1, 1, 1, {sealed}, {sealed}, '', \
             1 FROM n; \
             INSERT INTO audit (node, seq, at, team, actor, token, address, action, subject, names, \
             revision, outcome, request, hash) {numbers} SELECT 'node_000000000000', i, 1, '', '', '', \
             '', 'secret.reveal', '', '', 1, 'done', '', {sealed} FROM n"
        ));
        drop(raw);
        let after = start(&mut vault).min(start(&mut vault));
        assert!(after < before + Duration::from_millis(300), "{before:?}, then {after:?}");
        let _: Value = vault.owner().get("/v1/session").ok().json();
    });
}
