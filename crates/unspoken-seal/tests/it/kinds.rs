//! Every kind of key, held against the real programs: sops, age, rage and age's
//! plugins, what they wrap and what we wrap.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::Value;
use unspoken_model::DocumentForm;
use unspoken_seal::{
    Ask, Document, Identity, Nobody, OpenDocument, Recipient, RecipientError, open_with_passphrase,
    seal_with_passphrase,
};
use zeroize::Zeroizing;

use crate::kit::{FORMS, Map, Sops, name, now, peer, place, public, read, secret};

/// A key as its own program made it.
struct Key {
    recipient: String,
    file: PathBuf,
    identity: Identity,
}

/// The programs, in a folder of their own.
struct World {
    sops: Sops,
}

impl World {
    fn new() -> Self {
        Self { sops: Sops::new() }
    }

    /// Runs a program with `input`. `None` when it fails.
    fn run(&self, program: &str, arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
        self.run_with(program, arguments, &[], input)
    }

    fn run_with(
        &self,
        program: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
        input: &[u8],
    ) -> Option<Vec<u8>> {
        let mut child = Command::new(program)
            .args(arguments)
            .envs(variables.iter().copied())
            .current_dir(self.sops.path("."))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // A program that fails may not read it all.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        output.status.success().then_some(output.stdout)
    }

    fn peer(&self, program: &str, arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
        self.run(peer(program).to_str().unwrap(), arguments, input)
    }

    fn key(&self, recipient: &str, file: &str, text: &[u8]) -> Key {
        let file = self.sops.path(file);
        std::fs::write(&file, text).unwrap();
        let identity = Identity::parse_file(text).unwrap().remove(0);
        Key { recipient: recipient.trim().to_owned(), file, identity }
    }

    /// A key of age's own kinds.
    fn age_key(&self, file: &str, flags: &[&str]) -> Key {
        let text = self.peer("age-keygen", flags, b"").unwrap();
        let line = String::from_utf8(text.clone()).unwrap();
        let line = line.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
        self.key(line, file, &text)
    }

    fn ssh_key(&self, file: &str, flags: &[&str]) -> Key {
        let common = ["-q", "-C", "ada@example.org laptop", "-f", file];
        self.run("ssh-keygen", &[flags, &common].concat(), b"").unwrap();
        let public = std::fs::read_to_string(self.sops.path(&format!("{file}.pub"))).unwrap();
        let text = std::fs::read(self.sops.path(file)).unwrap();
        self.key(&public, file, &text)
    }

    fn plugin_key(&self) -> Key {
        let text = self.peer("age-plugin-xwing", &[], b"").unwrap();
        let line = String::from_utf8(text.clone()).unwrap();
        let line = line.lines().find_map(|line| line.strip_prefix("# recipient: ")).unwrap();
        self.key(line, "xwing", &text)
    }

    /// One key of each kind.
    fn keys(&self) -> Vec<Key> {
        vec![
            self.age_key("classic", &[]),
            self.age_key("quantum", &["-pq"]),
            self.ssh_key("ed25519", &["-t", "ed25519", "-N", ""]),
            self.ssh_key("rsa", &["-t", "rsa", "-b", "2048", "-N", ""]),
            self.plugin_key(),
        ]
    }

    /// The real sops, with this key and no other.
    fn sops(&self, key: &Key, arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
        let variable = if key.recipient.starts_with("ssh-") {
            "SOPS_AGE_SSH_PRIVATE_KEY_FILE"
        } else {
            "SOPS_AGE_KEY_FILE"
        };
        let home = self.sops.path("nothing");
        let variables = [(variable, key.file.to_str().unwrap()), ("HOME", home.to_str().unwrap())];
        self.run_with(peer("sops").to_str().unwrap(), arguments, &variables, input)
    }
}

fn sealed(form: DocumentForm, first: &Recipient, others: &[Recipient]) -> String {
    let mut document = OpenDocument::create(form, place(), first, others).unwrap();
    document.set(&name("A"), &secret("1")).unwrap();
    document.seal(now()).unwrap().unwrap()
}

fn recipients(keys: &[Key]) -> Vec<Recipient> {
    keys.iter().map(|key| Recipient::parse(&key.recipient).unwrap()).collect()
}

#[test]
fn each_kind_opens_what_we_wrap_here_and_with_sops() {
    let world = World::new();
    let keys = world.keys();
    let all = recipients(&keys);
    for (form, file) in [(DocumentForm::Json, "d.json"), (DocumentForm::Dotenv, "d.env")] {
        let text = sealed(form, &all[0], &all[1..]);
        std::fs::write(world.sops.path(file), &text).unwrap();
        for key in &keys {
            assert_eq!(read(form, &text, &key.identity)["A"], "1", "{:.16}", key.recipient);
            let plain = world.sops(key, &["decrypt", "--extract", "[\"A\"]", file], b"");
            assert_eq!(plain.as_deref(), Some(b"1".as_slice()), "{:.16}", key.recipient);
        }
    }
}

#[test]
fn each_kind_opens_what_sops_wraps() {
    let world = World::new();
    let keys = world.keys();
    let stranger = Identity::generate();
    for key in &keys {
        let flags = ["encrypt", "--age", &key.recipient, "--filename-override", "x.json"];
        let text = world.sops(key, &[&flags[..], &["/dev/stdin"]].concat(), b"{\"A\":\"1\"}");
        let text = String::from_utf8(text.unwrap()).unwrap();
        let document = Document::parse(DocumentForm::Json, text.as_bytes()).unwrap();
        assert_eq!(document.recipients(), [key.recipient.as_str()]);
        let verified = document.verify(&place(), None).unwrap();
        assert!(verified.unlock().offer(&stranger).is_none());
        assert_eq!(read(DocumentForm::Json, &text, &key.identity)["A"], "1");
    }
}

/// A document's one entry: for whom, and the armoured file.
fn entry(document: &mut Value) -> &mut Value {
    &mut document["sops"]["age"][0]
}

#[test]
fn each_kind_is_wrapped_and_unwrapped_as_age_and_rage_do_it() {
    let world = World::new();
    for key in world.keys() {
        let [recipient] = recipients(std::slice::from_ref(&key)).try_into().unwrap();
        let text = sealed(DocumentForm::Json, &recipient, &[]);
        let mut document: Value = serde_json::from_str(&text).unwrap();
        let enc = entry(&mut document)["enc"].as_str().unwrap().to_owned();
        let file = key.file.to_str().unwrap();
        // What rage does not know, it cannot be held against.
        let quantum = key.recipient.starts_with("age1pq1");
        for program in ["age", "rage"].into_iter().filter(|program| !quantum || *program == "age") {
            let data_key = world.peer(program, &["-d", "-i", file], enc.as_bytes()).unwrap();
            assert_eq!(data_key.len(), 32, "{program} {:.16}", key.recipient);

            let wrap = ["-a", "-r", &key.recipient];
            let wrapped = world.peer(program, &wrap, &data_key).unwrap();
            entry(&mut document)["enc"] = String::from_utf8(wrapped).unwrap().into();
            document["sops"].as_object_mut().unwrap().remove("unspoken");
            let text = document.to_string();
            assert_eq!(read(DocumentForm::Json, &text, &key.identity)["A"], "1", "{program}");
        }
    }
}

#[test]
fn a_key_that_was_made_here_is_a_key_for_age_and_sops() {
    let world = World::new();
    for identity in [Identity::generate(), Identity::generate_post_quantum()] {
        let recipient = public(&identity).clone();
        let key =
            world.key(recipient.as_str(), "made", identity.print_file(None, now()).as_bytes());
        let wrapped = world.peer("age", &["-a", "-r", &key.recipient], b"text").unwrap();
        let opened = world.peer("age", &["-d", "-i", key.file.to_str().unwrap()], &wrapped);
        assert_eq!(opened.unwrap(), b"text");
        let converted = world.peer("age-keygen", &["-y", key.file.to_str().unwrap()], b"").unwrap();
        assert_eq!(String::from_utf8(converted).unwrap().trim(), recipient.as_str());
        std::fs::write(world.sops.path("d.json"), sealed(DocumentForm::Json, &recipient, &[]))
            .unwrap();
        assert!(world.sops(&key, &["decrypt", "d.json"], b"").is_some());
    }
}

/// Somebody who knows one passphrase.
#[derive(Debug)]
struct Knows(&'static str);

impl Ask for Knows {
    fn say(&self, _: &str) {}

    fn confirm(&self, _: &str, _: &str, _: Option<&str>) -> Option<bool> {
        None
    }

    fn text(&self, _: &str) -> Option<String> {
        None
    }

    fn secret(&self, question: &str) -> Option<Zeroizing<String>> {
        assert!(question.starts_with("Passphrase of the ssh key `ssh-ed25519 AAAA"), "{question}");
        Some(Zeroizing::new(self.0.to_owned()))
    }
}

#[test]
fn an_ssh_key_with_a_passphrase_opens_what_age_rage_and_sops_wrap() {
    let world = World::new();
    let key = world.ssh_key("locked", &["-t", "ed25519", "-N", "correct horse"]);
    let flags = ["encrypt", "--age", &key.recipient, "--filename-override", "x.json"];
    let text = world.sops(&key, &[&flags[..], &["/dev/stdin"]].concat(), b"{\"A\":\"1\"}").unwrap();
    let text = String::from_utf8(text).unwrap();
    let asking = |passphrase: &'static str| {
        let ask: Arc<dyn Ask> = Arc::new(Knows(passphrase));
        let file = std::fs::read(&key.file).unwrap();
        Identity::parse_file(&file).unwrap().remove(0).asking(&ask)
    };
    assert_eq!(read(DocumentForm::Json, &text, &asking("correct horse"))["A"], "1");
    let document = Document::parse(DocumentForm::Json, text.as_bytes()).unwrap();
    let verified = document.verify(&place(), None).unwrap();
    assert!(verified.unlock().offer(&asking("wrong")).is_none());
    assert!(verified.unlock().offer(&key.identity).is_none());
}

#[test]
fn a_plugin_opens_entries_of_its_own_and_a_missing_one_is_in_nobodys_way() {
    let world = World::new();
    let quantum = world.age_key("quantum", &["-pq"]);
    let file = quantum.file.to_str().unwrap();
    let plugin = world.peer("age-plugin-pq", &["-identity", file], b"").unwrap();
    let plugin = world.key(&quantum.recipient, "plugin", &plugin);
    assert_eq!(plugin.identity.plugin(), Some("pq"));
    let other = world.plugin_key();
    let classic = Identity::generate();
    let mine = recipients(&[other, quantum]);
    let missing = Identity::parse("AGE-PLUGIN-FOOBAR-1QVHULF").unwrap();
    let ask: Arc<dyn Ask> = Arc::new(Nobody);
    for form in FORMS {
        let text = sealed(form, public(&classic), &mine);
        assert_eq!(read(form, &text, &plugin.identity)["A"], "1");
        assert_eq!(read(form, &text, &classic)["A"], "1");

        // An entry of a plugin that is not installed, between the others.
        let named = text.replacen(mine[0].as_str(), "age1foobar1qqqq", 1);
        let named = Document::parse(form, named.as_bytes()).unwrap();
        let verified = named.review().without_seal().0;
        let mut unlock = verified.unlock();
        let missing = Identity::parse(&missing.expose()).unwrap().asking(&ask);
        assert!(unlock.offer(&missing).is_none());
        assert!(unlock.offer(&classic).is_some());
        assert!(verified.unlock().offer(&plugin.identity).is_some());
    }
}

#[test]
fn a_plugin_that_cannot_wrap_is_an_error_that_names_it() {
    // The program is there, and this is no key of its kind.
    let recipient = Recipient::parse("age1xwing1qqqqqqqqqqqqq24eqy9").unwrap();
    let made = OpenDocument::create(DocumentForm::Json, place(), &recipient, &[]);
    assert_eq!(made.unwrap_err(), RecipientError::Plugin { name: "xwing".to_owned() });
}

#[test]
fn what_is_sealed_with_a_passphrase_is_so_for_age_too() {
    let world = World::new();
    let batch = |arguments: &[&str], input: &[u8]| {
        let age = peer("age");
        let variables = [("AGE_PASSPHRASE", "correct horse")];
        world.run_with(age.to_str().unwrap(), arguments, &variables, input)
    };
    let sealed = seal_with_passphrase(b"text", "correct horse").unwrap();
    assert_eq!(batch(&["-d", "-j", "batchpass"], sealed.as_bytes()).unwrap(), b"text");
    for flags in [&["-e", "-j", "batchpass"][..], &["-e", "-a", "-j", "batchpass"]] {
        let sealed = batch(flags, b"text").unwrap();
        assert_eq!(open_with_passphrase(&sealed, "correct horse").unwrap().as_slice(), b"text");
        let identity = Identity::generate();
        let file = batch(flags, identity.print_file(None, now()).as_bytes()).unwrap();
        let opened = Identity::open_file(&file, "correct horse").unwrap();
        assert_eq!(public(&opened[0]).as_str(), public(&identity).as_str());
    }
}

#[test]
fn two_comments_on_one_key_are_one_reader() {
    let world = World::new();
    let key = world.ssh_key("ed25519", &["-t", "ed25519", "-N", ""]);
    let bare = key.identity.recipient().unwrap().clone();
    let commented = Recipient::parse(&key.recipient).unwrap();
    assert!(bare.is_same_key(&commented) && bare.as_str() != commented.as_str());
    let text = sealed(DocumentForm::Json, &bare, &[commented]);
    let document = Document::parse(DocumentForm::Json, text.as_bytes()).unwrap();
    let (verified, before) = document.review().without_seal();
    let data_key = verified.unlock().offer(&key.identity).unwrap();
    let mut open = verified.open(&data_key).unwrap();
    let error = open.accept(place(), before).unwrap_err();
    assert!(error.to_string().contains("stands there twice"), "{error}");
    assert_eq!(
        read(DocumentForm::Json, &text, &key.identity),
        Map::from([("A".into(), "1".into())])
    );
}
