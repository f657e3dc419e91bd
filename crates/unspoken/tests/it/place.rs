//! Where a document belongs: not to another environment, project or key.

use std::fs;

use unspoken_testkit::{Project, canary, peers};

#[test]
fn the_document_of_another_environment_is_refused_by_its_name() {
    let project = Project::with_environments(&["staging", "production"]);
    for environment in ["staging", "production"] {
        project.set(environment, "A", canary(environment));
    }
    fs::copy(project.document("staging"), project.document("production")).unwrap();

    for command in [
        &["run", "-e", "production", "--", "touch", "started"][..],
        &["get", "A", "-e", "production"],
        &["export", "-e", "production"],
        &["list"],
        &["rm", "A", "-e", "production", "--yes"],
    ] {
        let output = project.unspoken(command).run().fails_with(5).is_silent_on_values();
        assert!(output.stderr.contains("staging"), "{command:?}: {output:?}");
    }
    assert!(!project.root().join("started").exists());
    project.has("staging", "A", canary("staging"));
    let doctor = project.unspoken(["doctor"]).run().fails_with(1);
    assert!(doctor.text().contains("staging"));
}

#[test]
fn the_document_of_another_project_is_refused() {
    let (ours, theirs) = (Project::empty(), Project::empty());
    for (project, name) in [(&ours, "ours"), (&theirs, "theirs")] {
        project.unspoken(["init", "--project", name]).run().ok();
        project.set("development", "A", canary(name));
    }
    fs::copy(theirs.document("development"), ours.document("development")).unwrap();
    let output = ours.get("development", "A").fails_with(5).is_silent_on_values();
    output.says("theirs");
}

#[test]
fn a_document_that_an_attacker_made_for_us_is_refused() {
    // All public facts fit: the names of project and environment, and our key as recipient.
    let (ours, theirs) =
        (Project::with_environments(&["production"]), Project::with_environments(&["production"]));
    ours.set("production", "A", canary("ours"));
    theirs.set("production", "A", "attack");
    fs::copy(theirs.document("production"), ours.document("production")).unwrap();
    for (_, key) in keys(&theirs) {
        let name = key.file_name().unwrap().to_owned();
        fs::copy(&key, ours.unspoken_home().join("keys").join(name)).unwrap();
    }
    let output = ours.unspoken(["run", "--", "touch", "started"]).run().fails_with(5);
    output.says("seal");
    assert!(!ours.root().join("started").exists());
}

fn keys(project: &Project) -> Vec<(String, std::path::PathBuf)> {
    let folder = project.unspoken_home().join("keys");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (fs::read_to_string(&path).unwrap(), path)).collect()
}

#[test]
fn an_older_document_is_still_ours_and_a_newer_one_comes_after_it() {
    // A roll back is what `git checkout` does; nothing on this machine could tell.
    let project = Project::with_environments(&["development"]);
    project.set("development", "A", canary("old"));
    let old = project.read(project.document("development"));
    project.set("development", "A", canary("new"));
    project.write("secrets/development.json", old);
    project.has("development", "A", canary("old"));
}

#[test]
fn an_edit_by_sops_is_refused_until_it_is_accepted() {
    let project = Project::with_environments(&["development"]);
    project.set("development", "A", canary("ours"));
    let (_, key) = keys(&project).remove(0);
    let value = format!("\"{}\"", canary("sops"));
    let edit = project
        .program(peers().sops(), ["set", "--value-stdin", "secrets/development.json", "[\"A\"]"]);
    edit.env("SOPS_AGE_KEY_FILE", &key).stdin(value).run().ok();

    for command in [&["get", "A"][..], &["run", "--", "touch", "started"], &["list"]] {
        let output = project.unspoken(command).run().fails_with(5).is_silent_on_values();
        output.says("no seal").says("unspoken accept -e development");
    }
    assert!(!project.root().join("started").exists());
    let before = project.snapshot();
    project.unspoken(["accept"]).run().fails_with(10).is_silent_on_values();
    project.is_as(&before);

    let output = project.unspoken(["accept", "--yes"]).run().ok().is_silent_on_values();

    output.says("sealed");
    project.has("development", "A", canary("sops"));
    let before = project.snapshot();
    project.unspoken(["accept", "--yes"]).run().ok().says("nothing was changed");
    project.is_as(&before);
}

#[test]
fn accept_needs_a_key_that_opens_the_document_whole() {
    let project = Project::with_environments(&["staging", "production"]);
    for environment in ["staging", "production"] {
        project.set(environment, "A", canary(environment));
    }
    let whole = project.read(project.document("production"));
    let accept = || project.unspoken(["accept", "-e", "production", "--yes"]).run();
    for (what, changed) in [
        ("a byte", whole.replacen("data:", "data:AAAA", 1)),
        ("half of it", whole.get(..whole.len() / 2).unwrap().to_owned()),
        ("another environment", project.read(project.document("staging"))),
    ] {
        project.write("secrets/production.json", changed);
        let before = project.snapshot();
        let output = accept().is_silent_on_values();
        assert!(output.code == 5, "{what}: {output:?}");
        project.is_as(&before);
    }
    let unsealed = whole.replacen("\"revision\": 2", "\"revision\": 3", 1);
    project.write("secrets/production.json", unsealed);
    std::fs::remove_dir_all(project.unspoken_home()).unwrap();
    accept().fails_with(4);
}

#[test]
fn what_we_write_is_read_by_sops() {
    let project = Project::with_environments(&["development"]);
    let file = "secrets/dotenv.env.enc";
    project.unspoken(["env", "add", "dotenv", "--file", file]).run().ok();
    for environment in ["development", "dotenv"] {
        for (name, value) in
            [("A", canary("sops")), ("B", format!("{}\nü\"", canary("b"))), ("C", String::new())]
        {
            project.set(environment, name, value);
        }
    }
    for (file, form) in [("secrets/development.json", "json"), (file, "dotenv")] {
        let keys: String = keys(&project).into_iter().map(|(text, _)| text).collect();
        let keys: Vec<&str> = keys.lines().filter(|line| line.starts_with("AGE-SECRET")).collect();
        let flags = ["decrypt", "--input-type", form, "--output-type", "json", file];
        let call = project.program(peers().sops(), flags).env("SOPS_AGE_KEY", keys.join("\n"));
        let found = call.run().ok().json();
        assert!(found["A"] == canary("sops").as_str(), "{form}");
        assert!(found["B"] == format!("{}\nü\"", canary("b")).as_str(), "{form}");
        assert!(found["C"] == "", "{form}");
    }
}
