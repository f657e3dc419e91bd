//! Accepted findings, the hook, and the warning at `set`.

use std::fs;

use unspoken_testkit::{Project, canary};

use super::{project, scan, silent, token, value};
use crate::repository::Repository;

const FILE: &str = "scan-baseline.json";

#[test]
fn what_was_accepted_is_told_no_more_until_it_changes() {
    let project = project();
    project.write("fixture", format!("{}\n", token()));
    project.write("untracked", token());
    project.git(["add", "fixture"]);

    let output = silent(project.unspoken(["scan", "--accept", "a test key"]).run().fails_with(8));
    let output =
        output.says("1 finding accepted").says("fixture:1:1").says("1 finding not accepted");
    assert_eq!(output.text(), "untracked:1:1: a GitLab token [gitlab-token]\n");
    let text = project.read(FILE);
    assert!(!text.contains(&token()) && text.contains("\"reason\": \"a test key\""), "{text}");
    fs::remove_file(project.root().join("untracked")).unwrap();

    project.unspoken(["scan"]).run().ok().says("nothing was found, 1 accepted before");
    project.git(["add", "--all"]);
    project.git(["commit", "--quiet", "-m", "accepted"]);
    assert!(scan(&project, &["--history"], b"").is_empty());
    assert!(scan(&project, &["--staged"], b"").is_empty());
    // Elsewhere, or another one, is a finding; lines may move.
    project.write("fixture", format!("\n\n  {}\n", token()));
    assert!(scan(&project, &[], b"").is_empty());
    project.write("copy", token());
    project.write("fixture", token().replace("aB3", "bB3"));
    assert_eq!(scan(&project, &[], b"").len(), 2);
    project.unspoken(["scan", "-v"]).run().fails_with(8).says("1 accepted finding of");
    // Accepting twice adds to what is there.
    project.git(["add", "--all"]);
    project.unspoken(["scan", "--accept", "more"]).run().ok().says("2 findings accepted");
    assert_eq!(project.read(FILE).lines().count(), 6 + 3);
    project.unspoken(["scan", "--accept", "two\nlines"]).run().ok();
    project.write("fixture", token().replace("aB3", "cB3"));
    project.unspoken(["scan", "--accept", "two\nlines"]).run().fails_with(2);

    project.unspoken(["scan", "--baseline", "nowhere.json"]).run().fails_with(1);
    project.write(FILE, "{\"version\":1");
    project.unspoken(["scan"]).run().fails_with(1).says("the baseline does not read");
}

#[test]
fn a_file_of_plaintext_and_what_was_said_cannot_be_accepted() {
    let project = project();
    project.write(".env", "A=1\n");
    fs::write(project.home().join(".bash_history"), token()).unwrap();
    for words in [&["scan", "--accept", "x"][..], &["scan", "--accept", "x", "--transcripts"]] {
        silent(project.unspoken(words).run().fails_with(8)).says("1 finding not accepted");
        assert!(!project.root().join(FILE).exists());
    }
}

#[test]
fn a_commit_with_a_value_or_a_credential_is_refused() {
    let repository = Repository::new();
    let project = &repository.project;
    let commit = || {
        repository.git(&["add", "--all"]).ok();
        silent(repository.git(&["commit", "--quiet", "--message", "x"]))
    };
    project.write("notes", format!("\n{}\n", canary("first")));
    commit().fails_with(1).says("`notes`: the value of A (development), in line 2");
    project.write("notes", token());
    commit().fails_with(1).says("`notes`: a GitLab token [gitlab-token], in line 1");
    repository.unspoken(&["scan", "--staged", "--accept", "a test"]).run().ok();
    commit().ok();

    // Without a key that opens by itself, kinds are looked for alone.
    fs::rename(project.unspoken_home(), project.folder().join("away")).unwrap();
    project.write("notes", canary("first"));
    commit().ok().says_nothing();
    project.write("notes", token().replace("aB3", "bB3"));
    commit().fails_with(1).says("gitlab-token");
}

#[test]
fn set_says_what_no_scan_will_find() {
    let project = Project::with_environments(&["development"]);
    let set = |value: &str| project.unspoken(["set", "PORT"]).stdin(value).run().ok();
    set("3000").says("`PORT`").says("never find it");
    set("hunter2").says("only as a whole word");
    assert!(!set(&value()).stderr.contains("warning"));
    let quiet = project.unspoken(["set", "PORT", "--quiet"]).stdin("3000").run().ok();
    quiet.says_nothing();
}
