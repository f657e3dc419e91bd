//! Sessions with a vault: who is let in, where the token is, and to whom it is shown.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;
use unspoken_seal::{PlainToken, TokenKind};
use unspoken_testkit::{Ground, Output, Project, Session, canary, show_env};

use crate::vault_ground::{Double, has_record, logged_in, record, vault};

/// An address where nobody listens.
fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn problem(status: u16, code: &str) -> (String, String) {
    let body = json!({ "code": code, "message": "no", "request_id": "req_000000000000" });
    (format!("{status} No"), body.to_string())
}

/// A machine's token for `production`, as it is printed.
fn create(project: &Project, more: &[&str]) -> Output {
    let words = ["token", "create", "ci", "-e", "production"];
    project.unspoken(words.iter().chain(more)).run()
}

#[test]
fn from_an_invitation_to_a_scoped_token_to_its_end() {
    let (vault, url) = vault();
    let project = Project::with_environments(&["production"]);
    let login = ["login", "--vault", &url, "--token-stdin"];

    let output = project.unspoken(login).stdin(vault.invitation()).run().ok();
    output.says("as owner@localhost").says("in the private file");
    let (path, text) = record(&project);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    let folder = fs::metadata(path.parent().unwrap()).unwrap();
    assert_eq!(folder.permissions().mode() & 0o7777, 0o700);
    let token = text.lines().find_map(|line| line.strip_prefix("token: ")).unwrap();
    // What is kept is what is sent, not the token itself.
    assert!(token.starts_with("unspa_") && !text.contains("unsp_cli_"));

    let spent = project.unspoken(login).stdin(vault.invitation()).run().fails_with(11);
    spent.says("expired, or used already").says("invite you again");
    assert!(record(&project).1 == text, "what was kept has changed");

    let reached = project.unspoken(["whoami", "--json"]).run().ok().json();
    assert_eq!(reached["holder"], "owner@localhost");
    assert_eq!((&reached["kind"], &reached["environments"]), (&json!("person"), &json!([])));
    create(&project, &[]).fails_with(3).says("you reach no project `acme-web`");

    let owner = vault.client().with_token(token);
    Ground::make(owner, "acme-web", "production").set("DATABASE_URL", &canary("session"));
    create(&project, &["-e", "staging"]).fails_with(3).says("You reach `production` there");
    let made =
        create(&project, &["--only", "DATABASE_URL", "--uses", "9", "--address", "127.0.0.0/8"]);
    let made = made.ok().says("reads production of acme-web until");
    let token = made.text().trim_end();
    assert!(PlainToken::parse(token).unwrap().kind() == TokenKind::Agent);
    assert!(!made.stderr.contains(token), "the token was said twice");

    let machine = |words: &[&str]| {
        let call = project.unspoken(words).env("UNSPOKEN_TOKEN", token);
        call.env("UNSPOKEN_VAULT_URL", &url).run()
    };
    let who = machine(&["whoami"]).ok();
    assert!(who.text().contains("ci, which reads and no more"), "{}", who.text());
    assert!(who.text().contains("acme-web: production"), "{}", who.text());
    assert!(who.text().contains("DATABASE_URL alone"), "{}", who.text());
    machine(&["token", "list"]).fails_with(11).says("not open to this token");
    machine(&["token", "create", "more", "-e", "production"]).fails_with(11);

    let list = project.unspoken(["token", "list", "--json"]).run().ok();
    assert!(!list.text().contains("unsp_"), "a token is listed");
    let ci =
        list.json()["tokens"].as_array().unwrap().iter().find(|one| one["name"] == "ci").cloned();
    let ci = ci.unwrap();
    assert_eq!(ci["environments"][0]["called"], "acme-web/production");
    assert_eq!((&ci["uses_left"], &ci["state"]), (&json!(9), &json!("good")));
    assert_eq!(ci["names"], json!(["DATABASE_URL"]));

    project.unspoken(["token", "revoke", "ci"]).run().ok().says("is revoked");
    let who = machine(&["whoami"]).fails_with(11);
    who.says("expired or revoked").says(&format!("unspoken login --vault {url}"));
    project.unspoken(["token", "revoke", "ci"]).run().fails_with(3).says("has ended already");
    let list = project.unspoken(["token", "list", "-a"]).run().ok();
    assert!(list.text().contains("revoked"), "{}", list.text());

    let rows =
        project.unspoken(["audit", "--action", "token.make", "--since", "1h", "--json"]).run();
    let rows = rows.ok().json()["rows"].as_array().unwrap().clone();
    let outcomes: Vec<_> = rows.iter().map(|row| row["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["refused", "done"]);
    let of = |words: &[&str]| {
        let rows = project.unspoken(["audit", "--json"].iter().chain(words)).run().ok().json();
        rows["rows"].as_array().unwrap().len()
    };
    assert_eq!(of(&["-e", "production", "--action", "secret.write"]), 1);
    assert_eq!(of(&["--actor", "ci", "--action", "secret.write"]), 0);
    assert!(of(&["--actor", "me"]) > 3 && of(&["--actor", "me", "--limit", "2"]) == 2);
    let table = project.unspoken(["audit", "-e", "production"]).run().ok().is_silent_on_values();
    assert!(table.text().contains("acme-web/production"), "{}", table.text());
    project
        .unspoken(["audit", "--action", "secret.revel"])
        .run()
        .fails_with(2)
        .says("`secret.reveal`");
}

#[test]
fn a_token_is_shown_to_its_own_vault_and_to_no_other() {
    let (vault, url) = vault();
    let project = Project::with_environments(&["production"]);
    let owner = logged_in(&project, &vault, &url);
    let other = Double::start(|_, _| problem(401, "unauthorized"));

    for words in [["whoami", "--vault"], ["logout", "--vault"]] {
        let output = project.unspoken(words.into_iter().chain([other.url.as_str()])).run();
        assert!(output.code == 11 || words[0] == "logout", "{output:?}");
    }
    let named =
        |words: &[&str]| project.unspoken(words).env("UNSPOKEN_VAULT_URL", &other.url).run();
    named(&["whoami"]).fails_with(11).says("there is no token for");
    named(&["token", "list"]).fails_with(11);
    assert!(other.asked().is_empty(), "it was asked something");

    // Whether it is there is asked without a token.
    let status = named(&["status"]).ok();
    assert!(status.text().contains("it is there"), "{}", status.text());

    // A job's token, where the project or a flag says another vault.
    let job = |words: &[&str], url: &str| {
        let call = project.unspoken(words).env("UNSPOKEN_TOKEN", owner.token());
        call.env("UNSPOKEN_VAULT_URL", url).run()
    };
    job(&["whoami", "--vault", &other.url], &url).fails_with(11);
    job(&["whoami"], &url).ok();
    job(&["status", "--vault", &other.url], &url).ok();
    let asked = other.asked();
    assert_eq!(asked.len(), 2, "{asked:?}");
    for request in asked {
        assert!(!request.head.to_ascii_lowercase().contains("authorization"), "{}", request.head);
    }
}

#[test]
fn a_redirection_takes_no_token_along() {
    let other = Double::start(|_, _| problem(401, "unauthorized"));
    let to = other.url.clone();
    let first = Double::start(move |_, _| {
        (format!("307 Temporary Redirect\r\nLocation: {to}/v1/session"), String::new())
    });
    let project = Project::with_environments(&["production"]);
    let token = PlainToken::random(TokenKind::Cli).expose();
    let login = project.unspoken(["login", "--vault", &first.url, "--token-stdin"]);
    login.stdin(token.as_bytes()).run().fails_with(1).says("does not answer as a vault does");
    assert_eq!((first.asked().len(), other.asked().len()), (1, 0));
    assert!(!has_record(&project));
}

#[test]
fn a_token_in_a_variable_needs_its_vault_beside_it() {
    let other = Double::start(|_, _| problem(401, "unauthorized"));
    let project = Project::with_environments(&["production"]);
    let token = PlainToken::random(TokenKind::Agent).expose();
    for words in [
        vec!["whoami"],
        vec!["whoami", "--vault", &other.url],
        vec!["token", "list", "--vault", &other.url],
    ] {
        let output = project.unspoken(&words).env("UNSPOKEN_TOKEN", &*token).run();
        output.fails_with(2).says("`UNSPOKEN_VAULT_URL` is not").says("export UNSPOKEN_VAULT_URL=");
    }
    let status = project.unspoken(["status"]).env("UNSPOKEN_TOKEN", &*token).run().ok();
    assert!(status.text().contains("cannot be used"), "{}", status.text());
    assert!(other.asked().is_empty(), "it was asked something");

    let plain = project.unspoken(["whoami"]).env("UNSPOKEN_TOKEN", &*token);
    let plain = plain.env("UNSPOKEN_VAULT_URL", "http://vault.example.com").run();
    plain.fails_with(2).says("has no TLS");
    let cut = project
        .unspoken(["whoami"])
        .env("UNSPOKEN_TOKEN", format!("{}x", token.get(..60).unwrap()));
    let cut = cut.env("UNSPOKEN_VAULT_URL", &other.url).run().fails_with(11);
    assert!(!cut.stderr.contains(token.get(20..40).unwrap()), "a token is repeated");
    cut.says("as a whole");
}

#[test]
fn what_is_run_gets_no_token() {
    let project = Project::with_environments(&["development"]);
    project.set("development", "A", canary("token"));
    let token = PlainToken::random(TokenKind::Agent).expose();
    let show = show_env();
    let run = project.unspoken(["run", "--redact=never", "--", show.to_str().unwrap()]);
    let run = run.env("UNSPOKEN_TOKEN", &*token).env("UNSPOKEN_VAULT_URL", nowhere()).run().ok();
    let seen = run.json();
    assert!(seen["A"] == canary("token").as_str());
    assert!(seen.get("UNSPOKEN_TOKEN").is_none() && seen.get("UNSPOKEN_VAULT_URL").is_none());
    assert!(!run.text().contains(&*token));
}

#[test]
fn logging_out_ends_the_token_at_the_vault_and_then_here() {
    let (mut vault, url) = vault();
    let project = Project::with_environments(&["production"]);
    let owner = logged_in(&project, &vault, &url);
    owner.get("/v1/session").ok();
    project.unspoken(["logout"]).run().ok().says("the token is revoked");
    owner.get("/v1/session").is(401);
    assert!(!has_record(&project));
    let again = ["logout", "--vault", &url];
    project.unspoken(again).run().ok().says("you are not logged in to");

    // One that the vault has ended by itself.
    let login = project.unspoken(["login", "--vault", &url, "--token-stdin"]);
    login.stdin(owner.token()).run().fails_with(11).says("expired or revoked");

    let (mut other, other_url) = crate::vault_ground::vault();
    logged_in(&project, &other, &other_url);
    let kept = record(&project).1;
    vault.kill();
    other.kill();
    let output = project.unspoken(["logout"]).run().fails_with(12);
    output.says("cannot be reached").says("The token is still here").says("--local");
    assert!(record(&project).1 == kept);
    let output = project.unspoken(["logout", "--local"]).run().fails_with(12);
    output.says("is forgotten here, and was not revoked");
    assert!(!has_record(&project));
    project.unspoken(["logout", "--all"]).run().ok().says("logged in to no vault");
}

#[test]
fn an_agent_is_shown_no_token() {
    let (vault, url) = vault();
    let project = Project::with_environments(&["production"]);
    let owner = logged_in(&project, &vault, &url);
    Ground::make(owner, "acme-web", "production").set("A", &canary("agent"));
    for words in [
        vec!["token", "create", "ci", "-e", "production"],
        vec!["token", "create", "ci", "-e", "production", "--json"],
    ] {
        let output = project.unspoken(words).env("CLAUDECODE", "1").run().fails_with(10);
        assert!(output.stdout.is_empty());
        assert!(output.stderr.contains("inside Claude Code"), "{output:?}");
    }
    let list = project.unspoken(["token", "list", "--all", "--json"]).run().ok().json();
    let names: Vec<_> = list["tokens"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert!(!names.contains(&&json!("ci")), "{names:?}");
    // Outside of one it is, once.
    let made = create(&project, &["--json"]).ok().json();
    let token = PlainToken::parse(made["token"].as_str().unwrap()).unwrap();
    assert_eq!(made["id"], token.id().to_string());
    let end = made["expires"].as_str().unwrap();
    assert!(end.ends_with('Z') && made["environments"] == json!(["production"]), "{end}");
}

#[test]
fn what_has_ended_is_said_clearly() {
    let (vault, url) = vault();
    let project = Project::with_environments(&["production"]);
    let owner = logged_in(&project, &vault, &url);
    Ground::make(owner, "acme-web", "production").set("A", &canary("ended"));
    let made = create(&project, &["--expires", "1s"]).ok();
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let call = project.unspoken(["whoami"]).env("UNSPOKEN_TOKEN", made.text().trim());
        let output = call.env("UNSPOKEN_VAULT_URL", &url).run();
        if output.code == 11 {
            output.says("unknown, expired or revoked").says("ask for a new token");
            break;
        }
        assert!(Instant::now() < until, "it does not end: {output:?}");
        sleep(Duration::from_millis(200));
    }
    for (when, words) in [
        ("never", "cannot live for ever"),
        ("2020-01-01", "has passed"),
        ("soon", "not understood"),
    ] {
        create(&project, &["--expires", when]).fails_with(2).says(words);
    }
    create(&project, &["--address", "here"]).fails_with(1).says("a network looks like");
}

#[test]
fn a_vault_that_is_away_is_told_from_one_that_says_no() {
    let (mut vault, url) = vault();
    let project = Project::with_environments(&["production"]);
    logged_in(&project, &vault, &url);
    vault.kill();
    let output = project.unspoken(["whoami"]).run().fails_with(12);
    output.says("cannot be reached").says("unspoken status --vault");
    let error = project.unspoken(["whoami", "--json"]).run().fails_with(12).json_error();
    assert_eq!(error["code"], 12);
    let status = project.unspoken(["status", "--json"]).run().ok().json();
    assert_eq!(
        (&status["answer"]["reachable"], &status["answer"]["code"]),
        (&json!(false), &json!(12))
    );
    assert_eq!(status["token"]["holder"], "owner@localhost");
    assert_eq!(status["environment"]["name"], "production");
    let status = project.unspoken(["status", "--offline", "--json"]).run().ok().json();
    assert!(status["answer"].is_null() && status["vault"]["url"] == url.as_str());
    let busy = Double::start(|_, _| problem(503, "unavailable"));
    let token = PlainToken::random(TokenKind::Cli).expose();
    let call = project.unspoken(["whoami"]).env("UNSPOKEN_TOKEN", &*token);
    call.env("UNSPOKEN_VAULT_URL", &busy.url).run().fails_with(12).says("the vault says: no");
}

#[test]
fn a_token_that_is_typed_or_cut_is_not_repeated() {
    let project = Project::with_environments(&["production"]);
    let token = PlainToken::random(TokenKind::Cli).expose();
    let login = ["login", "--vault", "http://127.0.0.1:9", "--token-stdin"];
    for (text, says) in
        [(token.get(..50).unwrap(), "is not whole"), ("hvs.planted", "no token of a vault")]
    {
        let output = project.unspoken(login).stdin(text).run().fails_with(2).says(says);
        assert!(
            !output.stderr.contains("planted")
                && !output.stderr.contains(token.get(15..40).unwrap())
        );
    }
    let output = project.unspoken(["token", "revoke", &token]).run().fails_with(2);
    assert!(!output.stderr.contains(token.get(15..40).unwrap()));
    output.says("a token itself");
    // Where no token belongs, either.
    for words in [["login", &token], ["whoami", &token], ["token", &token]] {
        let output = project.unspoken(words).run().fails_with(2);
        assert!(!output.stderr.contains(token.get(15..40).unwrap()), "a token is repeated");
        output.says("or a token was typed");
    }
}

#[test]
fn a_token_in_the_keychain_is_in_no_file() {
    let (vault, url) = vault();
    let project = Project::with_environments(&["production"]);
    let session = Session::open(&project, &canary("password"));
    let owner = vault.owner();
    let call = |words: &[&str]| session.call(project.unspoken(words));
    let login = call(&["login", "--vault", &url, "--token-stdin"]);
    login.stdin(owner.token()).run().ok().says("the token is in the keychain");
    let (_, text) = record(&project);
    assert!(text.contains("token: in the keychain") && !text.contains("unspa_"));
    assert_eq!(session.entries(&project, "unspoken"), 1);
    let who = call(&["whoami"]).run().ok();
    assert!(who.text().contains("owner@localhost"), "{}", who.text());
    // Where no keychain answers, it is said.
    project.unspoken(["whoami"]).run().fails_with(11).says("is in the keychain, and cannot be had");
    let status = project.unspoken(["status", "--offline"]).run().ok();
    assert!(status.text().contains("in the keychain, of owner@localhost"), "{}", status.text());
    call(&["logout"]).run().ok().says("revoked");
    assert_eq!(session.entries(&project, "unspoken"), 0);
}
