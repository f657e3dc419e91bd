//! The unit that the guide shows, judged by systemd; and whether the server does with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use unspoken_testkit::{Vault, canary, vault_binary};

/// What `systemd-analyze security` may find at most, in tenths.
const EXPOSURE: &str = "12";

/// The unit, as it stands in the guide.
fn unit() -> String {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/vault-operations.md");
    let guide = fs::read_to_string(guide).unwrap();
    let (_, unit) = guide.split_once("```ini\n").unwrap();
    unit.split_once("```").unwrap().0.to_owned()
}

fn analyze(arguments: &[&str]) -> String {
    let output = Command::new("systemd-analyze").args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn the_unit_of_the_guide_is_one_and_leaves_little_open() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("unspoken-vault.service");
    let here = vault_binary().display().to_string();
    let unit = unit();
    assert!(unit.contains("ExecStart=/usr/local/bin/unspoken-vault serve "));
    fs::write(&file, unit.replace("/usr/local/bin/unspoken-vault", &here)).unwrap();
    let file = file.to_str().unwrap();
    // It warns of what it does not know, and succeeds.
    assert_eq!(analyze(&["verify", "--man=no", file]), "");
    analyze(&["security", "--offline=true", &format!("--threshold={EXPOSURE}"), file]);
}

#[test]
fn the_server_makes_no_call_that_the_unit_of_the_guide_does_not_allow() {
    let sets = sets();
    let mut allowed = BTreeSet::new();
    for line in unit().lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
        let (names, takes) = line.strip_prefix('~').map_or((line, false), |names| (names, true));
        for name in names.split_whitespace() {
            let all = expand(&sets, name);
            if takes {
                allowed.retain(|call| !all.contains(call));
            } else {
                allowed.extend(all);
            }
        }
    }
    assert!(allowed.contains("openat") && !allowed.contains("mount"));
    // What SQLite asks of root alone: to give its files to whose the folder is.
    allowed.insert("fchown".to_owned());
    Vault::each(|mut vault| {
        vault.stop();
        let counted = vault.folder().join("calls");
        let strace = ["strace", "-D", "-f", "-c", "-o", counted.to_str().unwrap()];
        vault.start_through(&strace);
        let ground = vault.ground();
        ground.set("KEY", &canary("service"));
        let agent = ground.agent();
        ground.has(&agent.client, "KEY", &canary("service"));
        vault.stop();
        let begun = Instant::now();
        let counted = loop {
            let text = fs::read_to_string(&counted).unwrap_or_default();
            if text.contains(" total") {
                break text;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "strace counts nothing");
            std::thread::sleep(Duration::from_millis(20));
        };
        let lines = counted.lines().filter(|line| line.trim().starts_with(char::is_numeric));
        let calls: Vec<_> = lines.filter_map(|line| line.split_whitespace().last()).collect();
        assert!(calls.contains(&"accept4"), "{calls:?}");
        let is_other = |call: &&str| *call != "total" && !allowed.contains(*call);
        let other: Vec<_> = calls.into_iter().filter(is_other).collect();
        assert!(other.is_empty(), "{other:?}");
    });
}

/// Sets of calls by their names, as systemd knows them.
fn sets() -> BTreeMap<String, Vec<String>> {
    let mut sets: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut name = String::new();
    for line in analyze(&["syscall-filter"]).lines() {
        let item = line.trim();
        if line.starts_with('@') {
            item.clone_into(&mut name);
        } else if !item.is_empty() && !item.starts_with('#') {
            sets.entry(name.clone()).or_default().push(item.to_owned());
        }
    }
    sets
}

fn expand(sets: &BTreeMap<String, Vec<String>>, name: &str) -> BTreeSet<String> {
    if !name.starts_with('@') {
        return BTreeSet::from([name.to_owned()]);
    }
    sets[name].iter().flat_map(|item| expand(sets, item)).collect()
}
