#![allow(clippy::string_slice, reason = "keys are ASCII")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;
use crate::Identity;

const X25519: &str = "age1hz2lz72ugpzl06tdjp5dfwjduuj8xkdg7uz8egfwryn8qd9tqfhqarc79y";
const TAG: &str = "age1tag1qt8lw0ual6avlwmwatk888yqnmdamm7xfd0wak53ut6elz5c4swx2yqdj4e";
const ED25519: &str = include_str!("../../tests/vectors/ssh/ed25519.pub");
const RSA: &str = include_str!("../../tests/vectors/ssh/rsa.pub");
const RSA_SHORT: &str = include_str!("../../tests/vectors/ssh/rsa_short.pub");
const ECDSA: &str = include_str!("../../tests/vectors/ssh/ecdsa.pub");

fn quantum() -> String {
    Identity::generate_post_quantum().recipient().unwrap().as_str().to_owned()
}

fn plugin() -> String {
    key_text::print("age1foo", &[7; 32]).unwrap().to_string()
}

#[track_caller]
fn refused(text: &str, expected: &RecipientError) {
    assert_eq!(&Recipient::parse(text).unwrap_err(), expected, "{text:?}");
}

#[test]
fn a_key_id_is_the_start_of_the_hash_of_the_public_text() {
    // printf %s age1hz2l… | sha256sum
    assert_eq!(key_id(X25519).as_str(), "ae18ed509506c03b");
}

#[test]
fn each_kind_is_read_in_its_one_spelling() {
    assert_eq!(quantum().len(), 1959);
    for text in [X25519.to_owned(), TAG.to_owned(), quantum(), plugin()] {
        let recipient = Recipient::parse(&text).unwrap();
        assert_eq!(recipient.as_str(), text);
        assert_eq!(recipient.plugin(), (text == plugin()).then_some("foo"));
        assert_eq!(recipient.is_post_quantum(), text.starts_with("age1pq1"));
        let last = if text.ends_with('q') { 'p' } else { 'q' };
        for wrong in [
            format!(" {text}"),
            format!("{text}\n"),
            text.to_ascii_uppercase(),
            format!("{}{last}", &text[..text.len() - 1]),
            text[..text.len() - 1].to_owned(),
        ] {
            refused(&wrong, &RecipientError::Form);
        }
    }
    for wrong in
        ["", "age1", "age11", "AGE1", "hello", "age1foo/1qqqq", "x".repeat(99_999).as_str()]
    {
        refused(wrong, &RecipientError::Form);
    }
}

#[test]
fn an_ssh_key_is_its_line_with_the_comment() {
    for line in [ED25519.trim(), RSA.trim()] {
        let recipient = Recipient::parse(line).unwrap();
        assert_eq!(recipient.as_str(), line);
        let bare = ssh::without_comment(line);
        let other = Recipient::parse(&format!("{bare} bob@example, laptop")).unwrap();
        assert!(recipient.is_same_key(&other) && recipient.is_same_key(&other.clone()));
        assert_ne!(other.key_id(), key_id(bare));
        assert!(!recipient.is_same_key(&Recipient::parse(X25519).unwrap()));

        for comment in [" ", "  x", " x ", " a\\nb", " a\u{1b}[2J", " a\tb", " \u{85}"] {
            refused(&format!("{bare}{comment}"), &RecipientError::SshComment);
        }
        for wrong in [
            bare.replacen(' ', "  ", 1),
            bare.replacen(' ', "", 1),
            format!("{bare}="),
            bare[..bare.len() - 4].to_owned(),
            format!("{bare}AAAA"),
        ] {
            refused(&wrong, &RecipientError::Form);
        }
    }
    let (_, key) = ED25519.trim().split_once(' ').unwrap();
    refused(&format!("ssh-rsa {key}"), &RecipientError::Form);
    refused(RSA_SHORT.trim(), &RecipientError::RsaSize);
    refused(ECDSA.trim(), &RecipientError::SshKind);
}

#[test]
fn a_private_key_is_told_from_a_public_one() {
    for text in [
        Identity::generate().expose().as_str(),
        Identity::generate_post_quantum().expose().as_str(),
        "AGE-PLUGIN-FOOBAR-1QVHULF",
        include_str!("../../tests/vectors/ssh/ed25519").trim(),
    ] {
        let error = Recipient::parse(text).unwrap_err();
        assert_eq!(error, RecipientError::Private);
        assert!(!format!("{error:?} {error}").contains(text));
    }
}

#[test]
fn a_key_with_the_same_secret_for_all_is_none() {
    for point in [[0; 32], {
        let mut one = [0; 32];
        one[0] = 1;
        one
    }] {
        refused(&key_text::print("age", &point).unwrap(), &RecipientError::Form);
        let mut wire = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
        wire.extend_from_slice(&point);
        let key = STANDARD.encode(wire);
        refused(&format!("ssh-ed25519 {key}"), &RecipientError::Form);
    }
}

#[test]
fn what_hardware_opens_is_wrapped_without_it() {
    let wrapped = Recipient::parse(TAG).unwrap().wrap(&DataKey::random()).unwrap();
    assert!(wrapped.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"));
}

#[test]
fn a_plugin_that_is_missing_is_named() {
    let recipient = Recipient::parse(&plugin()).unwrap();
    let error = recipient.wrap(&DataKey::random()).unwrap_err();
    assert_eq!(error, RecipientError::PluginMissing { name: "foo".to_owned() });
    assert_eq!(error.to_string(), "the program `age-plugin-foo` is not installed");
}

proptest! {
    #[test]
    fn what_is_read_is_kept_as_it_is(text in "(age1(pq1|tag1|[a-z]{1,9}1)?|ssh-(ed25519|rsa) AAAA)?[ -~]{0,200}") {
        if let Ok(recipient) = Recipient::parse(&text) {
            prop_assert_eq!(recipient.as_str(), &text);
        }
    }

    #[test]
    fn a_changed_ssh_key_is_another_key_or_none(at in 0..ED25519.len() - 1, byte in b' '..b'~') {
        let line = ED25519.trim();
        let mut changed = line.as_bytes().to_vec();
        changed[at] = byte;
        let changed = String::from_utf8(changed).unwrap();
        if let Ok(recipient) = Recipient::parse(&changed) {
            let same = ssh::without_comment(&changed) == ssh::without_comment(line);
            prop_assert_eq!(recipient.is_same_key(&Recipient::parse(line).unwrap()), same);
        }
    }
}
