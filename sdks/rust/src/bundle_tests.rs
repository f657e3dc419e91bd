use super::*;

const WHOLE: &str = r#"{"version":1,"project":"acme","environment":"production","revision":7,
"token":"canary-token","secrets":{"A":"canary\n\"\u00fc\ud83d\ude00","B":""},"storages":{"s":{}},"x":[null]}"#;

#[track_caller]
fn refused(text: &str) -> Refusal {
    parse(text.as_bytes()).expect_err(text)
}

#[test]
fn a_whole_bundle_is_read() {
    let secrets = parse(WHOLE.as_bytes()).unwrap();

    assert_eq!((secrets.project(), secrets.environment()), ("acme", "production"));
    assert_eq!(secrets.revision(), 7);
    assert!(secrets.is_probe("canary-token"));
    assert_eq!(secrets.names().collect::<Vec<_>>(), ["A", "B"]);
    assert_eq!(secrets.get("A").unwrap().expose(), "canary\n\"ü😀");
    assert_eq!(secrets.get("B").unwrap().expose(), "");
}

#[test]
fn only_version_and_secrets_must_be_there() {
    let secrets = parse(br#"{"secrets":{},"version":1}"#).unwrap();

    assert!(!secrets.is_outside());
    assert!(secrets.token().is_none());
    assert_eq!(secrets.revision(), 0);
}

#[test]
fn a_shape_is_refused_by_its_key() {
    #[track_caller]
    fn case(text: &str, key: &str) {
        let Refusal::Shape { key: found, .. } = refused(text) else {
            panic!("{text}: {:?}", refused(text))
        };
        assert_eq!(found, key, "{text}");
    }

    case("[]", "");
    case("null", "");
    case("{}", "version");
    case(r#"{"version":"1","secrets":{}}"#, "version");
    case(r#"{"version":1.0,"secrets":{}}"#, "version");
    case(r#"{"version":-1,"secrets":{}}"#, "version");
    case(r#"{"version":1}"#, "secrets");
    case(r#"{"version":1,"secrets":[]}"#, "secrets");
    case(r#"{"version":1,"secrets":{"A":1}}"#, "secrets");
    case(r#"{"version":1,"secrets":{"A":null}}"#, "secrets");
    case(r#"{"version":1,"secrets":{"A":"\ud800"}}"#, "secrets");
    case(r#"{"version":1,"secrets":{"A":"\ud800\u0041"}}"#, "secrets");
    case(r#"{"version":1,"secrets":{},"project":null}"#, "project");
    case(r#"{"version":1,"secrets":{},"environment":[]}"#, "environment");
    case(r#"{"version":1,"secrets":{},"revision":-1}"#, "revision");
    case(r#"{"version":1,"secrets":{},"revision":1.5}"#, "revision");
    case(r#"{"version":1,"secrets":{},"token":1}"#, "token");
    case(r#"{"version":1,"secrets":{},"storages":[]}"#, "storages");
}

#[test]
fn a_newer_version_is_named_whatever_its_shape() {
    let refusal = refused(r#"{"secrets":["later"],"version":2}"#);

    assert_eq!(refusal, Refusal::Version { found: 2 });
    assert!(refusal.to_string().contains("version 2, and this library reads version 1"));
    assert_eq!(refused(r#"{"version":0,"secrets":{}}"#), Refusal::Version { found: 0 });
}

#[test]
fn secrets_are_counted() {
    let bundle = |count: usize| {
        let secrets: Vec<String> = (0..count).map(|at| format!(r#""N{at}":"""#)).collect();
        parse(format!(r#"{{"secrets":{{{}}},"version":1}}"#, secrets.join(",")).as_bytes())
    };

    assert_eq!(bundle(100_000).unwrap().names().count(), 100_000);
    assert_eq!(bundle(100_001), Err(Refusal::Many));
    assert!(matches!(refused(r#"{"version":1,"secrets":{"\ud800":""}}"#), Refusal::Syntax { .. }));
}

#[test]
fn what_is_no_json_is_refused_by_its_place() {
    assert_eq!(parse(b"\xff"), Err(Refusal::Encoding));
    assert_eq!(refused("{}x"), Refusal::Shape { key: "version", expected: "an integer" });
    assert!(matches!(refused(r#"{"version":1}x"#), Refusal::Syntax { line: 1, column: 14 }));
    assert!(matches!(refused(""), Refusal::Syntax { .. }));
    assert!(matches!(refused(&"[".repeat(1_000_000)), Refusal::Shape { .. }));
    let deep = format!(r#"{{"version":1,"secrets":{{}},"x":{}"#, "[".repeat(1_000_000));
    assert!(matches!(refused(&deep), Refusal::Syntax { .. }));
}

/// Every cut and every change of one byte: no panic, and no message with a part of the content.
#[test]
fn no_spoiled_bundle_panics_or_is_quoted() {
    let whole = WHOLE.as_bytes();
    let cuts = (0..whole.len()).map(|at| whole[..at].to_vec());
    let changes = (0..whole.len()).flat_map(|at| {
        b"\0\x1f\"\\{}[],:0-u \x80\xff".iter().map(move |&byte| {
            let mut changed = whole.to_vec();
            changed[at] = byte;
            changed
        })
    });

    for spoiled in cuts.chain(changes) {
        if let Err(refusal) = parse(&spoiled) {
            let said = format!("{refusal} {refusal:?}");
            assert!(!said.contains("canary") && !said.contains("acme"), "{said}");
        }
    }
}

#[test]
fn an_unescaped_text_does_not_move() {
    let literal = format!("\"{}\"", r"\ud83d\ude00\u00fc\n\\ü".repeat(1000));
    let text = unescape(&literal).unwrap();

    assert_eq!(text.as_str(), "😀ü\n\\ü".repeat(1000));
    assert_eq!(text.capacity(), literal.len() - 2);
    for broken in [r#""\x""#, r#""\u12""#, r#""\u+123""#, r#""\"#, "\"", "1", r#""\udc00""#] {
        assert!(unescape(broken).is_none(), "{broken}");
    }
}

impl PartialEq for Secrets {
    fn eq(&self, _: &Self) -> bool {
        false
    }
}
