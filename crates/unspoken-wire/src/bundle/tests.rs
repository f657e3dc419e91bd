use proptest::prelude::*;

use super::*;

fn bundle(secrets: &[(&str, &str)]) -> Bundle {
    let secrets = secrets.iter().map(|&(name, text)| (name.to_owned(), secret(text))).collect();
    let origin =
        Origin { project: "acme".to_owned(), environment: "production".to_owned(), revision: 7 };
    Bundle { origin, token: None, secrets }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.into()).unwrap()
}

fn pairs(bundle: &Bundle) -> Vec<(String, String)> {
    let pair = |(name, secret): &(String, Secret)| (name.clone(), secret.expose().to_owned());
    bundle.secrets.iter().map(pair).collect()
}

#[track_caller]
fn wrong(text: &str, expected: &BundleError) {
    let error = Bundle::parse(text.as_bytes()).unwrap_err();
    assert_eq!(error, *expected, "{text}");
    assert!(!format!("{error} {error:?}").contains("canary"));
}

#[test]
fn a_bundle_is_one_line_of_json() {
    let mut bundle = bundle(&[("A", "1\n\"\\\u{1f}é\u{2028}"), ("B", "")]);
    bundle.token = Some(secret("t"));
    let printed = bundle.print();
    assert_eq!(
        std::str::from_utf8(&printed).unwrap(),
        "{\"version\":1,\"project\":\"acme\",\"environment\":\"production\",\"revision\":7,\
         \"token\":\"t\",\"secrets\":{\"A\":\"1\\n\\\"\\\\\\u001fé\u{2028}\",\"B\":\"\"},\
         \"storages\":{}}"
    );
    let read = Bundle::parse(&printed).unwrap();
    assert_eq!((pairs(&read), &read.origin), (pairs(&bundle), &bundle.origin));
    assert!(read.get("C").is_none());
    assert!(read.token.unwrap().is_same(&secret("t")));
}

#[test]
fn what_is_not_known_is_passed_over_and_what_may_lack_is_empty() {
    let text = r#" {"later":[1,{"a":null}],"secrets":{"A":"1","A":"2"},"version":1} "#;
    let read = Bundle::parse(text.as_bytes()).unwrap();
    assert_eq!(pairs(&read), [("A".to_owned(), "2".to_owned())]);
    assert_eq!((read.origin, read.token.is_none()), (Origin::default(), true));
}

#[test]
fn what_is_no_bundle_is_refused_and_not_repeated() {
    wrong("", &BundleError::Empty);
    wrong("A=canary", &BundleError::NotJson { line: 1, column: 1 });
    wrong(r#"{"secrets":{"A":"canary"#, &BundleError::NotJson { line: 1, column: 23 });
    wrong(r#"{"version":1} canary"#, &BundleError::NotJson { line: 1, column: 15 });
    wrong(r#"["canary"]"#, &BundleError::Shape { key: "secrets" });
    wrong(r#"{"version":2,"secrets":["canary"]}"#, &BundleError::Version { found: 2 });
    for version in ["0", "-1", "1.5", "\"1\"", "null", "\"canary\""] {
        let text = format!(r#"{{"version":{version},"secrets":{{}}}}"#);
        wrong(&text, &BundleError::Shape { key: "version" });
    }
    wrong(r#"{"secrets":{}}"#, &BundleError::Shape { key: "version" });
    wrong(r#"{"version":1}"#, &BundleError::Shape { key: "secrets" });
    for secrets in [r#"["canary"]"#, r#"{"A":1}"#, r#"{"A":null}"#, "\"canary\"", "null"] {
        let text = format!(r#"{{"version":1,"secrets":{secrets}}}"#);
        wrong(&text, &BundleError::Shape { key: "secrets" });
    }
    let known = [("project", "1"), ("environment", "{}"), ("revision", "-1"), ("token", "1")];
    for (key, value) in known.into_iter().chain([("storages", "[]")]) {
        let text = format!(r#"{{"version":1,"{key}":{value},"secrets":{{"A":"canary"}}}}"#);
        wrong(&text, &BundleError::Shape { key });
    }
    let error = SecretError::Nul { at: 6 };
    wrong(
        r#"{"version":1,"secrets":{"A":"canary\u0000"}}"#,
        &BundleError::Value { number: 1, error },
    );
}

#[test]
fn debug_shows_names_alone() {
    let mut bundle = bundle(&[("A", "canary")]);
    bundle.token = Some(secret("canary"));
    let shown = format!("{bundle:?} {bundle:#?}");
    assert!(shown.contains("\"A\"") && !shown.contains("canary"));
}

proptest! {
    /// Any text comes back, and serde_json reads the same.
    #[test]
    fn what_is_printed_is_read(
        texts in prop::collection::btree_map("\\PC{0,8}", "[^\u{0}]{0,40}", 0..6),
    ) {
        let texts: Vec<_> = texts.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let bundle = bundle(&texts);
        let printed = bundle.print();
        prop_assert_eq!(pairs(&Bundle::parse(&printed).unwrap()), pairs(&bundle));
        let value: serde_json::Value = serde_json::from_slice(&printed).unwrap();
        for (name, text) in texts {
            prop_assert_eq!(value["secrets"][name].as_str(), Some(text));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Bundle::parse(&bytes);
    }
}
