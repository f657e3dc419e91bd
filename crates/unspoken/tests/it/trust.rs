//! `trust`: a hook is started only as it was agreed to.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::rotate_value::{GOOD, fails, hook, is_as, project, rotate, rotation, trust, trusted};

#[test]
fn nothing_runs_that_nobody_has_agreed_to() {
    let project = project("#!/bin/sh\ntouch started\necho new\n");
    fails(&project, 10).says("not trusted").says("unspoken trust");
    let before = project.snapshot();
    project.unspoken(["trust"]).run().fails_with(10).says("KEY: scripts/rotate").says("--yes");
    is_as(&project, &before);
    fails(&project, 10);
    trust(&project);
    // A trusted one is not started without a word, either.
    let before = project.snapshot();
    project.unspoken(["rotate", "KEY"]).run().fails_with(10).says("--yes");
    is_as(&project, &before);
    rotate(&project).ok();
    assert!(project.root().join("started").exists());
}

#[test]
fn a_hook_that_was_changed_is_not_trusted_any_more() {
    let project = trusted(GOOD);
    hook(&project, &format!("{GOOD}# more\n"));
    let output = fails(&project, 10).says("had the SHA-256").says("unspoken trust");
    let said = project.unspoken(["trust", "--yes"]).run().ok().says("changed").stderr;
    let sum = project.program("sha256sum", ["scripts/rotate"]).run().ok();
    let sum = sum.text().split(' ').next().unwrap();
    assert!(output.stderr.contains(sum) && said.contains(sum));
    rotate(&project).ok();
    // Trusted before, and then something else again.
    hook(&project, GOOD);
    rotate(&project).fails_with(10);
}

#[test]
fn other_arguments_another_program_and_another_name_are_not_trusted() {
    let project = trusted(GOOD);
    fs::copy(project.root().join("scripts/rotate"), project.root().join("scripts/other")).unwrap();
    let text = project.read("unspoken.toml");
    for (command, said) in [
        (
            "[\"scripts/rotate\", \"--all\"]",
            "its command was `scripts/rotate`, and is `scripts/rotate --all`",
        ),
        ("[\"scripts/rotate\", \"\"]", "and is `scripts/rotate ''`"),
        ("\"scripts/other\"", "and is `scripts/other`"),
    ] {
        project.write("unspoken.toml", text.replace("\"scripts/rotate\"", command));
        fails(&project, 10).says(said);
    }
    project.write("unspoken.toml", format!("{text}OTHER = \"scripts/rotate\"\n"));
    let output = project.unspoken(["rotate", "OTHER", "--yes"]).run().fails_with(10);
    output.says("hook of `OTHER` is not trusted");
    rotate(&project).ok();
}

#[test]
fn a_copy_of_the_project_is_another_project() {
    let project = trusted(GOOD);
    let copy = project.folder().join("copy");
    project.program("cp", ["-r", ".", copy.to_str().unwrap()]).run().ok();
    rotation(&project).current_dir(&copy).run().fails_with(10).says("not trusted");
    // Over a link it is the same one.
    let link = project.folder().join("link");
    symlink(project.root(), &link).unwrap();
    rotation(&project).current_dir(&link).run().ok();
}

#[test]
fn trust_is_listed_and_taken_back() {
    let project = trusted(GOOD);
    let root = project.root().canonicalize().unwrap();
    let list = project.unspoken(["trust", "--list"]).current_dir("/").run().ok();
    assert!(list.text().starts_with(&format!("{}\n  KEY: scripts/rotate\n", root.display())));
    let list = project.unspoken(["trust", "--list", "--json"]).run().ok().json();
    assert_eq!(list["projects"][0]["hooks"][0]["command"][0], "scripts/rotate");
    // Twice changes nothing, and asks nothing.
    let before = project.snapshot();
    let json = project.unspoken(["trust", "--json"]).run().ok();
    assert_eq!(json.json()["hooks"][0]["state"], "trusted before");
    assert!(json.stderr.is_empty());
    is_as(&project, &before);

    project.unspoken(["trust", "--revoke"]).run().ok().says("any more");
    fails(&project, 10);
    project.unspoken(["trust", "--revoke"]).run().ok().says("was trusted");
    project.unspoken(["trust", "--list"]).run().ok().says("no hook is trusted");
}

#[test]
fn a_record_that_others_could_write_or_that_lies_in_the_project_is_no_trust() {
    let project = trusted(GOOD);
    let records = fs::read_dir(project.unspoken_home().join("trust")).unwrap();
    let record = records.map(|entry| entry.unwrap().path()).next().unwrap();
    fs::set_permissions(&record, fs::Permissions::from_mode(0o602)).unwrap();
    fails(&project, 10).says("open to others").says("chmod 600");
    fs::set_permissions(&record, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&record, "version = 1\n").unwrap();
    fails(&project, 10).says("no record of trust");

    let inside = project.root().join("home");
    project.program("cp", ["-r", project.unspoken_home().to_str().unwrap(), "home"]).run().ok();
    for arguments in [&["rotate", "KEY", "--yes"][..], &["trust", "--yes"]] {
        let call = project.unspoken(arguments).env("UNSPOKEN_HOME", &inside);
        call.run().fails_with(10).says("inside the project");
    }
}

#[test]
fn what_is_no_program_of_the_project_is_not_started() {
    let project = trusted(GOOD);
    let path = project.root().join("scripts/rotate");
    let outside = project.folder().join("outside");
    fs::rename(&path, &outside).unwrap();
    fails(&project, 1).says("does not exist");
    symlink(&outside, &path).unwrap();
    fails(&project, 1).says("symbolic link");
    project.unspoken(["trust", "--yes"]).run().fails_with(1).says("symbolic link");
    fs::remove_file(&path).unwrap();

    hook(&project, GOOD);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    fails(&project, 1).says("not executable").says("chmod +x");
    hook(&project, "touch started; echo new\n");
    fails(&project, 1).says("names no interpreter");
    assert!(!project.root().join("started").exists());
    hook(&project, "#!/nonexistent/interpreter\n");
    trust(&project);
    fails(&project, 1).says("cannot start");
    // A folder on the way.
    fs::rename(project.root().join("scripts"), project.folder().join("moved")).unwrap();
    symlink(project.folder().join("moved"), project.root().join("scripts")).unwrap();
    fails(&project, 1).says("symbolic link");
}
