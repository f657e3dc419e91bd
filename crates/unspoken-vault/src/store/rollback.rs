//! What was there before, again: as new versions, so that nothing is lost by it.

use std::collections::BTreeSet;

use unspoken_model::{Expiry, SecretName};
use unspoken_seal::Secret;

use super::read::{item, keys_now, value};
use super::{Change, names};
use crate::access::Permit;
use crate::db::{Cell, Desk, SqlError};
use crate::http::{Asked, SealedItem};
use crate::problem::{Problem, WrappedKey};

/// What has to change for a name to have the value of an older version.
pub(crate) fn to_version(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
    name: &SecretName,
    version: i64,
) -> Result<Vec<Change>, Problem> {
    let found = value(desk, permit, asked, name, Some(version))?;
    let (item, key) = found.ok_or_else(|| {
        Problem::missing(format!("`{name}` has no version {version} with a value"))
    })?;
    Ok(vec![again(asked, item, &[key])?])
}

/// What has to change for an environment to be as it was at an older revision.
pub(crate) fn to_revision(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
    revision: i64,
) -> Result<Vec<Change>, Problem> {
    let environment = permit.row()?;
    if !(0..environment.revision).contains(&revision) {
        return Err(Problem::missing(format!("there is no revision {revision} to go back to")));
    }
    let mut now = Vec::new();
    for row in names(desk, permit)? {
        now.push((row.parsed::<SecretName>(0)?, row.number(1)?));
    }
    let rows = desk.rows(
        "SELECT v.name, v.version, v.expiry, v.key_version, v.wrapped, v.sealed FROM secret_version v \
         WHERE v.environment = $1 AND v.sealed IS NOT NULL AND v.version = \
         (SELECT MAX(w.version) FROM secret_version w WHERE w.environment = v.environment \
         AND w.name = v.name AND w.revision <= $2)",
        &[Cell::text(environment.id), revision.into()],
    )?;
    let then = rows.iter().map(|row| item(permit, asked, row)).collect::<Result<Vec<_>, _>>()?;
    let keys = keys_now(desk, permit, asked)?;
    let kept: BTreeSet<_> = then.iter().map(|item| item.name.clone()).collect();
    let gone = now.iter().map(|(name, _)| name).filter(|name| !kept.contains(*name));
    let mut changes: Vec<_> = gone.cloned().map(Change::Remove).collect();
    for item in then {
        if !now.contains(&(item.name.clone(), item.version)) {
            changes.push(again(asked, item, &keys)?);
        }
    }
    Ok(changes)
}

/// Sets the value that a version has.
fn again(asked: &Asked, item: SealedItem, keys: &[(i64, WrappedKey)]) -> Result<Change, Problem> {
    let key = keys.iter().find(|(version, _)| *version == item.key_version);
    let (_, key) = key.ok_or_else(Problem::internal)?;
    let opened = asked
        .key(key.clone())?
        .open(&item.address, item.key_version, &item.value)
        .map_err(|_| Problem::internal())?;
    let value = Secret::new(opened.to_vec()).map_err(|_| Problem::internal())?;
    let expiry = item.expiry.as_deref().map(Expiry::parse).transpose();
    let expiry = expiry.map_err(|_| SqlError::Shape(2))?;
    Ok(Change::Set { name: item.name, value, expiry })
}
