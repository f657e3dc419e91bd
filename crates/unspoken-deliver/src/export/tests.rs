//! Each format against its real readers, where there is one to be had.

mod peer;

use std::cell::{Cell, RefCell};

use proptest::prelude::*;
use unspoken_model::EnvironmentName;

use self::peer::{Answering, Shell, node, python};
use super::*;

fn set<'a>(values: impl IntoIterator<Item = (&'a str, &'a str)>) -> SecretSet {
    let mut set = SecretSet::new(EnvironmentName::parse("production").unwrap());
    for (name, value) in values {
        assert!(set.insert(SecretName::parse(name).unwrap(), Secret::new(value.into()).unwrap()));
    }
    set
}

fn text(format: ExportFormat, values: &[(&str, &str)]) -> Result<String, Reason> {
    let exported = print(format, set(values.iter().copied())).map_err(|error| error.reason)?;
    Ok(String::from_utf8(exported.body.to_vec()).unwrap())
}

/// One text with all of the values, named `V0000` and on.
fn file(format: ExportFormat, values: &[String]) -> (String, Vec<(String, String)>) {
    let name = |(number, value): (usize, &String)| (format!("V{number:04}"), value.clone());
    let named: Vec<_> = values.iter().enumerate().map(name).collect();
    let set = set(named.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let exported = print(format, set).unwrap();
    (String::from_utf8(exported.body.to_vec()).unwrap(), named)
}

/// Those that the format carries. That it refuses not too many is shown apart.
fn carried(format: ExportFormat, values: Vec<String>) -> Vec<String> {
    values.into_iter().filter(|value| text(format, &[("A", value)]).is_ok()).collect()
}

/// Text in which the pieces that mean something to a reader are frequent.
fn awkward_value() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => prop::sample::select(vec![
            "'", "\"", "`", "$", "\\", "{", "}", "#", " ", "\n", "\t", "=", ":", "-", "!", "~", "*",
            ";", "&", "|", "(", ")", "<", "?", "%", "^", "[", "@", "n", "r", "t", "A", "0", "_",
        ]),
        2 => prop::sample::select(vec![
            "${V0000}", "${X:-d}", "$V0000", "$(id)", "\\n", "\\r", "\\t", "\\\\", "\\'", "\\\"", "\r",
            "\r\n", "\n\n", " #", "\nV0001=x\n", "-----BEGIN PRIVATE KEY-----\nMIIE+/==\n",
        ]),
        2 => prop::sample::select(vec![
            "ü", "€", "\u{1f511}", "\u{80}", "\u{81}", "\u{82}", "\u{85}", "\u{88}", "\u{a0}",
            "\u{feff}", "\u{2028}", "\u{2029}", "\u{1c}", "\u{b}", "\u{c}", "\u{1}", "\u{7f}",
        ]),
    ];
    let pieces = prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat());
    let any = any::<String>().prop_map(|text| text.replace('\0', ""));
    prop_oneof![4 => pieces, 1 => any]
}

/// Every text of up to three of the characters that mean something, and every
/// ASCII character alone, behind a backslash, and behind both that and an
/// apostrophe.
fn short_values() -> Vec<String> {
    let characters = ["'", "\"", "`", "$", "\\", "{", "}", "#", " ", "\n", "\r", "n", "A", ":"];
    let mut values = vec![String::new()];
    let mut longest = values.clone();
    for _ in 0..3 {
        let longer = |value: &String| characters.map(|character| value.clone() + character);
        longest = longest.iter().flat_map(longer).collect();
        values.extend_from_slice(&longest);
    }
    for character in '\u{1}'..='\u{7f}' {
        values.extend(["", "\\", "'\\"].map(|before| format!("{before}{character}")));
    }
    values
}

/// All readers of one text, each of which must find the same.
struct Readers(Vec<RefCell<Answering>>);

impl Readers {
    fn start() -> Self {
        Self(vec![RefCell::new(node()), RefCell::new(python())])
    }

    fn check(&self, text: &str, expected: &[(String, String)]) -> Result<(), TestCaseError> {
        for reader in &self.0 {
            prop_assert_eq!(reader.borrow_mut().read(text), expected);
        }
        check_shells(&format!("set -a\n{text}"), expected)
    }
}

fn check_shells(text: &str, expected: &[(String, String)]) -> Result<(), TestCaseError> {
    for shell in [Shell("dash"), Shell("bash")] {
        prop_assert_eq!(shell.read(text, expected), expected);
    }
    Ok(())
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 500,
        ..ProptestConfig::default()
    }
}

#[test]
fn three_readers_find_what_dotenv_says() {
    let readers = Readers::start();
    let values = Cell::new(0);
    let strategy = prop::collection::vec(awkward_value(), 1..24);
    proptest!(config(400), |(given in strategy)| {
        let given = carried(ExportFormat::Dotenv, given);
        values.set(values.get() + given.len());
        let (text, expected) = file(ExportFormat::Dotenv, &given);
        readers.check(&text, &expected)?;
    });
    assert!(values.get() > 1_000, "too few values were carried: {}", values.get());
}

#[test]
fn three_readers_find_every_short_value() {
    let readers = Readers::start();
    let values = carried(ExportFormat::Dotenv, short_values());
    assert!(values.len() > 1_000, "too few values were carried: {}", values.len());
    for values in values.chunks(100) {
        let (text, expected) = file(ExportFormat::Dotenv, values);
        readers.check(&text, &expected).unwrap();
    }
}

/// What is refused, one of the readers would get wrong in each spelling there
/// is. Only `$` beside an apostrophe is refused on principle: shells agree on
/// a lone `$` between quotation marks, but POSIX leaves it open.
#[test]
fn no_short_value_is_refused_that_has_a_spelling() {
    let readers = Readers::start();
    let is_on_principle = |value: &str| value.contains('$') && value.contains('\'');
    let mut refused = 0;
    for value in short_values() {
        if text(ExportFormat::Dotenv, &[("A", &value)]).is_ok() || is_on_principle(&value) {
            continue;
        }
        refused += 1;
        let expected = [("A".to_owned(), value.clone())];
        for quote in ["", "'", "\""] {
            let text = format!("A={quote}{value}{quote}\nB='x'\n");
            let by_all = readers
                .0
                .iter()
                .all(|reader| reader.borrow_mut().read(&text).first() == expected.first());
            let by_all = by_all && Shell("dash").evaluate(&text) == Some(value.clone());
            assert!(!by_all, "{value:?} could stand between {quote:?}");
        }
    }
    assert!(refused > 300, "only {refused} were refused");
}

#[test]
fn dotenv_takes_the_plainest_spelling_or_says_why_there_is_none() {
    #[track_caller]
    fn case(value: &str, expected: Result<&str, Reason>) {
        let expected = expected.map(|line| format!("A={line}\n"));
        assert_eq!(text(ExportFormat::Dotenv, &[("A", value)]), expected, "{value:?}");
    }
    let apostrophe = |with| Err(Reason::Apostrophe { with });

    case("", Ok(""));
    case("postgres://u@h:5432/db", Ok("postgres://u@h:5432/db"));
    case("a=b", Ok("'a=b'"));
    case(" a #b$c`d\"\\e ", Ok("' a #b$c`d\"\\e '"));
    case("a\nb", Ok("'a\nb'"));
    case("ü", Ok("'ü'"));
    case("it's", Ok("\"it's\""));
    case("it's \\d", Ok("\"it's \\d\""));
    case("it's #\n", Ok("\"it's #\n\""));
    case("a\rb", Err(Reason::CarriageReturn));
    case("C:\\dir\\", Err(Reason::TrailingBackslash));
    case("\\\\host", Err(Reason::DoubleBackslash));
    case("it's $", apostrophe('$'));
    case("it's \"b\"", apostrophe('"'));
    case("it's `b`", apostrophe('`'));
    case("it's \\n", apostrophe('\\'));
    case("it's \\", apostrophe('\\'));
    case("${A}", Err(Reason::Interpolation));
    case("${}", Err(Reason::Interpolation));
    case("${A:-b}", Err(Reason::Interpolation));
    case("${${A}", Err(Reason::Interpolation));
    case("${A:b}", Ok("'${A:b}'"));
    case("${A", Ok("'${A'"));
    case("$A", Ok("'$A'"));
}

#[test]
fn shells_find_what_shell_says() {
    let strategy = prop::collection::vec(awkward_value(), 1..24);
    proptest!(config(300), |(given in strategy)| {
        let (text, expected) = file(ExportFormat::Shell, &given);
        check_shells(&text, &expected)?;
    });
    for values in short_values().chunks(300) {
        let (text, expected) = file(ExportFormat::Shell, values);
        check_shells(&text, &expected).unwrap();
    }
    assert_eq!(text(ExportFormat::Shell, &[("A", "it's")]).unwrap(), "export A='it'\\''s'\n");
}

/// Asks the shells themselves about every variable that they set, and about
/// those that are known to be special.
#[test]
fn variables_that_a_shell_keeps_are_refused_and_no_others() {
    let mut names = Shell("bash").variables();
    names.extend(shell::KEPT.map(str::to_owned));
    names.extend(["PATH", "IFS", "PWD", "LC_ALL", "PS1", "USERNAME"].map(str::to_owned));
    assert!(names.len() > shell::KEPT.len() + 20 && shell::KEPT.is_sorted());
    for name in names.iter().filter_map(|name| SecretName::parse(name).ok()) {
        let line = format!("export {name}='0canary'\n");
        let expected = [(name.to_string(), "0canary".to_owned())];
        let kept = [Shell("dash"), Shell("bash")]
            .iter()
            .any(|shell| shell.evaluate_in(&line, name.as_str()).as_deref() != Some("0canary"));
        let refused = shell::is_kept(&name);
        // Some exist in newer shells only, and some only complain.
        assert!(refused || !kept, "{name}: {expected:?}");
        for format in [ExportFormat::Shell, ExportFormat::Dotenv] {
            let found = text(format, &[(name.as_str(), "x")]);
            assert_eq!(found.is_err(), refused, "{name}");
        }
    }
}

#[test]
fn json_is_read_back_and_looks_the_same_each_time() {
    let found =
        text(ExportFormat::Json, &[("B", "\"\\\n\r\t\u{8}\u{c}\u{1}\u{1f}\u{7f}é/"), ("A", "")]);
    let expected =
        "{\n  \"A\": \"\",\n  \"B\": \"\\\"\\\\\\n\\r\\t\\b\\f\\u0001\\u001f\u{7f}é/\"\n}\n";
    assert_eq!(found.unwrap(), expected);
    assert_eq!(text(ExportFormat::Json, &[]).unwrap(), "{}\n");
    proptest!(config(300), |(given in prop::collection::vec(awkward_value(), 0..9))| {
        let (text, expected) = file(ExportFormat::Json, &given);
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        let read = read.as_object().unwrap().iter();
        let read: Vec<_> = read.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
        prop_assert_eq!(read, expected);
    });
}

#[test]
fn docker_has_one_line_for_a_value_as_it_is() {
    let docker = |value: &str| text(ExportFormat::Docker, &[("A", value), ("B", "x")]);
    let value = " it's \"$A\" # \\ = `b` ";
    assert_eq!(docker(value).unwrap(), format!("A={value}\nB=x\n"));
    assert_eq!(docker("").unwrap(), "A=\nB=x\n");
    assert_eq!(docker("a\nb"), Err(Reason::LineEnd));
    assert_eq!(docker("a\r"), Err(Reason::CarriageReturn));
    assert!(docker(&"x".repeat(65_532)).is_ok());
    assert_eq!(docker(&"x".repeat(65_533)), Err(Reason::LineTooLong { found: 65_536 }));
}

/// The runner's reading, from its published source: lines of `NAME<<END`, then
/// the value up to a line that is `END`.
fn runner(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut lines = text.split_inclusive('\n');
    while let Some(line) = lines.next() {
        let (name, end) = line.trim_end_matches('\n').split_once("<<").unwrap();
        let value: String =
            lines.by_ref().take_while(|line| line.strip_suffix('\n') != Some(end)).collect();
        found.push((name.to_owned(), value.strip_suffix('\n').unwrap().to_owned()));
    }
    found
}

#[test]
fn github_sets_what_it_was_given() {
    let strategy = prop::collection::vec(
        prop_oneof![
            awkward_value(),
            prop::sample::select(vec![
                "UNSPOKEN_X",
                "XX\nUNSPOKEN_X\nUNSPOKEN_XX\n",
                "\nA<<X\n",
                "\n"
            ])
            .prop_map(str::to_owned),
        ],
        1..9,
    );
    proptest!(config(500), |(given in strategy)| {
        let given = carried(ExportFormat::Github, given);
        let (text, expected) = file(ExportFormat::Github, &given);
        prop_assert_eq!(runner(&text), expected);
    });
    let found = text(ExportFormat::Github, &[("A", "bXc"), ("B", "")]).unwrap();
    assert_eq!(found, "A<<UNSPOKEN_XX\nbXc\nUNSPOKEN_XX\nB<<UNSPOKEN_X\n\nUNSPOKEN_X\n");
    for name in ["GITHUB_TOKEN", "RUNNER_TEMP", "NODE_OPTIONS"] {
        assert_eq!(text(ExportFormat::Github, &[(name, "x")]), Err(Reason::GithubVariable));
    }
    assert!(text(ExportFormat::Github, &[("CI", "x"), ("GITHUB", "y")]).is_ok());
    assert_eq!(text(ExportFormat::Github, &[("A", "b\r")]), Err(Reason::CarriageReturn));
}

#[test]
fn github_masks_the_value_and_each_line_and_no_other_format_does() {
    let values = [("A", "50%"), ("B", "x\n\n  \ny%0A\n"), ("C", "")];
    let masks = |format| print(format, set(values)).map(|exported| exported.masks.to_vec());
    let expected = "::add-mask::50%25\n\
        ::add-mask::x%0A%0A  %0Ay%250A%0A\n::add-mask::x\n::add-mask::y%250A\n";
    assert_eq!(String::from_utf8(masks(ExportFormat::Github).unwrap()).unwrap(), expected);
    for format in ExportFormat::ALL {
        let exported = print(format, set([("A", "x")])).unwrap();
        assert_eq!(exported.masks.is_empty(), format != ExportFormat::Github);
    }
}

#[test]
fn formats_are_named_and_nothing_shows_a_value() {
    for format in ExportFormat::ALL {
        assert_eq!(format.as_str().parse(), Ok(format));
        let exported = print(format, set([("A", "canary")])).unwrap();
        assert!(String::from_utf8(exported.body.to_vec()).unwrap().contains("canary"));
        assert_eq!(format!("{exported:?}"), "Exported([REDACTED])");
    }
    let found = "yaml".to_owned();
    assert_eq!("yaml".parse::<ExportFormat>(), Err(ExportFormatError { found }));
    let error = print(ExportFormat::Dotenv, set([("A", "canary"), ("B", "canary\r")])).unwrap_err();
    assert_eq!(error.name.as_str(), "B");
    assert!(!format!("{error} {error:?}").contains("canary"));
}
