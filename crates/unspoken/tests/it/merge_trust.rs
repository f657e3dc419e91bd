//! Whom a merge trusts: nobody gets a value of ours sealed for himself by
//! bringing along a data key, a pin or a reader.

use jiff::Timestamp;
use unspoken_model::{
    DocumentForm, EnvironmentName, Place, ProjectName, RecipientName, SecretName,
};
use unspoken_seal::{Document, Identity, OpenDocument, Recipient, Secret};
use unspoken_testkit::canary;

use crate::repository::{DOCUMENT, Repository};

fn place() -> Place {
    Place {
        project: ProjectName::parse("acme-web").unwrap(),
        environment: EnvironmentName::parse("development").unwrap(),
    }
}

/// Opens the document of the work tree with any key, changes it, writes it.
fn edit(repository: &Repository, key: &Identity, change: impl FnOnce(&mut OpenDocument<'_>)) {
    let text = repository.document();
    let document = Document::parse(DocumentForm::Json, text.as_bytes()).unwrap();
    let pin = document.block().unwrap().seal_key;
    let verified = document.verify(&place(), Some(&pin)).unwrap();
    let data_key = verified.unlock().offer(key).unwrap();
    let mut document = verified.open(&data_key).unwrap();
    change(&mut document);
    let text = document.seal(Timestamp::now()).unwrap().unwrap();
    repository.project.write(DOCUMENT, text);
}

/// Puts the key of the document in the work tree into `unspoken.toml`.
fn pin(repository: &Repository) {
    let toml = repository.project.read("unspoken.toml");
    let line = toml.lines().find(|line| line.starts_with("seal_key")).unwrap().to_owned();
    let new = format!("seal_key = \"{}\"", repository.seal_key());
    repository.project.write("unspoken.toml", toml.replace(&line, &new));
}

fn own(repository: &Repository) -> Identity {
    let text = std::fs::read(repository.key()).unwrap();
    Identity::parse_file(&text).unwrap().pop().unwrap()
}

/// A document that somebody makes who knows our public key and no private one.
fn forge(repository: &Repository, attacker: &Identity) {
    let victim = Recipient::parse(&repository.public()).unwrap();
    let form = DocumentForm::Json;
    let mut document = OpenDocument::create(form, place(), &victim, &[public(attacker)]).unwrap();
    let secret = |tag: &str| Secret::new(canary(tag).into_bytes()).unwrap();
    document.set(&SecretName::parse("A").unwrap(), &secret("forged")).unwrap();
    let text = document.seal(Timestamp::now()).unwrap().unwrap();
    repository.project.write(DOCUMENT, text);
    pin(repository);
}

/// Our side has a new value.
fn ours(repository: &Repository) {
    repository.git(&["checkout", "--quiet", "main"]).ok();
    repository.set("OURS", "ours");
    repository.commit("ours");
}

fn public(identity: &Identity) -> unspoken_seal::Recipient {
    identity.recipient().unwrap().clone()
}

#[test]
fn a_data_key_that_they_bring_along_with_its_pin_gets_nothing() {
    for strategy in ["ort", "recursive"] {
        let attacker = Identity::generate();
        let repository = Repository::new();
        repository.branch("evil", "main", |evil| forge(evil, &attacker));
        ours(&repository);
        let before = repository.document();

        let output = repository.git(&["merge", "--strategy", strategy, "evil"]).fails_with(1);

        assert!(output.stderr.contains("under a data key that HEAD does not know"), "{output:?}");
        assert!(repository.document() == before, "{strategy}");
        // Git has taken over their pin by now; it is still not believed.
        assert!(!repository.project.read("unspoken.toml").contains(&repository.seal_key()));
        for arguments in [&["resolve", "--yes"][..], &["resolve", "--new-data-key"]] {
            let output = repository.unspoken(arguments).run();
            assert!(output.code != 0, "{arguments:?}: {output:?}");
            assert!(!repository.document().contains(public(&attacker).as_str()));
        }
        let output = repository.unspoken(&["resolve", "--new-data-key"]).run().fails_with(10);
        output.says(public(&attacker).as_str());
    }
}

#[test]
fn their_own_base_is_not_believed_either() {
    let attacker = Identity::generate();
    let repository = Repository::new();
    repository.branch("evil", "main", |evil| forge(evil, &attacker));
    edit(&repository, &attacker, |document| {
        let secret = Secret::new(canary("evil").into_bytes()).unwrap();
        document.set(&SecretName::parse("EVIL").unwrap(), &secret).unwrap();
    });
    repository.commit("evil");
    ours(&repository);
    let before = repository.document();

    // The parent of the picked commit is the base, and is theirs as well.
    let output = repository.git(&["cherry-pick", "evil"]).fails_with(1);

    let said = "the common ancestor is under a data key that HEAD does not know";
    assert!(output.stderr.contains(said), "{output:?}");
    assert!(repository.document() == before);
}

#[test]
fn our_new_data_key_takes_in_what_was_changed_under_the_old_one() {
    let repository = Repository::new();
    repository.branch("feature", "main", |theirs| {
        theirs.set("B", "theirs");
        theirs.commit("one");
        theirs.set("C", "theirs");
    });
    repository.git(&["checkout", "--quiet", "main"]).ok();
    repository.rotate();
    repository.set("OURS", "ours");
    repository.commit("rotated");
    let key = repository.seal_key();

    repository.git(&["merge", "feature"]).ok();

    assert!(repository.seal_key() == key);
    for (name, tag) in [("A", "first"), ("B", "theirs"), ("C", "theirs"), ("OURS", "ours")] {
        repository.has(name, tag);
    }
    // The same by a rebase, whose second step has a base under the old key.
    repository.git(&["reset", "--quiet", "--hard", "HEAD~1"]).ok();
    repository.git(&["checkout", "--quiet", "feature"]).ok();
    repository.git(&["rebase", "main"]).ok();
    assert!(repository.seal_key() == key);
    repository.has("C", "theirs");
}

#[test]
fn their_new_data_key_is_taken_when_that_is_said() {
    let repository = Repository::new();
    repository.branch("feature", "main", |theirs| {
        theirs.rotate();
        theirs.set("B", "theirs");
    });
    let key = repository.seal_key();
    ours(&repository);
    let output = repository.git(&["merge", "feature"]).fails_with(1);
    assert!(output.stderr.contains("their version is under a data key"), "{output:?}");
    repository.unspoken(&["resolve"]).run().fails_with(5).says("--new-data-key");
    repository.unspoken(&["resolve", "--new-data-key"]).run().fails_with(10).says("readable by");

    repository.unspoken(&["resolve", "--new-data-key", "--yes"]).run().ok().is_silent_on_values();

    assert!(repository.seal_key() == key);
    repository.has("OURS", "ours");
    repository.has("B", "theirs");
    repository.commit("merge");
    repository.unspoken(&["git", "pre-commit"]).run().ok();
}

#[test]
fn two_new_data_keys_become_a_third_one() {
    let repository = Repository::new();
    repository.branch("feature", "main", |theirs| {
        theirs.rotate();
        theirs.set("B", "theirs");
    });
    let theirs = repository.seal_key();
    repository.git(&["checkout", "--quiet", "main"]).ok();
    repository.rotate();
    repository.commit("rotated");
    let ours = repository.seal_key();
    repository.git(&["merge", "feature"]).fails_with(1);

    let output = repository.unspoken(&["resolve", "--new-data-key", "--yes"]).run().ok();

    // Both sides have changed the line of the pin, so that is git's conflict too.
    let key = repository.seal_key();
    output.says(&format!("seal_key = \"{key}\""));
    assert!(key != ours && key != theirs);
    repository.git(&["checkout", "--quiet", "--ours", "unspoken.toml"]).ok();
    pin(&repository);
    repository.commit("merge");
    repository.has("A", "first");
    repository.has("B", "theirs");
}

#[test]
fn who_was_shut_out_does_not_let_himself_in_again_with_the_old_key() {
    let (bob, new) = (Identity::generate(), Identity::generate());
    let repository = Repository::new();
    let own = own(&repository);
    edit(&repository, &own, |document| document.share(&[public(&bob)]).unwrap());
    repository.commit("bob");
    // With the data key that he knows he adds a key of his, and seals it well.
    repository.branch("bobs", "main", |bobs| {
        edit(bobs, &bob, |document| {
            document.share(&[public(&bob), public(&new)]).unwrap();
        });
    });
    repository.git(&["checkout", "--quiet", "main"]).ok();
    edit(&repository, &own, |document| {
        document.expose(&[RecipientName::parse("bob").unwrap()].into());
        document.rekey(&public(&own), &[], Timestamp::now()).unwrap();
    });
    pin(&repository);
    repository.commit("bob is out");
    let before = repository.document();

    let output = repository.git(&["merge", "bobs"]).fails_with(1);

    let said = output.stderr.contains(public(&new).as_str());
    assert!(said && output.stderr.contains("under the old data key"), "{output:?}");
    assert!(repository.document() == before);
    repository.unspoken(&["resolve", "--yes"]).run().fails_with(5);
    assert!(repository.document() == before);
}
