//! Which commit is named: the oldest that has what was found.

use std::fmt::Write as _;
use std::fs;

use super::{project, scan, silent, token};

/// As many as more than one process of git goes through.
const COMMITS: usize = 1200;

/// What `git fast-import` reads: a branch on which each commit changes a file, some of
/// them another one as well, and one says what it should not.
fn branch(others: &[(usize, &str, String)]) -> String {
    let mut text = String::new();
    for commit in 1..=COMMITS {
        let message = if commit == 601 { token() } else { "it".to_owned() };
        let (length, seconds) = (message.len(), 1_500_000_000 + commit);
        write!(
            text,
            "commit refs/heads/other\ncommitter A <a@example.invalid> {seconds} +0000\n\
             data {length}\n{message}\nM 644 inline counter\ndata 5\n{commit:04}\n\n"
        )
        .unwrap();
        for (_, path, content) in others.iter().filter(|(at, ..)| *at == commit) {
            let length = content.len();
            write!(text, "M 644 inline {path}\ndata {length}\n{content}\n").unwrap();
        }
    }
    text
}

#[test]
fn the_oldest_commit_is_named_in_a_history_of_any_length() {
    let project = project();
    let (one, other) = (token(), format!("the same again: {}", token()));
    let input = branch(&[
        (4, "early", one.clone()),
        (961, "again", one.clone()),
        (962, "early", "gone".to_owned()),
        (963, "early", one),
        (COMMITS, "late", other),
    ]);
    project.program("git", ["fast-import", "--quiet"]).stdin(input).run().ok();
    let commits = project.git(["rev-list", "--reverse", "other"]);
    let commits: Vec<&str> = commits.lines().collect();
    let named = |at: usize, path: &str| (path.to_owned(), commits[at - 1].to_owned());
    let found = |project| {
        let findings = scan(project, &["--history"], b"");
        let place =
            |name: &str, found: &serde_json::Value| found[name].as_str().unwrap().to_owned();
        findings.iter().map(|it| (place("path", it), place("commit", it))).collect::<Vec<_>>()
    };
    let said = format!("commit {}", commits[600].get(..10).unwrap());
    let mut expected = vec![named(601, &said), named(4, "early"), named(COMMITS, "late")];
    assert_eq!(found(&project), expected);
    // What nothing leads to holds nobody up, and what is there is named all the same.
    let dangling = project.program("git", ["hash-object", "-w", "--stdin"]);
    dangling.stdin(format!("nothing leads to this: {}", token())).run().ok();
    assert_eq!(found(&project), expected);
    // A commit that is older than all of them, which nothing else leads to.
    project.git(["checkout", "--quiet", "--orphan", "third"]);
    project.write("before", token());
    project.git(["add", "--force", "before"]);
    let words = ["commit", "--quiet", "-m", "before"];
    let call = project.program("git", words).env("GIT_COMMITTER_DATE", "1400000000 +0000");
    call.run().ok();
    let before = project.git(["rev-parse", "HEAD"]);
    expected[1] = ("before".to_owned(), before.trim().to_owned());
    expected.sort();
    let mut found = found(&project);
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_history_that_git_cannot_follow_is_told() {
    let project = project();
    project.write("leak", token());
    project.git(["add", "leak"]);
    project.git(["commit", "--quiet", "-m", "leak"]);
    let tree = project.git(["rev-parse", "HEAD^{tree}"]);
    let (folder, file) = tree.trim().split_at(2);
    fs::remove_file(project.root().join(".git/objects").join(folder).join(file)).unwrap();

    let output = silent(project.unspoken(["scan", "--history"]).run());

    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("git diff-tree: "), "{output:?}");
    assert!(output.stderr.contains(tree.trim()), "{output:?}");
}
