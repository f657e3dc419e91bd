//! Accepted findings, the hook, and the warning at `set`.

use std::fs;

use unspoken_testkit::{Output, Project, canary};

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
    assert!(output.stderr.contains(&format!("accepted in `{FILE}`")), "{output:?}");
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
    project.unspoken(["scan", "--accept", "more", "--yes"]).run().ok().says("2 findings accepted");
    assert_eq!(project.read(FILE).lines().count(), 6 + 3);
    project.unspoken(["scan", "--accept", "two\nlines"]).run().ok();
    project.write("fixture", token().replace("aB3", "cB3"));
    project.unspoken(["scan", "--accept", "two\nlines"]).run().fails_with(2);

    project.unspoken(["scan", "--baseline", "nowhere.json"]).run().fails_with(1);
    project.write(FILE, "{\"version\":1");
    project.unspoken(["scan"]).run().fails_with(1).says("the baseline does not read");
}

/// What the last hint says to paste for a harmless finding, as words.
#[track_caller]
fn pasted(output: &Output) -> Vec<String> {
    let (_, rest) = output.stderr.split_once("If it is harmless: `unspoken ").unwrap();
    let (command, _) = rest.split_once('`').unwrap();
    command.split(' ').map(|word| word.trim_matches('\'').to_owned()).collect()
}

#[test]
fn the_hint_as_it_is_accepts_one_file_and_nothing_unseen() {
    let project = project();
    fs::create_dir(project.root().join("sub")).unwrap();
    project.write("sub/README.md", format!("{0}\n{0}\n", token()));
    project.write("sub/live", token().replace("aB3", "bB3"));
    project.git(["add", "--all"]);

    let output = silent(project.unspoken(["scan", "--accept", "why"]).run().fails_with(10));
    let output = output.says("this would accept 3 findings").says("sub/live:1:1: a GitLab token");
    output.says("sub/README.md:2:1").says("Nothing was accepted").says("--yes");
    // A path narrows neither of these.
    let refuse = |place: &str| {
        let words = ["scan", place, "sub/live", "--accept", "why"];
        silent(project.unspoken(words).run().fails_with(10));
    };
    refuse("--staged");
    project.git(["commit", "--quiet", "-m", "x"]);
    refuse("--history");
    assert!(!project.root().join(FILE).exists());
    project.unspoken(["scan", "--yes"]).run().fails_with(2);

    // From wherever it is pasted.
    let here = || project.root().join("sub");
    let scan = |words: &[String]| project.unspoken(words).current_dir(here()).run();
    let output = silent(scan(&["scan".to_owned()]).fails_with(8));
    assert_eq!(pasted(&output), ["scan", "../sub/README.md", "--accept", "why"]);
    let output = silent(scan(&pasted(&output)).ok()).says("2 findings accepted in");
    assert!(!output.stderr.contains(project.root().to_str().unwrap()), "{output:?}");
    let output = silent(scan(&["scan".to_owned()]).fails_with(8));
    assert_eq!(pasted(&output), ["scan", "../sub/live", "--accept", "why"]);
    // One text in many places is one thing to decide about.
    scan(&["scan", "--accept", "why"].map(str::to_owned)).ok();
    scan(&["scan".to_owned()]).ok();
}

#[test]
fn what_cannot_be_accepted_is_not_offered() {
    let project = project();
    project.write(".gitignore", ".env\n");
    project.write(".env", "A=1\n");
    project.write("fixture", token());
    project.git(["add", "fixture"]);
    for _ in 0..2 {
        let output = project.unspoken(["scan", "--accept", "a test key"]).run().fails_with(8);
        let output = silent(output).says("a file of plaintext values never is");
        let output = output.says("hint: Run `unspoken import .env`, which removes the file");
        assert!(!output.stderr.contains("harmless"), "{output:?}");
        assert!(!output.stderr.contains("0 findings"), "{output:?}");
    }
    project.unspoken(["import", ".env"]).run().ok();
    assert!(!project.root().join(".env").exists());
    project.unspoken(["scan"]).run().ok().says("1 accepted before");
    project.write("untracked", token());
    let output = silent(project.unspoken(["scan"]).run().fails_with(8)).says("Replace what got");
    assert!(!output.stderr.contains("harmless"), "{output:?}");
}

#[test]
fn a_scan_of_nothing_does_not_look_like_a_clean_one() {
    let project = project();
    fs::create_dir(project.root().join("empty")).unwrap();
    project.unspoken(["scan", "empty"]).run().ok().says("warning: nothing was looked at");
    project.unspoken(["scan", "emty"]).run().fails_with(3);
    let output = project.unspoken(["scan", "empty", "unspoken.toml"]).run().ok();
    assert!(!output.stderr.contains("warning"), "{output:?}");
}

#[test]
fn a_commit_is_judged_by_what_is_committed_with_it() {
    let repository = Repository::new();
    let project = &repository.project;
    let commit = |paths: &[&str]| {
        repository.git(&[&["add", "--"], paths].concat()).ok();
        silent(repository.git(&["commit", "--quiet", "--message", "x"]))
    };
    project.write("notes", token());
    repository.git(&["add", "notes"]).ok();
    repository.unspoken(&["scan", "notes", "--accept", "a test"]).run().ok();
    repository.unspoken(&["scan"]).run().ok();
    // A baseline that nobody else gets lets nothing pass.
    commit(&["notes"]).fails_with(1).says("gitlab-token").says("git add scan-baseline.json");
    commit(&["notes", FILE]).ok().says_nothing();
    // Nor does one that was changed since.
    project.write("notes", token().replace("aB3", "bB3"));
    repository.git(&["add", "notes"]).ok();
    repository.unspoken(&["scan", "notes", "--accept", "more"]).run().ok();
    commit(&["notes"]).fails_with(1).says("gitlab-token");
    commit(&["notes", FILE]).ok();

    // The same for what may be seen.
    repository.set("REGION", "region");
    project.write("deploy", canary("region"));
    project.write("copy", canary("region"));
    let file = project.read("unspoken.toml");
    project.write("unspoken.toml", format!("visible = [\"REGION\"]\n{file}"));
    let output = commit(&["deploy", "copy"]).fails_with(1).says("copy:1:1: value of REGION");
    output.says("deploy:1:1: value of REGION").says("git add copy deploy");
    commit(&["deploy", "copy", "unspoken.toml"]).ok().says_nothing();
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
    let output = commit().fails_with(1).says("  notes:2:1: value of A (development)\n");
    output.says("git add notes").says("`visible`").says("unspoken scan notes --accept 'why'");
    project.write("notes", token());
    commit().fails_with(1).says("  notes:1:1: a GitLab token [gitlab-token]\n");
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
