//! Teams, people and roles.

use serde_json::json;

use crate::front::Ground;

#[test]
fn a_person_is_invited_comes_in_once_and_is_seen() {
    let ground = Ground::new();
    let (id, invitation) = ground.invite(&ground.owner, " Ada@Example.COM", "developer");
    // An invitation is no session.
    assert_eq!(ground.call("GET", "/v1/teams", &invitation, None).status, 403);
    let session = ground.session(&invitation);
    let again = ground.call("POST", "/v1/session", &invitation, Some(json!({"device": "x"})));
    assert_eq!(again.status, 401);
    let teams = ground.get("/v1/teams", &session);
    assert_eq!(teams["teams"][0]["id"], ground.team);
    let path = format!("/v1/teams/{}/people", ground.team);
    assert_eq!(ground.call("GET", &path, &session, None).status, 403);
    let people = ground.get(&path, &ground.owner);
    assert_eq!(people["people"][0]["email"], "ada@example.com");
    assert_eq!(people["people"][0]["state"], "active");
    assert_eq!(people["people"][0]["roles"], json!([{"role": "developer"}]));
    assert_eq!(people["people"][1]["state"], "active");
    let rows = ground.get(&format!("/v1/teams/{}/audit", ground.team), &ground.owner);
    let invited =
        rows["rows"].as_array().unwrap().iter().find(|row| row["action"] == "person.invite");
    let invited = invited.unwrap();
    assert_eq!((&invited["subject"], &invited["names"]), (&json!(id), &json!("developer")));
    for wrong in ["", "ada", "a b@c", "a@b@c"] {
        let body = json!({"email": wrong, "name": "x", "role": "reader"});
        assert_eq!(ground.status("POST", &path, &ground.owner, body), 400, "{wrong}");
    }
}

#[test]
fn nobody_gives_or_takes_what_is_above_them() {
    let ground = Ground::new();
    let (admin, admin_session) = ground.person("admin@x", "admin");
    let (_, developer_session) = ground.person("dev@x", "developer");
    let (reader, _) = ground.person("reader@x", "reader");
    let owner = ground.get("/v1/session", &ground.owner)["person"].as_str().unwrap().to_owned();
    let give = |token: &str, person: &str, role: &str| {
        ground.change(token, person, "roles", json!({ "role": role }))
    };
    assert_eq!(give(&developer_session, &reader, "reader"), 403);
    assert_eq!(give(&admin_session, &admin, "owner"), 403);
    assert_eq!(give(&admin_session, &reader, "owner"), 403);
    assert_eq!(give(&admin_session, &owner, "reader"), 403);
    assert_eq!(ground.change(&admin_session, &owner, "roles", json!({})), 403);
    assert_eq!(ground.change(&admin_session, &owner, "suspend", json!({})), 403);
    assert_eq!(ground.change(&admin_session, &owner, "invitation", json!({})), 403);
    let path = format!("/v1/teams/{}/people", ground.team);
    let invite = |role: &str| json!({"email": "new@x", "name": "New", "role": role});
    assert_eq!(ground.status("POST", &path, &admin_session, invite("owner")), 403);
    assert_eq!(ground.status("POST", &path, &developer_session, invite("reader")), 403);
    assert_eq!(ground.status("POST", &path, &admin_session, invite("god")), 400);
    assert_eq!(give(&admin_session, &reader, "admin"), 204);
    // Somebody who is not there, and a team that is not there, look alike.
    assert_eq!(give(&ground.owner, "per_000000000000", "reader"), 403);
    let nowhere = "/v1/teams/team_000000000000/people";
    assert_eq!(ground.call("GET", nowhere, &ground.owner, None).status, 403);
}

#[test]
fn a_role_at_a_project_or_an_environment_holds_there_alone() {
    let ground = Ground::new();
    let (ada, session) = ground.person("ada@x", "reader");
    assert_eq!(ground.change(&ground.owner, &ada, "roles", json!({})), 204);
    assert_eq!(ground.get("/v1/teams", &session), json!({"teams": []}));
    let made = |path: &str, name: &str| {
        let answer = ground.call("POST", path, &ground.owner, Some(json!({ "name": name })));
        answer.json()["id"].as_str().unwrap().to_owned()
    };
    // Who is nothing in the team any more is no member whom a role could be given to.
    assert_eq!(ground.change(&ground.owner, &ada, "roles", json!({"role": "reader"})), 403);
    ground.invite(&ground.owner, "ada@x", "reader");
    let project = made(&format!("/v1/teams/{}/projects", ground.team), "acme");
    let environments = format!("/v1/projects/{project}/environments");
    let (one, other) = (made(&environments, "one"), made(&environments, "other"));
    let set = json!({"set": {"A": {"value": "x"}}});
    let write = |environment: &str| {
        ground.status(
            "PATCH",
            &format!("/v1/environments/{environment}/secrets"),
            &session,
            set.clone(),
        )
    };
    assert_eq!((write(&one), write(&other)), (403, 403));
    let role = json!({"role": "developer", "environment": one});
    assert_eq!(ground.change(&ground.owner, &ada, "roles", role.clone()), 204);
    assert_eq!((write(&one), write(&other)), (200, 403));
    let mut none = role;
    none["role"] = json!(null);
    assert_eq!(ground.change(&ground.owner, &ada, "roles", none), 204);
    assert_eq!((write(&one), write(&other)), (403, 403));
    let owner = json!({"role": "owner", "project": project});
    assert_eq!(ground.change(&ground.owner, &ada, "roles", owner), 400);
    let foreign = json!({"role": "reader", "project": "proj_000000000000"});
    assert_eq!(ground.change(&ground.owner, &ada, "roles", foreign), 403);
}

#[test]
fn a_team_keeps_an_owner_who_can_act() {
    let ground = Ground::new();
    let owner = ground.get("/v1/session", &ground.owner)["person"].as_str().unwrap().to_owned();
    let kept = |status| {
        for (what, body) in [
            ("roles", json!({"role": "admin"})),
            ("roles", json!({})),
            ("suspend", json!({})),
            ("invitation", json!({})),
        ] {
            assert_eq!(ground.change(&ground.owner, &owner, what, body), status, "{what}");
        }
    };
    kept(409);
    // An owner who has not come in cannot act.
    let (second, invitation) = ground.invite(&ground.owner, "second@x", "owner");
    kept(409);
    let session = ground.session(&invitation);
    assert_eq!(ground.change(&session, &owner, "suspend", json!({})), 204);
    assert_eq!(ground.call("GET", "/v1/session", &ground.owner, None).status, 401);
    assert_eq!(ground.change(&session, &second, "suspend", json!({})), 409);
}

#[test]
fn a_suspension_ends_sessions_at_once_and_for_good() {
    let ground = Ground::new();
    let (ada, session) = ground.person("ada@x", "developer");
    let (eve, invitation) = ground.invite(&ground.owner, "eve@x", "developer");
    for person in [&ada, &eve] {
        assert_eq!(ground.change(&ground.owner, person, "suspend", json!({})), 204);
    }
    assert_eq!(ground.call("GET", "/v1/session", &session, None).status, 401);
    assert_eq!(ground.status("POST", "/v1/session", &invitation, json!({"device": "x"})), 401);
    for person in [&ada, &eve] {
        assert_eq!(ground.change(&ground.owner, person, "resume", json!({})), 204);
    }
    // What was ended stays so.
    assert_eq!(ground.call("GET", "/v1/session", &session, None).status, 401);
    assert_eq!(ground.status("POST", "/v1/session", &invitation, json!({"device": "x"})), 401);
    let path = format!("/v1/teams/{}/people/{ada}/invitation", ground.team);
    let again = ground.call("POST", &path, &ground.owner, Some(json!({}))).json();
    let session = ground.session(again["token"].as_str().unwrap());
    assert_eq!(ground.get("/v1/session", &session)["person"], ada);
}

#[test]
fn one_team_cannot_take_over_a_person_of_another() {
    let ground = Ground::new();
    let (boss, boss_session) = ground.person("boss@x", "owner");
    // Two teams: the second is the boss's alone.
    let second = ground.call("POST", "/v1/teams", &boss_session, Some(json!({"name": "second"})));
    let second = second.json()["id"].as_str().unwrap().to_owned();
    let (_, plain) = ground.person("plain@x", "admin");
    assert_eq!(ground.status("POST", "/v1/teams", &plain, json!({"name": "third"})), 403);
    for what in ["suspend", "invitation"] {
        assert_eq!(ground.change(&ground.owner, &boss, what, json!({})), 409, "{what}");
    }
    assert_eq!(ground.get("/v1/session", &boss_session)["person"], boss);
    // Who is known joins without another invitation, and whoever holds the first gets no more by it.
    let (_, waiting) = ground.invite(&ground.owner, "new@x", "reader");
    let body = json!({"email": "new@x", "name": "New", "role": "owner"});
    let path = format!("/v1/teams/{second}/people");
    assert_eq!(ground.status("POST", &path, &boss_session, body.clone()), 409);
    ground.session(&waiting);
    let joined = ground.call("POST", &path, &boss_session, Some(body));
    assert_eq!(joined.status, 200);
    assert!(joined.json().get("token").is_none());
}

#[test]
fn a_sole_owner_who_is_locked_out_is_let_in_by_who_runs_the_vault() {
    let ground = Ground::new();
    let owner = ground.get("/v1/session", &ground.owner)["person"].clone();
    let (is_done, said) = ground.operate("invite", "nobody@x");
    assert!(!is_done && said.contains("nobody here is known as `nobody@x`"), "{said}");
    ground.get("/v1/session", &ground.owner);
    let (is_done, said) = ground.operate("invite", "OWNER@example.com");
    assert!(is_done, "{said}");
    assert_eq!(ground.call("GET", "/v1/session", &ground.owner, None).status, 401);
    let session = ground.session(said.split_whitespace().last().unwrap());
    assert_eq!(ground.get("/v1/session", &session)["person"], owner);
    let rows = ground.get(&format!("/v1/teams/{}/audit", ground.team), &session);
    let rows = rows["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row["action"] == "person.invite").unwrap();
    assert_eq!((&row["subject"], &row["actor"]), (&owner, &json!("")));
}
