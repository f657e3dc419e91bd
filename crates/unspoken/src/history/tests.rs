use super::*;

fn commit(number: i64) -> Rc<Commit> {
    let time = Timestamp::from_second(number).unwrap();
    Rc::new(Commit { id: format!("{number:040x}"), time, author: "ada".to_owned() })
}

/// Adds versions, the newest first: the number of a commit, who could open it,
/// what was in it.
fn past(versions: &[(i64, &[&str], &[&str])]) -> Past {
    let mut past = Past::default();
    for (number, recipients, names) in versions {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let version = Version {
            recipients: owned(recipients),
            environment_key: recipients.first().map(|&key| key.to_owned()),
            names: owned(names).into_iter().collect(),
        };
        past.add(commit(*number), version);
    }
    past
}

/// `NAME last until`, where `-` is no commit.
fn told(reaches: &BTreeMap<&str, &Reach>) -> Vec<String> {
    let number = |commit: &Commit| commit.time.as_second().to_string();
    let until = |reach: &Reach| reach.until.as_deref().map_or("-".to_owned(), number);
    reaches.iter().map(|(k, r)| format!("{k} {} {}", number(&r.last), until(r))).collect()
}

#[test]
fn who_could_read_what_until_when() {
    let versions: &[(i64, &[&str], &[&str])] = &[
        (9, &["env", "alice"], &["A", "C"]),
        (8, &["env", "alice"], &["A", "B"]),
        (7, &["env", "alice", "bob"], &["A", "B"]),
        // Taken away and given again.
        (6, &["env", "alice"], &["A", "B", "X"]),
        (5, &["env", "alice", "bob"], &["A", "X"]),
        // Removed and added.
        (4, &[], &[]),
        (3, &["env", "bob2"], &["OLD"]),
    ];
    let past = past(versions);
    let case = |keys: &[&str], expected: &[&str]| {
        assert_eq!(told(&past.readable_by(keys.iter().copied())), expected, "{keys:?}");
    };

    case(&["bob"], &["A 7 8", "B 7 8", "X 5 6"]);
    case(&["bob", "bob2"], &["A 7 8", "B 7 8", "OLD 3 4", "X 5 6"]);
    case(&["alice"], &["A 9 -", "B 8 9", "C 9 -", "X 6 7"]);
    case(&["carol"], &[]);
    case(&[], &[]);
    assert_eq!(told(&past.readers_of("B")), ["alice 8 9", "bob 7 8", "env 8 9"]);
    assert_eq!(told(&past.readers_of("OLD")), ["bob2 3 4", "env 3 4"]);
    assert_eq!(told(&past.readers_of("Z")), [] as [&str; 0]);
    assert!(past.was_environment_key("env") && !past.was_environment_key("bob"));
}

#[test]
fn of_two_keys_of_one_person_the_later_reach_counts() {
    let past = past(&[(3, &["new"], &["A"]), (2, &["new", "old"], &["A"]), (1, &["old"], &["A"])]);
    for keys in [["new", "old"], ["old", "new"]] {
        assert_eq!(told(&past.readable_by(keys)), ["A 3 -"]);
    }
}

#[test]
fn a_person_may_have_had_other_names_and_keys() {
    let mut holders = Holders::default();
    for recipients in ["robert = \"k2\"", "bob = \"k2\"", "bob = \"k1\"\ncarol = \"k2\""] {
        let text = format!(
            "project = \"p\"\ndefault = \"a\"\n[environments.a]\n[recipients]\n{recipients}\n"
        );
        holders.add(&ProjectFile::parse(&text).unwrap());
    }
    assert_eq!(holders.keys_of("bob"), ["k2", "k1"]);
    assert_eq!(holders.keys_of("robert"), ["k2"]);
    assert_eq!(holders.names_of("k2"), ["robert", "bob", "carol"]);
    let marks = holders.marks_of("k2");
    assert!(marks.contains("robert") && marks.contains("bob") && marks.contains("k2"));
    assert!(marks.contains(key_id("k2").as_str()));
    assert_eq!(holders.keys_of("dave"), [] as [&str; 0]);
}

#[test]
fn a_commit_is_read_strictly() {
    let id = "0123456789abcdef0123456789abcdef01234567";
    let read = Commit::parse(&format!("{id} 1700000000 Ada  Lovelace   ")).unwrap();
    assert_eq!((read.short(), read.author.as_str()), ("0123456789", "Ada  Lovelace"));
    assert_eq!(read.time.as_second(), 1_700_000_000);
    for wrong in
        ["", id, &format!("{id} x Ada"), "0123 1700000000 Ada", &format!("{id} 99999999999999 A")]
    {
        assert_eq!(Commit::parse(wrong), None, "{wrong:?}");
    }
}

proptest::proptest! {
    #[test]
    fn no_record_makes_it_panic(record in "([0-9a-f]{38,41} )?-?[0-9]{0,20} ?.{0,20}") {
        let _ = Commit::parse(&record);
    }
}
