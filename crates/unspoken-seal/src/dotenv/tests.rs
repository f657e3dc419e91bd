//! The reader against a table, against any bytes, and against the real npm
//! `dotenv`.

#![expect(clippy::disallowed_methods, reason = "the real reader is another program")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use proptest::prelude::*;

use super::*;

fn values(text: &str) -> BTreeMap<String, String> {
    let parsed = parse(text.as_bytes()).unwrap_or_else(|errors| panic!("{text:?}: {errors:?}"));
    let plain = |entry: &Entry| (entry.name.to_string(), entry.secret.expose().to_owned());
    parsed.entries.iter().map(plain).collect()
}

fn kinds(text: &str) -> Vec<WarningKind> {
    parse(text.as_bytes()).unwrap().warnings.iter().map(|warning| warning.kind).collect()
}

#[test]
fn values_are_those_of_npm() {
    #[track_caller]
    fn case(text: &str, expected: &str) {
        let found = values(text);
        assert_eq!(found.get("A").map(String::as_str), Some(expected), "{text:?}");
    }

    case("A=b", "b");
    case("\u{feff}A=b", "b");
    case("  export\tA = b c  ", "b c");
    case("A: b", "b");
    case("A: =b", "=b");
    case("A==b=", "=b=");
    case("A=\u{a0}b\u{a0}", "b");
    case("A=\nB=c", "");
    case("A='b'\r\nB=c", "b");
    case("A='b\r\nc\rd'", "b\nc\nd");
    case("A=\"b\\nc\\rd\\te\\\\n\"", "b\nc\rd\\te\\\n");
    case("A='b\\nc'", "b\\nc");
    case("A=b\\nc", "b\\nc");
    case("A=\" b \"", " b ");
    case("A=`it's \"b\"`", "it's \"b\"");
    case("A='b' # c", "b");
    case("A='b'#c", "b");
    case("A=b#c", "b");
    case("A=b # c", "b");
    case("A=#b", "");
    case("A='b#c'", "b#c");
    case("A=\"b \\\"c\\\"\"", "b \\\"c\\\"");
    case("A='b'c", "'b'c");
    case("A='it's'", "it's");
    case("A=\"b\"\\nc\"", "b\"\nc");
    // The quote behind a backslash closes, because what follows cannot be.
    case("A='C:\\b\\'\nB='c'", "C:\\b\\");
    case("A='C:\\b\\' # it's", "C:\\b\\");
    case("A='b\\'c\nd'", "b\\'c\nd");
    case("A='b'\nA=c", "c");
    case("# x\n\n \t\nA=b\n#", "b");
    case(
        "A=\"-----BEGIN KEY-----\nMIIE/+==\n-----END KEY-----\n\"\nB=c",
        "-----BEGIN KEY-----\nMIIE/+==\n-----END KEY-----\n",
    );
    case("A='b\u{2028}c'", "b\u{2028}c");
}

#[test]
fn a_disagreement_between_dialects_is_a_warning() {
    use WarningKind::{
        Backslash, Backticks, CommentDropped, Duplicate, Empty, HashCut, Interpolation,
        TextAfterQuote,
    };

    #[track_caller]
    fn case(text: &str, expected: &[WarningKind]) {
        assert_eq!(kinds(text), expected, "{text:?}");
    }

    case("A=b c\nB='$5 \\d'\nC=\"\\n\\r\"\nD='a\\tb'", &[]);
    case("URL=http://h/?x=1#frag", &[HashCut]);
    case("A=b # c", &[CommentDropped]);
    case("A='b' # c", &[CommentDropped]);
    case("A=#b", &[Empty, HashCut]);
    case("A=${B}", &[Interpolation]);
    case("A='$B'", &[]);
    case("A='${B}'", &[Interpolation]);
    case("A=\"$B\"", &[Interpolation]);
    case("A=`b`", &[Backticks]);
    case("A=\"\\t\"", &[Backslash]);
    case("A=\"\\\"\"", &[Backslash]);
    case("A='\\\\'", &[Backslash]);
    case("A=C:\\dir", &[Backslash]);
    case("A='b'c", &[TextAfterQuote]);
    case("A=", &[Empty]);
    case("B=c\nA=b\n\nA=c\nA=d", &[Duplicate { first: 2 }, Duplicate { first: 4 }]);
}

#[test]
fn a_wrong_line_is_named_with_its_key_and_without_its_value() {
    use LineProblem::{LineSeparator, Name, NoAssignment};

    #[track_caller]
    fn case(text: &[u8], line: usize, key: Option<&str>, problem: LineProblem) {
        let expected = LineError { line, key: key.map(str::to_owned), problem };
        assert_eq!(parse(text).unwrap_err(), [expected], "{:?}", text.escape_ascii().to_string());
    }
    let character = |found, at| Name(NameError::Character { found, at });

    case(b"A=b\ncanary\n", 2, None, NoAssignment);
    case(b"A=b\n\n'canary'", 3, None, NoAssignment);
    case(b"A:canary", 1, Some("A"), NoAssignment);
    case(b"A :canary", 1, Some("A"), NoAssignment);
    case(b"A:\nB=c", 1, Some("A"), NoAssignment);
    case(b"user:canary", 1, None, NoAssignment);
    case(b"A B=canary", 1, None, NoAssignment);
    case(b"=canary", 1, None, NoAssignment);
    case(b"export\nA=b", 1, None, NoAssignment);
    case(b"A-B=canary", 1, Some("A-B"), character('-', 1));
    case(b"1A=canary", 1, Some("1A"), character('1', 0));
    case(b"a.b: canary", 1, Some("a.b"), character('a', 0));
    case(b"export =canary", 1, Some("export"), character('e', 0));
    case("A='b' # c\u{2028}B=canary".as_bytes(), 1, Some("A"), LineSeparator);
    case("A=b\u{2029}B=canary".as_bytes(), 1, Some("A"), LineSeparator);
    case("A='b\\' '\u{2028}'".as_bytes(), 1, Some("A"), LineSeparator);
    case("# c\u{2028}B=canary".as_bytes(), 1, None, LineSeparator);
    case(b"SOPS_X=canary", 1, Some("SOPS_X"), Name(NameError::ReservedPrefix));
    case(b"a-b='canary\nA=b'\nA=c", 1, Some("a-b"), character('a', 0));
}

#[test]
fn every_wrong_line_is_named() {
    let text =
        b"A='canary\nB=\"b\nC=c\nb=canary\n\xffx\nD='\0'\n# caf\xe9\nG=a\xe2\x80\xa8b\nA=`\n";
    let found = parse(text).unwrap_err();
    let found: Vec<String> = found.iter().map(LineError::to_string).collect();
    assert_eq!(
        found,
        [
            "line 1: `A`: the quote ' is not closed",
            "line 2: `B`: the quote \" is not closed",
            "line 4: `b`: 'b' at byte 0 cannot stand in a secret name (A-Z, then A-Z, 0-9 and `_`)",
            "line 5: this is not UTF-8 text",
            "line 6: `D`: the value holds a NUL at byte 0, which no environment variable can carry",
            "line 7: this is not UTF-8 text",
            "line 8: `G`: a Unicode line separator outside quotes, which npm takes for the end of the line",
            "line 9: `A`: the quote ` is not closed",
        ]
    );
}

#[test]
fn a_key_pasted_without_quotes_is_not_repeated() {
    let text =
        "KEY=-----BEGIN PRIVATE KEY-----\nMIIEcanary/+\ncanaryQ==\n-----END PRIVATE KEY-----";
    let found = parse(text.as_bytes()).unwrap_err();
    assert_eq!(found.iter().map(|error| error.line).collect::<Vec<_>>(), [2, 3, 4]);
    assert!(!format!("{found:?}").contains("canary"));
    let long = format!("canary{}=x", "a".repeat(200));
    assert_eq!(parse(long.as_bytes()).unwrap_err()[0].key, None);
}

#[test]
fn limits_hold_at_the_byte_and_at_the_value() {
    let text = |length| format!("A=b\nB='{}'", "x".repeat(length));
    assert!(parse(text(Secret::MAX).as_bytes()).is_ok());
    let found = parse(text(Secret::MAX + 1).as_bytes()).unwrap_err();
    let problem = LineProblem::Value(SecretError::TooLong { found: Secret::MAX + 1 });
    assert_eq!(found, [LineError { line: 2, key: Some("B".to_owned()), problem }]);

    let text = |count| (0..count).fold(String::new(), |text, n| text + &format!("N{n}=x\n"));
    assert_eq!(parse(text(MAX_ENTRIES).as_bytes()).unwrap().entries.len(), MAX_ENTRIES);
    let twice = text(MAX_ENTRIES) + &text(5);
    assert_eq!(parse(twice.as_bytes()).unwrap().entries.len(), MAX_ENTRIES);
    let found = parse(text(MAX_ENTRIES + 7).as_bytes()).unwrap_err();
    let problem = LineProblem::TooMany;
    assert_eq!(found, [LineError { line: MAX_ENTRIES + 1, key: None, problem }]);
}

/// Whoever writes the file must not be able to keep its reader busy. The bound
/// is far from both: without optimisation a linear reader takes a quarter of a
/// second, a quadratic one minutes.
#[test]
fn a_quote_that_does_not_close_is_not_searched_for_again_and_again() {
    let count = 50_000;
    for (start, piece) in [
        ("A='", "\\'x"),
        ("A=\"", "\\\"\u{2028}x"),
        ("A=`", "\\` "),
        ("", "A='b\n"),
        ("", "A='\\'x\n"),
    ] {
        let text = start.to_owned() + &piece.repeat(count) + "x";
        let begin = std::time::Instant::now();
        let found = parse(text.as_bytes());
        let took = begin.elapsed();
        assert!(found.is_err(), "{start:?} {piece:?}");
        assert!(took < std::time::Duration::from_secs(20), "{start:?} {piece:?} took {took:?}");
    }
}

#[test]
fn entries_keep_their_order_and_the_line_of_the_value_that_won() {
    let parsed = parse(b"B=1\nA='x\ny'\nC=3\nB=4").unwrap();
    let found: Vec<_> = parsed.entries.iter().map(|e| (e.name.as_str(), e.line)).collect();
    assert_eq!(found, [("B", 5), ("A", 2), ("C", 4)]);
}

/// The real npm `dotenv` in one process, which answers file after file.
struct Npm {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

const PROGRAM: &str = r"
const { parse } = require(process.argv[1])
require('readline').createInterface({ input: process.stdin })
  .on('line', line => console.log(JSON.stringify(parse(JSON.parse(line)))))
";

impl Npm {
    fn start() -> Self {
        let peers = std::env::var_os("UNSPOKEN_PEERS").map(PathBuf::from);
        let peers = peers.expect("run `cargo xtask test`, which installs the peers");
        let mut child = Command::new("node")
            .args(["-e", PROGRAM])
            .arg(peers.join("node_modules/dotenv"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node is on PATH");
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, output }
    }

    fn parse(&mut self, text: &str) -> BTreeMap<String, String> {
        let line = serde_json::to_string(text).unwrap() + "\n";
        self.input.write_all(line.as_bytes()).unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        let fields = answer.as_object().unwrap().iter();
        fields.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
    }
}

impl Drop for Npm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Text in which the pieces that have a meaning are frequent.
fn awkward_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec![
            "'", "\"", "`", "\\", "\\n", "\\r", "\\'", "\\\"", "\\\\", "#", " ", "\t", "$", "${B}",
            "=", ":", "a", "B", "-", ".", "_", "0", "\u{a0}", "\u{feff}", "ü", "\u{85}", "\u{b}",
        ]),
        1 => prop::sample::select(vec!["\n", "\r\n", "\r", "\n\n", "\n#", "\u{2028}", "\u{2029}"]),
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

/// Files of assignments, most of them readable.
fn file() -> impl Strategy<Value = String> {
    let start = prop::sample::select(vec![
        "A=",
        "B=",
        "C =",
        "D= ",
        "E: ",
        "export F=",
        " G =\t",
        "H='",
        "I=\"",
        "J=`",
        "",
        "# ",
    ]);
    let end = prop::sample::select(vec!["\n", "\n", "'\n", "\"\n", "`\n", "\r\n", "' # x\n", ""]);
    let line =
        (start, awkward_text(), end).prop_map(|(start, text, end)| [start, &text, end].concat());
    prop::collection::vec(line, 1..6).prop_map(|lines| lines.concat())
}

#[test]
fn the_real_npm_reads_the_same() {
    let npm = std::cell::RefCell::new(Npm::start());
    let read = std::cell::Cell::new(0_u32);
    let config = ProptestConfig { cases: 30_000, failure_persistence: None, ..Default::default() };
    proptest!(config, |(text in file())| {
        if parse(text.as_bytes()).is_ok() {
            read.set(read.get() + 1);
            prop_assert_eq!(values(&text), npm.borrow_mut().parse(&text));
        }
    });
    assert!(read.get() > 3_000, "the files were too wild to show anything: {}", read.get());
}

/// Every line of up to four of these pieces, each followed by another value.
#[test]
fn the_real_npm_reads_every_short_value_the_same() {
    let pieces = ["'", "\"", "`", "\\", "#", " ", "n", "\n", "\nB=", "$"];
    let mut npm = Npm::start();
    let mut read = 0;
    for number in 0..10_usize.pow(4) {
        let digits = [number / 1000, number / 100 % 10, number / 10 % 10, number % 10];
        let value: String = digits.iter().map(|&digit| pieces[digit]).collect();
        let text = format!("A={value}\nC='c'\n");
        if parse(text.as_bytes()).is_ok() {
            read += 1;
            assert_eq!(values(&text), npm.parse(&text), "{text:?}");
        }
    }
    assert!(read > 3_000, "only {read} were read");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn a_value_is_not_repeated(
        start in prop::sample::select(vec!["A=", "a-b: ", "A:", "A B", "\"", "A='", "A=\"", "=", "A \u{2028}="]),
        text in awkward_text(),
    ) {
        let text = format!("{start}canary{text}");
        if let Err(errors) = parse(text.as_bytes()) {
            let shown: Vec<_> = errors.iter().map(|error| format!("{error} {error:?}")).collect();
            prop_assert!(!shown.concat().contains("canary"));
        }
    }
}
