//! Environments that live in a vault, with the real server.

mod ground;
mod job;
mod offline;
mod transfer;

use std::fs;

use ground::Linked;
use unspoken_testkit::{canary, unspoken_binary};

#[test]
fn an_environment_in_a_vault_is_used_like_any_other() {
    let linked = Linked::with_staging();
    linked.set("staging", "URL", &canary("url"), &["--expires", "2099-01-31"]);
    linked.set("staging", "OTHER", &canary("other"), &[]);
    let file = linked.project.read("unspoken.toml");
    assert!(file.contains("source = \"vault\"") && file.contains("project = \"proj_"), "{file}");

    linked.has("staging", "URL", &canary("url"));
    let shown = linked.run(&["run", "-e", "staging", "--redact=never", "--", "printenv", "URL"]);
    assert!(shown.ok().text() == format!("{}\n", canary("url")));
    // The token stays with us, and so does where it goes.
    let script = "env | grep -c UNSPOKEN_; true";
    let shown = linked.run(&["run", "-e", "staging", "--", "sh", "-c", script]).ok();
    assert_eq!(shown.text(), "0\n");
    let text = linked.run(&["export", "-e", "staging", "--format", "json"]).ok();
    assert!(text.json()["OTHER"] == canary("other"));

    // Without a value: only when it expires; with a new value that stays.
    linked.set("staging", "URL", &canary("again"), &["--yes"]);
    let list = linked.run(&["list", "--json"]).ok().is_silent_on_values().json();
    let row = list["names"].as_array().unwrap().iter().find(|row| row["name"] == "URL").unwrap();
    assert_eq!(row["environments"]["staging"]["expiry"]["date"], "2099-01-31", "{row}");
    linked.run(&["set", "URL", "-e", "staging", "--keep", "--expires", "never"]).ok();
    linked.has("staging", "URL", &canary("again"));

    linked.run(&["set", "MADE", "-e", "staging", "--generate"]).ok().is_silent_on_values();
    linked.run(&["mv", "OTHER", "RENAMED", "-e", "staging"]).ok();
    linked.has("staging", "RENAMED", &canary("other"));
    linked.run(&["mv", "MADE", "RENAMED", "-e", "staging"]).fails_with(10);
    linked.run(&["rm", "MADE", "-e", "staging", "--yes"]).ok();
    linked.run(&["get", "MADE", "-e", "staging"]).fails_with(3);
    let names = linked.run(&["list", "-e", "staging"]).ok();
    assert_eq!(names.text(), "RENAMED\nURL\n");

    linked.run(&["why", "URL", "-e", "staging"]).ok().is_silent_on_values();
    linked.run(&["doctor"]).is_silent_on_values();
    linked.run(&["check"]).ok();
    let environments = linked.run(&["env", "list", "--json"]).ok().json();
    assert_eq!(environments["environments"][1]["source"], "vault");
    // A beginning is enough, and what belongs to a document says so.
    linked.run(&["get", "URL", "-e", "st"]).ok();
    for arguments in [
        &["key", "export", "-e", "staging", "--yes"][..],
        &["recipients", "sync", "-e", "staging"],
        &["accept", "-e", "staging"],
        &["rotate", "-e", "staging", "--yes"],
        &["rotate", "URL", "-e", "staging", "--yes"],
    ] {
        linked.run(arguments).fails_with(10).says("lives in a vault");
    }
    linked.run(&["access"]).ok().says("not told here: `staging`");
}

#[test]
fn names_are_listed_without_a_value_being_asked_for() {
    let linked = Linked::with_staging();
    linked.set("staging", "A", &canary("a"), &[]);
    let before = linked.server.audit().len();
    for arguments in [
        &["list"][..],
        &["list", "-e", "staging", "--json"],
        &["check"],
        &["doctor"],
        &["why", "A", "-e", "staging"],
        &["generate", "typescript"],
        &["scan"],
    ] {
        linked.run(arguments).is_silent_on_values();
    }
    let rows = linked.server.audit();
    let actions: Vec<&str> =
        rows[before..].iter().map(|row| row["action"].as_str().unwrap()).collect();
    assert!(actions.contains(&"secret.list"), "{actions:?}");
    let known = ["secret.list", "project.list", "audit.read"];
    assert!(actions.iter().all(|action| known.contains(action)), "{actions:?}");
}

#[test]
fn inheritance_crosses_from_one_source_to_the_other_and_back() {
    let linked = Linked::with_staging();
    // development (document) <- staging (vault) <- preview (document)
    let file = linked.project.read("unspoken.toml");
    let file = file.replace("source = \"vault\"", "source = \"vault\"\ninherits = \"development\"");
    linked.project.write("unspoken.toml", file);
    linked.run(&["env", "add", "preview", "--inherits", "staging"]).ok();
    linked.project.set("development", "ONE", canary("development"));
    linked.project.set("development", "TWO", canary("development"));
    linked.project.set("development", "THREE", canary("development"));
    linked.set("staging", "TWO", &canary("staging"), &[]);
    linked.set("staging", "THREE", &canary("staging"), &[]);
    linked.set("preview", "THREE", &canary("preview"), &[]);

    for (name, from) in [("ONE", "development"), ("TWO", "staging"), ("THREE", "preview")] {
        linked.has("preview", name, &canary(from));
    }
    let list = linked.run(&["list", "--json"]).ok().json();
    let two = list["names"].as_array().unwrap().iter().find(|row| row["name"] == "TWO").unwrap();
    assert_eq!(two["environments"]["preview"]["from"], "staging");
    // Without a token the documents of the project are used as ever, and the rest is said.
    linked.project.has("development", "ONE", canary("development"));
    linked.project.get("preview", "ONE").fails_with(11).says("there is no token for the vault");
    let scanned = linked.run(&["scan"]);
    scanned.says("what is in the vault is looked for when it is named: `-e staging`");
}

#[test]
fn two_who_change_the_same_name_are_told_and_other_names_are_no_hindrance() {
    let linked = Linked::with_staging();
    for name in ["A", "B"] {
        linked.set("staging", name, &canary("old"), &[]);
    }
    let editor = |text: &str| {
        let path = linked.project.folder().join("editor");
        fs::write(&path, text).unwrap();
        linked
            .call(&["edit", "-e", "staging", "--yes"])
            .env("EDITOR", format!("sh {}", path.display()))
            .env("UNSPOKEN", unspoken_binary())
            .env("T", &linked.server.token)
            .env("U", linked.server.url())
    };
    let meanwhile = |name: &str| {
        let text = r#"text=$(sed "s/^A=.*/A=mine/" "$1") && printf '%s\n' "$text" > "$1""#;
        let set = format!("\"$UNSPOKEN\" set {name} -e staging --yes");
        // What is for us is kept from an editor.
        format!("printf theirs | UNSPOKEN_TOKEN=$T UNSPOKEN_VAULT_URL=$U {set}\n{text}")
    };
    editor(&meanwhile("B")).run().ok();
    linked.has("staging", "A", "mine");
    linked.has("staging", "B", "theirs");
    linked.set("staging", "A", &canary("old"), &["--yes"]);
    editor(&meanwhile("A")).run().fails_with(10).says("changed by another command").says("A");
    linked.has("staging", "A", "theirs");
}

#[test]
fn a_file_is_imported_into_a_vault_however_large_and_the_file_goes() {
    let linked = Linked::with_staging();
    let value = |at: usize| format!("{}{}", canary("big"), "x".repeat(50_000 + at));
    let text: String = (0..24).map(|at| format!("N{at}={}\n", value(at))).collect();
    linked.project.write(".env", text);
    let said = linked.run(&["import", ".env", "-e", "staging"]).ok().is_silent_on_values();
    said.says("24 added");
    assert!(!linked.project.root().join(".env").exists());
    linked.has("staging", "N23", &value(23));
    linked.project.write(".env", format!("N1={}\nNEW=1\n", canary("other")));
    linked.run(&["import", ".env", "-e", "staging"]).fails_with(10).says("N1");
    let more = ["import", ".env", "-e", "staging", "--on-conflict", "skip", "--keep"];
    linked.run(&more).ok().says("1 added").says("1 skipped");
    linked.has("staging", "N1", &value(1));
}

#[test]
fn the_project_is_told_by_its_repository_else_by_its_name() {
    let linked = Linked::with_staging();
    linked.set("staging", "A", &canary("a"), &[]);
    let file = linked.project.read("unspoken.toml");
    let id = file.lines().find(|line| line.starts_with("project = \"proj_")).unwrap();
    linked.project.write("unspoken.toml", file.replace(&format!("{id}\n"), ""));
    linked.has("staging", "A", &canary("a"));

    // By what it is called it would be another one.
    let id = id.split('"').nth(1).unwrap();
    let body = r#"{"name":"elsewhere","remotes":["git.example.com/acme/web"]}"#;
    linked.server.owner("PATCH", &format!("/v1/projects/{id}"), body);
    linked.run(&["get", "A", "-e", "staging"]).fails_with(3).says("has no project `acme-web`");
    let remote = "https://bob:canary@git.example.com:8443/acme/web.git";
    linked.project.git(["remote", "add", "origin", remote]);
    linked.has("staging", "A", &canary("a"));
}
