//! What a vault is for, told on both databases.

use std::time::Duration;

use serde_json::json;
use unspoken_testkit::{Vault, canary};

use crate::raw::Raw;

#[test]
fn an_agent_fetches_what_its_token_reaches_until_it_is_revoked() {
    Vault::each(|vault| {
        let ground = vault.ground();
        let value = canary("vault-story");
        assert_eq!(ground.set("DATABASE_URL", &value), 1);
        let agent = ground.agent();
        ground.has(&agent.client, "DATABASE_URL", &value);
        let all = agent.client.get(&ground.secrets()).ok();
        assert!(all.text("/secrets/DATABASE_URL/value") == value);
        assert_eq!(all.header("etag"), Some("\"rev-1\""));
        assert_eq!(all.header("cache-control"), Some("no-store"));

        let audit = ground.audit();
        let fetched = audit.iter().find(|row| row["request"] == all.request()).unwrap();
        assert_eq!(fetched["action"], "environment.reveal");
        assert_eq!(fetched["actor"], agent.id);
        assert_eq!(fetched["subject"], ground.environment);
        assert_eq!(fetched["names"], "*");
        assert_eq!(fetched["revision"], 1);
        assert_eq!(fetched["outcome"], "done");
        let one = audit.iter().find(|row| row["action"] == "secret.reveal").unwrap();
        assert_eq!(one["names"], "DATABASE_URL");

        ground.revoke(&agent.id);
        let refused = agent.client.get(&ground.secrets()).is(401);
        assert_eq!(refused.code(), "unauthorized");
        agent.client.get("/v1/session").is(401);
        let audit = ground.audit();
        let row = audit.iter().find(|row| row["request"] == refused.request()).unwrap();
        assert_eq!((&row["outcome"], &row["actor"]), (&json!("refused"), &json!(agent.id)));
    });
}

#[test]
fn an_invitation_begins_one_session() {
    Vault::each(|vault| {
        let invited = vault.client().with_token(vault.invitation());
        invited.get("/v1/session").is(403);
        invited.get("/v1/projects").is(403);
        let owner = vault.owner();
        assert_eq!(owner.get("/v1/session").ok().text("/kind"), "cli");
        invited.post("/v1/session", &json!({ "device": "again" })).is(401);
        owner.post("/v1/session", &json!({ "device": "again" })).is(403);
        owner.delete("/v1/session").ok();
        owner.get("/v1/session").is(401);
    });
}

#[test]
fn all_versions_stay_and_a_removal_is_one() {
    Vault::each(|vault| {
        let ground = vault.ground();
        let values = ["one", "two", "three"].map(canary);
        for value in &values {
            ground.set("KEY", value);
        }
        ground.owner.delete(&ground.secret("KEY")).ok();
        ground.owner.get(&ground.secret("KEY")).is(404);
        ground.owner.delete(&ground.secret("KEY")).is(404);
        let versions = ground.owner.get(&format!("{}/versions", ground.secret("KEY"))).ok().json();
        let versions = versions["versions"].as_array().unwrap();
        let numbers: Vec<_> = versions.iter().map(|one| one["version"].as_i64().unwrap()).collect();
        assert_eq!(numbers, [4, 3, 2, 1]);
        assert_eq!(versions[0]["removed"], true);
        for (number, value) in (1..).zip(&values) {
            let old = ground.owner.get(&format!("{}?version={number}", ground.secret("KEY"))).ok();
            assert!(old.text("/secrets/KEY/value") == *value, "version {number}");
        }
        ground.owner.get(&format!("{}?version=4", ground.secret("KEY"))).is(404);
        ground.set("KEY", &canary("four"));
        let names = ground.owner.get(&format!("/v1/environments/{}/names", ground.environment));
        assert_eq!(names.ok().number("/names/0/version"), 5);
    });
}

#[test]
fn a_change_that_was_meant_for_another_revision_is_refused() {
    Vault::each(|vault| {
        let ground = vault.ground();
        ground.set("KEY", &canary("old"));
        ground.set("KEY", &canary("new"));
        let body = json!({ "value": canary("late") }).to_string();
        let put = |revision| {
            let header = [("If-Match", revision)];
            ground.owner.send("PUT", &ground.secret("KEY"), &header, body.as_bytes())
        };
        assert_eq!(put("\"rev-1\"").is(412).code(), "stale");
        ground.has(&ground.owner, "KEY", &canary("new"));
        assert_eq!(put("\"rev-2\"").ok().number("/revision"), 3);
        let delete = [("If-Match", "\"rev-2\"")];
        ground.owner.send("DELETE", &ground.secret("KEY"), &delete, b"").is(412);
        // Several changes are one revision, and all of them or none.
        let several = json!({ "set": { "A": { "value": "a" } }, "remove": ["GONE"] });
        ground.owner.patch(&ground.secrets(), &several).is(404);
        ground.owner.get(&ground.secret("A")).is(404);
        let several = json!({ "set": { "A": { "value": "a" } }, "remove": ["KEY"] });
        assert_eq!(ground.owner.patch(&ground.secrets(), &several).ok().number("/revision"), 4);
    });
}

#[test]
fn an_unchanged_environment_costs_a_304_that_is_recorded() {
    Vault::each(|vault| {
        let ground = vault.ground();
        ground.set("KEY", &canary("etag"));
        let agent = ground.agent();
        let has = ("If-None-Match", "\"rev-1\"");
        let unchanged = agent.client.get_with(&ground.secrets(), has).is(304);
        assert!(unchanged.body.is_empty());
        let audit = ground.audit();
        let row = audit.iter().find(|row| row["request"] == unchanged.request()).unwrap();
        assert_eq!(row["outcome"], "unchanged");
        ground.set("KEY", &canary("etag-2"));
        agent.client.get_with(&ground.secrets(), has).is(200);
        ground.revoke(&agent.id);
        agent.client.get_with(&ground.secrets(), ("If-None-Match", "\"rev-2\"")).is(401);
    });
}

#[test]
fn a_token_for_some_names_sees_no_other() {
    Vault::each(|vault| {
        let ground = vault.ground();
        let (mine, other) = (canary("mine"), canary("other"));
        ground.set("MINE", &mine);
        ground.set("OTHER", &other);
        let agent = ground.agent_with(&json!({ "names": ["MINE", "LATER"] })).client;
        let all = agent.get(&ground.secrets()).ok();
        assert!(all.holds(&mine) && !all.holds(&other) && !all.holds("OTHER"));
        let names = agent.get(&format!("/v1/environments/{}/names", ground.environment)).ok();
        assert!(names.holds("MINE") && !names.holds("OTHER"));
        agent.get(&ground.secret("OTHER")).is(403);
        agent.get(&ground.secret("NOWHERE")).is(403);
        agent.get(&format!("{}/versions", ground.secret("OTHER"))).is(403);
        agent.get(&ground.secret("LATER")).is(404);
        ground.try_agent(&json!({ "names": [] })).is(400);
        ground.try_agent(&json!({ "environments": [] })).is(400);
    });
}

#[test]
fn a_token_ends_by_uses_by_time_by_idleness_and_elsewhere() {
    Vault::each(|vault| {
        let ground = vault.ground();
        ground.set("KEY", &canary("ends"));
        let path = ground.secret("KEY");

        let twice = ground.agent_with(&json!({ "uses": 2 })).client;
        let states: Vec<_> = (0..4).map(|_| twice.get(&path).status).collect();
        assert_eq!(states, [200, 200, 401, 401]);
        // Together they get no more than one by one.
        let thrice = ground.agent_with(&json!({ "uses": 3 })).client;
        let states = std::thread::scope(|scope| {
            let asked = [(); 8].map(|()| scope.spawn(|| thrice.clone().get(&path).status));
            asked.map(|one| one.join().unwrap())
        });
        assert_eq!(states.iter().filter(|status| **status == 200).count(), 3, "{states:?}");

        let short = ground.agent_with(&json!({ "lifetime_seconds": 1 })).client;
        let begun = std::time::Instant::now();
        while short.get(&path).status == 200 {
            assert!(begun.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(begun.elapsed() > Duration::from_millis(700));
        short.get(&path).is(401);

        let idle = ground.agent_with(&json!({ "idle_seconds": 300 }));
        idle.client.get(&path).is(200);
        let raw = Raw::of(&vault);
        // Six minutes pass.
        let (id, past) = (&idle.id, 360_000);
        raw.change(&format!(
            "UPDATE token SET made = made - {past} WHERE id = '{id}'; \
             UPDATE token_use SET used = used - {past} WHERE token = '{id}'"
        ));
        idle.client.get(&path).is(401);

        ground.agent_with(&json!({ "addresses": ["127.0.0.0/8"] })).client.get(&path).is(200);
        ground.agent_with(&json!({ "addresses": ["127.0.0.1"] })).client.get(&path).is(200);
        let far = json!({ "addresses": ["10.0.0.0/8", "::1"] });
        ground.agent_with(&far).client.get(&path).is(401);
    });
}

#[test]
fn a_vault_that_was_stopped_or_killed_has_everything_when_it_starts() {
    Vault::each(|mut vault| {
        let ground = vault.ground();
        ground.set("KEY", &canary("stays"));
        let agent = ground.agent();
        let gone = ground.agent();
        ground.revoke(&gone.id);
        for killed in [false, true] {
            if killed {
                vault.kill();
            } else {
                vault.stop();
            }
            let address = vault.start();
            ground.has(&agent.client.at(address), "KEY", &canary("stays"));
            gone.client.at(address).get(&ground.secret("KEY")).is(401);
            ground.owner.at(address).get("/v1/session").ok();
        }
    });
}

#[test]
fn a_stop_lets_requests_come_to_their_end() {
    Vault::each(|mut vault| {
        let ground = vault.ground();
        let values: serde_json::Map<_, _> = (0..400)
            .map(|number| (format!("K{number}"), json!({ "value": canary("stop") })))
            .collect();
        let body = json!({ "set": values });
        let owners = [(); 8].map(|()| ground.owner.clone());
        let environments: Vec<_> =
            (0..8).map(|number| ground.beside(&format!("stop-{number}"))).collect();
        let answers = std::thread::scope(|scope| {
            let asked: Vec<_> = owners
                .iter()
                .zip(&environments)
                .map(|(owner, place)| {
                    scope.spawn(|| {
                        let body = body.to_string();
                        owner.ask("PATCH", &place.secrets(), &[], body.as_bytes())
                    })
                })
                .collect();
            // Until they are on their way.
            let raw = Raw::of(&vault);
            while raw.number("SELECT COUNT(*) FROM secret") == 0 {}
            vault.stop();
            asked.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
        });
        let address = vault.start();
        let mut done = 0;
        for (answer, place) in answers.into_iter().zip(&environments) {
            let names = place.owner.at(address).get(&place.secrets()).ok().json();
            let written = names["secrets"].as_object().unwrap().len();
            match answer {
                Ok(answer) => {
                    assert_eq!(answer.status, 200);
                    assert_eq!(written, 400);
                    done += 1;
                }
                // It had not been accepted, and is not half done.
                Err(_) => assert_eq!(written, 0),
            }
        }
        assert!(done > 0);
    });
}
