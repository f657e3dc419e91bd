//! `unspoken git`: set up, what `git diff` shows, what a commit is refused for.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use unspoken_testkit::{canary, peers};

use crate::repository::{DOCUMENT, Repository};

#[test]
fn setup_twice_is_once_and_remove_takes_it_away() {
    let repository = Repository::without_setup();
    let config = || repository.project.read(".git/config");
    let hook = repository.project.root().join(".git/hooks/pre-commit");
    let before = config();

    repository.unspoken(&["git", "setup"]).run().ok().says("by name");

    assert!(config().contains("driver = unspoken git merge-driver %O %A %B %P"));
    assert_eq!(fs::metadata(&hook).unwrap().permissions().mode() & 0o777, 0o755);
    for attribute in ["merge: unspoken", "diff: unspoken", "text: unset"] {
        let name = attribute.split(':').next().unwrap();
        let found = repository.git(&["check-attr", name, DOCUMENT]);
        assert!(found.text().ends_with(&format!("{attribute}\n")), "{attribute}");
    }
    let (after, text) = (config(), fs::read(&hook).unwrap());
    repository.unspoken(&["git", "setup"]).run().ok().says("nothing was changed");
    assert!(config() == after && fs::read(&hook).unwrap() == text);

    repository.unspoken(&["git", "setup", "--remove"]).run().ok();
    assert!(config() == before && !hook.exists());
    repository.unspoken(&["git", "setup", "--remove"]).run().ok().says("nothing was changed");
}

#[test]
fn init_mentions_it_and_setup_needs_a_repository() {
    let repository = Repository::without_setup();
    let folder = repository.project.folder().join("with a blank");
    fs::create_dir(&folder).unwrap();
    let call = |program: &str, arguments: &[&str]| {
        repository.call(program, arguments).current_dir(&folder).run()
    };
    let unspoken = unspoken_testkit::unspoken_binary().to_str().unwrap().to_owned();
    let output = call(&unspoken, &["init", "--project", "other"]).ok();
    assert!(!output.stderr.contains("git setup"), "{output:?}");
    call(&unspoken, &["git", "setup"]).fails_with(3).says("in no git repository").says("git init");

    fs::remove_dir_all(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    call("git", &["init", "--quiet"]).ok();
    call(&unspoken, &["init", "--project", "other"]).ok().says("`unspoken git setup`");
    call(&unspoken, &["git", "setup", "--absolute"]).ok();
    // The path of the program is what the configuration has, however it is spelt.
    let driver = call("git", &["config", "merge.unspoken.driver"]).ok();
    assert!(driver.text().starts_with('/') || driver.text().starts_with('\''), "{driver:?}");
    let set = |name: &str| {
        let call = repository.call(&unspoken, &["set", name]).current_dir(&folder);
        call.stdin(canary(name)).run().ok();
    };
    let commit = || {
        call("git", &["add", "--all"]).ok();
        call("git", &["commit", "--quiet", "--message", "x"]).ok();
    };
    set("A");
    commit();
    call("git", &["checkout", "--quiet", "-b", "feature"]).ok();
    set("B");
    commit();
    call("git", &["checkout", "--quiet", "-"]).ok();
    set("C");
    commit();
    call("git", &["merge", "feature"]).ok();
    assert_eq!(call(&unspoken, &["list", "-e", "development"]).ok().text(), "A\nB\nC\n");
}

#[test]
fn it_works_in_a_linked_work_tree_and_below_the_repositorys_root() {
    let repository = Repository::without_setup();
    let app = repository.project.root().join("apps/web");
    fs::create_dir_all(&app).unwrap();
    let unspoken = |arguments: &[&str]| {
        let call = repository.unspoken(&[&["--project-dir", "."], arguments].concat());
        call.current_dir(&app)
    };
    unspoken(&["init", "--project", "web", "-e", "staging"]).run().ok();
    unspoken(&["env", "add", "old", "--file", "conf/old.env.enc"]).run().ok();
    let linked = repository.project.folder().join("linked");
    repository.commit("app");
    repository.git(&["worktree", "add", "-q", linked.to_str().unwrap(), "-b", "feature"]).ok();
    let there =
        |arguments: &[&str]| repository.unspoken(arguments).current_dir(linked.join("apps/web"));
    there(&["git", "setup"]).run().ok();
    let git = |arguments: &[&str]| repository.call("git", arguments).current_dir(&linked).run();

    there(&["set", "B", "-e", "staging"]).stdin(canary("linked")).run().ok();
    there(&["set", "B", "-e", "old"]).stdin(canary("linked")).run().ok();
    git(&["commit", "--quiet", "--all", "--message", "theirs"]).ok();
    unspoken(&["set", "A", "-e", "staging"]).stdin(canary("root")).run().ok();
    unspoken(&["set", "A", "-e", "old"]).stdin(canary("root")).run().ok();
    repository.commit("ours");

    repository.git(&["merge", "feature"]).ok();

    for environment in ["staging", "old"] {
        let names = unspoken(&["list", "-e", environment]).run().ok();
        assert_eq!(names.text(), "A\nB\n", "{environment}");
    }
    // A conflict below the root is resolved from there, too.
    unspoken(&["set", "A", "-e", "old"]).stdin(canary("ours")).run().ok();
    repository.commit("ours again");
    there(&["set", "A", "-e", "old"]).stdin(canary("theirs")).run().ok();
    git(&["commit", "--quiet", "--all", "--message", "theirs again"]).ok();
    repository.git(&["merge", "feature"]).fails_with(1);
    repository.unspoken(&["resolve", "--theirs", "A"]).run().fails_with(3);
    unspoken(&["resolve", "--theirs", "A"]).run().ok().says("git add conf/old.env.enc");
    let value = unspoken(&["get", "A", "-e", "old"]).run().ok();
    assert!(value.stdout == canary("theirs").as_bytes());
}

#[test]
fn a_hook_that_is_there_stays() {
    let repository = Repository::without_setup();
    let hook = repository.project.root().join(".git/hooks/pre-commit");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\nexit 0\n").unwrap();

    let output = repository.unspoken(&["git", "setup"]).run().ok();

    let last = output.stderr.lines().last().unwrap().to_owned();
    assert!(last.contains("check of commits is NOT installed"), "{output:?}");
    output.says("add this line to it: unspoken git pre-commit || exit 1");
    assert_eq!(fs::read_to_string(&hook).unwrap(), "#!/bin/sh\nexit 0\n");
    fs::write(&hook, "#!/bin/sh\nunspoken git pre-commit || exit 1\nexit 0\n").unwrap();
    let output = repository.unspoken(&["git", "setup"]).run().ok();
    assert!(!output.stderr.contains("add this line"), "{output:?}");
    repository.unspoken(&["git", "setup", "--remove"]).run().ok();
    assert!(hook.exists());
}

#[test]
fn a_hook_that_does_not_find_the_program_says_so_and_an_old_one_is_renewed() {
    let repository = Repository::new();
    repository.project.write("harmless", "x");
    let call = |arguments: &[&str]| {
        // Git alone is there, not what calls it.
        let bin = repository.project.folder().join("git alone");
        fs::create_dir_all(&bin).unwrap();
        let real = repository.call("sh", &["-c", "command -v git"]).run().ok();
        drop(std::os::unix::fs::symlink(real.text().trim(), bin.join("git")));
        repository.project.program(real.text().trim(), arguments).env("PATH", &bin).run()
    };
    call(&["add", "--all"]).ok();
    let commit = ["commit", "--quiet", "--message", "x"];
    call(&commit).fails_with(1).says("not checked").says("unspoken git setup --absolute");

    let hook = repository.project.root().join(".git/hooks/pre-commit");
    let text = fs::read_to_string(&hook).unwrap();
    let mark = text.lines().nth(1).unwrap();
    fs::write(&hook, format!("#!/bin/sh\n{mark}\nexec unspoken git pre-commit\n")).unwrap();
    repository.unspoken(&["git", "setup"]).run().ok();
    assert_eq!(fs::read_to_string(&hook).unwrap(), text);
    repository.unspoken(&["git", "setup", "--absolute"]).run().ok();
    call(&commit).ok();
}

#[test]
fn hooks_of_the_repository_are_where_it_says_and_those_of_all_repositories_are_left() {
    let repository = Repository::without_setup();
    let root = repository.project.root();
    repository.git(&["config", "core.hooksPath", ".githooks"]).ok();
    repository.unspoken(&["git", "setup"]).run().ok();
    assert!(root.join(".githooks/pre-commit").exists());
    assert!(!root.join(".git/hooks/pre-commit").exists());
    repository.unspoken(&["git", "setup", "--remove"]).run().ok();

    repository.git(&["config", "--unset", "core.hooksPath"]).ok();
    let (global, hooks) = (repository.project.home().join("config"), root.join("../hooks"));
    fs::create_dir(&hooks).unwrap();
    fs::write(&global, format!("[core]\n\thooksPath = {}\n", hooks.display())).unwrap();
    let call = repository.unspoken(&["git", "setup"]).env("GIT_CONFIG_GLOBAL", &global);
    call.run().ok().says("add this line to it");
    assert!(fs::read_dir(&hooks).unwrap().next().is_none());
}

#[test]
fn a_diff_shows_names_and_readers_and_no_value() {
    let repository = Repository::new();
    repository.set("KEPT", "kept");
    repository.set("GONE", "gone");
    repository.commit("more");
    repository.set("A", "second");
    repository.set("NEW", "new");
    repository
        .unspoken(&["set", "KEPT", "--expires", "2031-01-31"])
        .stdin(canary("kept"))
        .run()
        .ok();
    repository.unspoken(&["rm", "GONE", "--yes"]).run().ok();

    let diff = repository.git(&["diff"]).ok();

    let lines: Vec<&str> = diff.text().lines().collect();
    let with = |start: &str| lines.iter().filter(|line| line.starts_with(start)).count();
    for (start, count) in [
        ("-  A ", 1),
        ("+  A ", 1),
        ("+  NEW ", 1),
        ("-  GONE ", 1),
        ("-  KEPT ", 1),
        ("+  KEPT ", 1),
        ("-revision 4", 1),
        ("+revision 8", 1),
    ] {
        assert_eq!(with(start), count, "{start}: {}", diff.text());
    }
    assert!(diff.text().contains(", until 2031-01-31"));
    assert!(!diff.text().contains("ENC[") && !diff.text().contains("BEGIN AGE"));
    let kept = |sign: char| {
        let mut lines = lines.iter().filter(|line| line.starts_with(&format!("{sign}  KEPT ")));
        lines.next().unwrap().split([' ', ',']).nth(3).unwrap().to_owned()
    };
    assert_eq!(kept('-'), kept('+'));
    let shown = repository.unspoken(&["git", "textconv", DOCUMENT]).run().ok();
    let first = format!("  {} (the environment key)\n", repository.public());
    assert!(shown.text().contains(&first), "{}", shown.text());
    assert!(repository.git(&["log", "-p"]).ok().text().contains("+  GONE "));
}

#[test]
fn what_is_no_document_is_said_in_a_line() {
    let repository = Repository::new();
    repository.project.write("x.json", "{\"A\":\u{1b}");
    repository.project.write("conflict.json", "<<<<<<< HEAD\n");
    for file in ["x.json", "conflict.json", "absent.json"] {
        let output = repository.unspoken(&["git", "textconv", file]).run().ok();
        let text = output.text();
        assert!(text.starts_with("not a document: ") && text.lines().count() == 1, "{text}");
        assert!(!text.contains('\u{1b}'));
    }
    // A value in the clear is marked, and not shown.
    let plain = format!("{{\"A\":\"{0}\",\"B_unencrypted\":\"{0}\"}}", canary("clear"));
    let arguments =
        ["encrypt", "--age", &repository.public(), "--filename-override", "x.json", "/dev/stdin"];
    let sealed = repository.call(peers().sops().to_str().unwrap(), &arguments).stdin(plain);
    repository.project.write("x.json", sealed.run().ok().stdout);
    let output = repository.unspoken(&["git", "textconv", "x.json"]).run().ok();
    let output = output.is_silent_on_values();
    assert!(output.text().starts_with("not sealed\n"), "{}", output.text());
    assert!(output.text().contains(", not encrypted\n"), "{}", output.text());
}

/// A commit that the hook refuses, with this in what it says.
#[track_caller]
fn is_refused(repository: &Repository, words: &[&str]) {
    repository.git(&["add", "--all", "--force"]).ok();
    let output = repository.git(&["commit", "--quiet", "--message", "x"]).fails_with(1);
    for words in words {
        assert!(output.stderr.contains(words), "{words}: {output:?}");
    }
    repository.git(&["reset", "--quiet", "--hard"]).ok();
}

#[test]
fn a_commit_with_plaintext_or_a_key_is_refused() {
    let repository = Repository::new();
    let root = repository.project.root();
    repository.project.write(".env", format!("A={}\n", canary("plain")));
    is_refused(&repository, &[".env:1:1: plaintext values", "git rm --cached -- .env"]);
    assert!(!root.join(".env").exists());
    fs::create_dir_all(root.join("app")).unwrap();
    repository.project.write("app/.env.local", "A=x\n");
    is_refused(&repository, &["app/.env.local:1:1: plaintext values"]);
    fs::copy(repository.key(), root.join("notes.txt")).unwrap();
    is_refused(&repository, &["notes.txt:4:1: a private age key", "git rm --cached -- notes.txt"]);

    repository.project.write(".env.example", "A=\n");
    repository.project.write("README.md", "Keys begin with `AGE-SECRET-KEY-1`.\n");
    repository.commit("harmless");
    // What is in the work tree only is nobody's business.
    repository.project.write(".env", "A=x\n");
    repository.project.write("other", "x");
    repository.git(&["add", "other"]).ok();
    repository.git(&["commit", "--quiet", "--message", "other"]).ok().says_nothing();
}

#[test]
fn a_commit_with_a_document_that_does_not_verify_is_refused() {
    let repository = Repository::new();
    let whole = repository.document();
    let write = |text: &str| repository.project.write(DOCUMENT, text);
    write(&whole.replacen("\"A\"", "\"B\"", 1));
    is_refused(&repository, &[DOCUMENT, "its seal does not fit its content"]);
    write(&format!("<<<<<<< ours\n{whole}=======\n{whole}>>>>>>> theirs\n"));
    is_refused(&repository, &[DOCUMENT, "marks of a merge conflict"]);
    fs::remove_file(repository.project.root().join(DOCUMENT)).unwrap();
    is_refused(&repository, &[DOCUMENT, "it is not in the commit"]);
    let toml = repository.project.read("unspoken.toml");
    repository.project.write("unspoken.toml", format!("<<<<<<< ours\n{toml}"));
    is_refused(&repository, &["`unspoken.toml`: line 1"]);
    repository.project.write("unspoken.toml", toml.replace("seal_key", "# seal_key"));
    is_refused(&repository, &[DOCUMENT, "no seal key is pinned"]);

    // The index counts: a document that is whole there, and broken beside it.
    repository.set("B", "staged");
    repository.git(&["add", DOCUMENT]).ok();
    write("broken");
    repository.git(&["commit", "--quiet", "--message", "staged"]).ok().says_nothing();
}

/// Time is another one on every machine; how often git is asked is not.
#[test]
fn the_check_of_a_commit_asks_git_a_few_times_however_much_is_staged() {
    let repository = Repository::new();
    let log = repository.project.folder().join("asked");
    let wrapper = repository.project.folder().join("bin/git");
    let real = repository.call("sh", &["-c", "command -v git"]).run().ok();
    let (log, real) = (log.to_str().unwrap().to_owned(), real.text().trim().to_owned());
    fs::write(&wrapper, format!("#!/bin/sh\necho x >> '{log}'\nexec '{real}' \"$@\"\n")).unwrap();
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    let asked = || {
        let _ = fs::remove_file(&log);
        repository.unspoken(&["git", "pre-commit"]).run().ok().says_nothing();
        fs::read_to_string(&log).unwrap().lines().count()
    };
    assert_eq!(asked(), 1);
    for n in 0..50 {
        repository.project.write(format!("file{n}"), format!("{n}\n").repeat(100));
    }
    repository.git(&["add", "--all"]).ok();
    let without = asked();
    repository.set("B", "staged");
    repository.git(&["add", "--all"]).ok();
    let with = asked();
    assert!(without <= 5 && with <= 8, "{without} {with}");
}
