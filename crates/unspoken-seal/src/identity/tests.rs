#![allow(clippy::string_slice, reason = "keys are ASCII")]

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use unspoken_model::{EnvironmentName, ProjectName};

use super::*;
use crate::hazmat::DataKey;

const ED25519: &str = include_str!("../../tests/vectors/ssh/ed25519");
const ED25519_PUBLIC: &str = include_str!("../../tests/vectors/ssh/ed25519.pub");
const LOCKED: &str = include_str!("../../tests/vectors/ssh/ed25519_locked");
const LOCKED_PUBLIC: &str = include_str!("../../tests/vectors/ssh/ed25519_locked.pub");
const RSA: &str = include_str!("../../tests/vectors/ssh/rsa");
const RSA_PUBLIC: &str = include_str!("../../tests/vectors/ssh/rsa.pub");
const RSA_PEM: &str = include_str!("../../tests/vectors/ssh/rsa_pem");

/// Somebody who knows passphrases, and counts how often one is asked for.
#[derive(Debug, Default)]
struct Owner {
    answers: Vec<&'static str>,
    asked: AtomicUsize,
}

impl Owner {
    fn knows(answers: &[&'static str]) -> Arc<Self> {
        Arc::new(Self { answers: answers.to_vec(), asked: AtomicUsize::new(0) })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Ask for Owner {
    fn say(&self, _: &str) {}

    fn confirm(&self, _: &str, _: &str, _: Option<&str>) -> Option<bool> {
        panic!("nothing is to be confirmed")
    }

    fn text(&self, _: &str) -> Option<String> {
        panic!("no text is asked for")
    }

    fn secret(&self, _: &str) -> Option<Zeroizing<String>> {
        let at = self.asked.fetch_add(1, Ordering::Relaxed);
        self.answers.get(at).map(|answer| Zeroizing::new((*answer).to_owned()))
    }
}

fn ssh(text: &str) -> Identity {
    Identity::parse_file(text.as_bytes()).unwrap().remove(0)
}

fn locked(owner: &Arc<Owner>) -> Identity {
    let owner: Arc<dyn Ask> = owner.clone();
    ssh(LOCKED).asking(&owner)
}

/// Whether what is wrapped for a public key is unwrapped by a private one.
fn fits(recipient: &str, identity: &Identity) -> bool {
    let key = DataKey::random();
    let enc = Recipient::parse(recipient).unwrap().wrap(&key).unwrap();
    let opened = identity.unwrap_key(Wrapped { recipient, enc: &enc });
    opened.is_some_and(|opened| opened.as_slice() == key.expose())
}

#[test]
fn a_key_file_is_read_as_it_was_printed() {
    let place = Place {
        project: ProjectName::parse("acme").unwrap(),
        environment: EnvironmentName::parse("production").unwrap(),
    };
    let plugin = Identity::parse("AGE-PLUGIN-FOOBAR-1QVHULF").unwrap();
    for identity in [
        Identity::generate(),
        Identity::generate_post_quantum(),
        plugin,
        ssh(ED25519),
        ssh(LOCKED),
        ssh(RSA),
    ] {
        let text = identity.print_file(Some(&place), Timestamp::UNIX_EPOCH);
        if text.starts_with('#') {
            let head = "# created: 1970-01-01T00:00:00Z\n# environment: acme/production\n";
            assert!(text.starts_with(head));
        }
        let again = Identity::parse_file(text.as_bytes()).unwrap();
        assert_eq!(again.len(), 1);
        let public = |identity: &Identity| identity.recipient().map(|key| key.as_str().to_owned());
        assert_eq!(public(&again[0]), public(&identity));
        assert_eq!(again[0].expose(), identity.expose());
        assert_eq!(format!("{identity:?}"), "Identity([REDACTED])");
    }
}

#[test]
fn a_wrong_line_is_named_and_not_shown() {
    #[track_caller]
    fn case(bytes: &[u8], expected: IdentityError) {
        assert_eq!(Identity::parse_file(bytes).unwrap_err(), expected);
    }

    case(b"", IdentityError::Empty);
    case(b"# only\n\n", IdentityError::Empty);
    case(b"AGE-PLUGIN-YUBIKEY-1CANARY\n", IdentityError::Line { line: 1 });
    case(b"AGE-SECRET-KEY-PQ-1CANARY\n", IdentityError::Line { line: 1 });
    case(b"# a\n\nAGE-SECRET-KEY-1CANARY\n", IdentityError::Line { line: 3 });
    case(b" AGE-SECRET-KEY-1CANARY\n", IdentityError::Line { line: 1 });
    case(b"\xff", IdentityError::NotText);
    let short = include_bytes!("../../tests/vectors/ssh/rsa_short");
    let ecdsa = include_bytes!("../../tests/vectors/ssh/ecdsa");
    case(short, IdentityError::Ssh);
    case(ecdsa, IdentityError::Ssh);
    case(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", IdentityError::Ssh);
    case(format!("{ED25519}{ED25519}").as_bytes(), IdentityError::Ssh);
    case(format!("{ED25519}CANARY").as_bytes(), IdentityError::Ssh);
}

#[test]
fn a_post_quantum_key_has_one_spelling() {
    let text = Identity::generate_post_quantum().expose();
    assert!(text.starts_with("AGE-SECRET-KEY-PQ-1") && Identity::parse(&text).is_some());
    assert!(Identity::parse(&text.to_ascii_lowercase()).is_none());
    assert!(Identity::parse(&text[..text.len() - 1]).is_none());
}

#[test]
fn each_kind_unwraps_what_was_wrapped_for_it_and_nothing_else() {
    let own = |identity: &Identity| identity.recipient().unwrap().as_str().to_owned();
    let [classic, quantum] = [Identity::generate(), Identity::generate_post_quantum()];
    let keys = [
        (own(&classic), classic),
        (own(&quantum), quantum),
        (ED25519_PUBLIC.trim().to_owned(), ssh(ED25519)),
        (RSA_PUBLIC.trim().to_owned(), ssh(RSA)),
    ];
    for (at, (recipient, _)) in keys.iter().enumerate() {
        for (other, (_, identity)) in keys.iter().enumerate() {
            assert_eq!(fits(recipient, identity), at == other, "{recipient:.20} {other}");
        }
    }
    assert!(own(&ssh(RSA_PEM)).starts_with("ssh-rsa AAAA"));
    assert!(fits(&own(&ssh(RSA_PEM)), &ssh(RSA_PEM)));
}

#[test]
fn a_locked_ssh_key_asks_once_and_only_for_its_own_entries() {
    let name = LOCKED_PUBLIC.trim();
    let owner = Owner::knows(&["correct horse"]);
    let identity = locked(&owner);
    assert!(identity.asks() && !ssh(ED25519).asks());
    assert!(identity.is_named(name) && identity.is_named(identity.recipient().unwrap().as_str()));
    assert!(identity.may_fit(name));
    for other in [ED25519_PUBLIC.trim(), "age1x", &format!("{name}x")[..60]] {
        assert!(!identity.may_fit(other), "{other}");
    }
    assert!(fits(name, &identity) && fits(name, &identity));
    assert_eq!(owner.asked(), 1);
}

#[test]
fn a_passphrase_may_be_mistyped_and_may_be_unknown() {
    let name = LOCKED_PUBLIC.trim();
    let owner = Owner::knows(&["wrong", "correct horse"]);
    assert!(fits(name, &locked(&owner)));
    assert_eq!(owner.asked(), 2);

    let owner = Owner::knows(&["wrong", "wrong", "wrong", "correct horse"]);
    let identity = locked(&owner);
    assert!(!fits(name, &identity) && !fits(name, &identity));
    assert_eq!(owner.asked(), 3);

    let nobody = Owner::knows(&[]);
    assert!(!fits(name, &locked(&nobody)));
    assert_eq!(nobody.asked(), 1);
    assert!(!fits(name, &ssh(LOCKED)));
}

#[test]
fn a_plugin_is_started_for_its_own_entries_alone() {
    let identity = Identity::parse("AGE-PLUGIN-FOOBAR-1QVHULF").unwrap();
    assert_eq!(identity.plugin(), Some("foobar"));
    assert!(identity.recipient().is_none() && identity.asks());
    for (name, expected) in [
        ("age1foobar1qqqq", true),
        ("age1tag1qqqq", true),
        ("age1other1qqqq", false),
        ("age1foobarqqqq", false),
        ("ssh-ed25519 AAAA", false),
    ] {
        assert_eq!(identity.may_fit(name), expected, "{name}");
    }
    for wrong in [
        "AGE-PLUGIN-foobar-1QVHULF",
        "AGE-PLUGIN-FOOBAR-1QVHULG",
        "AGE-PLUGIN-FOOBAR1QVHULF",
        "AGE-PLUGIN-1QVHULF",
    ] {
        assert!(Identity::parse(wrong).is_none(), "{wrong}");
    }
}

#[test]
fn a_file_under_a_passphrase_says_so() {
    let identity = Identity::generate();
    let text = identity.print_file(None, Timestamp::UNIX_EPOCH);
    let sealed = crate::seal_with_passphrase(text.as_bytes(), "correct horse").unwrap();
    assert_eq!(Identity::parse_file(sealed.as_bytes()).unwrap_err(), IdentityError::Sealed);
    let opened = Identity::open_file(sealed.as_bytes(), "correct horse").unwrap();
    assert_eq!(opened[0].expose(), identity.expose());
    assert_eq!(
        Identity::open_file(sealed.as_bytes(), "wrong").unwrap_err(),
        IdentityError::Passphrase(PassphraseError::Passphrase)
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "(AGE-(SECRET-KEY|PLUGIN-[A-Z]{0,9})-(PQ-)?1)?[ -~]{0,200}") {
        if let Some(identity) = Identity::parse(&text) {
            prop_assert!(*identity.expose() == text);
        }
        let _ = Identity::parse_file(text.as_bytes());
    }

    #[test]
    fn a_broken_ssh_key_is_an_error(at in 0..ED25519.len() - 1, byte in any::<u8>(), rsa in any::<bool>()) {
        let mut bytes = if rsa { RSA } else { ED25519 }.as_bytes().to_vec();
        bytes[at] = byte;
        let _ = Identity::parse_file(&bytes);
        bytes.truncate(at);
        prop_assert!(Identity::parse_file(&bytes).is_err());
    }
}
