//! What a job works with: the transaction, the time, and the rows of the record that it leaves.

use std::net::IpAddr;
use std::sync::Arc;

use unspoken_model::{Action, AuditEntry, EnvironmentId, Outcome, RequestId, SecretName, TokenId};

use super::memo::{EnvironmentRow, Memo, Shown, TokenRow};
use super::shelf::Shelf;
use super::sql::{Cell, Row, Sql, SqlError};
use crate::audit::Chain;
use crate::hazmat;

/// What is known of a job before it runs.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) request: RequestId,
    pub(crate) address: IpAddr,
    pub(crate) action: Action,
    /// The token that was shown, whether or not there is one.
    pub(crate) token: Option<Shown>,
    pub(crate) environment: Option<EnvironmentId>,
    /// The one name in it that is asked for.
    pub(crate) name: Option<SecretName>,
    /// Whether it may change something.
    pub(crate) changes: bool,
}

impl About {
    /// Of what a node does by itself, or for who asks how it is. It leaves no row of the record.
    pub(crate) fn of_node(address: IpAddr, changes: bool) -> Self {
        Self {
            request: RequestId::new(hazmat::random()),
            address,
            action: Action::NodeStart,
            token: None,
            environment: None,
            name: None,
            changes,
        }
    }
}

/// See the top.
pub(crate) struct Desk<'a> {
    sql: &'a mut dyn Sql,
    memo: &'a mut Memo,
    shelf: &'a mut Shelf,
    now: i64,
    /// What rows of this job begin with; it learns while the job does.
    pub(crate) entry: AuditEntry,
    entries: Vec<AuditEntry>,
    chain: Chain,
    ends_chain: bool,
    is_marked: bool,
    broken: Option<SqlError>,
}

/// What a job leaves.
pub(super) struct Leavings {
    pub(super) entries: Vec<AuditEntry>,
    /// What a row that says more would begin with.
    pub(super) entry: AuditEntry,
    /// Rows from here on belong to another chain.
    pub(super) ends_chain: bool,
    /// The transaction cannot go on.
    pub(super) broken: Option<SqlError>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(
        sql: &'a mut dyn Sql,
        (memo, shelf): (&'a mut Memo, &'a mut Shelf),
        now: i64,
        about: &About,
        chain: Chain,
    ) -> Self {
        let entry = AuditEntry {
            at: now,
            address: about.address.to_string(),
            action: about.action,
            token: about.token.map(|shown| shown.id.to_string()).unwrap_or_default(),
            subject: about.environment.map(|id| id.to_string()).unwrap_or_default(),
            request: about.request.to_string(),
            ..AuditEntry::default()
        };
        let entries = Vec::with_capacity(1);
        Self {
            sql,
            memo,
            shelf,
            now,
            entry,
            entries,
            chain,
            ends_chain: false,
            is_marked: false,
            broken: None,
        }
    }

    /// How far this node's chain has come, with the rows of the jobs before this one.
    pub(crate) fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Has what this node writes from here on begin another chain.
    pub(crate) fn end_chain(&mut self) {
        self.ends_chain = true;
    }

    /// Milliseconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.now
    }

    pub(crate) fn token(&mut self, shown: Shown) -> Result<Option<TokenRow>, SqlError> {
        let found = self.memo.token(self.sql, shown);
        self.watch(found)
    }

    pub(crate) fn environment(
        &mut self,
        id: EnvironmentId,
    ) -> Result<Option<EnvironmentRow>, SqlError> {
        let found = self.memo.environment(self.sql, id);
        self.watch(found)
    }

    /// The newest version of a value, sealed: see [`Memo::secret`].
    pub(crate) fn secret(
        &mut self,
        environment: EnvironmentId,
        name: &SecretName,
    ) -> Result<Option<Row>, SqlError> {
        let found = self.memo.secret(self.sql, environment, name);
        self.watch(found)
    }

    /// The rows of statements about a whole environment, which are the same for as long as it
    /// has this revision, and its keys this wrapping. They are read once, and kept for a while.
    pub(crate) fn rows_at<const N: usize>(
        &mut self,
        environment: &EnvironmentRow,
        asked: [(&'static str, Cell); N],
    ) -> Result<Arc<Vec<Vec<Row>>>, SqlError> {
        let state = (environment.revision, environment.kek);
        if let Some(known) = self.shelf.find(environment.id, state) {
            return Ok(known);
        }
        let asked = asked.map(|(statement, cell)| (statement, vec![cell]));
        let found = self.sql.rows_of_all(&asked);
        let found = Arc::new(self.watch(found)?);
        self.shelf.put(environment.id, state, &found);
        Ok(found)
    }

    pub(crate) fn rows(
        &mut self,
        statement: &'static str,
        cells: &[Cell],
    ) -> Result<Vec<Row>, SqlError> {
        let found = self.sql.rows(statement, cells);
        self.watch(found)
    }

    /// The one row that there can be.
    pub(crate) fn row(
        &mut self,
        statement: &'static str,
        cells: &[Cell],
    ) -> Result<Option<Row>, SqlError> {
        Ok(self.rows(statement, cells)?.into_iter().next())
    }

    /// Changes rows, and tells how many.
    pub(crate) fn change(
        &mut self,
        statement: &'static str,
        cells: &[Cell],
    ) -> Result<u64, SqlError> {
        self.mark()?;
        self.memo.clear();
        let changed = self.sql.change(statement, cells);
        self.watch(changed)
    }

    /// Changes what no right and no place depends on, by the same statement with each of these
    /// sets of parameters.
    pub(crate) fn change_values(
        &mut self,
        statement: &'static str,
        sets: &[Vec<Cell>],
    ) -> Result<(), SqlError> {
        self.mark()?;
        let changed = self.sql.change_all(statement, sets);
        self.watch(changed)
    }

    /// Begins an environment's next revision.
    pub(crate) fn next_revision(&mut self, id: EnvironmentId) -> Result<i64, SqlError> {
        let next = self.environment(id)?.ok_or(SqlError::Shape(0))?.revision + 1;
        self.mark()?;
        let cells = [Cell::text(id), next.into()];
        let changed = self.sql.change("UPDATE environment SET revision = $2 WHERE id = $1", &cells);
        self.watch(changed)?;
        self.memo.note_revision(&id, next);
        Ok(next)
    }

    /// Takes one of a token's uses. `false` when none remains.
    pub(crate) fn use_up(&mut self, token: TokenId) -> Result<bool, SqlError> {
        self.mark()?;
        let changed = self.sql.change(
            "UPDATE token_use SET remaining = remaining - 1 WHERE token = $1 AND remaining > 0",
            &[Cell::text(token)],
        );
        let changed = self.watch(changed)?;
        self.memo.note_use(&token);
        Ok(changed == 1)
    }

    /// Leaves a row of the record, as far as [`Desk::entry`] says what it is.
    pub(crate) fn record(&mut self, outcome: Outcome) {
        self.entries.push(AuditEntry { outcome, ..self.entry.clone() });
    }

    /// What is changed from here on can be undone.
    fn mark(&mut self) -> Result<(), SqlError> {
        if !self.is_marked {
            let marked = self.sql.set_mark();
            self.watch(marked)?;
            self.is_marked = true;
        }
        Ok(())
    }

    fn watch<T>(&mut self, outcome: Result<T, SqlError>) -> Result<T, SqlError> {
        if let Err(error @ (SqlError::Conflict | SqlError::Failed(_))) = &outcome {
            self.broken = Some(match error {
                SqlError::Failed(text) => SqlError::Failed(text.clone()),
                _ => SqlError::Conflict,
            });
        }
        outcome
    }

    /// Ends the job: what it changed stays, or is undone.
    pub(super) fn leave(mut self, keep: bool) -> Leavings {
        if self.is_marked && self.broken.is_none() {
            let ended = if keep { self.sql.drop_mark() } else { self.sql.undo_to_mark() };
            if !keep {
                self.memo.clear();
            }
            let _ = self.watch(ended);
        }
        let Self { entries, entry, ends_chain, broken, .. } = self;
        let entries = if keep { entries } else { Vec::new() };
        Leavings { entries, entry, ends_chain: ends_chain && keep, broken }
    }
}
