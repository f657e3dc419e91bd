//! Values: listed by name, handed out, changed.

use unspoken_model::{Expiry, Outcome, SecretName};
use unspoken_seal::Secret;
use unspoken_wire::vault::{
    NameBody, NameList, Nothing, RevisionBody, RollbackRequest, SecretRequest, SecretsRequest,
    VersionBody, VersionList,
};

use crate::access::{Holder, Permit};
use crate::db::Desk;
use crate::http::answer::{Handed, Head, Json, Sealed, Shape};
use crate::http::asked::Asked;
use crate::problem::Problem;
use crate::store::{self, Change};

/// Names, without touching a value.
pub(in crate::http) fn list(
    desk: &mut Desk<'_>,
    permit: &Permit,
    _: &Asked,
    _: &Nothing,
) -> Result<Json<NameList>, Problem> {
    let revision = permit.row()?.revision;
    let mut names = Vec::new();
    for row in store::names(desk, permit)? {
        let name: SecretName = row.parsed(0)?;
        if shows(permit, &name) {
            names.push(NameBody {
                name: name.to_string(),
                version: row.number(1)?,
                revision: row.number(2)?,
                expiry: row.maybe_text(3)?.map(str::to_owned),
                made: row.number(4)?,
                author: row.text(5)?.to_owned(),
            });
        }
    }
    desk.entry.revision = revision;
    desk.record(Outcome::Done);
    Ok(Json(NameList { revision, names }))
}

/// All values of an environment that the caller may see.
pub(in crate::http) fn reveal_all(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
    _: &Nothing,
) -> Result<Handed, Problem> {
    reveal_as(desk, permit, asked, Shape::Own)
}

/// The same, as somebody else's clients expect it.
pub(super) fn reveal_as(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
    shape: Shape,
) -> Result<Handed, Problem> {
    let head = head(permit)?;
    let revision = head.revision;
    desk.entry.revision = revision;
    desk.entry.names = match &permit.caller().holder {
        Holder::Machine(grant) => grant.names.as_ref().map_or("*".to_owned(), join),
        Holder::Person { .. } | Holder::Invited(_) => "*".to_owned(),
    };
    permit.caller().use_up(desk)?;
    if asked.has(revision) {
        desk.record(Outcome::Unchanged);
        return Ok(Handed::Unchanged(head));
    }
    let mut items = store::values(desk, permit, asked)?;
    items.retain(|item| shows(permit, &item.name));
    let mut keys = Vec::new();
    for (version, key) in store::keys(desk, permit, asked)? {
        if items.iter().any(|item| item.key_version == version) {
            keys.push((version, asked.key(key)?));
        }
    }
    desk.record(Outcome::Done);
    Ok(Handed::Values(Sealed { head, items, keys, shape }))
}

/// One value.
pub(in crate::http) fn reveal(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
    _: &Nothing,
) -> Result<Handed, Problem> {
    let name = asked.name()?;
    let head = head(permit)?;
    desk.entry.revision = head.revision;
    name.as_str().clone_into(&mut desk.entry.names);
    if !shows(permit, &name) {
        return Err(Problem::forbidden());
    }
    asked.allow_queries(&["version"])?;
    permit.caller().use_up(desk)?;
    let found = store::value(desk, permit, asked, &name, asked.query("version")?)?;
    let (item, (version, key)) =
        found.ok_or_else(|| Problem::missing(format!("there is no `{name}` here")))?;
    let keys = vec![(version, asked.key(key)?)];
    desk.record(Outcome::Done);
    Ok(Handed::Values(Sealed { head, items: vec![item], keys, shape: Shape::Own }))
}

fn head(permit: &Permit) -> Result<Head, Problem> {
    let row = permit.row()?;
    Ok(Head { revision: row.revision, offline: row.offline })
}

/// Several changes that are one revision.
pub(in crate::http) fn change(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
    body: &SecretsRequest,
) -> Result<Json<RevisionBody>, Problem> {
    let mut changes = Vec::with_capacity(body.set.len() + body.remove.len());
    for (name, secret) in &body.set {
        changes.push(set(name, secret)?);
    }
    for name in &body.remove {
        changes.push(Change::Remove(parse(name)?));
    }
    write(desk, permit, asked, changes)
}

pub(in crate::http) fn put(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
    body: &SecretRequest,
) -> Result<Json<RevisionBody>, Problem> {
    let change = set(asked.name()?.as_str(), body)?;
    write(desk, permit, asked, vec![change])
}

pub(in crate::http) fn remove(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
    _: &Nothing,
) -> Result<Json<RevisionBody>, Problem> {
    write(desk, permit, asked, vec![Change::Remove(asked.name()?)])
}

fn write(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
    changes: Vec<Change>,
) -> Result<Json<RevisionBody>, Problem> {
    asked.expect(permit.row()?.revision)?;
    desk.entry.names = join(changes.iter().map(Change::name));
    let revision = store::change(desk, permit, asked, changes)?;
    desk.entry.revision = revision;
    desk.record(Outcome::Done);
    Ok(Json(RevisionBody { revision }))
}

/// A name's older value, as a new version.
pub(in crate::http) fn roll_back(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
    body: &RollbackRequest,
) -> Result<Json<RevisionBody>, Problem> {
    let name = asked.name()?;
    name.as_str().clone_into(&mut desk.entry.names);
    let changes = store::to_version(desk, permit, asked, &name, body.to)?;
    write(desk, permit, asked, changes)
}

/// All of an environment as it was, as a new revision.
pub(in crate::http) fn roll_back_all(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
    body: &RollbackRequest,
) -> Result<Json<RevisionBody>, Problem> {
    let changes = store::to_revision(desk, permit, asked, body.to)?;
    if changes.is_empty() {
        // It is as it was.
        let revision = permit.row()?.revision;
        desk.entry.revision = revision;
        desk.record(Outcome::Unchanged);
        return Ok(Json(RevisionBody { revision }));
    }
    write(desk, permit, asked, changes)
}

/// The versions of one name, newest first.
pub(in crate::http) fn versions(
    desk: &mut Desk<'_>,
    permit: &Permit,
    asked: &Asked,
    _: &Nothing,
) -> Result<Json<VersionList>, Problem> {
    let name = asked.name()?;
    if !shows(permit, &name) {
        return Err(Problem::forbidden());
    }
    name.as_str().clone_into(&mut desk.entry.names);
    let rows = store::versions(desk, permit, &name)?;
    let version = |row: &crate::db::Row| {
        Ok(VersionBody {
            version: row.number(0)?,
            revision: row.number(1)?,
            made: row.number(2)?,
            author: row.text(3)?.to_owned(),
            removed: row.number(4)? == 0,
        })
    };
    let versions = rows.iter().map(version).collect::<Result<Vec<_>, Problem>>()?;
    if versions.is_empty() {
        return Err(Problem::missing(format!("there is no `{name}` here")));
    }
    desk.record(Outcome::Done);
    Ok(Json(VersionList { versions }))
}

fn shows(permit: &Permit, name: &SecretName) -> bool {
    match &permit.caller().holder {
        Holder::Machine(grant) => grant.shows(name),
        Holder::Person { .. } => true,
        Holder::Invited(_) => false,
    }
}

fn parse(name: &str) -> Result<SecretName, Problem> {
    SecretName::parse(name).map_err(|error| Problem::invalid(error.to_string()))
}

fn set(name: &str, request: &SecretRequest) -> Result<Change, Problem> {
    let name = parse(name)?;
    let value: Secret = request
        .value
        .secret()
        .map_err(|error| Problem::invalid(format!("the value of `{name}`: {error}")))?;
    let expiry = request.expiry.as_deref().map(Expiry::parse).transpose();
    let expiry =
        expiry.map_err(|error| Problem::invalid(format!("the expiry of `{name}`: {error}")))?;
    Ok(Change::Set { name, value, expiry })
}

fn join<'n>(names: impl IntoIterator<Item = &'n SecretName>) -> String {
    let names: Vec<_> = names.into_iter().map(SecretName::as_str).collect();
    names.join(" ")
}
