//! SQLite: a file beside nothing else.
//!
//! Who deletes or replaces the file, or its log, while it is open takes what is written from
//! then on with it. So nothing is written, and nothing counts as written, unless both are still where
//! they were opened.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Statement, ToSql, params_from_iter};

use super::sql::{Cell, CommitError, Row, Sql, SqlError};

pub(crate) struct Sqlite {
    connection: Connection,
    file: Place,
    log: Place,
}

/// A file that has to stay where it is.
struct Place {
    path: PathBuf,
    /// The device and the number of the file, once it is there.
    known: Option<(u64, u64)>,
}

impl Sqlite {
    /// How many statements are kept ready.
    const STATEMENTS: usize = 256;

    /// Opens a store that is there.
    pub(crate) fn open(path: &Path) -> Result<Self, SqlError> {
        Self::open_with(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
    }

    /// Opens a store, or makes an empty one.
    pub(crate) fn create(path: &Path) -> Result<Self, SqlError> {
        Self::open_with(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)
    }

    fn open_with(path: &Path, flags: OpenFlags) -> Result<Self, SqlError> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.set_prepared_statement_cache_capacity(Self::STATEMENTS);
        // A statement is planned once, and not anew for each value that it is given.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        // What is answered is on the disk. A deleted row does not stay in the file.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;",
        )?;
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let (mut file, log) = (Place::new(path.to_owned()), Place::new(log.into()));
        file.check()?;
        Ok(Self { connection, file, log })
    }

    /// Refuses to go on when the files are not those that were opened.
    fn check(&mut self) -> Result<(), SqlError> {
        self.file.check()?;
        self.log.check()
    }

    /// The connection, for what is done to the file as a whole.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    fn prepared<T>(
        &self,
        statement: &'static str,
        run: impl FnOnce(&mut Statement<'_>) -> Result<T, rusqlite::Error>,
    ) -> Result<T, SqlError> {
        let mut prepared = self.connection.prepare_cached(&translate(statement))?;
        Ok(run(&mut prepared)?)
    }
}

impl Place {
    fn new(path: PathBuf) -> Self {
        Self { path, known: None }
    }

    fn check(&mut self) -> Result<(), SqlError> {
        let found = fs::metadata(&self.path).ok().map(|file| (file.dev(), file.ino()));
        // The log is made by the first one who writes.
        if self.known.is_none() {
            self.known = found;
        }
        if self.known == found {
            return Ok(());
        }
        Err(SqlError::Failed("SQLite: its file is not where it was".to_owned()))
    }
}

/// From PostgreSQL's spelling. There is one writer, so no row need be locked.
fn translate(statement: &str) -> String {
    let end = [" FOR SHARE", " FOR UPDATE"].iter().find_map(|lock| statement.find(lock));
    let statement = end.and_then(|end| statement.get(..end)).unwrap_or(statement);
    statement.replace('$', "?")
}

impl Sql for Sqlite {
    fn begin(&mut self) -> Result<(), SqlError> {
        self.change("BEGIN IMMEDIATE", &[]).map(drop)
    }

    fn commit(&mut self) -> Result<(), SqlError> {
        self.change("COMMIT", &[])?;
        self.check()
    }

    fn insert_and_commit(
        &mut self,
        statement: &'static str,
        sets: &[Vec<Cell>],
    ) -> Result<(), CommitError> {
        self.change_all(statement, sets).map_err(CommitError::Before)?;
        self.commit().map_err(CommitError::Unknown)
    }

    fn roll_back(&mut self) -> Result<(), SqlError> {
        if self.connection.is_autocommit() {
            return Ok(());
        }
        self.change("ROLLBACK", &[]).map(drop)
    }

    fn set_mark(&mut self) -> Result<(), SqlError> {
        self.change("SAVEPOINT mark", &[]).map(drop)
    }

    fn drop_mark(&mut self) -> Result<(), SqlError> {
        self.change("RELEASE mark", &[]).map(drop)
    }

    fn undo_to_mark(&mut self) -> Result<(), SqlError> {
        self.change("ROLLBACK TO mark", &[])?;
        self.drop_mark()
    }

    fn rows(&mut self, statement: &'static str, cells: &[Cell]) -> Result<Vec<Row>, SqlError> {
        self.prepared(statement, |prepared| {
            let columns = prepared.column_count();
            let mut found = prepared.query(params_from_iter(cells))?;
            let mut rows = Vec::new();
            while let Some(row) = found.next()? {
                let cells = (0..columns).map(|at| row.get_ref(at).map(cell));
                rows.push(Row(cells.collect::<Result<_, _>>()?));
            }
            Ok(rows)
        })
    }

    fn change(&mut self, statement: &'static str, cells: &[Cell]) -> Result<u64, SqlError> {
        self.prepared(statement, |prepared| {
            prepared.execute(params_from_iter(cells)).map(|count| count as u64)
        })
    }

    fn change_all(&mut self, statement: &'static str, sets: &[Vec<Cell>]) -> Result<(), SqlError> {
        self.prepared(statement, |prepared| {
            sets.iter().try_for_each(|set| prepared.execute(params_from_iter(set)).map(drop))
        })
    }

    fn rows_of_all(
        &mut self,
        asked: &[(&'static str, Vec<Cell>)],
    ) -> Result<Vec<Vec<Row>>, SqlError> {
        asked.iter().map(|(statement, cells)| self.rows(statement, cells)).collect()
    }

    fn renew(&mut self) -> Result<(), SqlError> {
        self.check()
    }

    fn batch(&mut self, statements: &str) -> Result<(), SqlError> {
        let statements = statements
            .replace("BIGINT", "INTEGER")
            .replace("BYTEA", "BLOB")
            .replace("\n);", "\n) STRICT;");
        Ok(self.connection.execute_batch(&statements)?)
    }

    fn is_far(&self) -> bool {
        false
    }

    fn clock(&self) -> Option<&'static str> {
        None
    }
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Integer(number) => Cell::Number(number),
        // No column holds a real number.
        ValueRef::Null | ValueRef::Real(_) => Cell::Null,
        ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
    }
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Number(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

impl From<rusqlite::Error> for SqlError {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error();
        match code.map(|code| (code.code, code.extended_code)) {
            Some((ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _)) => Self::Conflict,
            // The unique and the primary-key constraint.
            Some((ErrorCode::ConstraintViolation, 2067 | 1555)) => Self::Twice,
            // The texts of SQLite name tables and columns, never what stands in them.
            Some((code, extended)) => Self::Failed(format!("SQLite: {code:?}, {extended}")),
            // A statement that it does not understand, which holds no value.
            None => Self::Failed(format!("SQLite: {error}")),
        }
    }
}
