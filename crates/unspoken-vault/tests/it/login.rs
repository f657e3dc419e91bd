//! Logins by a browser, from a program's first request to its session.

use serde_json::json;

use crate::front::{Ground, REDIRECT};

const PASSWORD: &str = "many small green apples";

/// Allows a login, and gives the code that the browser brings.
fn allowed(ground: &Ground, begun: &crate::front::Begun) -> String {
    let mut browser = ground.browser();
    assert_eq!(browser.sign_in(begun, "Ada@x", PASSWORD, "").status, 200, "{}", browser.page);
    let answer = browser.decide(begun, "allow");
    assert_eq!(answer.status, 303, "{}", answer.text);
    let (place, query) = answer.location().split_once('?').unwrap();
    assert_eq!(place, REDIRECT);
    let query: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap();
    assert_eq!(query[1], ("state".to_owned(), "st&te=1".to_owned()));
    assert_eq!(query[0].0, "code");
    query[0].1.clone()
}

#[test]
fn a_login_by_loopback_gives_one_session_to_who_began_it() {
    let ground = Ground::new();
    let (ada, _) = ground.person_with("ada@x", PASSWORD);
    let begun = ground.begin(Some(REDIRECT));
    assert_eq!(begun.body["url"], format!("http://{}/login/{}", ground.address, begun.login));
    let verifier = begun.verifier.clone();
    assert_eq!(ground.finish(&begun, &verifier, None).code(), "pending");
    let mut browser = ground.browser();
    let answer = browser.sign_in(&begun, "Ada@x", PASSWORD, "");
    assert_eq!(answer.status, 200);
    assert!(answer.text.contains("ada&#39;s &#60;b&#62;laptop"), "{}", answer.text);
    assert!(answer.text.contains(&format!(">{}</p>", begun.body["number"])));
    assert!(
        answer.headers["content-security-policy"]
            .contains("form-action 'self' http://127.0.0.1:4711;")
    );
    let code = allowed(&ground, &begun);
    // Without the code, with another one, without the verifier: nothing.
    for (verifier, code) in [
        (verifier.as_str(), None),
        (&verifier, Some("AAAA")),
        ("wrong", Some(code.as_str())),
        ("", Some(&code)),
    ] {
        let refused = ground.finish(&begun, verifier, code);
        assert_eq!((refused.status, refused.code().as_str()), (403, "forbidden"));
    }
    let made = ground.finish(&begun, &verifier, Some(&code));
    assert_eq!(made.status, 200, "{}", made.text);
    let session = made.json()["token"].as_str().unwrap().to_owned();
    assert!(session.starts_with("unsp_cli_"));
    assert_eq!(ground.get("/v1/session", &session)["person"], ada);
    // The same again is no more.
    assert_eq!(ground.finish(&begun, &verifier, Some(&code)).status, 403);
    assert_eq!(ground.browser().open(&format!("/login/{}", begun.login)).status, 404);
    let bytes = ground.bytes();
    for secret in [&code, &session, PASSWORD, verifier.as_str()] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
    let rows = ground.get(&format!("/v1/teams/{}/audit", ground.team), &ground.owner);
    let rows = rows["rows"].as_array().unwrap();
    for action in ["login.sign_in", "login.decide", "login.finish", "session.make"] {
        assert!(rows.iter().any(|row| row["action"] == action && row["actor"] == ada), "{action}");
    }
}

#[test]
fn a_login_of_a_device_waits_for_the_code_that_it_shows() {
    let ground = Ground::new();
    ground.person_with("ada@x", PASSWORD);
    let begun = ground.begin(None);
    let waiting = ground.finish(&begun, &begun.verifier, None);
    assert_eq!((waiting.status, waiting.code().as_str()), (425, "pending"));
    assert_eq!(waiting.headers["retry-after"], "3");
    let mut browser = ground.browser();
    assert_eq!(browser.open("/device").status, 200);
    assert_eq!(browser.submit("/device", &[("code", "BBBB-BBBB")]).status, 404);
    let code = begun.body["user_code"].as_str().unwrap().to_lowercase().replace('-', " ");
    assert_eq!(browser.submit("/device", &[("code", &code)]).status, 200);
    let fields = [("email", "ada@x"), ("password", PASSWORD)];
    browser.submit(&format!("/login/{}/sign-in", begun.login), &fields);
    assert!(browser.page.contains(&format!(">{}</p>", begun.body["number"])));
    // Nobody else gets there by the address alone.
    let address = format!("/login/{}", begun.login);
    assert_eq!(ground.browser().open(&address).status, 404);
    assert_eq!(ground.browser().open(&format!("{address}/invitation")).status, 404);
    let done = browser.decide(&begun, "allow");
    assert!(done.text.contains("You can close this window"), "{}", done.text);
    assert_eq!(ground.finish(&begun, "wrong", None).status, 403);
    assert_eq!(ground.finish(&begun, &begun.verifier, None).status, 200);
    assert_eq!(ground.finish(&begun, &begun.verifier, None).status, 403);
    // What is refused is told to who asks.
    let begun = ground.begin(None);
    browser.sign_in(&begun, "ada@x", PASSWORD, "");
    assert!(browser.decide(&begun, "refuse").text.contains("was not let in"));
    let refused = ground.finish(&begun, &begun.verifier, None);
    assert_eq!((refused.status, refused.code().as_str()), (403, "forbidden"));
}

#[test]
fn what_is_refused_brings_no_code() {
    let ground = Ground::new();
    ground.person_with("ada@x", PASSWORD);
    let begun = ground.begin(Some(REDIRECT));
    let mut browser = ground.browser();
    browser.sign_in(&begun, "ada@x", PASSWORD, "");
    let answer = browser.decide(&begun, "refuse");
    assert_eq!(answer.location(), format!("{REDIRECT}?error=access_denied&state=st%26te%3D1"));
    assert_eq!(ground.finish(&begun, &begun.verifier, Some("x")).status, 403);
}

#[test]
fn a_browser_is_sent_to_its_own_machine_alone() {
    let ground = Ground::new();
    let challenge = "A".repeat(43);
    let begin = |body| ground.status("POST", "/v1/logins", "", body);
    for redirect in [
        "http://evil.example/callback",
        "http://127.0.0.1:80@evil.example/callback",
        "http://127.0.0.1.evil.example:80/callback",
        "https://127.0.0.1:80/callback",
        "http://localhost:80/callback",
        "http://127.0.0.1:80/callback?next=http://evil.example",
        "//evil.example",
        "",
    ] {
        let body =
            json!({"device": "d", "challenge": challenge, "redirect": redirect, "state": "s"});
        assert_eq!(begin(body), 400, "{redirect}");
    }
    for port in ["http://127.0.0.1:9", "http://[::1]:65535"] {
        let redirect = format!("{port}/callback");
        let body =
            json!({"device": "d", "challenge": challenge, "redirect": redirect, "state": "s"});
        assert_eq!(begin(body), 200, "{redirect}");
    }
    for wrong in [
        json!({"device": "d", "challenge": "short"}),
        json!({"device": "", "challenge": challenge}),
        json!({"device": "d", "challenge": challenge, "state": "a b"}),
        json!({"device": "d", "challenge": challenge, "extra": 1}),
    ] {
        assert_eq!(begin(wrong.clone()), 400, "{wrong}");
    }
}

#[test]
fn a_form_that_our_page_did_not_send_is_refused() {
    let ground = Ground::new();
    ground.person_with("ada@x", PASSWORD);
    let begun = ground.begin(Some(REDIRECT));
    let mut browser = ground.browser();
    browser.sign_in(&begun, "ada@x", PASSWORD, "");
    let (path, seal) = (format!("/login/{}/decide", begun.login), browser.hidden("seal"));
    let held = browser.cookie.clone();
    // Without the seal, with another one, from a page of somebody else's, from another browser.
    assert_eq!(browser.post(&path, &[("answer", "allow")], &[]).status, 400);
    assert_eq!(browser.post(&path, &[("answer", "allow"), ("seal", "x")], &[]).status, 403);
    let whole = [("answer", "allow"), ("seal", seal.as_str())];
    for site in ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"] {
        assert_eq!(browser.post(&path, &whole, &[site]).status, 403);
    }
    let mut other = ground.browser();
    assert_eq!(other.post(&path, &whole, &[]).status, 403);
    other.open(&format!("/login/{}", begun.login));
    assert!(other.page.contains("current-password"), "another browser is asked who it is");
    let own = other.hidden("seal");
    assert_eq!(other.post(&path, &[("answer", "allow"), ("seal", &own)], &[]).status, 403);
    // Nor does the seal of one login serve another.
    let second = ground.begin(Some(REDIRECT));
    let elsewhere = format!("/login/{}/decide", second.login);
    assert_eq!(browser.post(&elsewhere, &whole, &[]).status, 403);
    assert_eq!(ground.finish(&begun, &begun.verifier, None).code(), "pending");
    browser.cookie = held;
    assert_eq!(browser.post(&path, &whole, &["Sec-Fetch-Site: same-origin"]).status, 303);
}

#[test]
fn a_person_who_is_shut_out_meanwhile_gets_no_session() {
    let ground = Ground::new();
    let (ada, _) = ground.person_with("ada@x", PASSWORD);
    let begun = ground.begin(Some(REDIRECT));
    let code = allowed(&ground, &begun);
    let second = ground.begin(Some(REDIRECT));
    let mut browser = ground.browser();
    browser.sign_in(&second, "ada@x", PASSWORD, "");
    assert_eq!(ground.change(&ground.owner, &ada, "suspend", json!({})), 204);
    assert_eq!(ground.finish(&begun, &begun.verifier, Some(&code)).status, 403);
    assert!(matches!(browser.decide(&second, "allow").status, 403 | 404));
    let third = ground.begin(Some(REDIRECT));
    assert_eq!(ground.browser().sign_in(&third, "ada@x", PASSWORD, "").status, 401);
    assert_eq!(ground.change(&ground.owner, &ada, "resume", json!({})), 204);
    assert_eq!(ground.finish(&begun, &begun.verifier, Some(&code)).status, 403);
    assert_eq!(ground.browser().sign_in(&third, "ada@x", PASSWORD, "").status, 200);
}

#[test]
fn pages_are_closed_to_frames_scripts_and_caches() {
    let ground = Ground::new();
    let begun = ground.begin(Some(REDIRECT));
    let paths = [
        "/device".to_owned(),
        format!("/login/{}", begun.login),
        "/login/login_000000000000".to_owned(),
    ];
    for path in paths {
        let answer = ground.browser().open(&path);
        let policy = &answer.headers["content-security-policy"];
        assert!(policy.contains("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"));
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"));
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["referrer-policy"], "no-referrer");
        assert_eq!(answer.headers["x-frame-options"], "DENY");
        assert!(!answer.text.contains("<script") && !answer.text.contains("style="));
        // The hash is the one of the style that the page has.
        let style = answer.text.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, style.as_bytes());
        let hash = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, hash);
        assert!(policy.contains(&format!("'sha256-{hash}'")));
    }
}
