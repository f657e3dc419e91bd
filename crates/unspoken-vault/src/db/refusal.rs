//! How many refusals are written: each of a few, and the number of the others.
//!
//! Who is refused writes into the record. So that nobody can fill a disk with it, each token and
//! each address gets some rows a minute; the others are counted, and the count is written.

use std::collections::HashMap;

use unspoken_model::{Action, AuditEntry};

/// What was written in this minute, by address and by token.
#[derive(Debug, Default)]
pub(crate) struct RefusalMeter {
    since: i64,
    written: HashMap<String, u32>,
    left_out: i64,
}

impl RefusalMeter {
    const SPAN: i64 = 60_000;
    /// How many rows one token or one address gets.
    const EACH: u32 = 20;
    /// How many rows all get.
    const ALL: usize = 2_000;

    /// The rows for one more refusal: it, or nothing; and what was left out before.
    pub(crate) fn entries(&mut self, entry: AuditEntry, now: i64) -> Vec<AuditEntry> {
        let mut entries = Vec::new();
        if now - self.since >= Self::SPAN || now < self.since {
            if self.left_out > 0 {
                entries.push(AuditEntry {
                    at: now,
                    action: Action::RefusalsLeftOut,
                    revision: self.left_out,
                    ..AuditEntry::default()
                });
            }
            *self = Self { since: now, ..Self::default() };
        }
        let keys = [entry.token.clone(), entry.address.clone()];
        let is_full = self.written.len() >= Self::ALL;
        let may = keys
            .iter()
            .filter(|key| !key.is_empty())
            .all(|key| self.written.get(key).map_or(!is_full, |written| *written < Self::EACH));
        if may {
            for key in keys {
                *self.written.entry(key).or_default() += 1;
            }
            entries.push(entry);
        } else {
            self.left_out += 1;
        }
        entries
    }
}

#[test]
fn a_flood_of_refusals_leaves_a_few_rows_and_their_number() {
    let refused = |token: &str, address: &str| AuditEntry {
        token: token.to_owned(),
        address: address.to_owned(),
        ..AuditEntry::default()
    };
    let mut meter = RefusalMeter::default();
    let start = 1_000_000;
    let flood = (0..10_000).map(|_| meter.entries(refused("t", "1.1.1.1"), start).len());
    assert_eq!(flood.sum::<usize>(), 20);
    // Other tokens from there are held by the address, and others are not held.
    assert!(meter.entries(refused("u", "1.1.1.1"), start).is_empty());
    assert_eq!(meter.entries(refused("v", "2.2.2.2"), start).len(), 1);
    let later = meter.entries(refused("v", "2.2.2.2"), start + RefusalMeter::SPAN);
    assert_eq!((later[0].action, later[0].revision), (Action::RefusalsLeftOut, 9_981));
    assert_eq!(later.len(), 2);
    // As many addresses as there are do not help.
    let many = (0..100_000)
        .map(|at| meter.entries(refused("", &at.to_string()), start + RefusalMeter::SPAN).len());
    assert!(many.sum::<usize>() <= RefusalMeter::ALL);
}
