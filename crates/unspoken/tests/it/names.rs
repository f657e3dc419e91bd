//! `rm` and `mv`: names that go, and names that change.

use unspoken_testkit::{Project, canary};

fn project() -> Project {
    let project = Project::with_environments(&["development", "production"]);
    for environment in ["development", "production"] {
        project.set(environment, "DATABASE_URL", canary(environment));
    }
    project.set("development", "STRIPE_KEY", canary("stripe"));
    project
}

#[track_caller]
fn list(project: &Project, environment: &str) -> Vec<String> {
    let output = project.unspoken(["list", "-e", environment]).run().ok();
    output.text().lines().map(str::to_owned).collect()
}

#[test]
fn rm_removes_from_one_environment_alone() {
    let project = project();
    let output = project.unspoken(["rm", "DATABASE_URL", "STRIPE_KEY", "--yes"]).run().ok();
    output.is_silent_on_values().says("removed DATABASE_URL, STRIPE_KEY from development");
    assert_eq!(list(&project, "development"), [] as [&str; 0]);
    project.has("production", "DATABASE_URL", canary("production"));
}

#[test]
fn rm_all_removes_from_every_environment_that_has_it() {
    let project = project();
    project.unspoken(["rm", "DATABASE_URL", "STRIPE_KEY", "--all", "-y"]).run().ok();
    assert_eq!(list(&project, "development"), [] as [&str; 0]);
    assert_eq!(list(&project, "production"), [] as [&str; 0]);
}

#[test]
fn the_expiry_goes_with_the_name() {
    let project = project();
    let set = ["set", "A", "--expires", "2031-01-31"];
    project.unspoken(set).stdin(canary("a")).run().ok();
    project.unspoken(["rm", "A", "--yes"]).run().ok();
    project.set("development", "A", canary("again"));
    let listed = project.unspoken(["list", "-e", "development", "--json"]).run().ok().json();
    assert_eq!(listed["names"][0]["expiry"], serde_json::Value::Null);
}

#[test]
fn a_name_that_is_not_there_changes_nothing_even_beside_one_that_is() {
    let project = project();
    let before = project.snapshot();
    let output = project.unspoken(["rm", "STRIPE_KEY", "DATBASE_URL", "--yes"]).run();
    output.fails_with(3).says("`DATBASE_URL`").says("Did you mean `DATABASE_URL`?");
    project
        .unspoken(["rm", "STRIPE_KEY", "ZZZ", "--all", "--yes"])
        .run()
        .fails_with(3)
        .says("`ZZZ`");
    project.unspoken(["mv", "DATBASE_URL", "X"]).run().fails_with(3).says("`DATABASE_URL`?");
    project.unspoken(["mv", "ZZZ", "X", "--all"]).run().fails_with(3).says("`ZZZ`");
    project.unspoken(["get", "DATBASE_URL"]).run().fails_with(3).says("`DATABASE_URL`?");
    project.is_as(&before);
}

#[test]
fn an_inherited_name_is_not_removed_from_its_parent() {
    let project = project();
    project.unspoken(["env", "add", "preview", "--inherits", "development"]).run().ok();
    let before = project.snapshot();
    let output = project.unspoken(["rm", "STRIPE_KEY", "-e", "preview", "--yes"]).run();
    output.fails_with(3).says("`preview` itself");
    project.is_as(&before);
}

#[test]
fn without_a_confirmation_nothing_is_removed() {
    let project = project();
    let before = project.snapshot();
    for arguments in [&["rm", "STRIPE_KEY"][..], &["rm", "DATABASE_URL", "--all"]] {
        // What is piped in is no answer.
        let output = project.unspoken(arguments).stdin("y\n").run().fails_with(10);
        output.says("confirmation").says("--yes");
    }
    project.is_as(&before);
}

#[test]
fn mv_takes_value_and_expiry_along() {
    let project = project();
    let set = ["set", "OLD", "--expires", "2031-01-31"];
    project.unspoken(set).stdin(canary("moved")).run().ok();

    project.unspoken(["mv", "OLD", "NEW"]).run().ok().is_silent_on_values().says("OLD is now NEW");

    assert_eq!(list(&project, "development"), ["DATABASE_URL", "NEW", "STRIPE_KEY"]);
    project.has("development", "NEW", canary("moved"));
    let listed = project.unspoken(["list", "-e", "development", "--json"]).run().ok().json();
    assert_eq!(listed["names"][1]["expiry"]["date"], "2031-01-31");
}

#[test]
fn mv_all_renames_wherever_it_is() {
    let project = project();
    project.unspoken(["rename", "DATABASE_URL", "DB", "--all"]).run().ok();
    project.has("development", "DB", canary("development"));
    project.has("production", "DB", canary("production"));
    project.unspoken(["mv", "STRIPE_KEY", "S", "--all"]).run().ok();
    project.has("development", "S", canary("stripe"));
}

#[test]
fn a_name_that_is_taken_anywhere_stops_mv_everywhere() {
    let project = project();
    let before = project.snapshot();
    let output = project.unspoken(["mv", "DATABASE_URL", "STRIPE_KEY"]).run().fails_with(10);
    output.says("`STRIPE_KEY` is there already in `development`");
    // Production has no STRIPE_KEY, and keeps its name all the same.
    project.unspoken(["mv", "DATABASE_URL", "STRIPE_KEY", "--all"]).run().fails_with(10);
    project.is_as(&before);
}

#[test]
fn mv_onto_itself_does_not_advise_to_remove_the_value() {
    let project = project();
    let before = project.snapshot();
    let output = project.unspoken(["mv", "STRIPE_KEY", "STRIPE_KEY"]).run();
    assert!(output.code == 2, "{output:?}");
    assert!(!output.stderr.contains("unspoken rm"), "{output:?}");
    project.is_as(&before);
}

#[test]
fn all_and_one_environment_exclude_each_other() {
    let project = project();
    for command in [&["rm", "A"][..], &["mv", "A", "B"]] {
        let arguments = [command, &["--all", "-e", "production"]].concat();
        project.unspoken(arguments).run().fails_with(2);
    }
}

#[test]
fn one_key_that_is_missing_stops_rm_and_mv_before_the_first_write() {
    let project = project();
    // The key of production is the one that its document names.
    let text = project.read(project.document("production"));
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let id = document["sops"]["unspoken"]["key_id"].as_str().unwrap();
    std::fs::remove_file(project.unspoken_home().join("keys").join(id)).unwrap();
    let before = project.snapshot();

    project.unspoken(["rm", "DATABASE_URL", "--all", "--yes"]).run().fails_with(4);
    project.unspoken(["mv", "DATABASE_URL", "X", "--all"]).run().fails_with(4);

    project.is_as(&before);
}
