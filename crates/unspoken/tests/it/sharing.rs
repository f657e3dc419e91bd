//! Who may read: given by a line of the project file, and taken away again.

use std::fs;

use unspoken_testkit::{Member, Project, canary, peers};

/// Two environments with a value each, shared with Bob's clone.
fn project() -> Project {
    let project = Project::with_environments(&["development", "production"]);
    project.set("development", "DATABASE_URL", canary("development"));
    project.set("production", "DATABASE_URL", canary("production"));
    project
}

fn opens(member: &Member<'_>, environment: &str) -> bool {
    member.unspoken(["get", "DATABASE_URL", "-e", environment]).run().code == 0
}

fn seal_keys(toml: &str) -> Vec<String> {
    toml.lines().filter(|line| line.starts_with("seal_key")).map(str::to_owned).collect()
}

#[test]
fn an_identity_is_made_once_and_its_public_half_alone_is_printed() {
    let project = Project::empty();
    let first = project.unspoken(["identity"]).run().ok();
    let public = first.text().trim().to_owned();
    assert!(public.starts_with("age1") && first.text() == format!("{public}\n"));
    assert_eq!(project.unspoken(["identity"]).run().ok().text(), first.text());
    let json = project.unspoken(["identity", "--json"]).run().ok().json();
    assert_eq!(
        (json["public_key"].as_str(), json["made"].as_bool()),
        (Some(&*public), Some(false))
    );
    // The real age program reads the file.
    let path = project.unspoken_home().join("identity");
    let read = project.program(peers().age_keygen(), ["-y".as_ref(), path.as_os_str()]).run().ok();
    assert_eq!(read.text().trim(), public);
}

#[test]
fn the_line_of_a_pull_request_gives_access_when_somebody_syncs() {
    let project = project();
    let (alice, bob) = (&project, project.member("bob"));
    bob.unspoken(["run", "--", "true"]).run().fails_with(4).says("unspoken recipients add");
    assert!(!opens(&bob, "development"));

    // Bob puts himself on the list. He can read nothing, so no document changes.
    let public = bob.identity();
    let said = bob.unspoken(["recipients", "add", "bob", &public, "-e", "development"]).run().ok();
    said.says("no key on this machine opens it").says("unspoken recipients sync -e development");
    assert_eq!(bob.git(["status", "--short"]).ok().text(), " M unspoken.toml\n");
    let diff = bob.git(["diff", "-U0", "unspoken.toml"]).ok().text().to_owned();
    let added: Vec<&str> = diff.lines().filter_map(|line| line.strip_prefix('+')).skip(1).collect();
    let lines = ["[recipients]", &format!("bob = \"{public}\""), "", "recipients = [\"bob\"]"];
    assert_eq!(added, lines);

    // Alice takes the change over, sees what it means, and syncs.
    alice.write("unspoken.toml", bob.read("unspoken.toml"));
    let before = seal_keys(&alice.read("unspoken.toml"));
    let refused = alice.unspoken(["recipients", "sync"]).run().fails_with(10);
    refused.says("development: bob may read it").says("--yes");
    alice.unspoken(["recipients", "sync", "--yes"]).run().ok();
    assert_eq!(seal_keys(&alice.read("unspoken.toml")), before);
    let again = alice.unspoken(["recipients", "sync", "--json"]).run().ok().json();
    assert_eq!(again["environments"].as_array().map(Vec::len), Some(0));

    bob.write("secrets/development.json", alice.read("secrets/development.json"));
    bob.has("development", "DATABASE_URL", canary("development"));
    assert!(!opens(&bob, "production"));
    // He may change it too: the seal is the data key's.
    bob.set("development", "NEW", canary("new"));
    alice.write("secrets/development.json", bob.read("secrets/development.json"));
    alice.has("development", "NEW", canary("new"));
    // The real sops agrees on who can read.
    let identity = bob.unspoken_home().join("identity");
    let sops = bob.program(peers().sops(), ["decrypt", "secrets/development.json"]);
    sops.env("SOPS_AGE_KEY_FILE", identity).run().ok();
}

#[test]
fn whoever_is_removed_reads_nothing_that_is_written_later() {
    let project = project();
    let bob = project.member("bob");
    let public = bob.identity();
    let both = ["-e", "development", "-e", "production"];
    project.unspoken(["recipients", "add", "bob", &public].into_iter().chain(both)).run().ok();
    for document in ["development", "production"] {
        let path = format!("secrets/{document}.json");
        bob.write(&path, project.read(&path));
    }
    bob.write("unspoken.toml", project.read("unspoken.toml"));
    assert!(opens(&bob, "development") && opens(&bob, "production"));
    bob.git(["add", "--all"]).ok();
    bob.git(["commit", "--quiet", "-m", "while Bob was there"]).ok();

    let pins = seal_keys(&project.read("unspoken.toml"));
    let before = project.snapshot();
    project.unspoken(["recipients", "remove", "bob"]).run().fails_with(10).says("--yes");
    project.is_as(&before);
    let said = project.unspoken(["recipients", "remove", "bob", "--yes"]).run().ok();
    said.clone().says("bob could read 1 value").says("DATABASE_URL").says("every earlier commit");
    said.says("unspoken rotate").is_silent_on_values();
    let toml = project.read("unspoken.toml");
    assert!(!toml.contains("bob"));
    assert!(seal_keys(&toml).iter().all(|pin| !pins.contains(pin)));

    for path in ["secrets/development.json", "secrets/production.json", "unspoken.toml"] {
        bob.write(path, project.read(path));
    }
    assert!(!opens(&bob, "development") && !opens(&bob, "production"));
    // What he read before, he reads for ever.
    bob.git(["stash", "--quiet"]).ok();
    bob.has("production", "DATABASE_URL", canary("production"));

    // The note of what he knew goes away with the value, and not before.
    let noted = |environment: &str| {
        project.read(format!("secrets/{environment}.json")).contains("\"exposed\"")
    };
    assert!(noted("development") && noted("production"));
    project.set("development", "DATABASE_URL", canary("development"));
    project.set("development", "OTHER", canary("other"));
    assert!(noted("development"));
    project.set("development", "DATABASE_URL", canary("changed"));
    assert!(!noted("development") && noted("production"));
}

#[test]
fn a_removal_names_what_the_history_shows_too() {
    let project = project();
    let public = project.member("bob").identity();
    project.unspoken(["recipients", "add", "bob", &public]).run().ok();
    project.set("development", "OLD_TOKEN", canary("old"));
    project.git(["add", "--all"]);
    project.git(["commit", "--quiet", "-m", "with a token"]);
    project.unspoken(["rm", "OLD_TOKEN", "--yes"]).run().ok();
    let said =
        project.unspoken(["recipients", "remove", "bob", "--yes", "--json"]).run().ok().json();
    let of = |key: &str| said["environments"][0][key].clone();
    assert_eq!(of("readable_by_removed"), serde_json::json!(["DATABASE_URL"]));
    assert_eq!(of("readable_by_removed_before"), serde_json::json!(["OLD_TOKEN"]));
}

#[test]
fn access_can_be_taken_from_one_environment_alone() {
    let project = project();
    let bob = project.member("bob");
    let public = bob.identity();
    let both = ["-e", "development", "-e", "production"];
    project.unspoken(["recipients", "add", "bob", &public].into_iter().chain(both)).run().ok();
    project.unspoken(["recipients", "rm", "bob", "-e", "production", "--yes"]).run().ok();
    let list = project.unspoken(["recipients", "list", "--json"]).run().ok().json();
    assert_eq!(list["recipients"][0]["environments"], serde_json::json!(["development"]));
    assert!(project.read("secrets/development.json").contains(&public));
    assert!(!project.read("secrets/production.json").contains(&public));
}

#[test]
fn the_last_key_of_this_machine_is_not_dropped() {
    let project = project();
    let bob = project.member("bob");
    let public = bob.identity();
    project.unspoken(["recipients", "add", "bob", &public]).run().ok();
    for path in ["secrets/development.json", "unspoken.toml"] {
        bob.write(path, project.read(path));
    }
    // Bob holds no other key than his own.
    let document = bob.read("secrets/development.json");
    bob.unspoken(["recipients", "remove", "bob", "--yes"]).run().fails_with(10).says("no key");
    assert!(bob.read("secrets/development.json") == document);
}

#[test]
fn what_is_no_public_key_changes_nothing() {
    let project = project();
    let public = project.member("bob").identity();
    project.unspoken(["recipients", "add", "bob", &public]).run().ok();
    let private = fs::read_to_string(
        project.unspoken_home().join("keys").read_dir().unwrap().next().unwrap().unwrap().path(),
    );
    let private = private.unwrap().lines().last().unwrap().to_owned();
    let before = project.snapshot();
    let add = |words: &[&str]| project.unspoken(["recipients", "add"].iter().chain(words)).run();
    add(&["carol", "age1nonsense"]).fails_with(2).says("the public key");
    let refused = add(&["carol", &private]).fails_with(2).says("private key");
    assert!(!refused.stderr.contains(&private));
    add(&["Carol", &public]).fails_with(2);
    add(&["carol", &public]).fails_with(10).says("`bob`'s already");
    add(&["carol", &public, "-e", "nowhere"]).fails_with(3);
    project.unspoken(["recipients", "remove", "carol", "--yes"]).run().fails_with(3);
    project.is_as(&before);
}

#[test]
fn another_key_under_a_name_takes_the_old_ones_place() {
    let project = project();
    let (bob, laptop) = (project.member("bob"), project.member("laptop"));
    let (old, new) = (bob.identity(), laptop.identity());
    project.unspoken(["recipients", "add", "bob", &old]).run().ok();
    project.unspoken(["recipients", "add", "bob", &new]).run().fails_with(10).says("--yes");
    project.unspoken(["recipients", "add", "bob", &new, "--yes"]).run().ok().says("bob");
    let document = project.read("secrets/development.json");
    assert!(document.contains(&new) && !document.contains(&old));
    assert!(document.contains("\"DATABASE_URL\": \"bob\""));
}

#[test]
fn a_document_without_a_seal_is_not_shared() {
    let project = project();
    let public = project.member("bob").identity();
    let key = project.unspoken_home().join("keys").read_dir().unwrap().next().unwrap().unwrap();
    let sops =
        project.program(peers().sops(), ["set", "secrets/development.json", "[\"A\"]", "\"x\""]);
    sops.env("SOPS_AGE_KEY_FILE", key.path()).run();
    let key = project.unspoken_home().join("keys").read_dir().unwrap().nth(1).unwrap().unwrap();
    let sops =
        project.program(peers().sops(), ["set", "secrets/development.json", "[\"A\"]", "\"x\""]);
    sops.env("SOPS_AGE_KEY_FILE", key.path()).run();
    assert!(!project.read("secrets/development.json").contains("unspoken"));
    project.unspoken(["recipients", "add", "bob", &public]).run().fails_with(5);
    project.unspoken(["accept", "--yes"]).run().ok();
    project.unspoken(["recipients", "add", "bob", &public]).run().ok();
}

#[test]
fn a_rotation_lets_nobody_in_and_a_sync_that_cannot_open_fails() {
    let project = project();
    let bob = project.member("bob");
    let public = bob.identity();
    bob.unspoken(["recipients", "add", "bob", &public]).run().ok();
    bob.unspoken(["recipients", "sync", "--yes", "-q"]).run().fails_with(4).says("development");
    project.write("unspoken.toml", bob.read("unspoken.toml"));
    let before = project.snapshot();
    project.unspoken(["rotate", "--yes"]).run().fails_with(10).says("recipients sync");
    project.is_as(&before);
}

#[test]
fn one_ssh_key_has_one_name_whatever_its_comment() {
    let project = project();
    let key = project.tmp().join("key");
    let path = key.to_str().unwrap();
    project
        .program("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "bob", "-f", path])
        .run()
        .ok();
    let public = fs::read_to_string(key.with_extension("pub")).unwrap().trim().to_owned();
    project.unspoken(["recipients", "add", "bob", &public]).run().ok();
    let other = public.replace(" bob", " ci");
    project.unspoken(["recipients", "add", "ci", &other]).run().fails_with(10).says("`bob`'s");
    let toml = project.read("unspoken.toml");
    let twice = toml
        .replace(&format!("bob = \"{public}\""), &format!("bob = \"{public}\"\nci = \"{other}\""));
    project.write("unspoken.toml", &twice);
    project.unspoken(["list"]).run().fails_with(1).says("have the same public key");
    project.write("unspoken.toml", toml);
    project.unspoken(["recipients", "remove", "bob", "--yes"]).run().ok();
    assert!(!project.read("secrets/development.json").contains("ssh-ed25519"));
}

#[test]
fn a_replaced_key_opens_nothing_any_more_wherever_it_did() {
    let project = project();
    let (bob, laptop) = (project.member("bob"), project.member("laptop"));
    let (old, new) = (bob.identity(), laptop.identity());
    let both = ["-e", "development", "-e", "production"];
    project.unspoken(["recipients", "add", "bob", &old].into_iter().chain(both)).run().ok();
    let add = ["recipients", "add", "bob", &new, "-e", "development", "--yes"];
    project.unspoken(add).run().ok();
    for document in ["development", "production"] {
        let text = project.read(format!("secrets/{document}.json"));
        assert!(text.contains(&new) && !text.contains(&old), "{document}");
    }
}
