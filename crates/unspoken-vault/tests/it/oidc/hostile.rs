//! What a real provider never does, and what others try on the way.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use unspoken_testkit::{Database, Issuer, IssuerSays};

use super::way::{Away, CLIENT, Hostile, now};
use super::{FRONT, REDIRECT, query_of};

#[test]
fn a_browser_leaves_with_what_ties_its_way_back_to_it() {
    let hostile = Hostile::on(Database::Sqlite);
    let (one, other) = (hostile.leave(), hostile.leave());
    assert!(one.url.starts_with(&format!("{}/authorize?", hostile.issuer.url())), "{}", one.url);
    let part = |name| query_of(&one.url, name);
    assert_eq!(part("response_type"), "code");
    assert_eq!(part("client_id"), CLIENT);
    assert_eq!(part("redirect_uri"), format!("{FRONT}/oidc/corp/callback"));
    assert_eq!(
        (part("scope"), part("code_challenge_method")),
        ("openid email".into(), "S256".into())
    );
    assert!(!one.url.contains("prompt=") && !one.url.contains("max_age="));
    for name in ["state", "nonce", "code_challenge"] {
        assert_eq!(part(name).len(), 43, "{name}");
        assert_ne!(part(name), query_of(&other.url, name), "{name}");
    }
    // The verifier fits the challenge, and neither stands in the store.
    let mut one = one;
    hostile.vouch(&hostile.claims(&one));
    hostile.issuer.asked();
    assert_eq!(hostile.back(&mut one), 200);
    let asked = hostile.issuer.asked();
    let token = asked.iter().find(|asked| asked.line == "POST /token").unwrap();
    let form: Vec<(String, String)> = serde_urlencoded::from_str(&token.body).unwrap();
    let field =
        |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let verifier = field("code_verifier").unwrap();
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    assert_eq!(URL_SAFE_NO_PAD.encode(hash), query_of(&one.url, "code_challenge"));
    assert_eq!(field("code").as_deref(), Some("good"));
    // Who has no secret says who they are in the form, and nowhere else.
    assert_eq!(field("client_id").as_deref(), Some(CLIENT));
    assert!(!token.headers.contains_key("authorization"));
    let store = std::fs::read_dir(hostile.ground.vault.folder().join("data")).unwrap();
    let bytes: Vec<u8> =
        store.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    for text in [&verifier, &one.state, &one.nonce, &other.state] {
        assert!(!bytes.windows(text.len()).any(|part| part == text.as_bytes()));
    }
}

#[test]
fn what_does_not_hold_lets_nobody_in() {
    let hostile = Hostile::on(Database::Sqlite);
    let begun = hostile.ground.begin(Some(REDIRECT)).login;
    let leave = || {
        let body = json!({});
        hostile.leave_for(super::Begun { login: begun.clone(), body })
    };
    let try_token = |away: &mut Away, token: &str, what: &str| {
        hostile.answer_with(token);
        assert_eq!(hostile.back(away), 401, "{what}");
        assert!(away.browser.page.contains("Corp did not say who you are"), "{what}");
        assert!(!away.is_in(), "{what}");
    };
    let wrong: [(&str, Value); 11] = [
        ("nonce", json!("another")),
        ("nonce", json!(null)),
        ("iss", json!("https://other.invalid")),
        ("aud", json!("another-client")),
        ("aud", json!([CLIENT, "another-client"])),
        ("azp", json!("another-client")),
        ("exp", json!(now() - 60)),
        ("exp", json!(null)),
        ("nbf", json!(now() + 600)),
        ("sub", json!(null)),
        ("sub", json!("")),
    ];
    for (name, value) in wrong {
        let mut away = leave();
        let mut claims = hostile.claims(&away);
        claims[name] = value;
        try_token(&mut away, &hostile.issuer.sign(&claims), &claims.to_string());
    }
    let mut away = leave();
    let claims = hostile.claims(&away);
    let text = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let none = format!("{}.{}.", text(&json!({ "alg": "none", "kid": "rsa-1" })), text(&claims));
    try_token(&mut away, &none, "no signature");
    for secret in [hostile.issuer.modulus(), Vec::new()] {
        let mut away = leave();
        let header = Header { kid: Some("rsa-1".into()), ..Header::new(Algorithm::HS256) };
        let shared = encode(&header, &hostile.claims(&away), &EncodingKey::from_secret(&secret));
        try_token(&mut away, &shared.unwrap(), "a shared secret");
    }
    let mut away = leave();
    let token = Issuer::start().sign(&hostile.claims(&away));
    try_token(&mut away, &token, "somebody else's key of the same name");
    let mut away = leave();
    let crossed = json!({ "alg": "ES256", "kid": "rsa-1" });
    let token = hostile.issuer.sign_as(&crossed, &hostile.claims(&away));
    try_token(&mut away, &token, "another kind of key than it is named by");
    // An elliptic key is as good as the other.
    let mut away = leave();
    hostile.answer_with(&hostile.issuer.sign_by_curve(&hostile.claims(&away)));
    assert_eq!(hostile.back(&mut away), 200);
    assert!(away.is_in());
}

/// What is answered to a browser's code.
type Says<'h> = Box<dyn Fn(&Away) -> IssuerSays + 'h>;

#[test]
fn answers_that_are_none_let_nobody_in_and_hold_nobody_up() {
    let hostile = Hostile::on(Database::Sqlite);
    let good = |away: &Away| json!({ "id_token": hostile.issuer.sign(&hostile.claims(away)) });
    let answers: [(&str, Says<'_>); 6] = [
        (
            "sent on",
            Box::new(|away| IssuerSays {
                headers: vec![format!("Location: {}/token", hostile.issuer.url())],
                ..IssuerSays::new("302 Found", &good(away))
            }),
        ),
        (
            "refused",
            Box::new(|_| IssuerSays::new("400 Bad Request", &json!({"error": "invalid_grant"}))),
        ),
        ("broken", Box::new(|away| IssuerSays::new("500 Oops", &good(away)))),
        (
            "no JSON",
            Box::new(|_| IssuerSays {
                body: b"<html>".to_vec(),
                ..IssuerSays::new("200 OK", &json!(0))
            }),
        ),
        (
            "huge",
            Box::new(|_| IssuerSays {
                body: vec![b' '; 1 << 20],
                ..IssuerSays::new("200 OK", &json!(0))
            }),
        ),
        (
            "slow",
            Box::new(|away| IssuerSays {
                delay: Duration::from_secs(8),
                ..IssuerSays::new("200 OK", &good(away))
            }),
        ),
    ];
    for (what, answer) in answers {
        let mut away = hostile.leave();
        hostile.say(answer(&away));
        let begun = Instant::now();
        assert_eq!(hostile.back(&mut away), 401, "{what}");
        assert!(begun.elapsed() < Duration::from_secs(7), "{what}");
        assert!(!away.is_in() && away.browser.page.contains("role=\"alert\""), "{what}");
        // The way is over, whatever the provider says next.
        hostile.vouch(&hostile.claims(&away));
        assert_eq!(hostile.back(&mut away), 404, "{what}");
    }
    // What a provider says against somebody is not repeated.
    let mut away = hostile.leave();
    let url = format!(
        "{FRONT}/oidc/corp/callback?error=access_denied&error_description=%3Cb%3EMallory&state={}",
        away.state
    );
    assert_eq!(away.browser.open_from("idp", &url), 401);
    assert!(!away.browser.page.contains("Mallory"));
    assert!(
        hostile
            .ground
            .vault
            .logs()
            .contains("provider `corp` does not take a code (status 400) invalid_grant")
    );
}

#[test]
fn a_way_back_is_for_one_browser_and_once() {
    for database in Database::ALL {
        let hostile = Hostile::on(database);
        let (mut ada, mut eve) = (hostile.leave(), hostile.leave());
        hostile.shown();
        // Login CSRF: Eve has Ada's browser finish Eve's way, with a code of Eve's.
        let url = |state: &str| format!("{FRONT}/oidc/corp/callback?code=good&state={state}");
        hostile.vouch(&hostile.claims(&eve));
        assert_eq!(ada.browser.open_from("evil", &url(&eve.state)), 403);
        // A browser that was never here, and numbers that nobody was given.
        assert_eq!(hostile.ground.browser().open_from("evil", &url(&eve.state)), 403);
        for query in ["", "code=good", "code=good&state=", "code=good&state=x", "state=x&error=x"] {
            let address = format!("{FRONT}/oidc/corp/callback?{query}");
            assert_eq!(ada.browser.open_from("evil", &address), 404, "{query}");
        }
        let twice = format!("{}&state={}", url(&ada.state), eve.state);
        assert_eq!(ada.browser.open_from("evil", &twice), 400);
        for more in ["&code=other", "&error=x"] {
            assert_eq!(ada.browser.open_from("evil", &(url(&ada.state) + more)), 400, "{more}");
        }
        assert_eq!(hostile.shown(), 0, "no code was shown to the provider");
        // Ada's own way still leads back, once.
        hostile.vouch(&hostile.claims(&ada));
        assert_eq!(hostile.back(&mut ada), 200);
        assert!(ada.is_in());
        assert_eq!(hostile.shown(), 1);
        assert_eq!(hostile.back(&mut ada), 404);
        assert_eq!(hostile.shown(), 0, "a code is not shown twice");
        // What Eve's provider says for Ada's way does not serve Eve's.
        hostile.vouch(&hostile.claims(&ada));
        assert_eq!(hostile.back(&mut eve), 401);
        // Whoever leaves anew is not known by the way before; and a login that is over has none.
        let first = hostile.leave();
        let login = super::Begun { login: first.begun.login.clone(), body: json!({}) };
        let mut second = hostile.leave_for(login);
        second.browser.open_from("idp", &url(&first.state));
        assert_eq!(second.browser.status, 404);
        ada.browser.open(&format!("{FRONT}/login/{}", ada.begun.login));
        let person = hostile.ground.person_of(&mut ada.browser, &ada.begun);
        assert_eq!(person, hostile.ada);
        let login = format!("{FRONT}/login/{}", ada.begun.login);
        assert_eq!(ada.browser.open(&login), 404);
    }
}

#[test]
fn an_invitation_is_spent_by_who_shows_anew_who_they_are_and_once() {
    for database in Database::ALL {
        let hostile = Hostile::on(database);
        let (bob, invitation) = hostile.ground.invite("bob@x");
        let claims = |away: &Away, since: i64| {
            let mut claims = hostile.claims(away);
            claims["sub"] = json!("subject-of-bob");
            claims["auth_time"] = json!(now() - since);
            claims
        };
        // Somebody signed in there long before, and has left the browser open.
        let mut away = hostile.leave_with(&invitation);
        assert_eq!(query_of(&away.url, "max_age"), "0");
        hostile.vouch(&claims(&away, 3600));
        assert_eq!(hostile.back(&mut away), 401);
        // Two leave with the same invitation, and one comes in.
        let (mut one, mut other) =
            (hostile.leave_with(&invitation), hostile.leave_with(&invitation));
        hostile.vouch(&claims(&one, 5));
        assert_eq!(hostile.back(&mut one), 200);
        let mut of_eve = claims(&other, 5);
        of_eve["sub"] = json!("subject-of-eve");
        hostile.vouch(&of_eve);
        assert_eq!(hostile.back(&mut other), 401);
        assert_eq!(hostile.ground.person_of(&mut one.browser, &one.begun), bob);
        // An invitation that was taken back meanwhile is none.
        let (eve, invitation) = hostile.ground.invite("eve@x");
        let mut away = hostile.leave_with(&invitation);
        hostile.ground.change(&eve, "suspend");
        let mut claims = claims(&away, 5);
        claims["sub"] = json!("subject-of-eve");
        hostile.vouch(&claims);
        assert_eq!(hostile.back(&mut away), 401);
        hostile.ground.change(&eve, "resume");
        assert_eq!(hostile.back(&mut away), 404);
    }
}

#[test]
fn a_way_back_leads_to_any_node() {
    let mut hostile = Hostile::on(Database::Postgres);
    let mut away = hostile.leave();
    let other = hostile.ground.start();
    away.browser.turn_to(other);
    hostile.vouch(&hostile.claims(&away));
    assert_eq!(hostile.back(&mut away), 200);
    assert!(away.is_in());
    assert_eq!(hostile.back(&mut away), 404);
    // Of many who bring the same to both at once, with a provider that takes a code as often as it is
    // shown, one comes in.
    let nodes = hostile.ground.vault.addresses();
    for _ in 0..5 {
        let away = hostile.leave();
        hostile.vouch(&hostile.claims(&away));
        let url = format!("{FRONT}/oidc/corp/callback?code=good&state={}", away.state);
        let count = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..8)
                .map(|number| {
                    let (mut browser, url) = (away.browser.clone(), &url);
                    browser.turn_to(nodes[number % 2]);
                    scope.spawn(move || {
                        browser.open_from("idp", url);
                        browser.page.contains("Allow this sign-in?")
                    })
                })
                .collect();
            tries.into_iter().filter_map(|one| one.join().unwrap().then_some(())).count()
        });
        assert_eq!(count, 1);
    }
}

#[test]
fn an_answer_of_one_provider_is_not_taken_for_anothers() {
    let issuer = Issuer::start();
    let hostile = Hostile::with(Database::Sqlite, &issuer, true);
    let mut away = hostile.leave();
    hostile.vouch(&hostile.claims(&away));
    let state = away.state.clone();
    let back = |path: &str, more: &str| {
        format!("{FRONT}/oidc/{path}/callback?code=good&state={state}{more}")
    };
    hostile.shown();
    for url in [
        back("other", ""),
        back("corp", "&iss=https%3A%2F%2Fother.invalid"),
        back("corp", &format!("&iss={}%2F", issuer.url())),
        back("corp", "&iss="),
    ] {
        assert_eq!(away.browser.open_from("idp", &url), 403, "{url}");
    }
    assert_eq!(away.browser.open_from("idp", &back("nobody", "")), 404);
    assert_eq!(hostile.shown(), 0);
    let own = back("corp", &format!("&iss={}", issuer.url()));
    assert_eq!(away.browser.open_from("idp", &own), 200);
    assert!(away.is_in());
    // One that says of itself that it always names itself, has to.
    let issuer = Issuer::start();
    let url = issuer.url().to_owned();
    let hostile = Hostile::with(Database::Sqlite, &issuer, false);
    hostile.issuer.play(move |asked| {
        (asked.line == "GET /.well-known/openid-configuration").then(|| {
            IssuerSays::new(
                "200 OK",
                &json!({
                    "issuer": url, "jwks_uri": format!("{url}/keys"),
                    "authorization_endpoint": format!("{url}/authorize"),
                    "token_endpoint": format!("{url}/token"),
                    "authorization_response_iss_parameter_supported": true,
                }),
            )
        })
    });
    let mut away = hostile.leave();
    assert_eq!(hostile.back(&mut away), 403);
}

#[test]
fn nobody_is_sent_where_a_request_says() {
    let hostile = Hostile::on(Database::Sqlite);
    let mut away = hostile.leave();
    // What is asked behind the question mark is spelt anew, and leads here.
    let nasty = "next=https%3A%2F%2Fevil.example&url=%22%3E%3Cscript%3E&redirect_uri=https%3A%2F%2Fevil.example";
    let url = format!("{FRONT}/oidc/corp/callback?{nasty}&state={}&code=good", away.state);
    hostile.vouch(&hostile.claims(&away));
    assert_eq!(away.browser.open_from("evil", &url), 200);
    assert!(away.is_in() && away.browser.trace.iter().all(|line| !line.contains(" https://evil")));
    let client = hostile.ground.vault.client();
    let page =
        client.get("/oidc/corp/callback?x=%22%3E%3Cscript%3E&state=y&a=https://evil.example");
    let text = String::from_utf8(page.body.clone()).unwrap();
    assert!(text.contains("content=\"0; url=/oidc/corp/callback?"), "{text}");
    assert!(!text.contains("<script") && !text.contains("\">&"));
    assert!(page.header("set-cookie").is_none());
    for path in [
        "/oidc/..%2f..%2fevil.example/callback",
        "/oidc/nobody/callback",
        "/oidc//evil.example/callback",
    ] {
        client.get(path).is(404);
    }
    // A form of ours alone sends anybody away.
    let login = hostile.ground.begin(Some(REDIRECT)).login;
    let path = format!("/login/{login}/provider/corp");
    client.get(&path).is(405);
    let sent =
        |headers: &[(&str, &str)], body: &[u8]| client.send("POST", &path, headers, body).status;
    assert_eq!(
        (sent(&[], b""), sent(&[], b"seal=x"), sent(&[("Cookie", "__Host-unspoken=x")], b"seal=x")),
        (400, 403, 403)
    );
}

#[test]
fn keys_are_fetched_anew_when_one_is_missing_and_not_for_everybody() {
    let hostile = Hostile::on(Database::Sqlite);
    hostile.issuer.asked();
    let fetches = |hostile: &Hostile| {
        hostile.issuer.asked().iter().filter(|asked| asked.line == "GET /keys").count()
    };
    let mut away = hostile.leave();
    hostile.vouch(&hostile.claims(&away));
    assert_eq!(hostile.back(&mut away), 200);
    assert_eq!(fetches(&hostile), 0, "they are known");
    hostile.issuer.rotate();
    let begun = Instant::now();
    let mut tries = 0;
    loop {
        let mut away = hostile.leave();
        hostile.vouch(&hostile.claims(&away));
        tries += 1;
        if hostile.back(&mut away) == 200 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "the new keys are not found");
        std::thread::sleep(Duration::from_millis(2500));
    }
    assert_eq!(fetches(&hostile), 1, "after {tries} tries");
}

#[test]
fn what_an_issuer_publishes_is_bounded_and_its_own() {
    let keys: [(&str, IssuerSays); 5] = [
        ("huge", IssuerSays { body: vec![b' '; 1 << 20], ..IssuerSays::new("200 OK", &json!(0)) }),
        (
            "slow",
            IssuerSays {
                delay: Duration::from_secs(8),
                ..IssuerSays::new("200 OK", &json!({"keys": []}))
            },
        ),
        (
            "sent on",
            IssuerSays {
                headers: vec!["Location: /keys2".into()],
                ..IssuerSays::new("302 Found", &json!({"keys": []}))
            },
        ),
        (
            "deep",
            IssuerSays {
                body: "[".repeat(100_000).into_bytes(),
                ..IssuerSays::new("200 OK", &json!(0))
            },
        ),
        ("nothing", IssuerSays { body: Vec::new(), ..IssuerSays::new("200 OK", &json!(0)) }),
    ];
    for (what, says) in keys {
        let hostile = Hostile::with(Database::Sqlite, &Issuer::start(), false);
        let login = hostile.ground.begin(Some(REDIRECT)).login;
        hostile.issuer.play(move |asked| (asked.line == "GET /keys").then(|| says.clone()));
        let mut browser = hostile.ground.browser();
        browser.open(&format!("{FRONT}/login/{login}"));
        let begun = Instant::now();
        assert_eq!(browser.submit("provider/corp", &[]), 503, "{what}");
        assert!(begun.elapsed() < Duration::from_secs(7), "{what}");
        // Whoever comes next is told at once, and the issuer is left alone.
        hostile.issuer.asked();
        browser.open(&format!("{FRONT}/login/{login}"));
        assert_eq!(browser.submit("provider/corp", &[]), 503, "{what}");
        assert!(hostile.issuer.asked().is_empty(), "{what}");
    }
}
