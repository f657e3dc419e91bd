//! What somebody can come in by, as they see it and change it, with a provider that says what it is
//! told to.

use serde_json::{Value, json};
use unspoken_testkit::Database;

use super::way::{Away, Hostile, SUBJECT, now};
use super::{FRONT, query_of};
use crate::raw::Raw;

const PASSWORD: &str = "many small green apples";

/// An issuer that the vault is not set up for, and one that it is, but which nobody reaches.
const GONE: &str = "https://gone.invalid";
const OTHER: &str = "https://other.invalid";

/// What a form sends.
type Fields = &'static [(&'static str, &'static str)];

/// What changes how somebody signs in: where it is sent, what, and what its row says.
const CHANGES: [(&str, Fields, &str); 5] = [
    ("passkeys", &[("name", "mine"), ("client", "e30"), ("attestation", "oA")], "passkey.add"),
    ("passkeys/remove", &[("credential", "AAAA")], "passkey.remove"),
    ("accounts/remove", &[("issuer", OTHER), ("subject", "x")], "person.identity_remove"),
    (
        "second-factor",
        &[("secret", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), ("code", "000000")],
        "person.second_factor",
    ),
    // Another account than the one that they came by.
    ("provider/other", &[], "login.sign_in"),
];

/// What comes of each.
fn outcomes(away: &mut Away) -> [u16; 5] {
    CHANGES.map(|(path, fields, _)| {
        away.browser.open(&away.page("ways"));
        let page = away.page(path);
        away.browser.forge(&page, fields)
    })
}

#[track_caller]
fn assert_has(page: &str, texts: &[&str], others: &[&str]) {
    for text in texts {
        assert!(page.contains(text), "{text} is missing in {page}");
    }
    for text in others {
        assert!(!page.contains(text), "{text} is in {page}");
    }
}

#[test]
fn what_changes_the_ways_in_wants_a_provider_that_says_it_asked_anew() {
    for database in Database::ALL {
        let hostile = Hostile::on(database);
        let (bob, invitation) = hostile.ground.invite("bob@x");
        let mut away = hostile.leave_with(&invitation);
        let mut claims = hostile.claims(&away);
        claims["sub"] = json!("subject-of-bob");
        hostile.vouch(&claims);
        assert_eq!(hostile.back(&mut away), 200);
        // Who came by an invitation has shown that. One who came silently may look, and decide.
        away.browser.open(&away.page("ways"));
        assert_has(&away.browser.page, &[">Remove<", "Add a passkey"], &["Sign in again"]);
        let mut away = hostile.come_back_as(SUBJECT);
        assert!(!away.url.contains("max_age="));
        away.browser.open(&away.page("ways"));
        let shown = ["Sign in again at Corp", "<strong>Corp</strong>", "Linked ", "Used last "];
        let hidden = [">Remove<", "Add a passkey", "from now on", "Use your password", "<script"];
        assert_has(&away.browser.page, &shown, &hidden);
        assert_eq!(outcomes(&mut away), [403; 5]);
        for (_, _, action) in CHANGES {
            assert!(hostile.ground.has_row(action, "refused", &hostile.ada), "{action}");
        }
        // The key of a second factor is not shown either.
        away.browser.open(&away.page("second-factor"));
        assert_eq!(away.browser.url, away.page("ways"));
        let wrong: [(&str, Value); 9] = [
            ("auth_time", Value::Null),
            ("auth_time", json!("soon")),
            ("auth_time", json!([now()])),
            ("auth_time", json!(now() - 3600)),
            ("auth_time", json!(now() - 45)),
            ("auth_time", json!(now() + 3600)),
            ("auth_time", json!(i64::MIN)),
            ("sub", json!("subject-of-nobody")),
            ("sub", json!("subject-of-bob")),
        ];
        for (name, value) in wrong {
            let mut again = hostile.leave_again(away);
            assert_eq!(query_of(&again.url, "max_age"), "0");
            let mut claims = hostile.claims(&again);
            claims["auth_time"] = json!(now());
            claims[name] = value;
            hostile.vouch(&claims);
            assert_eq!(hostile.back(&mut again), 401, "{claims}");
            let is_time = name == "auth_time";
            let said = "Corp did not say that you have just signed in there";
            assert_eq!(again.browser.page.contains(said), is_time, "{}", again.browser.page);
            assert_eq!(again.browser.open(&again.page("ways")), 403, "{claims}");
            away = hostile.leave_for(again.begun);
            hostile.vouch(&hostile.claims(&away));
            assert_eq!(hostile.back(&mut away), 200);
        }
        let mut away = hostile.leave_again(away);
        let mut claims = hostile.claims(&away);
        claims["auth_time"] = json!(now());
        hostile.vouch(&claims);
        assert_eq!(hostile.back(&mut away), 200);
        assert_eq!(away.browser.url, away.page("ways"));
        assert_has(&away.browser.page, &[">Remove<", "Add a passkey"], &["Sign in again"]);
        let found = outcomes(&mut away);
        assert!(!found.contains(&403), "{found:?}");
        // Whoever signs in in its place, silently, has shown nothing.
        away = on_question(away);
        away.browser.submit("sign-out", &[]);
        away = hostile.leave_for(away.begun);
        hostile.vouch(&hostile.claims(&away));
        assert_eq!(hostile.back(&mut away), 200);
        assert_eq!(outcomes(&mut away), [403; 5]);
        assert_ne!(bob, hostile.ada);
    }
}

#[test]
fn an_account_is_removed_by_its_person_and_opens_nothing_more() {
    for database in Database::ALL {
        let hostile = Hostile::on(database);
        let ground = &hostile.ground;
        let (bob, invitation) = ground.invite("bob@x");
        let session = ground.vault.client().with_token(&invitation);
        let session = session.post("/v1/session", &json!({"device": "x"})).ok().text("/token");
        let session = ground.vault.client().with_token(&session);
        session.put("/v1/session/password", &json!({ "password": PASSWORD })).ok();
        let fields = [("email", "bob@x"), ("password", PASSWORD), ("code", "")];
        let with_password = || {
            let mut away = hostile.begin();
            away.browser.submit("sign-in", &fields);
            away.browser.open(&away.page("ways"));
            away
        };
        // A password is shown to the vault itself: whoever shows it can link an account.
        let mut away = with_password();
        assert_has(&away.browser.page, &["None is linked to you yet."], &["Sign in again"]);
        away.browser.submit("provider/corp", &[]);
        let mut away = away.left();
        let mut claims = hostile.claims(&away);
        claims["sub"] = json!("subject-of-bob");
        hostile.vouch(&claims);
        assert_eq!(hostile.back(&mut away), 200);
        assert_eq!(away.browser.url, away.page("ways"));
        assert_has(&away.browser.page, &["<strong>Corp</strong>", "Not used yet."], &[]);
        // Who came in silently and has a password can show that in place of asking the provider.
        let mut silent = hostile.come_back_as("subject-of-bob");
        silent.browser.open(&silent.page("ways"));
        let offered = ["Sign in again at Corp", "Use your password or a passkey instead"];
        assert_has(&silent.browser.page, &offered, &[">Remove<"]);
        silent.browser.submit("sign-out", &[]);
        silent.browser.submit("sign-in", &fields);
        silent.browser.open(&silent.page("ways"));
        assert_has(&silent.browser.page, &[">Remove<", "Used last "], &offered);
        // By the account Bob has a login under way, in which he has shown that it is him.
        let mut by_account = hostile.prove_as("subject-of-bob");
        let issuer = hostile.issuer.url().to_owned();
        // Ada's account is none of Bob's.
        let hers = [("issuer", issuer.as_str()), ("subject", SUBJECT)];
        let remove = away.page("accounts/remove");
        assert_eq!(away.browser.forge(&remove, &hers), 200);
        assert_eq!(hostile.come_back_as(SUBJECT).browser.status, 200);
        assert_eq!(away.browser.submit("accounts/remove", &[]), 200);
        assert_has(&away.browser.page, &["None is linked to you yet."], &[">Remove<"]);
        // What was shown by it counts no more; the login goes on, and so do sessions.
        let credential = by_account.page("passkeys/remove");
        assert_eq!(by_account.browser.forge(&credential, &[("credential", "AAAA")]), 403);
        let mut by_account = on_question(by_account);
        assert_eq!(ground.person_of(&mut by_account.browser, &by_account.begun), bob);
        session.get("/v1/session").ok();
        let mut away = hostile.leave();
        claims["nonce"] = json!(away.nonce);
        hostile.vouch(&claims);
        assert_eq!(hostile.back(&mut away), 401);
        for (action, names) in [("person.identity", "corp"), ("person.identity_remove", "corp")] {
            let path = format!("/v1/teams/{}/audit?action={action}", ground.team);
            let rows = ground.owner.get(&path).ok().json();
            let rows = rows["rows"].as_array().unwrap().clone();
            let is_it = |row: &Value| {
                row["actor"] == json!(bob)
                    && row["subject"] == json!(bob)
                    && row["names"] == names
                    && row["outcome"] == "done"
            };
            assert!(rows.iter().any(is_it), "{rows:?}");
        }
    }
}

#[test]
fn the_last_way_in_stays_and_an_account_that_opens_nothing_is_none() {
    for database in Database::ALL {
        let hostile = Hostile::on(database);
        let (raw, ada) = (Raw::of(&hostile.ground.vault), hostile.ada.clone());
        raw.change(&format!(
            "INSERT INTO identity (issuer, subject, person, made) VALUES ('{GONE}', 'a', '{ada}', 1)"
        ));
        let own = hostile.issuer.url().to_owned();
        let mut away = hostile.prove_as(SUBJECT);
        assert_has(
            &away.browser.page,
            &["<strong>https://gone.invalid</strong>", "so it lets nobody in", "1 January 1970"],
            &[],
        );
        let remove = |away: &mut Away, issuer: &str, subject: &str| {
            let page = away.page("accounts/remove");
            away.browser.open(&away.page("ways"));
            let status = away.browser.forge(&page, &[("issuer", issuer), ("subject", subject)]);
            let left = raw.rows(&format!("SELECT issuer FROM identity WHERE person = '{ada}'"));
            (status, left.len())
        };
        assert_eq!(remove(&mut away, &own, SUBJECT), (409, 2));
        assert_has(&away.browser.page, &["Without this you could not sign in any more."], &[]);
        assert_eq!(remove(&mut away, GONE, "a"), (200, 1));
        assert_eq!(remove(&mut away, &own, SUBJECT), (409, 1));
        // A passkey is a way in, and cannot go when it is the last one.
        let key = raw.bytes(&[0]);
        raw.change(&format!(
            "INSERT INTO passkey (id, person, name, key, counter, backup, made) \
             VALUES ('AAAA', '{ada}', 'key', {key}, 0, 0, 1)"
        ));
        assert_eq!(remove(&mut away, &own, SUBJECT), (200, 0));
        let passkey = away.page("passkeys/remove");
        assert_eq!(away.browser.forge(&passkey, &[("credential", "AAAA")]), 409);
        assert_eq!(raw.number("SELECT COUNT(*) FROM passkey"), 1);
    }
}

#[test]
fn of_two_who_remove_the_last_two_ways_in_one_is_refused() {
    let mut hostile = Hostile::on(Database::Postgres);
    let node = hostile.ground.start();
    let (raw, ada) = (Raw::of(&hostile.ground.vault), hostile.ada.clone());
    let own = hostile.issuer.url().to_owned();
    for _ in 0..4 {
        raw.change(&format!(
            "DELETE FROM identity; INSERT INTO identity (issuer, subject, person, made) \
             VALUES ('{OTHER}', 'a', '{ada}', 1), ('{own}', '{SUBJECT}', '{ada}', 1)"
        ));
        let (one, mut other) = (hostile.prove_as(SUBJECT), hostile.prove_as(SUBJECT));
        other.browser.turn_to(node);
        std::thread::scope(|scope| {
            for (mut away, issuer, subject) in [(one, own.as_str(), SUBJECT), (other, OTHER, "a")] {
                scope.spawn(move || {
                    let page = away.page("accounts/remove");
                    let status =
                        away.browser.forge(&page, &[("issuer", issuer), ("subject", subject)]);
                    assert!([200, 403, 409].contains(&status), "{status}");
                });
            }
        });
        assert_eq!(raw.number("SELECT COUNT(*) FROM identity"), 1);
    }
}

/// While a decision waits for somebody's row, another node may have let somebody else in.
#[test]
fn nobody_decides_for_whom_another_node_let_in_meanwhile() {
    let hostile = Hostile::on(Database::Postgres);
    let (raw, lock) = (Raw::of(&hostile.ground.vault), Raw::of(&hostile.ground.vault));
    let ada = &hostile.ada;
    let other =
        raw.rows(&format!("SELECT id FROM person WHERE id <> '{ada}' LIMIT 1"))[0][0].clone();
    for answer in ["allow", "refuse"] {
        let mut away = on_question(hostile.prove_as(SUBJECT));
        let login = away.begun.login.clone();
        lock.rows(&format!("BEGIN; SELECT id FROM person WHERE id = '{ada}' FOR UPDATE"));
        std::thread::scope(|scope| {
            let decided = scope.spawn(|| away.browser.submit("decide", &[("answer", answer)]));
            let waiting = "SELECT COUNT(*) FROM pg_stat_activity \
                WHERE datname = current_database() AND wait_event_type = 'Lock'";
            while raw.number(waiting) == 0 {
                assert!(!decided.is_finished(), "it did not wait");
                std::thread::yield_now();
            }
            raw.change(&format!("UPDATE login SET person = '{other}' WHERE id = '{login}'"));
            lock.rows("COMMIT");
            assert_eq!(decided.join().unwrap(), 409);
        });
        let progress = raw.rows(&format!("SELECT progress FROM login WHERE id = '{login}'"));
        assert_eq!(progress[0][0], "waiting");
    }
}

/// The same browser, before the question.
fn on_question(mut away: Away) -> Away {
    away.browser.open(&format!("{FRONT}/login/{}", away.begun.login));
    away
}
