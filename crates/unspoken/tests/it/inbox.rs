//! Values that are left by somebody who may not read the others.

use std::fs;
use std::path::PathBuf;

use unspoken_testkit::{Member, Project, canary, peers};

fn project() -> Project {
    let project = Project::with_environments(&["development"]);
    project.set("development", "OLD", canary("old"));
    project
}

fn waiting(project: &Project) -> Vec<PathBuf> {
    let folder = project.root().join("secrets/development.inbox");
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => Vec::new(),
    }
}

/// Has Bob leave a value, and brings its file to the project.
fn leave(project: &Project, bob: &Member<'_>, name: &str, value: &str, flags: &[&str]) {
    let arguments = ["set", name, "--json", "--empty"].into_iter().chain(flags.iter().copied());
    let left = bob.unspoken(arguments).stdin(value).run().ok().json();
    assert_eq!(left["change"], "left");
    let file = left["file"].as_str().unwrap().to_owned();
    fs::create_dir_all(project.root().join("secrets/development.inbox")).unwrap();
    project.write(&file, bob.read(&file));
    fs::remove_file(bob.root().join(&file)).unwrap();
}

#[test]
fn a_value_is_set_by_who_may_read_none_and_taken_up_by_who_may() {
    let project = project();
    let bob = project.member("bob");
    bob.git(["config", "user.email", "bob@example.invalid"]).ok();
    let before = bob.read("secrets/development.json");
    bob.unspoken(["get", "OLD"]).run().fails_with(4);
    leave(&project, &bob, "STRIPE_KEY", &canary("line\nline"), &["--expires", "2099-01-31"]);
    leave(&project, &bob, "OLD", &canary("new"), &[]);
    assert!(bob.read("secrets/development.json") == before);

    // It is an age file for the environment's recipients, with a name in the clear.
    let files = waiting(&project);
    let file = files.iter().find(|path| path.to_string_lossy().contains("STRIPE_KEY")).unwrap();
    assert!(file.to_string_lossy().ends_with(".bob@example.invalid.age"));
    let key = project.unspoken_home().join("keys").read_dir().unwrap().next().unwrap().unwrap();
    let age = project.program(
        peers().age(),
        ["-d".as_ref(), "-i".as_ref(), key.path().as_os_str(), file.as_os_str()],
    );
    assert!(age.run().ok().text().ends_with(&canary("line\nline")));
    let listed = project.unspoken(["inbox"]).run().ok();
    assert!(listed.text().contains("STRIPE_KEY in development  left by bob@example.invalid, 20"));

    let child =
        project.unspoken(["run", "--redact=never", "--", "printenv", "STRIPE_KEY"]).run().ok();
    child.clone().says("STRIPE_KEY in development was left by bob@example.invalid");
    assert!(child.text() == format!("{}\n", canary("line\nline")));
    assert_eq!(waiting(&project), Vec::<PathBuf>::new());
    project.has("development", "OLD", canary("new"));
    let list = project.unspoken(["list", "--json"]).run().ok();
    assert!(list.text().contains("2099-01-31"));
}

#[test]
fn of_two_that_wait_the_later_wins_and_a_later_set_wins_over_both() {
    let project = project();
    let bob = project.member("bob");
    leave(&project, &bob, "A", &canary("first"), &[]);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    leave(&project, &bob, "A", &canary("second"), &[]);
    project.has("development", "A", canary("second"));

    leave(&project, &bob, "A", &canary("third"), &[]);
    project.set("development", "A", canary("own"));
    project.has("development", "A", canary("own"));
    assert_eq!(waiting(&project), Vec::<PathBuf>::new());
}

#[test]
fn what_was_left_under_another_name_or_elsewhere_is_not_taken_up() {
    let project = Project::with_environments(&["development", "production"]);
    project.set("development", "OLD", canary("old"));
    project.set("production", "OLD", canary("old"));
    let bob = project.member("bob");
    leave(&project, &bob, "HARMLESS", &canary("evil"), &[]);
    let file = waiting(&project).pop().unwrap();
    let renamed = file.with_file_name(
        file.file_name().unwrap().to_str().unwrap().replace("HARMLESS", "NODE_OPTIONS"),
    );
    fs::rename(&file, &renamed).unwrap();
    project.unspoken(["get", "OLD"]).run().ok().says("is not taken up").says("another place");
    project.get("development", "NODE_OPTIONS").fails_with(3);
    assert!(renamed.exists());

    // The same for another environment, and for a file that was damaged.
    let elsewhere = project.root().join("secrets/production.inbox");
    fs::create_dir_all(&elsewhere).unwrap();
    fs::rename(&renamed, elsewhere.join(file.file_name().unwrap())).unwrap();
    project.unspoken(["get", "OLD", "-e", "production"]).run().ok().says("another place");
    let path = elsewhere.join(file.file_name().unwrap());
    fs::write(&path, b"-----BEGIN AGE ENCRYPTED FILE-----\nnonsense\n").unwrap();
    project.unspoken(["get", "OLD", "-e", "production"]).run().ok().says("is not taken up");
    project.unspoken(["inbox", "--drop", "HARMLESS", "-e", "production", "--yes"]).run().ok();
    assert!(!path.exists());
}

#[test]
fn nothing_is_left_for_readers_that_no_seal_vouches_for() {
    let project = project();
    let bob = project.member("bob");
    let document = bob.read("secrets/development.json");
    let changed = document.replacen("\"recipient\": \"age1", "\"recipient\": \"age1x", 1);
    bob.write("secrets/development.json", changed);
    bob.unspoken(["set", "A"]).stdin(canary("a")).run().fails_with(5);
    let expiry = ["set", "OLD", "--keep", "--expires", "never"];
    bob.write("secrets/development.json", document);
    bob.unspoken(expiry).run().fails_with(4);
    assert!(!bob.root().join("secrets/development.inbox").exists());
}

/// The document's note of who knows `OLD`, as it stands in the file.
fn is_noted(project: &Project) -> bool {
    project.read("secrets/development.json").contains("\"OLD\": \"carol\"")
}

#[test]
fn what_is_left_erases_no_note_and_waits_for_no_removal() {
    let project = project();
    let bob = project.member("bob");
    let carol = project.member("carol").identity();
    project.unspoken(["recipients", "add", "carol", &carol]).run().ok();
    bob.write("secrets/development.json", project.read("secrets/development.json"));
    bob.write("unspoken.toml", project.read("unspoken.toml"));
    // It is sealed for Carol too, so it is taken up before she is dropped.
    leave(&project, &bob, "NEW", &canary("new"), &[]);
    project.unspoken(["recipients", "remove", "carol", "--yes"]).run().ok().says("NEW");
    assert_eq!(waiting(&project), Vec::<PathBuf>::new());
    assert!(
        is_noted(&project)
            && project.read("secrets/development.json").contains("\"NEW\": \"carol\"")
    );

    for value in ["x", "old"] {
        bob.write("secrets/development.json", project.read("secrets/development.json"));
        bob.write("unspoken.toml", project.read("unspoken.toml"));
        leave(&project, &bob, "OLD", &canary(value), &[]);
        project.has("development", "OLD", canary(value));
    }
    assert!(is_noted(&project));
    project.set("development", "OLD", canary("changed"));
    assert!(!is_noted(&project));
}

#[test]
fn a_file_is_taken_up_at_its_own_time_alone_and_an_expiry_can_be_taken_away() {
    let project = project();
    let bob = project.member("bob");
    project.unspoken(["set", "OLD", "--keep", "--expires", "2099-01-31"]).run().ok();
    leave(&project, &bob, "OLD", &canary("first"), &["--expires", "never"]);
    let file = waiting(&project).pop().unwrap();
    let bytes = fs::read(&file).unwrap();
    project.has("development", "OLD", canary("first"));
    assert!(!project.unspoken(["list", "--json"]).run().ok().text().contains("2099-01-31"));
    let name = file.file_name().unwrap().to_str().unwrap();
    let (_, author) = name.split_once("Z-").unwrap();
    let later = file.with_file_name(format!("OLD.20991231T235959Z-{author}"));
    fs::create_dir_all(later.parent().unwrap()).unwrap();
    fs::write(&later, bytes).unwrap();
    project.set("development", "OLD", canary("own"));
    project.unspoken(["get", "OLD"]).run().ok().says("is not taken up");
    project.has("development", "OLD", canary("own"));
}
