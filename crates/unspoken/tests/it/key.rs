//! Keys that are carried from machine to machine, and made anew.

use std::fs;

use unspoken_testkit::{Member, Project, canary};

fn project() -> Project {
    let project = Project::with_environments(&["development", "production"]);
    project.set("development", "API_TOKEN", canary("development"));
    project.set("production", "API_TOKEN", canary("production"));
    project
}

fn bundle(project: &Project, flags: &[&str]) -> String {
    let flags = ["key", "export", "-e", "production", "--yes"].iter().chain(flags);
    let line = project.unspoken(flags).run().ok().text().to_owned();
    assert_eq!(line.lines().count(), 1);
    line
}

/// What a machine holds that has been given nothing.
fn holds_nothing(member: &Member<'_>) {
    let keys = member.unspoken_home().join("keys");
    assert!(!keys.exists() || fs::read_dir(keys).unwrap().next().is_none());
}

#[test]
fn a_bundle_carries_one_environments_key() {
    let project = project();
    let bob = project.member("bob");
    let line = bundle(&project, &[]);
    assert!(line.starts_with("unspoken-key-1:"));
    let import = bob.unspoken(["key", "import", "--json"]).stdin(&line).run().ok().json();
    assert_eq!(import["environment"], "production");
    assert_eq!((import["stored"].as_bool(), import["proven"].as_bool()), (Some(true), Some(true)));
    bob.has("production", "API_TOKEN", canary("production"));
    bob.unspoken(["get", "API_TOKEN", "-e", "development"]).run().fails_with(4);
    let again = bob.unspoken(["key", "import", "--json"]).stdin(&line).run().ok().json();
    assert_eq!(again["stored"].as_bool(), Some(false));
}

#[test]
fn a_bundle_under_a_passphrase_opens_with_it_alone() {
    let project = project();
    let bob = project.member("bob");
    for (file, text) in [("right", "correct horse\nnot this\n"), ("wrong", "correct hors\n")] {
        fs::write(project.tmp().join(file), text).unwrap();
    }
    let at = |file: &str| project.tmp().join(file).display().to_string();
    let line = bundle(&project, &["--passphrase-file", &at("right")]);
    assert!(line.starts_with("unspoken-sealed-key-1:"));
    let import =
        |flags: &[&str]| bob.unspoken(["key", "import"].iter().chain(flags)).stdin(&line).run();
    import(&[]).fails_with(10).says("--passphrase-file");
    import(&["--passphrase-file", &at("wrong")]).fails_with(4).says("does not fit");
    holds_nothing(&bob);
    import(&["--passphrase-file", &at("right")]).ok();
    bob.has("production", "API_TOKEN", canary("production"));
}

#[test]
fn the_key_is_shown_only_to_who_says_so() {
    let project = project();
    let refused = project.unspoken(["key", "export", "-e", "production"]).run().fails_with(10);
    assert!(refused.stdout.is_empty());
    refused.says("--yes");
}

#[test]
fn a_wrong_bundle_leaves_everything_as_it_was() {
    let project = project();
    let bob = project.member("bob");
    let line = bundle(&project, &[]);
    let import = |text: &str, flags: &[&str]| {
        let output = bob.unspoken(["key", "import"].iter().chain(flags)).stdin(text).run();
        assert!(!output.stderr.contains("AGE-SECRET"));
        output
    };
    for at in (0..line.trim_end().len()).step_by(7) {
        let mut bytes = line.clone().into_bytes();
        bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
        let text = String::from_utf8(bytes).unwrap();
        import(&text, &[]).fails_with(1).says("Nothing was stored");
    }
    import("", &[]).fails_with(1);
    import(&line, &["-e", "development"]).fails_with(10).says("not of `development`");
    // Another project's, and an environment that is not there.
    let other = bob.read("unspoken.toml").replace("acme-web", "acme-api");
    bob.write("unspoken.toml", other);
    import(&line, &[]).fails_with(10).says("acme-web");
    bob.git(["checkout", "--quiet", "unspoken.toml"]).ok();
    // A key from before a rotation.
    project.unspoken(["rotate", "-e", "production", "--yes"]).run().ok();
    for path in ["unspoken.toml", "secrets/production.json"] {
        bob.write(path, project.read(path));
    }
    import(&line, &[]).fails_with(4).says("does not open");
    holds_nothing(&bob);
    import(&bundle(&project, &[]), &[]).ok();
    bob.has("production", "API_TOKEN", canary("production"));
}

#[test]
fn a_rotation_makes_both_keys_anew_and_keeps_the_old_ids() {
    let project = project();
    let bob = project.member("bob");
    let public = bob.identity();
    let environment = ["-e", "production"];
    project
        .unspoken(["recipients", "add", "bob", &public].into_iter().chain(environment))
        .run()
        .ok();
    project
        .unspoken(["set", "API_TOKEN", "--keep", "--expires", "2099-01-31", "-e", "production"])
        .run()
        .ok();
    let before = project.read("secrets/production.json");
    let untouched = project.snapshot();
    project.unspoken(["rotate", "-e", "production"]).run().fails_with(10).says("--yes");
    project.is_as(&untouched);

    let said = project.unspoken(["rotate", "-e", "production", "--yes"]).run().ok();
    said.clone().says("unspoken key export -e production").says("API_TOKEN").is_silent_on_values();
    let after = project.read("secrets/production.json");
    for line in before.lines().filter(|line| line.contains("ENC[") || line.contains("\"enc\"")) {
        assert!(!after.contains(line), "this line is the old one: {}", line.trim());
    }
    let id = |text: &str| {
        let (_, rest) = text.split_once("\"key_id\": \"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    assert_ne!(id(&before), id(&after));
    assert!(after.contains(&format!("\"id\": \"{}\"", id(&before))));
    project.has("production", "API_TOKEN", canary("production"));
    let list = project.unspoken(["list", "-e", "production", "--json"]).run().ok();
    assert!(list.text().contains("2099-01-31"));

    // The old environment key opens nothing new; who is on the list reads on.
    for path in ["unspoken.toml", "secrets/production.json"] {
        bob.write(path, project.read(path));
    }
    bob.has("production", "API_TOKEN", canary("production"));
    fs::remove_file(project.unspoken_home().join("keys").join(id(&after))).unwrap();
    project.get("production", "API_TOKEN").fails_with(4);
}

#[test]
fn a_key_that_is_typed_as_an_argument_is_not_repeated() {
    let project = project();
    let line = bundle(&project, &[]);
    let line = line.trim();
    for arguments in [&["key", "import", line][..], &["rotate", line], &["import", "-f", line]] {
        let output = project.unspoken(arguments).run().fails_with(2);
        assert!(!output.stderr.contains(line), "the key was repeated");
    }
}
