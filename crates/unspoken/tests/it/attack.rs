//! What somebody with write access and no key has tried, each attempt named
//! after what it was after.

use std::fs;

use unspoken_testkit::{Project, canary, peers};

/// A project with one sealed, pinned environment and one value in it.
fn project() -> Project {
    let project = Project::with_environments(&["development"]);
    project.set("development", "API_TOKEN", canary("attack"));
    project
}

/// Somebody else's key file.
fn stranger(project: &Project) -> (std::path::PathBuf, String) {
    let key = project.tmp().join("stranger");
    project.program(peers().age_keygen(), ["-o", key.to_str().unwrap()]).run().ok();
    let text = fs::read_to_string(&key).unwrap();
    let public = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    (key, public.to_owned())
}

/// The environment's own public key, as everybody can read it.
fn public_key(project: &Project) -> String {
    let document = project.read("secrets/development.json");
    let (_, rest) = document.split_once("\"recipient\": \"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

/// Makes another program's document the environment `legacy`, with no pin.
fn add_legacy(project: &Project, text: impl AsRef<[u8]>) {
    project.write("legacy.json", text);
    let toml = project.read("unspoken.toml");
    project
        .write("unspoken.toml", format!("{toml}\n[environments.legacy]\nfile = \"legacy.json\"\n"));
}

#[test]
fn a_reader_without_a_wrapped_key_does_not_wait_for_the_next_rotation() {
    let project = project();
    let (_, public) = stranger(&project);
    let document = project.read("secrets/development.json");
    let entry = format!("\"age\": [\n\t\t\t{{\n\t\t\t\t\"recipient\": \"{public}\"\n\t\t\t}},");
    let changed = document.replacen("\"age\": [", &entry, 1);
    assert_ne!(changed, document);
    project.write("secrets/development.json", changed);
    project.unspoken(["get", "API_TOKEN"]).run().fails_with(5).is_silent_on_values();
    project.unspoken(["set", "OTHER"]).stdin(canary("other")).run().fails_with(5);
    project.unspoken(["accept", "--yes"]).run().fails_with(1).says("`age`");
}

#[test]
fn a_new_document_for_the_same_readers_is_not_taken_for_an_edit() {
    let project = project();
    let (key, public) = stranger(&project);
    let readers = format!("{},{public}", public_key(&project));
    let flags = ["encrypt", "--age", &readers, "--filename-override", "x.json", "/dev/stdin"];
    let forged = project.program(peers().sops(), flags).stdin("{\"NODE_OPTIONS\":\"-r ./evil\"}");
    project.write("secrets/development.json", forged.run().ok().stdout);
    let before = project.read("unspoken.toml");

    project.unspoken(["run", "--", "true"]).run().fails_with(5).says("no seal");
    let refused = project.unspoken(["accept", "--yes"]).run().fails_with(5);
    assert!(refused.says("--new-data-key").stderr.contains("NODE_OPTIONS"));
    assert_eq!(project.read("unspoken.toml"), before);

    // Somebody who knows where it comes from may say so.
    project.unspoken(["accept", "--yes", "--new-data-key"]).run().ok();
    assert_ne!(project.read("unspoken.toml"), before);
    drop(key);
}

#[test]
fn a_rule_that_leaves_values_in_the_clear_takes_none() {
    let project = Project::with_environments(&["development"]);
    let (key, public) = stranger(&project);
    let flags = ["encrypt", "--age", &public, "--encrypted-regex", "^(A|PORT)$"];
    let flags = [&flags[..], &["--filename-override", "x.json", "/dev/stdin"]].concat();
    let text = project.program(peers().sops(), flags).stdin("{\"A\":\"1\",\"CLEAR\":\"2\"}");
    add_legacy(&project, text.run().ok().stdout);
    let before = project.read("legacy.json");
    let unspoken = |arguments: &[&str]| {
        project.unspoken(arguments).env("SOPS_AGE_KEY_FILE", &key).env("UNSPOKEN_ENV", "legacy")
    };
    for name in ["NEW", "CLEAR"] {
        let output = unspoken(&["set", name]).stdin(canary("clear")).run();
        output.fails_with(1).says("in the clear").is_silent_on_values();
    }
    project.write("in.json", format!("{{\"NEW\":\"{}\"}}", canary("clear")));
    unspoken(&["import", "in.json"]).run().fails_with(1).says("in the clear");
    unspoken(&["mv", "A", "B"]).run().fails_with(1).says("in the clear");
    assert_eq!(project.read("legacy.json"), before);
    assert!(project.root().join("in.json").exists());
    fs::remove_file(project.root().join("in.json")).unwrap();
    // What the rule does encrypt can be set.
    unspoken(&["set", "PORT"]).stdin("1").run().ok();
}

#[test]
fn a_pin_that_was_removed_is_not_taken_for_an_unsealed_document() {
    let project = project();
    let toml = project.read("unspoken.toml");
    let kept: String =
        toml.lines().filter(|l| !l.starts_with("seal_key")).map(|l| format!("{l}\n")).collect();
    project.write("unspoken.toml", kept);
    let output = project.unspoken(["run", "--", "true"]).run().fails_with(5);
    assert!(output.stderr.contains("no seal key is pinned"), "{output:?}");
    assert!(!output.stderr.contains("not sealed"), "{output:?}");
    project.unspoken(["accept", "--yes"]).run().fails_with(5).says("--new-data-key");
    project.unspoken(["accept", "--yes", "--new-data-key"]).run().ok();
    assert_eq!(project.read("unspoken.toml"), toml);
}

#[test]
fn a_source_that_was_changed_meanwhile_is_kept() {
    let project = Project::with_environments(&["development"]);
    project.write(".env", format!("A={}\n", canary("first")));
    let lock = project.root().join("secrets/.development.json.lock");
    let held = project.program("flock", ["-n", lock.to_str().unwrap(), "sleep", "6"]).spawn();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let import = project.unspoken(["import", ".env"]).spawn();
    std::thread::sleep(std::time::Duration::from_secs(3));
    project.write(".env", format!("A={}\nNEWLY_TYPED=x\n", canary("first")));
    let output = import.wait_with_output().unwrap();
    drop(held.wait_with_output().unwrap());
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("changed meanwhile"));
    assert!(project.read(".env").contains("NEWLY_TYPED"));
    fs::remove_file(project.root().join(".env")).unwrap();
}

#[test]
fn an_import_that_cannot_keep_its_source_out_of_git_changes_nothing() {
    let project = Project::with_environments(&["development"]);
    let ignore = project.root().join(".gitignore");
    let text = fs::read_to_string(&ignore).unwrap();
    fs::remove_file(&ignore).unwrap();
    std::os::unix::fs::symlink("elsewhere", &ignore).unwrap();
    project.write("plain.env", format!("A={}\n", canary("ignored")));
    let before = project.read("secrets/development.json");
    project.unspoken(["import", "plain.env"]).run().fails_with(1).says("symbolic link");
    assert_eq!(project.read("secrets/development.json"), before);

    // And the other way round: what does not fit leaves `.gitignore` alone.
    fs::remove_file(&ignore).unwrap();
    project.write(".gitignore", &text);
    project.set("development", "A", canary("other"));
    project.unspoken(["import", "plain.env"]).run().fails_with(10);
    assert_eq!(project.read(".gitignore"), text);
    fs::remove_file(project.root().join("plain.env")).unwrap();
}

#[test]
fn what_does_not_open_is_not_called_fine() {
    let project = Project::with_environments(&["development"]);
    let (key, public) = stranger(&project);
    let flags = ["encrypt", "--age", &public, "--filename-override", "x.json", "/dev/stdin"];
    let text = project.program(peers().sops(), flags).stdin("{\"A\":\"1\",\"B\":\"2\"}").run().ok();
    let text = String::from_utf8(text.stdout).unwrap();
    // Without one of its values the MAC does not fit.
    let cut: String =
        text.lines().filter(|l| !l.contains("\"B\"")).map(|l| format!("{l}\n")).collect();
    add_legacy(&project, cut);
    let unspoken = |arguments: &[&str]| project.unspoken(arguments).env("SOPS_AGE_KEY_FILE", &key);
    unspoken(&["doctor"]).run().fails_with(1).says("must be mended");
    unspoken(&["why", "A", "-e", "legacy"]).run().fails_with(5).says("MAC");
}

#[test]
fn a_name_forges_no_line_of_a_report() {
    let project = Project::with_environments(&["development"]);
    let forged = "X\\u001b[2J\\nok       production: all fine";
    let text = format!(
        "{{\"{forged}\":\"clear\",\"sops\":{{\"age\":[],\"lastmodified\":\"x\",\"mac\":\"\"}}}}"
    );
    add_legacy(&project, text);
    for arguments in
        [&["doctor"][..], &["list"], &["list", "-e", "legacy"], &["accept", "-e", "legacy"]]
    {
        let output = project.unspoken(arguments).run();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), output.stderr);
        assert!(!said.contains('\u{1b}'), "{arguments:?}");
        assert!(!said.lines().any(|line| line.starts_with("ok       production")), "{arguments:?}");
    }
}

#[test]
fn an_environment_that_is_named_otherwise_already_is_not_added_over() {
    let project = Project::with_environments(&["development"]);
    let toml = project.read("unspoken.toml");
    project.write("unspoken.toml", format!("{toml}\n[environments.preview]\n"));
    let add = ["env", "add", "preview", "--inherits", "development"];
    project.unspoken(add).run().fails_with(2).says("otherwise");
    project.unspoken(["env", "add", "preview"]).run().ok();
    project.unspoken(["list", "-e", "preview"]).run().ok();
}

#[test]
fn private_keys_are_not_made_inside_the_project() {
    let project = Project::empty();
    let call = || project.unspoken(["init"]).env("UNSPOKEN_HOME", project.root().join("keys"));
    call().run().fails_with(10).says("inside the project");
    assert!(!project.root().join("unspoken.toml").exists());
    let project = Project::with_environments(&["development"]);
    let add = project.unspoken(["env", "add", "x"]).env("UNSPOKEN_HOME", project.root().join("k"));
    add.run().fails_with(10);
    assert!(!project.root().join("k").exists());
}

#[test]
fn every_change_of_an_unsealed_document_is_warned_of_and_a_source_is_kept() {
    let project = Project::with_environments(&["development"]);
    let (key, public) = stranger(&project);
    let flags = ["encrypt", "--age", &public, "--filename-override", "x.json", "/dev/stdin"];
    let text = project.program(peers().sops(), flags).stdin("{\"A\":\"1\"}").run().ok();
    add_legacy(&project, text.stdout);
    project.write("in.json", format!("{{\"B\":\"{}\"}}", canary("unsealed")));
    let unspoken = |arguments: &[&str]| {
        project.unspoken(arguments).env("SOPS_AGE_KEY_FILE", &key).env("UNSPOKEN_ENV", "legacy")
    };
    unspoken(&["set", "C"]).stdin(canary("unsealed")).run().ok().says("not sealed");
    unspoken(&["import", "in.json"]).run().ok().says("not sealed").says("still there");
    unspoken(&["mv", "A", "D"]).run().ok().says("not sealed");
    unspoken(&["rm", "D", "--yes"]).run().ok().says("not sealed");
    unspoken(&["why", "B"]).run().ok().says("not sealed");
    fs::remove_file(project.root().join("in.json")).unwrap();
}

#[test]
fn an_encrypted_file_at_the_root_is_not_kept_out_of_git() {
    let project = Project::with_environments(&["development"]);
    project.unspoken(["env", "add", "shared", "--file", ".env.enc"]).run().ok();
    project.program("git", ["check-ignore", ".env.enc"]).run().fails_with(1);
    project.program("git", ["check-ignore", ".env.local"]).run().ok();
    let attributes = project.git(["check-attr", "text", "--", ".env.enc"]);
    assert!(attributes.contains("text: unset"), "{attributes}");
}
