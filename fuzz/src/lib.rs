//! What the targets share.

use jiff::Timestamp;
use unspoken_model::{DocumentForm, EnvironmentName, Place, ProjectName, SecretName};
use unspoken_seal::{Document, Identity, OpenDocument, Secret};

/// The throw-away identity of the published vectors, which the seeds are for.
const IDENTITY: &[u8] = include_bytes!("../../crates/unspoken-seal/tests/vectors/identity.txt");

fn place() -> Place {
    let project = ProjectName::parse("acme").expect("a name");
    let environment = EnvironmentName::parse("production").expect("a name");
    Place { project, environment }
}

/// Reads, verifies, unlocks and opens a document, as far as it goes.
fn opened(form: DocumentForm, bytes: &[u8]) -> Option<OpenDocument<'_>> {
    let document = Document::parse(form, bytes).ok()?;
    let pin = document.block().map(|block| block.seal_key);
    let verified = document.verify(&place(), pin.as_ref()).ok()?;
    let identities = Identity::parse_file(IDENTITY).expect("an identity");
    let mut unlock = verified.unlock();
    let key = identities.iter().find_map(|identity| unlock.offer(identity))?;
    verified.open(&key).ok()
}

/// Takes a document as far as it goes: to its values.
pub fn open(form: DocumentForm, bytes: &[u8]) {
    if let Some(document) = opened(form, bytes) {
        let _ = document.into_set(&place());
    }
}

/// Takes a document as far as it goes: to its text after an edit, which opens
/// and has the new value.
pub fn edit(form: DocumentForm, bytes: &[u8]) {
    let Some(mut document) = opened(form, bytes) else { return };
    let name = |text| SecretName::parse(text).expect("a name");
    let secret = Secret::new(b"new".to_vec()).expect("a value");
    document.remove(&name("API_KEY"));
    if document.set(&name("FUZZ"), &secret).is_err() {
        return;
    }
    let Ok(Some(text)) = document.seal(Timestamp::UNIX_EPOCH) else { return };
    let after = opened(form, text.as_bytes()).expect("an edited document opens");
    let found = after.get(&name("FUZZ")).expect("the name is there").expect("a value");
    assert!(found.expose() == "new" && !after.contains(&name("API_KEY")));
}
