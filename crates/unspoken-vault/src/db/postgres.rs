//! PostgreSQL: any number of nodes on one store.

mod address;
mod tls;

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::future::try_join_all;
use tokio::runtime::Handle;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, NoTls, Socket, Statement};

pub(crate) use address::{AddressError, PostgresAddress};
use tls::Tls;

use super::sql::{Cell, CommitError, Row, Sql, SqlError};

/// One connection. Used by a thread that is none of the runtime's.
pub(crate) struct Postgres {
    runtime: Handle,
    config: Config,
    tls: Option<Tls>,
    client: Client,
    statements: HashMap<&'static str, Statement>,
    /// The same for inserting many rows at once.
    wide: HashMap<&'static str, Statement>,
    /// Whether a transaction is to begin with the next statements.
    is_due: bool,
}

impl Postgres {
    /// Connects. `runtime` drives the connection.
    pub(crate) fn open(runtime: Handle, address: PostgresAddress) -> Result<Self, SqlError> {
        let PostgresAddress { config, tls, .. } = address;
        let client = connect(&runtime, &config, tls.as_ref())?;
        let (statements, wide) = (HashMap::new(), HashMap::new());
        Ok(Self { runtime, config, tls, client, statements, wide, is_due: false })
    }

    fn statement(&mut self, text: &'static str) -> Result<Statement, SqlError> {
        if let Some(known) = self.statements.get(text) {
            return Ok(known.clone());
        }
        let statement = self.runtime.block_on(self.client.prepare(text))?;
        self.statements.insert(text, statement.clone());
        Ok(statement)
    }

    /// What inserts many rows as the statement inserts one.
    fn wide(&mut self, text: &'static str) -> Result<Statement, SqlError> {
        if let Some(known) = self.wide.get(text) {
            return Ok(known.clone());
        }
        let narrow = self.statement(text)?;
        let widened = widen(text, narrow.params());
        let widened = widened.ok_or_else(|| SqlError::Failed("no INSERT".to_owned()))?;
        let statement = self.runtime.block_on(self.client.prepare(&widened))?;
        self.wide.insert(text, statement.clone());
        Ok(statement)
    }

    fn plain(&mut self, statement: &str) -> Result<(), SqlError> {
        self.begun()?;
        Ok(self.runtime.block_on(self.client.batch_execute(statement))?)
    }

    /// Begins the transaction that is due, by itself.
    fn begun(&mut self) -> Result<(), SqlError> {
        if std::mem::take(&mut self.is_due) {
            self.runtime.block_on(self.client.batch_execute("BEGIN"))?;
        }
        Ok(())
    }
}

/// What each connection begins with. Where a database answers commits that are not on the disk yet,
/// this connection is answered when they are; what waits for more than that stays as it is. And no node
/// waits without end for a row that another one holds, which may have been stopped meanwhile. Whoever
/// has waited sees what was done, whatever the database's own setting.
const SESSION: &str = "SET default_transaction_isolation = 'read committed'; \
     SET lock_timeout = '8s'; SET idle_in_transaction_session_timeout = '10s'; \
     SELECT set_config('synchronous_commit', 'on', false) \
     WHERE current_setting('synchronous_commit', true) = 'off'";

/// How long it may take until there is a connection that can be used.
const CONNECT: Duration = Duration::from_secs(10);

fn connect(runtime: &Handle, config: &Config, tls: Option<&Tls>) -> Result<Client, SqlError> {
    match tls {
        Some(tls) => connect_by(runtime, config, tls.clone()),
        None => connect_by(runtime, config, NoTls),
    }
}

fn connect_by<T>(runtime: &Handle, config: &Config, tls: T) -> Result<Client, SqlError>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let connected = runtime.block_on(async {
        tokio::time::timeout(CONNECT, async {
            let connected = config.connect(tls).await;
            let (client, connection) = connected.map_err(|error| unconnected(&error))?;
            // It ends when the client is dropped; what failed is told to who asks next.
            tokio::spawn(async move { drop(connection.await) });
            client.batch_execute(SESSION).await?;
            Ok(client)
        })
        .await
    });
    connected.map_err(|_| SqlError::Failed("PostgreSQL: it does not answer".to_owned()))?
}

/// Why there is no connection. Nothing was asked over it yet that could be quoted.
fn unconnected(error: &tokio_postgres::Error) -> SqlError {
    let source = error.source();
    let refused = source
        .and_then(|source| source.downcast_ref::<io::Error>()?.get_ref())
        .and_then(|inside| inside.downcast_ref::<rustls::Error>());
    if let Some(refused) = refused {
        return SqlError::Failed(format!("PostgreSQL: no TLS with it ({refused})"));
    }
    if source.is_some_and(|source| source.to_string() == "server does not support TLS") {
        return SqlError::Failed("PostgreSQL: it speaks no TLS".to_owned());
    }
    match error.code() {
        Some(code) => SqlError::Failed(format!("PostgreSQL: {}", code.code())),
        None => SqlError::Failed("PostgreSQL: it cannot be reached".to_owned()),
    }
}

fn parameters(cells: &[Cell]) -> impl ExactSizeIterator<Item = &(dyn ToSql + Sync)> {
    cells.iter().map(|cell| cell as &(dyn ToSql + Sync))
}

/// The statement with a column of values in the place of each value.
fn widen(statement: &str, types: &[Type]) -> Option<String> {
    let (head, _) = statement.split_once(" VALUES (")?;
    let column = |(at, ty): (usize, &Type)| format!("${}::{}[]", at + 1, ty.name());
    let columns: Vec<String> = types.iter().enumerate().map(column).collect();
    Some(format!("{head} SELECT * FROM unnest({})", columns.join(", ")))
}

fn read(row: &tokio_postgres::Row) -> Result<Row, SqlError> {
    let cells = (0..row.len()).map(|at| row.try_get(at).map_err(SqlError::from));
    cells.collect::<Result<_, _>>().map(Row)
}

async fn query(
    client: &Client,
    statement: &Statement,
    cells: &[Cell],
) -> Result<Vec<Row>, SqlError> {
    let parameters: Vec<_> = parameters(cells).collect();
    client.query(statement, &parameters).await?.iter().map(read).collect()
}

impl Sql for Postgres {
    fn begin(&mut self) -> Result<(), SqlError> {
        self.is_due = true;
        Ok(())
    }

    fn commit(&mut self) -> Result<(), SqlError> {
        self.plain("COMMIT")
    }

    fn insert_and_commit(
        &mut self,
        statement: &'static str,
        sets: &[Vec<Cell>],
    ) -> Result<(), CommitError> {
        if sets.is_empty() {
            return self.commit().map_err(CommitError::Unknown);
        }
        let statement = self.wide(statement).map_err(CommitError::Before)?;
        self.begun().map_err(CommitError::Before)?;
        let columns: Vec<Vec<&Cell>> = (0..statement.params().len())
            .map(|at| sets.iter().filter_map(|set| set.get(at)).collect())
            .collect();
        let columns = columns.iter().map(|column| column as &(dyn ToSql + Sync));
        let (inserted, committed) = self.runtime.block_on(async {
            // The commit is sent before the rows are answered. After one that failed it undoes all.
            futures_util::future::join(
                self.client.execute_raw(&statement, columns),
                self.client.batch_execute("COMMIT"),
            )
            .await
        });
        match (inserted, committed) {
            (Ok(_), Ok(())) => Ok(()),
            // A refusal of the database's own: the rest was undone.
            (Err(error), Ok(())) if error.code().is_some() => {
                Err(CommitError::Before(error.into()))
            }
            (Err(error), _) | (_, Err(error)) => Err(CommitError::Unknown(error.into())),
        }
    }

    fn roll_back(&mut self) -> Result<(), SqlError> {
        if std::mem::take(&mut self.is_due) {
            return Ok(());
        }
        self.plain("ROLLBACK")
    }

    fn set_mark(&mut self) -> Result<(), SqlError> {
        self.plain("SAVEPOINT mark")
    }

    fn drop_mark(&mut self) -> Result<(), SqlError> {
        self.plain("RELEASE SAVEPOINT mark")
    }

    fn undo_to_mark(&mut self) -> Result<(), SqlError> {
        self.plain("ROLLBACK TO SAVEPOINT mark; RELEASE SAVEPOINT mark")
    }

    fn rows(&mut self, statement: &'static str, cells: &[Cell]) -> Result<Vec<Row>, SqlError> {
        let statement = self.statement(statement)?;
        self.begun()?;
        self.runtime.block_on(query(&self.client, &statement, cells))
    }

    fn change(&mut self, statement: &'static str, cells: &[Cell]) -> Result<u64, SqlError> {
        let statement = self.statement(statement)?;
        self.begun()?;
        Ok(self.runtime.block_on(self.client.execute_raw(&statement, parameters(cells)))?)
    }

    fn change_all(&mut self, statement: &'static str, sets: &[Vec<Cell>]) -> Result<(), SqlError> {
        let statement = self.statement(statement)?;
        self.begun()?;
        // All are sent before the first one is answered.
        let all = sets.iter().map(|set| self.client.execute_raw(&statement, parameters(set)));
        self.runtime.block_on(try_join_all(all))?;
        Ok(())
    }

    fn rows_of_all(
        &mut self,
        asked: &[(&'static str, Vec<Cell>)],
    ) -> Result<Vec<Vec<Row>>, SqlError> {
        let statements: Vec<_> =
            asked.iter().map(|(text, _)| self.statement(text)).collect::<Result<_, _>>()?;
        let all = statements
            .iter()
            .zip(asked)
            .map(|(statement, (_, cells))| query(&self.client, statement, cells));
        let is_due = std::mem::take(&mut self.is_due);
        self.runtime.block_on(async {
            let begin = async {
                if is_due {
                    self.client.batch_execute("BEGIN").await.map_err(SqlError::from)
                } else {
                    Ok(())
                }
            };
            let (first, found) = futures_util::future::join(begin, try_join_all(all)).await;
            first.and(found)
        })
    }

    fn batch(&mut self, statements: &str) -> Result<(), SqlError> {
        self.plain(statements)
    }

    fn renew(&mut self) -> Result<(), SqlError> {
        if self.client.is_closed() {
            self.is_due = false;
            self.statements.clear();
            self.wide.clear();
            self.client = connect(&self.runtime, &self.config, self.tls.as_ref())?;
        }
        Ok(())
    }

    fn is_far(&self) -> bool {
        true
    }

    fn clock(&self) -> Option<&'static str> {
        Some("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")
    }
}

impl ToSql for Cell {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Number(number) => number.to_sql_checked(ty, out),
            Self::Text(text) => text.as_str().to_sql_checked(ty, out),
            Self::Bytes(bytes) => bytes.as_slice().to_sql_checked(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        // Each variant judges for itself.
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Cell {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        match *ty {
            Type::INT8 => i64::from_sql(ty, raw).map(Self::Number),
            Type::BYTEA => Ok(Self::Bytes(raw.to_vec())),
            _ => <&str>::from_sql(ty, raw).map(Self::from),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT8 | Type::BYTEA | Type::TEXT | Type::VARCHAR)
    }
}

impl From<tokio_postgres::Error> for SqlError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.code() {
            Some(&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED) => {
                Self::Conflict
            }
            Some(&SqlState::UNIQUE_VIOLATION) => Self::Twice,
            // A message can quote what stands in a row; the code does not.
            Some(code) => Self::Failed(format!("PostgreSQL: {}", code.code())),
            None if error.is_closed() => {
                Self::Failed("PostgreSQL: the connection is closed".to_owned())
            }
            None => Self::Failed("PostgreSQL: it cannot be reached".to_owned()),
        }
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The configuration may hold a password.
        f.debug_struct("Postgres").finish_non_exhaustive()
    }
}

#[test]
fn a_statement_for_a_row_becomes_one_for_many() {
    assert_eq!(
        widen("INSERT INTO t (a, b) VALUES ($1, $2)", &[Type::INT8, Type::TEXT]).unwrap(),
        "INSERT INTO t (a, b) SELECT * FROM unnest($1::int8[], $2::text[])"
    );
    assert_eq!(widen("UPDATE t SET a = $1", &[Type::INT8]), None);
}
