//! The exported record: JSON, one line for each thing, in an order that is checked as it is read.
//!
//! Rules:
//! - First what it is, then heads that it goes on from, then rows, each head behind the
//!   rows that it covers; last how much there was, so that a file that was cut off is known.
//! - A line that is too long, says something unknown, or says something twice, is refused.
//! - What a line says is not believed here: whoever checks a record recomputes its
//!   hashes.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;
use unspoken_model::{AuditEntry, NodeId};

/// One line.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordLine {
    Begin(RecordBegin),
    /// A head from before, which rows of this export go on from.
    Anchor(RecordHead),
    Row(RecordRow),
    Head(RecordHead),
    End(RecordEnd),
}

/// What is exported.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RecordBegin {
    /// Always [`RecordLine::FORMAT`].
    pub format: String,
    pub deployment: String,
    /// The public key that heads are said to be signed by.
    pub key: Hex<32>,
    /// The number of the head that it goes on from; 0 for the whole record.
    pub after: i64,
}

/// One row, with its place in its chain.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RecordRow {
    pub node: String,
    pub seq: i64,
    pub at: i64,
    pub team: String,
    pub actor: String,
    pub token: String,
    pub address: String,
    pub action: String,
    pub subject: String,
    pub names: String,
    pub revision: i64,
    pub outcome: String,
    pub request: String,
    pub hash: Hex<32>,
}

/// A signed statement of how far chains had come.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RecordHead {
    pub number: i64,
    pub at: i64,
    /// The hash of the head before; zeros before the first.
    pub before: Hex<32>,
    pub ends: Vec<ChainEnd>,
    pub hash: Hex<32>,
    pub signature: Hex<64>,
}

/// How far one chain had come.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ChainEnd {
    pub node: String,
    pub seq: i64,
    pub hash: Hex<32>,
    pub how: EndKind,
}

/// From where it is known how far a chain had come.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndKind {
    /// The node that wrote the chain signed it, from its memory.
    Own,
    /// The same, and the node wrote nothing behind it.
    Final,
    /// Another node found it in the database, because nobody had signed it for a while.
    Adopted,
}

/// How much was exported.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RecordEnd {
    pub rows: u64,
    pub heads: u64,
}

/// Bytes that are written in hex, in lower case.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Hex<const N: usize>(pub [u8; N]);

/// Why a line is none of a record.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum RecordLineError {
    #[error("it has more than {max} bytes", max = RecordLine::MAX)]
    TooLong,
    #[error("it is not of the format `{format}` (column {column})", format = RecordLine::FORMAT)]
    Shape { column: usize },
    #[error("it says what no record says")]
    Content,
}

impl RecordLine {
    pub const FORMAT: &'static str = "unspoken-vault-audit/1";

    /// How long a line is at most: a row that names all of 10,000 names.
    pub const MAX: usize = 4 * 1024 * 1024;

    /// How many chains one head covers at most.
    pub const ENDS: usize = 4096;

    /// Reads a line, without its line end.
    pub fn parse(line: &[u8]) -> Result<Self, RecordLineError> {
        if line.len() > Self::MAX {
            return Err(RecordLineError::TooLong);
        }
        let line: Self = serde_json::from_slice(line)
            .map_err(|error| RecordLineError::Shape { column: error.column() })?;
        if line.is_possible() { Ok(line) } else { Err(RecordLineError::Content) }
    }

    /// Prints a line, without a line end.
    pub fn print(&self) -> String {
        // Texts and numbers can always be printed.
        serde_json::to_string(self).unwrap_or_default()
    }

    fn is_possible(&self) -> bool {
        match self {
            Self::Begin(begin) => begin.format == Self::FORMAT && begin.after >= 0,
            Self::Row(row) => row.seq > 0 && is_node(&row.node) && row.entry().is_some(),
            Self::Anchor(head) | Self::Head(head) => {
                let is_sorted = head.ends.is_sorted_by(|one, next| one.node < next.node);
                let are_good = head.ends.iter().all(|end| end.seq > 0 && is_node(&end.node));
                head.number > 0 && head.ends.len() <= Self::ENDS && is_sorted && are_good
            }
            Self::End(_) => true,
        }
    }
}

fn is_node(text: &str) -> bool {
    NodeId::parse(text).is_ok()
}

impl RecordRow {
    /// The row but for its place; `None` when its words are none of the record's.
    pub fn entry(&self) -> Option<AuditEntry> {
        Some(AuditEntry {
            at: self.at,
            team: self.team.clone(),
            actor: self.actor.clone(),
            token: self.token.clone(),
            address: self.address.clone(),
            action: self.action.parse().ok()?,
            subject: self.subject.clone(),
            names: self.names.clone(),
            revision: self.revision,
            outcome: self.outcome.parse().ok()?,
            request: self.request.clone(),
        })
    }
}

impl EndKind {
    pub const ALL: [Self; 3] = [Self::Own, Self::Final, Self::Adopted];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Final => "final",
            Self::Adopted => "adopted",
        }
    }
}

impl<const N: usize> Hex<N> {
    /// Reads it: exactly as many digits, in lower case.
    pub fn parse(text: &str) -> Option<Self> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != N || !rest.is_empty() {
            return None;
        }
        let mut bytes = [0; N];
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(bytes))
    }

    pub fn print(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |half: u8| char::from(DIGITS[usize::from(half & 15)]);
        self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
    }
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.print())
    }
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not so many bytes in hex"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn end() -> impl Strategy<Value = ChainEnd> {
        let kind = prop::sample::select(EndKind::ALL.as_slice());
        (any::<[u8; 16]>(), 1..i64::MAX, any::<[u8; 32]>(), kind).prop_map(
            |(node, seq, hash, how)| {
                let node = NodeId::new(node).to_string();
                ChainEnd { node, seq, hash: Hex(hash), how }
            },
        )
    }

    fn head() -> impl Strategy<Value = RecordHead> {
        let bytes = (any::<[u8; 32]>(), any::<[u8; 32]>(), any::<[u8; 64]>());
        (1..i64::MAX, any::<i64>(), prop::collection::vec(end(), 0..4), bytes).prop_map(
            |(number, at, mut ends, (before, hash, signature))| {
                ends.sort();
                let (before, hash, signature) = (Hex(before), Hex(hash), Hex(signature));
                RecordHead { number, at, before, ends, hash, signature }
            },
        )
    }

    fn row() -> impl Strategy<Value = RecordRow> {
        let numbers = (any::<[u8; 16]>(), 1..i64::MAX, any::<i64>(), any::<i64>());
        (numbers, any::<String>(), any::<String>(), any::<[u8; 32]>()).prop_map(
            |((node, seq, at, revision), text, names, hash)| RecordRow {
                node: NodeId::new(node).to_string(),
                seq,
                at,
                team: text.clone(),
                actor: text.clone(),
                token: text.clone(),
                address: text.clone(),
                action: "secret.reveal".to_owned(),
                subject: text.clone(),
                names,
                revision,
                outcome: "done".to_owned(),
                request: text,
                hash: Hex(hash),
            },
        )
    }

    fn line() -> impl Strategy<Value = RecordLine> {
        prop_oneof![
            head().prop_map(RecordLine::Head),
            head().prop_map(RecordLine::Anchor),
            row().prop_map(RecordLine::Row),
            (any::<u64>(), any::<u64>())
                .prop_map(|(rows, heads)| RecordLine::End(RecordEnd { rows, heads })),
        ]
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_the_same(line in line()) {
            let printed = line.print();
            prop_assert!(!printed.contains('\n'));
            prop_assert_eq!(RecordLine::parse(printed.as_bytes()), Ok(line));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = RecordLine::parse(&bytes);
        }

        #[test]
        fn a_spoilt_line_is_read_or_refused(line in line(), at in any::<prop::sample::Index>(), byte: u8) {
            let mut bytes = line.print().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = RecordLine::parse(&bytes);
            prop_assert!(RecordLine::parse(&bytes[..at]).is_err());
        }
    }

    #[test]
    fn what_no_record_says_is_refused() {
        #[track_caller]
        fn case(line: &str, column: Option<usize>) {
            let expected = match column {
                Some(column) => RecordLineError::Shape { column },
                None => RecordLineError::Content,
            };
            assert_eq!(RecordLine::parse(line.as_bytes()), Err(expected), "{line}");
        }

        case("", Some(0));
        case(r#"{"end":{"rows":1,"heads":1}} "x""#, Some(30));
        case(r#"{"end":{"rows":1,"heads":1,"more":1}}"#, Some(33));
        case(r#"{"end":{"rows":1,"rows":1,"heads":1}}"#, Some(23));
        case(r#"{"end":{"rows":-1,"heads":1}}"#, Some(17));
        case(r#"{"other":{}}"#, Some(8));
        let key = "0".repeat(64);
        let begin = |format: &str, key: &str, after: i64| {
            format!(
                r#"{{"begin":{{"format":"{format}","deployment":"d","key":"{key}","after":{after}}}}}"#
            )
        };
        assert!(RecordLine::parse(begin(RecordLine::FORMAT, &key, 0).as_bytes()).is_ok());
        case(&begin("unspoken-vault-audit/2", &key, 0), None);
        case(&begin(RecordLine::FORMAT, &key, -1), None);
        let upper = begin(RecordLine::FORMAT, &"A".repeat(64), 0);
        assert!(RecordLine::parse(upper.as_bytes()).is_err());
        let long = " ".repeat(RecordLine::MAX + 1);
        assert_eq!(RecordLine::parse(long.as_bytes()), Err(RecordLineError::TooLong));
    }
}
