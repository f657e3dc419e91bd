//! An authenticator that says whatever a test wants, and signs it.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

/// See the top.
pub(super) struct Authenticator {
    pub(super) id: Vec<u8>,
    key: Key,
    /// Whom it was made for.
    user: String,
}

pub(super) enum Key {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(Box<aws_lc_rs::rsa::KeyPair>),
}

/// What is said, before it is signed.
#[derive(Clone)]
pub(super) struct Said {
    pub(super) kind: &'static str,
    pub(super) challenge: String,
    pub(super) origin: String,
    pub(super) is_embedded: bool,
    pub(super) party: String,
    pub(super) flags: u8,
    pub(super) counter: u32,
    /// What stands behind the counter.
    pub(super) rest: Vec<u8>,
    pub(super) form: &'static str,
}

/// The fields of a form.
pub(super) type Fields = Vec<(&'static str, String)>;

pub(super) const PRESENT: u8 = 1;
pub(super) const VERIFIED: u8 = 5;
const MADE: u8 = 0x40;

impl Key {
    pub(super) fn es256() -> Self {
        Self::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    pub(super) fn ed25519() -> Self {
        Self::EdDsa(Ed25519KeyPair::generate().unwrap())
    }

    pub(super) fn rs256() -> Self {
        Self::Rs256(Box::new(aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap()))
    }

    /// As COSE writes it.
    pub(super) fn public(&self) -> Vec<u8> {
        match self {
            Self::Es256(pair) => {
                let point = pair.public_key().as_ref();
                let head = [0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21];
                [&head[..], &bytes(&point[1..33]), &[0x22], &bytes(&point[33..])].concat()
            }
            Self::EdDsa(pair) => {
                let head = [0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21];
                [&head[..], &bytes(pair.public_key().as_ref())].concat()
            }
            Self::Rs256(pair) => {
                // A sequence of two numbers: of 257 bytes with a zero in front, and of three.
                let modulus = &pair.public_key().as_ref()[9..265];
                let head = [0xa4, 1, 3, 3, 0x39, 1, 0, 0x20];
                [&head[..], &bytes(modulus), &[0x21], &bytes(&[1, 0, 1])].concat()
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Es256(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }
}

impl Said {
    /// What is right, at this address.
    pub(super) fn at(url: &str, challenge: String) -> Self {
        Self {
            kind: "webauthn.get",
            challenge,
            origin: url.to_owned(),
            is_embedded: false,
            party: "localhost".to_owned(),
            flags: VERIFIED,
            counter: 0,
            rest: Vec::new(),
            form: "none",
        }
    }

    fn client(&self) -> Vec<u8> {
        let mut client =
            json!({ "type": self.kind, "challenge": self.challenge, "origin": self.origin });
        if self.is_embedded {
            client["crossOrigin"] = json!(true);
        }
        client.to_string().into_bytes()
    }

    fn data(&self) -> Vec<u8> {
        let party = sha256(self.party.as_bytes());
        [&party[..], &[self.flags], &self.counter.to_be_bytes(), &self.rest].concat()
    }
}

impl Authenticator {
    /// A new one, which nobody knows yet.
    pub(super) fn new(user: &str, key: Key) -> Self {
        let mut id = vec![0; 32];
        rand::fill(&mut id).unwrap();
        Self { id, key, user: user.to_owned() }
    }

    /// What a browser brings of one that was just made.
    pub(super) fn made(&self, name: &str, said: &Said) -> Fields {
        self.made_as(name, said, &self.key.public())
    }

    /// The same with another key.
    pub(super) fn made_as(&self, name: &str, said: &Said, key: &[u8]) -> Fields {
        let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let rest = [&[0; 16][..], &length, &self.id, key, &said.rest].concat();
        let kind = if said.kind == "webauthn.get" { "webauthn.create" } else { "webauthn.get" };
        let said = Said { kind, flags: said.flags | MADE, rest, ..said.clone() };
        let form =
            [&[0x60 | u8::try_from(said.form.len()).unwrap()], said.form.as_bytes()].concat();
        let object = [b"\xa3\x63fmt", &form[..], b"\x67attStmt\xa0\x68authData"].concat();
        let object = [object, bytes(&said.data())].concat();
        vec![
            ("name", name.to_owned()),
            ("client", URL_SAFE_NO_PAD.encode(said.client())),
            ("attestation", URL_SAFE_NO_PAD.encode(object)),
        ]
    }

    /// What a browser brings of one that is shown.
    pub(super) fn shown(&self, said: &Said) -> Fields {
        let (client, data) = (said.client(), said.data());
        let signature = self.key.sign(&[&data[..], &sha256(&client)].concat());
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        vec![
            ("credential", text(&self.id)),
            ("client", text(&client)),
            ("authenticator", text(&data)),
            ("signature", text(&signature)),
            ("user", text(self.user.as_bytes())),
        ]
    }
}

/// A form's fields, lent.
pub(super) fn lent(fields: &Fields) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// The fields with another one in place of the one of its name.
pub(super) fn with(fields: &Fields, name: &'static str, value: &str) -> Fields {
    let others = fields.iter().filter(|(other, _)| *other != name).cloned();
    others.chain([(name, value.to_owned())]).collect()
}

/// Bytes, as CBOR writes them.
fn bytes(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    let head = match length {
        0..24 => vec![0x40 | u8::try_from(length).unwrap()],
        24..256 => vec![0x58, u8::try_from(length).unwrap()],
        _ => [&[0x59][..], &length.to_be_bytes()].concat(),
    };
    [head, bytes.to_vec()].concat()
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}
