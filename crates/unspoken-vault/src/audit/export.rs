//! Exports the record in the order in which it is checked, a page at a time.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};

use thiserror::Error;
use unspoken_wire::vault::{
    ChainEnd, EndKind, Hex, RecordBegin, RecordEnd, RecordHead, RecordLine, RecordRow,
};

use crate::db::{Cell, Row, Sql, SqlError};

/// Whose record it is.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) deployment: String,
    pub(crate) key: [u8; 32],
}

/// See the top.
pub(crate) struct Exporter<'a> {
    sql: &'a mut dyn Sql,
    out: &'a mut dyn Write,
    /// How far each chain was written.
    covered: HashMap<String, i64>,
    counts: RecordEnd,
}

/// Why a record cannot be exported.
#[derive(Debug, Error)]
pub(crate) enum ExportError {
    #[error(transparent)]
    Sql(#[from] SqlError),
    #[error("it cannot be written ({0})")]
    Write(#[from] io::Error),
}

/// How many rows and heads are held at once.
const PAGE: i64 = 500;

const HEADS: &str = "SELECT number, at, ends, hash, signature FROM audit_head \
     WHERE number > $1 AND number <= $2 ORDER BY number LIMIT $3";

const ROWS: &str = "SELECT node, seq, at, team, actor, token, address, action, subject, names, revision, \
     outcome, request, hash FROM audit WHERE node = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4";

impl<'a> Exporter<'a> {
    pub(crate) fn new(sql: &'a mut dyn Sql, out: &'a mut dyn Write) -> Self {
        let counts = RecordEnd { rows: 0, heads: 0 };
        Self { sql, out, covered: HashMap::new(), counts }
    }

    /// Writes all that there is, or what heads since a time cover and what came behind.
    ///
    /// Nothing is locked: what is written meanwhile may be missing at the end.
    pub(crate) fn run(mut self, identity: Identity, since: i64) -> Result<RecordEnd, ExportError> {
        let newest = self.number("SELECT COALESCE(MAX(number), 0) FROM audit_head", &[])?;
        let after = self.number(
            "SELECT COALESCE(MAX(number), 0) FROM audit_head WHERE at < $1",
            &[since.into()],
        )?;
        self.line(&RecordLine::Begin(RecordBegin {
            format: RecordLine::FORMAT.to_owned(),
            deployment: identity.deployment,
            key: Hex(identity.key),
            after,
        }))?;
        self.anchors(after)?;
        let mut number = after;
        loop {
            let heads = self.heads(number, newest)?;
            let Some(last) = heads.last() else { break };
            number = last.number;
            for head in heads {
                for end in &head.ends {
                    self.rows(&end.node, end.seq)?;
                }
                self.line(&RecordLine::Head(head))?;
                self.counts.heads += 1;
            }
        }
        self.unsigned()?;
        self.line(&RecordLine::End(self.counts))?;
        self.out.flush()?;
        Ok(self.counts)
    }

    /// Writes the heads that the chains go on from.
    fn anchors(&mut self, after: i64) -> Result<(), ExportError> {
        if after == 0 {
            return Ok(());
        }
        // The last head that covers each chain.
        let mut lasts = HashMap::new();
        let mut number = 0;
        loop {
            let heads = self.heads(number, after)?;
            let Some(last) = heads.last() else { break };
            number = last.number;
            for head in heads {
                for ChainEnd { node, seq, how, .. } in head.ends {
                    lasts.insert(node, (head.number, seq, how));
                }
            }
        }
        let mut numbers = BTreeSet::from([after]);
        for (node, (number, seq, how)) in &lasts {
            let newest = self.number(
                "SELECT COALESCE(MAX(seq), 0) FROM audit WHERE node = $1",
                &[node.as_str().into()],
            )?;
            // A chain that has not ended is gone on with even when nothing of it is left.
            if newest != *seq || *how != EndKind::Final {
                numbers.insert(*number);
            }
        }
        for number in numbers {
            let heads = self.heads(number - 1, number)?;
            heads.into_iter().try_for_each(|head| self.line(&RecordLine::Anchor(head)))?;
        }
        // What was covered by them is not written again, and of no chain before.
        self.covered = lasts.into_iter().map(|(node, (_, seq, _))| (node, seq)).collect();
        Ok(())
    }

    /// Writes the rows that no head covers.
    fn unsigned(&mut self) -> Result<(), ExportError> {
        let mut node = String::new();
        loop {
            let next = "SELECT MIN(node) FROM audit WHERE node > $1";
            let rows = self.sql.rows(next, &[node.as_str().into()])?;
            let Some(next) = rows.first().map(|row| row.maybe_text(0)).transpose()?.flatten()
            else {
                return Ok(());
            };
            next.clone_into(&mut node);
            self.rows(&node, i64::MAX)?;
        }
    }

    /// Writes the rows of a chain that were not written yet, up to one.
    fn rows(&mut self, node: &str, last: i64) -> Result<(), ExportError> {
        let mut seq = self.covered.get(node).copied().unwrap_or(0);
        while seq < last {
            let cells = [node.into(), seq.into(), last.into(), Cell::Number(PAGE)];
            let rows = self.sql.rows(ROWS, &cells)?;
            let count = rows.len();
            for row in &rows {
                let row = read_row(row)?;
                seq = row.seq;
                self.line(&RecordLine::Row(row))?;
                self.counts.rows += 1;
            }
            if i64::try_from(count).is_ok_and(|count| count < PAGE) {
                break;
            }
        }
        self.covered.insert(node.to_owned(), seq);
        Ok(())
    }

    fn heads(&mut self, after: i64, last: i64) -> Result<Vec<RecordHead>, ExportError> {
        let rows = self.sql.rows(HEADS, &[after.into(), last.into(), Cell::Number(PAGE)])?;
        let mut heads = rows.iter().map(read_head).collect::<Result<Vec<_>, _>>()?;
        // Each says what stands before it: what the one before says is not repeated in the table.
        let mut before = match heads.first() {
            Some(first) if first.number > 1 => {
                let statement = "SELECT hash FROM audit_head WHERE number = $1";
                let rows = self.sql.rows(statement, &[(first.number - 1).into()])?;
                rows.first().map_or(Ok(Hex([0; 32])), |row| bytes(row, 0))?
            }
            _ => Hex([0; 32]),
        };
        for head in &mut heads {
            head.before = before;
            before = head.hash;
        }
        Ok(heads)
    }

    fn number(&mut self, statement: &'static str, cells: &[Cell]) -> Result<i64, SqlError> {
        self.sql.rows(statement, cells)?.first().map_or(Ok(0), |row| row.number(0))
    }

    fn line(&mut self, line: &RecordLine) -> Result<(), ExportError> {
        self.out.write_all(line.print().as_bytes())?;
        Ok(self.out.write_all(b"\n")?)
    }
}

fn bytes<const N: usize>(row: &Row, at: usize) -> Result<Hex<N>, SqlError> {
    row.bytes(at)?.try_into().map(Hex).map_err(|_| SqlError::Shape(at))
}

fn read_head(row: &Row) -> Result<RecordHead, SqlError> {
    Ok(RecordHead {
        number: row.number(0)?,
        at: row.number(1)?,
        before: Hex([0; 32]),
        ends: serde_json::from_str(row.text(2)?).map_err(|_| SqlError::Shape(2))?,
        hash: bytes(row, 3)?,
        signature: bytes(row, 4)?,
    })
}

fn read_row(row: &Row) -> Result<RecordRow, SqlError> {
    let text = |at| row.text(at).map(str::to_owned);
    Ok(RecordRow {
        node: text(0)?,
        seq: row.number(1)?,
        at: row.number(2)?,
        team: text(3)?,
        actor: text(4)?,
        token: text(5)?,
        address: text(6)?,
        action: text(7)?,
        subject: text(8)?,
        names: text(9)?,
        revision: row.number(10)?,
        outcome: text(11)?,
        request: text(12)?,
        hash: bytes(row, 13)?,
    })
}
