//! Real git merging real documents: merge, rebase, cherry-pick, stash.

use std::fs;

use unspoken_testkit::{canary, canary_marker};

use crate::repository::{DOCUMENT, Repository};

/// Two branches, `main` and `feature`, that have changed the document.
fn branches(ours: impl FnOnce(&Repository), theirs: impl FnOnce(&Repository)) -> Repository {
    let repository = Repository::new();
    repository.branch("feature", "main", theirs);
    repository.git(&["checkout", "--quiet", "main"]).ok();
    ours(&repository);
    repository.commit("ours");
    repository
}

/// The same name, changed on both.
fn torn() -> Repository {
    branches(
        |ours| {
            ours.set("A", "ours");
            ours.set("OURS", "ours");
        },
        |theirs| {
            theirs.set("A", "theirs");
            theirs.set("THEIRS", "theirs");
        },
    )
}

#[test]
fn branches_with_different_names_merge() {
    let repository = branches(|ours| ours.set("OURS", "ours"), |theirs| theirs.set("B", "theirs"));

    repository.git(&["merge", "feature"]).ok();

    repository.has("A", "first");
    repository.has("OURS", "ours");
    repository.has("B", "theirs");
    assert!(repository.git(&["status", "--porcelain"]).ok().stdout.is_empty());
    // The other program reads it too.
    assert!(repository.sops(&["decrypt", DOCUMENT]).json()["B"] == canary("theirs").as_str());
}

#[test]
fn a_rebase_of_several_commits_merges_each() {
    let repository = branches(
        |ours| ours.set("OURS", "ours"),
        |theirs| {
            theirs.set("B", "one");
            theirs.commit("one");
            theirs.set("C", "two");
            theirs.commit("two");
            theirs.unspoken(&["rm", "A", "--yes"]).run().ok();
        },
    );
    repository.git(&["checkout", "--quiet", "feature"]).ok();

    repository.git(&["rebase", "main"]).ok();

    for (name, tag) in [("OURS", "ours"), ("B", "one"), ("C", "two")] {
        repository.has(name, tag);
    }
    repository.lacks("A");
    assert_eq!(repository.git(&["log", "--oneline", "main..feature"]).text().lines().count(), 3);
}

#[test]
fn a_cherry_pick_a_revert_and_a_stash_merge_too() {
    let repository = branches(|ours| ours.set("OURS", "ours"), |theirs| theirs.set("B", "theirs"));
    repository.git(&["cherry-pick", "feature"]).ok();
    repository.has("B", "theirs");
    repository.has("OURS", "ours");

    repository.set("STASHED", "stashed");
    repository.git(&["stash"]).ok();
    repository.set("LATER", "later");
    repository.commit("later");
    repository.git(&["stash", "pop"]).ok();
    repository.has("STASHED", "stashed");
    repository.has("LATER", "later");

    repository.commit("stashed");
    repository.git(&["revert", "--no-edit", "HEAD~2"]).ok();
    repository.lacks("B");
    repository.has("LATER", "later");
}

#[test]
fn the_same_name_is_a_conflict_that_shows_names_and_sides_and_leaves_our_document() {
    let repository = torn();
    let before = repository.document();

    let output = repository.git(&["merge", "feature"]).fails_with(1);

    let said = format!("{}{}", output.text(), output.stderr);
    for words in ["A: ours changed it, theirs changed it", "ours: main, last changed in ", " of 20"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(said.contains("theirs: feature, last changed in ") && said.contains("by test"));
    assert!(said.contains("unspoken resolve -e development"), "{said}");
    assert!(!said.contains("OURS:") && !said.contains("THEIRS:"), "{said}");
    assert!(repository.document() == before);
    repository.has("A", "ours");

    // Without a choice nothing is written, and what is to be chosen is said.
    let output = repository.unspoken(&["resolve"]).run().fails_with(1).is_silent_on_values();
    output.says("A: ours changed it, theirs changed it").says("theirs: feature");
    assert!(repository.document() == before);
}

#[test]
fn resolve_takes_the_chosen_side_and_merges_the_rest() {
    for (flag, tag) in [("--ours", "ours"), ("--theirs", "theirs")] {
        let repository = torn();
        repository.git(&["merge", "feature"]).fails_with(1);

        let output = repository.unspoken(&["resolve", flag, "A"]).run().ok().is_silent_on_values();

        output.says(&format!("git add {DOCUMENT}"));
        repository.commit("merge");
        repository.has("A", tag);
        repository.has("OURS", "ours");
        repository.has("THEIRS", "theirs");
        repository.unspoken(&["resolve"]).run().fails_with(3);
        assert_eq!(repository.git(&["log", "--format=%P", "-1"]).text().split(' ').count(), 2);
    }
}

#[test]
fn resolve_goes_on_in_a_rebase_where_ours_is_what_is_rebased_onto() {
    let repository = torn();
    repository.git(&["checkout", "--quiet", "feature"]).ok();
    let output = repository.git(&["rebase", "main"]).fails_with(1);
    assert!(output.stderr.contains("A: ours changed it"), "{output:?}");

    repository.unspoken(&["resolve", "--theirs", "A"]).run().ok();
    repository.git(&["add", DOCUMENT]).ok();
    repository.git(&["rebase", "--continue"]).ok();

    repository.has("A", "theirs");
    repository.has("OURS", "ours");
}

#[test]
fn a_wrong_choice_is_refused_and_changes_nothing() {
    let repository = torn();
    repository.unspoken(&["resolve"]).run().fails_with(3).says("no document is in conflict");
    repository.git(&["merge", "feature"]).fails_with(1);
    let before = repository.project.snapshot();
    for (arguments, code) in [
        (&["resolve", "--ours", "OURS"][..], 3),
        (&["resolve", "--ours", "A", "--theirs", "A"], 2),
        (&["resolve", "--ours", "lower"], 2),
        (&["resolve", "-e", "absent"], 3),
    ] {
        repository.unspoken(arguments).run().fails_with(code);
        repository.project.is_as(&before);
    }
}

#[test]
fn resolve_needs_no_driver() {
    let repository = Repository::without_setup();
    repository.branch("feature", "main", |theirs| theirs.set("B", "theirs"));
    repository.git(&["checkout", "--quiet", "main"]).ok();
    repository.set("OURS", "ours");
    repository.commit("ours");
    repository.git(&["merge", "feature"]).fails_with(1);
    assert!(repository.document().contains("<<<<<<< "));
    repository.unspoken(&["get", "A"]).run().fails_with(5).says("unspoken resolve");

    repository.unspoken(&["resolve"]).run().ok();

    repository.has("B", "theirs");
    repository.has("OURS", "ours");
}

#[test]
fn both_sides_of_a_criss_cross_stay_in_conflict() {
    let repository = torn();
    repository.git(&["branch", "other", "main"]).ok();
    for (at, with, flag) in [("main", "feature", "--ours"), ("feature", "other", "--ours")] {
        repository.git(&["checkout", "--quiet", at]).ok();
        repository.git(&["merge", with]).fails_with(1);
        repository.unspoken(&["resolve", flag, "A"]).run().ok();
        repository.commit("crossed");
    }
    repository.git(&["checkout", "--quiet", "main"]).ok();

    let output = repository.git(&["merge", "feature"]).fails_with(1);

    assert!(format!("{}{}", output.text(), output.stderr).contains("A: ours changed it"));
    repository.has("A", "ours");
}

#[test]
fn without_a_key_it_is_said_who_has_one_and_what_needs_none_merges() {
    let repository = branches(|ours| ours.set("OURS", "ours"), |theirs| theirs.set("B", "theirs"));
    let stranger = repository.project.home().join("stranger");
    let git = |arguments: &[&str]| {
        let call = repository.call("git", arguments).env("UNSPOKEN_HOME", &stranger);
        call.env("GIT_EDITOR", "true").run().is_silent_on_values()
    };
    let before = repository.document();
    let output = git(&["merge", "feature"]).fails_with(1);
    assert!(output.stderr.contains(&repository.public()), "{output:?}");
    assert!(output.stderr.contains("unspoken resolve -e development"), "{output:?}");
    assert!(repository.document() == before);
    git(&["merge", "--abort"]).ok();

    // Theirs holds all that ours holds, so their bytes are the merge.
    git(&["checkout", "--quiet", "-b", "ahead", "feature"]).ok();
    repository.set("C", "more");
    git(&["commit", "--quiet", "--all", "--message", "more"]).ok();
    let ahead = repository.document();
    git(&["checkout", "--quiet", "-b", "behind", "main~1"]).ok();
    git(&["cherry-pick", "feature"]).ok();
    repository.project.write("other", "x");
    git(&["add", "other"]).ok();
    git(&["commit", "--quiet", "--message", "other"]).ok();
    git(&["merge", "ahead"]).ok();
    assert!(repository.document() == ahead);
}

#[test]
fn documents_of_sops_merge_too_where_nothing_is_pinned() {
    let repository = Repository::new();
    let file = "conf/legacy.env";
    fs::create_dir(repository.project.root().join("conf")).unwrap();
    let plain = format!("# kept\nA={0}\nB={0}\n", canary("legacy"));
    let public = repository.public();
    let arguments = ["encrypt", "--age", &public, "--filename-override", file, "/dev/stdin"];
    let sops = unspoken_testkit::peers().sops();
    let sealed = repository.call(sops.to_str().unwrap(), &arguments).stdin(plain).run().ok();
    repository.project.write(file, sealed.stdout);
    let toml = repository.project.read("unspoken.toml");
    let toml = format!("{toml}\n[environments.legacy]\nfile = \"{file}\"\n");
    repository.project.write("unspoken.toml", toml);
    repository.unspoken(&["git", "setup"]).run().ok();
    repository.commit("legacy");
    let set = |name: &str, tag: &str| repository.project.set("legacy", name, canary(tag));
    repository.branch("feature", "main", |_| set("A", "theirs"));
    repository.git(&["checkout", "--quiet", "main"]).ok();
    set("C", "ours");
    repository.commit("ours");

    repository.git(&["merge", "feature"]).ok();

    repository.project.has("legacy", "A", canary("theirs"));
    repository.project.has("legacy", "C", canary("ours"));
    let plain = repository.sops(&["decrypt", file]);
    assert!(plain.text().starts_with("# kept\n") && plain.text().lines().count() == 4);

    let edit = |repository: &Repository, tag: &str| {
        let call = repository.call(sops.to_str().unwrap(), &["edit", file]);
        let call = call.env("EDITOR", format!("sed -i s/kept/{tag}/"));
        call.env("SOPS_AGE_KEY_FILE", repository.key()).run().ok();
    };
    repository.branch("comments", "main", |theirs| edit(theirs, "theirs"));
    repository.git(&["checkout", "--quiet", "main"]).ok();
    edit(&repository, "ours");
    repository.commit("comments");
    let output = repository.git(&["merge", "comments"]).fails_with(1);
    assert!(output.stderr.contains("the comments: each side changed them"), "{output:?}");
    repository.unspoken(&["resolve"]).run().fails_with(1);
    repository.unspoken(&["resolve", "--comments", "theirs"]).run().ok();
    repository.commit("merge");
    assert!(repository.sops(&["decrypt", file]).text().starts_with("# theirs\n"));

    // A new data key is nobody's that can be told.
    repository.branch("rotated", "main", |theirs| {
        theirs.sops(&["rotate", "--in-place", file]);
    });
    repository.git(&["checkout", "--quiet", "main"]).ok();
    set("D", "ours");
    repository.commit("again");
    let output = repository.git(&["merge", "rotated"]).fails_with(1);
    assert!(output.stderr.contains("the data key: each side has another one"), "{output:?}");
    assert!(output.stderr.contains("git checkout --theirs -- conf/legacy.env"), "{output:?}");
}

#[test]
fn a_file_that_is_no_document_is_merged_as_text() {
    let repository = Repository::new();
    let list = |words: &str| repository.project.write("secrets/list.json", words);
    list("a\nb\nc\nd\ne\n");
    repository.commit("list");
    repository.branch("feature", "main", |_| list("a\nb\nc\nd\nE\n"));
    repository.git(&["checkout", "--quiet", "main"]).ok();
    list("A\nb\nc\nd\ne\n");
    repository.commit("ours");

    repository.git(&["merge", "feature"]).ok();

    assert_eq!(repository.project.read("secrets/list.json"), "A\nb\nc\nd\nE\n");
    repository.branch("again", "HEAD~1", |_| list("x\n"));
    repository.git(&["checkout", "--quiet", "main"]).ok();
    repository.git(&["merge", "again"]).fails_with(1);
    assert!(repository.project.read("secrets/list.json").contains("<<<<<<<"));
}

#[test]
fn a_document_that_is_broken_on_one_side_is_named_and_not_used() {
    let repository = branches(
        |ours| ours.set("OURS", "ours"),
        |theirs| {
            let text = theirs.document().replacen("\"A\"", "\"B\"", 1);
            fs::write(theirs.project.root().join(DOCUMENT), text).unwrap();
            theirs.unspoken(&["git", "setup", "--remove"]).run().ok();
        },
    );
    repository.unspoken(&["git", "setup"]).run().ok();
    let before = repository.document();

    let output = repository.git(&["merge", "feature"]).fails_with(1);

    let said = "their version must not be used: its seal does not fit";
    assert!(output.stderr.contains(said), "{output:?}");
    assert!(repository.document() == before);
}

#[test]
fn merging_leaves_no_value_and_no_file_behind() {
    let repository = torn();
    repository.git(&["merge", "feature"]).fails_with(1);
    repository.unspoken(&["resolve", "--ours", "A"]).run().ok();
    let mut folders = vec![repository.project.folder().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            let marker = canary_marker();
            let holds = bytes.windows(marker.len()).any(|part| part == marker.as_bytes());
            assert!(!holds, "a value is in {}", path.display());
            let name = path.to_string_lossy();
            assert!(!name.ends_with(".tmp") && !name.contains(".merge_file"), "{name}");
        }
    }
}
