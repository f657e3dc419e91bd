//! Finding kinds in a text.

use std::ops::Range;

use aho_corasick::packed::{Config, MatchKind, Searcher};
use aho_corasick::{AhoCorasick, Input, Match, Span};

use crate::Sighting;
use crate::rule::{self, Rule};

/// All kinds, ready to look for. Making it takes time: make it once.
#[derive(Debug)]
pub struct Kinds {
    groups: Vec<Group>,
    far: Option<Search>,
}

/// Pieces that are searched for together.
#[derive(Debug)]
struct Group {
    search: Search,
    longest: usize,
    /// Of each piece, the anchors that it stands in.
    anchors: Vec<Vec<Anchor>>,
}

/// A literal that gives some kinds away, and a piece of it that is searched for.
#[derive(Clone, Debug)]
struct Anchor {
    text: &'static str,
    /// Where the piece stands in it.
    offset: usize,
    rules: Vec<&'static Rule>,
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

/// How many pieces a packed searcher takes before it needs twice the time.
const GROUP: usize = 32;

/// In how many heaps such a searcher throws its pieces. It stops wherever a text has, of
/// one heap, any first byte, any second one and so on.
const HEAPS: usize = 8;

/// With how few there is no use in parting those that no packed searcher takes.
const FEW: usize = 8;

/// What several anchors have in common, and what is searched for in their place.
const SHARED: [&str; 18] = [
    "xox",
    "shp",
    "dp.",
    "sk-",
    "sq0",
    "fm1",
    "TT3",
    "_v1_",
    "_live_",
    "secret_",
    "unspoken-",
    "ilio",
    "ILIO",
    "glp",
    "AK-",
    "api_",
    "Key=",
    "hooks",
];

/// How much is searched by one group before the next one has its turn, so that
/// the text is read from memory once.
const BLOCK: usize = 64 * 1024;

/// Where a rule begins that looks at more than [`NEAR`], up to [`FAR`] bytes.
const FAR_ANCHORS: [&str; 8] =
    ["PRIVATE KEY", ".eyJ", "unspoken-", "ops_eyJ", "fm1a_", "fm1r_", "fm2_", "pypi-AgE"];
const FAR: usize = 24 * 1024;

/// How many bytes any other rule looks at, at most.
const NEAR: usize = 1024;

impl Kinds {
    pub fn new() -> Self {
        let mut pieces: Vec<(&'static str, Vec<Anchor>)> = Vec::new();
        for rule in rule::all() {
            for text in rule.anchors {
                let shared = SHARED.iter().find_map(|piece| Some((*piece, text.find(piece)?)));
                let (piece, offset) = shared.unwrap_or_else(|| rarest(text));
                match pieces.iter_mut().find(|(known, _)| *known == piece) {
                    Some((_, anchors)) => Anchor::add(anchors, text, offset, rule),
                    None => pieces.push((piece, vec![Anchor { text, offset, rules: vec![rule] }])),
                }
            }
        }
        // Those that end alike are searched for together: what ends in a rare sign keeps its
        // searcher from stopping at letters.
        pieces.sort_by(|(one, _), (other, _)| compared(one).cmp(compared(other)));
        let (long, short): (Vec<_>, Vec<_>) =
            pieces.into_iter().partition(|(piece, _)| piece.len() >= LONG);
        let mut groups = Vec::new();
        for pieces in [long, short] {
            let count = pieces.len().div_ceil(GROUP).max(1);
            for part in pieces.chunks(pieces.len().div_ceil(count).max(1)) {
                Group::add(&mut groups, part);
            }
        }
        Self { groups, far: Search::new(FAR_ANCHORS).or_else(|| Search::plain(FAR_ANCHORS)) }
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
        let is_far = self.far.as_ref().is_none_or(|far| far.is_in(text));
        if is_far { FAR } else { NEAR }
    }
}

impl Default for Kinds {
    fn default() -> Self {
        Self::new()
    }
}

impl Anchor {
    fn add(anchors: &mut Vec<Self>, text: &'static str, offset: usize, rule: &'static Rule) {
        match anchors.iter_mut().find(|known| known.text == text) {
            Some(known) => known.rules.push(rule),
            None => anchors.push(Self { text, offset, rules: vec![rule] }),
        }
    }

    /// Looks at a place where its piece stands.
    fn see(&self, text: &[u8], piece: usize) -> Option<Sighting> {
        let start = piece.checked_sub(self.offset)?;
        let anchor = start..start + self.text.len();
        if text.get(anchor.clone())? != self.text.as_bytes() {
            return None;
        }
        self.rules.iter().find_map(|rule| rule.see(text, anchor.clone()))
    }
}

impl Search {
    /// The fast one, where the processor has it and the literals are not too many.
    fn new(literals: impl IntoIterator<Item = &'static str>) -> Option<Self> {
        let mut builder = Config::new().match_kind(MatchKind::LeftmostFirst).builder();
        builder.extend(literals).build().map(|searcher| Self::Packed(Box::new(searcher)))
    }

    fn plain(literals: impl IntoIterator<Item = &'static str>) -> Option<Self> {
        let kind = aho_corasick::MatchKind::LeftmostFirst;
        AhoCorasick::builder().match_kind(kind).build(literals).ok().map(Self::Plain)
    }

    /// The first piece that begins at `from` or after it.
    fn find(&self, text: &[u8], from: usize) -> Option<Match> {
        match self {
            Self::Packed(searcher) => searcher.find_in(text, Span::from(from..text.len())),
            Self::Plain(searcher) => searcher.find(Input::new(text).range(from..)),
        }
    }

    fn is_in(&self, text: &[u8]) -> bool {
        match self {
            Self::Packed(searcher) => searcher.find(text).is_some(),
            Self::Plain(searcher) => searcher.is_match(text),
        }
    }
}

impl Group {
    /// Adds a group for these pieces, or several where no searcher takes as many.
    fn add(groups: &mut Vec<Self>, pieces: &[(&'static str, Vec<Anchor>)]) {
        // The searcher deals them out to its heaps one by one, and those that are alike
        // belong on one.
        let height = pieces.len().div_ceil(HEAPS).max(1);
        let dealt = (0..height).flat_map(|layer| pieces.iter().skip(layer).step_by(height));
        let dealt: Vec<_> = dealt.cloned().collect();
        let literals = || dealt.iter().map(|(piece, _)| *piece);
        let search = match Search::new(literals()) {
            None if pieces.len() > FEW => {
                let (one, other) = pieces.split_at(pieces.len() / 2);
                Self::add(groups, one);
                return Self::add(groups, other);
            }
            packed => packed.or_else(|| Search::plain(literals())),
        };
        let Some(search) = search else { return };
        let longest = dealt.iter().map(|(piece, _)| piece.len()).max().unwrap_or(1);
        let anchors = dealt.into_iter().map(|(_, anchors)| anchors).collect();
        groups.push(Self { search, longest, anchors });
    }

    /// Looks at the pieces that begin in a block.
    fn find(&self, text: &[u8], block: Range<usize>, found: &mut Vec<Sighting>) {
        let end = text.len().min(block.end + self.longest - 1);
        let Some(part) = text.get(block.start..end) else { return };
        let mut from = 0;
        while let Some(hit) = self.search.find(part, from) {
            let at = block.start + hit.start();
            if at >= block.end {
                return;
            }
            let anchors = self.anchors.get(hit.pattern().as_usize());
            let anchors = anchors.map(Vec::as_slice).unwrap_or_default();
            found.extend(anchors.iter().filter_map(|anchor| anchor.see(text, at)));
            // Another one may begin within it.
            from = hit.start() + 1;
        }
    }
}

/// The bytes of a piece that a searcher compares many at once, the last one first.
fn compared(piece: &str) -> impl Iterator<Item = &u8> {
    piece.as_bytes().iter().take(LONG).rev()
}

/// The rarest piece of an anchor, and where it stands.
fn rarest(anchor: &'static str) -> (&'static str, usize) {
    let places = (0..anchor.len()).filter_map(|at| Some((anchor.get(at..at + LONG)?, at)));
    let weight = |(piece, _): &(&str, usize)| piece.bytes().map(commonness).product::<u32>();
    places.min_by_key(weight).unwrap_or((anchor, 0))
}

/// How often a byte is met in source text.
fn commonness(byte: u8) -> u32 {
    match byte {
        b' ' => 40,
        b'e' | b't' | b's' | b'r' | b'n' | b'i' | b'a' | b'o' | b'l' | b'u' | b'd' | b'c' => 30,
        b'a'..=b'z' => 15,
        b'_' | b'0'..=b'9' | b':' | b'.' | b'/' => 6,
        _ => 2,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A searcher tells one piece for each place.
    #[test]
    fn no_piece_begins_another_one_of_its_group() {
        for group in &Kinds::new().groups {
            let piece = |anchors: &Vec<Anchor>| {
                let [Anchor { text, offset, .. }, ..] = anchors[..] else { panic!("no anchor") };
                let from = text.get(offset..).unwrap();
                let shared = SHARED.iter().find(|piece| from.starts_with(**piece));
                shared.copied().or(from.get(..LONG)).unwrap_or(from)
            };
            let pieces: Vec<&str> = group.anchors.iter().map(piece).collect();
            for piece in &pieces {
                let begun = pieces.iter().filter(|other| other.starts_with(piece)).count();
                assert_eq!(begun, 1, "{piece}");
            }
        }
    }

    #[test]
    fn every_anchor_is_met_wherever_it_stands() {
        let kinds = Kinds::new();
        for anchor in rule::all().flat_map(|rule| rule.anchors) {
            for before in 0..70 {
                let text = format!("{}{anchor}{}", "-".repeat(before), "_".repeat(40));
                let is_met = kinds.groups.iter().any(|group| {
                    let mut from = 0;
                    std::iter::from_fn(|| {
                        let hit = group.search.find(text.as_bytes(), from)?;
                        from = hit.start() + 1;
                        Some(hit)
                    })
                    .any(|hit| {
                        group.anchors[hit.pattern().as_usize()].iter().any(|known| {
                            known.text == *anchor && hit.start() == before + known.offset
                        })
                    })
                });
                assert!(is_met, "{anchor} after {before}");
            }
        }
    }
}
