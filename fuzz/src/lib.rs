//! What the targets share.

use unspoken_model::{DocumentForm, EnvironmentName, Place, ProjectName, SecretName};
use unspoken_seal::foreign::dotenvx::{self, DotenvxKeys};
use unspoken_seal::foreign::tako::{Tako, TakoKey};
use unspoken_seal::foreign::{Format, Names, doppler, infisical, json};
use unspoken_seal::{
    Choices, Document, Identity, OpenDocument, Secret, Side, Verified, merge_sealed,
};

/// The throw-away identity of the published vectors, which the seeds are for.
const IDENTITY: &[u8] = include_bytes!("../../crates/unspoken-seal/tests/vectors/identity.txt");

/// A sealed document for that identity, to grow branches from.
const ROOT: &[u8] = include_bytes!("../seeds/document_json/unspoken");

/// Takes a document as far as it goes: read, verified, unlocked, opened.
pub fn open(form: DocumentForm, bytes: &[u8]) {
    if let Some(document) = verify(form, bytes).and_then(unlock) {
        let _ = document.into_set(&place());
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

/// Takes a document as far as it goes: to its text after an edit, which opens
/// and has the new value.
pub fn edit(form: DocumentForm, bytes: &[u8]) {
    let Some(mut document) = verify(form, bytes).and_then(unlock) else { return };
    let name = |text| SecretName::parse(text).expect("a name");
    let secret = Secret::new(b"new".to_vec()).expect("a value");
    document.remove(&name("API_KEY"));
    if document.set(&name("FUZZ"), &secret).is_err() {
        return;
    }
    let Ok(Some(text)) = document.seal(jiff::Timestamp::UNIX_EPOCH) else { return };
    let after = verify(form, text.as_bytes()).and_then(unlock).expect("an edited document opens");
    let found = after.get(&name("FUZZ")).expect("the name is there").expect("a value");
    assert!(found.expose() == "new" && !after.contains(&name("API_KEY")));
}

/// Merges three documents, and two branches of one that the bytes describe.
pub fn merge(bytes: &[u8]) {
    let parts: Vec<&[u8]> = bytes.splitn(3, |&byte| byte == 0).collect();
    let [base, ours, theirs] = parts.as_slice() else { return };
    for form in [DocumentForm::Json, DocumentForm::Dotenv] {
        merge_three(form, base, ours, theirs, &Choices::default());
    }
    let (Some(ours), Some(theirs)) = (grow(ours), grow(theirs)) else { return };
    let mut choices = Choices::default();
    for (at, byte) in base.iter().enumerate() {
        let side = if byte % 2 == 0 { Side::Ours } else { Side::Theirs };
        choices.names.insert(name(*byte / 2), side);
        choices.new_data_key |= at == 3;
    }
    for choices in [Choices::default(), choices] {
        merge_three(DocumentForm::Json, ROOT, ours.as_bytes(), theirs.as_bytes(), &choices);
    }
}

/// What is merged is a whole document again.
fn merge_three(form: DocumentForm, base: &[u8], ours: &[u8], theirs: &[u8], choices: &Choices) {
    let all = [verify(form, base), verify(form, ours), verify(form, theirs)];
    if let [base, Some(ours), Some(theirs)] = &all {
        let _ = merge_sealed(base.as_ref(), ours, theirs);
    }
    let [base, Some(ours), Some(theirs)] = all.map(|document| document.and_then(unlock)) else {
        return;
    };
    let merged =
        OpenDocument::merge(base.as_ref(), ours, theirs, choices, jiff::Timestamp::UNIX_EPOCH);
    let Ok(merged) = merged else { return };
    let text = merged.seal(jiff::Timestamp::UNIX_EPOCH);
    if let Ok(Some(text)) = text {
        assert!(verify(form, text.as_bytes()).and_then(unlock).is_some());
    }
}

/// A branch of the root: each byte is a step.
fn grow(steps: &[u8]) -> Option<String> {
    let mut document = verify(DocumentForm::Json, ROOT).and_then(unlock)?;
    for step in steps.iter().take(16) {
        let name = name(step % 32);
        match step / 32 {
            0..=3 => drop(document.set(&name, &Secret::new(vec![b'a' + step / 32]).ok()?)),
            4 | 5 => drop(document.remove(&name)),
            6 => {
                let date = unspoken_model::Expiry::parse(&format!("2031-01-{:02}", step % 3 + 1));
                let _ = document.expire(&name, date.ok());
            }
            _ => {
                let own = Identity::parse_file(IDENTITY).ok()?.pop()?;
                document.rekey(own.recipient()?, &[], jiff::Timestamp::UNIX_EPOCH).ok()?;
            }
        }
    }
    document.seal(jiff::Timestamp::UNIX_EPOCH).ok()?
}

fn name(byte: u8) -> SecretName {
    let names = ["API_KEY", "EMPTY", "NEW", "OTHER"];
    SecretName::parse(names[usize::from(byte) % names.len()]).expect("a name")
}

fn place() -> Place {
    let project = ProjectName::parse("acme").expect("a name");
    let environment = EnvironmentName::parse("production").expect("a name");
    Place { project, environment }
}

fn verify(form: DocumentForm, bytes: &[u8]) -> Option<Verified<'_>> {
    let document = Document::parse(form, bytes).ok()?;
    let pin = document.block().map(|block| block.seal_key);
    document.verify(&place(), pin.as_ref()).ok()
}

fn unlock(verified: Verified<'_>) -> Option<OpenDocument<'_>> {
    let identities = Identity::parse_file(IDENTITY).expect("an identity");
    let key = {
        let mut unlock = verified.unlock();
        identities.iter().find_map(|identity| unlock.offer(identity))?
    };
    verified.open(&key).ok()
}
