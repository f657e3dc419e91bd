//! Files that the real dotenvx has encrypted.

use super::*;

fn plain() -> String {
    let c = canary("dotenvx");
    format!(
        "# a comment\nA={c}\nLITERAL='{c} ${{A}} \\$'\nLINES=\"{c}\n{c}\"\nEMPTY=\n\
         DOLLAR={c}\\$A\nINSERTS=\"{c} ${{A}}\"\n"
    )
}

/// A file that the real dotenvx has encrypted.
fn encrypted(project: &Project, file: &str, plain: &str) {
    let root = project.root();
    fs::write(root.join(file), plain).unwrap();
    let call = project.program(peers().dotenvx(), ["encrypt", "-f", file]);
    call.env("DOTENVX_NO_ARMOR", "true").run().ok();
    let text = project.read(file);
    assert!(text.contains("encrypted:") && !text.contains(&canary("dotenvx")));
}

/// What the real dotenvx reads there.
fn read(project: &Project, file: &str) -> serde_json::Value {
    let call = project.program(peers().dotenvx(), ["get", "-f", file]);
    call.env("DOTENVX_NO_ARMOR", "true").run().ok().json()
}

#[test]
fn what_it_encrypted_is_what_arrives() {
    let project = project();
    encrypted(&project, ".env.production", &plain());
    encrypted(&project, ".env", &plain());
    let read = read(&project, ".env.production");
    let output = import(&project, &[".env.production", "-e", "production"]).ok();
    output
        .says("`DOTENV_PUBLIC_KEY_PRODUCTION` is left out")
        .says("`INSERTS`: `$` is kept")
        .says("production: 6 added")
        .says("still there, encrypted");
    for name in ["A", "LITERAL", "LINES", "EMPTY", "DOLLAR"] {
        let value = read[name].as_str().unwrap();
        // What dotenvx itself would have inserted is not in it.
        project.has("production", name, value);
    }
    project.has("production", "INSERTS", format!("{} ${{A}}", canary("dotenvx")));
    import(&project, &[".env", "--remove"]).ok().says("removed .env");
    project.has("development", "A", canary("dotenvx"));
    assert!(project.root().join(".env.keys").exists());
}

#[test]
fn the_keys_may_lie_elsewhere_and_older_ones_are_tried() {
    let project = project();
    encrypted(&project, ".env", &plain());
    let keys = project.read(".env.keys");
    fs::remove_file(project.root().join(".env.keys")).unwrap();
    let elsewhere = project.home().join("keys");
    let older = format!("DOTENV_PRIVATE_KEY={},", "07".repeat(32));
    write_private(&elsewhere, keys.replacen("DOTENV_PRIVATE_KEY=", &older, 1));
    let call = project.unspoken(["import", ".env"]);
    refused(&project, call, 4).says(".env.keys").says("--keys-file");
    import(&project, &[".env", "--keys-file", elsewhere.to_str().unwrap()]).ok();
    project.has("development", "LINES", format!("{0}\n{0}", canary("dotenvx")));
}

#[test]
fn another_key_a_changed_byte_and_no_key_change_nothing() {
    let project = project();
    encrypted(&project, ".env", &plain());
    let keys = project.read(".env.keys");
    for (text, code, said) in [
        (format!("DOTENV_PRIVATE_KEY={}\n", "07".repeat(32)), 5, "`LINES` does not open"),
        (format!("DOTENV_PRIVATE_KEY={}\n", "00".repeat(32)), 4, "line 1"),
        ("DOTENV_PRIVATE_KEY=x\n".to_owned(), 4, "64 hexadecimal"),
        ("# nothing\n".to_owned(), 4, "holds no `DOTENV_PRIVATE_KEY`"),
    ] {
        project.write(".env.keys", text);
        refused(&project, project.unspoken(["import", ".env"]), code).says(said);
    }
    project.write(".env.keys", keys);
    let whole = project.read(".env");
    let at = whole.find("A=encrypted:").unwrap() + 150;
    let other = if whole.as_bytes()[at] == b'A' { "B" } else { "A" };
    let mut flipped = whole.clone();
    flipped.replace_range(at..=at, other);
    project.write(".env", flipped);
    let output = refused(&project, project.unspoken(["import", ".env"]), 5);
    output.says("1 thing is wrong").says("`A` does not open");
    project.write(".env", whole.replacen("\nA=", "\nlower=", 1));
    refused(&project, project.unspoken(["import", ".env"]), 1).says("`lower`");
}
