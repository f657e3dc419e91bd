//! Finding kinds in a text.

use std::ops::Range;

use aho_corasick::AhoCorasick;
use aho_corasick::packed::{Config, MatchKind, Searcher};
use memchr::memmem;

use crate::Sighting;
use crate::rule::{self, Rule};

/// All kinds, ready to look for. Making it takes time: make it once.
#[derive(Debug)]
pub struct Kinds {
    groups: Vec<Group>,
}

/// Anchors that are searched for together.
#[derive(Debug)]
struct Group {
    search: Search,
    longest: usize,
    /// Of each anchor, the rules that begin with it.
    rules: Vec<Vec<&'static Rule>>,
}

#[derive(Debug)]
enum Search {
    /// Many bytes at once, on processors that can.
    Packed(Box<Searcher>),
    Plain(AhoCorasick),
}

/// The searchers compare up to four bytes at once, but no more than the
/// shortest anchor has. So short ones are a group of their own.
const LONG: usize = 4;

/// How many anchors a packed searcher takes before it gets slow.
const GROUP: usize = 24;

/// How much is searched by one group before the next one has its turn, so that
/// the text is read from memory once.
const BLOCK: usize = 64 * 1024;

/// The anchors of rules that look at more than [`NEAR`], up to [`FAR`] bytes.
const FAR_ANCHORS: [&[u8]; 3] = [b"PRIVATE KEY", b".eyJ", b"unspoken-"];
const FAR: usize = 24 * 1024;

/// How many bytes around its anchor any other rule looks at, at most.
const NEAR: usize = 4 * 1024;

impl Kinds {
    pub fn new() -> Self {
        let mut anchors: Vec<(&'static str, Vec<&'static Rule>)> = Vec::new();
        for rule in rule::all() {
            for anchor in rule.anchors {
                match anchors.iter_mut().find(|(known, _)| known == anchor) {
                    Some((_, rules)) => rules.push(rule),
                    None => anchors.push((anchor, vec![rule])),
                }
            }
        }
        // Those that begin alike are searched for together: in any other order that was
        // measured it takes a quarter more time.
        anchors.sort_by_key(|(anchor, _)| *anchor);
        let (long, short): (Vec<_>, Vec<_>) =
            anchors.into_iter().partition(|(anchor, _)| anchor.len() >= LONG);
        let parts = long.chunks(GROUP).chain(short.chunks(GROUP));
        Self { groups: parts.filter_map(Group::new).collect() }
    }

    /// Everything in a text that has the form of a credential, in the order of
    /// its place. No two overlap.
    pub fn find(&self, text: &[u8]) -> Vec<Sighting> {
        let mut found = Vec::new();
        let mut start = 0;
        while start < text.len() {
            let end = text.len().min(start + BLOCK);
            for group in &self.groups {
                group.find(text, start..end, &mut found);
            }
            start = end;
        }
        without_overlaps(found)
    }

    /// How far apart two bytes of this text may be when one of them decides what is
    /// said of the other.
    pub fn reach(&self, text: &[u8]) -> usize {
        let is_far = FAR_ANCHORS.iter().any(|anchor| memmem::find(text, anchor).is_some());
        if is_far { FAR } else { NEAR }
    }
}

impl Default for Kinds {
    fn default() -> Self {
        Self::new()
    }
}

impl Group {
    fn new(anchors: &[(&'static str, Vec<&'static Rule>)]) -> Option<Self> {
        let mut anchors = anchors.to_vec();
        // Where two begin at one byte, the longer one counts.
        anchors.sort_by_key(|(anchor, _)| std::cmp::Reverse(anchor.len()));
        let longest = anchors.first()?.0.len();
        let literals = || anchors.iter().map(|(anchor, _)| anchor);
        let packed =
            Config::new().match_kind(MatchKind::LeftmostFirst).builder().extend(literals()).build();
        let search = match packed {
            Some(searcher) => Search::Packed(Box::new(searcher)),
            None => Search::Plain(
                AhoCorasick::builder()
                    .match_kind(aho_corasick::MatchKind::LeftmostFirst)
                    .build(literals())
                    .ok()?,
            ),
        };
        let rules = anchors.iter().map(|(_, rules)| rules.clone()).collect();
        Some(Self { search, longest, rules })
    }

    /// Looks at the anchors that begin in a block.
    fn find(&self, text: &[u8], block: Range<usize>, found: &mut Vec<Sighting>) {
        let end = text.len().min(block.end + self.longest - 1);
        let Some(part) = text.get(block.start..end) else { return };
        let mut look = |pattern: usize, at: Range<usize>| {
            let anchor = block.start + at.start..block.start + at.end;
            if anchor.start >= block.end {
                return;
            }
            let rules = self.rules.get(pattern).map(Vec::as_slice).unwrap_or_default();
            found.extend(rules.iter().find_map(|rule| rule.see(text, anchor.clone())));
        };
        match &self.search {
            Search::Packed(searcher) => searcher
                .find_iter(part)
                .for_each(|hit| look(hit.pattern().as_usize(), hit.start()..hit.end())),
            Search::Plain(searcher) => searcher
                .find_iter(part)
                .for_each(|hit| look(hit.pattern().as_usize(), hit.start()..hit.end())),
        }
    }
}

/// Of sightings that overlap, the one that says most: a checksum before a
/// shape, a token before the address that it stands in, and the longer one.
fn without_overlaps(mut found: Vec<Sighting>) -> Vec<Sighting> {
    found.sort_by_key(|sighting| (sighting.range.start, sighting.range.end));
    let strength = |sighting: &Sighting| {
        (sighting.verified, !rule::is_general(sighting.kind), sighting.range.len())
    };
    let mut kept: Vec<Sighting> = Vec::with_capacity(found.len());
    for sighting in found {
        match kept.last_mut() {
            Some(last) if sighting.range.start < last.range.end => {
                if strength(&sighting) > strength(last) {
                    *last = sighting;
                }
            }
            _ => kept.push(sighting),
        }
    }
    kept
}
