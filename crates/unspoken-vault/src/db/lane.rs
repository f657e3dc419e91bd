//! The lane: all that waits goes into one transaction, with its rows of the record, and
//! is answered when that is durable.
//!
//! Rules:
//! - No answer leaves before the commit that holds its row.
//! - A job that fails leaves nothing but its row. A batch that fails is tried again; nothing is
//!   tried again once a commit was begun.
//! - After a commit whose outcome is not known, the node begins another chain.
//! - What nobody waits for any more, and was not begun, is not done.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use thiserror::Error;
use tokio::sync::oneshot;
use unspoken_model::{AuditEntry, NodeId, Outcome};

use super::desk::{About, Desk, Leavings};
use super::memo::Memo;
use super::refusal::RefusalMeter;
use super::shelf::Shelf;
use super::sql::{Cell, CommitError, Sql, SqlError};
use crate::audit::{Chain, Link};
use crate::hazmat;
use crate::problem::Problem;

/// The way into the one thread that has the connection.
#[derive(Clone)]
pub(crate) struct Lane {
    jobs: SyncSender<Box<dyn Job>>,
    /// How many rows were written into the record.
    written: Arc<AtomicU64>,
}

/// That a node cannot begin.
#[derive(Debug, Error)]
pub(crate) enum LaneError {
    #[error(transparent)]
    Sql(#[from] SqlError),
    #[error("no thread could be started ({0})")]
    Thread(#[from] std::io::Error),
}

/// What the lane does with a job, whatever it answers.
trait Job: Send {
    fn about(&self) -> &About;
    /// Whether somebody still waits for its answer.
    fn is_awaited(&self) -> bool;
    /// Runs it. May be called again when the transaction failed.
    fn run(&mut self, desk: &mut Desk<'_>);
    /// What came of it.
    fn problem(&self) -> Option<&Problem>;
    /// Answers: with what came of it, or with why that is not durable.
    fn settle(self: Box<Self>, durable: Result<(), Problem>);
}

/// What a job does.
type Work<T> = Box<dyn FnMut(&mut Desk<'_>) -> Result<T, Problem> + Send>;

struct Ticket<T> {
    about: About,
    work: Work<T>,
    outcome: Option<Result<T, Problem>>,
    answer: oneshot::Sender<Result<T, Problem>>,
}

impl<T: Send> Job for Ticket<T> {
    fn about(&self) -> &About {
        &self.about
    }

    fn is_awaited(&self) -> bool {
        !self.answer.is_closed()
    }

    fn run(&mut self, desk: &mut Desk<'_>) {
        // Whatever went wrong in there is undone with what it changed, and concerns nobody else.
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.work)(desk)));
        self.outcome = Some(outcome.unwrap_or_else(|_| Err(Problem::internal())));
    }

    fn problem(&self) -> Option<&Problem> {
        self.outcome.as_ref().and_then(|outcome| outcome.as_ref().err())
    }

    fn settle(self: Box<Self>, durable: Result<(), Problem>) {
        let outcome = self.outcome.unwrap_or_else(|| Err(Problem::internal()));
        // Whoever has gone away needs no answer.
        let _ = self.answer.send(durable.and(outcome));
    }
}

impl Lane {
    /// How many may wait. More are told to come again.
    const QUEUE: usize = 4096;

    /// Begins to work over a connection, in a thread of its own that ends with the last way into
    /// the lane.
    pub(crate) fn open(sql: Box<dyn Sql>) -> Result<(Self, JoinHandle<()>), LaneError> {
        let (jobs, waiting) = sync_channel(Self::QUEUE);
        let written = Arc::new(AtomicU64::new(0));
        let mut worker = Worker {
            sql,
            chain: new_chain(),
            refusals: RefusalMeter::default(),
            shelf: Shelf::default(),
            written: Arc::clone(&written),
        };
        // The first row proves that the record can be written.
        worker.turn(Vec::new())?;
        let thread = std::thread::Builder::new()
            .name("lane".to_owned())
            .spawn(move || worker.work(&waiting))?;
        Ok((Self { jobs, written }, thread))
    }

    /// How many rows of the record this node has written.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Has something done in a transaction, and waits until it is durable. `work` may be run more
    /// than once.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        about: About,
        work: impl FnMut(&mut Desk<'_>) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let (answer, answered) = oneshot::channel();
        let ticket = Ticket { about, work: Box::new(work), outcome: None, answer };
        match self.jobs.try_send(Box::new(ticket)) {
            Ok(()) => answered.await.unwrap_or_else(|_| Err(Problem::unavailable())),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                Err(Problem::unavailable())
            }
        }
    }
}

fn new_chain() -> Chain {
    Chain::new(NodeId::new(hazmat::random()))
}

struct Worker {
    sql: Box<dyn Sql>,
    chain: Chain,
    refusals: RefusalMeter,
    shelf: Shelf,
    written: Arc<AtomicU64>,
}

impl Worker {
    /// How many jobs go into one transaction.
    const BATCH: usize = 256;

    fn work(&mut self, waiting: &Receiver<Box<dyn Job>>) {
        while let Ok(first) = waiting.recv() {
            let rest = waiting.try_iter().take(Self::BATCH - 1);
            let mut batch: Vec<_> = std::iter::once(first).chain(rest).collect();
            // Who was told that it cannot be done may have had it done elsewhere since.
            batch.retain(|job| job.is_awaited());
            if batch.is_empty() {
                continue;
            }
            // Nodes that lock the same rows lock them in the same order.
            batch.sort_by_key(|job| (job.about().environment, job.about().token));
            // What fails is told to those who wait.
            let _ = self.turn(batch);
        }
    }

    /// Does a batch, and answers its jobs.
    fn turn(&mut self, mut batch: Vec<Box<dyn Job>>) -> Result<(), SqlError> {
        let mut outcome = self.attempt(&mut batch);
        let mut tries = 0;
        while let Err(CommitError::Before(SqlError::Conflict)) = &outcome
            && tries < 3
        {
            tries += 1;
            outcome = self.attempt(&mut batch);
        }
        if let Err(CommitError::Before(_)) = &outcome
            && batch.len() > 1
        {
            // One of them may be what the others fail by.
            for job in batch.into_iter().filter(|job| job.is_awaited()) {
                let _ = self.turn(vec![job]);
            }
            return Ok(());
        }
        let durable = match outcome {
            Ok(()) => Ok(()),
            Err(CommitError::Before(error)) => Err(error),
            Err(CommitError::Unknown(error)) => {
                self.chain = new_chain();
                Err(error)
            }
        };
        for job in batch {
            job.settle(durable.as_ref().copied().map_err(|_| Problem::unavailable()));
        }
        durable
    }

    fn attempt(&mut self, batch: &mut [Box<dyn Job>]) -> Result<(), CommitError> {
        let chain = self.chain.clone();
        let outcome = self.write(batch);
        if outcome.is_err() {
            // What was read beside changes that are undone was never so.
            self.shelf = Shelf::default();
        }
        match outcome {
            Err(CommitError::Before(error)) => {
                self.chain = chain;
                if self.sql.roll_back().is_err() {
                    // The next batch begins with a connection that works, or fails.
                    let _ = self.sql.renew();
                }
                Err(CommitError::Before(error))
            }
            outcome => outcome,
        }
    }

    fn write(&mut self, batch: &mut [Box<dyn Job>]) -> Result<(), CommitError> {
        let rows = self.perform(batch).map_err(CommitError::Before)?;
        self.sql.insert_and_commit(Link::INSERT, &rows)?;
        self.written.fetch_add(rows.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Does all jobs within a transaction, and tells the rows of the record that they leave.
    fn perform(&mut self, batch: &mut [Box<dyn Job>]) -> Result<Vec<Vec<Cell>>, SqlError> {
        self.sql.renew()?;
        self.sql.begin()?;
        let mut memo = Memo::default();
        let now = memo.prepare(&mut *self.sql, batch.iter().map(|job| job.about()))?;
        let mut rows = Vec::with_capacity(batch.len() + 1);
        if batch.is_empty() {
            self.begin_chain(now, &mut rows)?;
        }
        for job in batch {
            // The database may have been waited for since.
            if !job.is_awaited() {
                continue;
            }
            let about = job.about().clone();
            let chain = self.chain.clone();
            let held = (&mut memo, &mut self.shelf);
            let mut desk = Desk::new(&mut *self.sql, held, now, &about, chain);
            job.run(&mut desk);
            let problem = job.problem().cloned();
            let Leavings { mut entries, entry, ends_chain, broken } = desk.leave(problem.is_none());
            if let Some(broken) = broken {
                return Err(broken);
            }
            if let Some(problem) = problem {
                entries.extend(self.of_problem(&problem, entry, now));
            }
            if !entries.is_empty() && self.chain.seq == 0 {
                self.begin_chain(now, &mut rows)?;
            }
            let node = self.chain.node;
            rows.extend(entries.into_iter().map(|entry| self.chain.push(entry).cells(&node)));
            if ends_chain {
                self.chain = new_chain();
            }
        }
        Ok(rows)
    }

    /// Writes the first row of a chain, and that there is one.
    fn begin_chain(&mut self, now: i64, rows: &mut Vec<Vec<Cell>>) -> Result<(), SqlError> {
        let node = self.chain.node;
        let statement = "INSERT INTO audit_chain (node, seq, state) VALUES ($1, 0, 0)";
        self.sql.change(statement, &[Cell::text(node)])?;
        rows.push(self.chain.push(Chain::first(now)).cells(&node));
        Ok(())
    }

    /// The rows that a job leaves which did not do what it was asked for.
    fn of_problem(&mut self, problem: &Problem, entry: AuditEntry, now: i64) -> Vec<AuditEntry> {
        if problem.kind.is_refusal() {
            return self.refusals.entries(AuditEntry { outcome: Outcome::Refused, ..entry }, now);
        }
        if problem.wanted.is_some() {
            return Vec::new();
        }
        // A request that says nothing of anybody's is nobody's matter.
        let is_known = !entry.actor.is_empty();
        if is_known { vec![AuditEntry { outcome: Outcome::Failed, ..entry }] } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use unspoken_model::{Action, RequestId};

    use super::super::{Sqlite, migrate};
    use super::*;

    fn lane(folder: &std::path::Path) -> (Lane, JoinHandle<()>) {
        let mut sql = Sqlite::create(&folder.join("vault.db")).unwrap();
        migrate(&mut sql).unwrap();
        Lane::open(Box::new(sql)).unwrap()
    }

    fn about() -> About {
        About {
            request: RequestId::new([1; 16]),
            address: std::net::IpAddr::from([127, 0, 0, 1]),
            action: Action::TeamMake,
            token: None,
            environment: None,
            name: None,
            changes: true,
        }
    }

    fn add(desk: &mut Desk<'_>, name: &str) -> Result<u64, SqlError> {
        let cells = [name.into(), name.into(), 1.into()];
        desk.change("INSERT INTO team (id, name, made) VALUES ($1, $2, $3)", &cells)
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_not_done() {
        let folder = tempfile::tempdir().unwrap();
        let (lane, thread) = lane(folder.path());
        let (go, gate) = sync_channel::<()>(0);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let teams = runtime.block_on(async {
            let slow = lane.run(about(), move |_| gate.recv().map_err(|_| Problem::internal()));
            let mut slow = Box::pin(slow);
            assert!((&mut slow).now_or_never().is_none());
            let mut given_up = Box::pin(lane.run(about(), |desk| Ok(add(desk, "late")?)));
            assert!((&mut given_up).now_or_never().is_none());
            drop(given_up);
            go.send(()).unwrap();
            slow.await.unwrap();
            let count = "SELECT COUNT(*) FROM team";
            lane.run(about(), move |desk| Ok(desk.rows(count, &[])?)).await.unwrap()
        });
        assert_eq!(teams[0].number(0).unwrap(), 0);
        drop(lane);
        thread.join().unwrap();
    }

    #[test]
    fn a_job_that_panics_is_undone_and_concerns_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let (lane, thread) = lane(folder.path());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let teams = runtime.block_on(async {
            let good = lane.run(about(), move |desk| Ok(add(desk, "before")?));
            let bad = lane.run(about(), move |desk| {
                add(desk, "never")?;
                assert_eq!(desk.now(), 0, "a mistake of ours");
                Ok(())
            });
            let after = lane.run(about(), move |desk| Ok(add(desk, "after")?));
            let (good, bad, after) = tokio::join!(good, bad, after);
            assert_eq!((good.unwrap(), after.unwrap()), (1, 1));
            assert_eq!(bad.unwrap_err().kind, crate::problem::Kind::Internal);
            let list = |desk: &mut Desk<'_>| Ok(desk.rows("SELECT id FROM team ORDER BY id", &[])?);
            lane.run(about(), list).await.unwrap()
        });
        let teams: Vec<_> = teams.iter().map(|row| row.text(0).unwrap()).collect();
        assert_eq!(teams, ["after", "before"]);
        drop(lane);
        thread.join().unwrap();
    }
}
