//! Tables. Each version is a list of statements that is never changed afterwards.

use super::sql::{Cell, Sql, SqlError};

/// The statements from one version to the next, oldest first.
const VERSIONS: &[&str] = &[include_str!("schema/1.sql")];

/// Brings the tables to the newest version, and tells which versions those were. Refuses a
/// store of a newer program.
pub(crate) fn migrate(sql: &mut dyn Sql) -> Result<(i64, i64), SqlError> {
    sql.batch("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL);")?;
    sql.begin()?;
    let outcome = migrate_within(sql);
    match &outcome {
        Ok(_) => sql.commit()?,
        Err(_) => sql.roll_back()?,
    }
    outcome
}

fn migrate_within(sql: &mut dyn Sql) -> Result<(i64, i64), SqlError> {
    let from = version(sql)?;
    let newest = newest();
    if from > newest {
        return Err(SqlError::Failed(format!(
            "its tables have version {from}, this program knows {newest}"
        )));
    }
    for (number, statements) in (1_i64..).zip(VERSIONS) {
        if number > from {
            sql.batch(statements)?;
            sql.change(
                "INSERT INTO schema_version (version) VALUES ($1)",
                &[Cell::Number(number)],
            )?;
        }
    }
    Ok((from, newest))
}

/// The version that this program works with.
pub(crate) fn newest() -> i64 {
    i64::try_from(VERSIONS.len()).unwrap_or(i64::MAX)
}

/// The version that the tables have; 0 where there are none.
pub(crate) fn version(sql: &mut dyn Sql) -> Result<i64, SqlError> {
    let rows = sql.rows("SELECT COALESCE(MAX(version), 0) FROM schema_version", &[])?;
    rows.first().map_or(Ok(0), |row| row.number(0))
}
