//! The age project's own test vectors, for the kinds that are ours or that we
//! set limits to.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;

use age::armor::ArmoredReader;
use age::{DecryptError, Decryptor};

use super::{Identity, Kind};
use crate::hazmat::sha256;
use crate::passphrase::{PassphraseError, open_with_passphrase};

struct Vector {
    name: String,
    fields: BTreeMap<String, Vec<String>>,
    file: Vec<u8>,
}

impl Vector {
    /// Reads those whose names begin with one of these.
    #[expect(clippy::disallowed_methods, reason = "a test may read its vectors")]
    fn all(starts: &[&str]) -> Vec<Self> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/age");
        let mut vectors = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if starts.iter().any(|start| name.starts_with(start)) {
                vectors.push(Self::read(name, &std::fs::read(path).unwrap()));
            }
        }
        vectors
    }

    fn read(name: String, bytes: &[u8]) -> Self {
        let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap();
        let mut fields = BTreeMap::<_, Vec<_>>::new();
        for line in std::str::from_utf8(&bytes[..end]).unwrap().lines() {
            let (key, value) = line.split_once(": ").unwrap();
            fields.entry(key.to_owned()).or_default().push(value.to_owned());
        }
        Self { name, fields, file: bytes[end + 2..].to_vec() }
    }

    fn field(&self, key: &str) -> Option<&str> {
        self.fields.get(key).map(|values| values[0].as_str())
    }

    /// How it went, in the words of the vectors.
    fn opened(&self) -> String {
        let identities: Vec<Identity> =
            self.fields["identity"].iter().map(|text| Identity::parse(text).unwrap()).collect();
        let keys = identities.iter().map(|identity| match &identity.kind {
            Kind::X25519(key) => key as &dyn age::Identity,
            Kind::Hybrid(key) => key as &dyn age::Identity,
            _ => panic!("{} has an identity of another kind", self.name),
        });
        let mut file = Vec::new();
        if let Err(error) = ArmoredReader::new(self.file.as_slice()).read_to_end(&mut file) {
            return format!("armor failure: {error}");
        }
        let opened = Decryptor::new_buffered(file.as_slice()).and_then(|file| file.decrypt(keys));
        let mut reader = match opened {
            Ok(reader) => reader,
            Err(DecryptError::NoMatchingKeys) => return "no match".to_owned(),
            Err(DecryptError::InvalidMac) => return "HMAC failure".to_owned(),
            Err(_) => return "header failure".to_owned(),
        };
        let mut payload = Vec::new();
        match reader.read_to_end(&mut payload) {
            Ok(_) if Some(hex(&payload).as_str()) == self.field("payload") => "success".to_owned(),
            Ok(_) => "another payload".to_owned(),
            Err(_) => "payload failure".to_owned(),
        }
    }
}

fn hex(payload: &[u8]) -> String {
    sha256(payload).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn hybrid_and_x25519_files_open_as_they_must() {
    let vectors = Vector::all(&["hybrid", "x25519", "armor_"]);
    let hybrid = vectors.iter().filter(|vector| vector.name.contains("hybrid")).count();
    assert!(hybrid >= 19 && vectors.len() >= hybrid + 14, "{hybrid} of {}", vectors.len());
    for vector in vectors {
        assert_eq!(Some(vector.opened().as_str()), vector.field("expect"), "{}", vector.name);
    }
}

#[test]
fn passphrase_files_open_as_they_must() {
    let vectors = Vector::all(&["scrypt"]);
    assert_eq!(vectors.len(), 25);
    for vector in vectors {
        let mut payload = None;
        let mut errors = Vec::new();
        for passphrase in vector.fields.get("passphrase").into_iter().flatten() {
            match open_with_passphrase(&vector.file, passphrase) {
                Ok(bytes) => payload = Some(hex(&bytes)),
                Err(error) => errors.push(error),
            }
        }
        let expected = vector.field("expect").unwrap();
        if expected == "success" {
            assert_eq!(payload.as_deref(), vector.field("payload"), "{}", vector.name);
        } else {
            assert_eq!(payload, None, "{}", vector.name);
        }
        let refused = match vector.name.as_str() {
            // For us it is no passphrase's file at all.
            "scrypt_uppercase" => PassphraseError::Form,
            "scrypt_work_factor_23" => PassphraseError::Work { required: 23 },
            _ => PassphraseError::Passphrase,
        };
        if expected == "no match" {
            assert_eq!(errors, [refused], "{}", vector.name);
        }
    }
}
