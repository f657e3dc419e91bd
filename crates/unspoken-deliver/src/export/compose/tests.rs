use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use unspoken_model::{EnvironmentName, SecretName};
use unspoken_seal::{Secret, SecretSet};

use super::{ComposeError, Composition, FileMode, FolderError, MemoryFolder, Service, quote};

fn name(text: &str) -> SecretName {
    SecretName::parse(text).unwrap()
}

fn set(names: &[&str]) -> SecretSet {
    let mut set = SecretSet::new(EnvironmentName::parse("production").unwrap());
    for each in names {
        assert!(set.insert(name(each), Secret::new(format!("value of {each}").into()).unwrap()));
    }
    set
}

fn composition(services: &[&str], set: &SecretSet) -> Composition {
    let services: Vec<Service> =
        services.iter().map(|text| Service::parse(text).unwrap()).collect();
    Composition::new(&services, set).unwrap()
}

/// A folder in memory, removed with all that is in it.
struct Memory(tempfile::TempDir);

impl Memory {
    fn new() -> Self {
        Self(tempfile::tempdir_in("/dev/shm").unwrap())
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("acme/production")
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn place(&self, services: &[&str], names: &[&str]) -> Result<(), FolderError> {
        let set = set(names);
        let composition = composition(services, &set);
        MemoryFolder::create(&self.folder())?.place(&composition, set, FileMode::Owner)
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_service_gets_what_it_was_given_and_no_file_is_for_nobody() {
    let set = set(&["A", "B", "C", "ON"]);
    let found = composition(&["web=B,A", "worker=ON", "web=A"], &set);
    let expected = "\
services:
  \"web\":
    secrets:
      - \"A\"
      - \"B\"
  \"worker\":
    secrets:
      - \"ON\"
secrets:
  \"A\":
    file: \"/run/x$$y/A\"
  \"B\":
    file: \"/run/x$$y/B\"
  \"ON\":
    file: \"/run/x$$y/ON\"
";
    assert_eq!(found.print("/run/x$y"), expected);
    assert_eq!(composition(&["web"], &set).names().len(), 4);
}

#[test]
fn a_set_without_secrets_has_no_list_that_reads_as_nothing() {
    let found = composition(&["web"], &set(&[])).print("/run");
    assert_eq!(found, "services:\n  \"web\":\n    secrets: []\nsecrets: {}\n");
}

#[test]
fn a_name_that_is_not_there_is_told_with_the_nearest() {
    let services = [Service::parse("web=DATBASE_URL").unwrap()];
    let found = Composition::new(&services, &set(&["DATABASE_URL"])).unwrap_err();
    let ComposeError::Missing { nearest, service, .. } = found;
    assert_eq!((nearest, service.as_str()), (Some(name("DATABASE_URL")), "web"));
}

#[test]
fn a_service_is_a_name_and_names() {
    for text in ["", "=A", "web=", "web=A,", "we b", "web:x", "web=a", "web=A B"] {
        assert!(Service::parse(text).is_err(), "{text:?}");
    }
    assert!(Service::parse("my-web_1.x=A").is_ok());
}

#[test]
fn quotes_leave_plain_ascii_alone() {
    assert_eq!(quote("a\"b\\c ü\u{1f511}\n"), "\"a\\\"b\\\\c \\u00fc\\U0001f511\\u000a\"");
}

#[test]
fn files_are_ours_alone_and_follow_the_set() {
    let memory = Memory::new();
    memory.place(&["web=A,B"], &["A", "B", "C"]).unwrap();
    assert_eq!(memory.names(), [".unspoken-made", "A", "B"]);
    assert_eq!(fs::read_to_string(memory.folder().join("A")).unwrap(), "value of A");
    assert_eq!((mode(&memory.folder()), mode(&memory.folder().join("A"))), (0o700, 0o400));

    fs::write(memory.folder().join("note"), "mine").unwrap();
    memory.place(&["web=C"], &["A", "C"]).unwrap();
    assert_eq!(memory.names(), [".unspoken-made", "C", "note"]);

    let cleared = MemoryFolder::find(&memory.folder()).unwrap().unwrap().clear().unwrap();
    assert_eq!((cleared, memory.names()), (1, vec!["note".to_owned()]));
}

#[test]
fn what_a_killed_writer_left_is_replaced_and_removed() {
    let memory = Memory::new();
    memory.place(&["web"], &["A"]).unwrap();
    fs::write(memory.folder().join(".unspoken-draft"), "half").unwrap();
    memory.place(&["web"], &["A"]).unwrap();
    assert_eq!(memory.names(), [".unspoken-made", "A"]);
    fs::write(memory.folder().join(".unspoken-draft"), "half").unwrap();
    assert_eq!(MemoryFolder::find(&memory.folder()).unwrap().unwrap().clear().unwrap(), 1);
    assert!(!memory.folder().exists());
}

#[test]
fn what_is_not_ours_is_neither_replaced_nor_followed() {
    let target = tempfile::tempdir().unwrap();
    let target = target.path().join("target");
    fs::write(&target, "kept").unwrap();

    // Before there is a record, and under a name that the record has.
    for is_recorded in [false, true] {
        let memory = Memory::new();
        memory.place(&["web"], if is_recorded { &["A"] } else { &["Z"] }).unwrap();
        let _ = fs::remove_file(memory.folder().join("A"));
        symlink(&target, memory.folder().join("A")).unwrap();
        let before = memory.names();
        let found = memory.place(&["web"], &["A", "B"]);
        assert!(matches!(found, Err(FolderError::Foreign { .. })), "{found:?}");
        assert_eq!(memory.names(), before);
        MemoryFolder::find(&memory.folder()).unwrap().unwrap().clear().unwrap();
        assert!(memory.folder().join("A").is_symlink());
    }
    assert_eq!(fs::read_to_string(&target).unwrap(), "kept");

    let memory = Memory::new();
    memory.place(&["web"], &["A"]).unwrap();
    fs::write(memory.folder().join("B"), "mine").unwrap();
    let found = memory.place(&["web"], &["A", "B"]);
    assert!(matches!(found, Err(FolderError::Foreign { .. })), "{found:?}");
    assert_eq!(fs::read_to_string(memory.folder().join("B")).unwrap(), "mine");

    fs::write(memory.folder().join(".unspoken-made"), "unspoken compose 1\n../x\n").unwrap();
    let found = memory.place(&["web"], &["A"]);
    assert!(matches!(found, Err(FolderError::Record { .. })), "{found:?}");
}

#[test]
fn a_folder_that_will_not_do_is_refused_and_nothing_is_made() {
    let disk = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
    let found = MemoryFolder::create(&disk.path().join("a/b")).unwrap_err();
    assert!(matches!(found, FolderError::NotMemory { .. }), "{found}");
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0);
    let found = MemoryFolder::create(disk.path()).unwrap_err();
    assert!(matches!(found, FolderError::NotMemory { .. }), "{found}");

    let memory = Memory::new();
    symlink(disk.path(), memory.0.path().join("link")).unwrap();
    for (path, is_link) in [("link", true), ("link/x", true), ("file/x", false)] {
        fs::write(memory.0.path().join("file"), "").unwrap();
        match MemoryFolder::create(&memory.0.path().join(path)).unwrap_err() {
            FolderError::Link { .. } => assert!(is_link, "{path}"),
            FolderError::NotFolder { .. } => assert!(!is_link, "{path}"),
            found => panic!("{found}"),
        }
    }
    for path in ["relative", "/dev/shm/../shm/x"] {
        let found = MemoryFolder::create(Path::new(path)).unwrap_err();
        assert!(matches!(found, FolderError::Path { .. }), "{found}");
    }

    let loose = memory.0.path().join("loose");
    fs::create_dir(&loose).unwrap();
    for (mode, path) in [(0o755, loose.clone()), (0o777, loose.join("x"))] {
        fs::set_permissions(&loose, fs::Permissions::from_mode(mode)).unwrap();
        let found = MemoryFolder::create(&path).unwrap_err();
        assert!(matches!(found, FolderError::Loose { .. }), "{found}");
    }
    assert!(MemoryFolder::find(&memory.0.path().join("none/x")).unwrap().is_none());
}

proptest! {
    #[test]
    fn no_text_makes_a_service_panic(text in "\\PC{0,30}") {
        let _ = Service::parse(&text);
    }
}
