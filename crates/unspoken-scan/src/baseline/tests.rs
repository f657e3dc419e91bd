use proptest::prelude::*;

use super::*;

const LEAK: Leak<'static> = Leak { kind: "github-token", text: b"leaked", path: "src/a.rs" };

fn filled(key: &BaselineKey) -> Baseline {
    let mut baseline = Baseline::default();
    assert_eq!(baseline.add(key, &LEAK, "a test's \"token\""), Ok(true));
    assert_eq!(baseline.add(key, &Leak { path: "b", ..LEAK }, "ü"), Ok(true));
    baseline
}

#[test]
fn what_was_accepted_is_known_by_kind_text_path_and_key() {
    let key = BaselineKey::random();
    let mut baseline = filled(&key);
    assert!(baseline.contains(&key, &LEAK));
    assert!(baseline.contains(&BaselineKey::new(key.expose()).unwrap(), &LEAK));
    for other in [
        Leak { kind: "gitlab-token", ..LEAK },
        Leak { text: b"leaked!", ..LEAK },
        Leak { path: "src/b.rs", ..LEAK },
        Leak { kind: "github-tokenleaked", text: b"", ..LEAK },
    ] {
        assert!(!baseline.contains(&key, &other), "{other:?}");
    }
    assert!(!baseline.contains(&BaselineKey::random(), &LEAK));
    assert_eq!(baseline.add(&key, &LEAK, "another reason"), Ok(false));
    assert_eq!(baseline.iter().count(), 2);
}

#[test]
fn the_file_reads_back_and_tells_nothing_of_the_text() {
    let key = BaselineKey::random();
    let baseline = filled(&key);
    let text = baseline.print();
    assert!(!text.contains("leaked"), "{text}");
    assert!(!format!("{baseline:?} {LEAK:?} {key:?}").contains("leaked"));
    let read = Baseline::parse(text.as_bytes()).unwrap();
    assert_eq!(read, baseline);
    assert_eq!(read.print(), text);
    assert_eq!(text.lines().count(), 7, "{text}");
    let empty = Baseline::default();
    assert_eq!(Baseline::parse(empty.print().as_bytes()), Ok(empty));
}

#[test]
fn what_is_no_baseline_is_refused() {
    #[track_caller]
    fn case(text: &str, expected: BaselineError) {
        assert_eq!(Baseline::parse(text.as_bytes()), Err(expected), "{text}");
    }
    let row = |mac: &str, reason: &str| {
        format!(r#"{{"mac":"{mac}","kind":"k","path":"p","reason":"{reason}"}}"#)
    };
    let page = |rows: &str| format!(r#"{{"version":1,"accepted":[{rows}]}}"#);
    let good = row(&"0a".repeat(16), "r");

    assert!(Baseline::parse(page(&good).as_bytes()).is_ok());
    case("", BaselineError::Form { line: 1, column: 0 });
    case(r#"{"version":2,"new":1}"#, BaselineError::Version { found: 2 });
    case(&page(&format!("{good},{good}")), BaselineError::Twice { number: 2 });
    case(&page(&row("0A", "r")), BaselineError::Entry { number: 1, field: "mac" });
    for reason in ["", "a\\u001b[2J", "\\u202e", &"r".repeat(501)] {
        let rows = format!("{good},{}", row(&"0b".repeat(16), reason));
        case(&page(&rows), BaselineError::Entry { number: 2, field: "reason" });
    }
    for form in [
        page(&good).replace("\"accepted\"", "\"x\":1,\"accepted\""),
        page(&good).replace("\"kind\"", "\"x\":1,\"kind\""),
        page(&good).replace("\"kind\"", "\"kind\":\"a\",\"kind\""),
        page(&good.replace("\"path\":\"p\",", "")),
        page(&good) + "x",
        "[".repeat(10_000),
    ] {
        let error = Baseline::parse(form.as_bytes()).unwrap_err();
        assert!(matches!(error, BaselineError::Form { .. }), "{form}: {error}");
    }
    let large = " ".repeat(Baseline::MAX_BYTES + 1);
    assert_eq!(Baseline::parse(large.as_bytes()), Err(BaselineError::TooLarge));
}

#[test]
fn a_reason_is_a_sentence_on_one_line() {
    let key = BaselineKey::random();
    let mut baseline = Baseline::default();
    let refused = Err(BaselineError::Text { field: "reason" });
    for reason in ["", "a\nb", &"r".repeat(501)] {
        assert_eq!(baseline.add(&key, &LEAK, reason), refused);
    }
    // A path may hold anything; it is written as it is shown.
    let leak = Leak { path: "a\nb", ..LEAK };
    assert_eq!(baseline.add(&key, &leak, "r"), Ok(true));
    let read = Baseline::parse(baseline.print().as_bytes()).unwrap();
    assert!(read.contains(&key, &leak));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Baseline::parse(&bytes);
    }
}
