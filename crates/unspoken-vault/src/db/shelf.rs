//! Sealed values of whole environments, as they were at a revision, and the keys of their projects, as
//! one version of the master key wrapped them. They never change, so they need not be read again; what
//! counts is asked each time.

use std::collections::HashMap;
use std::sync::Arc;

use unspoken_model::EnvironmentId;

use super::sql::{Cell, Row};

/// What is kept, and how much that is.
#[derive(Default)]
pub(super) struct Shelf {
    held: HashMap<EnvironmentId, Held>,
    bytes: usize,
    /// How often something was asked for.
    clock: u64,
}

/// An environment's revision, and the version of the master key.
type State = (i64, i64);

struct Held {
    state: State,
    rows: Arc<Vec<Vec<Row>>>,
    bytes: usize,
    used: u64,
}

impl Shelf {
    /// How many bytes are kept at most.
    const MOST: usize = 8 * 1024 * 1024;

    pub(super) fn find(&mut self, id: EnvironmentId, state: State) -> Option<Arc<Vec<Vec<Row>>>> {
        self.clock += 1;
        let held = self.held.get_mut(&id).filter(|held| held.state == state)?;
        held.used = self.clock;
        Some(Arc::clone(&held.rows))
    }

    pub(super) fn put(&mut self, id: EnvironmentId, state: State, rows: &Arc<Vec<Vec<Row>>>) {
        self.take(id);
        let bytes = rows.iter().flatten().map(size).sum();
        if bytes > Self::MOST / 4 {
            return;
        }
        while self.bytes + bytes > Self::MOST {
            let oldest = self.held.iter().min_by_key(|(_, held)| held.used).map(|(id, _)| *id);
            let Some(oldest) = oldest else { break };
            self.take(oldest);
        }
        self.bytes += bytes;
        let rows = Arc::clone(rows);
        self.held.insert(id, Held { state, rows, bytes, used: self.clock });
    }

    fn take(&mut self, id: EnvironmentId) {
        if let Some(held) = self.held.remove(&id) {
            self.bytes -= held.bytes;
        }
    }
}

/// About how much memory a row takes.
fn size(row: &Row) -> usize {
    let cells = row.0.iter().map(|cell| match cell {
        Cell::Null | Cell::Number(_) => 0,
        Cell::Text(text) => text.len(),
        Cell::Bytes(bytes) => bytes.len(),
    });
    cells.sum::<usize>() + 32 * row.0.len() + 24
}

#[test]
fn what_is_kept_is_of_its_revision_and_bounded() {
    let mut shelf = Shelf::default();
    let rows = |bytes: usize| Arc::new(vec![vec![Row(vec![Cell::Bytes(vec![0; bytes])])]]);
    let id = |number: u8| EnvironmentId::new([number; 16]);
    shelf.put(id(0), (1, 1), &rows(10));
    assert!(shelf.find(id(0), (1, 1)).is_some());
    assert!(shelf.find(id(0), (2, 1)).is_none());
    assert!(shelf.find(id(0), (1, 2)).is_none());
    shelf.put(id(0), (2, 1), &rows(20));
    assert!(shelf.find(id(0), (1, 1)).is_none());
    for number in 1..100 {
        shelf.put(id(number), (1, 1), &rows(Shelf::MOST / 8));
        assert!(shelf.find(id(0), (2, 1)).is_some(), "what is used stays");
        assert!(shelf.bytes <= Shelf::MOST);
    }
    assert!(shelf.find(id(1), (1, 1)).is_none());
    shelf.put(id(1), (1, 1), &rows(Shelf::MOST));
    assert!(shelf.find(id(1), (1, 1)).is_none());
}
