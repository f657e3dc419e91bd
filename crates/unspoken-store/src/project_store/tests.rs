//! The store on a project of its own, with a key folder beside it.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::PathBuf;
use std::sync::Arc;

use unspoken_model::{ProjectFile, SecretName};
use unspoken_seal::{Ask, Nobody, SealError, Secret, VerifyError};

use super::*;
use crate::{Home, SECRETS, Variables};

struct World {
    folder: tempfile::TempDir,
    home: Home,
    variables: Variables,
    ask: Arc<dyn Ask>,
    project: Project,
}

impl World {
    /// A project whose one environment has a document, and its seal key pinned.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("project");
        fs::create_dir_all(root.join(SECRETS)).unwrap();
        let file = ProjectFile::parse(
            "project = \"acme\"\ndefault = \"development\"\n[environments.development]\n",
        );
        let user = fs::metadata(folder.path()).unwrap().uid();
        let mut world = Self {
            home: Home::at(folder.path().join("home"), user),
            variables: Variables::from_pairs([("A", "b")]),
            ask: Arc::new(Nobody),
            project: Project { root, file: file.unwrap() },
            folder,
        };
        let seal_key = world.store().create(&development(), &Identity::generate(), now()).unwrap();
        world.project.file.pin(&development(), seal_key);
        fs::write(world.project.root.join(ProjectFile::NAME), world.project.file.print()).unwrap();
        world
    }

    fn store(&self) -> ProjectStore<'_> {
        let keyring = Keyring { home: &self.home, variables: &self.variables, ask: &self.ask };
        ProjectStore { project: &self.project, keyring }
    }

    fn path(&self) -> PathBuf {
        self.project.document(&development()).0
    }

    fn pin(&self) -> SealKey {
        self.store().pin(&development()).copied().unwrap()
    }

    /// Another document for the same recipient, as anybody can make who has
    /// read the public key.
    fn forge(&self) -> (String, SealKey) {
        let store = self.store();
        let bytes = store.read(&development()).unwrap();
        let verified = store.verify(&development(), &bytes).unwrap();
        let recipient = unspoken_seal::Recipient::parse(verified.document().recipients()[0]);
        let (_, form) = self.project.document(&development());
        let place = self.project.place(&development());
        let document = OpenDocument::create(form, place, &recipient.unwrap(), &[]).unwrap();
        let seal_key = document.seal_key();
        (document.seal(now()).unwrap().unwrap(), seal_key)
    }

    fn set(&self, name: &str) -> Result<Edited<()>, StoreError> {
        self.store().edit(&development(), now(), |document| {
            let secret = Secret::new(b"value".to_vec()).unwrap();
            document.set(&SecretName::parse(name).unwrap(), &secret).unwrap();
            Ok(())
        })
    }

    fn accept(&self, reviewed: &str, policy: DataKeyPolicy) -> Result<SealKey, StoreError> {
        self.store().accept(&development(), reviewed.as_bytes(), policy, now())
    }
}

fn development() -> EnvironmentName {
    EnvironmentName::parse("development").unwrap()
}

fn now() -> Timestamp {
    "2026-11-21T20:04:09Z".parse().unwrap()
}

#[test]
fn what_is_written_is_opened_again() {
    let world = World::new();
    let edited = world.set("A").unwrap();
    assert_eq!((edited.revision, edited.written), (Some(2), true));
    let edited = world.set("A").unwrap();
    assert_eq!((edited.revision, edited.written), (Some(2), false));

    let set = world.store().open(&development()).unwrap();
    assert_eq!(set.get(&SecretName::parse("A").unwrap()).map(Secret::expose), Some("value"));
}

/// Asserts that something was refused because of a link.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, StoreError>, link: &Path) {
    let error = result.unwrap_err();
    assert!(
        matches!(&error, StoreError::File(FileError::Symlink { path }) if path == link),
        "{error:?}"
    );
}

#[test]
fn behind_a_linked_folder_nothing_is_read_locked_or_made() {
    let mut world = World::new();
    let victim = world.folder.path().join("victim");
    let secrets = world.project.root.join(SECRETS);
    fs::rename(&secrets, &victim).unwrap();
    symlink("../victim", &secrets).unwrap();
    let before = fs::read(victim.join("development.json")).unwrap();
    let entries = || fs::read_dir(&victim).unwrap().count();
    let count = entries();
    fs::remove_file(victim.join(".development.json.lock")).unwrap();

    refused(world.store().read(&development()), &secrets);
    refused(world.store().open(&development()), &secrets);
    refused(world.set("A"), &secrets);
    let text = String::from_utf8(before.clone()).unwrap();
    refused(world.accept(&text, DataKeyPolicy::Any), &secrets);
    let staging = EnvironmentName::parse("staging").unwrap();
    refused(world.store().create(&staging, &Identity::generate(), now()), &secrets);
    let error = world.project.edit(|file| file.pin(&staging, SealKey::new([1; 32]))).unwrap_err();
    assert!(
        matches!(
            &error,
            crate::ProjectError::Lock(crate::LockError::File(FileError::Symlink { path }))
                if *path == secrets
        ),
        "{error:?}"
    );

    assert_eq!(fs::read(victim.join("development.json")).unwrap(), before);
    assert_eq!(entries(), count - 1);
    assert_eq!(world.home.keys().list().unwrap().len(), 1, "no key for what was not made");
}

#[test]
fn a_document_over_the_limit_is_no_document() {
    let world = World::new();
    let file = fs::OpenOptions::new().write(true).open(world.path()).unwrap();
    file.set_len(Document::MAX_BYTES as u64 + 1).unwrap();

    let error = world.store().read(&development()).unwrap_err();
    assert!(
        matches!(
            &error,
            StoreError::Parse { path, error: ParseError { problem: ParseProblem::TooLarge, .. } }
                if *path == world.path()
        ),
        "{error:?}"
    );
    // It is there nevertheless.
    let error = world.store().create(&development(), &Identity::generate(), now()).unwrap_err();
    assert!(matches!(&error, StoreError::Exists { path } if *path == world.path()), "{error:?}");
}

#[test]
fn a_document_that_is_there_is_not_made_again() {
    let world = World::new();
    let before = fs::read(world.path()).unwrap();
    let error = world.store().create(&development(), &Identity::generate(), now()).unwrap_err();
    assert!(matches!(&error, StoreError::Exists { path } if *path == world.path()), "{error:?}");
    assert_eq!(fs::read(world.path()).unwrap(), before);
    assert_eq!(world.home.keys().list().unwrap().len(), 1);
}

#[test]
fn a_reviewed_document_under_the_pinned_data_key_is_sealed_again() {
    let world = World::new();
    world.set("A").unwrap();
    let text = fs::read_to_string(world.path()).unwrap() + "\n";
    fs::write(world.path(), &text).unwrap();
    let error = world.store().open(&development()).unwrap_err();
    let spelling =
        |error: &_| matches!(error, StoreError::Verify { error: VerifyError::Spelling, .. });
    assert!(spelling(&error), "{error:?}");

    let seal_key = world.accept(&text, DataKeyPolicy::Same).unwrap();
    assert_eq!(seal_key, world.pin());
    assert_eq!(world.store().open(&development()).unwrap().len(), 1);
}

#[test]
fn a_reviewed_document_under_a_new_data_key_needs_leave() {
    let mut world = World::new();
    let (forged, its_key) = world.forge();
    fs::write(world.path(), &forged).unwrap();

    let error = world.accept(&forged, DataKeyPolicy::Same).unwrap_err();
    assert!(
        matches!(&error, StoreError::NewDataKey { path } if *path == world.path()),
        "{error:?}"
    );
    assert_eq!(fs::read_to_string(world.path()).unwrap(), forged);

    let seal_key = world.accept(&forged, DataKeyPolicy::Any).unwrap();
    assert_eq!(seal_key, its_key);
    assert_ne!(seal_key, world.pin());

    // Where nothing is pinned there is nothing to compare with.
    let (forged, its_key) = {
        world.project.file.pin(&development(), seal_key);
        world.forge()
    };
    fs::write(world.path(), &forged).unwrap();
    let unpinned = world.project.file.print().lines().filter(|line| !line.starts_with("seal_key"));
    let unpinned: String = unpinned.flat_map(|line| [line, "\n"]).collect();
    world.project.file = ProjectFile::parse(&unpinned).unwrap();
    assert_eq!(world.accept(&forged, DataKeyPolicy::Same).unwrap(), its_key);
}

#[test]
fn what_changed_since_the_review_is_not_accepted() {
    let world = World::new();
    let reviewed = fs::read_to_string(world.path()).unwrap();
    fs::write(world.path(), reviewed.clone() + "\n").unwrap();
    let error = world.accept(&reviewed, DataKeyPolicy::Any).unwrap_err();
    assert!(
        matches!(&error, StoreError::File(FileError::Changed { path }) if *path == world.path()),
        "{error:?}"
    );
}

#[test]
fn a_document_that_cannot_be_sealed_is_left_as_it_is() {
    let world = World::new();
    let bytes = world.store().read(&development()).unwrap();
    let mut document = world.store().open_document(&development(), &bytes).unwrap();
    let mut block = document.block().unwrap().clone();
    block.revision = u64::MAX - 1;
    document.accept(world.project.place(&development()), Some(block)).unwrap();
    let last = document.seal(now()).unwrap().unwrap();
    fs::write(world.path(), &last).unwrap();

    let error = world.set("A").unwrap_err();
    assert!(
        matches!(
            &error,
            StoreError::Seal { path, error: SealError::Revision } if *path == world.path()
        ),
        "{error:?}"
    );
    assert_eq!(fs::read_to_string(world.path()).unwrap(), last);
}
