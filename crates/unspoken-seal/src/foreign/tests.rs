//! The readers against tables, against any bytes, and against files that are
//! nearly right.

use proptest::prelude::*;

use super::tako::{Tako, TakoKey};
use super::*;
use crate::{Document, Identity};
use unspoken_model::{DocumentForm, EnvironmentName, Place, ProjectName};

/// Tako's published example: passphrase `tako-example`.
const TAKO: &str = r#"{
  "production": {
    "key_id": "b451c0de00000001",
    "app": {
      "API_KEY": "B4R5kiKJ/KbtGpzPP/5iwvjvN0e+OtpeCO8VVvjGoLtGfddP1Xda3AMvHALMpNZf",
      "DATED": {
        "value": "B4R5kiKJ/KbtGpzPP/5iwvjvN0e+OtpeCO8VVvjGoLtGfddP1Xda3AMvHALMpNZf",
        "expires_on": "2027-01-31"
      }
    },
    "storages": { "uploads": { "access_key_id": "x", "secret_access_key": "y" } },
    "backup_keys": []
  },
  "staging": { "key_id": "b451c0de00000002", "secrets": {} }
}"#;
const TAKO_KEY: &[u8] = b"s/KWTyNdLaaZ5gbtGfVtv8CwwyGUVMAcdr9tqoXdPpM=\n";

fn values(imported: &Imported) -> Vec<(&str, &str)> {
    imported.entries.iter().map(|entry| (entry.name.as_str(), entry.secret.expose())).collect()
}

fn notes(imported: &Imported) -> Vec<String> {
    imported.notes.iter().map(ToString::to_string).collect()
}

fn told<T: std::fmt::Debug>(result: Result<T, Vec<ForeignError>>) -> Vec<String> {
    result.unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn the_example_of_tako_is_taken_over_with_its_expiry() {
    let tako = Tako::parse(TAKO.as_bytes()).unwrap();
    assert_eq!(tako.environments().collect::<Vec<_>>(), ["production", "staging"]);
    assert!(tako.key_id("development").is_none());
    let id = tako.key_id("production").unwrap();
    assert_eq!(id.as_str(), "b451c0de00000001");

    for key in [TakoKey::parse(TAKO_KEY).unwrap(), TakoKey::derive(b"tako-example", id)] {
        let imported = tako.open("production", &key, &Names::default()).unwrap();
        assert_eq!(
            values(&imported),
            [("API_KEY", "sk-example-key-12345"), ("DATED", "sk-example-key-12345")]
        );
        let expiries: Vec<_> = imported.entries.iter().map(|entry| entry.expiry).collect();
        assert_eq!(expiries[0], None);
        assert_eq!(expiries[1].unwrap().to_string(), "2027-01-31");
        assert!(imported.has_more);
        assert_eq!(notes(&imported).len(), 1);
        assert!(notes(&imported)[0].starts_with("`storages` is left out"));
    }
    let wrong = TakoKey::parse(b"AAAATyNdLaaZ5gbtGfVtv8CwwyGUVMAcdr9tqoXdPpM=").unwrap();
    let errors = told(tako.open("production", &wrong, &Names::default()));
    assert_eq!(errors.len(), 2);
    assert!(errors[0].starts_with("`API_KEY` does not open"));
    assert_eq!(format!("{wrong:?}"), "TakoKey([REDACTED])");
}

#[test]
fn a_file_of_tako_that_is_not_right_is_told_in_all_its_parts() {
    #[track_caller]
    fn case(text: &str, expected: &[&str]) {
        let errors = told(Tako::parse(text.as_bytes()));
        let starts = errors.len() == expected.len()
            && errors.iter().zip(expected).all(|(error, start)| error.starts_with(start));
        assert!(starts, "{text}: {errors:?}");
    }

    let id = "\"key_id\":\"b451c0de00000001\"";
    case("[]", &["expected one JSON object of environments"]);
    case("{\"a\":1}", &["expected one JSON object"]);
    case("{\"a\":{\"app\":{}}}", &["expected one JSON object"]);
    case("{\"a\":{\"key_id\":\"../../etc/passwd\"}}", &["expected one JSON object"]);
    case("{\"a\":{\"key_id\":\"b451c0de0000000g\"}}", &["expected one JSON object"]);
    case(&format!("{{\"a\":{{{id}}},\"a\":{{{id}}}}}"), &["`a` stands there twice"]);
    case(
        &format!(
            "{{\"a\":{{{id},\"app\":{{\"A\":1,\"B\":{{\"value\":\"x\",\"expires_on\":\"soon\"}},\
             \"C\":{{\"value\":\"x\",\"expires_on\":7}}}}}}}}"
        ),
        &["`A`: expected", "`B`: an expiry is a date", "`C`: expected"],
    );
    for key in [&b""[..], b"AAAA", b"\xff", &[b'A'; 48], &[b'A'; 4096]] {
        assert!(TakoKey::parse(key).is_none());
    }
}

#[test]
fn a_time_is_taken_for_its_day() {
    let text = TAKO.replace("2027-01-31", "2027-01-31T23:59:59Z");
    let tako = Tako::parse(text.as_bytes()).unwrap();
    let key = TakoKey::parse(TAKO_KEY).unwrap();
    let imported = tako.open("production", &key, &Names::default()).unwrap();
    assert_eq!(imported.entries[1].expiry.unwrap().to_string(), "2027-01-31");
}

#[test]
fn both_exports_of_doppler_are_read_without_what_is_no_value() {
    let plain =
        br#"{"A":"x","B":"","DOPPLER_CONFIG":"c","DOPPLER_ENVIRONMENT":"e","DOPPLER_PROJECT":"p"}"#;
    let full = br#"{"A":{"computed":"x","raw":"${Y}","note":""},"B":{"computed":"","raw":""},
        "DOPPLER_CONFIG":{"computed":"c"},"DOPPLER_ENVIRONMENT":{"computed":"e"},
        "DOPPLER_PROJECT":{"computed":"p"}}"#;
    for text in [&plain[..], full] {
        assert_eq!(Format::detect("", text), Format::Doppler);
        let imported = doppler::parse(text, &Names::default()).unwrap();
        assert_eq!(values(&imported), [("A", "x"), ("B", "")]);
        assert_eq!(notes(&imported).len(), 3);
        assert!(!imported.has_more);
    }
    let restricted = br#"{"A":{"computed":null,"raw":null},"b":{"computed":"canary"}}"#;
    let errors = told(doppler::parse(restricted, &Names::default()));
    assert_eq!(errors.len(), 2);
    assert!(errors[0].starts_with("`A`: expected a text"), "{errors:?}");
    assert!(errors[1].starts_with("`b`: 'b' at byte 0"), "{errors:?}");
}

#[test]
fn the_export_of_infisical_is_read() {
    let text = br#"[{"key":"A","workspace":"w","value":"x\ny","type":"shared","_id":"1","tags":[]},
        {"value":"2","key":"B"}]"#;
    let imported = infisical::parse(text, &Names::default()).unwrap();
    assert_eq!(values(&imported), [("A", "x\ny"), ("B", "2")]);

    let twice = br#"[{"key":"A","value":"canary"},{"key":"A","value":"canary"},{"key":"B"}]"#;
    let errors = told(infisical::parse(twice, &Names::default()));
    assert_eq!(errors[0], "`A` stands there twice");
    assert_eq!(errors[1], "`B` is null, a list or an object, not a value");
    for text in [&b"{}"[..], b"[1]", b"[{\"value\":\"canary\"}]"] {
        assert!(told(infisical::parse(text, &Names::default()))[0].starts_with("expected one"));
    }
}

#[test]
fn the_published_vectors_of_sops_are_taken_over() {
    for (form, text) in [
        (DocumentForm::Dotenv, include_bytes!("../../tests/vectors/sops.env").as_slice()),
        (DocumentForm::Json, include_bytes!("../../tests/vectors/sops.json")),
    ] {
        assert_eq!(Format::detect("", text), Format::Sops(Some(form)));
        let names = |renames: &[&str]| {
            let renames = renames.iter().map(|text| text.parse().unwrap());
            Names::new(renames.collect(), true)
        };
        let refused = take_over(form, text, &names(&[]));
        assert!(told(refused).iter().any(|error| error.contains("_UNENCRYPTED")));
        if form == DocumentForm::Dotenv {
            let imported = take_over(form, text, &names(&["PUBLIC_unencrypted=OPEN"])).unwrap();
            assert_eq!(values(&imported)[0], ("API_KEY", "sk-test-123"));
            assert!(values(&imported).contains(&("MULTI", "line1\nline2")));
            assert!(notes(&imported).contains(&"`OPEN` stands in the file in plaintext".into()));
        } else {
            let errors = told(take_over(form, text, &names(&["pub_unencrypted=OPEN"])));
            assert_eq!(errors.len(), 2, "{errors:?}");
        }
    }
}

fn take_over(
    form: DocumentForm,
    text: &[u8],
    names: &Names,
) -> Result<Imported, Vec<ForeignError>> {
    let place = Place {
        project: ProjectName::parse("acme").unwrap(),
        environment: EnvironmentName::parse("production").unwrap(),
    };
    let verified = Document::parse(form, text).unwrap().verify(&place, None).unwrap();
    let identity = include_bytes!("../../tests/vectors/identity.txt");
    let identity = Identity::parse_file(identity).unwrap().remove(0);
    let key = verified.unlock().offer(&identity).unwrap();
    verified.open(&key).unwrap().take_over(names)
}

/// Every reader on the same bytes. What comes out, or why not, holds no marker.
fn read_all(bytes: &[u8], uppercase: bool) {
    let names = Names::new(Vec::new(), uppercase);
    let format = Format::detect("", bytes);
    let _ = (format, Format::sops_form("a.env", bytes));
    let keys =
        dotenvx::DotenvxKeys::parse(format!("DOTENV_PRIVATE_KEY={}", "07".repeat(32)).as_bytes());
    let tako = Tako::parse(bytes).map(|tako| {
        let key = TakoKey::parse(TAKO_KEY).unwrap();
        let environments: Vec<_> = tako.environments().collect();
        let opened = environments.iter().map(|name| tako.open(name, &key, &names));
        drop(opened.collect::<Vec<_>>());
        Imported::default()
    });
    let results = [
        json::parse(bytes, &names),
        doppler::parse(bytes, &names),
        infisical::parse(bytes, &names),
        dotenvx::parse(bytes, &keys.unwrap(), &names),
        tako,
    ];
    for errors in results.iter().filter_map(|result| result.as_ref().err()) {
        assert!(!errors.is_empty());
    }
    let _ = dotenvx::DotenvxKeys::parse(bytes);
    let _ = TakoKey::parse(bytes);
    let _ = String::from_utf8_lossy(bytes).parse::<Rename>();
}

proptest! {
    #[test]
    fn no_bytes_stop_a_reader(bytes in prop::collection::vec(any::<u8>(), 0..300), upper: bool) {
        read_all(&bytes, upper);
    }

    #[test]
    fn no_text_that_is_nearly_right_stops_a_reader(
        at in 0..2000_usize,
        cut in 0..60_usize,
        put in "[a-z{}\\[\\]\":,=A_\n$\\\\]{0,12}",
        which in 0..5_usize,
    ) {
        let files = [
            TAKO,
            r#"{"A":{"computed":"x","raw":"y"},"DOPPLER_PROJECT":{"computed":"p"}}"#,
            r#"[{"key":"A","value":"x","tags":[]},{"key":"B","value":"y"}]"#,
            "DOTENV_PUBLIC_KEY=\"02082b43418aead4f8229ef513a426cd28337872cac4d7fd1cfd5a24dc584477d6\"\nA=encrypted:BD5RsRXAX5KJ\nB='x'\n",
            r#"{"a":"b","c":"d\u0041"}"#,
        ];
        let mut bytes = files[which].as_bytes().to_vec();
        let at = at % bytes.len();
        let end = (at + cut).min(bytes.len());
        bytes.splice(at..end, put.bytes());
        read_all(&bytes, true);
    }

    #[test]
    fn no_error_holds_a_value(name in "[a-zA-Z_]{1,8}", junk in "[a-z{}\\[\\]\":,= \n]{0,10}") {
        let canary = "CaNaRy-0123456789";
        for text in [
            format!("{{\"{name}\":\"{canary}\"{junk}}}"),
            format!("{{\"{name}\":[\"{canary}\"]{junk}}}"),
            format!("{{\"{name}\":{{\"computed\":[\"{canary}\"]}}}}"),
            format!("[{{\"key\":\"{name}\",\"value\":[\"{canary}\"]}}{junk}]"),
            format!("{{\"{name}\":{{\"key_id\":\"b451c0de00000001\",\"app\":{{\"A\":[\"{canary}\"]}}}}}}"),
            format!("{name}=encrypted:{canary}\n"),
        ] {
            let names = Names::default();
            let keys = format!("DOTENV_PRIVATE_KEY={}", "07".repeat(32));
            let keys = dotenvx::DotenvxKeys::parse(keys.as_bytes()).unwrap();
            let tako = Tako::parse(text.as_bytes()).map(|_| Imported::default());
            for result in [
                json::parse(text.as_bytes(), &names),
                doppler::parse(text.as_bytes(), &names),
                infisical::parse(text.as_bytes(), &names),
                dotenvx::parse(text.as_bytes(), &keys, &names),
                tako,
            ] {
                let shown = format!("{result:?}");
                prop_assert!(!shown.contains(canary), "a value is shown");
            }
        }
    }
}
