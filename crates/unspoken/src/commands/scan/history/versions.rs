//! Versions of a file: what has not changed since one in which nothing was found
//! need not be looked through again.
//!
//! Rules:
//! - Only what a text has in common with another one is passed over, and only where
//!   nothing at all was found in that one: its beginning, its end, and long pieces in
//!   between, as far as they show without much comparing.
//! - As much of it is looked at all the same as may tell what stands in the rest: see
//!   [`Search::reach`].
//! - Where something is found, the whole text is looked through as any other is.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read};
use std::ops::Range;

use memchr::memmem;
use zeroize::Zeroizing;

use super::fitting;
use crate::commands::scan::search::{Room, Search, Spot};

/// The last texts in which nothing was found.
pub(super) struct Versions<'a> {
    search: &'a Search,
    clean: VecDeque<Clean>,
}

/// A text in which nothing was found.
struct Clean {
    text: Zeroizing<Vec<u8>>,
    /// That of [`Search::reach`], for all of it.
    reach: usize,
}

/// How many texts are kept.
const KEPT: usize = 8;

/// How much of a text may differ for another one not to be asked for.
const CLOSE: usize = 4 * 1024;

impl fmt::Debug for Versions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Versions").finish_non_exhaustive()
    }
}

impl<'a> Versions<'a> {
    pub(super) fn new(search: &'a Search) -> Self {
        Self { search, clean: VecDeque::new() }
    }

    /// Looks through a text of this size, which is less than a block.
    pub(super) fn look(
        &mut self,
        content: &mut impl Read,
        size: usize,
        room: &mut Room,
    ) -> io::Result<Vec<Spot>> {
        let mut text = self.take_room(size);
        content.read_exact(&mut text)?;
        if let Some(reach) = self.passes(&text, room) {
            self.clean.push_front(Clean { text, reach });
            return Ok(Vec::new());
        }
        let spots = self.search.look(text.as_slice(), room)?;
        if spots.is_empty() {
            let reach = self.search.reach(&text);
            self.clean.push_front(Clean { text, reach });
        }
        Ok(spots)
    }

    /// Whether nothing is found in what has changed. Then it says how far this text
    /// reaches; `None` where all of it must be looked at.
    fn passes(&self, text: &[u8], room: &mut Room) -> Option<usize> {
        let Clean { text: other, reach } = self.closest(text)?;
        let mut windows: Vec<Range<usize>> = Vec::new();
        for changed in changes(text, other, *reach) {
            let start = changed.start.saturating_sub(*reach);
            let end = text.len().min(changed.end.saturating_add(*reach));
            match windows.last_mut().filter(|last| start <= last.end) {
                Some(last) => last.end = end,
                None => windows.push(start..end),
            }
        }
        let passes = |window: Range<usize>, room: &mut Room| {
            let window = text.get(window)?;
            let is_near = self.search.reach(window) <= *reach;
            (is_near && self.search.is_clean(window, room)).then_some(())
        };
        windows.into_iter().try_for_each(|window| passes(window, room))?;
        Some(*reach)
    }

    /// A text of this size, in the room of one that is not needed any more.
    fn take_room(&mut self, size: usize) -> Zeroizing<Vec<u8>> {
        let old = if self.clean.len() < KEPT { None } else { self.clean.pop_back() };
        fitting(old.map_or_else(Default::default, |old| old.text), size)
    }

    /// The text which is most like this one.
    fn closest(&self, text: &[u8]) -> Option<&Clean> {
        let mut best: Option<(usize, &Clean)> = None;
        for other in &self.clean {
            let (start, end) = common(text, &other.text);
            let changed = text.len() - end - start;
            if best.is_none_or(|(best, _)| changed < best) {
                best = Some((changed, other));
            }
            if best.is_some_and(|(best, _)| best < CLOSE) {
                break;
            }
        }
        best.map(|(_, clean)| clean)
    }
}

/// What of a text is not in another one, in order. An empty range is where something
/// was taken out. What is looked at around them need not be told apart.
fn changes(text: &[u8], other: &[u8], around: usize) -> Vec<Range<usize>> {
    let (mut at, end) = common(text, other);
    let (mut there, end, other_end) = (at, text.len() - end, other.len() - end);
    let mut changes = Vec::new();
    while end - at > around.saturating_mul(2) && changes.len() < MOST {
        let rests = text.get(at..end).zip(other.get(there..other_end));
        let Some(meeting) = rests.and_then(|(one, other)| meet(one, other)) else { break };
        changes.push(at..at + meeting.one);
        at += meeting.one + meeting.length;
        there += meeting.other + meeting.length;
    }
    changes.push(at..end);
    changes
}

/// How many changes are told apart.
const MOST: usize = 32;

/// Where two texts are alike again.
struct Meeting {
    one: usize,
    other: usize,
    length: usize,
}

/// How far behind a change it is tried whether texts are alike again, with how much,
/// and how much further off in the other one.
const STEPS: [usize; 5] = [0, 128, 512, 2048, 8192];
const PROBE: usize = 32;
const FURTHER: usize = 8192;

/// How much texts must have in common to be alike.
const ALIKE: usize = 1024;

/// The next piece that is in both texts, which differ at their beginnings.
fn meet(one: &[u8], other: &[u8]) -> Option<Meeting> {
    STEPS.into_iter().find_map(|step| {
        let probe = one.get(step..step + PROBE)?;
        let near = other.get(..other.len().min(step + FURTHER))?;
        let found = memmem::find(near, probe)?;
        let before = common_end(one.get(..step)?, other.get(..found)?);
        let length = before + common_start(one.get(step..)?, other.get(found..)?);
        let meeting = Meeting { one: step - before, other: found - before, length };
        (length >= ALIKE).then_some(meeting)
    })
}

/// How much two texts have in common at their beginnings, and of the rest at their
/// ends.
fn common(one: &[u8], other: &[u8]) -> (usize, usize) {
    let start = common_start(one, other);
    (start, common_end(one.split_at(start).1, other.split_at(start).1))
}

fn common_start(one: &[u8], other: &[u8]) -> usize {
    let pieces = one.as_chunks::<PIECE>().0.iter().zip(other.as_chunks::<PIECE>().0);
    let start = PIECE * pieces.take_while(|(one, other)| one == other).count();
    let (one, other) = (one.split_at(start).1, other.split_at(start).1);
    start + one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

fn common_end(one: &[u8], other: &[u8]) -> usize {
    let pieces = one.as_rchunks::<PIECE>().1.iter().rev().zip(other.as_rchunks().1.iter().rev());
    let end = PIECE * pieces.take_while(|(one, other)| one == other).count();
    let (one, other) = (one.split_at(one.len() - end).0, other.split_at(other.len() - end).0);
    let last = one.iter().rev().zip(other.iter().rev());
    end + last.take_while(|(one, other)| one == other).count()
}

/// How much is compared at once.
const PIECE: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::commands::scan::search::tests::{TOKEN, search};

    /// Looks through texts as versions, and each for itself.
    fn agree(texts: &[Vec<u8>]) {
        let (search, mut room) = (search(), Room::new());
        let mut versions = Versions::new(&search);
        for (at, text) in texts.iter().enumerate() {
            let spots = versions.look(&mut text.as_slice(), text.len(), &mut room).unwrap();
            assert_eq!(spots, search.look(text.as_slice(), &mut room).unwrap(), "{at}");
        }
    }

    #[test]
    fn a_value_is_found_wherever_a_version_has_brought_it_or_its_last_part() {
        let plain = "a line of text\n".repeat(2000).into_bytes();
        for at in [0, 1, 63, 64, 15_000, plain.len() - 1, plain.len()] {
            let with = |part: &str| {
                let mut text = plain.clone();
                text.splice(at..at, part.bytes());
                text
            };
            let half = TOKEN.len() / 2;
            let (head, tail) = TOKEN.split_at(half);
            agree(&[plain.clone(), with(TOKEN), plain.clone(), with(TOKEN)]);
            agree(&[with(head), with(TOKEN), with(tail), with(TOKEN), with("x"), with(TOKEN)]);
        }
    }

    #[test]
    fn a_private_key_is_found_whichever_of_its_ends_is_new() {
        let letters: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').collect();
        let line = |at: usize| -> String {
            (0..64).map(|n| letters[(at * 64 + n) * 7919 % 251 % 62]).collect::<String>() + "\n"
        };
        let body: String = (0..120).map(line).collect();
        let begin = "-----BEGIN PRIVATE KEY-----\nMIIJQgIBADANBgkqhkiG9w0BAQEFAASC\n";
        let end = "-----END PRIVATE KEY-----\n";
        let text = |begin: &str, end: &str| {
            let pad = "a line of text\n".repeat(4000);
            [&pad, begin, &body, end, &pad].concat().into_bytes()
        };
        let versions = [text("", ""), text("", end), text(begin, end), text(begin, "")];
        let search = search();
        let found = search.look(versions[2].as_slice(), &mut Room::new()).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        agree(&versions);
    }

    #[test]
    fn what_two_texts_have_in_common_is_told_once() {
        #[track_caller]
        fn case(one: &str, other: &str, expected: (usize, usize)) {
            assert_eq!(common(one.as_bytes(), other.as_bytes()), expected, "{one} {other}");
        }

        let long = "0123456789".repeat(20);
        case("", "", (0, 0));
        case("abc", "abc", (3, 0));
        case("abc", "abxc", (2, 1));
        case("aa", "aaa", (2, 0));
        case("xbc", "ybc", (0, 2));
        case(&long, &format!("{long}{long}"), (200, 0));
        case(&format!("{long}-{long}"), &format!("{long}+{long}"), (200, 200));
    }

    #[test]
    fn changes_are_told_apart_where_much_is_alike_between_them() {
        let lines = |name: &str| (0..300).map(|n| format!("{name} {n}\n")).collect::<String>();
        let (a, b, c) = (lines("a"), lines("b"), lines("c"));
        let old = format!("{a}one{b}two{c}");
        let case = |new: String, expected: &[&str]| {
            let changes = changes(new.as_bytes(), old.as_bytes(), 10);
            let told: Vec<_> = changes.into_iter().map(|range| &new.as_bytes()[range]).collect();
            let told: Vec<_> = told.into_iter().map(|text| str::from_utf8(text).unwrap()).collect();
            assert_eq!(told, expected);
        };
        case(format!("{a}1{b}2{c}"), &["1", "2"]);
        case(format!("{a}{b}{c}"), &["", ""]);
        case(format!("{a}one more{b}two and more{c}"), &[" more", " and more"]);
        case(format!("x{a}one{b}two{c}x"), &["x", "x"]);
        case(old.clone(), &[""]);
        let much = "?".repeat(40_000);
        case(format!("{a}{much}{b}2{c}"), &[&format!("{much}{b}2")]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn versions_say_what_each_text_says(
            edits in prop::collection::vec((0..9000_usize, 0..40_usize, 0..4_usize), 1..12),
        ) {
            let mut text = "some words in a row\n".repeat(400).into_bytes();
            let mut texts = vec![text.clone()];
            for (at, count, what) in edits {
                let at = at.min(text.len());
                let end = (at + count).min(text.len());
                let (head, tail) = TOKEN.split_at(9);
                let new = [TOKEN, "", head, tail][what];
                text.splice(at..end, new.bytes());
                texts.push(text.clone());
            }
            agree(&texts);
        }

        #[test]
        fn versions_with_many_changes_say_what_each_text_says(
            versions in prop::collection::vec(prop::array::uniform6(0..8_usize), 1..8),
        ) {
            let lines = |part: usize| (0..700).map(move |n| format!("line {part} {n}\n"));
            let (head, tail) = TOKEN.split_at(9);
            // What stands between two halves, in most of them something.
            let between = ["-", "", "--", "+", "-", "+", "-", "\n\n"];
            let text = |places: [usize; 6]| -> Vec<u8> {
                let place = |(part, place): (usize, usize)| {
                    let lines: String = lines(part).collect();
                    [&lines, head, between[place], tail].concat().into_bytes()
                };
                places.into_iter().enumerate().flat_map(place).collect()
            };
            let texts = [[0; 6]].into_iter().chain(versions).map(text);
            agree(&texts.collect::<Vec<_>>());
        }
    }
}
