//! `init`: what it writes, with which modes, and that twice is once.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use unspoken_testkit::{Project, canary};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    let mut names: Vec<String> = entries.map(|entry| name(entry.unwrap())).collect();
    names.sort();
    names
}

#[test]
fn a_new_project_has_its_files_and_its_keys_are_elsewhere() {
    let project = Project::empty();

    let output = project.unspoken(["init", "-e", "staging", "-e", "production"]).run().ok();

    assert!(output.stdout.is_empty());
    for file in ["unspoken.toml", "secrets/staging.json", "secrets/production.json"] {
        assert!(output.stderr.contains(file), "{file}: {output:?}");
    }
    let text = project.read("unspoken.toml");
    assert!(text.contains("project = \"acme-web\"") && text.contains("default = \"staging\""));
    assert_eq!(text.matches("seal_key = ").count(), 2);
    let keys = project.unspoken_home().join("keys");
    assert_eq!((mode(&project.unspoken_home()), mode(&keys)), (0o700, 0o700));
    let ids = names(&keys);
    assert_eq!(ids.len(), 2);
    for id in &ids {
        assert_eq!(mode(&keys.join(id)), 0o600);
        let named = |environment| project.read(project.document(environment)).contains(id.as_str());
        assert!(named("staging") != named("production"), "{id}");
    }
    assert_eq!(
        names(&project.root()),
        [".git", ".gitattributes", ".gitignore", "secrets", "unspoken.toml"]
    );
}

#[test]
fn nothing_private_and_no_lock_would_be_committed() {
    let project = Project::with_environments(&["development"]);
    project.set("development", "A", canary("init"));
    for name in [".env", ".env.local", ".env.production", ".env.example", "secrets/.a.json.1-0.tmp"]
    {
        project.write(name, "");
    }

    project.git(["add", "--all"]);

    let staged = project.git(["diff", "--cached", "--name-only"]);
    let mut staged: Vec<&str> = staged.lines().collect();
    staged.sort_unstable();
    assert_eq!(
        staged,
        [
            ".env.example",
            ".gitattributes",
            ".gitignore",
            "secrets/development.json",
            "unspoken.toml"
        ]
    );
    let attribute = project.git(["check-attr", "text", "secrets/development.json"]);
    assert!(attribute.ends_with("text: unset\n"), "{attribute}");
}

#[test]
fn a_second_time_changes_nothing_and_says_so() {
    let project = Project::with_environments(&["development", "production"]);
    project.set("production", "A", canary("init"));
    let before = project.snapshot();

    for arguments in [&["init"][..], &["init", "--project", "acme-web", "-e", "production"]] {
        let output = project.unspoken(arguments).run().ok().says("nothing was changed");
        assert!(output.stdout.is_empty());
        project.is_as(&before);
    }
}

#[test]
fn another_name_for_the_project_is_refused() {
    let project = Project::with_environments(&["development"]);
    let before = project.snapshot();

    project.unspoken(["init", "--project", "other"]).run().fails_with(10).says("`acme-web`");

    project.is_as(&before);
}

#[test]
fn a_second_time_adds_the_environment_that_is_new() {
    let project = Project::with_environments(&["development"]);
    let before = project.snapshot();

    project.unspoken(["init", "-e", "production"]).run().ok().says("secrets/production.json");

    let changes = before.changes(&project.snapshot());
    assert_eq!(changes.len(), 3, "{changes:?}");
    assert!(project.read("unspoken.toml").contains("default = \"development\""));
    project.set("production", "A", canary("new"));
    project.has("production", "A", canary("new"));
}

#[test]
fn the_folders_name_is_made_a_project_name() {
    let project = Project::empty();
    let folder = project.root().join("My Shop.v2");
    fs::create_dir(&folder).unwrap();

    project.unspoken(["init"]).current_dir(&folder).run().ok();

    let text = fs::read_to_string(folder.join("unspoken.toml")).unwrap();
    let line = text.lines().find(|line| line.starts_with("project = ")).unwrap();
    assert!(line.starts_with("project = \"my") && line.contains("shop"), "{line}");
}

#[test]
fn a_folder_inside_a_project_gets_no_second_one() {
    let project = Project::with_environments(&["development"]);
    let inner = project.root().join("services/api");
    fs::create_dir_all(&inner).unwrap();
    let before = project.snapshot();

    let output = project.unspoken(["init"]).current_dir(&inner).run().fails_with(10);

    output.says("inside the project").says("unspoken env add");
    project.is_as(&before);
    // From there the project is found.
    project.unspoken(["set", "A"]).current_dir(&inner).stdin(canary("inner")).run().ok();
    project.has("development", "A", canary("inner"));
}

#[test]
fn the_users_lines_for_git_stay() {
    let project = Project::empty();
    project.write(".gitignore", "/target\n.env\n# mine");
    project.write(".gitattributes", "*.png binary\n");

    project.unspoken(["init"]).run().ok();

    let ignored = project.read(".gitignore");
    assert!(ignored.starts_with("/target\n.env\n# mine\n"), "{ignored}");
    assert_eq!(ignored.lines().filter(|line| *line == ".env").count(), 1);
    assert!(ignored.contains("\n.env.*\n!.env.example\n"), "{ignored}");
    assert!(project.read(".gitattributes").starts_with("*.png binary\n"));
}

#[test]
fn an_import_comes_with_it_and_the_plaintext_goes() {
    let project = Project::empty();
    let value = canary("init-import");
    project.write(".env", format!("A={value}\n"));

    let output = project.unspoken(["init", "--import", ".env"]).run().ok().is_silent_on_values();

    let output = output.says("line 1: A added").says("named in `visible`");
    assert!(output.stdout.is_empty());
    assert!(!project.root().join(".env").exists());
    project.has("development", "A", &value);
}

#[test]
fn a_wrong_import_leaves_no_half_project() {
    let project = Project::empty();
    project.write(".env", format!("A={}\n1B=x\n", canary("init-import")));
    let before = project.snapshot();

    for file in [".env", "absent.env"] {
        project.unspoken(["init", "--import", file]).run().fails_with(1).is_silent_on_values();
        project.is_as(&before);
    }
}

#[test]
fn a_plaintext_file_is_pointed_out_where_nobody_can_be_asked() {
    let project = Project::empty();
    project.write(".env", format!("A={}\n", canary("offer")));

    project.unspoken(["init"]).run().ok().is_silent_on_values().says("`unspoken import .env`");

    assert!(project.root().join(".env").exists());
}

#[test]
fn bad_names_are_usage_errors_and_nothing_is_made() {
    let project = Project::empty();
    let before = project.snapshot();
    for arguments in [["-e", "../etc"], ["-e", "Production"], ["-e", ""], ["--project", "a/b"]] {
        project.unspoken(["init"].iter().chain(&arguments)).run().fails_with(2);
    }
    project.is_as(&before);
}

#[test]
fn a_link_where_a_file_of_ours_belongs_is_not_followed() {
    for name in ["unspoken.toml", ".gitignore", ".gitattributes"] {
        let project = Project::empty();
        let elsewhere = project.folder().join("elsewhere");
        fs::write(&elsewhere, "").unwrap();
        symlink(&elsewhere, project.root().join(name)).unwrap();

        let output = project.unspoken(["init"]).run();

        let untouched = fs::read(&elsewhere).unwrap().is_empty();
        assert!(output.code != 0 && untouched, "{name}: {output:?}");
    }
}
