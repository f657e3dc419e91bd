//! People of a test: who they are, and documents that are shared with them.

use std::collections::BTreeSet;
use std::fs;

use jiff::Timestamp;
use unspoken_model::{DocumentForm, EnvironmentName, ProjectFile, RecipientName};
use unspoken_seal::{Document, Identity, OpenDocument, Recipient};
use unspoken_testkit::Project;

/// Somebody with a key.
pub(crate) struct Person {
    pub(crate) name: &'static str,
    identity: Identity,
}

impl Person {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, identity: Identity::generate() }
    }

    /// Somebody with a key that a quantum computer does not break.
    pub(crate) fn post_quantum(name: &'static str) -> Self {
        Self { name, identity: Identity::generate_post_quantum() }
    }

    /// The public key.
    pub(crate) fn key(&self) -> String {
        self.recipient().as_str().to_owned()
    }

    fn recipient(&self) -> Recipient {
        self.identity.recipient().unwrap().clone()
    }
}

pub(crate) fn recipient_name(text: &str) -> RecipientName {
    RecipientName::parse(text).unwrap()
}

pub(crate) fn environment(text: &str) -> EnvironmentName {
    EnvironmentName::parse(text).unwrap()
}

/// Changes the project file.
#[track_caller]
pub(crate) fn edit_file(project: &Project, change: impl FnOnce(&mut ProjectFile)) {
    let mut file = ProjectFile::parse(&project.read("unspoken.toml")).unwrap();
    change(&mut file);
    project.write("unspoken.toml", file.print());
}

/// Changes a document with the keys of this machine, and pins its seal key.
#[track_caller]
pub(crate) fn edit_document(
    project: &Project,
    name: &str,
    change: impl FnOnce(&mut OpenDocument<'_>, &Recipient),
) {
    let text = project.read(project.document(name));
    let document = Document::parse(DocumentForm::Json, text.as_bytes()).unwrap();
    let (place, pin) = {
        let block = document.block().unwrap();
        (block.place.clone(), block.seal_key)
    };
    let verified = document.verify(&place, Some(&pin)).unwrap();
    let keys = fs::read_dir(project.unspoken_home().join("keys")).unwrap();
    let keys = keys
        .flat_map(|entry| Identity::parse_file(&fs::read(entry.unwrap().path()).unwrap()).unwrap());
    let mut unlock = verified.unlock();
    let found: Vec<_> =
        keys.filter_map(|key| Some((unlock.offer(&key)?, key.recipient()?.clone()))).collect();
    let (key, own) = found.into_iter().next().unwrap();
    let mut document = verified.open(&key).unwrap();
    change(&mut document, &own);
    let seal_key = document.seal_key();
    let text = document.seal(Timestamp::now()).unwrap().unwrap();
    project.write(project.document(name), text);
    edit_file(project, |file| file.pin(&environment(name), seal_key));
}

/// Puts exactly these people on the access list of an environment and into its
/// document, as a person with a key would.
#[track_caller]
pub(crate) fn share(project: &Project, name: &str, people: &[&Person]) {
    let place = environment(name);
    let mut dropped = BTreeSet::new();
    edit_file(project, |file| {
        let before: Vec<RecipientName> =
            file.access(&place).into_iter().map(|(name, _)| name.clone()).collect();
        for gone in before.iter().filter(|old| people.iter().all(|p| p.name != old.as_str())) {
            file.revoke(&place, gone);
            dropped.insert(gone.clone());
        }
        for person in people {
            file.introduce(&recipient_name(person.name), &person.key());
            file.grant(&place, &recipient_name(person.name));
        }
    });
    let others: Vec<Recipient> = people.iter().map(|person| person.recipient()).collect();
    edit_document(project, name, |document, own| {
        document.expose(&dropped);
        if dropped.is_empty() {
            document.share(&others).unwrap();
        } else {
            document.rekey(own, &others, Timestamp::now()).unwrap();
        }
    });
}

/// Wraps a document for somebody and says so to nobody.
#[track_caller]
pub(crate) fn share_in_secret(project: &Project, name: &str, person: &Person) {
    let text = project.read(project.document(name));
    let before = Document::parse(DocumentForm::Json, text.as_bytes()).unwrap();
    let mut readers: Vec<Recipient> =
        before.recipients().into_iter().map(|key| Recipient::parse(key).unwrap()).collect();
    readers.push(person.recipient());
    edit_document(project, name, |document, _| document.share(&readers).unwrap());
}

/// Sets a value that expires, whatever the day.
#[track_caller]
pub(crate) fn set_expiring(project: &Project, environment: &str, name: &str, when: &str) {
    let arguments = ["set", name, "-e", environment, "--expires", when];
    project.unspoken(arguments).stdin(unspoken_testkit::canary(name)).run().ok();
}

/// Commits everything.
#[track_caller]
pub(crate) fn commit(project: &Project, message: &str) -> String {
    project.git(["add", "--all", "."]);
    project.git(["commit", "--quiet", "-m", message]);
    project.git(["rev-parse", "--short=10", "HEAD"]).trim().to_owned()
}
