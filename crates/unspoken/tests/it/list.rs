//! `list`, `env list` and `why`: what can be seen with and without a key.

use std::fs;

use serde_json::json;
use unspoken_testkit::{Project, canary};

/// development ← staging ← production, with a gap, an override and expiries.
fn project() -> Project {
    let project = Project::with_environments(&["development"]);
    for arguments in [["staging", "development"], ["production", "staging"]] {
        let [name, parent] = arguments;
        project.unspoken(["env", "add", name, "--inherits", parent]).run().ok();
    }
    project.unspoken(["env", "add", "alone"]).run().ok();
    for (environment, name) in
        [("development", "A"), ("development", "B"), ("staging", "B"), ("production", "C")]
    {
        project.set(environment, name, canary(environment));
    }
    let expires = ["set", "D", "-e", "alone", "--expires", "2020-01-31"];
    project.unspoken(expires).stdin(canary("alone")).run().ok();
    let expires = ["set", "E", "-e", "alone", "--expires", "in 3000 days"];
    project.unspoken(expires).stdin(canary("alone")).run().ok();
    project
}

/// Takes every private key away.
fn lose_the_keys(project: &Project) {
    fs::remove_dir_all(project.unspoken_home()).unwrap();
}

#[test]
fn the_table_shows_gaps_inheritance_and_expiries_with_no_key() {
    let project = project();
    lose_the_keys(&project);

    let output = project.unspoken(["list"]).run().ok().is_silent_on_values();

    assert!(output.stderr.is_empty());
    let text = output.text();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect();
    assert_eq!(rows[0], ["development", "alone", "production", "staging"]);
    assert_eq!(rows[1], ["A", "set", "-", "from development", "from development"]);
    assert_eq!(rows[2], ["B", "set", "-", "from staging", "set"]);
    assert_eq!(rows[3], ["C", "-", "-", "set", "-"]);
    assert!(rows[4][2].starts_with("set, EXPIRED "), "{:?}", rows[4]);
    assert!(rows[5][2].starts_with("set, until 20"), "{:?}", rows[5]);
    assert_eq!(rows.len(), 6);
    assert!(text.lines().all(|line| line == line.trim_end()));
}

#[test]
fn one_environment_is_a_name_a_line() {
    let project = project();
    lose_the_keys(&project);
    let list = |environment| {
        let output = project.unspoken(["list", "-e", environment]).run().ok();
        output.text().to_owned()
    };
    assert_eq!(list("production"), "A\nB\nC\n");
    assert_eq!(list("alone"), "D\nE\n");
    assert_eq!(project.unspoken(["ls", "-e", "alone"]).run().ok().text(), "D\nE\n");
}

#[test]
fn the_variable_chooses_no_column_but_a_table_stays_a_table() {
    let project = project();
    let output = project.unspoken(["list"]).env("UNSPOKEN_ENV", "alone").run().ok();
    assert!(output.text().starts_with("   development"), "the table was expected");
}

#[test]
fn json_says_the_same() {
    let project = project();
    lose_the_keys(&project);

    let all = project.unspoken(["list", "--json"]).run().ok().json();
    assert_eq!(all["environments"], json!(["development", "alone", "production", "staging"]));
    let b = &all["names"][1];
    assert_eq!(b["name"], "B");
    assert_eq!(b["environments"]["alone"], json!(null));
    assert_eq!(
        b["environments"]["production"],
        json!({ "from": "staging", "inherited": true, "expiry": null })
    );
    let one = project.unspoken(["list", "-e", "alone", "--json"]).run().ok().json();
    assert_eq!(one["environment"], "alone");
    assert_eq!(
        one["names"][0],
        json!({
            "name": "D",
            "from": "alone",
            "inherited": false,
            "expiry": { "date": "2020-01-31", "state": "expired" },
        })
    );
    assert_eq!(one["names"][1]["expiry"]["state"], "later");
}

#[test]
fn an_empty_project_has_an_empty_list() {
    let project = Project::with_environments(&["development"]);
    assert_eq!(project.unspoken(["list", "-e", "development"]).run().ok().text(), "");
    assert!(project.unspoken(["list"]).run().ok().text().contains("development"));
}

#[test]
fn an_unknown_environment_is_told_with_the_nearest() {
    let project = project();
    for command in
        [&["list"][..], &["get", "A"], &["rm", "A"], &["run", "true"], &["export"], &["why", "A"]]
    {
        let arguments = [&command[..1], &["-e", "prodution"], &command[1..]].concat();
        let output = project.unspoken(&arguments).run().fails_with(3);
        output.says("no environment `prodution`").says("`-e production`");
    }
    let output = project.unspoken(["list", "-e", "qa"]).run().fails_with(3);
    output.says("`alone`, `development`").says("unspoken env add qa");
}

#[test]
fn environments_are_listed_for_scripts_and_as_json() {
    let project = project();
    lose_the_keys(&project);
    let output = project.unspoken(["env", "list"]).run().ok();
    assert_eq!(output.text(), "alone\ndevelopment\nproduction\nstaging\n");
    let list = project.unspoken(["env", "ls", "--json"]).run().ok().json();
    assert_eq!(list["project"], "acme-web");
    assert_eq!(
        list["environments"][2],
        json!({
            "name": "production",
            "default": false,
            "inherits": "staging",
            "source": "document",
            "file": "secrets/production.json",
        })
    );
}

#[test]
fn an_environment_is_not_added_twice_nor_below_one_that_is_not_there() {
    let project = project();
    let before = project.snapshot();
    project.unspoken(["env", "add", "alone"]).run().fails_with(10).says("there already");
    project.unspoken(["env", "add", "x", "--inherits", "y"]).run().fails_with(3).says("`y`");
    project.unspoken(["env", "add", "x", "--file", "x.txt"]).run().fails_with(2).says("`.json`");
    for path in ["../x.json", "/x.json", "secrets/alone.json"] {
        let output = project.unspoken(["env", "add", "x", "--file", path]).run();
        assert_ne!(output.code, 0, "{path}");
    }
    project.is_as(&before);
}

#[test]
fn why_says_where_a_value_comes_from_and_what_else_there_is() {
    let project = project();
    let output = project.unspoken(["why", "B", "-e", "production"]).env("B", "x").run().ok();
    let output = output.is_silent_on_values();
    let text = output.text();
    for part in [
        "production (chosen by the flag `--env`)",
        "production: does not have it",
        "staging: the value comes from here (secrets/staging.json, revision 2)",
        "development: has it too",
        "opened by the key file",
        "the variable B is set here",
    ] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
    let json = project.unspoken(["why", "B", "-e", "production", "--json"]).run().ok().json();
    assert_eq!(json["from"], "staging");
    assert_eq!(json["considered"].as_array().unwrap().len(), 3);
    project.unspoken(["why", "Z"]).run().fails_with(3).says("unspoken set Z");
    assert!(!text.contains("may be seen in output"), "{text}");
    let file = project.read("unspoken.toml");
    project.write("unspoken.toml", format!("visible = [\"B\"]\n{file}"));
    let output = project.unspoken(["why", "B", "-e", "production"]).run().ok();
    assert!(output.text().ends_with("  may be seen in output (`visible` in unspoken.toml)\n"));
}

#[test]
fn why_works_with_no_key_and_says_that_none_opens_it() {
    let project = project();
    lose_the_keys(&project);
    let output = project.unspoken(["why", "A"]).run().ok();
    assert!(output.text().contains("no key on this machine opens"));
}

#[test]
fn doctor_names_what_is_fine_and_what_is_not_and_never_a_value() {
    let project = project();
    project.write(".env.local", format!("A={}\n", canary("plain")));
    let output = project.unspoken(["doctor"]).run().fails_with(1).is_silent_on_values();
    for part in ["`D` expired", ".env.local", "staging: opened by"] {
        assert!(output.text().contains(part), "{part:?} is missing in:\n{}", output.text());
    }
    let json = project.unspoken(["doctor", "--json"]).run().fails_with(1).json();
    let levels: Vec<&str> =
        json["findings"].as_array().unwrap().iter().map(|f| f["level"].as_str().unwrap()).collect();
    assert!(levels.contains(&"ok") && levels.contains(&"warning") && levels.contains(&"error"));
}
