//! Our documents and the real sops program's, held against each other.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use unspoken_model::DocumentForm;
use unspoken_seal::{
    AcceptError, Document, Identity, OpenDocument, OpenError, Recipient, SetError, VerifyError,
};

use crate::kit::{
    FORMS, Map, Sops, any_values, create, name, now, open, place, public, read, secret,
};

#[test]
fn sops_decrypts_what_we_write() {
    let sops = Sops::new();
    let mut runner =
        TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    runner
        .run(&any_values(), |values| {
            for form in FORMS {
                let text = create(form, &sops.identity, &values);
                prop_assert_eq!(sops.decrypt(form, &text), Ok(values.clone()), "{:?}", form);
                prop_assert_eq!(read(form, &text, &sops.identity), values.clone());
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn we_decrypt_what_sops_writes() {
    let sops = Sops::new();
    let mut runner =
        TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    runner
        .run(&any_values(), |values| {
            let json = serde_json::to_string(&values).unwrap();
            let text = sops.encrypt("json", &[], &json);
            prop_assert_eq!(read(DocumentForm::Json, &text, &sops.identity), values.clone());
            let text = sops.encrypt("yaml", &[], &json);
            prop_assert_eq!(read(DocumentForm::Yaml, &text, &sops.identity), values.clone());

            // The two characters `\n` are a newline in this dialect.
            let values: Map = values.into_iter().map(|(k, v)| (k, v.replace("\\n", ""))).collect();
            prop_assume!(!values.is_empty());
            let lines = |(key, value): (&String, &String)| {
                format!("{key}={}\n", value.replace('\n', "\\n"))
            };
            let plain: String = values.iter().map(lines).collect();
            let text = sops.encrypt("env", &[], &plain);
            prop_assert_eq!(read(DocumentForm::Dotenv, &text, &sops.identity), values);
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_document_that_sops_edited_has_lost_its_seal() {
    let sops = Sops::new();
    let values = Map::from([("A".to_owned(), "1".to_owned())]);
    for (form, file) in FORMS.into_iter().zip(["d.json", "d.env", "d.yaml"]) {
        let text = create(form, &sops.identity, &values);
        let pin = Document::parse(form, text.as_bytes()).unwrap().block().unwrap().seal_key;
        std::fs::write(sops.path(file), &text).unwrap();
        sops.run(&["set", file, "[\"B\"]", "\"2\""], b"").unwrap();
        let edited = std::fs::read_to_string(sops.path(file)).unwrap();

        let document = Document::parse(form, edited.as_bytes()).unwrap();
        assert!(document.block().is_none(), "sops {file} keeps an unknown block now");
        assert_eq!(document.verify(&place(), Some(&pin)).unwrap_err(), VerifyError::Unsealed);
        assert_eq!(read(form, &edited, &sops.identity).len(), 2);
    }
}

#[test]
fn rules_comments_and_partial_macs_of_sops_are_followed() {
    let sops = Sops::new();
    let dotenv = "# a secret one\nA=1\nB_PLAIN=2\n# public\nC=3\n#\nPUB_D=4\n";
    let all: Map = [("A", "1"), ("B_PLAIN", "2"), ("C", "3"), ("PUB_D", "4")]
        .map(|(n, v)| (n.into(), v.into()))
        .into();
    for options in [
        vec!["unencrypted_suffix: _PLAIN"],
        vec!["encrypted_suffix: _PLAIN"],
        vec!["unencrypted_regex: ^PUB"],
        vec!["encrypted_regex: ^(A|C)$"],
        vec!["encrypted_regex: ^A$", "mac_only_encrypted: true"],
        vec!["unencrypted_comment_regex: public"],
        vec!["encrypted_comment_regex: secret"],
    ] {
        let text = sops.encrypt("env", &options, dotenv);
        assert_eq!(read(DocumentForm::Dotenv, &text, &sops.identity), all, "{options:?}\n{text}");
        // And after an edit of ours, sops still reads all of it.
        let mut document = open(DocumentForm::Dotenv, &text, &sops.identity);
        // What the rule would leave in the clear is not taken.
        let mut expected = all.clone();
        for key in ["A", "B_PLAIN", "NEW"] {
            let clear = SetError::Clear { name: key.to_owned() };
            match document.set(&name(key), &secret("changed")) {
                Ok(_) => drop(expected.insert(key.to_owned(), "changed".to_owned())),
                Err(error) => assert_eq!(error, clear, "{options:?}"),
            }
        }
        let text = document.seal(now()).unwrap().unwrap();
        assert!(!text.contains("changed"), "{options:?}\n{text}");
        assert_eq!(
            sops.decrypt(DocumentForm::Dotenv, &text).unwrap(),
            expected,
            "{options:?}\n{text}"
        );
    }
}

#[test]
fn a_plain_value_may_change_where_the_mac_covers_encrypted_values_only() {
    let sops = Sops::new();
    let text =
        sops.encrypt("env", &["encrypted_regex: ^A$", "mac_only_encrypted: true"], "A=1\nB=2\n");
    let edited = text.replacen("\nB=2", "\nB=3", 1);
    assert_eq!(read(DocumentForm::Dotenv, &edited, &sops.identity)["B"], "3");
    let all =
        sops.encrypt("env", &["encrypted_regex: ^A$"], "A=1\nB=2\n").replacen("\nB=2", "\nB=3", 1);
    let verified = Document::parse(DocumentForm::Dotenv, all.as_bytes())
        .unwrap()
        .verify(&place(), None)
        .unwrap();
    let key = verified.unlock().offer(&sops.identity).unwrap();
    assert_eq!(verified.open(&key).unwrap_err(), OpenError::Mac);
}

#[test]
fn numbers_of_sops_json_read_as_their_text_and_trees_are_refused_by_name() {
    let sops = Sops::new();
    let plain = r#"{"A":-0,"B":1.0,"C":1e21,"D":1e-7,"E":9007199254740993,"F":9223372036854775808,"G":true,"H":"<&>\u2028\ud83d","I":null,"J":""}"#;
    let text = sops.encrypt("json", &[], plain);
    let map = read(DocumentForm::Json, &text, &sops.identity);
    let expected = [
        ("A", "0"),
        ("B", "1.0"),
        ("C", "1000000000000000000000.0"),
        ("D", "0.0000001"),
        ("E", "9007199254740993"),
        ("F", "9223372036854776000.0"),
        ("G", "true"),
        ("H", "<&>\u{2028}\u{fffd}"),
        ("J", ""),
    ];
    assert_eq!(map, expected.map(|(n, v)| (n.to_owned(), v.to_owned())).into());

    for (plain, error) in [
        (r#"{"A":{"B":"x"}}"#, SetError::Nested { name: "A".into() }),
        (r#"{"A":["x"]}"#, SetError::Nested { name: "A".into() }),
        (r#"{"A":[]}"#, SetError::Nested { name: "A".into() }),
        (r#"{"A":"x","A":"y"}"#, SetError::Repeated { name: "A".into() }),
    ] {
        let text = sops.encrypt("json", &[], plain);
        let open = open(DocumentForm::Json, &text, &sops.identity);
        assert_eq!(open.into_set(&place()).unwrap_err(), error);
    }
    let text = sops.encrypt("json", &[], r#"{"lower":"x"}"#);
    let set = open(DocumentForm::Json, &text, &sops.identity).into_set(&place());
    assert!(matches!(set, Err(SetError::Name { name, .. }) if name == "lower"));
}

#[test]
fn a_tree_of_another_program_is_edited_without_harm_to_the_rest() {
    let sops = Sops::new();
    let plain =
        r#"{"s":"x","list":["a","a",{"k:v":1.5}],"map":{"e":"","n":null,"m":{},"l":[]},"t":true}"#;
    let text = sops.encrypt("json", &[], plain);
    let mut document = open(DocumentForm::Json, &text, &sops.identity);
    document.set(&name("NEW"), &secret("line\nline")).unwrap();
    let text = document.seal(now()).unwrap().unwrap();
    std::fs::write(sops.path("t.json"), text).unwrap();
    let found: serde_json::Value =
        serde_json::from_str(&sops.run(&["decrypt", "t.json"], b"").unwrap()).unwrap();
    let mut expected: serde_json::Value = serde_json::from_str(plain).unwrap();
    expected["NEW"] = "line\nline".into();
    assert_eq!(found, expected);
}

#[test]
fn two_of_three_groups_open_and_one_does_not() {
    let sops = Sops::new();
    let identities: Vec<Identity> = (0..3).map(|_| Identity::generate()).collect();
    let groups: String = identities
        .iter()
        .map(|identity| format!("      - age: [{}]\n", public(identity).as_str()))
        .collect();
    let rules = format!("creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n{groups}");
    std::fs::write(sops.path(".sops.yaml"), rules).unwrap();
    for (form, file) in FORMS.into_iter().zip(["g.json", "g.env", "g.yaml"]) {
        let plain = if form == DocumentForm::Dotenv { "A=1\n" } else { r#"{"A":"1"}"# };
        std::fs::write(sops.path(file), plain).unwrap();
        let text = sops.run(&["encrypt", file], b"").unwrap();
        let verified =
            Document::parse(form, text.as_bytes()).unwrap().verify(&place(), None).unwrap();
        let mut unlock = verified.unlock();
        assert!(unlock.offer(&identities[2]).is_none());
        assert!(unlock.offer(&Identity::generate()).is_none());
        let key = unlock.offer(&identities[0]).unwrap();
        let mut document = verified.open(&key).unwrap();
        document.set(&name("B"), &secret("2")).unwrap();
        let text = document.seal(now()).unwrap().unwrap();

        // Two holders together still open it with sops.
        let both: String =
            identities[1..].iter().map(|i| i.print_file(None, now()).to_string()).collect();
        std::fs::write(sops.path("identity"), both).unwrap();
        assert_eq!(sops.decrypt(form, &text).unwrap().len(), 2);
        std::fs::write(sops.path("identity"), identities[1].print_file(None, now()).as_bytes())
            .unwrap();
        assert_eq!(sops.decrypt(form, &text), Err(128));
    }
}

#[test]
fn each_of_twelve_recipients_opens_it_here_and_with_sops() {
    let sops = Sops::new();
    let others: Vec<Identity> = (0..11).map(|_| Identity::generate()).collect();
    let mut recipients: Vec<Recipient> = others.iter().map(|key| public(key).clone()).collect();
    recipients.push(public(&sops.identity).clone());
    for form in FORMS {
        let mut document =
            OpenDocument::create(form, place(), &recipients[0], &recipients[1..]).unwrap();
        document.set(&name("A"), &secret("1")).unwrap();
        let text = document.seal(now()).unwrap().unwrap();
        assert_eq!(sops.decrypt(form, &text).unwrap()["A"], "1");
        for identity in &others {
            assert_eq!(read(form, &text, identity)["A"], "1");
        }
    }
}

#[test]
fn an_empty_document_is_a_document() {
    let sops = Sops::new();
    for form in FORMS {
        let text = create(form, &sops.identity, &Map::new());
        assert_eq!(sops.decrypt(form, &text), Ok(Map::new()));
        assert_eq!(read(form, &text, &sops.identity), Map::new());
    }
}

fn accepted(form: DocumentForm, text: &str, identity: &Identity) -> Result<String, AcceptError> {
    let document = Document::parse(form, text.as_bytes()).unwrap();
    let (document, before) = document.review().without_seal();
    let key = document.unlock().offer(identity).unwrap();
    let mut open = document.open(&key).unwrap();
    open.accept(place(), before)?;
    Ok(open.seal(now()).unwrap().unwrap())
}

#[test]
fn a_reviewed_document_is_sealed_again_and_sops_still_reads_it() {
    let sops = Sops::new();
    let values = Map::from([("M".to_owned(), "1".to_owned())]);
    for (form, file) in FORMS.into_iter().zip(["d.json", "d.env", "d.yaml"]) {
        let before = create(form, &sops.identity, &values);
        let pin = Document::parse(form, before.as_bytes()).unwrap().block().unwrap().seal_key;
        std::fs::write(sops.path(file), &before).unwrap();
        sops.run(&["set", file, "[\"A\"]", "\"2\""], b"").unwrap();
        let edited = std::fs::read_to_string(sops.path(file)).unwrap();

        let text = accepted(form, &edited, &sops.identity).unwrap();

        // The data key is the same, so the pin still fits.
        let document = Document::parse(form, text.as_bytes()).unwrap();
        assert_eq!(document.verify(&place(), Some(&pin)).unwrap().document().names().count(), 2);
        assert_eq!(sops.decrypt(form, &text).unwrap(), read(form, &text, &sops.identity));
    }
}

#[test]
fn what_the_seal_cannot_cover_is_not_accepted() {
    let sops = Sops::new();
    for (plain, rule, error) in [
        (
            r#"{"a":"x"}"#,
            "",
            "`a`: 'a' at byte 0 cannot stand in a secret name (A-Z, then A-Z, 0-9 and `_`)",
        ),
        (r#"{"A":{"B":"x"}}"#, "", "`A` is not a text, and a sealed document is flat"),
        (
            r#"{"A":true,"B":"x"}"#,
            "unencrypted_regex: ^A$",
            "its metadata has `unencrypted_regex`, which the seal does not cover",
        ),
        (r#"{"A":"x","A":"y"}"#, "", "`A` stands there twice"),
    ] {
        let rules: Vec<&str> = if rule.is_empty() { vec![] } else { vec![rule] };
        let text = sops.encrypt("json", &rules, plain);
        let found = accepted(DocumentForm::Json, &text, &sops.identity).unwrap_err();
        assert_eq!(found.to_string(), error, "{plain}");
    }
}
