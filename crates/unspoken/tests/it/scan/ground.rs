//! Repositories that somebody else has made: what they hold and what their
//! settings say must not hide a leak, hold us up or start a program.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::{Duration, Instant};

use serde_json::Value;
use unspoken_testkit::Project;

use super::{project, scan, silent, value};

fn paths(findings: &[Value]) -> Vec<&str> {
    findings.iter().map(|found| found["path"].as_str().unwrap()).collect()
}

#[test]
fn no_ignore_file_hides_what_git_tracks_or_holds_us_up() {
    let project = project();
    fs::write(project.folder().join("everything"), "*\n").unwrap();
    fs::remove_file(project.root().join(".gitignore")).unwrap();
    symlink(project.folder().join("everything"), project.root().join(".gitignore")).unwrap();
    project.write("tracked", value());
    project.git(["add", "--force", "tracked"]);
    project.write("untracked", value());
    fs::create_dir(project.root().join("below")).unwrap();
    symlink("/dev/zero", project.root().join("below/.gitignore")).unwrap();
    project.write("below/a", value());
    // Other programs' ignore files are none of ours.
    project.write(".ignore", "*\n");

    let began = Instant::now();
    assert_eq!(paths(&scan(&project, &[], b"")), ["below/a", "tracked", "untracked"]);
    assert_eq!(paths(&scan(&project, &["below"], b"")), ["below/a"]);

    // Outside of a repository nothing is ignored, and no link entered.
    let plain = project.folder().join("plain");
    fs::create_dir_all(plain.join("deep/.git")).unwrap();
    fs::write(plain.join("deep/a"), value()).unwrap();
    fs::write(plain.join("deep/.git/b"), value()).unwrap();
    symlink("/dev/zero", plain.join(".gitignore")).unwrap();
    symlink(project.root(), plain.join("link")).unwrap();
    project.program("mkfifo", [plain.join("fifo"), plain.join(".ignore")]).run().ok();
    let plain = fs::canonicalize(plain).unwrap();
    let found = scan(&project, &[plain.to_str().unwrap()], b"");
    assert_eq!(paths(&found), [plain.join("deep/a").to_str().unwrap()]);
    assert!(began.elapsed() < Duration::from_mins(1));
}

#[test]
fn what_git_calls_a_file_is_not_reached_through_a_link() {
    let project = project();
    fs::create_dir(project.root().join("folder")).unwrap();
    project.write("folder/a", "x");
    project.write("b", "x");
    project.git(["add", "--all"]);
    let away = project.folder().join("away");
    fs::rename(project.root().join("folder"), &away).unwrap();
    fs::write(away.join("a"), value()).unwrap();
    symlink(&away, project.root().join("folder")).unwrap();
    fs::remove_file(project.root().join("b")).unwrap();
    symlink(away.join("a"), project.root().join("b")).unwrap();
    project.program("mkfifo", [project.root().join("fifo")]).run().ok();

    let output = silent(project.unspoken(["scan"]).run().ok());
    assert!(!output.stderr.contains("not looked at"), "{output:?}");
}

#[test]
fn folders_are_listed_as_git_has_them_and_other_repositories_within() {
    let project = project();
    project.write(".gitignore", "logs/\n.env\n*.tmp\n");
    for folder in ["logs/deep", "only/ignored", "inner/below", "module"] {
        fs::create_dir_all(project.root().join(folder)).unwrap();
    }
    project.write("logs/deep/.env", "A=1\n");
    project.write("logs/deep/a", value());
    project.write("only/ignored/.env", "A=1\n");
    for repository in ["inner", "module"] {
        project.git(["init", "--quiet", repository]);
        project.write(format!("{repository}/.gitignore"), "out\n");
        project.write(format!("{repository}/out"), value());
        project.write(format!("{repository}/a"), value());
    }
    project.write("inner/below/b", value());
    project.git(["-C", "module", "add", "a"]);
    project.git(["-C", "module", "commit", "--quiet", "-m", "a"]);
    project.git(["add", "module"]);
    project.write("module/new", value());

    let all = scan(&project, &[], b"");
    let expected = ["inner/a", "inner/below/b", "module/a", "module/new", "only/ignored/.env"];
    assert_eq!(paths(&all), expected);
    // The same from a hook, which has variables that are the outer one's.
    let output = project.unspoken(["scan"]).env("GIT_DIR", project.root().join(".git"));
    let output = output.env("GIT_WORK_TREE", project.root());
    assert_eq!(silent(output.run().fails_with(8)).text().lines().count(), expected.len());

    assert_eq!(paths(&scan(&project, &["module"], b"")), ["module/a", "module/new"]);
    assert_eq!(paths(&scan(&project, &["inner/below"], b"")), ["inner/below/b"]);
    assert_eq!(paths(&scan(&project, &["only"], b"")), ["only/ignored/.env"]);
    // What was named is looked at, ignored or not.
    let named = scan(&project, &["logs", "module/out"], b"");
    assert_eq!(paths(&named), ["logs/deep/.env", "logs/deep/a", "module/out"]);
}

#[test]
fn a_folder_may_be_called_env_and_be_ignored_or_not() {
    let project = project();
    project.write(".gitignore", ".env\n.env.*/\nkept/.env*\n!kept/.env.example\nnone/\n");
    for folder in [".env/lib", ".env.d/inner", ".envs", "kept/deep/.env", "none"] {
        fs::create_dir_all(project.root().join(folder)).unwrap();
    }
    for ignored in [".env/lib/a", ".env/.env", ".env.d/inner/.env", "kept/deep/.env/a", "none/.env"]
    {
        project.write(ignored, format!("A={}\n", value()));
    }
    project.write(".envs/a", value());
    project.write(".envs/.env.local", "A=1\n");
    project.write("kept/.env.example", value());
    project.write("kept/.env.local", "A=1\n");
    project.write(".env/tracked", value());
    project.git(["add", "--force", ".env/tracked"]);

    let found = scan(&project, &[], b"");
    let expected =
        [".env/tracked", ".envs/.env.local", ".envs/a", "kept/.env.example", "kept/.env.local"];
    assert_eq!(paths(&found), expected);
    let places: Vec<_> = found.iter().map(|found| found["place"].as_str().unwrap()).collect();
    assert_eq!(places, ["work-tree", "work-tree", "work-tree", "work-tree", "ignored"]);
    assert_eq!(paths(&scan(&project, &["kept"], b"")), ["kept/.env.example", "kept/.env.local"]);
}

#[test]
fn files_that_look_like_a_repository_are_files() {
    let project = project();
    project.git(["init", "--quiet", "--bare", "evil"]);
    project.write("evil/exclude", "*\n");
    let settings = [
        ("core.bare", "false".to_owned()),
        ("core.worktree", project.root().join("evil").display().to_string()),
        ("core.excludesFile", project.root().join("evil/exclude").display().to_string()),
    ];
    for (name, text) in settings {
        project.git(["config", "--file", "evil/config", name, &text]);
    }
    project.write("evil/a", value());
    assert_eq!(paths(&scan(&project, &["evil"], b"")), ["evil/a"]);
    assert_eq!(paths(&scan(&project, &[], b"")), ["evil/a"]);
}

/// A repository whose settings name a program for everything that git might do.
fn booby_trapped() -> (Project, std::path::PathBuf) {
    let project = project();
    let mark = project.folder().join("mark");
    let script = project.folder().join("script");
    fs::write(&script, format!("#!/bin/sh\ntouch '{}'\nexit 1\n", mark.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let hooks = project.folder().join("hooks");
    fs::create_dir(&hooks).unwrap();
    for name in ["post-index-change", "reference-transaction", "pre-commit"] {
        fs::copy(&script, hooks.join(name)).unwrap();
    }
    let script = script.to_str().unwrap().to_owned();
    project.write("gone", format!("gone {}", value()));
    project.git(["add", "gone"]);
    let id = project.git(["rev-parse", ":gone"]);
    let (folder, file) = id.trim().split_at(2);
    fs::remove_file(project.root().join(".git/objects").join(folder).join(file)).unwrap();
    let remote = project.root().display().to_string();
    for (name, text) in [
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", &remote),
        ("remote.origin.uploadpack", &script),
        ("core.fsmonitor", &script),
        ("core.hooksPath", hooks.to_str().unwrap()),
        ("core.pager", &script),
        ("core.sshCommand", &script),
        ("diff.external", &script),
        ("log.showSignature", "true"),
        ("gpg.program", &script),
        ("alias.remote-none", &format!("!{script}")),
        ("alias.remote-never", &format!("!{script}")),
        ("protocol.allow", "always"),
    ] {
        project.git(["config", name, text]);
    }
    (project, mark)
}

#[test]
fn no_program_of_a_repositorys_settings_is_started_and_nothing_is_fetched() {
    let (project, mark) = booby_trapped();
    let remotes =
        [project.root().display().to_string(), "none::x".to_owned(), "ssh://host/x".to_owned()];
    // The trap is one: git itself runs into it.
    let words = ["-c", "core.fsmonitor=false", "cat-file", "-p", ":gone"];
    drop(project.program("git", words).run());
    assert!(mark.exists(), "the trap does not work");
    for remote in remotes {
        drop(fs::remove_file(&mark));
        project.git(["-c", "core.fsmonitor=false", "config", "remote.origin.url", &remote]);
        for words in [
            &["scan"][..],
            &["scan", "--staged"],
            &["scan", "--history"],
            &["scan", "secrets"],
            &["git", "pre-commit"],
        ] {
            let output = silent(project.unspoken(words).run());
            assert!(!mark.exists(), "{remote}: {words:?} has started it: {output:?}");
        }
        // A content that is not here is told, or stops it: it does not pass.
        assert_ne!(silent(project.unspoken(["git", "pre-commit"]).run()).code, 0, "{remote}");
    }
}

#[test]
fn a_value_that_a_link_leads_to_is_found_before_it_is_committed() {
    let project = project();
    symlink(value(), project.root().join("link")).unwrap();
    symlink("a=b", project.root().join("harmless")).unwrap();
    project.git(["add", "--all"]);
    assert_eq!(paths(&scan(&project, &["--staged"], b"")), ["link"]);
    let output = silent(project.unspoken(["git", "pre-commit"]).run())
        .says("link:1:1: value of DATABASE_URL");
    assert_ne!(output.code, 0);
    project.git(["commit", "--quiet", "-m", "link"]);
    assert_eq!(paths(&scan(&project, &["--history"], b"")), ["link"]);
}

#[test]
fn a_link_among_transcripts_is_told_and_not_followed() {
    let project = project();
    let away = project.folder().join("away");
    fs::create_dir(&away).unwrap();
    fs::write(away.join("a"), value()).unwrap();
    symlink(&away, project.root().join(".aider.input.history")).unwrap();
    symlink(away.join("a"), project.root().join(".aider.llm.history")).unwrap();
    fs::create_dir(project.root().join(".aider.chat.history.md")).unwrap();
    project.write(".aider.chat.history.md/a", value());
    fs::create_dir_all(project.home().join(".claude/projects")).unwrap();
    symlink(&away, project.home().join(".claude/projects/link")).unwrap();
    symlink(away.join("a"), project.home().join(".bash_history")).unwrap();

    let output = silent(project.unspoken(["scan", "--transcripts"]).run().ok());
    for told in [".aider.input.history", ".aider.llm.history", ".aider.chat.history.md"] {
        assert!(output.stderr.contains(&format!("not looked at: `{told}`")), "{output:?}");
    }
    assert!(output.stderr.contains("not looked at: `~/.bash_history`"), "{output:?}");
}

#[test]
fn a_message_of_any_length_is_looked_through_in_blocks() {
    let project = project();
    let mut message = b"subject\n\n".to_vec();
    message.resize(9 * 1024 * 1024, b'.');
    message.extend_from_slice(format!("\n{}\n", value()).as_bytes());
    let words = ["commit", "--quiet", "--allow-empty", "--cleanup=verbatim", "--file=-"];
    project.program("git", words).stdin(message).run().ok();
    let found = scan(&project, &["--history"], b"");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["line"], 4);
}
