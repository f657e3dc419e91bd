//! Writers that are killed, that come all at once, that do not let go.

use std::fs;
use std::io::Write as _;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use unspoken_testkit::{Project, canary};

const KILLS: u32 = 200;

fn leftovers(project: &Project) -> Vec<String> {
    let entries = fs::read_dir(project.root().join("secrets")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter(|name| std::path::Path::new(name).extension().is_some_and(|e| e == "tmp"))
        .collect()
}

#[test]
fn a_set_that_is_killed_leaves_the_old_document_or_the_new_one() {
    let project = Project::with_environments(&["development"]);
    let value = |round: u32| canary(&format!("kill-{round}")) + &"x".repeat(20_000);
    let whole = Instant::now();
    project.set("development", "A", value(0));
    // From before it has begun to after it is done, however fast this machine is.
    let longest = whole.elapsed() * 5 / 4;
    let mut known = value(0);
    let (mut old, mut new) = (0, 0);
    for round in 1..=KILLS {
        let mut child = project.unspoken(["set", "A"]).stdin(value(round)).spawn();
        std::thread::sleep(longest * (round * 37 % KILLS) / KILLS);
        child.kill().unwrap();
        child.wait().unwrap();

        let found = project.get("development", "A").ok().stdout;
        if found == value(round).as_bytes() {
            new += 1;
            known = value(round);
        } else {
            assert!(found == known.as_bytes(), "neither the old nor the new value");
            old += 1;
        }
    }
    assert!(old > 0, "no kill came in time: {new} of {KILLS} were done");
    project.set("development", "A", canary("last"));
    project.has("development", "A", canary("last"));
    assert_eq!(leftovers(&project), [] as [&str; 0]);
}

#[test]
fn a_hundred_at_once_all_get_their_turn() {
    let project = Project::with_environments(&["development"]);
    let children: Vec<(u32, Child)> = (0..100)
        .map(|n| {
            let call = project.unspoken(["set", &format!("N{n}")]).stdin(canary(&n.to_string()));
            (n, call.spawn())
        })
        .collect();
    for (n, child) in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{n}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let output = project.unspoken(["export", "--format", "json"]).run().ok();
    let found = output.json();
    assert_eq!(found.as_object().unwrap().len(), 100);
    for n in 0..100 {
        assert!(found[format!("N{n}")] == canary(&n.to_string()).as_str(), "N{n}");
    }
    assert_eq!(leftovers(&project), [] as [&str; 0]);
}

#[test]
fn environments_that_are_added_at_once_are_all_there() {
    let project = Project::with_environments(&["development"]);
    let add = |n: u32| (n, project.unspoken(["env", "add", &format!("e{n}")]).spawn());
    let children: Vec<(u32, Child)> = (0..8).map(add).collect();
    for (n, child) in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{n}: {}", String::from_utf8_lossy(&output.stderr));
    }
    for n in 0..8 {
        let environment = format!("e{n}");
        project.set(&environment, "A", canary(&environment));
        project.has(&environment, "A", canary(&environment));
    }
}

#[test]
fn a_lock_that_is_held_too_long_is_told_with_its_holder() {
    let project = Project::with_environments(&["development"]);
    project.set("development", "A", canary("locked"));
    let path = project.root().join("secrets/.development.json.lock");
    let mut lock = fs::OpenOptions::new().write(true).open(path).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let holder = std::process::id();
    lock.write_all(format!("{holder}\n").as_bytes()).unwrap();
    let document = project.read(project.document("development"));

    // Readers do not wait.
    let start = Instant::now();
    project.has("development", "A", canary("locked"));
    assert!(start.elapsed() < Duration::from_secs(8));

    let start = Instant::now();
    let output = project.unspoken(["set", "A"]).stdin(canary("late")).run().fails_with(6);
    assert!(start.elapsed() >= Duration::from_secs(9));
    let output = output.is_silent_on_values().says(&format!("process {holder}"));
    output.says("hint: ").says(&holder.to_string());
    assert!(document == project.read(project.document("development")));

    flock(&lock, FlockOperation::Unlock).unwrap();
    project.set("development", "A", canary("late"));
}
