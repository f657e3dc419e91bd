//! Random branches, against a merge of plain maps that knows nothing of ours.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use unspoken_model::{DocumentForm, Expiry};
use unspoken_seal::{Choices, Conflict, Identity, MergeError, Side, merge_sealed};

use crate::kit::{FORMS, Map, Sops, create, name, now, open, read, secret};
use crate::merge::{merge, verified};

/// A name's value and expiry, by a letter and a day.
type Plain = BTreeMap<&'static str, (String, Option<u8>)>;

#[derive(Clone, Debug)]
enum Step {
    Set(usize, u8),
    Expire(usize, u8),
    Keep(usize),
    Remove(usize),
}

const NAMES: [&str; 7] = ["A", "B", "C", "DATABASE_URL", "E", "F_2", "Z"];

fn text(value: u8) -> String {
    match value {
        0 => String::new(),
        1 => "two\nlines\n".to_owned(),
        other => format!("value {other}"),
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..NAMES.len(), 0_u8..5, 0_u8..8).prop_map(|(at, value, kind)| match kind {
        0..=3 => Step::Set(at, value),
        4 => Step::Expire(at, value),
        5 => Step::Keep(at),
        _ => Step::Remove(at),
    });
    proptest::collection::vec(step, 0..5)
}

fn date(day: u8) -> Expiry {
    Expiry::parse(&format!("2031-01-{:02}", day + 1)).unwrap()
}

fn apply(plain: &mut Plain, steps: &[Step]) {
    for step in steps {
        match *step {
            Step::Set(at, value) => plain.entry(NAMES[at]).or_default().0 = text(value),
            Step::Expire(at, day) => {
                plain.entry(NAMES[at]).and_modify(|held| held.1 = Some(day));
            }
            Step::Keep(at) => {
                plain.entry(NAMES[at]).and_modify(|held| held.1 = None);
            }
            Step::Remove(at) => drop(plain.remove(NAMES[at])),
        }
    }
}

/// The document with the same steps, each written as a revision of its own.
fn branch(form: DocumentForm, before: &str, steps: &[Step], identity: &Identity) -> String {
    let mut text_now = before.to_owned();
    for step in steps {
        let mut document = open(form, &text_now, identity);
        match *step {
            Step::Set(at, value) => {
                document.set(&name(NAMES[at]), &secret(&text(value))).unwrap();
            }
            Step::Expire(at, _) | Step::Keep(at) if !document.contains(&name(NAMES[at])) => {}
            Step::Expire(at, day) => drop(document.expire(&name(NAMES[at]), Some(date(day)))),
            Step::Keep(at) => drop(document.expire(&name(NAMES[at]), None)),
            Step::Remove(at) => drop(document.remove(&name(NAMES[at]))),
        }
        if let Some(next) = document.seal(now()).unwrap() {
            text_now = next;
        }
    }
    text_now
}

/// The merge of plain maps, by the rules in words: `Err` has the names.
fn expected(base: &Plain, ours: &Plain, theirs: &Plain) -> Result<Plain, BTreeSet<String>> {
    let mut merged = Plain::new();
    let mut torn = BTreeSet::new();
    for name in NAMES {
        let part = |plain: &Plain| plain.get(name).map(|held| held.0.clone());
        let day = |plain: &Plain| plain.get(name).and_then(|held| held.1);
        let value = pick(&part(base), part(ours), part(theirs));
        let expiry = pick(&day(base), day(ours), day(theirs));
        match (value, expiry) {
            (Some(Some(value)), Some(expiry)) => drop(merged.insert(name, (value, expiry))),
            (Some(None), Some(None)) => {}
            _ => drop(torn.insert(name.to_owned())),
        }
    }
    if torn.is_empty() { Ok(merged) } else { Err(torn) }
}

fn pick<T: PartialEq>(base: &T, ours: T, theirs: T) -> Option<T> {
    if ours == theirs || theirs == *base {
        Some(ours)
    } else if ours == *base {
        Some(theirs)
    } else {
        None
    }
}

fn plain_of(form: DocumentForm, text: &str, identity: &Identity) -> Plain {
    let values = read(form, text, identity);
    let document = open(form, text, identity);
    let days = |key: &str| {
        let date = document.expiry(&name(key))?.to_string();
        Some(date.rsplit('-').next().unwrap().parse::<u8>().unwrap() - 1)
    };
    NAMES.iter().filter_map(|key| Some((*key, (values.get(*key)?.clone(), days(key))))).collect()
}

fn revision(form: DocumentForm, text: &str) -> u64 {
    verified(form, text).document().block().unwrap().revision
}

/// How often each outcome came, so that the test cannot pass by testing little.
#[derive(Debug, Default)]
struct Tally {
    whole: usize,
    torn: usize,
    one_side: usize,
    by_sops: usize,
}

/// Three documents, and the plain maps that they hold.
struct Case<'c> {
    form: DocumentForm,
    sops: &'c Sops,
    base: Option<&'c str>,
    sides: [&'c str; 2],
    plain: [Plain; 3],
}

impl Case<'_> {
    fn check(&self, tally: &mut Tally) -> Result<(), TestCaseError> {
        let Self { form, sops, base, sides: [ours, theirs], plain } = self;
        let expected = expected(&plain[0], &plain[1], &plain[2]);
        let (left, right) = (verified(*form, ours), verified(*form, theirs));
        let with_no_key =
            merge_sealed(base.map(|text| verified(*form, text)).as_ref(), &left, &right);
        if let Ok(side) = with_no_key {
            tally.one_side += 1;
            let at = if side == Side::Ours { 1 } else { 2 };
            prop_assert!(expected.as_ref() == Ok(&plain[at]));
        }
        let three = (*base, *ours, *theirs);
        match (merge(*form, three, &sops.identity, &Choices::default()), expected) {
            (Ok(text), Ok(expected)) => {
                tally.whole += 1;
                self.check_whole(&text, &expected, tally)
            }
            (Err(MergeError::Conflicts(found)), Err(names)) => {
                tally.torn += 1;
                let of_name = |conflict: &Conflict| match conflict {
                    Conflict::Name { name, .. } => name.to_string(),
                    other => panic!("{other:?}"),
                };
                prop_assert_eq!(found.iter().map(of_name).collect::<BTreeSet<_>>(), names);
                Ok(())
            }
            (found, expected) => Err(TestCaseError::fail(format!(
                "{:?} was found, {:?} was expected",
                found.map(drop),
                expected.map(drop)
            ))),
        }
    }

    fn check_whole(
        &self,
        text: &str,
        expected: &Plain,
        tally: &mut Tally,
    ) -> Result<(), TestCaseError> {
        let Self { form, sops, sides, .. } = self;
        prop_assert!(plain_of(*form, text, &sops.identity) == *expected);
        let last = sides.map(|side| revision(*form, side)).into_iter().max();
        prop_assert_eq!(Some(revision(*form, text) - 1), last);
        // What a side has is kept byte for byte.
        for line in text.lines().filter(|line| line.contains("type:str")) {
            let line = line.trim_end_matches(',');
            prop_assert!(line.contains("mac") || sides.iter().any(|side| side.contains(line)));
        }
        if tally.by_sops < 20 && expected.len() > 2 {
            tally.by_sops += 1;
            let held = expected.iter().map(|(name, held)| ((*name).to_owned(), held.0.clone()));
            prop_assert!(sops.decrypt(*form, text).unwrap() == held.collect::<Map>());
        }
        Ok(())
    }
}

#[test]
fn a_thousand_pairs_of_branches_merge_as_plain_maps_do() {
    let sops = Sops::new();
    let identity = &sops.identity;
    let empty = FORMS.map(|form| create(form, identity, &Map::new()));
    let tally = RefCell::new(Tally::default());
    let mut runner = TestRunner::new(Config { cases: 1000, ..Config::default() });
    let lists = (steps(), steps(), steps(), steps(), 0..FORMS.len(), any::<bool>());
    let result = runner.run(&lists, |(first, both, left, right, at, has_base)| {
        let form = FORMS[at];
        let base = branch(form, &empty[at], &first, identity);
        let grow = |own| branch(form, &branch(form, &base, &both, identity), own, identity);
        let (ours, theirs) = (grow(&left), grow(&right));
        let mut plain = [Plain::new(), Plain::new(), Plain::new()];
        apply(&mut plain[0], &first);
        for (plain, own) in plain[1..].iter_mut().zip([&left, &right]) {
            for steps in [&first, &both, own] {
                apply(plain, steps);
            }
        }
        if !has_base {
            plain[0].clear();
        }
        let base = has_base.then_some(base.as_str());
        let case = Case { form, sops: &sops, base, sides: [&ours, &theirs], plain };
        case.check(&mut tally.borrow_mut())
    });
    result.unwrap();
    let tally = tally.into_inner();
    let enough = tally.whole > 100 && tally.torn > 100 && tally.one_side > 20;
    assert!(enough && tally.by_sops == 20, "{tally:?}");
}
