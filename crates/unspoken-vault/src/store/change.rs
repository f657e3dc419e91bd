//! Writes values: each change is a new version, and all of them one new revision.

use std::collections::BTreeSet;

use unspoken_model::{Expiry, SecretName};
use unspoken_seal::Secret;

use super::read::address;
use crate::access::Permit;
use crate::db::{Cell, Desk};
use crate::http::Asked;
use crate::key::{Address, ProjectKey};
use crate::problem::{Kind, Problem, WrappedKey};

/// What becomes of one name.
#[derive(Debug)]
pub(crate) enum Change {
    Set { name: SecretName, value: Secret, expiry: Option<Expiry> },
    Remove(SecretName),
}

/// How many names an environment has at most.
const NAMES: i64 = 10_000;

impl Change {
    pub(crate) fn name(&self) -> &SecretName {
        match self {
            Self::Set { name, .. } | Self::Remove(name) => name,
        }
    }
}

/// Makes all changes, or none. Tells the new revision.
pub(crate) fn change(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
    changes: Vec<Change>,
) -> Result<i64, Problem> {
    let environment = permit.row()?;
    let names: BTreeSet<_> = changes.iter().map(Change::name).collect();
    if changes.is_empty() || names.len() < changes.len() {
        return Err(Problem::invalid("a change has at least one name, and each of them once"));
    }
    // Before anything is changed: this may have to be begun anew.
    let (key_version, key) = current_key(desk, permit, asked)?;
    let (mut versions, mut shown) = (Vec::new(), Vec::new());
    let mut gone = Vec::new();
    let id = Cell::text(environment.id);
    let revision = desk.next_revision(environment.id)?;
    for change in changes {
        let (current, newest) = version(desk, &id, change.name())?;
        let next = newest + 1;
        let called = Cell::from(change.name().as_str());
        let (wrapped, sealed, expires) = match change {
            Change::Set { name, value, expiry } => {
                let sealed = key
                    .seal(
                        &address(permit, asked, &name, next)?,
                        key_version,
                        value.expose().as_bytes(),
                    )
                    .map_err(|_| Problem::internal())?;
                shown.push(vec![id.clone(), called.clone(), next.into()]);
                let expiry = expiry.map(|expiry| expiry.to_string());
                (Cell::Bytes(sealed.wrapped), Cell::Bytes(sealed.sealed), Cell::maybe(expiry))
            }
            Change::Remove(name) => {
                if current.is_none() {
                    return Err(Problem::missing(format!("there is no `{name}` here")));
                }
                gone.push(vec![id.clone(), called.clone()]);
                (Cell::Null, Cell::Null, Cell::Null)
            }
        };
        versions.push(vec![
            id.clone(),
            called,
            next.into(),
            revision.into(),
            key_version.into(),
            wrapped,
            sealed,
            expires,
            permit.caller().actor().into(),
            desk.now().into(),
        ]);
    }
    desk.change_values(
        "INSERT INTO secret_version (environment, name, version, revision, key_version, wrapped, \
         sealed, expiry, author, made) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &versions,
    )?;
    desk.change_values(
        "INSERT INTO secret (environment, name, version) VALUES ($1, $2, $3) \
         ON CONFLICT (environment, name) DO UPDATE SET version = excluded.version",
        &shown,
    )?;
    desk.change_values("DELETE FROM secret WHERE environment = $1 AND name = $2", &gone)?;
    if !shown.is_empty() {
        refuse_too_many(desk, &id)?;
    }
    Ok(revision)
}

/// The version that a name has now, and the newest that it ever had.
fn version(
    desk: &mut Desk<'_>,
    environment: &Cell,
    name: &SecretName,
) -> Result<(Option<i64>, i64), Problem> {
    let row = desk.row(
        "SELECT (SELECT version FROM secret WHERE environment = $1 AND name = $2), \
         COALESCE((SELECT MAX(version) FROM secret_version WHERE environment = $1 AND name = $2), 0)",
        &[environment.clone(), name.as_str().into()],
    )?;
    let row = row.ok_or_else(Problem::internal)?;
    Ok((row.maybe_number(0)?, row.number(1)?))
}

fn refuse_too_many(desk: &mut Desk<'_>, environment: &Cell) -> Result<(), Problem> {
    let row = desk.row(
        "SELECT COUNT(*) FROM secret WHERE environment = $1",
        std::slice::from_ref(environment),
    )?;
    let count = row.map(|row| row.number(0)).transpose()?.unwrap_or(0);
    if count > NAMES {
        let message = format!("an environment has at most {NAMES} names");
        return Err(Problem::new(Kind::TooLarge, message));
    }
    Ok(())
}

/// The key that new values of a project get.
fn current_key(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
) -> Result<(i64, ProjectKey), Problem> {
    let environment = permit.row()?;
    let id = Cell::text(environment.project);
    // It stays the newest until this is written: no value comes to an old key behind those that
    // are just moved away from it.
    let newest = "SELECT key_version FROM project WHERE id = $1 FOR SHARE";
    let newest =
        desk.row(newest, std::slice::from_ref(&id))?.ok_or_else(Problem::internal)?.number(0)?;
    let row = desk.row(
        "SELECT version, kek, wrapped FROM project_key WHERE project = $1 AND version = $2",
        &[id, newest.into()],
    )?;
    let row = row.ok_or_else(Problem::internal)?;
    asked.expect_kek(row.number(1)?)?;
    let address = Address::project(&asked.deployment, &environment.team, &environment.project);
    let address = address.wrapped_by(row.number(1)?);
    let key = asked.key(WrappedKey { address, wrapped: row.bytes(2)?.to_vec() })?;
    Ok((row.number(0)?, key))
}
