//! Statements and rows, whatever the database.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use thiserror::Error;

/// One transaction at a time over one connection.
///
/// Statements are spelt for PostgreSQL: `$1` is the first parameter, and `FOR SHARE` or
/// `FOR UPDATE`, where there is one, stands at the end.
pub(crate) trait Sql: Send {
    /// Begins a transaction, at the latest with its first statement.
    fn begin(&mut self) -> Result<(), SqlError>;
    fn commit(&mut self) -> Result<(), SqlError>;

    /// Inserts a row for each of these sets of parameters, by `INSERT INTO … VALUES ($1, …)`, and commits.
    fn insert_and_commit(
        &mut self,
        statement: &'static str,
        sets: &[Vec<Cell>],
    ) -> Result<(), CommitError>;
    fn roll_back(&mut self) -> Result<(), SqlError>;

    /// Begins a part of a transaction that can be undone by itself.
    fn set_mark(&mut self) -> Result<(), SqlError>;
    fn drop_mark(&mut self) -> Result<(), SqlError>;
    fn undo_to_mark(&mut self) -> Result<(), SqlError>;

    fn rows(&mut self, statement: &'static str, cells: &[Cell]) -> Result<Vec<Row>, SqlError>;

    /// Tells how many rows were changed.
    fn change(&mut self, statement: &'static str, cells: &[Cell]) -> Result<u64, SqlError>;

    /// Changes by the same statement with each of these sets of parameters.
    fn change_all(&mut self, statement: &'static str, sets: &[Vec<Cell>]) -> Result<(), SqlError>;

    /// The rows of each of these statements, which are begun in their order and need not wait for
    /// each other's rows.
    fn rows_of_all(
        &mut self,
        asked: &[(&'static str, Vec<Cell>)],
    ) -> Result<Vec<Vec<Row>>, SqlError>;

    /// Statements without parameters or rows, which need not be fast.
    fn batch(&mut self, statements: &str) -> Result<(), SqlError>;

    /// Makes a new connection where the old one is lost.
    fn renew(&mut self) -> Result<(), SqlError>;

    /// Whether each statement that is waited for costs a way to another process.
    fn is_far(&self) -> bool;

    /// A statement that tells the milliseconds since 1970, by the one clock that all nodes share;
    /// `None` where that is this process's own.
    fn clock(&self) -> Option<&'static str>;
}

/// What stands in a column, or for a parameter.
#[derive(Clone, PartialEq)]
pub(crate) enum Cell {
    Null,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// What a statement gives.
#[derive(Clone)]
pub(crate) struct Row(pub(crate) Vec<Cell>);

/// Whether anything of a transaction can be there that failed at its end.
#[derive(Debug)]
pub(crate) enum CommitError {
    /// Nothing of it.
    Before(SqlError),
    /// It may be there or not.
    Unknown(SqlError),
}

/// Why the database did not do it.
#[derive(Debug, Error)]
pub(crate) enum SqlError {
    /// It may well do it when it is asked again.
    #[error("the database was busy with somebody else's change")]
    Conflict,
    /// There is such a row already.
    #[error("there is one already")]
    Twice,
    #[error("the database failed ({0})")]
    Failed(String),
    /// A row does not hold what is always written there.
    #[error("a row of the database is not as it was written (column {0})")]
    Shape(usize),
}

/// Milliseconds since 1970, by this process's clock.
pub(crate) fn own_time() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Row {
    pub(crate) fn number(&self, at: usize) -> Result<i64, SqlError> {
        match self.0.get(at) {
            Some(Cell::Number(number)) => Ok(*number),
            _ => Err(SqlError::Shape(at)),
        }
    }

    pub(crate) fn maybe_number(&self, at: usize) -> Result<Option<i64>, SqlError> {
        match self.0.get(at) {
            Some(Cell::Number(number)) => Ok(Some(*number)),
            Some(Cell::Null) => Ok(None),
            _ => Err(SqlError::Shape(at)),
        }
    }

    pub(crate) fn text(&self, at: usize) -> Result<&str, SqlError> {
        match self.0.get(at) {
            Some(Cell::Text(text)) => Ok(text),
            _ => Err(SqlError::Shape(at)),
        }
    }

    pub(crate) fn maybe_text(&self, at: usize) -> Result<Option<&str>, SqlError> {
        match self.0.get(at) {
            Some(Cell::Text(text)) => Ok(Some(text)),
            Some(Cell::Null) => Ok(None),
            _ => Err(SqlError::Shape(at)),
        }
    }

    pub(crate) fn bytes(&self, at: usize) -> Result<&[u8], SqlError> {
        match self.0.get(at) {
            Some(Cell::Bytes(bytes)) => Ok(bytes),
            _ => Err(SqlError::Shape(at)),
        }
    }

    pub(crate) fn maybe_bytes(&self, at: usize) -> Result<Option<&[u8]>, SqlError> {
        match self.0.get(at) {
            Some(Cell::Bytes(bytes)) => Ok(Some(bytes)),
            Some(Cell::Null) => Ok(None),
            _ => Err(SqlError::Shape(at)),
        }
    }

    /// A text that is read as something.
    pub(crate) fn parsed<T: std::str::FromStr>(&self, at: usize) -> Result<T, SqlError> {
        self.text(at)?.parse().map_err(|_| SqlError::Shape(at))
    }

    pub(crate) fn maybe_parsed<T: std::str::FromStr>(
        &self,
        at: usize,
    ) -> Result<Option<T>, SqlError> {
        let text = self.maybe_text(at)?;
        text.map(|text| text.parse().map_err(|_| SqlError::Shape(at))).transpose()
    }
}

impl Cell {
    /// The text of anything that has one.
    pub(crate) fn text(text: impl fmt::Display) -> Self {
        Self::Text(text.to_string())
    }

    pub(crate) fn maybe<T: Into<Self>>(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Vec<u8>> for Cell {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&[u8]> for Cell {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

/// Columns hold ciphertext and hashes, and still nobody needs to see them.
impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Number(number) => write!(f, "Number({number})"),
            Self::Text(_) => f.write_str("Text(..)"),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
        }
    }
}
