//! Files that sops wrote, held against what we make of the same input.

use unspoken_model::{DocumentForm, EnvironmentName, Place, ProjectName};

use crate::document::print;
use crate::hazmat::{Cipher, DataKey};
use crate::node::{Item, Node};
use crate::sops::rule::Rule;
use crate::sops::tree::{self, Leaf, associated};
use crate::sops::value::{self, Kind};
use crate::{Document, Identity, OpenDocument, OpenError, ValueError};

const ENV: &str = include_str!("../tests/vectors/sops.env");
const JSON: &str = include_str!("../tests/vectors/sops.json");
const YAML: &str = include_str!("../tests/vectors/sops.yaml");
const COMMENTS: &str = include_str!("../tests/vectors/comments.yaml");
const IDENTITY: &str = include_str!("../tests/vectors/identity.txt");
const MAC: &str = "740352F62607F645A002175817C31CDD3842FBB38572EDBD5F350F4F88F2F1585D9758BB44BED5F64BBE48855930F5F869F8C4BB0D5A2FA4B61F33A6760AE94B";

fn place() -> Place {
    Place {
        project: ProjectName::parse("acme").unwrap(),
        environment: EnvironmentName::parse("production").unwrap(),
    }
}

fn cipher() -> Cipher {
    let bytes: Vec<u8> = (0..32).collect();
    Cipher::new(&DataKey::new(&bytes).unwrap())
}

/// Opens a file of another program. `None` when no key fits.
fn open(form: DocumentForm, text: &str) -> Option<Result<OpenDocument<'_>, OpenError>> {
    let verified = Document::parse(form, text.as_bytes()).unwrap().verify(&place(), None).unwrap();
    let identity = Identity::parse_file(IDENTITY.as_bytes()).unwrap().remove(0);
    let key = verified.unlock().offer(&identity)?;
    Some(verified.open(&key))
}

fn error(form: DocumentForm, text: &str) -> OpenError {
    open(form, text).unwrap().unwrap_err()
}

/// The nonce that stands in an encrypted value.
fn nonce(text: &str) -> [u8; 32] {
    use base64::Engine as _;
    let iv = text.split_once(",iv:").unwrap().1.split_once(",tag:").unwrap().0;
    base64::engine::general_purpose::STANDARD.decode(iv).unwrap().try_into().unwrap()
}

/// Encrypts every opened value again with its old nonce and compares the text.
fn reseal(node: &Node<'_>, path: &mut Vec<String>, leaves: &mut impl Iterator<Item = Leaf>) {
    let again = |text: &str, leaf: &Leaf, path: &[String]| {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let sealed =
            value::seal(&leaf.plain, &cipher(), associated(&path).as_bytes(), &nonce(text));
        assert_eq!(sealed, text);
    };
    match node {
        Node::Map(items) => {
            for item in items {
                match item {
                    Item::Pair(key, node) => {
                        path.push(key.to_string());
                        reseal(node, path, leaves);
                        path.pop();
                    }
                    Item::Comment(text) => again(text, &leaves.next().unwrap(), path),
                }
            }
        }
        Node::List(nodes) => nodes.iter().for_each(|node| reseal(node, path, leaves)),
        Node::Null => {}
        _ => {
            let leaf = leaves.next().unwrap();
            match node.as_text() {
                Some(text) if leaf.encrypted && !text.is_empty() => again(text, &leaf, path),
                _ => assert!(leaf.plain.bytes.is_empty() || !leaf.encrypted),
            }
        }
    }
}

#[test]
fn with_the_same_key_nonces_and_time_the_bytes_are_those_of_sops() {
    for (form, text) in
        [(DocumentForm::Dotenv, ENV), (DocumentForm::Json, JSON), (DocumentForm::Yaml, YAML)]
    {
        let document = Document::parse(form, text.as_bytes()).unwrap();
        // A comment behind a value is printed above it.
        let text = match text.split_once("\nstr: ENC") {
            Some((head, rest)) => {
                let (line, tail) = rest.split_once('\n').unwrap();
                let (value, comment) = line.split_once(" #").unwrap();
                format!("{head}\n#{comment}\nstr: ENC{value}\n{tail}")
            }
            None => text.to_owned(),
        };
        assert_eq!(print(form, document.items.iter(), &document.metadata.to_written()), text);

        let slots = tree::open(
            document.items.clone(),
            &cipher(),
            &Rule::read(document.metadata.node()).unwrap(),
        )
        .unwrap();
        let mac = value::Plain::new(Kind::Text, tree::mac(&slots, false));
        let time = document.metadata.last_modified();
        let sealed = value::seal(&mac, &cipher(), time.as_bytes(), &nonce(document.metadata.mac()));
        assert_eq!(sealed, document.metadata.mac());

        let mut leaves = slots.into_iter().flat_map(|slot| slot.leaves);
        reseal(&Node::Map(document.items), &mut Vec::new(), &mut leaves);
        assert!(leaves.next().is_none());
    }
}

#[test]
fn the_published_mac_is_ours_too() {
    let document = Document::parse(DocumentForm::Dotenv, ENV.as_bytes()).unwrap();
    let rule = Rule::read(document.metadata.node()).unwrap();
    let slots = tree::open(document.items, &cipher(), &rule).unwrap();
    assert_eq!(tree::mac(&slots, false), MAC);
}

#[test]
fn every_kind_of_value_reads_back() {
    let open = open(DocumentForm::Json, JSON).unwrap().unwrap();
    assert!(format!("{open:?}").len() > 10);
    let document = Document::parse(DocumentForm::Json, JSON.as_bytes()).unwrap();
    let rule = Rule::read(document.metadata.node()).unwrap();
    let slots = tree::open(document.items, &cipher(), &rule).unwrap();
    let found: Vec<(Kind, String)> = slots
        .into_iter()
        .flat_map(|slot| slot.leaves)
        .map(|leaf| (leaf.plain.kind, String::from_utf8(leaf.plain.into_text().to_vec()).unwrap()))
        .collect();
    let expected = [
        (Kind::Text, "str"),
        (Kind::Int, "42"),
        (Kind::Float, "1.5"),
        (Kind::Float, "1.0"),
        (Kind::Bool, "true"),
        (Kind::Text, ""),
        (Kind::Text, "a"),
        (Kind::Text, "v"),
        (Kind::Text, "deep"),
        (Kind::Text, "plain"),
    ];
    assert_eq!(found, expected.map(|(kind, text)| (kind, text.to_owned())));
}

#[test]
fn every_comment_of_a_yaml_document_opens_where_it_stands() {
    let open = open(DocumentForm::Yaml, COMMENTS).unwrap().unwrap();
    let leaves = || open.slots.iter().flat_map(|slot| &slot.leaves);
    // A comment that is bound to another place stays as it is.
    assert!(leaves().all(|leaf| leaf.encrypted));
    let comments = leaves().filter(|leaf| leaf.plain.kind == Kind::Comment);
    let text = |leaf: &Leaf| String::from_utf8(leaf.plain.bytes.to_vec()).unwrap();
    let comments: Vec<String> = comments.map(text).collect();
    assert_eq!(comments.len(), COMMENTS.matches("type:comment").count());
    assert_eq!(comments.first().map(String::as_str), Some(" first"));
    assert!(comments.contains(&" behind the block".to_owned()));
    assert!(comments.contains(&" at the end of L".to_owned()));
    assert_eq!(comments.last().map(String::as_str), Some(" the very end"));
}

/// The table of tampering, as the sops program itself answers it.
#[test]
fn tampering_is_answered_as_sops_answers_it() {
    #[track_caller]
    fn case(change: impl Fn(&str) -> String, expected: &OpenError) {
        let text = change(ENV);
        assert_ne!(text, ENV);
        assert_eq!(error(DocumentForm::Dotenv, &text), *expected);
    }
    let value =
        |path: &str, error| OpenError::Value(crate::TreeError { path: path.to_owned(), error });
    let lines = |text: &str, keep: &dyn Fn(&str) -> bool| -> String {
        text.lines().filter(|line| keep(line)).map(|line| format!("{line}\n")).collect()
    };

    // A flipped bit in data, iv and tag; a renamed key; two values swapped.
    case(|t| t.replacen("data:vbw1", "data:vbw2", 1), &value("API_KEY", ValueError::Tampered));
    case(|t| t.replacen("iv:D5JQ", "iv:D5JR", 1), &value("API_KEY", ValueError::Tampered));
    case(|t| t.replacen("tag:u67y", "tag:u67z", 1), &value("API_KEY", ValueError::Tampered));
    case(|t| t.replacen("API_KEY=", "API_KEX=", 1), &value("API_KEX", ValueError::Tampered));
    case(
        |t| t.replacen("MULTI=", "X=", 1).replacen("EQ=", "MULTI=", 1).replacen("X=", "EQ=", 1),
        &value("EQ", ValueError::Tampered),
    );
    // Removed, reordered, blanked; a plain value edited.
    case(|t| lines(t, &|line| !line.starts_with("EQ=")), &OpenError::Mac);
    case(
        |t| {
            let first = t.lines().next().unwrap().to_owned() + "\n";
            let rest = t.replacen(&first, "", 1);
            rest.replacen("EMPTY=\n", &format!("EMPTY=\n{first}"), 1)
        },
        &OpenError::Mac,
    );
    case(|t| lines(t, &|line| !line.starts_with("QUOTED=")) + "QUOTED=\n", &OpenError::Mac);
    case(|t| t.replacen("=hello", "=hallo", 1), &OpenError::Mac);
    // The time and the MAC.
    case(|t| t.replacen("03:04:05Z", "03:04:06Z", 1), &OpenError::Mac);
    case(|t| t.replacen("2026-01-02T", "2026-01-02 ", 1), &OpenError::Time);
    case(|t| lines(t, &|line| !line.starts_with("sops_mac=")), &OpenError::Mac);
    case(|t| lines(t, &|line| !line.starts_with("sops_lastmodified=")), &OpenError::Time);
    // Plain text where a value is encrypted; a blank in front.
    case(
        |t| t.replacen("API_KEY=ENC", "API_KEY=plain ENC", 1),
        &value("API_KEY", ValueError::Form),
    );
    case(|t| t.replacen("API_KEY=ENC", "API_KEY= ENC", 1), &value("API_KEY", ValueError::Form));
    case(|t| t.replacen("type:str", "type:int", 1), &value("API_KEY", ValueError::Mistyped));
    case(|t| t.replacen("type:str", "type:comment", 1), &OpenError::Mac);
    // Two rules, and one that is no expression.
    case(
        |t| t.to_owned() + "sops_encrypted_regex=x\n",
        &OpenError::Rule(crate::RuleError::Two {
            first: "encrypted_regex",
            second: "unencrypted_suffix",
        }),
    );
    case(
        |t| t.replacen("sops_unencrypted_suffix=_unencrypted", "sops_encrypted_regex=(", 1),
        &OpenError::Rule(crate::RuleError::Expression { key: "encrypted_regex" }),
    );
}

#[test]
fn what_sops_reads_in_another_spelling_is_read() {
    for change in [
        |t: &str| t.replacen("05Z", "05+00:00", 1),
        |t: &str| t.replacen("05Z", "05.25Z", 1),
        |t: &str| t.replacen("FILE-----\\n\n", "FILE-----\n", 1),
        |t: &str| t.replacen("recipient=age1", "recipient=other", 1),
        |t: &str| t.replacen("sops_unencrypted_suffix=_unencrypted\n", "", 1),
        |t: &str| t.replacen("sops_version=3.13.2\n", "sops_foo=bar\n", 1),
        |t: &str| {
            let (metadata, items): (Vec<&str>, Vec<&str>) =
                t.lines().partition(|line| line.starts_with("sops_"));
            [metadata, items].concat().join("\n")
        },
    ] {
        let text = change(ENV);
        assert_ne!(text, ENV);
        assert!(open(DocumentForm::Dotenv, &text).unwrap().is_ok(), "{text}");
    }
}

#[test]
fn a_stranger_gets_no_key() {
    let text = ENV.replacen("FILE-----\\nYWdl", "FILE-----\\nYWdm", 1);
    assert!(open(DocumentForm::Dotenv, &text).is_none());
}
