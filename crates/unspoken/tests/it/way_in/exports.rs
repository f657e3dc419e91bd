//! Exports in plaintext, and what holds for every kind of file.

use super::*;

#[test]
fn doppler_and_infisical_are_plaintext_and_are_removed() {
    let project = project();
    let c = canary("export");
    let names = ["DOPPLER_PROJECT", "DOPPLER_ENVIRONMENT", "DOPPLER_CONFIG"];
    let mut flat = json!({ "A": c, "B": format!("{c}\n") });
    let mut full = json!({ "A": { "computed": c, "raw": "${B}" } });
    for name in names {
        flat[name] = json!("x");
        full[name] = json!({ "computed": "x" });
    }
    let list = json!([{ "key": "A", "value": c, "type": "shared", "workspace": "w" }]);
    for (file, text, left_out) in [
        ("flat.json", flat.to_string(), true),
        ("full.json", full.to_string(), true),
        ("list.json", list.to_string(), false),
    ] {
        project.write(file, text);
        let output = import(&project, &[file]).ok();
        assert!(output.stderr.contains("`DOPPLER_CONFIG` is left out") == left_out, "{file}");
        project.has("development", "A", &c);
        assert!(!project.root().join(file).exists(), "{file} is still there");
    }
    project.get("development", "DOPPLER_PROJECT").fails_with(3);
    let call = project.unspoken(["import", "-", "--format", "infisical"]).stdin("{}");
    refused(&project, call, 1).says("`key` and a `value`");
}

#[test]
fn flags_without_a_meaning_and_names_that_meet_are_refused() {
    let project = project();
    let c = canary("flags");
    project.write(".env", format!("a-b={c}\nA_B={c}\n"));
    for flags in [
        &["-e", "production", "--from-env", "x"][..],
        &["--passphrase-file", "x"],
        &["--keys-file", "x"],
        &["--keep", "--remove"],
        &["--format", "envless"],
    ] {
        let call = project.unspoken([&["import", ".env"], flags].concat());
        let before = project.snapshot();
        assert!(call.run().is_silent_on_values().code != 0, "{flags:?}");
        project.is_as(&before);
    }
    let call = project.unspoken(["import", ".env", "--uppercase"]);
    refused(&project, call, 1).says("line 2: `A_B`: the name is that of another value");
    import(&project, &[".env", "--rename", "a-b=OTHER"]).ok().says("line 1: OTHER added");
    project.has("development", "OTHER", &c);
}

#[test]
fn init_does_not_take_an_encrypted_file_for_a_plaintext_one() {
    let project = Project::empty();
    project.write(".env", "A=encrypted:BCYRhyqp\n");
    let call = project.unspoken(["init", "--project", "acme", "--import", ".env"]);
    refused(&project, call, 2).says("is encrypted");
}
