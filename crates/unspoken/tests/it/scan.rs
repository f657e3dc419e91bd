//! `unspoken scan`: leaks are planted by real programs in every place, and each
//! must be found where it is, with nothing of it in what is said.

mod baseline;
mod disguises;
mod ground;
mod origin;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use serde_json::Value;
use unspoken_testkit::{Output, Project, canary};

use disguises::{Disguise, disguises, page};

/// A value with whatever a disguise has to care for.
fn value() -> String {
    format!("{}\"q'b\\s $x&ü/+=%", canary("scan"))
}

fn project() -> Project {
    let project = Project::with_environments(&["development", "production"]);
    project.set("development", "DATABASE_URL", value());
    project.set("production", "DATABASE_URL", value());
    project.git(["add", "--all"]);
    project.git(["commit", "--quiet", "-m", "begin"]);
    project
}

/// A token of a well-known kind, which the source does not hold.
fn token() -> String {
    ["glp", "at-", "aB3dE5gH7jK9mN1pQ3sT"].concat()
}

/// What a scan finds, as JSON. Nothing of a value may be in what it says.
#[track_caller]
fn scan(project: &Project, arguments: &[&str], input: &[u8]) -> Vec<Value> {
    let words = [&["scan", "--json"], arguments].concat();
    let output = project.unspoken(words).stdin(input).run();
    let output = silent(output);
    let findings = output.json()["findings"].as_array().unwrap().clone();
    assert_eq!(output.code, if findings.is_empty() { 0 } else { 8 }, "{output:?}");
    findings
}

#[track_caller]
fn silent(output: Output) -> Output {
    let output = output.is_silent_on_values();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), output.stderr);
    assert!(!said.contains(token().trim_start_matches("glpat-")), "a token is shown");
    output
}

/// Demands that every line of a page has its one finding.
#[track_caller]
fn is_found(findings: &[Value], path: &str, page: &[Disguise]) {
    let mut here: Vec<&Value> = findings.iter().filter(|found| found["path"] == path).collect();
    for (disguise, line) in page.iter().zip(1..) {
        let at = here.iter().position(|found| found["line"] == line);
        let found = here.remove(at.unwrap_or_else(|| panic!("{path}: missed: {}", disguise.name)));
        assert_eq!(found["names"][0]["name"], "DATABASE_URL", "{path}: {}", disguise.name);
        let environments = &found["names"][0]["environments"];
        assert_eq!(environments[0], "development");
        assert_eq!(environments[1], "production");
        if disguise.is_whole {
            assert_eq!(found["column"], 1 + page::BEFORE.len(), "{path}: {}", disguise.name);
        }
    }
    assert!(here.is_empty(), "{path}: {here:?}");
}

#[test]
fn a_clean_tree_is_clean() {
    let project = project();
    project.write("README.md", "Nothing to see.\n");
    for arguments in [&[][..], &["--history"], &["--staged"], &["--transcripts"], &["--stdin"]] {
        let words = [&["scan"], arguments].concat();
        let output = project.unspoken(words).stdin("nothing").run().ok();
        assert!(output.stdout.is_empty(), "{output:?}");
        assert!(output.says("nothing was found").stderr.lines().count() == 1);
    }
}

#[test]
fn no_disguise_is_missed_in_any_file() {
    let project = project();
    let disguises = disguises(&project, &value());
    let text = page::text(&disguises);
    fs::create_dir_all(project.root().join("a/b c")).unwrap();
    let names: [&[u8]; 4] = ["a/b c/ü.log".as_bytes(), b"line\nend", b"invalid-\xff", b"-"];
    for name in names {
        fs::write(project.root().join(OsStr::from_bytes(name)), &text).unwrap();
    }
    let mut binary = vec![0, 1, 2, 0xff, b'\n'];
    binary.extend_from_slice(value().as_bytes());
    binary.push(0);
    project.write("binary", &binary);
    for (name, encoding) in [("wide-le", "UTF-16LE"), ("wide-be", "UTF-16BE")] {
        let words = ["-f", "UTF-8", "-t", encoding];
        let wide = project.program("iconv", words).stdin(format!("x{}", value())).run().ok();
        project.write(name, wide.stdout);
    }

    let findings = scan(&project, &[], b"");

    for name in ["a/b c/ü.log", "line\nend", "invalid-\u{fffd}", "-"] {
        is_found(&findings, name, &disguises);
    }
    let at = |name: &str| {
        let found: Vec<_> = findings.iter().filter(|found| found["path"] == name).collect();
        assert_eq!(found.len(), 1, "{name}");
        (found[0]["line"].as_u64().unwrap(), found[0]["column"].as_u64().unwrap())
    };
    assert_eq!(at("binary"), (2, 1));
    // What separates may be told with it.
    for name in ["wide-le", "wide-be"] {
        assert!(matches!(at(name), (1, 2 | 3)), "{name}");
    }
    assert_eq!(findings.len(), 4 * disguises.len() + 3);
    // As words for a person, a line each, whatever the file is called.
    let output = silent(project.unspoken(["scan", "--no-values", "."]).run().ok());
    assert!(output.stdout.is_empty());
    let output = silent(project.unspoken(["scan"]).run().fails_with(8));
    assert_eq!(output.text().lines().count(), findings.len());
    let line = "binary:2:1: value of DATABASE_URL (development, production)\n";
    assert!(output.text().contains(line), "{}", output.text());
    output.says("`unspoken set DATABASE_URL -e production`").says("findings in 7 of ");
}

#[test]
fn no_disguise_is_missed_in_git() {
    let project = project();
    let disguises = disguises(&project, &value());
    let text = page::text(&disguises);
    project.write("removed since", &text);
    project.git(["add", "--all"]);
    project.git(["commit", "--quiet", "-m", "it"]);
    let brought = project.git(["rev-parse", "HEAD"]);
    project.git(["rm", "--quiet", "removed since"]);
    project.git(["commit", "--quiet", "-m", "gone"]);
    assert_eq!(scan(&project, &[], b""), Vec::<Value>::new());

    let findings = scan(&project, &["--history"], b"");
    is_found(&findings, "removed since", &disguises);
    assert!(findings.iter().all(|found| found["commit"] == brought.trim()));
    assert!(findings.iter().all(|found| found["place"] == "history"));

    // Messages, other branches, merges, and what was stashed.
    let message = |words: &[&str]| {
        project.program("git", words).stdin([b"subject\n\n", &text[..]].concat()).run().ok();
    };
    message(&["commit", "--quiet", "--allow-empty", "--cleanup=verbatim", "--file=-"]);
    let id = project.git(["rev-parse", "--short=10", "HEAD"]);
    message(&["tag", "--cleanup=verbatim", "--annotate", "v1", "--file=-"]);
    project.write("README.md", "one\n");
    project.git(["add", "--all"]);
    project.git(["commit", "--quiet", "-m", "readme"]);
    for name in ["first", "second"] {
        project.write("README.md", [name.as_bytes(), b"\n", &text[..]].concat());
        project.git(["stash", "--quiet"]);
    }
    let findings = scan(&project, &["--history"], b"");
    let shifted = |path: &str, lines: u64| {
        let mut here: Vec<Value> =
            findings.iter().filter(|found| found["path"] == path).cloned().collect();
        for found in &mut here {
            found["line"] = (found["line"].as_u64().unwrap() - lines).into();
        }
        here
    };
    for name in [format!("commit {}", id.trim()), "tag v1".to_owned()] {
        is_found(&shifted(&name, 2), &name, &disguises);
    }
    let stashed = shifted("README.md", 1);
    assert_eq!(stashed.len(), 2 * disguises.len());
    let (one, other) = stashed.split_at(disguises.len());
    let mut all = [one, other].concat();
    all.sort_by_key(|found| found["commit"].as_str().unwrap().to_owned());
    is_found(&all[..disguises.len()], "README.md", &disguises);
    is_found(&all[disguises.len()..], "README.md", &disguises);
}

#[test]
fn a_merge_that_brings_a_value_of_its_own_is_named() {
    let project = project();
    project.git(["checkout", "--quiet", "-b", "other"]);
    project.git(["commit", "--quiet", "--allow-empty", "-m", "other"]);
    project.git(["checkout", "--quiet", "main"]);
    project.git(["commit", "--quiet", "--allow-empty", "-m", "main"]);
    project.git(["merge", "--quiet", "--no-commit", "other"]);
    project.write("evil", value());
    project.git(["add", "evil"]);
    project.git(["commit", "--quiet", "-m", "merged"]);
    let merge = project.git(["rev-parse", "HEAD"]);
    project.git(["rm", "--quiet", "evil"]);
    project.git(["commit", "--quiet", "-m", "gone"]);

    let findings = scan(&project, &["--history"], b"");

    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0]["commit"], merge.trim());
    // What a replacement hides is there all the same.
    let words = ["hash-object", "-w", "--stdin"];
    let harmless = project.program("git", words).stdin("x").run().ok();
    let hidden = project.git(["rev-parse", "main~1:evil"]);
    project.git(["replace", hidden.trim(), harmless.text().trim()]);
    assert_eq!(scan(&project, &["--history"], b""), findings);
    // What nothing leads to any more is told, and is none.
    project.git(["update-ref", "refs/heads/main", "main~2"]);
    project.git(["reflog", "expire", "--expire=all", "--all"]);
    assert_eq!(scan(&project, &["--history"], b""), Vec::<Value>::new());
    project.unspoken(["scan", "--history"]).run().ok().says("1 finding more in what no branch");
}

#[test]
fn no_disguise_is_missed_in_the_index_on_standard_input_and_in_transcripts() {
    let project = project();
    let disguises = disguises(&project, &value());
    let text = page::text(&disguises);
    is_found(&scan(&project, &["--stdin"], &text), "-", &disguises);

    project.write("staged", &text);
    project.git(["add", "staged"]);
    project.write("staged", "the work tree is another matter\n");
    is_found(&scan(&project, &["--staged"], b""), "staged", &disguises);
    assert_eq!(scan(&project, &[], b""), Vec::<Value>::new());

    let places = [
        ".claude/projects/-work/0a1b.jsonl",
        ".codex/sessions/2026/11/22/rollout.jsonl",
        ".cursor/chats/1/store.db",
        ".gemini/tmp/0a/logs.json",
        ".copilot/session-state/1.jsonl",
        ".codeium/windsurf/cascade/1.pb",
        ".local/share/opencode/storage/part/1.json",
        ".bash_history",
    ];
    for place in places {
        let path = project.home().join(place);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &text).unwrap();
    }
    project.write(".aider.chat.history.md", &text);
    let findings = scan(&project, &["--transcripts"], b"");
    for place in places {
        is_found(&findings, &format!("~/{place}"), &disguises);
    }
    is_found(&findings, ".aider.chat.history.md", &disguises);
    assert_eq!(findings.len(), (places.len() + 1) * disguises.len());
}

#[test]
fn what_git_ignores_is_left_out_but_for_plaintext_files_and_what_it_tracks() {
    let project = project();
    project.write(".gitignore", ".env*\nlogs/\n*.tmp\n");
    fs::create_dir_all(project.root().join("app")).unwrap();
    fs::create_dir_all(project.root().join("logs")).unwrap();
    project.write("logs/1", value());
    project.write("x.tmp", value());
    project.write("tracked.tmp", value());
    project.write(".env", "A=1\n");
    project.write("app/.env.local", "A=1\n");
    project.write("app/.env.example", "A=1\n");
    std::os::unix::fs::symlink("x.tmp", project.root().join("link")).unwrap();
    project.git(["add", "--force", "tracked.tmp"]);

    let findings = scan(&project, &[], b"");

    let told: Vec<_> = findings.iter().map(|f| (f["path"].as_str().unwrap(), &f["kind"])).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(told[0], (".env", &Value::from("plaintext-env-file")));
    assert_eq!(told[1], ("app/.env.local", &Value::from("plaintext-env-file")));
    assert_eq!(told[2], ("tracked.tmp", &Value::from("known-value")));
    assert_eq!(findings[0]["place"], "ignored");
    project.unspoken(["scan"]).run().fails_with(8).says("`unspoken import .env`");
    // What was named is looked at, ignored or not.
    assert_eq!(scan(&project, &["x.tmp"], b"").len(), 1);
    assert_eq!(scan(&project, &["link", "logs/1"], b"").len(), 2);
    assert_eq!(scan(&project, &["app/.env.local"], b"")[0]["kind"], "plaintext-env-file");
    project.unspoken(["scan", "nowhere"]).run().fails_with(3).says("cannot look at");
}

#[test]
fn credentials_are_found_without_a_key_and_a_value_is_told_once() {
    let project = project();
    project.write("notes", format!("see:\n  token = \"{}\"\n{}\n", token(), value()));
    fs::rename(project.unspoken_home(), project.folder().join("away")).unwrap();

    let output = silent(project.unspoken(["scan"]).run().fails_with(8));
    assert_eq!(output.text(), "notes:2:12: a GitLab token [gitlab-token]\n");
    output.says("no key here opens `development`, `production`").says("Revoke it");
    let output = project.unspoken(["scan", "--no-values"]).run().fails_with(8);
    assert!(!output.stderr.contains("no key here"), "{output:?}");
    silent(project.unspoken(["scan", "-e", "production"]).run().fails_with(4));

    fs::rename(project.folder().join("away"), project.unspoken_home()).unwrap();
    project.set("production", "GITLAB", token());
    let findings = scan(&project, &[], b"");
    assert_eq!(findings.len(), 2);
    assert_eq!(findings[0]["names"][0]["name"], "GITLAB");
    assert_eq!(findings[1]["names"][0]["name"], "DATABASE_URL");
    // Of one environment alone.
    let findings = scan(&project, &["-e", "development"], b"");
    assert_eq!(findings[0]["kind"], "gitlab-token");
    assert_eq!(findings[1]["names"][0]["environments"].as_array().unwrap().len(), 1);
    project.unspoken(["scan", "-e", "nowhere"]).run().fails_with(3);
    project.unspoken(["scan", "-e", "production", "--no-values"]).run().fails_with(2);
}

#[test]
fn without_a_project_or_a_repository_there_is_something_to_look_at() {
    let project = project();
    let folder = project.folder().join("plain");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("a"), token()).unwrap();
    let call = |words: &[&str]| silent(project.unspoken(words).current_dir(&folder).run());
    let output = call(&["scan"]).fails_with(8).says("no project here");
    assert_eq!(output.text(), "a:1:1: a GitLab token [gitlab-token]\n");
    call(&["scan", "--history"]).fails_with(3).says("in no git repository");
    call(&["scan", "--staged"]).fails_with(3);
    fs::write(folder.join("locked"), "x").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o000);
    fs::set_permissions(folder.join("locked"), mode).unwrap();
    // Root reads everything.
    if fs::File::open(folder.join("locked")).is_err() {
        call(&["scan"]).fails_with(8).says("not looked at: `locked`");
    }
}

#[test]
fn sarif_names_rules_places_and_nothing_of_a_value() {
    let project = project();
    project.write("b", format!("é{}\n{}\n", value(), token()));
    project.write("c", value());
    project.git(["add", "c"]);
    project.git(["commit", "--quiet", "-m", "c"]);
    let words = ["scan", "--sarif", "--history", "."];
    let printed = silent(project.unspoken(words).run().fails_with(8)).json();
    let rules = printed["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    let results = printed["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 4);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "b");
    assert_eq!(
        (&place["region"]["startLine"], &place["region"]["startColumn"]),
        (&1.into(), &2.into())
    );
    assert_eq!(results[1]["ruleId"], "gitlab-token");
    let prints: std::collections::BTreeSet<String> =
        results.iter().map(|result| result["partialFingerprints"].to_string()).collect();
    assert_eq!(prints.len(), results.len());
}

#[test]
fn what_the_project_says_may_be_seen_is_no_finding() {
    let project = project();
    project.set("development", "REGION", "acme-tenant-77");
    project.write("deploy.sh", "aws --region acme-tenant-77\n");
    assert_eq!(scan(&project, &[], b"").len(), 1);
    let file = project.read("unspoken.toml");
    project.write("unspoken.toml", format!("visible = [\"REGION\"]\n{file}"));
    assert!(scan(&project, &[], b"").is_empty());
}
