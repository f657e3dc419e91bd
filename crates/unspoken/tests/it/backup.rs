//! `backup` and `restore`: what is lost comes back, byte for byte.

use std::fs;
use std::path::{Path, PathBuf};

use unspoken_testkit::{Output, Project, canary, canary_marker, peers};

use crate::terminal::at_a_terminal;

fn project() -> Project {
    let project = Project::with_environments(&["development", "production"]);
    project.set("development", "A", canary("a"));
    project.set("production", "B", canary("b"));
    let bob = project.member("bob");
    bob.git(["config", "user.email", "bob@example.invalid"]).ok();
    let left = bob.unspoken(["set", "C", "--json"]).stdin(canary("c")).run().ok().json();
    let file = left["file"].as_str().unwrap();
    fs::create_dir_all(project.root().join(file).parent().unwrap()).unwrap();
    project.write(file, bob.read(file));
    fs::remove_dir_all(project.folder().join("bob")).unwrap();
    project
}

/// Backs up into a file outside of the project.
#[track_caller]
fn backup(project: &Project, arguments: &[&str]) -> PathBuf {
    let file = project.folder().join("acme.tar");
    let call = ["backup", "--output", file.to_str().unwrap()];
    project.unspoken(call.iter().chain(arguments)).run().ok().is_silent_on_values();
    file
}

/// Restores in an empty folder, with a home of its own.
#[track_caller]
fn restore(project: &Project, file: &Path, arguments: &[&str]) -> Output {
    let call = ["restore", file.to_str().unwrap()];
    let call = project.unspoken(call.iter().chain(arguments));
    call.current_dir(empty(project)).env("UNSPOKEN_HOME", home(project)).run()
}

fn empty(project: &Project) -> PathBuf {
    let folder = project.folder().join("anew");
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn home(project: &Project) -> PathBuf {
    project.folder().join("new-home")
}

fn passphrase(project: &Project, text: &str) -> String {
    let path = project.folder().join("passphrase");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The files of a project that a backup is to hold.
fn sealed_files(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for folder in ["", "secrets", "secrets/development.inbox"] {
        let entries = fs::read_dir(root.join(folder)).unwrap();
        for path in entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if !name.split('/').any(|part| part.starts_with('.')) {
                files.push((name, fs::read(path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn what_was_lost_comes_back_byte_for_byte() {
    let project = project();
    let file = backup(&project, &[]);
    let files = sealed_files(&project.root());
    assert_eq!(files.len(), 4);

    let output = restore(&project, &file, &["--json"]).ok().is_silent_on_values();
    assert_eq!(output.json()["new"].as_array().unwrap().len(), 4);
    assert!(sealed_files(&empty(&project)) == files);
    assert!(!home(&project).exists(), "no key was asked for");
    let ignored = fs::read_to_string(empty(&project).join(".gitignore")).unwrap();
    assert!(ignored.contains(".env"));
    // With the old keys all opens, what waits included.
    let get = |name| project.unspoken(["get", name]).current_dir(empty(&project)).run().ok();
    assert!(get("A").stdout == canary("a").as_bytes());
    assert!(get("C").stdout == canary("c").as_bytes());
    let again = restore(&project, &file, &["--json"]);
    assert_eq!(again.fails_with(10).json_error()["code"], 10);
}

#[test]
fn a_plain_tar_reads_it_and_sha256sum_agrees() {
    let project = project();
    let file = backup(&project, &[]);
    let arguments = ["-xpf", file.to_str().unwrap(), "-C"];
    let target = empty(&project);
    project.program("tar", arguments.iter().chain(&[target.to_str().unwrap()])).run().ok();
    let listed = project.program("tar", ["-tf", file.to_str().unwrap()]).run().ok();
    assert!(listed.text().starts_with("manifest.json\nsecrets/development.inbox/C."));

    let text = fs::read_to_string(target.join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&manifest["version"], &manifest["project"]), (&1.into(), &"acme-web".into()));
    let entries = manifest["files"].as_array().unwrap();
    let lines: Vec<String> = entries
        .iter()
        .map(|entry| {
            let path = entry["path"].as_str().unwrap();
            let size = fs::metadata(target.join(path)).unwrap().len();
            assert_eq!(entry["size"], size);
            format!("{}  {path}\n", entry["sha256"].as_str().unwrap())
        })
        .collect();
    assert_eq!(lines.len(), 4);
    let check = project.program("sha256sum", ["--strict", "-c"]).current_dir(&target);
    check.stdin(lines.concat()).run().ok();
    // The manifest's own: over itself, with an empty one.
    let own = manifest["sha256"].as_str().unwrap();
    let sum = project.program("sha256sum", ["-"]).stdin(text.replace(own, "")).run().ok();
    assert_eq!(sum.text(), format!("{own}  -\n"));
}

#[test]
fn a_backup_has_no_key_and_no_value_in_it() {
    let project = project();
    project.unspoken(["identity"]).run().ok();
    let plain = fs::read(backup(&project, &[])).unwrap();
    fs::remove_file(project.folder().join("acme.tar")).unwrap();
    let secret = passphrase(&project, "correct horse\n");
    let with =
        fs::read(backup(&project, &["--include-keys", "--passphrase-file", &secret])).unwrap();
    for (bytes, has_keys) in [(plain, false), (with, true)] {
        let holds = |text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
        assert!(!holds("AGE-SECRET-KEY"));
        assert!(!holds(&canary_marker()));
        assert_eq!(holds("keys.age"), has_keys);
        assert!(!holds(".gitattributes"));
    }
}

#[test]
fn keys_come_back_with_the_passphrase_alone() {
    let project = project();
    project.unspoken(["identity"]).run().ok();
    let secret = passphrase(&project, "correct horse\n");
    let file = backup(&project, &["--include-keys", "--passphrase-file", &secret]);
    let before = project.snapshot();

    let wrong = project.folder().join("acme.wrong");
    fs::write(&wrong, "wrong horse\n").unwrap();
    let flags = ["--include-keys", "--passphrase-file", wrong.to_str().unwrap()];
    restore(&project, &file, &flags).fails_with(1).says("the passphrase does not fit");
    restore(&project, &file, &["--include-keys"]).fails_with(10).says("--passphrase-file");
    fs::remove_file(&wrong).unwrap();
    fs::remove_dir(empty(&project)).unwrap();
    project.is_as(&before);

    let flags = ["--include-keys", "--passphrase-file", &secret, "--json"];
    let output = restore(&project, &file, &flags).ok().is_silent_on_values();
    assert_eq!(output.json()["keys"].as_array().unwrap().len(), 2);
    let kept = |home: &Path| {
        let mut files: Vec<_> = fs::read_dir(home.join("keys"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .chain([home.join("identity")])
            .map(|path| (path.file_name().unwrap().to_owned(), fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    };
    assert!(kept(&home(&project)) == kept(&project.unspoken_home()));
    let call = project.unspoken(["get", "B", "-e", "production"]).current_dir(empty(&project));
    let found = call.env("UNSPOKEN_HOME", home(&project)).run().ok();
    assert!(found.stdout == canary("b").as_bytes());

    // The real age opens them, too: nobody depends on this program.
    let age = project.program("tar", ["-xOf", file.to_str().unwrap(), "keys.age"]).run().ok();
    assert!(age.text().starts_with("-----BEGIN AGE ENCRYPTED FILE-----"));
    let keys = project.folder().join("keys.age");
    fs::write(&keys, &age.stdout).unwrap();
    let command = format!("{} -d {}", peers().age().display(), keys.display());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/terminal.py");
    let steps = serde_json::json!({
        "command": ["sh", "-c", command],
        "steps": [{ "expect": "passphrase" }, { "send": "correct horse\r" }],
        "stdout": "pipe",
    });
    let answer = project.program(peers().python(), ["-B", script]).env("TERM", "xterm");
    let answer = answer.stdin(steps.to_string()).run().ok().json();
    let text = answer["stdout"].as_str().unwrap();
    assert!(text.starts_with("unspoken-keys-1\nkey ") && text.contains("\nidentity "));
}

#[test]
fn a_key_is_never_written_over_another() {
    let project = project();
    let secret = passphrase(&project, "p\n");
    let file = backup(&project, &["--include-keys", "--passphrase-file", &secret]);
    let flags = ["--include-keys", "--passphrase-file", &secret];
    restore(&project, &file, &flags).ok();
    let key = fs::read_dir(home(&project).join("keys")).unwrap().next().unwrap().unwrap().path();
    fs::write(&key, "AGE-SECRET-KEY-OTHER\n").unwrap();
    fs::remove_dir_all(empty(&project)).unwrap();
    let output = restore(&project, &file, &flags).fails_with(10).says("holds another key");
    output.says("mv ");
    assert_eq!(fs::read(&key).unwrap(), b"AGE-SECRET-KEY-OTHER\n");
    assert_eq!(fs::read_dir(empty(&project)).unwrap().count(), 0, "nothing else was written");

    let plain = project.folder().join("plain.tar");
    project.unspoken(["backup", "--output", plain.to_str().unwrap()]).run().ok();
    restore(&project, &plain, &["--include-keys"]).fails_with(3).says("no private keys");
}

#[test]
fn what_differs_is_shown_and_asked_about() {
    let project = project();
    let file = backup(&project, &[]);
    project.set("production", "B", canary("newer"));
    let before = project.snapshot();
    let arguments = ["restore", file.to_str().unwrap()];
    let refused = project.unspoken(arguments).run().fails_with(10).says("--yes");
    refused.says("replaced  secrets/production.json");
    project.is_as(&before);
    let session = at_a_terminal(&project, &arguments).expect("replaced  secrets/production.json");
    session.expect("replace 1 file").expect("[y/N]").send("n\r").end().exits_with(10);
    project.is_as(&before);
    let arguments = ["restore", file.to_str().unwrap(), "--yes"];
    project.unspoken(arguments).run().ok().says("wrote 1 file");
    project.has("production", "B", canary("b"));
}

#[test]
fn another_seal_key_than_the_pinned_one_is_told() {
    let project = project();
    let file = backup(&project, &[]);
    let arguments = ["restore", file.to_str().unwrap(), "--yes"];
    let output = project.unspoken(arguments).run().ok();
    assert!(!output.stderr.contains("seal key"), "{output:?}");
    let text = project.read("unspoken.toml");
    let pin = text.lines().find(|line| line.starts_with("seal_key")).unwrap();
    let other = format!("seal_key = \"{}=\"", "A".repeat(43));
    project.write("unspoken.toml", text.replacen(pin, &other, 1));
    let output = project.unspoken(arguments).run().ok();
    output.says("the seal key of `development` in the backup is not the one that is pinned here");
}

#[test]
fn a_damaged_archive_changes_nothing() {
    let project = project();
    let bytes = fs::read(backup(&project, &[])).unwrap();
    let file = project.folder().join("damaged.tar");
    let before = project.snapshot();
    for at in (0..bytes.len()).step_by(bytes.len() / 12) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x20;
        fs::write(&file, &changed).unwrap();
        restore(&project, &file, &["--yes"]).fails_with(5);
        fs::write(&file, &bytes[..at]).unwrap();
        restore(&project, &file, &["--yes"]).fails_with(5);
        assert_eq!(fs::read_dir(empty(&project)).unwrap().count(), 0);
    }
    fs::remove_file(&file).unwrap();
    fs::remove_dir(empty(&project)).unwrap();
    project.is_as(&before);
    restore(&project, &file, &[]).fails_with(1).says("does not exist");
}

#[test]
fn a_backup_of_a_broken_project_is_not_made() {
    let project = project();
    let document = fs::read_to_string(project.document("development")).unwrap();
    project.write("secrets/development.json", document.replace("\"A\"", "\"Z\""));
    let file = project.folder().join("acme.tar");
    let call = project.unspoken(["backup", "--output", file.to_str().unwrap()]);
    call.run().fails_with(5).says("seal");
    assert!(!file.exists());
}

#[test]
fn an_existing_file_and_a_terminal_get_no_archive() {
    use std::os::unix::fs::PermissionsExt as _;

    let project = project();
    let file = backup(&project, &[]);
    let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let old = fs::read(&file).unwrap();
    let arguments = ["backup", "--output", file.to_str().unwrap()];
    project.unspoken(arguments).run().fails_with(10).says("is there already");
    assert!(fs::read(&file).unwrap() == old);
    at_a_terminal(&project, &["backup", "-o", "-"]).end().exits_with(10).says("is a terminal");
    project.unspoken(["backup", "-o", "-", "--json"]).run().fails_with(2);

    let piped = project.unspoken(["backup", "-o", "-"]).run().ok().says("to standard output");
    let target = empty(&project);
    let call = project.unspoken(["restore", "-"]).current_dir(&target).stdin(piped.stdout);
    call.run().ok();
    assert!(sealed_files(&target) == sealed_files(&project.root()));

    let report = project.unspoken(["backup", "--json"]).run().ok().json();
    let name = report["file"].as_str().unwrap();
    assert!(name.starts_with("acme-web-backup-2") && name.ends_with("Z.tar"), "{name}");
    let sum = project.program("sha256sum", [name]).run().ok();
    assert!(sum.text().starts_with(report["sha256"].as_str().unwrap()));
}

#[test]
fn another_projects_folder_is_left_alone() {
    let project = project();
    let file = backup(&project, &[]);
    let other = Project::empty();
    other.unspoken(["init", "--project", "other"]).run().ok();
    let before = other.snapshot();
    let call = other.unspoken(["restore", file.to_str().unwrap(), "--yes"]);
    call.run().fails_with(10).says("the backup is of `acme-web`");
    other.is_as(&before);

    // A project file that does not read is what one restores.
    project.write("unspoken.toml", "garbage");
    let arguments = ["restore", file.to_str().unwrap(), "--yes"];
    project.unspoken(arguments).run().ok().says("replaced  unspoken.toml");
    project.has("development", "A", canary("a"));
}

#[test]
fn a_passphrase_is_asked_for_twice_and_never_shown() {
    let project = project();
    let file = project.folder().join("acme.tar");
    let arguments = ["backup", "--include-keys", "--output", file.to_str().unwrap()];
    let typed = canary("passphrase");
    let session = at_a_terminal(&project, &arguments).expect("Passphrase (not shown)");
    let session = session.send(&format!("{typed}\r")).expect("Again").send("other\r");
    session.end().exits_with(10).shows_no_value().says("differ");
    assert!(!file.exists());
    let session = at_a_terminal(&project, &arguments).expect("Passphrase (not shown)");
    let session = session.send(&format!("{typed}\r")).expect("Again").send(&format!("{typed}\r"));
    session.end().exits_with(0).shows_no_value();
    assert!(file.exists());
}
