use proptest::prelude::*;

use super::*;

/// A finding with its text.
#[derive(Clone, Copy, Debug)]
struct Plain {
    kind: &'static str,
    text: &'static [u8],
    path: &'static str,
}

const LEAK: Plain = Plain { kind: "github-token", text: b"leaked", path: "src/a.rs" };

fn mac(key: &BaselineKey, plain: &Plain) -> Mac {
    key.mac(&Leak { kind: plain.kind, text: key.text(plain.text), path: plain.path })
}

fn add(
    baseline: &mut Baseline,
    key: &BaselineKey,
    leak: &Plain,
    reason: &str,
) -> Result<bool, BaselineError> {
    baseline.add(mac(key, leak), Accepted::new(leak.kind, leak.path, reason))
}

fn contains(baseline: &Baseline, key: &BaselineKey, leak: &Plain) -> bool {
    baseline.find(mac(key, leak)).is_some()
}

fn filled(key: &BaselineKey) -> Baseline {
    let mut baseline = Baseline::default();
    assert_eq!(add(&mut baseline, key, &LEAK, "a test's \"token\""), Ok(true));
    assert_eq!(add(&mut baseline, key, &Plain { path: "b", ..LEAK }, "ü"), Ok(true));
    baseline
}

#[test]
fn what_was_accepted_is_known_by_kind_text_path_and_key() {
    let key = BaselineKey::random();
    let mut baseline = filled(&key);
    assert!(contains(&baseline, &key, &LEAK));
    assert!(contains(&baseline, &BaselineKey::parse(&key.print()).unwrap(), &LEAK));
    for other in [
        Plain { kind: "gitlab-token", ..LEAK },
        Plain { text: b"leaked!", ..LEAK },
        Plain { path: "src/b.rs", ..LEAK },
        Plain { kind: "github-tokenleaked", text: b"", ..LEAK },
    ] {
        assert!(!contains(&baseline, &key, &other), "{other:?}");
    }
    assert!(!contains(&baseline, &BaselineKey::random(), &LEAK));
    assert_eq!(add(&mut baseline, &key, &LEAK, "another reason"), Ok(false));
    assert_eq!(baseline.iter().count(), 2);
}

#[test]
fn the_file_reads_back_and_tells_nothing_of_the_text() {
    let key = BaselineKey::random();
    let baseline = filled(&key);
    let text = baseline.print(&key);
    assert!(!text.contains("leaked"), "{text}");
    assert!(!format!("{baseline:?} {key:?}").contains("leaked"));
    let (same, read) = Baseline::parse(text.as_bytes()).unwrap();
    assert_eq!(read, baseline);
    assert_eq!(read.print(&same), text);
    assert_eq!(text.lines().count(), 8, "{text}");
    let empty = Baseline::default();
    assert_eq!(Baseline::parse(empty.print(&key).as_bytes()).unwrap().1, empty);
}

#[test]
fn what_is_no_baseline_is_refused() {
    #[track_caller]
    fn case(text: &str, expected: BaselineError) {
        assert_eq!(Baseline::parse(text.as_bytes()).map(|_| ()), Err(expected), "{text}");
    }
    let row = |mac: &str, reason: &str| {
        format!(r#"{{"mac":"{mac}","kind":"k","path":"p","reason":"{reason}"}}"#)
    };
    let page = |rows: &str| {
        let key = "0a".repeat(32);
        format!(r#"{{"version":1,"key":"{key}","accepted":[{rows}]}}"#)
    };
    let good = row(&"0a".repeat(16), "r");

    assert!(Baseline::parse(page(&good).as_bytes()).is_ok());
    case("", BaselineError::Form { line: 1, column: 0 });
    case(r#"{"version":2,"new":1}"#, BaselineError::Version { found: 2 });
    case(&page(&format!("{good},{good}")), BaselineError::Twice { number: 2 });
    case(&page(&good).replacen("0a0a", "0A0a", 1), BaselineError::Key);
    case(&page(&good).replacen("0a0a", "0a", 1), BaselineError::Key);
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
        let error = Baseline::parse(form.as_bytes()).map(|_| ()).unwrap_err();
        assert!(matches!(error, BaselineError::Form { .. }), "{form}: {error}");
    }
    let large = " ".repeat(Baseline::MAX_BYTES + 1);
    assert_eq!(Baseline::parse(large.as_bytes()).map(|_| ()), Err(BaselineError::TooLarge));
}

#[test]
fn a_reason_is_a_sentence_on_one_line() {
    let key = BaselineKey::random();
    let mut baseline = Baseline::default();
    let refused = Err(BaselineError::Text { field: "reason" });
    for reason in ["", "a\nb", &"r".repeat(501)] {
        assert_eq!(add(&mut baseline, &key, &LEAK, reason), refused);
    }
    // A path may hold anything; it is written as it is shown.
    let leak = Plain { path: "a\nb", ..LEAK };
    assert_eq!(add(&mut baseline, &key, &leak, "r"), Ok(true));
    let (key, read) = Baseline::parse(baseline.print(&key).as_bytes()).unwrap();
    assert!(contains(&read, &key, &leak));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Baseline::parse(&bytes);
    }
}
