//! Versions of a file: what has not changed since one in which nothing was found
//! need not be looked through again.
//!
//! Rules:
//! - Only what a text has in common with another one, from its beginning and up to
//!   its end, is passed over, and only where nothing at all was found in that one.
//! - As much of it is looked at all the same as may tell what stands in the rest: see
//!   [`Search::reach`].
//! - Where something is found, the whole text is looked through as any other is.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read};
use std::ops::Range;

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
        let (changed, reach) = self.changed(text)?;
        let window = changed.start.saturating_sub(reach)..text.len().min(changed.end + reach);
        let window = text.get(window)?;
        let is_near = self.search.reach(window) <= reach;
        (is_near && self.search.is_clean(window, room)).then_some(reach)
    }

    /// A text of this size, in the room of one that is not needed any more.
    fn take_room(&mut self, size: usize) -> Zeroizing<Vec<u8>> {
        let old = if self.clean.len() < KEPT { None } else { self.clean.pop_back() };
        fitting(old.map_or_else(Default::default, |old| old.text), size)
    }

    /// What has changed since that text which is most like this one, and how far that
    /// one reaches.
    fn changed(&self, text: &[u8]) -> Option<(Range<usize>, usize)> {
        let mut best: Option<(Range<usize>, usize)> = None;
        for other in &self.clean {
            let (start, end) = common(text, &other.text);
            let changed = start..text.len() - end;
            if best.as_ref().is_none_or(|(best, _)| changed.len() < best.len()) {
                best = Some((changed, other.reach));
            }
            if best.as_ref().is_some_and(|(best, _)| best.len() < CLOSE) {
                break;
            }
        }
        best
    }
}

/// How much two texts have in common at their beginnings, and of the rest at their
/// ends.
fn common(one: &[u8], other: &[u8]) -> (usize, usize) {
    let pieces = one.as_chunks::<PIECE>().0.iter().zip(other.as_chunks::<PIECE>().0);
    let mut start = PIECE * pieces.take_while(|(one, other)| one == other).count();
    let (one_rest, other_rest) = (one.split_at(start).1, other.split_at(start).1);
    start += one_rest.iter().zip(other_rest).take_while(|(one, other)| one == other).count();
    let (one, other) = (one.split_at(start).1, other.split_at(start).1);
    let pieces = one.as_rchunks::<PIECE>().1.iter().rev().zip(other.as_rchunks().1.iter().rev());
    let end = PIECE * pieces.take_while(|(one, other)| one == other).count();
    let (one, other) = (one.split_at(one.len() - end).0, other.split_at(other.len() - end).0);
    let last = one.iter().rev().zip(other.iter().rev());
    (start, end + last.take_while(|(one, other)| one == other).count())
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
    }
}
