//! What the targets share.

use unspoken_model::{DocumentForm, EnvironmentName, Place, ProjectName};
use unspoken_seal::{Document, Identity};

/// The throw-away identity of the published vectors, which the seeds are for.
const IDENTITY: &[u8] = include_bytes!("../../crates/unspoken-seal/tests/vectors/identity.txt");

/// Takes a document as far as it goes: read, verified, unlocked, opened.
pub fn open(form: DocumentForm, bytes: &[u8]) {
    let Ok(document) = Document::parse(form, bytes) else { return };
    let project = ProjectName::parse("acme").expect("a name");
    let environment = EnvironmentName::parse("production").expect("a name");
    let place = Place { project, environment };
    let pin = document.block().map(|block| block.seal_key);
    let Ok(verified) = document.verify(&place, pin.as_ref()) else { return };
    let identities = Identity::parse_file(IDENTITY).expect("an identity");
    let mut unlock = verified.unlock();
    let Some(key) = identities.iter().find_map(|identity| unlock.offer(identity)) else { return };
    if let Ok(document) = verified.open(&key) {
        let _ = document.into_set(&place);
    }
}
