//! Passwords, invitations and second factors, as people meet them.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::front::{Ground, REDIRECT, totp};

const PASSWORD: &str = "many small green apples";

#[test]
fn an_invited_person_chooses_a_password_and_a_second_factor() {
    let ground = Ground::empty();
    let begun = ground.begin(Some(REDIRECT));
    let mut browser = ground.browser();
    let path = format!("/login/{}/invitation", begun.login);
    browser.open(&path);
    let mut take = |invitation: &str, password: &str, again: &str| {
        let fields = [("invitation", invitation), ("password", password), ("again", again)];
        let answer = browser.submit(&path, &fields);
        assert!(!answer.text.contains(PASSWORD));
        answer
    };
    let invitation = ground.invitation.clone();
    assert_eq!(take(&invitation, "short", "short").status, 400);
    assert_eq!(take(&invitation, PASSWORD, "many small green pears").status, 400);
    assert_eq!(take("unsp_admin_nonsense", PASSWORD, PASSWORD).status, 401);
    let offered = take(&format!(" {invitation}\n"), PASSWORD, PASSWORD);
    assert_eq!(offered.status, 200);
    assert!(
        offered.text.contains("otpauth://totp/Unspoken:owner@example.com?secret="),
        "{}",
        offered.text
    );
    let secret = browser.hidden("secret");
    let second = format!("/login/{}/second-factor", begun.login);
    let wrong = browser.submit(&second, &[("secret", &secret), ("code", "000000")]);
    assert!(wrong.status == 400 && wrong.text.contains(&secret));
    let used = totp(&secret, 0);
    let asked = browser.submit(&second, &[("secret", &secret), ("code", &used)]);
    assert!(asked.text.contains("Allow this sign-in?"), "{}", asked.text);
    assert!(!asked.text.contains("Add a second factor"));
    assert_eq!(browser.decide(&begun, "allow").status, 303);
    // The invitation is spent, for both ways in.
    let again = ground.begin(Some(REDIRECT));
    let mut browser = ground.browser();
    let path = format!("/login/{}/invitation", again.login);
    browser.open(&path);
    let fields = [("invitation", invitation.as_str()), ("password", PASSWORD), ("again", PASSWORD)];
    assert_eq!(browser.submit(&path, &fields).status, 401);
    assert_eq!(ground.status("POST", "/v1/session", &invitation, json!({"device": "x"})), 401);
    // A code that was used is good for nothing; nor is none, nor a wrong one.
    for code in [used.as_str(), "", "000000"] {
        assert_eq!(
            ground.browser().sign_in(&again, "owner@example.com", PASSWORD, code).status,
            401
        );
    }
    let next = totp(&secret, 1);
    assert_eq!(ground.browser().sign_in(&again, "owner@example.com", "wrong", &next).status, 401);
    assert_eq!(ground.browser().sign_in(&again, "owner@example.com", PASSWORD, &next).status, 200);
    assert_eq!(ground.browser().sign_in(&again, "owner@example.com", PASSWORD, &next).status, 401);
    let bytes = ground.bytes();
    for secret in [secret.as_str(), PASSWORD, &invitation] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
}

#[test]
fn who_is_known_and_who_is_not_read_the_same_after_the_same_time() {
    let ground = Ground::new();
    ground.person_with("ada@x", PASSWORD);
    ground.person("bare@x", "reader");
    let begun = ground.begin(Some(REDIRECT));
    let read = |email: &str| {
        let mut browser = ground.browser();
        let answer = browser.sign_in(&begun, email, "not the password", "");
        assert_eq!(answer.status, 401);
        answer.text.replace(email, "EMAIL").replace(&browser.hidden("seal"), "SEAL")
    };
    assert_eq!(read("ada@x"), read("nobody@x"));
    assert_eq!(read("ada@x"), read("bare@x"));
    let time = |email: &str| {
        let mut browser = ground.browser();
        browser.open(&format!("/login/{}", begun.login));
        let start = Instant::now();
        let fields = [("email", email), ("password", "not the password")];
        browser.submit(&format!("/login/{}/sign-in", begun.login), &fields);
        start.elapsed()
    };
    let fastest = |email: &str| (0..6).map(|_| time(email)).min().unwrap();
    let (known, unknown) = (fastest("ada@x"), fastest("nobody@x"));
    // Without the work for nobody, one would be a small part of the other.
    assert!(known < 3 * unknown && unknown < 3 * known, "{known:?} {unknown:?}");
    assert!(unknown > Duration::from_millis(4), "{unknown:?}");
}

#[test]
fn who_tries_too_often_waits() {
    let ground = Ground::new();
    ground.person_with("ada@x", PASSWORD);
    let begun = ground.begin(Some(REDIRECT));
    let answers: Vec<_> =
        (0..11).map(|_| ground.browser().sign_in(&begun, "ada@x", "wrong", "")).collect();
    assert!(answers[..10].iter().all(|answer| answer.status == 401));
    assert_eq!(answers[10].status, 429);
    assert!(answers[10].headers["retry-after"].parse::<u32>().unwrap() >= 1);
    assert!(answers[10].text.contains("Too many attempts"));
    // Even with the right one; and others are not held by it.
    assert_eq!(ground.browser().sign_in(&begun, "ADA@x", PASSWORD, "").status, 429);
    assert_eq!(ground.browser().sign_in(&begun, "eve@x", "wrong", "").status, 401);
}

#[test]
fn a_password_is_changed_by_who_knows_it_and_ends_other_sessions() {
    let ground = Ground::new();
    let (_, session) = ground.person_with("ada@x", PASSWORD);
    let change = |body| ground.status("PUT", "/v1/session/password", &session, body);
    let newer = "fewer large red plums";
    assert_eq!(change(json!({"password": newer})), 403);
    assert_eq!(change(json!({"current": "wrong", "password": newer})), 403);
    assert_eq!(change(json!({"current": PASSWORD, "password": "short"})), 400);
    let begun = ground.begin(None);
    let mut browser = ground.browser();
    browser.sign_in(&begun, "ada@x", PASSWORD, "");
    browser.decide(&begun, "allow");
    let made = ground.finish(&begun, &begun.verifier, None).json();
    let other = made["token"].as_str().unwrap();
    assert_eq!(change(json!({"current": PASSWORD, "password": newer})), 204);
    assert_eq!(ground.call("GET", "/v1/session", other, None).status, 401);
    ground.get("/v1/session", &session);
    let begun = ground.begin(None);
    assert_eq!(ground.browser().sign_in(&begun, "ada@x", PASSWORD, "").status, 401);
    assert_eq!(ground.browser().sign_in(&begun, "ada@x", newer, "").status, 200);
}

#[test]
fn somebody_else_can_sign_in_in_the_same_browser() {
    let ground = Ground::new();
    ground.person_with("ada@x", PASSWORD);
    let begun = ground.begin(Some(REDIRECT));
    let mut browser = ground.browser();
    let before = browser.open(&format!("/login/{}", begun.login)).headers["set-cookie"].clone();
    browser.sign_in(&begun, "ada@x", PASSWORD, "");
    assert_ne!(before.split(';').next().unwrap(), browser.cookie.clone().unwrap());
    let kept = browser.cookie.clone();
    browser.submit(&format!("/login/{}/sign-out", begun.login), &[]);
    assert!(browser.page.contains("current-password"));
    browser.cookie = kept;
    assert!(browser.open(&format!("/login/{}", begun.login)).text.contains("current-password"));
}
