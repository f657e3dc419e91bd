//! Reads names and sealed values.

use std::sync::Arc;

use unspoken_model::SecretName;

use crate::access::Permit;
use crate::db::{Cell, Desk, EnvironmentRow, Row};
use crate::http::{Asked, SealedItem};
use crate::key::{Address, SealedValue};
use crate::problem::{Problem, WrappedKey};

/// A project's wrapped key, and its version.
pub(crate) type VersionedKey = (i64, WrappedKey);

/// Name, version, revision, expiry, time and author of all that is there.
pub(crate) fn names(desk: &mut Desk<'_>, permit: &Permit) -> Result<Vec<Row>, Problem> {
    Ok(desk.rows(
        "SELECT s.name, s.version, v.revision, v.expiry, v.made, v.author FROM secret s \
         JOIN secret_version v ON v.environment = s.environment AND v.name = s.name \
         AND v.version = s.version WHERE s.environment = $1 ORDER BY s.name",
        &[Cell::text(permit.row()?.id)],
    )?)
}

/// Version, revision, time, author, and 1 where there is a value, newest first.
pub(crate) fn versions(
    desk: &mut Desk<'_>,
    permit: &Permit,
    name: &SecretName,
) -> Result<Vec<Row>, Problem> {
    Ok(desk.rows(
        "SELECT version, revision, made, author, \
         CAST(CASE WHEN sealed IS NULL THEN 0 ELSE 1 END AS BIGINT) FROM secret_version \
         WHERE environment = $1 AND name = $2 ORDER BY version DESC",
        &[Cell::text(permit.row()?.id), name.as_str().into()],
    )?)
}

/// All values of an environment as it is now, sealed.
pub(crate) fn values(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
) -> Result<Vec<SealedItem>, Problem> {
    let environment = permit.row()?;
    let found = whole(desk, environment)?;
    let rows = found.first().ok_or_else(Problem::internal)?;
    rows.iter().map(|row| item(permit, asked, row)).collect()
}

const KEYS: &str =
    "SELECT version, kek, wrapped FROM project_key WHERE project = $1 ORDER BY version";

/// All of an environment's values, and the keys of its project.
fn whole(desk: &mut Desk<'_>, environment: &EnvironmentRow) -> Result<Arc<Vec<Vec<Row>>>, Problem> {
    const VALUES: &str = "SELECT s.name, s.version, v.expiry, v.key_version, v.wrapped, v.sealed \
         FROM secret s JOIN secret_version v ON v.environment = s.environment AND v.name = s.name \
         AND v.version = s.version WHERE s.environment = $1 ORDER BY s.name";
    let asked = [(VALUES, Cell::text(environment.id)), (KEYS, Cell::text(environment.project))];
    Ok(desk.rows_at(environment, asked)?)
}

/// One value, of this version or the newest, with the key that it needs.
pub(crate) fn value(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
    name: &SecretName,
    version: Option<i64>,
) -> Result<Option<(SealedItem, VersionedKey)>, Problem> {
    let environment = permit.row()?;
    let row = match version {
        None => desk.secret(environment.id, name)?,
        Some(version) => desk.row(
            "SELECT v.name, v.version, v.expiry, v.key_version, v.wrapped, v.sealed, k.kek, k.wrapped \
             FROM secret_version v JOIN project_key k ON k.project = $3 AND k.version = v.key_version \
             WHERE v.environment = $1 AND v.name = $2 AND v.version = $4 AND v.sealed IS NOT NULL",
            &[
                Cell::text(environment.id),
                name.as_str().into(),
                Cell::text(environment.project),
                version.into(),
            ],
        )?,
    };
    let Some(row) = row else { return Ok(None) };
    let key = key(permit, asked, row.number(6)?, row.bytes(7)?)?;
    Ok(Some((item(permit, asked, &row)?, (row.number(3)?, key))))
}

/// All keys that a project has had and still needs, by their versions.
pub(crate) fn keys(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
) -> Result<Vec<VersionedKey>, Problem> {
    let found = whole(desk, permit.row()?)?;
    let rows = found.get(1).ok_or_else(Problem::internal)?;
    rows.iter().map(|row| versioned(permit, asked, row)).collect()
}

/// The same as they are now: older versions may have come under a new key since the environment was
/// changed last.
pub(super) fn keys_now(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
) -> Result<Vec<VersionedKey>, Problem> {
    let rows = desk.rows(KEYS, &[Cell::text(permit.row()?.project)])?;
    rows.iter().map(|row| versioned(permit, asked, row)).collect()
}

fn versioned(permit: &Permit, asked: &Asked, row: &Row) -> Result<VersionedKey, Problem> {
    Ok((row.number(0)?, key(permit, asked, row.number(1)?, row.bytes(2)?)?))
}

fn key(permit: &Permit, asked: &Asked, kek: i64, wrapped: &[u8]) -> Result<WrappedKey, Problem> {
    asked.expect_kek(kek)?;
    let environment = permit.row()?;
    let address = Address::project(&asked.deployment, &environment.team, &environment.project);
    Ok(WrappedKey { address: address.wrapped_by(kek), wrapped: wrapped.to_vec() })
}

pub(super) fn item(permit: &Permit, asked: &Asked, row: &Row) -> Result<SealedItem, Problem> {
    let (name, version): (SecretName, _) = (row.parsed(0)?, row.number(1)?);
    Ok(SealedItem {
        address: address(permit, asked, &name, version)?,
        name,
        version,
        expiry: row.maybe_text(2)?.map(str::to_owned),
        key_version: row.number(3)?,
        value: SealedValue { wrapped: row.bytes(4)?.to_vec(), sealed: row.bytes(5)?.to_vec() },
    })
}

/// Where one version of a value belongs.
pub(super) fn address(
    permit: &Permit,
    asked: &Asked,
    name: &SecretName,
    version: i64,
) -> Result<Address, Problem> {
    let environment = permit.row()?;
    let project = Address::project(&asked.deployment, &environment.team, &environment.project);
    Ok(project.version(&environment.id, name, version))
}
