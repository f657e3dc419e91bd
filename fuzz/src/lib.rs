//! What the targets share.

use unspoken_model::{DocumentForm, EnvironmentName, Place, ProjectName};
use unspoken_seal::foreign::dotenvx::{self, DotenvxKeys};
use unspoken_seal::foreign::tako::{Tako, TakoKey};
use unspoken_seal::foreign::{Format, Names, doppler, infisical, json};
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

/// Reads bytes as a file of one of the tools that values are imported from.
pub fn import(reader: u8, bytes: &[u8]) {
    let names = Names::new(Vec::new(), reader >= b'a');
    match reader.to_ascii_uppercase() {
        b'A' => drop(json::parse(bytes, &names)),
        b'B' => drop(doppler::parse(bytes, &names)),
        b'C' => drop(infisical::parse(bytes, &names)),
        b'D' => tako(bytes, &names),
        b'E' => {
            let keys = format!("DOTENV_PRIVATE_KEY={}", "07".repeat(32));
            let keys = DotenvxKeys::parse(keys.as_bytes()).expect("a key");
            drop(dotenvx::parse(bytes, &keys, &names));
        }
        b'F' => drop(DotenvxKeys::parse(bytes)),
        b'G' => drop(TakoKey::parse(bytes)),
        _ => drop((Format::detect("", bytes), Format::sops_form("a.env", bytes))),
    }
}

fn tako(bytes: &[u8], names: &Names) {
    let Ok(tako) = Tako::parse(bytes) else { return };
    // The key of the example that Tako publishes.
    let key = TakoKey::parse(b"s/KWTyNdLaaZ5gbtGfVtv8CwwyGUVMAcdr9tqoXdPpM=").expect("a key");
    for environment in tako.environments().collect::<Vec<_>>() {
        let _ = tako.open(&environment, &key, names);
    }
}
