//! Who can open a document, before and after it was shared or made anew.

use std::collections::BTreeSet;

use unspoken_model::{DocumentForm, RecipientName};
use unspoken_seal::{Document, Identity, OpenDocument, Recipient};

use crate::kit::{FORMS, Map, Sops, create, name, now, open, place, read, secret};

fn values() -> Map {
    [("A", "1"), ("EMPTY", ""), ("PEM", "line\nline\n")].map(|(k, v)| (k.into(), v.into())).into()
}

fn opens(form: DocumentForm, text: &str, identity: &Identity) -> bool {
    let document = Document::parse(form, text.as_bytes()).unwrap();
    let pin = document.block().unwrap().seal_key;
    document.verify(&place(), Some(&pin)).unwrap().unlock().offer(identity).is_some()
}

fn seal(document: OpenDocument<'_>) -> String {
    document.seal(now()).unwrap().unwrap()
}

fn public(identity: &Identity) -> Recipient {
    identity.recipient().unwrap().clone()
}

#[test]
fn sharing_adds_lines_and_touches_no_other_value_or_reader() {
    let (environment, alice) = (Identity::generate(), Identity::generate());
    for form in FORMS {
        let sops = Sops::new();
        let before = create(form, &environment, &values());
        let mut document = open(form, &before, &environment);
        let bob = public(&sops.identity);
        document.share(&[public(&alice), bob.clone(), public(&environment)]).unwrap();
        let after = seal(document);

        for identity in [&environment, &alice, &sops.identity] {
            assert_eq!(read(form, &after, identity), values());
        }
        assert_eq!(sops.decrypt(form, &after).unwrap(), values());
        let kept = |text: &str| {
            let lines = text.lines().filter(|line| line.contains("ENC["));
            lines.filter(|line| !line.contains("mac")).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(kept(&before), kept(&after));

        let mut again = open(form, &after, &alice);
        again.share(&[public(&alice), bob]).unwrap();
        assert!(!again.is_changed());
    }
}

#[test]
fn a_new_data_key_shuts_out_who_is_not_named_also_with_the_old_key() {
    let (environment, alice, bob) =
        (Identity::generate(), Identity::generate(), Identity::generate());
    for form in FORMS {
        let mut document = OpenDocument::create(
            form,
            place(),
            &public(&environment),
            &[public(&alice), public(&bob)],
        )
        .unwrap();
        for (key, value) in values() {
            document.set(&name(&key), &secret(&value)).unwrap();
        }
        let before = seal(document);
        let parsed = Document::parse(form, before.as_bytes()).unwrap();
        let pin = parsed.block().unwrap().seal_key;
        let bobs = parsed.verify(&place(), Some(&pin)).unwrap().unlock().offer(&bob).unwrap();

        let mut document = open(form, &before, &environment);
        document.rekey(&public(&environment), &[public(&alice)], now()).unwrap();
        let new_pin = document.seal_key();
        let after = seal(document);
        assert_ne!(pin, new_pin);
        assert_eq!(read(form, &after, &alice), values());
        assert!(!opens(form, &after, &bob));
        // The data key that he has seen opens nothing any more.
        let parsed = Document::parse(form, after.as_bytes()).unwrap();
        assert!(parsed.block().unwrap().key_history.is_empty());
        assert!(parsed.verify(&place(), Some(&new_pin)).unwrap().open(&bobs).is_err());
        // No ciphertext is the old one, whose nonce would be used twice.
        for line in before.lines().filter(|line| line.contains("ENC[")) {
            assert!(!after.contains(line), "{line}");
        }
    }
}

#[test]
fn a_new_environment_key_leaves_the_old_ones_id() {
    let (old, new) = (Identity::generate(), Identity::generate());
    for form in FORMS {
        let before = create(form, &old, &values());
        let mut document = open(form, &before, &old);
        document.rekey(&public(&new), &[], now()).unwrap();
        let after = seal(document);
        assert!(!opens(form, &after, &old));
        assert_eq!(read(form, &after, &new), values());

        let parsed = Document::parse(form, after.as_bytes()).unwrap();
        let block = parsed.block().unwrap();
        assert_eq!(block.key_id, public(&new).key_id());
        let history = [(public(&old).key_id(), "2026-11-21T20:04:09Z".to_owned())];
        assert_eq!(block.key_history, history);
        assert_eq!(open(form, &after, &new).environment_key().unwrap(), public(&new).as_str());
    }
}

#[test]
fn what_a_dropped_reader_knew_is_noted_until_it_is_another_value() {
    let environment = Identity::generate();
    let readers = |names: &[&str]| -> BTreeSet<RecipientName> {
        names.iter().map(|name| RecipientName::parse(name).unwrap()).collect()
    };
    for form in FORMS {
        let text = create(form, &environment, &values());
        let mut document = open(form, &text, &environment);
        document.expose(&readers(&["bob"]));
        let text = seal(document);
        let mut document = open(form, &text, &environment);
        document.set(&name("NEW"), &secret("2")).unwrap();
        document.expose(&readers(&["carol"]));
        let text = seal(document);

        let noted = |text: &str| {
            let parsed = Document::parse(form, text.as_bytes()).unwrap();
            let exposed = &parsed.block().unwrap().exposed;
            let all = |names: &BTreeSet<RecipientName>| {
                names.iter().map(ToString::to_string).collect::<Vec<_>>().join("+")
            };
            exposed.iter().map(|(name, who)| format!("{name} {}", all(who))).collect::<Vec<_>>()
        };
        assert_eq!(noted(&text), ["A bob+carol", "NEW carol", "PEM bob+carol"]);

        let mut document = open(form, &text, &environment);
        document.set(&name("A"), &secret("1")).unwrap();
        assert!(!document.is_changed());
        document.set(&name("A"), &secret("other")).unwrap();
        assert!(document.rename(&name("PEM"), &name("TLS_KEY")).unwrap());
        document.remove(&name("NEW"));
        document.rekey(&public(&environment), &[], now()).unwrap();
        let text = seal(document);
        assert_eq!(noted(&text), ["TLS_KEY bob+carol"]);
        // It is under the seal.
        let forged = text.replace("bob, carol", "carol, dave");
        assert_ne!(forged, text);
        let parsed = Document::parse(form, forged.as_bytes()).unwrap();
        let pin = parsed.block().unwrap().seal_key;
        assert!(parsed.verify(&place(), Some(&pin)).is_err());
    }
}
