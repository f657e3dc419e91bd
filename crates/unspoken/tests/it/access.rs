//! `access`: who may read what, and who could, by real git histories.

use std::fs;

use serde_json::{Value, json};
use unspoken_testkit::{Output, Project, canary};

use crate::people::{
    Person, commit, edit_document, edit_file, environment, recipient_name, share, share_in_secret,
};

fn project() -> Project {
    let project = Project::with_environments(&["development", "production"]);
    for (environment, name) in [("development", "A"), ("production", "A"), ("production", "B")] {
        project.set(environment, name, canary(name));
    }
    project
}

#[track_caller]
fn access(project: &Project, name: &str) -> Output {
    project.unspoken(["access", name]).run().ok().is_silent_on_values()
}

/// The same in JSON: what is said of one environment.
#[track_caller]
fn of(project: &Project, name: &str, environment: &str) -> Value {
    let json = project.unspoken(["access", name, "--json"]).run().ok().json();
    let all = json["environments"].as_array().unwrap();
    all.iter().find(|each| each["environment"] == environment).unwrap().clone()
}

/// Names of what is past, each with the short id of the commit that ended it.
fn past(object: &Value, key: &str) -> Vec<String> {
    let entries = object["past"].as_array().unwrap().iter();
    let short = |id: &str| id.chars().take(10).collect::<String>();
    let until = |entry: &Value| entry["until"]["commit"].as_str().map(short);
    let line = |entry: &Value| {
        let mark = if entry["exposed"] == true { " same" } else { "" };
        format!("{} {}{mark}", entry[key].as_str().unwrap(), until(entry).unwrap_or_default())
    };
    entries.map(line).collect()
}

#[test]
fn the_table_shows_everybody_and_marks_what_differs() {
    let project = project();
    let (alice, bob, carol) = (Person::new("alice"), Person::new("bob"), Person::new("carol"));
    share(&project, "development", &[&alice]);
    share(&project, "production", &[&alice, &bob]);
    edit_file(&project, |file| {
        file.introduce(&recipient_name("carol"), &carol.key());
        file.grant(&environment("development"), &recipient_name("carol"));
        file.revoke(&environment("production"), &recipient_name("bob"));
    });
    fs::remove_dir_all(project.unspoken_home()).unwrap();

    let output = project.unspoken(["access"]).run().ok();
    let rows: Vec<Vec<&str>> = output
        .text()
        .lines()
        .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect();
    assert_eq!(
        rows,
        [
            vec!["development", "production"],
            vec!["(environment key)", "reads", "reads"],
            vec!["alice", "reads", "reads"],
            vec!["bob", "-", "READS, not listed"],
            vec!["carol", "listed, CANNOT read", "-"],
        ]
    );
    for environment in ["development", "production"] {
        let hint = format!("unspoken recipients sync -e {environment}");
        assert!(output.stderr.contains(&hint), "{output:?}");
    }
    let json = project.unspoken(["access", "--json"]).run().ok().json();
    assert_eq!(
        json["environments"][1],
        json!({
            "name": "production",
            "readers": [
                { "reader": "environment key", "known": false, "standing": "reads" },
                { "reader": "alice", "known": true, "standing": "reads" },
                { "reader": "bob", "known": true, "standing": "unlisted" },
            ],
        })
    );
    assert_eq!(of(&project, "carol", "development")["standing"], "waiting");
    assert_eq!(of(&project, "carol", "production")["standing"], Value::Null);
    assert_eq!(of(&project, "bob", "production")["names"], json!(["A", "B"]));
}

#[test]
fn who_was_dropped_is_told_with_what_they_knew_and_until_when() {
    let project = project();
    let (alice, bob) = (Person::new("alice"), Person::new("bob"));
    commit(&project, "one");
    share(&project, "production", &[&alice, &bob]);
    commit(&project, "share");
    project.unspoken(["rm", "B", "-e", "production", "--yes"]).run().ok();
    let removed = commit(&project, "remove B");
    project.set("production", "C", canary("c"));
    commit(&project, "add C");
    share(&project, "production", &[&alice]);
    edit_file(&project, |file| file.forget(&recipient_name("bob")));
    // Not committed yet: nobody knows until when.
    assert_eq!(
        past(&of(&project, "bob", "production"), "name"),
        ["A  same".to_owned(), format!("B {removed}"), "C  same".to_owned(),]
    );
    let dropped = commit(&project, "drop bob");
    project.set("production", "A", canary("new"));
    commit(&project, "new A");

    let now = of(&project, "bob", "production");
    assert_eq!(now["standing"], Value::Null);
    assert_eq!(now["names"], json!([]));
    assert_eq!(
        past(&now, "name"),
        [format!("A {dropped}"), format!("B {removed}"), format!("C {dropped} same")]
    );
    let text = access(&project, "bob");
    let text = text.text();
    assert!(text.starts_with("bob (not in unspoken.toml now)\n"), "{text}");
    assert!(text.contains("  development: cannot read it, and never could\n"), "{text}");
    assert!(text.contains("  production: cannot read it any more\n"), "{text}");
    assert!(text.contains(&format!("({dropped}): A, C (still the same value)\n")), "{text}");
    // His key tells the same.
    assert_eq!(past(&of(&project, &bob.key(), "production"), "name"), past(&now, "name"));

    let secret = access(&project, "A");
    assert!(secret.text().contains("production: read by (environment key), alice\n"));
    assert!(secret.text().contains("bob could, until "), "{}", secret.text());
    assert!(secret.text().contains("not noted as still the same value"), "{}", secret.text());
    assert_eq!(past(&of(&project, "A", "production"), "reader"), [format!("bob {dropped}")]);
    assert!(access(&project, "C").text().contains("it is still the same value"));
    let b = of(&project, "B", "production");
    assert_eq!(b["has"], false);
    // Alice could read B until it was removed, like everybody.
    assert_eq!(b["past"].as_array().unwrap().len(), 3);
}

#[test]
fn what_the_recipients_command_does_is_seen_here() {
    let project = project();
    let bob = Person::new("bob").key();
    project.unspoken(["recipients", "add", "bob", &bob, "-e", "production", "--yes"]).run().ok();
    commit(&project, "add");
    share_in_secret(&project, "production", &Person::new("eve"));
    project.unspoken(["check"]).run().fails_with(1);
    project.unspoken(["recipients", "remove", "bob", "--yes"]).run().ok();
    let removed = commit(&project, "remove");
    let check = project.unspoken(["check"]).run().ok();
    assert!(check.text().contains("production: `A` was readable by age1"), "{}", check.text());
    let now = of(&project, "bob", "production");
    assert_eq!(past(&now, "name"), [format!("A {removed} same"), format!("B {removed} same")]);
    project.set("production", "A", canary("new"));
    commit(&project, "new");
    let now = of(&project, &bob, "production");
    assert_eq!(past(&now, "name"), [format!("A {removed}"), format!("B {removed} same")]);
}

#[test]
fn a_person_is_followed_over_names_and_keys() {
    let project = project();
    let bob = Person::new("bob");
    share(&project, "production", &[&bob]);
    commit(&project, "bob");
    // Renamed: the same key by another name.
    edit_file(&project, |file| {
        file.forget(&recipient_name("bob"));
        file.introduce(&recipient_name("robert"), &bob.key());
        file.grant(&environment("production"), &recipient_name("robert"));
    });
    commit(&project, "rename");
    let text = access(&project, "bob");
    assert!(text.text().starts_with("bob (called `robert` now)\n"), "{}", text.text());
    let text = access(&project, "robert");
    assert!(text.text().starts_with("robert (called `bob` before)\n"), "{}", text.text());
    assert!(text.text().contains("production: reads A, B\n"), "{}", text.text());

    // Removed, and come back with a new key.
    share(&project, "production", &[]);
    edit_file(&project, |file| file.forget(&recipient_name("robert")));
    let gone = commit(&project, "remove");
    project.unspoken(["rm", "B", "-e", "production", "--yes"]).run().ok();
    let again = Person::new("robert");
    share(&project, "production", &[&again]);
    commit(&project, "again");
    let text = access(&project, "robert");
    assert!(text.text().contains("2 keys over time"), "{}", text.text());
    let now = of(&project, "robert", "production");
    assert_eq!((&now["standing"], &now["names"]), (&json!("reads"), &json!(["A"])));
    assert_eq!(past(&now, "name"), [format!("B {gone}")]);
}

#[test]
fn inheritance_keys_and_strangers_are_told_apart() {
    let project = project();
    project.unspoken(["env", "add", "staging", "--inherits", "development"]).run().ok();
    let eve = Person::new("eve");
    share_in_secret(&project, "production", &eve);
    commit(&project, "one");
    let a = of(&project, "A", "staging");
    assert_eq!((&a["has"], &a["from"]), (&json!(false), &json!("development")));
    assert!(access(&project, "A").text().contains("  staging: from development\n"));
    let b = access(&project, "B");
    assert!(b.text().contains(&format!("{} (not on the access list)", eve.key())));
    assert!(access(&project, &eve.key()).text().contains("and is not on the access list"));

    let document: Value =
        serde_json::from_str(&project.read(project.document("production"))).unwrap();
    let own = document["sops"]["age"][0]["recipient"].as_str().unwrap().to_owned();
    let text = access(&project, &own);
    assert!(text.text().contains("(the environment key of `production`)"), "{}", text.text());
    // A new environment key leaves the old one behind.
    edit_document(&project, "production", |document, _| {
        let key = unspoken_seal::Identity::generate();
        document.rekey(key.recipient().unwrap(), &[], jiff::Timestamp::now()).unwrap();
    });
    commit(&project, "rotate");
    let text = access(&project, &own);
    assert!(
        text.text().contains("(an earlier environment key of `production`)"),
        "{}",
        text.text()
    );
    assert!(access(&project, "B").text().contains("(earlier environment key) could, until"));
}

#[test]
fn what_nobody_knows_is_an_error_with_the_nearest() {
    let project = project();
    share(&project, "production", &[&Person::new("robert")]);
    commit(&project, "one");
    project.unspoken(["access", "robrt"]).run().fails_with(3).says("Did you mean `robert`?");
    project.unspoken(["access", "zoe"]).run().fails_with(3).says("unspoken access");
    project.unspoken(["access", "AA"]).run().fails_with(3).says("Did you mean `A`?");
    project.unspoken(["access", "Mixed"]).run().fails_with(2).says("'i' at byte 1");
    let private = format!("AGE-SECRET-KEY-1{}", canary("key"));
    for text in [private.clone(), private.to_lowercase()] {
        let output = project.unspoken(["access", &text]).run().fails_with(2);
        output.is_silent_on_values().says("a private key");
    }
}

#[test]
fn a_forged_document_tells_nothing() {
    let project = project();
    commit(&project, "one");
    let text = project.read(project.document("production"));
    project.write(project.document("production"), text.replacen("\"A\":", "\"AA\":", 1));
    for arguments in [&["access"][..], &["access", "A"], &["access", "bob"]] {
        project.unspoken(arguments).run().fails_with(5).says("seal");
    }
}

#[test]
fn a_merged_side_branch_counts() {
    let project = project();
    let bob = Person::new("bob");
    commit(&project, "one");
    project.git(["checkout", "--quiet", "-b", "side"]);
    share(&project, "production", &[&bob]);
    commit(&project, "bob on the side");
    project.git(["checkout", "--quiet", "main"]);
    project.write("other", "x");
    commit(&project, "something else");
    // The merge takes nothing of the side: plain history would not show it.
    project.git(["merge", "--quiet", "--no-edit", "-s", "ours", "side"]);
    let now = of(&project, "bob", "production");
    assert_eq!(now["past"].as_array().unwrap().len(), 2, "{now:#}");
}

#[test]
fn limits_of_the_history_are_said() {
    let project = project();
    let bob = Person::new("bob");
    share(&project, "production", &[&bob]);
    commit(&project, "one");
    let good = project.read(project.document("production"));
    project.write(project.document("production"), "torn");
    commit(&project, "torn");
    project.write(project.document("production"), good);
    share(&project, "production", &[]);
    edit_file(&project, |file| file.introduce(&recipient_name("bob"), &bob.key()));
    commit(&project, "drop");

    let output = access(&project, "bob");
    assert!(output.text().contains("could read, until"), "{}", output.text());
    output.says("1 earlier version could not be read");

    let url = format!("file://{}", project.root().display());
    project.git(["clone", "--quiet", "--depth=1", &url, "../shallow copy"]);
    let shallow = project.root().parent().unwrap().join("shallow copy");
    let run = |arguments: &[&str]| project.unspoken(arguments).current_dir(&shallow).run().ok();
    let output = run(&["access", "bob"]);
    assert!(output.text().contains("never could"), "{}", output.text());
    output.says("this clone is shallow").says("git fetch --unshallow");
    assert_eq!(run(&["access", "bob", "--json"]).json()["history"]["shallow"], true);

    fs::remove_dir_all(shallow.join(".git")).unwrap();
    let output = run(&["--project-dir", ".", "access", "bob"]);
    output.says("in no git repository");
    let without = project.unspoken(["access", "bob"]).env("PATH", "/nonexistent").run();
    without.fails_with(1).says("`git` is not there");
    // Without a commit there is no history, and nothing is wrong.
    let fresh = Project::with_environments(&["development"]);
    fresh.set("development", "A", canary("a"));
    assert!(access(&fresh, "A").stderr.is_empty());
}

#[test]
fn a_history_in_a_folder_with_blanks_is_found() {
    let project = Project::empty();
    let inner = project.root().join("my app");
    fs::create_dir(&inner).unwrap();
    let run = |arguments: &[&str], input: &str| {
        project.unspoken(arguments).current_dir(&inner).stdin(input).run().ok()
    };
    run(&["init", "--project", "acme-web", "-e", "development"], "");
    run(&["set", "A"], &canary("a"));
    commit(&project, "one");
    run(&["mv", "A", "B"], "");
    let renamed = commit(&project, "two");
    let output = run(&["access", "A"], "");
    assert!(output.text().contains("development: not there\n"), "{}", output.text());
    assert!(output.text().contains(&format!("({renamed})")), "{}", output.text());
}
