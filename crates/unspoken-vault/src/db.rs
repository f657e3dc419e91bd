//! The database: one connection that writes, and what goes over it.
//!
//! Rules:
//! - All that is asked of the store and all that is changed goes through one lane of a
//!   node, each job in one transaction with its rows of the record. Jobs that wait
//!   are written together, and answered when that is durable.
//! - A statement is written once. What differs between SQLite and PostgreSQL is the
//!   driver's to translate.

mod desk;
mod lane;
mod memo;
mod postgres;
mod refusal;
mod schema;
mod shelf;
mod sql;
mod sqlite;

pub(crate) use desk::{About, Desk};
pub(crate) use lane::{Lane, LaneError};
pub(crate) use memo::{EnvironmentRow, Shown, TokenRow};
pub(crate) use postgres::{AddressError, Postgres, PostgresAddress};
pub(crate) use schema::{migrate, newest, version};
#[cfg(test)]
pub(crate) use sql::CommitError;
pub(crate) use sql::{Cell, Row, Sql, SqlError, own_time};
pub(crate) use sqlite::Sqlite;
