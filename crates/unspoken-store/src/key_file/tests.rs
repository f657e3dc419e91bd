//! Keys and stubs in a key folder of its own, where no keychain is.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use super::*;
use crate::Written;

fn in_new_home(test: impl FnOnce(Home)) {
    let folder = tempfile::tempdir().unwrap();
    let user = fs::metadata(folder.path()).unwrap().uid();
    test(Home::at(folder.path().join("home"), user));
}

fn id(text: &str) -> KeyId {
    KeyId::parse(text).unwrap()
}

/// Makes the key file of `id` say something, and returns the key.
fn write<'h>(home: &'h Home, id: &KeyId, text: &str) -> KeyFile<'h> {
    if home.keys().list().unwrap().is_empty() {
        home.keys().write_new(id, b"first").unwrap();
    }
    fs::write(home.keys().path_of(id), text).unwrap();
    home.keys().file(id)
}

fn stub(id: &KeyId) -> String {
    KeyStub { key: id.clone(), tag: 7 }.print(None, &[])
}

#[test]
fn the_file_alone_says_where_a_key_is() {
    in_new_home(|home| {
        let (ours, other) = (id("0123456789abcdef"), id("fedcba9876543210"));
        assert_eq!(home.keys().file(&ours).kept().unwrap(), None);
        assert!(!home.path().exists(), "looking creates nothing");
        assert_eq!(write(&home, &ours, "a key").kept().unwrap(), Some(KeptIn::File));
        let key = write(&home, &ours, &stub(&ours));
        assert_eq!(key.kept().unwrap(), Some(KeptIn::Keychain));

        // A key that is stored again is the one that the keychain has.
        assert_eq!(home.keys().write_new(&ours, b"a key").unwrap(), Written::Unchanged);
        assert_eq!(key.move_to(KeptIn::Keychain).unwrap(), Moved::Before);
        assert_eq!(fs::read_to_string(key.path()).unwrap(), stub(&ours));

        let key = write(&home, &ours, &stub(&other));
        let error = key.kept().unwrap_err();
        assert!(matches!(error, PrivateError::Stub { error: None, .. }), "{error:?}");
        let key = write(&home, &ours, "keychain: \u{1b}\n");
        let error = key.read().err().unwrap();
        assert!(matches!(error, PrivateError::Stub { error: Some(_), .. }), "{error:?}");
        assert!(!error.to_string().contains('\u{1b}'));
    });
}

#[test]
fn without_a_keychain_a_key_stays_and_a_stub_gives_none() {
    in_new_home(|home| {
        let identity = Identity::generate();
        let ours = identity.recipient().unwrap().key_id();
        let text = identity.print_file(None, jiff::Timestamp::UNIX_EPOCH);
        let key = write(&home, &ours, &text);
        let error = key.move_to(KeptIn::Keychain).unwrap_err();
        let source = KeychainError::NoBus;
        assert!(matches!(error, MoveError::Keychain { source: s, .. } if s == source));
        assert_eq!(key.move_to(KeptIn::File).unwrap(), Moved::Before);
        assert!(fs::read_to_string(key.path()).unwrap() == *text, "the key was changed");

        let key = write(&home, &ours, &stub(&ours));
        let error = home.keys().read(&ours).unwrap_err();
        assert!(matches!(error, PrivateError::Keychain { .. }), "{error:?}");
        key.move_to(KeptIn::File).unwrap_err();
        assert_eq!(fs::read_to_string(key.path()).unwrap(), stub(&ours));
    });
}

#[test]
fn what_is_no_key_or_another_one_does_not_move() {
    in_new_home(|home| {
        let identity = Identity::generate();
        let text = identity.print_file(None, jiff::Timestamp::UNIX_EPOCH);
        let key = write(&home, &id("0123456789abcdef"), &text);
        let error = key.move_to(KeptIn::Keychain).unwrap_err();
        assert!(matches!(error, MoveError::OtherName { .. }), "{error:?}");
        let key = write(&home, &id("0123456789abcdef"), "AGE-PLUGIN-A-1\n");
        let error = key.move_to(KeptIn::Keychain).unwrap_err();
        assert!(matches!(error, MoveError::Identity { .. }), "{error:?}");
        let error = home.key_file(KeyName::Identity).move_to(KeptIn::File).unwrap_err();
        assert!(matches!(error, MoveError::Missing { .. }), "{error:?}");
    });
}

#[test]
fn what_a_killed_writer_left_of_a_key_is_gone_after_the_next_move() {
    in_new_home(|home| {
        let ours = id("0123456789abcdef");
        let key = write(&home, &ours, &stub(&ours));
        // No process has this id.
        let left = home.keys().path().join(format!(".{ours}.4194304-0.tmp"));
        fs::write(&left, "a key").unwrap();
        fs::set_permissions(&left, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(key.move_to(KeptIn::Keychain).unwrap(), Moved::Before);
        assert!(!left.exists());
    });
}

#[test]
fn keys_are_among_others_or_not() {
    let (one, two) = (Identity::generate(), Identity::generate());
    let text = |identity: &Identity| identity.print_file(None, jiff::Timestamp::UNIX_EPOCH);
    let public = |identity: &Identity| identity.recipient().unwrap().as_str().to_owned();
    let both = format!("{}{}", *text(&one), *text(&two));
    assert!(are_among(text(&one).as_bytes(), &[public(&two), public(&one)]));
    assert!(!are_among(both.as_bytes(), &[public(&one)]));
    assert!(!are_among(b"# nothing\n", &[public(&one)]));
}

#[test]
fn the_place_is_read_from_its_comment_or_not_at_all() {
    for (text, expected) in [
        ("# created: x\n# environment: acme/production\nKEY", Some("acme/production")),
        ("# environment: acme\n", None),
        ("# environment: acme/../x\n", None),
        ("environment: acme/production\n", None),
    ] {
        let found = place_in(text.as_bytes()).map(|place| place.to_string());
        assert_eq!(found.as_deref(), expected, "{text}");
    }
}
