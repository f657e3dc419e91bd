//! `check`: what is wrong is found with no key, and told by stable ids.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::Value;
use unspoken_testkit::{Project, canary};

use crate::people::{
    Person, commit, edit_document, edit_file, environment, recipient_name, set_expiring, share,
    share_in_secret,
};

/// development ← staging, and production; nothing is wrong with it.
fn project() -> Project {
    let project = Project::with_environments(&["development", "production"]);
    project.unspoken(["env", "add", "staging", "--inherits", "development"]).run().ok();
    for environment in ["development", "production"] {
        for name in ["A", "B"] {
            project.set(environment, name, canary(name));
        }
    }
    project
}

fn lose_the_keys(project: &Project) {
    fs::remove_dir_all(project.unspoken_home()).unwrap();
}

fn set_mode(path: impl AsRef<std::path::Path>, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Replaces text in a file of the project, which must be there.
#[track_caller]
fn replace(project: &Project, path: &str, from: &str, to: &str) {
    let old = project.read(path);
    assert!(old.contains(from), "{from:?} is not in {path}");
    project.write(path, old.replacen(from, to, 1));
}

/// Takes our block and the pin away, as if another program had made it.
fn unseal(project: &Project) {
    let text = project.read("secrets/production.json");
    let mut document: Value = serde_json::from_str(&text).unwrap();
    document["sops"].as_object_mut().unwrap().remove("unspoken");
    project.write("secrets/production.json", format!("{document:#}"));
    let file = project.read("unspoken.toml");
    let (before, after) = file.split_once("[environments.production]\n").unwrap();
    let (_, after) = after.split_once('\n').unwrap();
    project.write("unspoken.toml", format!("{before}[environments.production]\n{after}"));
}

#[test]
fn a_clean_project_gives_a_summary_alone_and_needs_no_key() {
    let project = project();
    commit(&project, "one");
    lose_the_keys(&project);
    let before = project.snapshot();

    let output = project.unspoken(["check", "--strict"]).run().ok();
    assert!(output.stdout.is_empty());
    assert_eq!(output.stderr, "3 environments, 2 names: nothing is wrong\n");
    project.unspoken(["check", "-q"]).run().ok().says_nothing();
    let json = project.unspoken(["check", "--json"]).run().ok().json();
    assert_eq!(json, serde_json::json!({ "findings": [], "errors": 0, "warnings": 0 }));
    project.is_as(&before);
}

/// A rule, the exit code, words of the text, words of the hint, and what brings
/// it about.
type Case = (&'static str, i32, &'static str, &'static str, Box<dyn Fn(&Project)>);

fn case(
    rule: &'static str,
    code: i32,
    text: &'static str,
    hint: &'static str,
    change: impl Fn(&Project) + 'static,
) -> Case {
    (rule, code, text, hint, Box::new(change))
}

fn documents() -> Vec<Case> {
    let inbox = |file: &'static str| {
        move |p: &Project| {
            fs::create_dir(p.root().join("secrets/production.inbox")).unwrap();
            p.write(format!("secrets/production.inbox/{file}"), "age");
        }
    };
    vec![
        case("project-file", 1, "line 1: unknown key `x`", "git diff", |p| {
            p.write("unspoken.toml", format!("x = 1\n{}", p.read("unspoken.toml")));
        }),
        case("missing-document", 1, "has no document", "git checkout", |p| {
            fs::remove_file(p.document("production")).unwrap();
        }),
        case("unreadable", 1, "symbolic link", "", |p| {
            fs::rename(p.document("production"), p.root().join("x.json")).unwrap();
            symlink("../x.json", p.document("production")).unwrap();
        }),
        case("seal", 5, "its seal does not fit", "git checkout", |p| {
            replace(p, "secrets/production.json", "\"A\":", "\"AA\":");
        }),
        case("seal", 5, "acme-web/development", "git checkout", |p| {
            fs::copy(p.document("development"), p.document("production")).unwrap();
        }),
        case("seal", 5, "it has no seal", "unspoken accept -e production", |p| {
            let pinned = p.read("unspoken.toml");
            unseal(p);
            p.write("unspoken.toml", pinned);
        }),
        case("seal", 5, "merge conflict", "git checkout --ours", |p| {
            replace(p, "secrets/production.json", "{\n", "{\n<<<<<<< HEAD\n");
        }),
        case("unpinned", 5, "no seal key is pinned", "git log", |p| {
            let document = p.read("secrets/production.json");
            unseal(p);
            p.write("secrets/production.json", document);
        }),
        case("unsealed", 1, "not sealed", "unspoken accept -e production", unseal),
        case("clear-value", 1, "the value of `A` is not encrypted", "at its provider", |p| {
            unseal(p);
            let text = p.read("secrets/production.json");
            let mut document: Value = serde_json::from_str(&text).unwrap();
            document["A"] = canary("clear").into();
            p.write("secrets/production.json", format!("{document:#}"));
        }),
        case(
            "inbox",
            0,
            "`NEW` waits since 2026-11-21T20:04:09Z, from bob",
            "unspoken inbox -e production",
            inbox("NEW.20261121T200409Z-0123abcd.bob.age"),
        ),
        case("writable", 0, "secrets/production.json", "chmod o-w", |p| {
            set_mode(p.document("production"), 0o646);
        }),
        case("writable", 0, "secrets`", "chmod o-w", |p| set_mode(p.root().join("secrets"), 0o777)),
    ]
}

fn names_and_people() -> Vec<Case> {
    let sync = "unspoken recipients sync -e production";
    vec![
        case("required", 1, "`C` is required and missing", "unspoken set C -e production", |p| {
            edit_file(p, |_| {});
            replace(
                p,
                "unspoken.toml",
                "production]\n",
                "production]\nrequired = [\"C\", \"A\"]\n",
            );
        }),
        case("gap", 0, "`C` is in `staging` and not here", "unspoken set C -e production", |p| {
            p.set("staging", "C", canary("c"));
        }),
        case("expired", 1, "`B` expired on 2020-01-31", "unspoken set B -e production", |p| {
            set_expiring(p, "production", "B", "2020-01-31");
        }),
        case("expires-soon", 0, "`B` expires on 20", "unspoken set B -e production", |p| {
            set_expiring(p, "production", "B", "in 29 days");
        }),
        case("access", 1, "`bob` is on the access list and cannot read it yet", sync, |p| {
            edit_file(p, |file| {
                file.introduce(&recipient_name("bob"), &Person::new("bob").key());
                file.grant(&environment("production"), &recipient_name("bob"));
            });
        }),
        case("access", 1, "`bob` can read it and is not on the access list", sync, |p| {
            share(p, "production", &[&Person::new("bob")]);
            edit_file(p, |file| {
                file.revoke(&environment("production"), &recipient_name("bob"));
            });
        }),
        case("access", 1, "`age1", sync, |p| {
            share_in_secret(p, "production", &Person::new("eve"));
        }),
        case(
            "exposed",
            0,
            "`A` was readable by bob, eve and has not been changed since",
            "unspoken set A",
            |p| {
                share(p, "production", &[&Person::new("bob"), &Person::new("eve")]);
                share(p, "production", &[]);
                p.set("production", "B", canary("other"));
            },
        ),
        case("mixed-post-quantum", 0, "classical ones the environment key", "age1pq1", |p| {
            share(p, "production", &[&Person::post_quantum("bob")]);
        }),
    ]
}

fn machine() -> Vec<Case> {
    vec![
        case("permissions", 1, "0640 where it must be 0600", "chmod 600", |p| {
            for entry in fs::read_dir(p.unspoken_home().join("keys")).unwrap() {
                set_mode(entry.unwrap().path(), 0o640);
            }
        }),
        case("permissions", 1, "0755 where it must be 0700", "chmod 700", |p| {
            set_mode(p.unspoken_home(), 0o755);
        }),
        case("plaintext", 1, "git tracks the plaintext file `sub dir/.env.local`", "git rm", |p| {
            fs::create_dir(p.root().join("sub dir")).unwrap();
            p.write("sub dir/.env.local", format!("A={}\n", canary("plain")));
            p.git(["add", "--force", "sub dir/.env.local"]);
        }),
        case("visible", 0, "`visible` names `LOG_LEVLE`", "in `unspoken.toml`", |p| {
            let file = p.read("unspoken.toml");
            p.write("unspoken.toml", format!("visible = [\"A\", \"LOG_LEVLE\"]\n{file}"));
        }),
        case("types", 0, "`src/a.rs` is not as the names are now", "unspoken generate", |p| {
            let file = p.read("unspoken.toml");
            p.write("unspoken.toml", format!("{file}\n[generate]\nrust = \"src/a.rs\"\n"));
        }),
        case("git", 0, "`git rev-parse` failed", "git status", |p| {
            p.write(".git/config", "[core\n");
        }),
        case("vault", 0, "its names are not checked: there is no token", "unspoken login", |p| {
            let file = p.read("unspoken.toml");
            let vault = "[vault]\nurl = \"https://vault.example.invalid\"\n";
            let there = "[environments.there]\nsource = \"vault\"\n";
            p.write("unspoken.toml", format!("{file}\n{vault}\n{there}"));
        }),
    ]
}

#[test]
fn each_finding_is_told_with_its_rule_and_what_helps() {
    let mut seen = BTreeSet::new();
    for (rule, code, text, hint, change) in
        documents().into_iter().chain(names_and_people()).chain(machine())
    {
        let project = project();
        change(&project);
        let output = project.unspoken(["check", "--json"]).run().is_silent_on_values();
        let findings = output.json()["findings"].as_array().unwrap().clone();
        let field = |finding: &Value, key: &str| finding[key].as_str().unwrap_or("").to_owned();
        let found = findings.iter().find(|finding| {
            field(finding, "rule") == rule
                && field(finding, "text").contains(text)
                && field(finding, "hint").contains(hint)
        });
        assert!(found.is_some(), "{rule}, {text}: {findings:#?}");
        // A document without a seal is an error of its own.
        let unsealed = findings.iter().any(|finding| finding["rule"] == "unsealed");
        let code = if unsealed { 1 } else { code };
        assert!(output.code == code, "{rule}, {text}: {output:?}\n{findings:#?}");
        if output.code == 0 {
            let strict = project.unspoken(["check", "--strict"]).run().fails_with(1);
            assert!(strict.text().contains("warning  "), "{rule}");
            strict.says("warning");
        }
        seen.insert(rule.to_owned());
    }
    let sarif = project().unspoken(["check", "--sarif"]).run().ok().json();
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    let all: BTreeSet<String> =
        rules.iter().map(|rule| rule["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(seen, all, "each rule has a case");
}

#[test]
fn templates_and_encrypted_files_are_no_plaintext() {
    let project = project();
    project.write(".env.example", "A=\n");
    let sealed = project.unspoken(["env", "add", "legacy", "--file", "legacy.env.enc"]).run().ok();
    drop(sealed);
    fs::copy(project.root().join("legacy.env.enc"), project.root().join(".env.prod")).unwrap();
    project.git(["add", "--force", "."]);
    let output = project.unspoken(["check"]).run().ok();
    assert!(!output.text().contains("plaintext"), "{}", output.text());
}

#[test]
fn what_must_not_be_used_outweighs_what_is_missing() {
    let project = project();
    set_expiring(&project, "development", "B", "2020-01-31");
    replace(&project, "secrets/production.json", "\"A\":", "\"AA\":");
    let output = project.unspoken(["check"]).run().fails_with(5);
    assert!(output.text().contains("expired"));
    output.says("2 errors");
    // Nothing is said of what is in it.
    project.unspoken(["check", "-e", "development"]).run().fails_with(1);
    let alone = project.unspoken(["check", "-e", "production"]).run().fails_with(5);
    assert!(!alone.text().contains("expired") && !alone.text().contains("gap"));
}

#[test]
fn a_chosen_environment_brings_what_it_inherits() {
    let project = project();
    replace(&project, "secrets/development.json", "\"A\":", "\"AA\":");
    project.unspoken(["check", "-e", "production"]).run().ok().says("1 environment,");
    project.unspoken(["check", "-e", "staging"]).run().fails_with(5);
    let both = ["check", "-e", "production", "-e", "staging"];
    project.unspoken(both).run().fails_with(5).says("3 environments");
    project.unspoken(["check", "-e", "prodution"]).run().fails_with(3).says("-e production");
}

#[test]
fn findings_come_in_one_order_and_name_their_line() {
    let project = project();
    for name in ["Z", "C"] {
        set_expiring(&project, "production", name, "2020-01-31");
    }
    edit_document(&project, "development", |document, _| {
        document.expose(&[recipient_name("bob")].into());
    });
    let first = project.unspoken(["check"]).run().fails_with(1);
    let lines: Vec<&str> = first.text().lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(
        lines,
        [
            "warning  development: `A` was readable by bob and has not been changed since",
            "warning  development: `B` was readable by bob and has not been changed since",
            "warning  development: `C` is in `production` and not here",
            "warning  development: `Z` is in `production` and not here",
            "error    production: `C` expired on 2020-01-31",
            "error    production: `Z` expired on 2020-01-31",
            "warning  staging: `C` is in `production` and not here",
            "warning  staging: `Z` is in `production` and not here",
        ]
    );
    let json = project.unspoken(["check", "--json"]).run().fails_with(1).json();
    let finding = &json["findings"][5];
    assert_eq!(
        (&finding["rule"], &finding["file"]),
        (&"expired".into(), &"secrets/production.json".into())
    );
    let line = usize::try_from(finding["line"].as_u64().unwrap()).unwrap();
    let text = project.read("secrets/production.json");
    assert!(text.lines().nth(line - 1).unwrap().trim_start().starts_with("\"Z\":"));
}

#[test]
fn sarif_has_the_shape_that_code_hosts_read() {
    let project = Project::empty();
    let inner = project.root().join("my app");
    fs::create_dir(&inner).unwrap();
    let unspoken = |arguments: &[&str]| project.unspoken(arguments).current_dir(&inner);
    unspoken(&["init", "--project", "acme-web"]).run().ok();
    unspoken(&["set", "A", "--expires", "2020-01-31"]).stdin(canary("sarif")).run().ok();
    let output = unspoken(&["check", "--sarif"]).run().fails_with(1).is_silent_on_values();
    output.clone().says("1 error");
    let sarif = output.json();

    assert_eq!(sarif["version"], "2.1.0");
    assert!(sarif["$schema"].as_str().unwrap().ends_with("sarif-2.1.0.json"));
    let runs = sarif["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1);
    let driver = &runs[0]["tool"]["driver"];
    assert_eq!(driver["name"], "unspoken");
    for rule in driver["rules"].as_array().unwrap() {
        assert!(rule["id"].is_string() && rule["shortDescription"]["text"].is_string());
        let level = rule["defaultConfiguration"]["level"].as_str().unwrap();
        assert!(["error", "warning"].contains(&level), "{level}");
    }
    let results = runs[0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 1);
    assert_eq!(results[0]["ruleId"], "expired");
    let index = usize::try_from(results[0]["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(driver["rules"][index]["id"], "expired");
    assert!(results[0]["message"]["text"].as_str().unwrap().contains("`A` expired"));
    assert!(results[0]["partialFingerprints"].is_object());
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "my%20app/secrets/development.json");
    assert!(place["region"]["startLine"].as_u64().unwrap() >= 1);
    unspoken(&["check", "--sarif", "--json"]).run().fails_with(2);
}

#[test]
fn it_works_in_a_hook_and_without_a_repository() {
    let project = project();
    let hook =
        project.unspoken(["check"]).env("GIT_DIR", "/nonexistent").env("GIT_INDEX_FILE", "x");
    hook.run().ok();
    fs::remove_dir_all(project.root().join(".git")).unwrap();
    project.unspoken(["check", "--strict"]).run().ok();
    let without = || project.unspoken(["check"]).env("PATH", "/nonexistent").run().ok();
    assert!(without().stdout.is_empty());
    project.git(["init", "--quiet"]);
    assert!(without().text().contains("the program `git` is not there"));
}

/// Puts something like a signature into the newest commit.
fn sign(project: &Project) {
    let plain = project.git(["cat-file", "commit", "HEAD"]);
    let (head, message) = plain.split_once("\n\n").unwrap();
    let armour = "-----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----";
    let signed = format!("{head}\ngpgsig {armour}\n\n{message}");
    let make = ["hash-object", "-t", "commit", "-w", "--stdin"];
    let output = project.program("git", make).stdin(signed).run().ok();
    project.git(["update-ref", "HEAD", output.text().trim()]);
}

#[test]
fn the_repository_starts_no_program() {
    let project = project();
    commit(&project, "one");
    let script = project.root().join("started.sh");
    fs::write(&script, "#!/bin/sh\ntouch \"$0.yes\"\n").unwrap();
    set_mode(&script, 0o755);
    let script = script.to_str().unwrap();
    for key in ["core.fsmonitor", "core.pager", "gpg.program", "core.sshCommand", "diff.external"] {
        project.git(["config", key, script]);
    }
    project.git(["config", "log.showSignature", "true"]);
    sign(&project);
    project.write(".git/hooks/post-index-change", "#!/bin/sh\ntouch hook.yes\n");
    set_mode(project.root().join(".git/hooks/post-index-change"), 0o755);
    for arguments in [&["check"][..], &["access", "A"]] {
        project.unspoken(arguments).run().ok();
    }
    let left = fs::read_dir(project.root()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().ends_with(".yes")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn doctor_tells_what_check_finds() {
    let project = project();
    set_expiring(&project, "production", "B", "2020-01-31");
    edit_file(&project, |file| {
        file.introduce(&recipient_name("bob"), &Person::new("bob").key());
        file.grant(&environment("production"), &recipient_name("bob"));
    });
    let check = project.unspoken(["check"]).run().fails_with(1);
    let doctor = project.unspoken(["doctor"]).run().fails_with(1);
    for line in check.text().lines() {
        assert!(doctor.text().contains(line), "{line:?} is missing in:\n{}", doctor.text());
    }
}
