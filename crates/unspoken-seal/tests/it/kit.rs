//! Documents to test with, and the real sops program.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jiff::Timestamp;
use proptest::prelude::*;
use unspoken_model::{DocumentForm, EnvironmentName, Place, ProjectName, SecretName};
use unspoken_seal::{Document, Identity, OpenDocument, Recipient, Secret};

pub(crate) type Map = BTreeMap<String, String>;

pub(crate) struct Sops {
    folder: tempfile::TempDir,
    pub(crate) identity: Identity,
}

/// The public half of a key that has one.
pub(crate) fn public(identity: &Identity) -> &Recipient {
    identity.recipient().unwrap()
}

pub(crate) fn peer(name: &str) -> PathBuf {
    let peers = std::env::var_os("UNSPOKEN_PEERS")
        .expect("UNSPOKEN_PEERS is not set: run `cargo xtask test`, which installs the peers");
    Path::new(&peers).join("bin").join(name)
}

impl Sops {
    pub(crate) fn new() -> Self {
        let identity = Identity::generate();
        let folder = tempfile::tempdir().unwrap();
        let file = identity.print_file(None, Timestamp::UNIX_EPOCH);
        std::fs::write(folder.path().join("identity"), file.as_bytes()).unwrap();
        Self { folder, identity }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn public(&self) -> String {
        public(&self.identity).as_str().to_owned()
    }

    pub(crate) fn program(&self) -> PathBuf {
        peer("sops")
    }

    /// Runs sops with `input` on its standard input. `Err` is its exit code.
    pub(crate) fn run(&self, arguments: &[&str], input: &[u8]) -> Result<String, i32> {
        let mut child = Command::new(peer("sops"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("SOPS_AGE_KEY_FILE", self.path("identity"))
            .env("HOME", self.folder.path())
            .env_remove("SOPS_AGE_KEY")
            .env_remove("XDG_CONFIG_HOME")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        if output.status.success() {
            Ok(String::from_utf8(output.stdout).unwrap())
        } else {
            Err(output.status.code().unwrap_or(-1))
        }
    }

    /// Encrypts with a creation rule: lines of `.sops.yaml`.
    pub(crate) fn encrypt(&self, kind: &str, rule: &[&str], plain: &str) -> String {
        let lines: String = rule.iter().map(|line| format!("    {line}\n")).collect();
        let rules = format!("creation_rules:\n  - age: {}\n{lines}", self.public());
        std::fs::write(self.path(".sops.yaml"), rules).unwrap();
        let name = format!("x.{kind}");
        let arguments = ["encrypt", "--filename-override", &name, "/dev/stdin"];
        self.run(&arguments, plain.as_bytes()).unwrap()
    }

    pub(crate) fn decrypt(&self, form: DocumentForm, text: &str) -> Result<Map, i32> {
        let kind = match form {
            DocumentForm::Json => "json",
            DocumentForm::Dotenv => "dotenv",
            DocumentForm::Yaml => "yaml",
        };
        std::fs::write(self.path("document"), text).unwrap();
        let arguments = ["decrypt", "--input-type", kind, "--output-type", "json", "document"];
        self.run(&arguments, b"").map(|json| serde_json::from_str(&json).unwrap())
    }
}

pub(crate) fn place() -> Place {
    Place {
        project: ProjectName::parse("acme").unwrap(),
        environment: EnvironmentName::parse("production").unwrap(),
    }
}

pub(crate) fn name(text: &str) -> SecretName {
    SecretName::parse(text).unwrap()
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec()).unwrap()
}

pub(crate) fn now() -> Timestamp {
    "2026-11-21T20:04:09Z".parse().unwrap()
}

pub(crate) fn create(form: DocumentForm, identity: &Identity, values: &Map) -> String {
    let mut open = OpenDocument::create(form, place(), public(identity), &[]).unwrap();
    for (key, value) in values {
        open.set(&name(key), &secret(value)).unwrap();
    }
    open.seal(now()).unwrap().unwrap()
}

pub(crate) fn open<'a>(form: DocumentForm, text: &'a str, identity: &Identity) -> OpenDocument<'a> {
    let document = Document::parse(form, text.as_bytes()).unwrap();
    let pin = document.block().map(|block| block.seal_key);
    let verified = document.verify(&place(), pin.as_ref()).unwrap();
    let key = verified.unlock().offer(identity).unwrap();
    verified.open(&key).unwrap()
}

pub(crate) fn read(form: DocumentForm, text: &str, identity: &Identity) -> Map {
    let set = open(form, text, identity).into_set(&place()).unwrap();
    set.iter().map(|(name, secret)| (name.to_string(), secret.expose().to_owned())).collect()
}

/// Sets as they are in the world, and worse.
pub(crate) fn any_values() -> impl Strategy<Value = Map> {
    let key = "[A-Z][A-Z0-9_]{0,11}".prop_filter("reserved", |k| SecretName::parse(k).is_ok());
    let value = prop_oneof![
        any::<String>().prop_map(|text| text.replace('\0', "")),
        "[ -~\\n\\t]{0,60}",
        "(-----BEGIN KEY-----\\n([A-Za-z0-9+/]{20}\\n){1,4}-----END KEY-----\\n)",
        Just(String::new()),
        Just("ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]".to_owned()),
        "[a-z]{5000,9000}",
    ];
    proptest::collection::btree_map(key, value, 0..12)
}

pub(crate) const FORMS: [DocumentForm; 3] =
    [DocumentForm::Json, DocumentForm::Dotenv, DocumentForm::Yaml];
