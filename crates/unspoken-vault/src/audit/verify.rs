//! Checks an exported record, line by line, without the store and without its master key.
//!
//! It holds one entry for each chain, however long the record is.

use std::collections::{HashMap, HashSet};
use std::io::BufRead;

use thiserror::Error;
use unspoken_wire::vault::{
    ChainEnd, EndKind, Hex, RecordBegin, RecordEnd, RecordHead, RecordLine, RecordLineError,
    RecordRow,
};

use super::{head_hash, head_message, link_hash};
use crate::hazmat::verifies;

/// What a record that is whole has.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Summary {
    pub(crate) deployment: String,
    pub(crate) key: [u8; 32],
    pub(crate) rows: u64,
    pub(crate) chains: u64,
    pub(crate) heads: u64,
    /// The number and the hash of the last head.
    pub(crate) last: Option<(i64, [u8; 32])>,
    /// Rows behind the last head.
    pub(crate) unsigned: u64,
    /// Rows that another node signed than the one that wrote them.
    pub(crate) adopted: u64,
    /// The head that it begins behind; 0 for a record from its beginning.
    pub(crate) after: i64,
}

/// The first thing that is wrong, and in which line.
#[derive(Debug, Error)]
pub(crate) enum Fault {
    #[error("line {line} cannot be read ({error})")]
    Read { line: u64, error: std::io::Error },
    #[error("line {line} is none of a record: {error}")]
    Line { line: u64, error: RecordLineError },
    #[error("line {line}: {broken}")]
    Broken { line: u64, broken: Broken },
    #[error("it ends behind line {line}, before its end")]
    CutOff { line: u64 },
    #[error("head {number}, which was known before, is not in it")]
    KnownHead { number: i64 },
}

/// What is wrong.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub(crate) enum Broken {
    #[error("this does not belong here")]
    Order,
    #[error("the record is signed by another key than the one that was given")]
    OtherKey,
    #[error("row {seq} of {node} is where row {expected} should be")]
    RowPlace { node: String, seq: i64, expected: i64 },
    #[error("row {seq} of {node} is not as it was written")]
    Row { node: String, seq: i64 },
    #[error("row {seq} of {node} was added: the chain had ended before")]
    AddedRow { node: String, seq: i64 },
    #[error("there is head {number} where head {expected} should be")]
    HeadPlace { number: i64, expected: i64 },
    #[error("head {number} does not go on from the head before")]
    HeadBefore { number: i64 },
    #[error("head {number} is not as it was written")]
    Head { number: i64 },
    #[error("head {number} was not signed by this key")]
    Signature { number: i64 },
    #[error("head {number} covers row {seq} of {node}, which is not there")]
    MissingRow { number: i64, node: String, seq: i64 },
    #[error("head {number} covers another row {seq} of {node} than the one that is there")]
    OtherRow { number: i64, node: String, seq: i64 },
    #[error("row {seq} of {node} stands before head {number}, which does not cover it")]
    Uncovered { number: i64, node: String, seq: i64 },
    #[error("head {number} is not the one that was known before")]
    OtherHead { number: i64 },
    #[error("it says that it has {said} {what}, and has {found}")]
    Count { what: &'static str, said: u64, found: u64 },
}

/// What is known of a record from elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Expected {
    /// The key that signs it.
    pub(crate) key: Option<[u8; 32]>,
    /// The number and the hash of a head that it had.
    pub(crate) head: Option<(i64, [u8; 32])>,
}

/// What was read so far.
#[derive(Debug, Default)]
pub(crate) struct Verifier {
    expected: Expected,
    begin: Option<RecordBegin>,
    chains: HashMap<String, Known>,
    /// Those that have grown since the last head.
    grown: HashSet<String>,
    last: Option<(i64, [u8; 32])>,
    is_anchored: bool,
    is_over: bool,
    /// Whether the head that is expected was there.
    has_known: bool,
    summary: Summary,
    lines: u64,
}

/// How far a chain was read.
#[derive(Clone, Copy, Debug)]
struct Known {
    seq: i64,
    hash: [u8; 32],
    /// How far heads cover it.
    signed: i64,
    is_final: bool,
    /// Whether rows of it stand in this record.
    is_counted: bool,
}

/// Checks a whole record, and that it is the one that is known.
pub(crate) fn verify(record: &mut dyn BufRead, expected: Expected) -> Result<Summary, Fault> {
    let mut verifier = Verifier::new(expected);
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let most = RecordLine::MAX as u64 + 2;
        let read = std::io::Read::take(&mut *record, most)
            .read_until(b'\n', &mut bytes)
            .map_err(|error| Fault::Read { line, error })?;
        if read == 0 {
            return verifier.finish();
        }
        // The last line ends like the others, so one that does not was cut off.
        if bytes.pop() != Some(b'\n') {
            let error = RecordLineError::TooLong;
            let is_long = read as u64 == most;
            return Err(if is_long { Fault::Line { line, error } } else { Fault::CutOff { line } });
        }
        verifier.line(&bytes)?;
    }
    Err(Fault::CutOff { line: u64::MAX })
}

impl Verifier {
    pub(crate) fn new(expected: Expected) -> Self {
        Self { expected, ..Self::default() }
    }

    /// Takes the next line, without its line end.
    pub(crate) fn line(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.lines += 1;
        let line = self.lines;
        let read = RecordLine::parse(bytes).map_err(|error| Fault::Line { line, error })?;
        self.take(read).map_err(|broken| Fault::Broken { line, broken })
    }

    pub(crate) fn finish(self) -> Result<Summary, Fault> {
        if !self.is_over {
            return Err(Fault::CutOff { line: self.lines });
        }
        match self.expected.head {
            Some((number, _)) if !self.has_known => Err(Fault::KnownHead { number }),
            _ => Ok(Summary { last: self.last, ..self.summary }),
        }
    }

    fn take(&mut self, line: RecordLine) -> Result<(), Broken> {
        let is_begun = self.begin.is_some();
        if self.is_over || is_begun == matches!(line, RecordLine::Begin(_)) {
            return Err(Broken::Order);
        }
        match line {
            RecordLine::Begin(begin) => self.begin(begin),
            RecordLine::Anchor(head) => self.anchor(&head),
            RecordLine::Row(row) => self.anchored().and_then(|()| self.row(row)),
            RecordLine::Head(head) => self.anchored().and_then(|()| self.head(&head)),
            RecordLine::End(end) => self.anchored().and_then(|()| self.end(end)),
        }
    }

    fn begin(&mut self, begin: RecordBegin) -> Result<(), Broken> {
        if self.expected.key.is_some_and(|key| key != begin.key.0) {
            return Err(Broken::OtherKey);
        }
        self.summary.deployment.clone_from(&begin.deployment);
        self.summary.key = begin.key.0;
        self.summary.after = begin.after;
        self.begin = Some(begin);
        Ok(())
    }

    /// A head from before: chains go on from what it covers.
    fn anchor(&mut self, head: &RecordHead) -> Result<(), Broken> {
        let after = self.summary.after;
        let last = self.last.map_or(0, |(number, _)| number);
        if self.is_anchored || head.number <= last || head.number > after {
            return Err(Broken::HeadPlace {
                number: head.number,
                expected: last.saturating_add(1),
            });
        }
        self.check(head)?;
        for ChainEnd { node, seq, hash, how } in &head.ends {
            let is_final = *how == EndKind::Final;
            let is_counted = false;
            let known = Known { seq: *seq, hash: hash.0, signed: *seq, is_final, is_counted };
            self.chains.insert(node.clone(), known);
        }
        self.last = Some((head.number, head.hash.0));
        Ok(())
    }

    /// Heads from before come first, the one that it goes on from last.
    fn anchored(&mut self) -> Result<(), Broken> {
        let (after, last) = (self.summary.after, self.last.map_or(0, |(number, _)| number));
        if !self.is_anchored && last != after {
            return Err(Broken::HeadPlace { number: last, expected: after });
        }
        self.is_anchored = true;
        Ok(())
    }

    fn row(&mut self, row: RecordRow) -> Result<(), Broken> {
        let nothing =
            Known { seq: 0, hash: [0; 32], signed: 0, is_final: false, is_counted: false };
        let known = self.chains.get(&row.node).copied().unwrap_or(nothing);
        let RecordRow { node, seq, .. } = &row;
        if known.is_final {
            return Err(Broken::AddedRow { node: node.clone(), seq: *seq });
        }
        let expected = known.seq.saturating_add(1);
        if *seq != expected {
            let node = node.clone();
            return Err(Broken::RowPlace { node, seq: *seq, expected });
        }
        let hash = row.entry().map(|entry| link_hash(&known.hash, node, *seq, &entry));
        if hash != Some(row.hash.0) {
            return Err(Broken::Row { node: node.clone(), seq: *seq });
        }
        self.summary.rows += 1;
        self.summary.unsigned += 1;
        self.summary.chains += u64::from(!known.is_counted);
        let grown = Known { seq: *seq, hash: row.hash.0, is_counted: true, ..known };
        self.chains.insert(node.clone(), grown);
        self.grown.insert(row.node);
        Ok(())
    }

    fn head(&mut self, head: &RecordHead) -> Result<(), Broken> {
        let number = head.number;
        let (last, before) = self.last.unwrap_or((0, [0; 32]));
        if number != last.saturating_add(1) {
            return Err(Broken::HeadPlace { number, expected: last.saturating_add(1) });
        }
        if head.before.0 != before {
            return Err(Broken::HeadBefore { number });
        }
        self.check(head)?;
        for end in &head.ends {
            self.cover(number, end)?;
        }
        if let Some(node) = self.grown.iter().min() {
            let seq = self.chains.get(node).map_or(0, |known| known.signed.saturating_add(1));
            return Err(Broken::Uncovered { number, node: node.clone(), seq });
        }
        self.summary.heads += 1;
        self.summary.unsigned = 0;
        self.last = Some((number, head.hash.0));
        Ok(())
    }

    /// Whether a head covers what stands before it.
    fn cover(&mut self, number: i64, end: &ChainEnd) -> Result<(), Broken> {
        let ChainEnd { node, seq, hash: Hex(hash), how } = end;
        let known = self.chains.get_mut(node).filter(|known| known.seq >= *seq);
        let Some(known) = known else {
            return Err(Broken::MissingRow { number, node: node.clone(), seq: *seq });
        };
        if known.seq > *seq {
            let (node, seq) = (node.clone(), seq.saturating_add(1));
            return Err(Broken::Uncovered { number, node, seq });
        }
        if known.hash != *hash {
            return Err(Broken::OtherRow { number, node: node.clone(), seq: *seq });
        }
        if *how == EndKind::Adopted {
            self.summary.adopted += (known.seq - known.signed).cast_unsigned();
        }
        known.signed = *seq;
        known.is_final = *how == EndKind::Final;
        self.grown.remove(node);
        Ok(())
    }

    /// Whether a head is what was signed.
    fn check(&mut self, head: &RecordHead) -> Result<(), Broken> {
        let RecordHead { number, at, before, ends, hash, signature } = head;
        let deployment = &self.summary.deployment;
        if let Some((_, known)) = self.expected.head.filter(|(known, _)| known == number) {
            if known != hash.0 {
                return Err(Broken::OtherHead { number: *number });
            }
            self.has_known = true;
        }
        if head_hash(deployment, *number, *at, &before.0, ends) != hash.0 {
            return Err(Broken::Head { number: *number });
        }
        if !verifies(&self.summary.key, &head_message(&hash.0), &signature.0) {
            return Err(Broken::Signature { number: *number });
        }
        Ok(())
    }

    fn end(&mut self, end: RecordEnd) -> Result<(), Broken> {
        let Summary { rows, heads, .. } = self.summary;
        for (what, said, found) in [("rows", end.rows, rows), ("heads", end.heads, heads)] {
            if said != found {
                return Err(Broken::Count { what, said, found });
            }
        }
        self.is_over = true;
        Ok(())
    }
}
