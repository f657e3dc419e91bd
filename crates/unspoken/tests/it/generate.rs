//! `generate`: types from names alone, and who keeps them fresh.

mod compile;

use std::fs;

use unspoken_testkit::{Project, canary};

/// Three names; `SENTRY_DSN` is in production alone.
fn project() -> Project {
    let project = Project::with_environments(&["development", "production"]);
    for environment in ["development", "production"] {
        project.set(environment, "DATABASE_URL", canary(environment));
    }
    let set = ["set", "STRIPE_KEY", "--expires", "2031-01-31"];
    project.unspoken(set).stdin(canary("stripe")).run().ok();
    project.set("production", "STRIPE_KEY", canary("live"));
    project.set("production", "SENTRY_DSN", canary("dsn"));
    project
}

/// Adds lines to the project file.
fn configure(project: &Project, lines: &str) {
    let text = project.read("unspoken.toml");
    project.write("unspoken.toml", format!("{text}\n{lines}"));
}

const TYPESCRIPT: &str = "[generate]\ntypescript = \"src/types/unspoken.d.ts\"\n";
const FILE: &str = "src/types/unspoken.d.ts";

#[test]
fn a_language_goes_to_standard_output_and_needs_no_key() {
    let project = project();
    configure(&project, "[descriptions]\nDATABASE_URL = \"Where the orders are.\"\n");
    fs::remove_dir_all(project.unspoken_home()).unwrap();
    let before = project.snapshot();

    for (language, expected) in [
        ("typescript", "    /** Where the orders are. */\n    readonly DATABASE_URL: Secret;\n"),
        ("go", "// DatabaseURL is the secret DATABASE_URL: Where the orders are.\n"),
        ("python", "    def SENTRY_DSN(self) -> unspoken.Secret | None:\n"),
        (
            "rust",
            "///\n/// Expires on 2031-01-31 in development.\npub fn stripe_key() -> Result<Secret",
        ),
    ] {
        let output = project.unspoken(["generate", language]).run().ok().is_silent_on_values();
        assert!(output.text().contains(expected), "{language}: {}", output.text());
        assert!(output.stderr.is_empty());
        let json = project.unspoken(["generate", language, "--json"]).run().ok().json();
        assert_eq!(json["language"], language);
        assert_eq!(json["text"], output.text());
    }
    project.is_as(&before);
}

#[test]
fn what_is_configured_is_written_once_and_checked() {
    let project = project();
    project.unspoken(["generate"]).run().fails_with(2).says("[generate]").says("--out");
    project.unspoken(["generate", "go", "--check"]).run().fails_with(2).says("--out internal");
    let lines = format!("{TYPESCRIPT}go = \"cmd/server/secrets.go\"\n");
    configure(&project, &lines);

    let check = project.unspoken(["generate", "--check"]).run().fails_with(1);
    check.says(&format!("`{FILE}`, `cmd/server/secrets.go` are not")).says("`unspoken generate`");
    assert!(!project.root().join("src").exists());
    fs::create_dir_all(project.root().join("cmd/server")).unwrap();
    project.write("cmd/server/gen.go", "//go:build ignore\n\npackage other\n");
    project.write("cmd/server/main.go", "// Package main serves.\npackage main\n");
    project.write("cmd/server/a_test.go", "package main_test\n");

    let wrote = project.unspoken(["generate"]).run().ok();
    wrote.says(&format!("wrote {FILE}, cmd/server/secrets.go"));
    assert!(project.read("cmd/server/secrets.go").contains("\npackage main\n"));
    let before = project.snapshot();
    let time = || fs::metadata(project.root().join(FILE)).unwrap().modified().unwrap();
    let written = time();
    project.unspoken(["generate"]).run().ok().says("2 files as it must be already");
    project.unspoken(["generate", "--check"]).run().ok().says("2 files as it must be");
    let json = project.unspoken(["generate", "typescript", "--json"]).run().ok().json();
    assert_eq!(json["files"][0]["file"], FILE);
    assert_eq!(json["files"][0]["change"], "unchanged");
    assert_eq!(json["files"].as_array().unwrap().len(), 1);
    assert_eq!(time(), written);
    project.is_as(&before);

    project.write(FILE, project.read(FILE) + "\n");
    let stale = project.unspoken(["generate", "--check", "--json"]).run().fails_with(1);
    assert_eq!(stale.json()["files"][0]["stale"], true);
    assert_eq!(stale.json()["files"][1]["stale"], false);
    assert_eq!(stale.json_error()["hint"], "Run `unspoken generate`, and commit what it writes.");
    let out = ["generate", "typescript", "--out", FILE, "--check"];
    let hint = format!("`unspoken generate typescript --out {FILE}`");
    project.unspoken(out).run().fails_with(1).says(&hint);
}

#[test]
fn a_file_that_somebody_wrote_stays() {
    let project = project();
    configure(&project, "[generate]\nrust = \"src/new.rs\"\ngo = \"main.go\"\n");
    project.write("main.go", "package main\n");
    project.write("empty.d.ts", "");
    let link = project.root().join("link.d.ts");
    std::os::unix::fs::symlink("../outside.d.ts", link).unwrap();
    let before = project.snapshot();

    let refused = project.unspoken(["generate"]).run().fails_with(10);
    refused.says("`main.go` is there, and was not generated by Unspoken").says("`rm main.go`");
    for (path, code) in [("empty.d.ts", 10), ("link.d.ts", 1), ("no/folder.d.ts", 1)] {
        project.unspoken(["generate", "typescript", "--out", path]).run().fails_with(code);
    }
    project.is_as(&before);

    // Nor does a link lead the configured one out of the project.
    fs::create_dir(project.folder().join("outside")).unwrap();
    std::os::unix::fs::symlink("../outside", project.root().join("src")).unwrap();
    fs::remove_file(project.root().join("main.go")).unwrap();
    let before = project.snapshot();
    project.unspoken(["generate"]).run().fails_with(1).says("link");
    project.is_as(&before);
}

#[test]
fn names_that_collide_are_both_named_and_nothing_is_written() {
    let project = project();
    for name in ["API_KEY", "API__KEY"] {
        project.set("development", name, canary(name));
    }
    configure(&project, &format!("{TYPESCRIPT}go = \"secrets.go\"\n"));
    let before = project.snapshot();
    let refused = project.unspoken(["generate"]).run().fails_with(10);
    refused
        .says("`API_KEY` and `API__KEY` would both be `APIKey` in Go")
        .says("`unspoken mv API__KEY NEW --all`");
    project.unspoken(["generate", "go"]).run().fails_with(10);
    project.is_as(&before);
    project.unspoken(["generate", "typescript"]).run().ok();
}

#[test]
fn a_document_that_must_not_be_used_gives_no_types() {
    let project = project();
    configure(&project, TYPESCRIPT);
    let text = project.read("secrets/production.json");
    project.write("secrets/production.json", text.replacen("SENTRY_DSN", "SENTRY_DSM", 1));
    let before = project.snapshot();
    project.unspoken(["generate"]).run().fails_with(5);
    project.unspoken(["generate", "--check"]).run().fails_with(5);
    fs::remove_file(project.document("production")).unwrap();
    project.unspoken(["generate"]).run().fails_with(3);
    project.write("secrets/production.json", text.replacen("SENTRY_DSN", "SENTRY_DSM", 1));
    project.is_as(&before);
}

#[test]
fn commands_that_change_names_refresh_what_is_configured() {
    let project = project();
    configure(&project, TYPESCRIPT);
    let refreshed = format!("refreshed {FILE}");
    let has = |line: &str| project.read(FILE).contains(&format!("    readonly {line}: Secret;\n"));
    let run = |arguments: &[&str], stdin: String| {
        project.unspoken(arguments).stdin(stdin).run().ok().is_silent_on_values()
    };

    // The first time is for whoever asks: a project file may come from anywhere.
    run(&["set", "EARLY"], canary("early"));
    assert!(!project.root().join(FILE).exists());
    run(&["rm", "EARLY", "--yes"], String::new());
    run(&["generate"], String::new());
    run(&["set", "NEW"], canary("new")).says(&refreshed);
    assert!(has("NEW?") && has("DATABASE_URL") && has("SENTRY_DSN?"));
    // Another value is no other name.
    let again = run(&["set", "NEW"], canary("again"));
    assert!(!again.stderr.contains("refreshed"), "{again:?}");
    // Who only looks writes nothing, whatever is stale.
    project.write(FILE, project.read(FILE) + "\n");
    let before = project.snapshot();
    for arguments in [&["list", "--json"][..], &["env", "list"], &["why", "NEW"], &["get", "NEW"]] {
        project.unspoken(arguments).run().ok();
    }
    project.is_as(&before);

    run(&["set", "NEW", "--expires", "2031-05-05"], canary("again")).says(&refreshed);
    assert!(project.read(FILE).contains("Expires on 2031-05-05 in development."));
    run(&["mv", "NEW", "NEWER"], String::new()).says(&refreshed);
    assert!(has("NEWER?") && !has("NEW?"));
    run(&["rm", "NEWER", "--yes", "--quiet"], String::new());
    assert!(!has("NEWER?"));
    let json = format!("{{\"SENTRY_DSN\": \"{}\"}}", canary("imported"));
    run(&["import", "-", "--format", "json"], json).says(&refreshed);
    assert!(has("SENTRY_DSN"));
    // It has no secret, so nothing is missing there, until it has its first.
    let added = run(&["env", "add", "preview"], String::new());
    assert!(!added.stderr.contains("refreshed"), "{added:?}");
    run(&["set", "DATABASE_URL", "-e", "preview"], canary("preview")).says(&refreshed);
    assert!(has("SENTRY_DSN?") && has("DATABASE_URL"));
    project.unspoken(["generate", "--check"]).run().ok();
}

#[test]
fn run_refreshes_for_what_waited_and_for_nothing_else() {
    let project = project();
    configure(&project, TYPESCRIPT);
    let bob = project.member("bob");
    bob.git(["config", "user.email", "bob@example.invalid"]).ok();
    let left = bob.unspoken(["set", "LEFT", "--json"]).stdin(canary("left")).run().ok();
    let file = left.json()["file"].as_str().unwrap().to_owned();
    project.unspoken(["run", "--", "true"]).run().ok().says_nothing();
    assert!(!project.root().join(FILE).exists());
    project.unspoken(["generate"]).run().ok();

    fs::create_dir_all(project.root().join("secrets/development.inbox")).unwrap();
    project.write(&file, bob.read(&file));
    let run = project.unspoken(["run", "--", "cat", FILE]).run().ok().is_silent_on_values();
    assert!(run.text().contains("readonly LEFT?: Secret;"));
    run.says("was left by bob@example.invalid").says("refreshed");
}

#[test]
fn a_refresh_that_cannot_be_is_a_warning() {
    let project = project();
    configure(&project, "[generate]\ngo = \"main.go\"\n");
    project.write("main.go", "package main\n");
    let set = project.unspoken(["set", "NEW"]).stdin(canary("new")).run().ok();
    set.says("NEW added").says("warning: the generated types were not refreshed: `main.go` is");
    assert_eq!(project.read("main.go"), "package main\n");
    project.has("development", "NEW", canary("new"));
}
