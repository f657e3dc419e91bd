//! A chain of rows: each hash covers its row and the hash before.
//!
//! Each life of a node is one chain, which begins at nothing. What was left out, changed, added
//! or moved within a chain breaks it; what was cut from its end is shown by the signed
//! heads.

use unspoken_model::{Action, AuditEntry, NodeId};

use crate::db::Cell;
use crate::hazmat::sha256;

/// Where a chain stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Chain {
    pub(crate) node: NodeId,
    /// The sequence of the last row; 0 before the first.
    pub(crate) seq: i64,
    pub(crate) hash: [u8; 32],
}

/// A row in its place.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) seq: i64,
    pub(crate) entry: AuditEntry,
    pub(crate) hash: [u8; 32],
}

impl Chain {
    pub(crate) fn new(node: NodeId) -> Self {
        Self { node, seq: 0, hash: [0; 32] }
    }

    /// The next row.
    pub(crate) fn push(&mut self, entry: AuditEntry) -> Link {
        self.seq += 1;
        self.hash = link_hash(&self.hash, &self.node.to_string(), self.seq, &entry);
        Link { seq: self.seq, entry, hash: self.hash }
    }

    /// The row that a chain begins with.
    pub(crate) fn first(at: i64) -> AuditEntry {
        AuditEntry { at, action: Action::NodeStart, ..AuditEntry::default() }
    }
}

impl Link {
    pub(crate) const INSERT: &'static str = "INSERT INTO audit (node, seq, at, team, actor, token, address, action, subject, names, \
         revision, outcome, request, hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";

    /// What [`Link::INSERT`] wants.
    pub(crate) fn cells(self, node: &NodeId) -> Vec<Cell> {
        let Self { seq, entry, hash } = self;
        vec![
            Cell::text(node),
            seq.into(),
            entry.at.into(),
            entry.team.into(),
            entry.actor.into(),
            entry.token.into(),
            entry.address.into(),
            entry.action.as_str().into(),
            entry.subject.into(),
            entry.names.into(),
            entry.revision.into(),
            entry.outcome.as_str().into(),
            entry.request.into(),
            hash.to_vec().into(),
        ]
    }
}

/// The hash of a row: of the one before, and of each field with its length in front.
pub(crate) fn link_hash(before: &[u8; 32], node: &str, seq: i64, entry: &AuditEntry) -> [u8; 32] {
    let (seq, at, revision) =
        (seq.to_be_bytes(), entry.at.to_be_bytes(), entry.revision.to_be_bytes());
    let fields: [&[u8]; 14] = [
        before,
        node.as_bytes(),
        &seq,
        &at,
        entry.team.as_bytes(),
        entry.actor.as_bytes(),
        entry.token.as_bytes(),
        entry.address.as_bytes(),
        entry.action.as_str().as_bytes(),
        entry.subject.as_bytes(),
        entry.names.as_bytes(),
        &revision,
        entry.outcome.as_str().as_bytes(),
        entry.request.as_bytes(),
    ];
    let mut bytes = Vec::with_capacity(512);
    for field in fields {
        bytes.extend_from_slice(&(field.len() as u64).to_be_bytes());
        bytes.extend_from_slice(field);
    }
    sha256(&[&bytes])
}

#[test]
fn a_hash_covers_every_field_and_all_that_came_before() {
    let mut chain = Chain::new(NodeId::new([1; 16]));
    let entry = AuditEntry { actor: "ab".into(), token: "c".into(), ..AuditEntry::default() };
    let first = chain.push(entry.clone());
    let second = chain.push(entry.clone());
    assert_eq!((first.seq, second.seq), (1, 2));
    assert_ne!(first.hash, second.hash);
    let node = chain.node.to_string();
    assert_eq!(link_hash(&first.hash, &node, 2, &entry), second.hash);
    let moved = AuditEntry { actor: "a".into(), token: "bc".into(), ..AuditEntry::default() };
    assert_ne!(link_hash(&first.hash, &node, 2, &moved), second.hash);
}
