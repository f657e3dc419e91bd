//! The record's chains and signed heads, as an auditor sees them: from an export, offline.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use super::vault::{Kind, Vault, error, program, text};

const VALUE: &str = "plain-2f71c9-value";

/// A record with a chain that ended, heads in its middle, and one that goes on.
fn record(kind: Kind) -> Vault {
    let mut vault = Vault::new(kind);
    let (_, environment) = vault.project("acme");
    vault.put(&environment, "A", VALUE);
    vault.wait_for("SELECT COUNT(*) > 0 FROM audit_head", yes(kind));
    vault.value(&environment, "A");
    vault.stop();
    for name in ["B", "C"] {
        vault.serve();
        vault.put(&environment, name, VALUE);
        vault.value(&environment, name);
        vault.stop();
    }
    vault
}

/// How a database says that something is so.
fn yes(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => "1",
        Kind::Postgres => "t",
    }
}

fn export(vault: &Vault, file: &Path, more: &[&str]) {
    let mut command = program();
    command.args(["audit", "export"]).args(vault.place()).args(more).arg("-o").arg(file);
    text(&command.output().unwrap());
}

fn verify(file: &Path, key: Option<&str>) -> std::process::Output {
    let mut command = program();
    command.args(["audit", "verify"]).arg(file);
    if let Some(key) = key {
        command.args(["--key", key]);
    }
    command.output().unwrap()
}

fn key(vault: &Vault) -> String {
    text(&vault.command(&["audit", "key"])).trim().to_owned()
}

#[test]
fn an_export_is_verified_through_a_pipe() {
    let vault = record(Kind::Sqlite);
    let mut export = program();
    export.args(["audit", "export", "-o", "-"]).args(vault.place());
    let mut export = export.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut verify = program();
    verify.args(["audit", "verify", "-", "--key", &key(&vault)]);
    let verify = verify.stdin(export.stdout.take().unwrap()).output().unwrap();
    assert!(text(&verify).contains("is whole"));
    assert!(export.wait().unwrap().success());
    // A file that is there is not written over.
    let file = vault.path("there");
    fs::write(&file, "mine").unwrap();
    let mut export = program();
    export.args(["audit", "export", "-o"]).arg(&file).args(vault.place());
    assert!(error(&export.output().unwrap()).contains("cannot be made"));
    assert_eq!(fs::read_to_string(file).unwrap(), "mine");
}

fn a_record_that_nobody_touched_is_whole(kind: Kind) {
    let vault = record(kind);
    let (key, file) = (key(&vault), vault.path("whole"));
    export(&vault, &file, &[]);
    let said = text(&verify(&file, Some(&key)));
    assert!(said.contains("is whole"), "{said}");
    assert!(said.contains("in 3 chains"), "{said}");
    assert!(!said.contains("Not yet signed"), "{said}");
    assert!(!said.contains("another node"), "{said}");
    // The program does not say what was in it, and the export holds no value and no token.
    let exported = fs::read_to_string(&file).unwrap();
    assert!(!exported.contains(VALUE) && !exported.contains("unsp_"));
    let rows = exported.lines().filter(|line| line.starts_with("{\"row\"")).count();
    assert_eq!(rows.to_string(), vault.look("SELECT COUNT(*) FROM audit"));
}

#[test]
fn a_record_that_nobody_touched_is_whole_on_sqlite() {
    a_record_that_nobody_touched_is_whole(Kind::Sqlite);
}

#[test]
fn a_record_that_nobody_touched_is_whole_on_postgresql() {
    a_record_that_nobody_touched_is_whole(Kind::Postgres);
}

/// Changes the database, and says how the record that is exported then is not whole.
#[track_caller]
fn tampered(vault: &Vault, key: &str, change: &str, undo: Option<&str>) -> String {
    let file = vault.path("tampered");
    assert!(vault.change(change) > 0, "{change}");
    export(vault, &file, &[]);
    let said = error(&verify(&file, Some(key)));
    assert!(said.starts_with("error: the record is not whole: line "), "{said}");
    fs::remove_file(file).unwrap();
    if let Some(undo) = undo {
        assert!(vault.change(undo) > 0, "{undo}");
    }
    said
}

#[test]
fn whatever_is_done_to_the_database_the_record_shows() {
    let vault = record(Kind::Sqlite);
    let key = key(&vault);
    let first = vault.look("SELECT node FROM audit ORDER BY at LIMIT 1");
    let last = vault.look("SELECT node FROM audit ORDER BY at DESC LIMIT 1");
    vault.change("CREATE TABLE kept AS SELECT * FROM audit");
    vault.change("CREATE TABLE heads AS SELECT * FROM audit_head");
    let all = "INSERT OR REPLACE INTO audit SELECT * FROM kept";
    let heads = "INSERT OR REPLACE INTO audit_head SELECT * FROM heads";
    let case = |change: &str, undo: &str, expected: &str| {
        let said = tampered(&vault, &key, change, Some(undo));
        assert!(said.contains(expected), "{change}: {said}");
    };
    let row = |seq: i64| format!("row {seq} of {first}");

    // Each column of a row.
    for column in ["team", "actor", "token", "address", "subject", "names", "request"] {
        let change = format!("UPDATE audit SET {column} = 'x' WHERE node = '{first}' AND seq = 4");
        case(&change, all, &format!("{} is not as it was written", row(4)));
    }
    for change in ["at = at + 1", "revision = 77", "action = 'secret.list'", "outcome = 'failed'"] {
        let change = format!("UPDATE audit SET {change} WHERE node = '{first}' AND seq = 4");
        case(&change, all, &format!("{} is not as it was written", row(4)));
    }
    // Rows that were removed: in the middle, at the beginning, at the end, and all. Whether it is the
    // next row or a head that shows it depends on when the first head was signed.
    let remove = |what: &str| format!("DELETE FROM audit WHERE node = '{first}' AND {what}");
    for seq in ["1", "2", "4"] {
        case(&remove(&format!("seq = {seq}")), all, &format!("row {seq} "));
    }
    let end = vault.look(&format!("SELECT MAX(seq) FROM audit WHERE node = '{first}'"));
    case(&remove(&format!("seq = {end}")), all, "which is not there");
    case(&remove("1 = 1"), all, "which is not there");
    let whole = format!("DELETE FROM audit WHERE node = '{last}'");
    case(&whole, all, &format!("of {last}, which is not there"));
    // A row that was added behind all, and one that was written twice.
    let add = format!(
        "INSERT INTO audit SELECT node, seq + 1, at, team, actor, token, address, action, subject, \
         names, revision, outcome, request, hash FROM kept WHERE node = '{first}' AND seq = {end}"
    );
    let undo = format!("DELETE FROM audit WHERE node = '{first}' AND seq > {end}");
    case(&add, &undo, "was added: the chain had ended before");
    // Heads: one removed, one changed, one that says less, and all renumbered.
    case(
        "DELETE FROM audit_head WHERE number = 2",
        heads,
        "there is head 3 where head 2 should be",
    );
    case("UPDATE audit_head SET at = at - 1 WHERE number = 2", heads, "head 2 is not as it was");
    case(
        "UPDATE audit_head SET signature = zeroblob(64) WHERE number = 2",
        heads,
        "was not signed",
    );
    let other =
        "UPDATE audit_head SET ends = (SELECT ends FROM heads WHERE number = 1) WHERE number = 2";
    case(other, heads, "is not as it was");
    let renumber = "UPDATE audit_head SET number = number - 1 WHERE number > 1 \
                    AND (SELECT COUNT(*) FROM audit_head WHERE number = 1) = 0";
    vault.change("DELETE FROM audit_head WHERE number = 1");
    case(renumber, "DELETE FROM audit_head", "head 1 is not as it was written");
    vault.change(heads);
    // And it is whole again when all is as it was.
    let file = vault.path("again");
    export(&vault, &file, &[]);
    text(&verify(&file, Some(&key)));
}

#[test]
fn a_record_that_another_key_signed_is_refused() {
    let (vault, other) = (record(Kind::Sqlite), record(Kind::Sqlite));
    let file = vault.path("record");
    export(&vault, &file, &[]);
    let said = error(&verify(&file, Some(&key(&other))));
    assert!(said.contains("signed by another key"), "{said}");
    // Who says that it is another key, and does not sign anew, is refused as well.
    let exported = fs::read_to_string(&file).unwrap();
    fs::write(&file, exported.replace(&key(&vault), &key(&other))).unwrap();
    let said = error(&verify(&file, None));
    assert!(said.contains("head 1 was not signed by this key"), "{said}");
    // Without a key it says what it depends on.
    fs::write(&file, exported).unwrap();
    let said = text(&verify(&file, None));
    assert!(said.contains(&format!("this holds if it is {}", key(&vault))), "{said}");
}

#[test]
fn a_record_that_went_back_to_an_earlier_time_is_not_the_one_that_was_known() {
    let vault = record(Kind::Sqlite);
    let (key, file) = (key(&vault), vault.path("record"));
    let check = |head: &str| {
        let _ = fs::remove_file(&file);
        export(&vault, &file, &[]);
        let mut command = program();
        command.args(["audit", "verify", "--key", &key, "--head", head]).arg(&file);
        command.output().unwrap()
    };
    let newest: i64 = vault.look("SELECT MAX(number) FROM audit_head").parse().unwrap();
    let hash = vault.look("SELECT lower(hex(hash)) FROM audit_head ORDER BY number DESC LIMIT 1");
    let known = format!("{newest}:{hash}");
    let said = text(&check(&known));
    assert!(said.contains(&format!("The last head is {known}\n")), "{said}");
    let other = format!("{newest}:{}", "0".repeat(64));
    assert!(error(&check(&other)).contains("is not the one that was known"));
    // The last node is taken away with all its heads: what is left is whole in itself.
    let last = vault.look("SELECT node FROM audit ORDER BY at DESC LIMIT 1");
    vault.change(&format!("DELETE FROM audit_head WHERE ends LIKE '%{last}%'"));
    vault.change(&format!("DELETE FROM audit WHERE node = '{last}'"));
    assert!(error(&check(&known)).contains("which was known before, is not in it"));
    text(&verify(&file, Some(&key)));
}

#[test]
fn a_file_that_was_cut_off_or_written_in_another_order_is_refused() {
    let vault = record(Kind::Sqlite);
    let (key, file) = (key(&vault), vault.path("record"));
    export(&vault, &file, &[]);
    let exported = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = exported.lines().collect();
    let check = |lines: &[&str]| {
        fs::write(&file, lines.join("\n") + "\n").unwrap();
        error(&verify(&file, Some(&key)))
    };
    for length in 0..lines.len() {
        check(&lines[..length]);
    }
    for at in 0..lines.len() {
        let without: Vec<_> = [&lines[..at], &lines[at + 1..]].concat();
        check(&without);
        let twice: Vec<_> = [&lines[..=at], &lines[at..]].concat();
        check(&twice);
    }
    for at in 1..lines.len() {
        let mut moved = lines.clone();
        moved.swap(at - 1, at);
        check(&moved);
    }
    fs::write(&file, exported.trim_end()).unwrap();
    assert!(error(&verify(&file, Some(&key))).contains("before its end"));
}

fn a_part_goes_on_from_what_was_signed_before(kind: Kind) {
    let vault = record(kind);
    let (key, file) = (key(&vault), vault.path("part"));
    let at: i64 = vault.look("SELECT at FROM audit_head WHERE number = 2").parse().unwrap();
    let since = jiff::Timestamp::from_millisecond(at).unwrap().to_string();
    export(&vault, &file, &["--since", &since]);
    let said = text(&verify(&file, Some(&key)));
    assert!(said.contains("begins behind head 1"), "{said}");
    let exported = fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> =
        exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["begin"]["after"], 1);
    assert_eq!(lines[1]["anchor"]["number"], 1);
    let rows = lines.iter().filter(|line| !line["row"].is_null()).count();
    assert!(rows > 0 && rows.to_string() != vault.look("SELECT COUNT(*) FROM audit"));
    // The rows behind the anchor cannot be passed over.
    let without: Vec<_> =
        exported.lines().enumerate().filter(|(at, _)| *at != 2).map(|(_, line)| line).collect();
    fs::write(&file, without.join("\n") + "\n").unwrap();
    error(&verify(&file, Some(&key)));
}

#[test]
fn a_part_goes_on_from_what_was_signed_before_on_sqlite() {
    a_part_goes_on_from_what_was_signed_before(Kind::Sqlite);
}

#[test]
fn a_part_goes_on_from_what_was_signed_before_on_postgresql() {
    a_part_goes_on_from_what_was_signed_before(Kind::Postgres);
}

#[test]
fn rows_of_a_killed_node_are_said_to_be_unsigned() {
    let mut vault = Vault::new(Kind::Sqlite);
    vault.wait_for("SELECT COUNT(*) > 0 FROM audit_head", "1");
    let (_, environment) = vault.project("acme");
    vault.put(&environment, "A", "one");
    vault.kill();
    let file = vault.path("record");
    export(&vault, &file, &[]);
    let said = text(&verify(&file, Some(&key(&vault))));
    assert!(said.contains("Not yet signed, behind the last head: "), "{said}");
}

#[test]
fn two_nodes_sign_one_record() {
    let mut vault = Vault::new(Kind::Postgres);
    let other = vault.start(&vault.key_file());
    let (_, environment) = vault.project("acme");
    vault.put(&environment, "A", "one");
    let path = format!("/v1/environments/{environment}/secrets/A");
    for _ in 0..20 {
        assert_eq!(other.ask(&vault.session, "GET", &path, &Value::Null).status, 200);
        vault.value(&environment, "A");
    }
    std::thread::scope(|scope| {
        scope.spawn(move || other.stop());
        vault.stop();
    });
    let file = vault.path("record");
    export(&vault, &file, &[]);
    let said = text(&verify(&file, Some(&key(&vault))));
    assert!(said.contains("in 2 chains"), "{said}");
    assert!(!said.contains("Not yet signed"), "{said}");
}
