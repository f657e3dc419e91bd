//! Promise 3: out of scope is 403, and what is not there looks the same as what is not yours.

use std::time::Duration;

use serde_json::json;
use unspoken_testkit::{Answer, Client, Vault, canary};

use crate::raw::Raw;
use crate::teams::second_team;

/// All of an answer but the request's own id and the time.
fn face(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let own = answer.request();
    let headers =
        answer.headers.iter().filter(|(name, _)| name != "x-request-id" && name != "date");
    let body = String::from_utf8_lossy(&answer.body).replace(&own, "");
    (answer.status, headers.cloned().collect(), body)
}

#[test]
fn promise_3_not_there_and_not_yours_look_the_same() {
    Vault::each(|vault| {
        let ground = vault.ground();
        ground.set("KEY", &canary("mine"));
        let (beside, foreign) = (ground.beside("staging"), second_team(&vault, &ground));
        beside.set("KEY", &canary("beside"));
        foreign.set("KEY", &canary("foreign"));
        let agent = ground.agent_with(&json!({ "names": ["KEY"] })).client;
        let places = [
            &beside.environment,
            &foreign.environment,
            "env_000000000000",
            "env_zzzzzzzzzzzz",
            "production",
            "..%2F..",
            "",
        ];
        for tail in ["names", "secrets", "secrets/KEY", "secrets/NOT", "secrets/KEY/versions"] {
            let faces =
                places.map(|place| face(&agent.get(&format!("/v1/environments/{place}/{tail}"))));
            let (last, known) = faces.split_last().unwrap();
            for (one, place) in known.iter().zip(places) {
                assert_eq!(one.0, 403, "{tail} of `{place}`");
                assert_eq!(one, &known[0], "{tail} of `{place}`");
            }
            assert!(last.0 == 403 || last.0 == 404);
        }
        // A name that is there, and one that is not, where neither is open to this token.
        ground.set("HIDDEN", &canary("hidden"));
        let (hidden, nothing) =
            (agent.get(&ground.secret("HIDDEN")), agent.get(&ground.secret("NOTHING")));
        assert_eq!(face(&hidden), face(&nothing));
        assert_eq!(hidden.status, 403);
        // The same for projects, teams and tokens.
        let (there, other) = (foreign.agent().id, "tok_000000000000");
        let (one, two) = (
            agent.delete(&format!("/v1/tokens/{there}")),
            agent.delete(&format!("/v1/tokens/{other}")),
        );
        assert_eq!(face(&one), face(&two));
        assert_eq!(one.status, 403);
        for (kind, tail, there, other) in [
            ("projects", "environments", &foreign.project, "proj_000000000000"),
            ("teams", "projects", &foreign.team, "team_000000000000"),
        ] {
            let ask = |id: &str| {
                face(&agent.post(&format!("/v1/{kind}/{id}/{tail}"), &json!({ "name": "x" })))
            };
            assert_eq!(ask(there), ask(other));
            assert_eq!(ask(there).0, 403);
        }
    });
}

#[test]
fn promise_3_out_of_scope_opens_no_key() {
    Vault::each(|vault| {
        let ground = vault.ground();
        ground.set("KEY", &canary("sealed"));
        let agent = ground.beside("staging").agent().client;
        // If it were unwrapped, this would be told.
        Raw::of(&vault).change("UPDATE project_key SET kek = 99");
        agent.get(&ground.secrets()).is(403);
        agent.get(&ground.secret("KEY")).is(403);
        assert!(ground.owner.get(&ground.secret("KEY")).status >= 500);
    });
}

#[test]
fn promise_3_not_there_and_not_yours_take_the_same_time() {
    Vault::each(|vault| {
        let ground = vault.ground();
        let names: serde_json::Map<_, _> =
            (0..200).map(|n| (format!("KEY_{n}"), json!({ "value": canary("time") }))).collect();
        let beside = ground.beside("staging");
        beside.owner.patch(&beside.secrets(), &json!({ "set": names })).ok();
        let agent = ground.agent().client;
        let unknown = "env_000000000000";
        let path = |id: &str| format!("/v1/environments/{id}/secrets");
        same_time(&agent, &path(&beside.environment), &agent, &path(unknown), 403);
    });
}

/// The class: known and unknown told apart by time.
#[test]
fn class_an_unknown_token_and_a_wrong_one_take_the_same_time_and_look_the_same() {
    Vault::each(|vault| {
        let ground = vault.ground();
        let (one, other) = (ground.agent().client, ground.agent().client);
        // The id of the one with the secret of the other, and a checksum that fits.
        let mixed = mixed(one.token(), other.token());
        let wrong = vault.client().with_token(&mixed);
        ground.revoke(&ground.agent().id);
        let gone = unspoken_seal::PlainToken::random(unspoken_seal::TokenKind::Agent);
        let gone = vault.client().with_token(&gone.expose());
        assert_eq!(face(&wrong.get("/v1/session")), face(&gone.get("/v1/session")));
        assert_eq!(face(&vault.client().get("/v1/session")), face(&gone.get("/v1/session")));
        same_time(&wrong, "/v1/session", &gone, "/v1/session", 401);
    });
}

/// One token's id with another one's secret half.
fn mixed(id: &str, secret: &str) -> String {
    let (kind, rest) = id.split_at("unsp_agent_".len());
    let mut text = format!("{kind}{}", &rest[..13]);
    text.push_str(&secret[kind.len() + 13..secret.len() - 6]);
    // There are 2^32 checksums: it is computed, in the digits that tokens have.
    let mut sum = !text.bytes().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            (sum >> 1) ^ (0xedb8_8320 & (!(sum & 1)).wrapping_add(1))
        })
    });
    let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut tail = [b'0'; 6];
    for digit in tail.iter_mut().rev() {
        *digit = digits[(sum % 62) as usize];
        sum /= 62;
    }
    text.push_str(std::str::from_utf8(&tail).unwrap());
    text
}

/// Compares two ways to be refused, asked in turns. Other work on the machine disturbs a round; what
/// really differs differs in each.
fn same_time(a: &Client, path_a: &str, b: &Client, path_b: &str, status: u16) {
    let mut seen = Vec::new();
    for _ in 0..5 {
        let (mut times_a, mut times_b) = (Vec::new(), Vec::new());
        for _ in 0..300 {
            for (client, path, times) in [(a, path_a, &mut times_a), (b, path_b, &mut times_b)] {
                let answer = client.get(path).is(status);
                times.push(answer.received - answer.sent);
            }
        }
        let [low_a, low_b] = [times_a, times_b].map(|mut times| {
            times.sort_unstable();
            times[times.len() / 3]
        });
        let apart = low_a.abs_diff(low_b);
        if apart < low_a.max(low_b) / 10 + Duration::from_micros(20) {
            return;
        }
        seen.push((low_a, low_b));
    }
    panic!("the times tell them apart: {seen:?}");
}
