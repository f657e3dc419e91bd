//! Tako's published example, with its key and with its passphrase.

use super::*;

/// Tako's example: the key of passphrase `tako-example`, and a value under it.
const TAKO_ID: &str = "b451c0de00000001";
const TAKO_KEY: &str = "s/KWTyNdLaaZ5gbtGfVtv8CwwyGUVMAcdr9tqoXdPpM=";
const TAKO_BLOB: &str = "B4R5kiKJ/KbtGpzPP/5iwvjvN0e+OtpeCO8VVvjGoLtGfddP1Xda3AMvHALMpNZf";
const TAKO_VALUE: &str = "sk-example-key-12345";

fn file(project: &Project) -> String {
    let text = json!({
        "production": {
            "key_id": TAKO_ID,
            "app": {
                "API_KEY": TAKO_BLOB,
                "DATED": { "value": TAKO_BLOB, "expires_on": "2031-01-31" },
            },
        },
    });
    fs::create_dir(project.root().join(".tako")).unwrap();
    project.write(".tako/secrets.json", text.to_string());
    ".tako/secrets.json".to_owned()
}

fn with_key(project: &Project) -> Invocation {
    write_private(&project.home().join("tako/keys").join(TAKO_ID), TAKO_KEY);
    let call = project.unspoken(["import", ".tako/secrets.json", "-e", "production"]);
    call.env("TAKO_HOME", project.home().join("tako"))
}

fn is_taken_over(project: &Project, environment: &str) {
    project.has(environment, "API_KEY", TAKO_VALUE);
    let listed = project.unspoken(["list", "-e", environment, "--json"]).run().ok();
    assert!(listed.text().contains("2031-01-31"), "{}", listed.text());
}

#[test]
fn its_example_is_taken_over_with_the_key_of_its_home() {
    let project = project();
    let file = file(&project);
    let output = with_key(&project).run().ok();
    output.clone().says("API_KEY added\n").says("DATED added, until 2031-01-31");
    output.says("production: 2 added").says("still there, encrypted");
    is_taken_over(&project, "production");
    assert!(project.root().join(&file).exists());
    assert!(!project.read(".gitignore").contains("tako"));

    // In its default place it is found too, and the file goes where that is asked for.
    let home = project.home();
    write_private(&home.join(".local/share/tako/keys").join(TAKO_ID), TAKO_KEY);
    let arguments = [&file, "-e", "development", "--from-env", "production", "--remove"];
    import(&project, &arguments).ok().says("removed .tako/secrets.json");
    is_taken_over(&project, "development");
    assert!(!project.root().join(&file).exists());
}

#[test]
fn a_passphrase_comes_from_a_file_or_a_pipe() {
    for text in ["tako-example\n", "tako-example"] {
        let project = project();
        let file = file(&project);
        let passphrase = project.home().join("passphrase");
        fs::write(&passphrase, text).unwrap();
        let passphrase = passphrase.to_str().unwrap();
        import(&project, &[&file, "-e", "production", "--passphrase-file", passphrase]).ok();
        is_taken_over(&project, "production");
    }
    let project = project();
    let file = file(&project);
    let arguments = ["import", &file, "-e", "production", "--passphrase-file", "/dev/fd/0"];
    project.unspoken(arguments).stdin("tako-example\n").run().ok();
    is_taken_over(&project, "production");
}

#[test]
fn a_key_that_is_wrong_loose_or_missing_changes_nothing() {
    let project = project();
    let file = file(&project);
    let call = |project: &Project| project.unspoken(["import", &file, "-e", "production"]);
    refused(&project, call(&project), 4).says("not on this machine").says("--passphrase-file");
    let call = |project: &Project| call(project).env("TAKO_HOME", project.home().join("tako"));
    let key = project.home().join("tako/keys").join(TAKO_ID);
    write_private(&key, TAKO_KEY.replace("s/KW", "s/KX"));
    refused(&project, call(&project), 5).says("`API_KEY` does not open").says("`DATED`");
    write_private(&key, TAKO_KEY.replace("PpM=", ""));
    refused(&project, call(&project), 4).says("holds no key of Tako's");
    write_private(&key, TAKO_KEY);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    refused(&project, call(&project), 4).says("chmod 600");
    let empty = project.home().join("empty");
    fs::write(&empty, "\n").unwrap();
    for (path, code) in
        [(&empty, 10), (&project.home().join("absent"), 1), (&Path::new(&file).to_owned(), 5)]
    {
        let call = call(&project);
        let mut command = call.command();
        command.arg("--passphrase-file").arg(path);
        assert_eq!(command.output().unwrap().status.code(), Some(code), "{path:?}");
    }
}

#[test]
fn a_changed_byte_an_unknown_environment_and_a_wrong_name_change_nothing() {
    let project = project();
    let file = file(&project);
    let whole = project.read(&file);
    project.write(&file, whole.replacen("B4R5", "B4R6", 1));
    let output = refused(&project, with_key(&project), 5);
    assert!(output.stderr.contains("`API_KEY` does not open"), "{output:?}");
    assert!(!output.stderr.contains("DATED"), "{output:?}");
    project.write(&file, whole.replacen("API_KEY", "api_key", 1));
    refused(&project, with_key(&project), 1).says("`api_key`").says("--rename OLD=NEW");
    project.write(&file, whole.replacen("2031-01-31", "2031-02-31", 1));
    refused(&project, with_key(&project), 1).says("`DATED`: that day");
    project.write(&file, &whole);
    let call = project.unspoken(["import", &file, "-e", "development"]);
    refused(&project, call, 3).says("no environment `development`").says("`production`");
    let call = project.unspoken(["import", &file, "--from-env", "production"]);
    refused(&project, call, 2);
}

#[test]
fn what_else_is_in_the_file_keeps_it() {
    let project = project();
    let file = file(&project);
    let more = project.read(&file).replacen(
        "\"key_id\"",
        "\"storages\":{\"uploads\":{\"access_key_id\":\"x\"}},\"key_id\"",
        1,
    );
    project.write(&file, more);
    write_private(&project.home().join(".local/share/tako/keys").join(TAKO_ID), TAKO_KEY);
    let output = import(&project, &[&file, "-e", "production", "--remove"]).ok();
    output.says("`storages` is left out").says("is kept");
    assert!(project.root().join(&file).exists());
}
