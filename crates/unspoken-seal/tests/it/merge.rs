//! The rules of a merge: choices, data keys, readers, notes, comments.

use std::collections::BTreeSet;

use unspoken_model::{DocumentForm, RecipientName};
use unspoken_seal::{
    Choices, Conflict, Document, Edit, Identity, MergeError, OpenDocument, Side, Verified,
    merge_sealed,
};

use crate::kit::{FORMS, Map, Sops, create, name, now, open, place, read, secret};

pub(crate) fn merge(
    form: DocumentForm,
    (base, ours, theirs): (Option<&str>, &str, &str),
    identity: &Identity,
    choices: &Choices,
) -> Result<String, MergeError> {
    let base = base.map(|base| open(form, base, identity));
    let (ours, theirs) = (open(form, ours, identity), open(form, theirs, identity));
    let merged = OpenDocument::merge(base.as_ref(), ours, theirs, choices, now())?;
    Ok(merged.seal(now()).unwrap().unwrap())
}

pub(crate) fn verified(form: DocumentForm, text: &str) -> Verified<'_> {
    let document = Document::parse(form, text.as_bytes()).unwrap();
    let pin = document.block().map(|block| block.seal_key);
    document.verify(&place(), pin.as_ref()).unwrap()
}

fn conflicts(result: Result<String, MergeError>) -> Vec<Conflict> {
    match result {
        Err(MergeError::Conflicts(conflicts)) => conflicts,
        other => panic!("conflicts were expected, not {other:?}"),
    }
}

fn values(pairs: &[(&str, &str)]) -> Map {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn set(form: DocumentForm, text: &str, identity: &Identity, pairs: &[(&str, &str)]) -> String {
    let mut document = open(form, text, identity);
    for (key, value) in pairs {
        document.set(&name(key), &secret(value)).unwrap();
    }
    document.seal(now()).unwrap().unwrap()
}

fn readers(form: DocumentForm, text: &str) -> Vec<String> {
    verified(form, text).document().recipients().into_iter().map(str::to_owned).collect()
}

fn who(names: &[&str]) -> BTreeSet<RecipientName> {
    names.iter().map(|name| RecipientName::parse(name).unwrap()).collect()
}

/// A new data key without `dropped`, as removing a recipient makes it.
fn rotated(
    form: DocumentForm,
    text: &str,
    identity: &Identity,
    others: &[&Identity],
    dropped: &[&str],
) -> String {
    let mut document = open(form, text, identity);
    let others: Vec<_> = others.iter().map(|other| public(other)).collect();
    document.expose(&who(dropped));
    document.rekey(&public(identity), &others, now()).unwrap();
    document.seal(now()).unwrap().unwrap()
}

#[test]
fn a_choice_decides_a_name_and_says_what_each_side_did() {
    let me = Identity::generate();
    for form in FORMS {
        let base = create(form, &me, &values(&[("A", "1"), ("B", "1"), ("C", "1")]));
        let ours = set(form, &base, &me, &[("A", "2"), ("C", "2"), ("NEW", "2")]);
        let mut theirs = open(form, &base, &me);
        theirs.set(&name("A"), &secret("3")).unwrap();
        theirs.set(&name("NEW"), &secret("3")).unwrap();
        theirs.remove(&name("C"));
        let theirs = theirs.seal(now()).unwrap().unwrap();
        let three = (Some(base.as_str()), ours.as_str(), theirs.as_str());

        let found = conflicts(merge(form, three, &me, &Choices::default()));
        let conflict = |key, ours, theirs| Conflict::Name { name: name(key), ours, theirs };
        let all = [
            conflict("A", Edit::Changed, Edit::Changed),
            conflict("C", Edit::Changed, Edit::Removed),
            conflict("NEW", Edit::Added, Edit::Added),
        ];
        assert_eq!(found, all);

        let names = [("A", Side::Theirs), ("C", Side::Theirs), ("NEW", Side::Ours)];
        let names = names.map(|(key, side)| (name(key), side)).into();
        let choices = Choices { names, ..Choices::default() };
        let merged = merge(form, three, &me, &choices).unwrap();
        assert!(read(form, &merged, &me) == values(&[("A", "3"), ("B", "1"), ("NEW", "2")]));
    }
}

#[test]
fn a_new_data_key_on_one_side_takes_in_the_other_sides_values_and_readers() {
    let (me, alice, bob, carol) =
        (Identity::generate(), Identity::generate(), Identity::generate(), Identity::generate());
    for form in FORMS {
        let first = create(form, &me, &values(&[("A", "1"), ("B", "1"), ("C", "")]));
        let mut base = open(form, &first, &me);
        base.share(&[public(&alice), public(&bob)]).unwrap();
        let base = base.seal(now()).unwrap().unwrap();
        let turned = rotated(form, &base, &me, &[&alice], &["bob"]);
        let turned = set(form, &turned, &me, &[("AFTER", "4")]);
        let changed = set(form, &base, &me, &[("A", "2"), ("NEW", "3"), ("NOTHING", "")]);
        let mut changed = open(form, &changed, &me);
        changed.share(&[public(&alice), public(&bob), public(&carol)]).unwrap();
        let changed = changed.seal(now()).unwrap().unwrap();

        for (ours, theirs) in [(&turned, &changed), (&changed, &turned)] {
            let three = (Some(base.as_str()), ours.as_str(), theirs.as_str());
            let merged = merge(form, three, &me, &Choices::default()).unwrap();
            let expected =
                [("A", "2"), ("AFTER", "4"), ("B", "1"), ("C", ""), ("NEW", "3"), ("NOTHING", "")];
            for reader in [&me, &alice, &carol] {
                assert!(read(form, &merged, reader) == values(&expected));
            }
            let key = |text: &str| verified(form, text).document().block().unwrap().seal_key;
            assert_eq!(key(&merged), key(&turned));
            let list = [&me, &alice, &carol].map(|one| public(one).as_str().to_owned());
            assert_eq!(readers(form, &merged), list);
            assert!(verified(form, &merged).unlock().offer(&bob).is_none());
            // Under two keys no nonce is used twice.
            for line in changed.lines().filter(|line| line.contains("ENC[")) {
                assert!(!merged.contains(line));
            }
            // What was set while bob could still read it is noted as well.
            let exposed = verified(form, &merged).document().block().unwrap().exposed.clone();
            let noted: Vec<_> = exposed.keys().map(ToString::to_string).collect();
            assert_eq!(noted, ["A", "B", "NEW"]);
            assert!(exposed.values().all(|people| *people == who(&["bob"])));
        }
    }
}

#[test]
fn two_new_data_keys_are_a_conflict_that_a_third_one_ends() {
    let (me, alice, bob) = (Identity::generate(), Identity::generate(), Identity::generate());
    for form in FORMS {
        let first = create(form, &me, &values(&[("A", "1")]));
        let mut base = open(form, &first, &me);
        base.share(&[public(&alice), public(&bob)]).unwrap();
        let base = base.seal(now()).unwrap().unwrap();
        let ours = rotated(form, &base, &me, &[&alice], &["bob"]);
        let theirs = rotated(form, &base, &me, &[&bob], &["alice"]);
        let theirs = set(form, &theirs, &me, &[("NEW", "2")]);
        let three = (Some(base.as_str()), ours.as_str(), theirs.as_str());

        let found = conflicts(merge(form, three, &me, &Choices::default()));
        assert_eq!(found, [Conflict::DataKeys]);
        assert!(
            merge_sealed(
                Some(&verified(form, &base)),
                &verified(form, &ours),
                &verified(form, &theirs)
            )
            .is_err()
        );

        let choices = Choices { new_data_key: true, ..Choices::default() };
        let merged = merge(form, three, &me, &choices).unwrap();
        assert_eq!(readers(form, &merged), [public(&me).as_str()]);
        assert!(read(form, &merged, &me) == values(&[("A", "1"), ("NEW", "2")]));
        let key = |text: &str| verified(form, text).document().block().unwrap().seal_key;
        assert!([&base, &ours, &theirs].iter().all(|text| key(text) != key(&merged)));
        let exposed = verified(form, &merged).document().block().unwrap().exposed.clone();
        assert_eq!(exposed[&name("A")], who(&["alice", "bob"]));
        assert_eq!(exposed[&name("NEW")], who(&["alice", "bob"]));
    }
}

#[test]
fn a_note_stays_until_the_value_that_wins_was_set_after_it() {
    let me = Identity::generate();
    for form in FORMS {
        let first = create(form, &me, &values(&[("A", "1"), ("B", "1")]));
        let mut base = open(form, &first, &me);
        base.expose(&who(&["bob"]));
        let base = base.seal(now()).unwrap().unwrap();
        let ours = set(form, &base, &me, &[("A", "2")]);
        let theirs = set(form, &base, &me, &[("C", "3")]);
        let three = (Some(base.as_str()), ours.as_str(), theirs.as_str());

        let merged = merge(form, three, &me, &Choices::default()).unwrap();

        let exposed = verified(form, &merged).document().block().unwrap().exposed.clone();
        assert_eq!(exposed, [(name("B"), who(&["bob"]))].into());
    }
}

#[test]
fn comments_of_one_side_are_kept_and_of_both_are_a_conflict() {
    let sops = Sops::new();
    let form = DocumentForm::Dotenv;
    let rule = ["unencrypted_suffix: _unencrypted"];
    let seal = |text: &str| {
        let text = sops.encrypt("env", &rule, text);
        let document = Document::parse(form, text.as_bytes()).unwrap();
        let (verified, _) = document.review().without_seal();
        let key = verified.unlock().offer(&sops.identity).unwrap();
        let mut document = verified.open(&key).unwrap();
        document.accept(place(), None).unwrap();
        document.seal(now()).unwrap().unwrap()
    };
    let base = seal("# one\nB=1\nA=1\n");
    let me = &sops.identity;
    let ours = set(form, &base, me, &[("NEW", "2")]);
    let edited = |from: &str, to: &str| {
        std::fs::write(sops.path("x.env"), &base).unwrap();
        let plain = sops.run(&["decrypt", "x.env"], b"").unwrap().replace(from, to);
        // The editor of sops keeps the data key.
        std::fs::write(sops.path("plain"), plain).unwrap();
        let editor = format!("cp {} ", sops.path("plain").display());
        let mut command = std::process::Command::new("env");
        command
            .arg(format!("EDITOR={editor}"))
            .arg(format!("SOPS_AGE_KEY_FILE={}", sops.path("identity").display()));
        command.arg(sops.program()).arg("edit").arg(sops.path("x.env"));
        assert!(command.output().unwrap().status.success());
        let text = std::fs::read_to_string(sops.path("x.env")).unwrap();
        let document = Document::parse(form, text.as_bytes()).unwrap();
        let (verified, block) = document.review().without_seal();
        let key = verified.unlock().offer(me).unwrap();
        let mut document = verified.open(&key).unwrap();
        document.accept(place(), block).unwrap();
        document.seal(now()).unwrap().unwrap()
    };
    let theirs = edited("# one", "# another\n# second");

    let three = (Some(base.as_str()), ours.as_str(), theirs.as_str());
    let merged = merge(form, three, me, &Choices::default()).unwrap();
    std::fs::write(sops.path("x.env"), &merged).unwrap();
    let plain = sops.run(&["decrypt", "x.env"], b"").unwrap();
    assert!(plain == "# another\n# second\nB=1\nA=1\nNEW=2\n");

    let ours = edited("# one", "# mine");
    let three = (Some(base.as_str()), ours.as_str(), theirs.as_str());
    let found = conflicts(merge(form, three, me, &Choices::default()));
    assert_eq!(found, [Conflict::Comments]);
    let choices = Choices { comments: Some(Side::Ours), ..Choices::default() };
    let merged = merge(form, three, me, &choices).unwrap();
    std::fs::write(sops.path("x.env"), &merged).unwrap();
    assert!(sops.run(&["decrypt", "x.env"], b"").unwrap().contains("# mine\n"));
}

#[test]
fn documents_of_sops_merge_under_one_data_key_and_the_same_rules() {
    let sops = Sops::new();
    let me = &sops.identity;
    let base = sops.encrypt("json", &[], "{\"Z\":\"1\",\"A\":\"1\",\"N\":7}");
    let change = |text: &str, arguments: &[&str], input: &str| {
        std::fs::write(sops.path("x.json"), text).unwrap();
        sops.run(arguments, input.as_bytes()).unwrap();
        std::fs::read_to_string(sops.path("x.json")).unwrap()
    };
    let form = DocumentForm::Json;
    let ours = change(&base, &["set", "--value-stdin", "x.json", "[\"Z\"]"], "\"2\"");
    let theirs = change(&base, &["set", "--value-stdin", "x.json", "[\"B\"]"], "\"3\"");
    let three = (Some(base.as_str()), ours.as_str(), theirs.as_str());

    let merged = merge(form, three, me, &Choices::default()).unwrap();
    let decrypted = change(&merged, &["decrypt", "--in-place", "x.json"], "");
    let decrypted: serde_json::Value = serde_json::from_str(&decrypted).unwrap();
    assert!(decrypted == serde_json::json!({"Z": "2", "A": "1", "N": 7, "B": "3"}));
    assert!(!merged.contains("unspoken"));

    let rotated = change(&base, &["rotate", "--in-place", "x.json"], "");
    let three = (Some(base.as_str()), ours.as_str(), rotated.as_str());
    assert!(conflicts(merge(form, three, me, &Choices::default())).contains(&Conflict::DataKeys));
    let public = public(&Identity::generate());
    let shared =
        change(&base, &["rotate", "--in-place", "--add-age", public.as_str(), "x.json"], "");
    let three = (Some(base.as_str()), ours.as_str(), shared.as_str());
    assert!(conflicts(merge(form, three, me, &Choices::default())).contains(&Conflict::Metadata));

    let sealed = create(form, me, &values(&[("A", "1")]));
    let three = (Some(base.as_str()), ours.as_str(), sealed.as_str());
    assert_eq!(merge(form, three, me, &Choices::default()), Err(MergeError::Mixed));
    let nested = sops.encrypt("json", &[], "{\"A\":{\"b\":\"1\"}}");
    let three = (Some(base.as_str()), ours.as_str(), nested.as_str());
    let error = merge(form, three, me, &Choices::default()).unwrap_err();
    assert_eq!(error, MergeError::Nested { name: "A".to_owned() });
}

fn public(identity: &Identity) -> unspoken_seal::Recipient {
    identity.recipient().unwrap().clone()
}
