//! Which parts of a text are values.

use std::fmt;
use std::ops::Range;

use unspoken_model::SecretName;
use zeroize::Zeroizing;

use super::disguise::Disguises;
use super::index::{Hit, Index};
use super::noise::End;
use super::part;
use super::quiet::Quiet;
use super::spaced::Spaced;
use super::strength::Strength;
use super::token::Tokens;
use crate::Secret;

/// Finds values, and what they look like in their usual disguises.
///
/// What is found is a net, not a proof: a value that was encrypted, compressed,
/// turned round or cut to pieces is not known again.
pub struct Matcher {
    names: Vec<String>,
    /// What is printed for each name.
    marks: Vec<String>,
    index: Index,
    tokens: Tokens,
}

/// Room to work in, for one text after the other. Wiped when it is dropped.
#[derive(Default)]
pub struct Scratch {
    quiet: Quiet,
}

/// A part of a text that is a value, or several that overlap.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Found {
    pub range: Range<usize>,
    /// Whose value the longest of them is, by its place in [`Matcher::names`].
    pub name: usize,
    /// How long that one is.
    longest: usize,
}

impl Matcher {
    /// Learns values. Those that are too short or too plain to be told from other
    /// text are left out: see [`Strength`].
    pub fn new<'s>(secrets: impl IntoIterator<Item = (&'s SecretName, &'s Secret)>) -> Self {
        let mut names = Vec::new();
        let mut disguises = Disguises::default();
        let mut short = Vec::new();
        for (name, secret) in secrets {
            let Ok(owner) = u32::try_from(names.len()) else { break };
            part::each(secret.expose(), &mut |text, strength| match strength {
                Strength::Strong => disguises.add(text, owner),
                Strength::Short => short.push((Zeroizing::new(text.to_owned()), owner)),
                Strength::Plain => {}
            });
            names.push(name.as_str().to_owned());
        }
        let tokens = Tokens::new(&short);
        let (bytes, ends) = disguises.into_texts();
        let mut matcher =
            Self { names, marks: Vec::new(), index: Index::new(bytes, &ends), tokens };
        let marks = matcher.names.iter().map(|name| matcher.mark_of(name)).collect();
        matcher.marks = marks;
        matcher
    }

    /// What is printed instead of a value. Where that would itself show a value,
    /// it says less.
    fn mark_of(&self, name: &str) -> String {
        let marks = [format!("[REDACTED:{name}]"), "[REDACTED]".to_owned()];
        let quiet = marks
            .into_iter()
            .find(|mark| self.find(mark.as_bytes(), &mut Scratch::default()).is_empty());
        quiet.unwrap_or_default()
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What is printed instead of the value of a name.
    pub fn mark(&self, name: usize) -> &str {
        self.marks.get(name).map_or("", String::as_str)
    }

    /// Whether there is nothing that could be found.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty() && self.tokens.is_empty()
    }

    /// The values in a text, in their order; none overlaps another.
    pub fn find(&self, text: &[u8], scratch: &mut Scratch) -> Vec<Found> {
        let mut hits = Vec::new();
        if !self.index.is_empty() {
            self.index.scan(text, |hit| hits.push(hit));
            let is_pair = |pair| self.index.has_pair(pair);
            let may_cross = |around| self.index.may_cross(around);
            scratch.quiet.around(text, self.index.longest(), is_pair, may_cross, |quiet| {
                self.index.scan(&quiet.text, |hit| {
                    let range = quiet.noisy(&hit.range);
                    hits.extend(range.map(|range| Hit { range, ..hit }));
                });
            });
            let is_group = |group| self.index.has_group(group);
            Spaced::each(text, self.index.plain(), is_group, |run| {
                self.index.scan(&run.text, |hit| {
                    let range = run.range(&hit.range);
                    hits.extend(range.map(|range| Hit { range, ..hit }));
                });
            });
        }
        self.tokens.scan(text, |hit| hits.push(hit));
        merge(hits)
    }

    /// Where the end of a text begins that may go on to be a value, and how much of
    /// the value that would be; the text's length and 0 when there is no such end.
    pub(super) fn unfinished(&self, text: &[u8]) -> Unfinished {
        let mut found = Unfinished { at: text.len(), known: 0 };
        let raw = self.index.unfinished(text).min(self.tokens.unfinished(text));
        found.widen(raw, text.len() - raw);
        if self.index.is_empty() {
            return found;
        }
        // As much again for what stands between.
        let longest = self.index.longest();
        let from = text.len().saturating_sub((NOISE * longest).min(FARTHEST.max(longest)));
        let tail = text.get(from..).unwrap_or_default();
        if let Some(quiet) = Quiet::of(tail, End::Open) {
            let at = self.index.unfinished(&quiet.text);
            if at < quiet.text.len() {
                found.widen(from + quiet.origin(at), quiet.text.len() - at);
            }
        }
        for run in Spaced::at_end(tail) {
            let at = self.index.unfinished(&run.text);
            if let Some(origin) = run.origin(at) {
                found.widen(from + origin, run.text.len() - at);
            }
        }
        found
    }
}

/// The end of a text that may go on to be a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Unfinished {
    pub(super) at: usize,
    /// How many bytes of the value these would be.
    pub(super) known: usize,
}

impl Unfinished {
    fn widen(&mut self, at: usize, known: usize) {
        self.at = self.at.min(at);
        self.known = self.known.max(known);
    }
}

/// How many times as long as a value what hides it may be.
const NOISE: usize = 16;

/// How much text waits at most for what may be a value with noise in between, unless
/// a value is longer.
const FARTHEST: usize = 8 * 1024;

fn merge(mut hits: Vec<Hit>) -> Vec<Found> {
    hits.sort_unstable_by_key(|hit| (hit.range.start, hit.range.end, hit.owner));
    let mut merged: Vec<Found> = Vec::new();
    for Hit { range, owner } in hits {
        let name = owner as usize;
        match merged.last_mut() {
            // Pieces of one value follow each other.
            Some(last)
                if range.start < last.range.end
                    || (range.start == last.range.end && last.name == name) =>
            {
                if range.len() > last.longest {
                    last.longest = range.len();
                    last.name = name;
                }
                last.range.end = last.range.end.max(range.end);
            }
            _ => merged.push(Found { longest: range.len(), range, name }),
        }
    }
    merged
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matcher").field("names", &self.names).finish_non_exhaustive()
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").finish_non_exhaustive()
    }
}
