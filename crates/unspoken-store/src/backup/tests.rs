//! Backups of a project of its own, and archives that are none.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;
use tar::{Builder, EntryType, Header};
use unspoken_model::{RecipientName, SecretName};
use unspoken_seal::{Ask, Identity, Nobody, Secret, seal_with_passphrase};

use super::*;
use crate::{FileError, Home, Keyring, Leave, PrivateError, Project, SECRETS, Variables};

struct World {
    folder: tempfile::TempDir,
    home: Home,
    variables: Variables,
    ask: Arc<dyn Ask>,
    project: Project,
}

impl World {
    /// A project with two environments, a value in each and one that waits.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("project");
        fs::create_dir_all(root.join(SECRETS)).unwrap();
        let file = ProjectFile::parse(
            "project = \"acme\"\ndefault = \"development\"\n[environments.development]\n\
             [environments.production]\nfile = \"deploy/prod.env\"\n[environments.later]\n",
        );
        fs::create_dir(root.join("deploy")).unwrap();
        let user = fs::metadata(folder.path()).unwrap().uid();
        let mut world = Self {
            home: Home::at(folder.path().join("home"), user),
            variables: Variables::from_pairs([("A", "b")]),
            ask: Arc::new(Nobody),
            project: Project { root, file: file.unwrap() },
            folder,
        };
        for name in ["development", "production"] {
            let name = EnvironmentName::parse(name).unwrap();
            let seal_key = world.store().create(&name, &Identity::generate(), now()).unwrap();
            world.project.file.pin(&name, seal_key);
            let set = |document: &mut unspoken_seal::OpenDocument<'_>| {
                document.set(&SecretName::parse("A").unwrap(), &secret()).unwrap();
                Ok::<_, StoreError>(())
            };
            world.store().edit(&name, now(), set).unwrap();
        }
        fs::write(world.project.root.join(ProjectFile::NAME), world.project.file.print()).unwrap();
        let leave = Leave {
            name: SecretName::parse(&"W".repeat(100)).unwrap(),
            author: RecipientName::parse("bob").unwrap(),
            expiry: None,
            secret: secret(),
        };
        let name = EnvironmentName::parse("development").unwrap();
        world.store().leave(&name, leave, now()).unwrap();
        world
    }

    fn store(&self) -> ProjectStore<'_> {
        let keyring = Keyring { home: &self.home, variables: &self.variables, ask: &self.ask };
        ProjectStore { project: &self.project, keyring }
    }

    fn backup(&self) -> Backup {
        Backup::collect(&self.store(), now(), "unspoken 0.0.0").unwrap()
    }

    fn target(&self) -> PathBuf {
        let target = self.folder.path().join("target");
        fs::create_dir_all(&target).unwrap();
        target
    }
}

fn now() -> Timestamp {
    "2026-11-22T02:03:59.5Z".parse().unwrap()
}

fn secret() -> Secret {
    Secret::new(b"value".to_vec()).unwrap()
}

#[test]
fn a_backup_is_read_as_it_was_made() {
    let world = World::new();
    let backup = world.backup();
    let paths: Vec<&str> = backup.files().map(|(path, _)| path).collect();
    assert_eq!(paths.len(), 4);
    assert_eq!(paths[0], "deploy/prod.env");
    assert!(paths[1].starts_with("secrets/development.inbox/W") && paths[1].len() > 100);
    assert_eq!(paths[2..], ["secrets/development.json", "unspoken.toml"]);

    let bytes = backup.print().unwrap();
    assert_eq!(bytes, world.backup().print().unwrap(), "the same bytes every time");
    let read = Backup::parse(&bytes).unwrap();
    assert_eq!(read, backup);
    assert_eq!(read.created.to_string(), "2026-11-22T02:03:59Z");
    let (current, all) = read.key_ids().unwrap();
    assert_eq!((current.len(), all.len()), (2, 2));
}

#[test]
fn a_byte_that_was_changed_anywhere_is_seen() {
    let bytes = World::new().backup().print().unwrap();
    for at in (0..bytes.len()).step_by(97) {
        for bit in [0x01, 0x20, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= bit;
            assert!(Backup::parse(&changed).is_err(), "byte {at} of {}, {bit:#x}", bytes.len());
        }
    }
    for end in (0..bytes.len()).step_by(97) {
        assert!(Backup::parse(&bytes[..end]).is_err(), "cut at {end}");
    }
    assert!(Backup::parse(&[bytes.as_slice(), b"\0"].concat()).is_err());
    assert!(Backup::parse(&[bytes.as_slice(), &[0; 512]].concat()).is_err());
    assert!(Backup::parse(&[bytes.as_slice(), &bytes].concat()).is_err());
}

/// An archive of a manifest that fits, and of whatever headers one wants.
fn forged(entries: &[(&str, &[u8])], spoil: impl Fn(&mut Header)) -> Vec<u8> {
    let files: BTreeMap<String, Vec<u8>> =
        entries.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect();
    let backup = Backup {
        project: ProjectName::parse("acme").unwrap(),
        created: "2026-11-22T02:03:59Z".parse().unwrap(),
        program: "forge".to_owned(),
        files,
        keys: None,
    };
    let mut builder = Builder::new(Vec::new());
    let manifest = manifest::print(&backup);
    let manifest = (Backup::MANIFEST, manifest.as_bytes());
    for (path, bytes) in std::iter::once(manifest).chain(backup.files()) {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(backup.created.as_second().unsigned_abs());
        header.set_entry_type(EntryType::Regular);
        if path != Backup::MANIFEST {
            spoil(&mut header);
        }
        header.set_cksum();
        builder.append(&header, bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

const PROJECT: (&str, &[u8]) =
    ("unspoken.toml", b"project = \"acme\"\ndefault = \"a\"\n[environments.a]\n");

#[test]
fn a_path_that_is_not_the_projects_is_refused() {
    assert!(Backup::parse(&forged(&[PROJECT], |_| {})).is_ok(), "the forge itself works");
    for path in [
        "../evil",
        "/etc/passwd",
        "secrets/../../evil",
        "secrets/a.inbox/../../evil",
        "secrets/a.inbox/evil",
        "secrets/b.json",
        "secrets/a.json/x",
        "./secrets/a.json",
        "secrets//a.json",
        ".git/hooks/pre-commit",
        ".gitattributes",
        "manifest.json",
        "unspoken.toml/",
    ] {
        let error = Backup::parse(&forged(&[PROJECT, (path, b"{}")], |_| {})).unwrap_err();
        let expected = matches!(error, BackupError::Unexpected { .. });
        assert!(expected, "{path}: {error}");
    }
    let error = Backup::parse(&forged(&[PROJECT, ("keys.age", b"AGE-SECRET-KEY-1")], |_| {}));
    assert!(matches!(error.unwrap_err(), BackupError::KeysNotSealed));
}

#[test]
fn what_is_no_regular_file_is_refused() {
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Char,
        EntryType::Directory,
        EntryType::Fifo,
        EntryType::GNUSparse,
        EntryType::XHeader,
        EntryType::Continuous,
    ] {
        let bytes = forged(&[PROJECT], |header| {
            header.set_entry_type(kind);
            header.set_link_name("/etc/passwd").unwrap();
        });
        assert!(Backup::parse(&bytes).is_err(), "{kind:?}");
    }
}

#[test]
fn a_size_that_is_not_there_costs_no_memory() {
    for size in [u64::MAX, 1 << 62, 1 << 40, Document::MAX_BYTES as u64 + 1, 4096] {
        let bytes = forged(&[PROJECT], |header| header.set_size(size));
        assert!(Backup::parse(&bytes).is_err(), "{size}");
    }
}

#[test]
fn a_file_of_another_project_or_place_is_refused() {
    let world = World::new();
    let good = world.backup();
    let check = |change: &dyn Fn(&mut Backup)| {
        let mut backup = good.clone();
        change(&mut backup);
        Backup::parse(&backup.print().unwrap()).unwrap_err()
    };
    let error = check(&|backup| backup.project = ProjectName::parse("other").unwrap());
    assert!(matches!(error, BackupError::OtherProject), "{error}");
    let error = check(&|backup| drop(backup.files.remove("secrets/development.json")));
    assert!(matches!(error, BackupError::NoDocument { .. }), "{error}");
    let error = check(&|backup| drop(backup.files.remove("unspoken.toml")));
    assert!(matches!(error, BackupError::OtherProject), "{error}");
    let error = check(&|backup| {
        let document = backup.files.get_mut("secrets/development.json").unwrap();
        let text = String::from_utf8(document.clone()).unwrap();
        *document = text.replace("\"A\"", "\"B\"").into_bytes();
    });
    assert!(matches!(error, BackupError::Verify { .. }), "{error}");
    let error = check(&|backup| backup.program = "x\u{1b}[2J".to_owned());
    assert!(matches!(error, BackupError::Manifest(ManifestError::Field { field: "program" })));
}

#[test]
fn all_is_put_back_and_nothing_twice() {
    let world = World::new();
    let backup = world.backup();
    let target = world.target();
    let plan = Restore::plan(&backup, target.clone()).unwrap();
    assert!(plan.steps().iter().all(|step| step.state == State::New));
    plan.perform().unwrap();
    for (path, bytes) in backup.files() {
        assert_eq!(fs::read(target.join(path)).unwrap(), bytes);
        assert_eq!(fs::read(world.project.root.join(path)).unwrap(), bytes);
    }
    let again = Restore::plan(&backup, target.clone()).unwrap();
    assert!(again.steps().iter().all(|step| step.state == State::Same));
    fs::write(target.join("deploy/prod.env"), "other").unwrap();
    let plan = Restore::plan(&backup, target.clone()).unwrap();
    // What is not what was looked at stays, and all else with it.
    fs::remove_file(target.join("unspoken.toml")).unwrap();
    fs::write(target.join("deploy/prod.env"), "a third").unwrap();
    let error = plan.perform().unwrap_err();
    assert!(matches!(error, RestoreError::File(FileError::Changed { .. })), "{error}");
    assert_eq!(fs::read(target.join("deploy/prod.env")).unwrap(), b"a third");
    assert!(!target.join("unspoken.toml").exists());
}

#[test]
fn nothing_is_written_over_a_link() {
    let world = World::new();
    let backup = world.backup();
    let target = world.target();
    let victim = world.folder.path().join("victim");
    fs::create_dir(&victim).unwrap();
    symlink(&victim, target.join("deploy")).unwrap();
    assert!(matches!(
        Restore::plan(&backup, target.clone()).unwrap_err(),
        FileError::Symlink { .. }
    ));
    fs::remove_file(target.join("deploy")).unwrap();
    let plan = Restore::plan(&backup, target.clone()).unwrap();
    symlink(&victim, target.join("deploy")).unwrap();
    plan.perform().unwrap_err();
    assert_eq!(fs::read_dir(&victim).unwrap().count(), 0);
    assert!(!target.join("unspoken.toml").exists());
}

#[test]
fn keys_come_back_and_never_over_another_key() {
    let world = World::new();
    let (_, all) = world.backup().key_ids().unwrap();
    world.home.write_identity(Identity::generate().print_file(None, now()).as_bytes()).unwrap();
    let keys = BackupKeys::collect(&world.home, &all).unwrap();
    assert_eq!(keys.ids().count(), 2);
    let text = keys.print();
    let read = BackupKeys::parse(&text, &all).unwrap();
    assert!(read == keys && read.print() == text);
    assert!(!format!("{keys:?}").contains("SECRET"));

    let home = Home::at(world.folder.path().join("new-home"), world.home.user());
    let (states, identity) = read.compare(&home).unwrap();
    assert!(states.values().all(|state| *state == KeyState::New));
    assert_eq!(identity, Some(KeyState::New));
    read.store(&home).unwrap();
    for id in &all {
        assert_eq!(home.keys().read(id).unwrap(), world.home.keys().read(id).unwrap());
    }
    assert_eq!(home.read_identity().unwrap(), world.home.read_identity().unwrap());
    read.store(&home).unwrap();

    // Other words around the same key, and another key.
    let id = all.first().unwrap();
    let path = home.keys().path_of(id);
    let old = fs::read(&path).unwrap();
    fs::write(&path, [b"# carried\n".as_slice(), &old].concat()).unwrap();
    assert_eq!(read.compare(&home).unwrap().0[id], KeyState::There);
    let other = Identity::generate().print_file(None, now());
    fs::write(&path, other.as_bytes()).unwrap();
    fs::write(home.identity_path(), other.as_bytes()).unwrap();
    let (states, identity) = read.compare(&home).unwrap();
    assert_eq!((states[id], identity), (KeyState::Other, Some(KeyState::Other)));
    assert!(matches!(read.store(&home).unwrap_err(), PrivateError::Different { .. }));
    assert_eq!(fs::read(&path).unwrap(), other.as_bytes());
}

#[test]
fn keys_that_are_not_what_they_say_are_refused() {
    let world = World::new();
    let (_, all) = world.backup().key_ids().unwrap();
    let keys = BackupKeys::collect(&world.home, &all).unwrap();
    let text = String::from_utf8(keys.print().to_vec()).unwrap();
    let parse = |text: &str| BackupKeys::parse(text.as_bytes(), &all).unwrap_err();

    let id = all.first().unwrap();
    let none = BTreeSet::new();
    let error = BackupKeys::parse(text.as_bytes(), &none).unwrap_err();
    assert_eq!(error, KeysError::Unexpected { id: id.clone() });
    let other = KeyId::parse("0000000000000000").unwrap();
    let renamed = text.replacen(id.as_str(), other.as_str(), 1);
    assert_eq!(parse(&renamed), KeysError::OtherKey { id: other });
    let (spaced, padded) = (format!("{id} "), format!("{id} 0"));
    for (from, to) in [
        ("keys-1", "keys-2"),
        ("key ", "kez "),
        (spaced.as_str(), padded.as_str()),
        ("\nkey", "\n\nkey"),
    ] {
        let error = parse(&text.replacen(from, to, 1));
        assert!(matches!(error, KeysError::Content { .. }), "{from}: {error}");
    }
    for end in 0..text.len() {
        let cut = BackupKeys::parse(&text.as_bytes()[..end], &all);
        // A cut between two keys leaves the first of them whole.
        assert!(
            cut.is_err()
                || end == "unspoken-keys-1\n".len()
                || text.as_bytes()[end..].starts_with(b"key ")
        );
    }
}

#[test]
fn sealed_keys_travel_in_the_archive() {
    let world = World::new();
    let mut backup = world.backup();
    let sealed = seal_with_passphrase(b"unspoken-keys-1\n", "p").unwrap();
    backup.add_keys(sealed.clone().into_bytes());
    let bytes = backup.print().unwrap();
    assert_eq!(Backup::parse(&bytes).unwrap().keys(), Some(sealed.as_bytes()));
    backup.add_keys(b"AGE-SECRET-KEY-1".to_vec());
    let error = Backup::parse(&backup.print().unwrap()).unwrap_err();
    assert!(matches!(error, BackupError::KeysNotSealed), "{error}");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
        let _ = Backup::parse(&bytes);
        let _ = BackupKeys::parse(&bytes, &BTreeSet::new());
        let keys = [b"unspoken-keys-1\n".as_slice(), &bytes].concat();
        let _ = BackupKeys::parse(&keys, &BTreeSet::new());
        let _ = manifest::read(&bytes, Vec::new());
    }

    #[test]
    fn no_header_makes_it_panic(
        header in proptest::collection::vec(any::<u8>(), 512..513),
        tail in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let mut header = Header::from_byte_slice(&header).clone();
        header.set_cksum();
        let _ = Backup::parse(&[header.as_bytes(), tail.as_slice()].concat());
    }
}
