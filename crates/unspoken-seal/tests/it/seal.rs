//! What the seal promises: one value changes one line, one byte changes nothing
//! unnoticed.

use unspoken_model::{DocumentForm, EnvironmentName};
use unspoken_seal::{Change, Document, Identity, OpenDocument, SetError, VerifyError};

use crate::kit::{FORMS, Map, create, name, now, open, place, public, read, secret};

#[test]
fn setting_one_value_changes_its_line_and_the_integrity_lines() {
    let identity = Identity::generate();
    let values: Map = ["A", "B", "C", "D"].map(|n| (n.to_owned(), format!("value of {n}"))).into();
    for form in FORMS {
        let before = create(form, &identity, &values);
        let mut document = open(form, &before, &identity);
        assert_eq!(document.set(&name("B"), &secret("value of B")).unwrap(), Change::Unchanged);
        assert_eq!(document.set(&name("C"), &secret("other")).unwrap(), Change::Replaced);
        let after = document.seal("2026-11-22T00:00:00Z".parse().unwrap()).unwrap().unwrap();

        let changed: Vec<String> = before
            .lines()
            .zip(after.lines())
            .filter(|(before, after)| before != after)
            .map(|(before, _)| {
                let key = before.trim_start().split(['=', ':']).next().unwrap();
                key.trim_matches('"').replace("sops_unspoken__map_", "").replace("sops_", "")
            })
            .collect();
        assert_eq!(changed, ["C", "lastmodified", "mac", "revision", "seal"], "{form:?}");
    }
}

#[test]
fn setting_a_value_to_what_it_is_writes_nothing() {
    let identity = Identity::generate();
    let values = Map::from([("A".to_owned(), "1".to_owned())]);
    let text = create(DocumentForm::Json, &identity, &values);
    let mut document = open(DocumentForm::Json, &text, &identity);
    document.set(&name("A"), &secret("1")).unwrap();
    assert!(document.seal(now()).unwrap().is_none());
}

#[test]
fn names_stay_sorted_and_expiries_go_with_their_names() {
    let identity = Identity::generate();
    let values: Map = ["M", "Z", "A"].map(|n| (n.to_owned(), n.to_owned())).into();
    let text = create(DocumentForm::Json, &identity, &values);
    let mut document = open(DocumentForm::Json, &text, &identity);
    document.set(&name("B"), &secret("")).unwrap();
    let date = unspoken_model::Expiry::parse("2027-01-31").unwrap();
    assert!(document.expire(&name("B"), Some(date)));
    assert!(!document.expire(&name("B"), Some(date)));
    assert!(document.expire(&name("M"), Some(date)));
    assert!(document.remove(&name("M")));
    assert!(!document.remove(&name("M")));
    let text = document.seal(now()).unwrap().unwrap();

    let document = Document::parse(DocumentForm::Json, text.as_bytes()).unwrap();
    assert_eq!(document.names().collect::<Vec<_>>(), ["A", "B", "Z"]);
    assert_eq!(document.block().unwrap().revision, 2);
    assert_eq!(document.block().unwrap().expires.keys().collect::<Vec<_>>(), [&name("B")]);
}

/// Changes every byte in turn, in four ways, with and without a pinned key.
#[test]
fn no_changed_byte_gives_another_value() {
    let identity = Identity::generate();
    let values: Map = ["A", "EMPTY", "LONG_NAME"]
        .map(|n| (n.to_owned(), if n == "EMPTY" { String::new() } else { n.repeat(3) }))
        .into();
    for form in FORMS {
        let text = create(form, &identity, &values);
        let pin = Document::parse(form, text.as_bytes()).unwrap().block().unwrap().seal_key;
        let attempt = |bytes: &[u8], pin| -> Option<Map> {
            let verified = Document::parse(form, bytes).ok()?.verify(&place(), pin).ok()?;
            let key = verified.unlock().offer(&identity)?;
            let set = verified.open(&key).ok()?.into_set(&place()).ok()?;
            Some(set.iter().map(|(n, s)| (n.to_string(), s.expose().to_owned())).collect())
        };
        assert_eq!(attempt(text.as_bytes(), Some(&pin)).unwrap(), values);
        let mut tried = 0;
        for at in 0..text.len() {
            let flip = |mask: u8| {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= mask;
                bytes
            };
            let mut removed = text.clone().into_bytes();
            let byte = removed.remove(at);
            let mut doubled = text.clone().into_bytes();
            doubled.insert(at, byte);
            for bytes in [flip(1), flip(0x20), flip(0x80), removed, doubled] {
                if bytes == text.as_bytes() {
                    continue;
                }
                tried += 1;
                assert_eq!(attempt(&bytes, Some(&pin)), None, "{form:?} byte {at}");
                // Without a pin the block itself can be spoilt; the sops MAC
                // is what is left, and no value is another than it was.
                if let Some(found) = attempt(&bytes, None) {
                    for (name, value) in found {
                        assert_eq!(values.get(&name), Some(&value), "{form:?} byte {at}");
                    }
                }
            }
        }
        assert!(tried > 5_000, "{tried}");
    }
}

/// What the sops MAC leaves open and the seal closes.
#[test]
fn the_seal_closes_what_sops_leaves_open() {
    let identity = Identity::generate();
    let values: Map =
        [("A", "1"), ("B", ""), ("C", "")].map(|(n, v)| (n.to_owned(), v.to_owned())).into();
    let text = create(DocumentForm::Json, &identity, &values);
    let verify = |text: &str| {
        let document = Document::parse(DocumentForm::Json, text.as_bytes()).unwrap();
        let pin = document.block().map(|block| block.seal_key);
        document.verify(&place(), pin.as_ref()).map(drop)
    };
    let other = Identity::generate();
    for change in [
        text.replacen("\t\"A\"", "\t\"NODE_OPTIONS\": \"\",\n\t\"A\"", 1),
        text.replacen("\t\"B\": \"\",\n", "", 1),
        text.replacen("\"B\"", "\"D\"", 1),
        text.replacen("\"B\": \"\",\n\t\"C\"", "\"C\": \"\",\n\t\"B\"", 1),
        text.replacen(public(&identity).as_str(), public(&other).as_str(), 1),
        text.replacen("\"revision\": 1", "\"revision\": 2", 1),
        text.replacen("2026-11-21", "2026-11-22", 1),
    ] {
        assert_ne!(change, text);
        assert_eq!(verify(&change), Err(VerifyError::Seal), "{change}");
    }
    for change in [
        // An entry that is no whole recipient: sops would wrap the next data
        // key for it.
        text.replacen(
            "\"age\": [",
            "\"age\": [\n\t\t\t{\n\t\t\t\t\"recipient\": \"age1x\"\n\t\t\t},",
            1,
        ),
        text.replacen("\"age\": [", "\"age\": [\n\t\t\t\"age1x\",", 1),
        text.replacen("\t\"enc\":", "\t\"a\": \"\",\n\t\t\t\t\"enc\":", 1),
        text.replacen("\"lastmodified\"", "\"kms\": [],\n\t\t\"lastmodified\"", 1),
        text.replacen('\t', "  ", 1),
        text.replacen("\"version\": \"3.13.2\"", "\"version\": \"3.13.3\"", 1),
        text.replacen("\"version\": \"3.13.2\"", "\"foo\": \"x\",\n\t\t\"version\": \"3.13.2\"", 1),
    ] {
        assert_ne!(change, text);
        assert_eq!(verify(&change), Err(VerifyError::Spelling), "{change}");
    }
    let mut elsewhere = place();
    elsewhere.environment = EnvironmentName::parse("staging").unwrap();
    let document = Document::parse(DocumentForm::Json, text.as_bytes()).unwrap();
    assert_eq!(
        document.verify(&elsewhere, None).unwrap_err(),
        VerifyError::WrongPlace { found: place() }
    );
}

/// Somebody who makes a whole new seal, with a data key of their own, is told
/// apart by the pinned key; somebody who signs with a key that is not derived
/// from the data key, by the derivation.
#[test]
fn a_seal_by_a_stranger_is_refused() {
    let identity = Identity::generate();
    let values = Map::from([("A".to_owned(), "1".to_owned())]);
    let ours = create(DocumentForm::Json, &identity, &values);
    let theirs = create(DocumentForm::Json, &identity, &values);
    let pin =
        Document::parse(DocumentForm::Json, ours.as_bytes()).unwrap().block().unwrap().seal_key;
    let document = Document::parse(DocumentForm::Json, theirs.as_bytes()).unwrap();
    let found = document.block().unwrap().seal_key;
    assert_eq!(
        document.verify(&place(), Some(&pin)).unwrap_err(),
        VerifyError::OtherSealKey { found }
    );
}

#[test]
fn ten_thousand_values_are_the_most() {
    let identity = Identity::generate();
    let mut document =
        OpenDocument::create(DocumentForm::Json, place(), public(&identity), &[]).unwrap();
    for n in 0..Document::MAX_VALUES {
        document.set(&name(&format!("N{n}")), &secret("x")).unwrap();
    }
    assert_eq!(document.set(&name("M"), &secret("x")), Err(SetError::TooMany));
    let text = document.seal(now()).unwrap().unwrap();
    assert_eq!(read(DocumentForm::Json, &text, &identity).len(), 10_000);
    let extra = text.replacen("{\n", "{\n\t\"A\": \"\",\n", 1);
    let error = Document::parse(DocumentForm::Json, extra.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "line 1: it holds more than 10000 values");
}
