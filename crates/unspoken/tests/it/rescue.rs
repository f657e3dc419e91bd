//! A new value is never lost between its provider and the document.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use unspoken_testkit::{Invocation, Project, canary, peers};

use crate::rotate_value::{GOOD, fails, is_as, next, rotate, rotation, trusted, wait_for};

/// What waits to be stored.
fn rescues(project: &Project) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(project.unspoken_home().join("rescue")) else {
        return Vec::new();
    };
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// A rotation by a process that may write no file of more than these blocks,
/// which fails in the same call as a full disk does.
fn limited(project: &Project, blocks: u32) -> Invocation {
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" rotate KEY --yes");
    let binary = unspoken_testkit::unspoken_binary();
    project.program("sh", ["-c", &script, binary.to_str().unwrap()])
}

#[test]
fn a_new_value_that_can_be_put_nowhere_is_told_and_not_shown() {
    // From the hook's start on its parent can write no file any more.
    let script = GOOD.replace("read", "prlimit --pid $PPID --fsize=0:0\nread");
    let project = trusted(&script);
    let before = project.snapshot();
    let output = limited(&project, 100_000).run().fails_with(1).is_silent_on_values();
    output.says("is lost").says("Make another one at the provider");
    is_as(&project, &before);
}

#[test]
fn what_would_fail_afterwards_fails_before_the_hook_starts() {
    let script = "#!/bin/sh\ntouch started\necho new\n";
    let refused = |project: &Project, code: i32| {
        let output = rotate(project).fails_with(code);
        assert!(!project.root().join("started").exists(), "the hook was started");
        output
    };

    let project = trusted(script);
    let keys = project.unspoken_home().join("keys");
    fs::rename(&keys, project.folder().join("away")).unwrap();
    refused(&project, 4);
    fs::rename(project.folder().join("away"), &keys).unwrap();
    let whole = project.read("secrets/development.json");
    project.write("secrets/development.json", whole.replace("KEY", "KEZ"));
    refused(&project, 5);
    project.write("secrets/development.json", whole);
    // No room for the lock, and room for that alone.
    for blocks in [0, 8] {
        let before = project.snapshot();
        let output = limited(&project, blocks).run().fails_with(1).says("cannot write");
        assert!(!project.root().join("started").exists(), "the hook was started: {output:?}");
        is_as(&project, &before);
    }

    project.unspoken(["rotate", "OTHER", "--yes"]).run().fails_with(3).says("no rotation hook");
    project.unspoken(["rotate", "KEY", "-e", "x", "--yes"]).run().fails_with(3);
    project.unspoken(["rotate", "KEY", "--expires", "soon"]).run().fails_with(2);
    project.unspoken(["rotate", "KEY", "--timeout", "0"]).run().fails_with(2);
    rotate(&project).ok();
}

#[test]
fn a_new_value_that_cannot_be_stored_waits_and_is_stored_later() {
    // The document is broken while the hook runs.
    let script = "#!/bin/sh\nread -r old\nmv secrets/development.json whole\necho {} > \
                  secrets/development.json\ntouch \"started-$(date +%N)\"\necho \"$old-next\"\n";
    let project = trusted(script);
    let started = |project: &Project| {
        let names = fs::read_dir(project.root()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("started")).count()
    };
    let output = rotate(&project).fails_with(5).says("it waits, sealed, in");
    output.says("unspoken rotate KEY -e development --rescued");
    fs::rename(project.root().join("whole"), project.document("development")).unwrap();
    project.has("development", "KEY", canary("rotate"));

    // It is private, sealed, and not written over by another rotation.
    let files = rescues(&project);
    let [file] = files.as_slice() else { panic!("{files:?}") };
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(file).unwrap();
    assert!(!text.contains(&canary("rotate")) && text.contains("\"KEY\": \"ENC[AES256_GCM,"));
    fails(&project, 10).says("has left a value").says("--rescued");
    assert_eq!(started(&project), 1);
    // The program sops opens it as well.
    let keys = fs::read_dir(project.unspoken_home().join("keys")).unwrap();
    let key = keys.map(|entry| entry.unwrap().path()).next().unwrap();
    let sops = project.program(peers().sops(), ["decrypt".as_ref(), file.as_os_str()]);
    let opened = sops.env("SOPS_AGE_KEY_FILE", key).run().ok().json();
    assert!(opened["KEY"].as_str() == Some(next().as_str()));

    let rescued = ["rotate", "KEY", "--rescued", "--expires", "2099-01-01"];
    project.unspoken(rescued).run().ok().says("rotated KEY").is_silent_on_values();
    project.has("development", "KEY", next());
    assert_eq!((rescues(&project).len(), started(&project)), (0, 1));
    project.unspoken(rescued).run().fails_with(3).says("no value of `KEY`");
}

#[test]
fn a_change_of_others_meanwhile_is_kept_and_one_value_is_not_rotated_twice_at_a_time() {
    let script = "#!/bin/sh\nread -r old\ntouch \"$READY.new\"; mv \"$READY.new\" \"$READY\"\n\
                  while [ -e \"$READY\" ]; do sleep 0.05; done\necho \"$old-next\"\n";
    let project = trusted(script);
    let ready = project.folder().join("ready");
    let child = rotation(&project).env("READY", &ready).spawn();
    wait_for(&ready);
    // No lock is held meanwhile.
    project.set("development", "OTHER", canary("other"));
    rotate(&project).fails_with(6).says("being rotated by another process");
    fs::remove_file(&ready).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    project.has("development", "KEY", next());
    project.has("development", "OTHER", canary("other"));
}
