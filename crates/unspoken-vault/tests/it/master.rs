//! Promise 5: a wrong master key does not start the server; it never writes new data under it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use unspoken_testkit::{Database, Vault, canary, vault_binary};

use crate::raw::Raw;

/// Everything that a store holds.
fn contents(vault: &Vault) -> BTreeMap<String, Vec<u8>> {
    match vault.database() {
        Database::Sqlite => {
            let folder = vault.file().parent().unwrap().to_owned();
            let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            files.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
        }
        Database::Postgres => {
            let (cluster, name) = vault.cluster();
            // Newer ones begin and end a dump with a word of the day.
            let dump = String::from_utf8(cluster.dump(name)).unwrap();
            let lines = dump.lines().filter(|line| !line.starts_with("\\restrict"));
            let lines: Vec<_> = lines.filter(|line| !line.starts_with("\\unrestrict")).collect();
            BTreeMap::from([("dump".to_owned(), lines.join("\n").into_bytes())])
        }
    }
}

fn serve(vault: &Vault) -> Output {
    vault.run(&["serve", "--listen", "127.0.0.1:0"])
}

#[test]
fn promise_5_a_wrong_master_key_does_not_start_and_writes_nothing() {
    Vault::each(|mut vault| {
        let ground = vault.ground();
        ground.set("KEY", &canary("master"));
        vault.stop();
        let file = vault.master_key();
        let right = fs::read(&file).unwrap();
        let before = contents(&vault);
        // Another one, another one by a bit, none, and half of one.
        let mut near = right.clone();
        near[0] = if near[0] == b'A' { b'B' } else { b'A' };
        let other = b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n".to_vec();
        for wrong in [&other, &near, &Vec::new(), &right[..20].to_vec()] {
            fs::write(&file, wrong).unwrap();
            let said = serve(&vault);
            assert!(!said.status.success());
            let said = String::from_utf8_lossy(&said.stderr).into_owned();
            assert!(said.starts_with("error: ") && said.contains("master key"), "{said}");
            let line = String::from_utf8_lossy(wrong).trim().to_owned();
            assert!(line.is_empty() || !said.contains(&line), "it repeats a key");
            assert!(contents(&vault) == before, "it wrote");
            // Nor is a store made where there is one.
            assert!(!vault.run(&["init"]).status.success());
            assert!(contents(&vault) == before, "`init` wrote");
        }
        fs::write(&file, &right).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let said = serve(&vault);
        assert!(!said.status.success(), "others can read the key");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let address = vault.start();
        ground.has(&ground.owner.at(address), "KEY", &canary("master"));
    });
}

#[test]
fn a_second_init_makes_no_key_and_an_old_key_is_not_taken_in_silence() {
    let vault = Vault::idle(Database::Sqlite);
    let kept = vault.folder().join(".config/unspoken-vault/master.key");
    let call = |arguments: &[&str]| {
        let mut command = Command::new(vault_binary());
        command.args(arguments).env_clear().env("HOME", vault.folder());
        command.current_dir(vault.folder()).output().unwrap()
    };
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    // A key beside a store that it does not open would be found by the next `serve`.
    let again = call(&["init", "--data", "data"]);
    assert!(!again.status.success() && said(&again).contains("there is a store already"));
    assert!(!kept.exists());
    let none = call(&["serve", "--data", "data"]);
    assert!(said(&none).contains("hint: Name the file that `init` named"), "{}", said(&none));
    let first = call(&["init", "--data", "other"]);
    assert!(first.status.success() && said(&first).is_empty() && kept.exists());
    let wrong = call(&["serve", "--data", "data"]);
    assert!(said(&wrong).contains("hint: Name the file that `init` named"), "{}", said(&wrong));
    let second = call(&["init", "--data", "another"]);
    let path = kept.display().to_string();
    assert!(second.status.success() && said(&second).contains(&path), "{}", said(&second));
}

#[test]
fn promise_5_a_store_whose_check_was_changed_does_not_start() {
    Vault::each(|mut vault| {
        vault.ground();
        vault.stop();
        let raw = Raw::of(&vault);
        for name in ["check", "signing", "kek", "deployment"] {
            let kept = format!("CREATE TABLE kept AS SELECT * FROM store WHERE name = '{name}'");
            raw.change(&kept);
            let other = raw.bytes(b"dep_AAAAAAAAAAAA");
            raw.change(&format!("UPDATE store SET value = {other} WHERE name = '{name}'"));
            assert!(!serve(&vault).status.success(), "{name} was changed");
            raw.change(&format!(
                "UPDATE store SET value = (SELECT value FROM kept) WHERE name = '{name}'; \
                 DROP TABLE kept"
            ));
        }
        drop(raw);
        vault.start();
    });
}
