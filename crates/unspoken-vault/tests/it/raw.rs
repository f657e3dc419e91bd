//! Statements to a vault's database, behind its back: what an administrator of the database can
//! do, or a thief.

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};
use unspoken_testkit::{Database, Vault};

/// A way into the database, which may do everything.
pub(crate) enum Raw {
    Sqlite(Connection),
    Postgres(Runtime, Client),
}

impl Raw {
    pub(crate) fn of(vault: &Vault) -> Self {
        match vault.database() {
            Database::Sqlite => {
                let connection = Connection::open(vault.file()).unwrap();
                connection.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
                connection
                    .execute_batch("PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF")
                    .unwrap();
                Self::Sqlite(connection)
            }
            Database::Postgres => {
                let (cluster, name) = vault.cluster();
                let url = cluster.superuser_url(name);
                let runtime = Runtime::new().unwrap();
                let (client, connection) =
                    runtime.block_on(tokio_postgres::connect(&url, NoTls)).unwrap();
                runtime.spawn(connection);
                let hurry = "SET synchronous_commit = off; SET session_replication_role = replica";
                runtime.block_on(client.batch_execute(hurry)).unwrap();
                Self::Postgres(runtime, client)
            }
        }
    }

    /// Performs statements in one transaction.
    #[track_caller]
    pub(crate) fn change(&self, statements: &str) {
        let statements = format!("BEGIN; {statements}; COMMIT");
        match self {
            Self::Sqlite(connection) => connection.execute_batch(&statements).unwrap(),
            Self::Postgres(runtime, client) => {
                runtime.block_on(client.batch_execute(&statements)).unwrap();
            }
        }
    }

    /// The rows of a statement, as texts. What is nothing is empty.
    #[track_caller]
    pub(crate) fn rows(&self, statement: &str) -> Vec<Vec<String>> {
        match self {
            Self::Sqlite(connection) => {
                let mut prepared = connection.prepare(statement).unwrap();
                let columns = prepared.column_count();
                let read = |row: &rusqlite::Row<'_>| {
                    (0..columns).map(|at| row.get_ref(at).map(text)).collect()
                };
                prepared.query_map([], read).unwrap().collect::<Result<_, _>>().unwrap()
            }
            Self::Postgres(runtime, client) => {
                let messages = runtime.block_on(client.simple_query(statement)).unwrap();
                let rows = messages.into_iter().filter_map(|message| match message {
                    SimpleQueryMessage::Row(row) => Some(row),
                    _ => None,
                });
                let cell = |row: &tokio_postgres::SimpleQueryRow, at| {
                    row.get(at).unwrap_or_default().to_owned()
                };
                rows.map(|row| (0..row.len()).map(|at| cell(&row, at)).collect()).collect()
            }
        }
    }

    #[track_caller]
    pub(crate) fn number(&self, statement: &str) -> i64 {
        self.rows(statement)[0][0].parse().unwrap()
    }

    /// How bytes are spelt in a statement.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> String {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self {
            Self::Sqlite(_) => format!("X'{hex}'"),
            Self::Postgres(..) => format!("'\\x{hex}'::bytea"),
        }
    }
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null | ValueRef::Real(_) => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// Demands that the rows of each chain are all there.
#[track_caller]
pub(crate) fn assert_chains(raw: &Raw) {
    let chains = raw.rows("SELECT node, MIN(seq), MAX(seq), COUNT(*) FROM audit GROUP BY node");
    assert!(!chains.is_empty());
    for chain in chains {
        assert_eq!((chain[1].as_str(), &chain[2]), ("1", &chain[3]), "a chain has a gap");
    }
}
