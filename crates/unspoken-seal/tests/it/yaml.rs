//! YAML documents of the real sops program, read and edited in place.

mod written;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use unspoken_model::DocumentForm::Yaml;
use unspoken_seal::{
    Document, OpenDocument, OpenError, ParseProblem, SealError, SetError, ValueError, VerifyError,
    YamlProblem,
};

use written::{any_entries, print};

use crate::kit::{Map, Sops, create, name, now, open, place, read, secret};

fn decrypt(sops: &Sops, text: &str) -> Value {
    std::fs::write(sops.path("t.yaml"), text).unwrap();
    let json = sops.run(&["decrypt", "--output-type", "json", "t.yaml"], b"");
    serde_json::from_str(&json.unwrap_or_else(|code| panic!("sops ends with {code}:\n{text}")))
        .unwrap()
}

fn error(text: &str, sops: &Sops) -> OpenError {
    let verified = Document::parse(Yaml, text.as_bytes()).unwrap().verify(&place(), None).unwrap();
    let key = verified.unlock().offer(&sops.identity).unwrap();
    verified.open(&key).unwrap_err()
}

fn edited(text: &str, sops: &Sops, edit: impl FnOnce(&mut OpenDocument<'_>)) -> String {
    let mut document = open(Yaml, text, &sops.identity);
    edit(&mut document);
    document.seal(now()).unwrap().unwrap()
}

fn run<T: std::fmt::Debug>(
    cases: u32,
    strategy: &impl Strategy<Value = T>,
    test: impl Fn(T) -> Result<(), TestCaseError>,
) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new(config).run(strategy, test).unwrap();
}

#[test]
fn any_tree_of_sops_opens_and_is_edited_without_harm_to_the_rest() {
    let sops = Sops::new();
    run(40, &any_entries(), |entries| {
        let mut plain = String::new();
        print(&entries, 0, "", &mut plain);
        let text = sops.encrypt("yaml", &[], &plain);
        // A text in the clear that begins with line ends is too much for sops itself.
        std::fs::write(sops.path("t.yaml"), &text).unwrap();
        prop_assume!(sops.run(&["decrypt", "t.yaml"], b"").is_ok());
        let mut expected = decrypt(&sops, &text);

        // That it opens says that every value and the MAC over them are right.
        let after = edited(&text, &sops, |document| {
            document.set(&name("NEW"), &secret("line\nline")).unwrap();
        });

        expected["NEW"] = "line\nline".into();
        prop_assert_eq!(decrypt(&sops, &after), expected, "{}", &after);
        let changes = ["NEW:", "    lastmodified:", "    mac:"];
        let rest = |text: &str| -> Vec<String> {
            let kept = text.lines().filter(|line| !changes.iter().any(|c| line.starts_with(c)));
            kept.map(str::to_owned).collect()
        };
        prop_assert_eq!(rest(&after), rest(&text));
        Ok(())
    });
}

#[test]
fn values_that_are_set_and_removed_are_those_that_sops_reads() {
    let sops = Sops::new();
    let key = || "[A-E]";
    let change = proptest::option::of("[ -~\\n]{0,9}");
    let strategy = (
        proptest::collection::btree_map(key(), "[ -~\\n]{0,9}", 0..5),
        proptest::collection::vec((key(), change), 1..8),
    );
    run(40, &strategy, |(values, changes): (Map, Vec<(String, Option<String>)>)| {
        let plain = serde_json::to_string(&values).unwrap();
        let text = sops.encrypt("yaml", &[], &plain);
        let mut expected = values;
        let mut document = open(Yaml, &text, &sops.identity);
        for (key, change) in changes {
            match change {
                Some(value) => {
                    document.set(&name(&key), &secret(&value)).unwrap();
                    expected.insert(key, value);
                }
                None => {
                    document.remove(&name(&key));
                    expected.remove(&key);
                }
            }
        }
        if let Some(text) = document.seal(now()).unwrap() {
            prop_assert_eq!(sops.decrypt(Yaml, &text), Ok(expected.clone()), "{}", &text);
            prop_assert_eq!(read(Yaml, &text, &sops.identity), expected);
        }
        Ok(())
    });
}

/// Layouts that people and formatters make of what sops wrote.
#[test]
fn what_a_person_laid_out_stays_as_it_is() {
    let sops = Sops::new();
    let written = sops.encrypt("yaml", &[], "A: one\nB: two\nC: three\nEMPTY:\nD: 4\n");
    let line = |key: &str| written.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
    let value = |key: &str| line(key).split_once(": ").unwrap().1.to_owned();
    for (layout, text) in [
        ("as it was", written.clone()),
        ("CR LF", written.replace('\n', "\r\n")),
        ("BOM", format!("\u{feff}{written}")),
        ("a start mark", format!("---\n{written}...\n")),
        ("no line end", written.trim_end().to_owned()),
        ("single quotes", written.replace(&value("B"), &format!("'{}'", value("B")))),
        ("double quotes", written.replace(&value("B"), &format!("\"{}\"", value("B")))),
        ("a block", written.replace(&value("B"), &format!(">-\n      {}\n\n", value("B")))),
        ("its own line", written.replace(&value("B"), &format!("\n      {}", value("B")))),
        ("a quoted key", written.replace("\nB:", "\n\n# mine\n\"B\"  :")),
        ("comments", written.replace("\nB:", "\n# mine\n\n    # far in\nB:") + "# the end\n"),
        ("behind", written.replace(&value("B"), &format!("{}   # mine", value("B")))),
        ("null", written.replace("EMPTY: null", "EMPTY: ~ # nothing")),
        ("indented", written.lines().map(|line| format!("  {line}\n")).collect()),
        (
            "quoted time",
            written.replace("lastmodified: \"2", "lastmodified: '2").replace("Z\"", "Z'"),
        ),
        ("metadata first", {
            let (values, metadata) = written.split_once("sops:\n").unwrap();
            format!("sops:\n{metadata}{values}")
        }),
    ] {
        assert_eq!(text == written, layout == "as it was", "{layout}: nothing was replaced");
        let before = decrypt(&sops, &text);
        let after = edited(&text, &sops, |document| {
            document.set(&name("B"), &secret("changed")).unwrap();
            document.set(&name("EMPTY"), &secret("")).unwrap();
            document.set(&name("NEW"), &secret("new")).unwrap();
            document.set(&name("NO"), &secret("a name that needs quotes")).unwrap();
            assert!(document.remove(&name("C")));
        });

        let mut expected = before.clone();
        expected["B"] = "changed".into();
        expected["EMPTY"] = "".into();
        expected["NEW"] = "new".into();
        expected["NO"] = "a name that needs quotes".into();
        expected.as_object_mut().unwrap().remove("C");
        assert_eq!(decrypt(&sops, &after), expected, "{layout}:\n{after}");

        // Line for line, the rest is there, in its order.
        let touched = ["B", "\"B\"", "C:", "EMPTY", "lastmodified", "mac:", "ENC[", ">-", "  ENC["];
        let kept = |line: &&str| {
            let start = line.trim();
            !touched.iter().any(|word| start.starts_with(word))
        };
        let mut lines = after.split('\n');
        for line in text.split('\n').filter(kept) {
            let found = lines.any(|other| other == line) || line.trim().is_empty();
            assert!(found, "{layout}: `{line}` is gone:\n{after}");
        }
        assert_eq!(after.contains("# mine"), text.contains("# mine"), "{layout}");
        let carriage = after.matches('\r').count();
        assert_eq!(carriage, if layout == "CR LF" { after.matches('\n').count() } else { 0 });
    }
}

#[test]
fn comments_are_read_where_sops_put_them() {
    let sops = Sops::new();
    let plain = "# top\n\n# second\nA: 1 # inline\n# above\nB: 2\n# end\n";
    let text = sops.encrypt("yaml", &[], plain);
    assert!(!text.contains("second") && text.contains("#ENC["), "{text}");
    assert_eq!(Document::parse(Yaml, text.as_bytes()).unwrap().comments(), 5);
    // The rules that go by comments: what they leave in the clear is read as such.
    let nested = "# public\nA: 1\nB: 2\nM:\n    # public\n    x: a\n    y: b # public\n    z: c\n# public\nN:\n    - d\n    - e: f\n";
    for rule in ["unencrypted_comment_regex: public", "encrypted_comment_regex: public"] {
        let text = sops.encrypt("yaml", &[rule], nested);
        assert!(text.contains("# public"), "{text}");
        let mut expected = decrypt(&sops, &text);
        let refused = SetError::Clear { name: "B".into() };
        let (name_of_clear, name_of_sealed) =
            if rule.starts_with('u') { ("A", "B") } else { ("B", "A") };
        let after = edited(&text, &sops, |document| {
            let clear = document.set(&name(name_of_clear), &secret("x"));
            assert_eq!(clear.map_err(|_| ()), Err(()), "{rule}: {refused}");
            document.set(&name(name_of_sealed), &secret("changed")).unwrap();
        });
        expected[name_of_sealed] = "changed".into();
        assert_eq!(decrypt(&sops, &after), expected, "{rule}\n{after}");
    }
}

/// sops 3.13.2 writes such files and does not read them again.
#[test]
fn a_comment_in_a_list_is_no_value() {
    let sops = Sops::new();
    let text = sops.encrypt("yaml", &[], "A: x\nL:\n    # one\n    - a # two\n    # three\n");
    assert!(text.contains("- ENC[AES256_GCM") && text.matches("type:comment").count() == 3);
    std::fs::write(sops.path("t.yaml"), &text).unwrap();
    assert_eq!(sops.run(&["decrypt", "t.yaml"], b""), Err(51), "it reads them now: say so");
    let mut document = open(Yaml, &text, &sops.identity);
    assert_eq!(document.get(&name("A")).unwrap().unwrap().expose(), "x");
    let nested = SetError::Nested { name: "L".into() };
    assert_eq!(document.set(&name("L"), &secret("y")).unwrap_err(), nested);
    // As earlier releases wrote them, which this one reads.
    let text = text.replace("- ENC[AES256_GCM,data", "#- ENC[AES256_GCM,data");
    let kept = text.lines().filter(|line| !line.contains("#-") || line.contains("type:str"));
    let text: String = kept.map(|line| line.replace("#-", "-") + "\n").collect();
    let text = text.replace("    - ENC", "    # plain\n    - ENC");
    let after = edited(&text, &sops, |document| {
        document.set(&name("A"), &secret("y")).unwrap();
    });
    assert!(after.contains("    # plain\n"));
    assert_eq!(decrypt(&sops, &after), serde_json::json!({ "A": "y", "L": ["a"] }));
}

#[test]
fn numbers_and_times_read_as_their_text_and_trees_are_refused_by_name() {
    let sops = Sops::new();
    let plain = "A: 0x1F\nB: 1.0\nC: 1e21\nD: yes\nE: 9223372036854775807\nF: true\nG: 2020-01-02\nH: |\n  a\n  b\nI:\nJ: ''\nK: .inf\n";
    let text = sops.encrypt("yaml", &[], plain);
    let expected = [
        ("A", "31"),
        ("B", "1.0"),
        ("C", "1000000000000000000000.0"),
        ("D", "yes"),
        ("E", "9223372036854775807"),
        ("F", "true"),
        ("G", "2020-01-02T00:00:00Z"),
        ("H", "a\nb\n"),
        ("J", ""),
        ("K", "+Inf"),
    ];
    let map = read(Yaml, &text, &sops.identity);
    assert_eq!(map, expected.map(|(n, v)| (n.to_owned(), v.to_owned())).into());
    for plain in ["A:\n  B: x\n", "A: [x]\n", "A: []\n", "A: {}\n"] {
        let text = sops.encrypt("yaml", &[], plain);
        let error = open(Yaml, &text, &sops.identity).into_set(&place()).unwrap_err();
        assert_eq!(error, SetError::Nested { name: "A".into() });
    }
}

#[test]
fn a_layout_that_cannot_be_kept_is_not_edited() {
    let sops = Sops::new();
    let text = sops.encrypt("yaml", &[], "A: one\n");
    std::fs::write(sops.path("t.yaml"), &text).unwrap();
    // The same document in JSON's notation, which is YAML too.
    let json = sops.run(&["decrypt", "--output-type", "json", "t.yaml"], b"").unwrap();
    let flow = sops.encrypt("json", &[], &json);
    let mut document = open(Yaml, &flow, &sops.identity);
    document.set(&name("A"), &secret("two")).unwrap();
    let replaced = document.seal(now()).unwrap().unwrap();
    assert_eq!(decrypt(&sops, &replaced)["A"], "two");
    let mut document = open(Yaml, &flow, &sops.identity);
    document.set(&name("NEW"), &secret("x")).unwrap();
    assert_eq!(document.seal(now()).unwrap_err(), SealError::Layout);
}

#[test]
fn tampering_is_answered_as_in_the_other_forms() {
    let sops = Sops::new();
    let text = sops.encrypt("yaml", &[], "A: one\nB: two\nP_unencrypted: 2020-01-02\nL: [x, y]\n");
    let tampered = |path: &str, error| {
        OpenError::Value(unspoken_seal::TreeError { path: path.to_owned(), error })
    };
    let line =
        |key: &str| text.lines().find(|line| line.starts_with(key)).unwrap().to_owned() + "\n";
    let time = text.lines().find(|line| line.contains("lastmodified")).unwrap();
    for (changed, expected) in [
        (text.replacen("data:", "data:AAAA", 1), tampered("A", ValueError::Tampered)),
        (text.replacen("A: ", "C: ", 1), tampered("C", ValueError::Tampered)),
        (text.replacen(&line("A"), "A: 42\n", 1), tampered("A", ValueError::Form)),
        (text.replacen(&line("A"), "A: 2020-01-02\n", 1), tampered("A", ValueError::Form)),
        (text.replacen(&line("A"), "A: one\n", 1), tampered("A", ValueError::Form)),
        (text.replacen(&line("A"), "", 1), OpenError::Mac),
        (text.replacen(&line("A"), "A: null\n", 1), OpenError::Mac),
        (text.replacen(&line("A"), "A: \"\"\n", 1), OpenError::Mac),
        (text.replacen(&line("A"), "", 1) + &line("A"), OpenError::Mac),
        (text.replacen("2020-01-02", "2020-01-03", 1), OpenError::Mac),
        (text.replacen("    mac:", "    mack:", 1), OpenError::Mac),
        (text.replacen(time, &time.replace('"', ""), 1), OpenError::Time),
        (text.replacen(time, "", 1), OpenError::Time),
    ] {
        assert_ne!(changed, text);
        assert_eq!(error(&changed, &sops), expected, "{changed}");
        std::fs::write(sops.path("t.yaml"), &changed).unwrap();
        assert!(sops.run(&["decrypt", "t.yaml"], b"").is_err(), "sops takes it:\n{changed}");
    }
}

#[test]
fn what_is_not_read_is_refused_with_its_line() {
    let metadata = "sops:\n    mac: m\n";
    let deep = "[".repeat(100_000);
    for (text, line, problem) in [
        ("A: [x\n", 2, YamlProblem::Syntax),
        ("A: x\n  B: y\n", 2, YamlProblem::Syntax),
        ("A: \"canary\n", 2, YamlProblem::Syntax),
        ("%YAML 1.1\n---\nA: x\n", 1, YamlProblem::Syntax),
        ("A: x\n# y\u{2028}B: \"\"\n", 2, YamlProblem::LineEnd),
        ("A: x\n---\nB: y\n", 2, YamlProblem::SecondDocument),
        ("- x\n---\n", 1, YamlProblem::NotMap),
        ("canary\n---\n", 1, YamlProblem::NotMap),
        ("A: x\n12: y\n", 2, YamlProblem::KeyNotText),
        ("A: x\ntrue: y\n", 2, YamlProblem::KeyNotText),
        ("A: x\n? [y]\n: z\n", 2, YamlProblem::KeyNotText),
        ("A: x\nB: y\nA: z\n", 3, YamlProblem::Repeated),
        ("A:\n  B: y\n  \"B\": z\n", 3, YamlProblem::Repeated),
        ("A: &x y\n", 1, YamlProblem::Alias),
        ("A: x\nB: &x\n  C: y\n", 3, YamlProblem::Alias),
        ("A: &x y\nB: *x\n", 1, YamlProblem::Alias),
        ("A: x\n<<: {B: y}\n", 2, YamlProblem::Merge),
        ("A: !!str 12\n", 1, YamlProblem::Tag),
        ("A: !mine x\n", 1, YamlProblem::Tag),
        ("A: 9223372036854775808\n", 1, YamlProblem::Number),
    ] {
        let error = Document::parse(Yaml, format!("{text}{metadata}").as_bytes()).unwrap_err();
        assert_eq!(error.problem, ParseProblem::Yaml(problem), "{text:?}");
        assert_eq!(error.line, line, "{text:?}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    for text in [format!("A: {deep}"), "- ".repeat(10_000), "? ".repeat(10_000)] {
        assert!(Document::parse(Yaml, text.as_bytes()).is_err());
    }
    let nested = |levels: usize| {
        let opened: String = (0..levels).map(|at| " ".repeat(at) + "a:\n").collect();
        format!("{opened}{metadata}")
    };
    assert!(Document::parse(Yaml, nested(60).as_bytes()).is_ok());
    assert!(Document::parse(Yaml, nested(80).as_bytes()).is_err());
    for text in ["", "# only\n", "A: x\n", "sops: x\n", "sops:\n", "{}"] {
        let error = Document::parse(Yaml, text.as_bytes()).unwrap_err();
        assert_eq!(error.problem, ParseProblem::NoMetadata, "{text:?}");
    }
    let conflict = format!("<<<<<<< ours\nA: x\n=======\nA: y\n>>>>>>> theirs\n{metadata}");
    let error = Document::parse(Yaml, conflict.as_bytes()).unwrap_err();
    assert_eq!((error.line, error.problem), (1, ParseProblem::Conflict));
}

#[test]
fn a_sealed_document_has_one_spelling() {
    let sops = Sops::new();
    let values: Map =
        [("A", "1"), ("B", ""), ("NO", "3")].map(|(n, v)| (n.into(), v.into())).into();
    let text = create(Yaml, &sops.identity, &values);
    let verify = |text: &str| {
        let document = Document::parse(Yaml, text.as_bytes()).unwrap();
        let pin = document.block().map(|block| block.seal_key);
        document.verify(&place(), pin.as_ref()).map(drop)
    };
    assert_eq!(verify(&text), Ok(()));
    for (from, to, expected) in [
        ("\nsops:", "\n\nsops:", VerifyError::Spelling),
        ("\nsops:", "\nsops: # comment", VerifyError::Spelling),
        ("    mac:", "    # comment\n    mac:", VerifyError::Spelling),
        ("A: ", "\"A\": ", VerifyError::Spelling),
        ("A: ", "---\nA: ", VerifyError::Spelling),
        ("A: ", "\u{feff}A: ", VerifyError::Spelling),
        ("\"NO\"", "NO", VerifyError::Spelling),
        ("B: \"\"", "B: ''", VerifyError::Spelling),
        ("\nB:", " \nB:", VerifyError::Spelling),
        ("revision: 1", "revision: 0x1", VerifyError::Spelling),
        ("revision: 1", "revision: \"1\"", VerifyError::Spelling),
        ("enc: |\n", "enc: |+\n", VerifyError::Spelling),
        ("version: 3.13.2\n", "version: 3.13.2", VerifyError::Spelling),
        ("version: 3.13.2\n", "version: 3.13.2\n    kms: []\n", VerifyError::Spelling),
        ("\nsops:", "\n# comment\nsops:", VerifyError::Seal),
        ("\nsops:", "\nNODE_OPTIONS: \"\"\nsops:", VerifyError::Seal),
        ("\nB: \"\"", "", VerifyError::Seal),
        ("B: \"\"", "B:", VerifyError::Seal),
        ("B: \"\"", "B: []", VerifyError::Seal),
        ("revision: 1", "revision: 2", VerifyError::Seal),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from:?}");
        assert_eq!(verify(&changed), Err(expected), "{from:?} {to:?}");
    }
    assert_eq!(verify(&text.replace('\n', "\r\n")), Err(VerifyError::Spelling));
}

/// Comments are signed, and `accept` keeps them.
#[test]
fn a_reviewed_document_is_sealed_with_its_comments() {
    let sops = Sops::new();
    let text = sops.encrypt("yaml", &[], "# top\nB: 2 # behind\n\nA: 'x'\n# end\n");
    let (document, _) = Document::parse(Yaml, text.as_bytes()).unwrap().review().without_seal();
    let key = document.unlock().offer(&sops.identity).unwrap();
    let mut document = document.open(&key).unwrap();
    document.accept(place(), None).unwrap();
    let sealed = document.seal(now()).unwrap().unwrap();
    let after = edited(&sealed, &sops, |document| {
        document.set(&name("C"), &secret("new")).unwrap();
        assert!(document.remove(&name("B")));
    });
    assert_eq!(decrypt(&sops, &after), serde_json::json!({ "A": "x", "C": "new" }));
    let plain = sops.run(&["decrypt", "t.yaml"], b"").unwrap();
    assert_eq!(plain, "# top\n# behind\nA: x\n# end\nC: new\n");
}
