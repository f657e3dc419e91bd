//! Backups, and what is made of them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use super::vault::{Kind, Vault, error, program, text};

const VALUE: &str = "plain-71be04-value";

fn back_up(vault: &Vault, file: &Path) -> Output {
    let mut command = program();
    command.arg("backup").args(vault.place()).arg("-o").arg(file);
    command.output().unwrap()
}

fn restore(file: &Path, folder: &Path, key: &Path) -> Output {
    let mut command = program();
    command.arg("restore").arg(file).arg("--data").arg(folder);
    command.arg("--master-key-file").arg(key).output().unwrap()
}

#[test]
fn a_backup_of_a_running_store_is_restored_whole_and_goes_on() {
    let mut vault = Vault::new(Kind::Sqlite);
    let (_, environment) = vault.project("acme");
    vault.put(&environment, "A", VALUE);
    let file = vault.path("backup");
    let said = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for number in 0..200 {
                vault.put(&environment, "B", &format!("{VALUE}-{number}"));
            }
        });
        let said = text(&back_up(&vault, &file));
        writer.join().unwrap();
        said
    });
    assert!(said.contains("Its master key is not"), "{said}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(vault.folder.path()).unwrap().count(), 3, "data, keys and the backup");
    let bytes = fs::read(&file).unwrap();
    let holds = |text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
    let key = fs::read_to_string(vault.key_file()).unwrap();
    assert!(!holds(VALUE.as_bytes()) && !holds(key.trim().as_bytes()));

    // The store is lost, and made again in its place.
    vault.kill();
    fs::remove_dir_all(vault.path("data")).unwrap();
    text(&restore(&file, &vault.path("data"), &vault.key_file()));
    vault.serve();
    let answer = vault.value(&environment, "A");
    assert!(answer.body["secrets"]["A"]["value"] == VALUE);
    vault.stop();
    // Its record goes on in another chain.
    assert!(text(&vault.command(&["check", "--all"])).lines().all(|line| line.starts_with("fine")));
    assert_eq!(vault.look("SELECT COUNT(DISTINCT node) FROM audit"), "2");
}

#[test]
fn nothing_is_written_over() {
    let vault = Vault::new(Kind::Sqlite);
    let file = vault.path("backup");
    text(&back_up(&vault, &file));
    let before = fs::read(&file).unwrap();
    assert!(error(&back_up(&vault, &file)).contains("already"));
    assert_eq!(fs::read(&file).unwrap(), before);
    let key = vault.key_file();
    assert!(error(&restore(&file, &vault.path("data"), &key)).contains("already"));
    // Nor is the log of another store read into a restored one.
    let folder = vault.path("other");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("vault.db-wal"), "left").unwrap();
    assert!(error(&restore(&file, &folder, &key)).contains("vault.db-wal"));
    assert!(!folder.join("vault.db").exists());
}

#[test]
fn a_backup_that_is_not_in_order_becomes_no_store() {
    let mut vault = Vault::new(Kind::Sqlite);
    vault.project("acme");
    vault.stop();
    let (file, key, folder) = (vault.path("backup"), vault.key_file(), vault.path("other"));
    text(&back_up(&vault, &file));
    let whole = fs::read(&file).unwrap();
    let refused = |key: &Path| {
        let said = error(&restore(&file, &folder, key));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "{said}");
        said
    };

    // Another master key.
    let other = Vault::new(Kind::Sqlite);
    assert!(refused(&other.key_file()).contains("master key does not open"));
    // No database at all, half of one, and one with a page that was spoilt.
    fs::write(&file, "nothing").unwrap();
    assert!(refused(&key).contains("is no backup"));
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    refused(&key);
    // A record that somebody changed, and a trigger that somebody left.
    let change = |statement: &str| {
        fs::write(&file, &whole).unwrap();
        rusqlite::Connection::open(&file).unwrap().execute_batch(statement).unwrap();
    };
    change("DELETE FROM audit WHERE action = 'project.make'");
    assert!(refused(&key).contains("record:"));
    change(
        "CREATE TRIGGER own AFTER INSERT ON audit BEGIN UPDATE membership SET role = 'owner'; END",
    );
    assert!(refused(&key).contains("schema: somebody has changed it"));
    change("UPDATE schema_version SET version = 99");
    refused(&key);
    change("");
    text(&restore(&file, &folder, &key));
}

#[test]
fn a_check_says_what_is_wrong() {
    let mut vault = Vault::new(Kind::Sqlite);
    let (project, environment) = vault.project("acme");
    vault.put(&environment, "A", VALUE);
    vault.put(&environment, "B", VALUE);
    let check = |words: &[&str]| {
        let output = vault.command(&[&["check", "--json"], words].concat());
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.success(), said["fine"].as_bool().unwrap());
        let wrong = said["findings"].as_array().unwrap().iter().filter(|one| one["fine"] == false);
        wrong.map(|one| format!("{}: {}", one["what"], one["said"])).collect::<Vec<_>>().join("\n")
    };
    // While it is served.
    assert_eq!(check(&[]), "");
    assert_eq!(check(&["--all"]), "");
    // A value at another name, which the database's owner could try.
    let swap = "UPDATE secret_version SET sealed = (SELECT sealed FROM secret_version WHERE name = 'B') \
                WHERE name = 'A'";
    vault.change("CREATE TABLE kept AS SELECT * FROM secret_version");
    assert_eq!(check(&[]), "\"schema\": \"somebody has changed it\"");
    vault.change(swap);
    assert!(check(&["--all"]).contains("1 of 2 cannot be opened, first `A` in env_"));
    assert!(check(&[]).contains("cannot be opened, first `A` in env_"));
    vault.change("INSERT OR REPLACE INTO secret_version SELECT * FROM kept");
    vault.change("DROP TABLE kept");
    assert_eq!(check(&["--all"]), "");
    vault.change("UPDATE project_key SET wrapped = zeroblob(112)");
    assert!(check(&[]).contains(&project));
    vault.stop();
    // Another master key.
    let other = Vault::new(Kind::Sqlite);
    fs::copy(other.key_file(), vault.key_file()).unwrap();
    let output = vault.command(&["check"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success() && said.contains("WRONG  master key"), "{said}");
}

#[test]
fn a_store_in_postgresql_is_checked_and_is_backed_up_by_its_own_programs() {
    let mut vault = Vault::new(Kind::Postgres);
    let (_, environment) = vault.project("acme");
    vault.put(&environment, "A", VALUE);
    let said = text(&vault.command(&["check", "--all"]));
    assert!(said.contains("fine   values        all 1 can be opened"), "{said}");
    assert!(error(&back_up(&vault, &vault.path("backup"))).contains("pg_dump"));
    assert_eq!(text(&vault.command(&["migrate"])), "The tables have version 1.\n");
    vault.stop();
    vault.change("UPDATE secret_version SET version = 7");
    let output = vault.command(&["check"]);
    assert!(!output.status.success());
}
