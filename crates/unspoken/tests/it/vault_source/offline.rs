//! What is kept of a vault's answers, and when it is used.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use unspoken_testkit::canary;

use super::ground::Linked;

fn linked() -> Linked {
    let linked = Linked::with_staging();
    linked.set("staging", "A", &canary("a"), &[]);
    linked.set("staging", "B", &canary("b"), &[]);
    linked.has("staging", "A", &canary("a"));
    assert_eq!(linked.kept().len(), 1);
    linked.hides_values();
    linked
}

#[test]
fn without_the_vault_a_sealed_copy_is_used_and_the_vault_is_told_later() {
    let mut linked = linked();
    let mode = fs::metadata(&linked.kept()[0]).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let id = linked.id("staging");
    linked.server.stop();

    let arguments = ["run", "-e", "staging", "--redact=never", "--", "printenv", "A"];
    for _ in 0..2 {
        let shown = linked.run(&arguments).ok();
        assert!(shown.text() == format!("{}\n", canary("a")));
        shown.says("cannot be reached").says("revision 2");
    }
    linked.run(&["export", "-e", "staging", "--format", "json"]).ok();
    // What is not handed over is asked of the vault alone.
    linked.run(&["list", "-e", "staging"]).fails_with(12);
    let list = linked.run(&["list", "--json"]).ok().says("is not known").json();
    assert_eq!(list["unknown"][0], "staging");
    linked.call(&["set", "A", "-e", "staging"]).stdin("x").run().fails_with(12);
    linked.run(&["check"]).ok();
    assert!(linked.run(&["check", "--strict"]).fails_with(1).text().contains("not checked"));

    linked.server.serve();
    linked.run(&arguments).ok().says("the vault was told of 3 uses without it");
    let rows = linked.server.audit();
    let reports: Vec<_> = rows.iter().filter(|row| row["action"] == "journal.report").collect();
    assert_eq!(reports.len(), 3);
    for report in reports {
        assert_eq!((&report["subject"], &report["revision"]), (&id.clone().into(), &2.into()));
        assert!(report["names"].as_str().unwrap().starts_with("* at:1"), "{report}");
    }
    // Told once.
    let again = linked.run(&arguments).ok();
    assert!(!again.stderr.contains("was told"), "{}", again.stderr);
    // What had not changed was not sent again.
    let rows = linked.server.audit();
    let newest = rows.iter().rfind(|row| row["action"] == "environment.reveal").unwrap();
    assert_eq!(newest["outcome"], "unchanged");
    linked.set("staging", "A", &canary("new"), &["--yes"]);
    linked.has("staging", "A", &canary("new"));
}

#[test]
fn a_token_that_was_revoked_gets_nothing_and_the_copy_goes() {
    let mut linked = linked();
    let (id, token) = linked.agent("staging", "");
    let arguments = ["get", "A", "-e", "staging"];
    linked.call_with(&token, &arguments).run().ok();
    assert_eq!(linked.kept().len(), 1);
    linked.server.owner("DELETE", &format!("/v1/tokens/{id}"), "");
    linked.call_with(&token, &arguments).run().fails_with(11).is_silent_on_values();
    assert_eq!(linked.kept().len(), 0);
    linked.server.stop();
    linked.call_with(&token, &arguments).run().fails_with(12);
}

#[test]
fn a_copy_is_for_the_token_that_fetched_it() {
    let mut linked = linked();
    // The owner's copy has both names; this token may see one of them.
    let (_, token) = linked.agent("staging", r#","names":["B"]"#);
    linked.call_with(&token, &["get", "A", "-e", "staging"]).run().fails_with(3);
    linked.call_with(&token, &["get", "B", "-e", "staging"]).run().ok();
    linked.has("staging", "A", &canary("a"));
    linked.server.stop();
    let refused = linked.call_with(&token, &["get", "A", "-e", "staging"]).run();
    refused.fails_with(12).says("fetched with another token");
    linked.project.get("staging", "A").fails_with(11);
    linked.has("staging", "A", &canary("a"));
}

#[test]
fn a_copy_that_was_changed_is_refused_and_replaced() {
    let mut linked = linked();
    let path = linked.kept().remove(0);
    let good = fs::read(&path).unwrap();
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    fs::write(&path, &bad).unwrap();
    linked.server.stop();
    linked.run(&["get", "A", "-e", "staging"]).fails_with(12).says("was changed");
    // Another environment's copy in its place is no better.
    linked.server.serve();
    linked.run(&["env", "add", "production", "--source", "vault"]).ok();
    linked.set("production", "A", &canary("production"), &[]);
    linked.has("production", "A", &canary("production"));
    linked.has("staging", "A", &canary("a"));
    let other = linked.kept().into_iter().find(|other| *other != path).unwrap();
    linked.server.stop();
    fs::copy(&other, &path).unwrap();
    linked.run(&["get", "A", "-e", "staging"]).fails_with(12).says("was changed");
    linked.has("production", "A", &canary("production"));
    linked.server.serve();
    linked.has("staging", "A", &canary("a"));
    linked.server.stop();
    linked.has("staging", "A", &canary("a"));
}

#[test]
fn a_copy_is_used_for_as_long_as_the_vault_has_allowed() {
    let mut linked = linked();
    let arguments = ["get", "A", "-e", "staging"];
    let offline = |linked: &Linked, time: &str, words: &str| {
        linked.run(&["env", "offline", "staging", time]).ok().says(words);
    };
    assert_eq!(linked.run(&["env", "offline", "staging"]).ok().text(), "1d\n");
    let shown = linked.run(&["env", "offline", "staging", "--json"]).ok().json();
    assert_eq!(shown["offline_seconds"], 86_400);

    // Too old: the copy was good for a second after the vault's last answer.
    offline(&linked, "1s", "may be used for 1s");
    linked.run(&arguments).ok();
    linked.server.stop();
    // Ages are whole seconds.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    linked.run(&arguments).fails_with(12).is_silent_on_values();
    linked.server.serve();

    // Allowed.
    offline(&linked, "2h", "may be used for 2h");
    linked.run(&arguments).ok();
    linked.server.stop();
    linked.run(&arguments).ok().says("cannot be reached");
    linked.server.serve();

    // Forbidden: what there was is gone with the next answer, changed or not.
    offline(&linked, "0", "never used");
    linked.run(&arguments).ok();
    assert_eq!(linked.kept().len(), 0);
    linked.server.stop();
    linked.run(&arguments).fails_with(12).is_silent_on_values();
    linked.server.serve();

    linked.run(&["env", "offline", "staging", "31d"]).fails_with(2);
    linked.run(&["env", "offline", "nowhere"]).fails_with(3);
    // A machine's token changes nothing.
    let (_, token) = linked.agent("staging", "");
    linked.call_with(&token, &["env", "offline", "staging", "1d"]).run().fails_with(11);
    let rows = linked.server.audit();
    let changes: Vec<_> = rows.iter().filter(|row| row["action"] == "environment.change").collect();
    let done: Vec<_> = changes.iter().filter(|row| row["outcome"] == "done").collect();
    assert_eq!(done.len(), 3);
    assert_eq!(done[0]["names"], "offline:1");
    assert_eq!(changes.len(), 4);
}
