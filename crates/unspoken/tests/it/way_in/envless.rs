//! Repositories as envless leaves them.

use super::*;

/// A repository as `envless init` and `envless set` leave it.
fn repository(project: &Project, environments: &[&str]) -> String {
    let key = project.root().join(".envless/identity.key");
    fs::create_dir(project.root().join(".envless")).unwrap();
    project.program(peers().age_keygen(), ["-o", key.to_str().unwrap()]).run().ok();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let text = fs::read_to_string(&key).unwrap();
    let recipient = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    project.write(".envless/recipients", format!("{recipient}\n"));
    for environment in environments {
        let flags = ["encrypt", "--age", recipient, "--input-type", "dotenv"];
        let flags = [&flags[..], &["--output-type", "dotenv", "/dev/stdin"]].concat();
        let plain = format!("A={}\nONLY=in {environment}\n", canary(environment));
        let sealed = project.program(peers().sops(), flags).stdin(plain).run().ok();
        project.write(format!("secrets/{environment}.env.enc"), sealed.stdout);
    }
    recipient.to_owned()
}

#[test]
fn all_its_environments_are_taken_over() {
    let project = Project::with_environments(&["dev", "prod"]);
    repository(&project, &["dev", "prod"]);
    let output = import(&project, &["."]).ok();
    output.says("dev: 2 added").says("prod: 2 added").says("still there, encrypted");
    for environment in ["dev", "prod"] {
        project.has(environment, "A", canary(environment));
        project.has(environment, "ONLY", format!("in {environment}"));
    }
    let output = import(&project, &[".", "--json", "--remove"]).ok();
    let said = output.json();
    assert_eq!(said["environments"][1]["environment"], "prod");
    assert_eq!(said["environments"][1]["removed"], true);
    assert!(!project.root().join("secrets/dev.env.enc").exists());
    assert!(project.root().join(".envless/identity.key").exists());
}

#[test]
fn one_environment_goes_where_it_is_sent() {
    let project = project();
    repository(&project, &["dev", "prod"]);
    let call = project.unspoken(["import", "."]);
    refused(&project, call, 3).says("no environment `dev`").says("unspoken env add dev");
    let call = project.unspoken(["import", ".", "-e", "production"]);
    refused(&project, call, 3).says("no environment `production`").says("`dev`, `prod`");
    import(&project, &[".", "-e", "production", "--from-env", "prod"]).ok();
    project.has("production", "A", canary("prod"));
    import(&project, &["secrets/dev.env.enc", "-e", "development"]).ok();
    project.has("development", "A", canary("dev"));
}

#[test]
fn a_conflict_or_a_fault_in_one_leaves_all_as_they_were() {
    let project = Project::with_environments(&["dev", "prod"]);
    repository(&project, &["dev", "prod"]);
    project.set("prod", "ONLY", canary("other"));
    let call = project.unspoken(["import", "."]);
    refused(&project, call, 10).says("in `prod`: ONLY");
    let file = "secrets/prod.env.enc";
    let whole = project.read(file);
    project.write(file, whole.replacen("data:", "data:AAAA", 1));
    let call = project.unspoken(["import", ".", "--on-conflict", "overwrite"]);
    refused(&project, call, 5);
    project.write(file, whole);
    let key = project.root().join(".envless/identity.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    refused(&project, project.unspoken(["import", "."]), 4).says("chmod 600");
    fs::remove_file(&key).unwrap();
    refused(&project, project.unspoken(["import", "."]), 4).says("it is for: age1");
}

#[test]
fn a_document_that_the_project_itself_uses_is_not_removed() {
    let project = project();
    repository(&project, &["dev"]);
    let toml = project.read("unspoken.toml");
    let entry = "\n[environments.dev]\nfile = \"secrets/dev.env.enc\"\n";
    project.write("unspoken.toml", format!("{toml}{entry}"));
    for file in [".", "secrets/dev.env.enc", "./secrets/../secrets/dev.env.enc"] {
        let call = project.unspoken(["import", file, "--remove"]);
        refused(&project, call, 10).says("the document of `dev`").says("unspoken accept");
    }
}

#[test]
fn a_folder_without_one_is_told_of() {
    let project = project();
    refused(&project, project.unspoken(["import", "."]), 2).says("is a folder");
    let call = project.unspoken(["import", ".", "--format", "envless"]);
    refused(&project, call, 3).says("secrets/*.env.enc");
}
