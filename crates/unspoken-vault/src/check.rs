//! Looks at all of a store: whether it can be opened, read, and believed. Writes nothing.

use std::collections::HashMap;
use std::io::{self, Write};

use unspoken_model::{EnvironmentId, PersonId, ProjectId, SecretName, TeamId};

use crate::audit::{Expected, Exporter, Identity, Summary, Verifier};
use crate::db::{Cell, Row, Sql, SqlError, Sqlite, migrate, newest, version};
use crate::hazmat;
use crate::key::{Address, ProjectKey, Purpose, SealedValue};
use crate::opened::{Opened, identity};

/// One thing that was looked at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Finding {
    pub(crate) what: &'static str,
    pub(crate) is_fine: bool,
    pub(crate) said: String,
}

/// How much of a store is looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Extent {
    /// Some values, and the record since a time.
    Sample {
        since: i64,
    },
    All,
}

/// How many values are a sample, and how many are held at once.
const SAMPLE: usize = 1000;
const PAGE: i64 = 500;

/// Looks at what needs no master key.
pub(crate) fn check_tables(sql: &mut dyn Sql, is_sqlite: bool) -> Result<Vec<Finding>, SqlError> {
    let (found, newest) = (version(sql)?, newest());
    let said = format!("version {found}, this program knows {newest}");
    let mut findings = vec![Finding { what: "tables", is_fine: found == newest, said }];
    if is_sqlite {
        let rows = sql.rows("PRAGMA integrity_check(1)", &[])?;
        let said = rows.first().map_or(Ok("nothing"), |row| row.text(0))?.to_owned();
        findings.push(Finding { what: "file", is_fine: said == "ok", said });
        let is_ours = found != newest || shape(sql)? == expected_shape()?;
        let said = if is_ours { "as this program makes it" } else { "somebody has changed it" };
        findings.push(Finding { what: "schema", is_fine: is_ours, said: said.to_owned() });
    }
    Ok(findings)
}

/// Tables, indexes, views and triggers: who can write to the file could leave one that acts.
fn shape(sql: &mut dyn Sql) -> Result<Vec<(String, String)>, SqlError> {
    let rows = sql.rows(
        "SELECT type || ' ' || name || ' ' || tbl_name, COALESCE(sql, '') FROM sqlite_schema \
         ORDER BY type, name",
        &[],
    )?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))).collect()
}

fn expected_shape() -> Result<Vec<(String, String)>, SqlError> {
    let mut sql = Sqlite::create(std::path::Path::new(":memory:"))?;
    migrate(&mut sql)?;
    shape(&mut sql)
}

/// Looks at what was sealed and signed.
pub(crate) fn check_content(opened: &mut Opened, extent: Extent) -> Result<Vec<Finding>, SqlError> {
    let said = format!("fits, version {}", opened.kek);
    let fits = Finding { what: "master key", is_fine: true, said };
    let (keys, of_keys) = project_keys(opened)?;
    let values = values(opened, &keys, extent)?;
    let factors = second_factors(opened)?;
    Ok(vec![fits, of_keys, values, factors, record(opened, extent)?])
}

type Keys = HashMap<(ProjectId, i64), ProjectKey>;

fn project_keys(opened: &mut Opened) -> Result<(Keys, Finding), SqlError> {
    let rows = opened.sql.rows(
        "SELECT p.team, p.id, k.version, k.kek, k.wrapped FROM project p \
         LEFT JOIN project_key k ON k.project = p.id ORDER BY p.id, k.version",
        &[],
    )?;
    let mut keys = Keys::new();
    let mut wrong = Vec::new();
    for row in &rows {
        match project_key(opened, row)? {
            Ok((id, key)) => drop(keys.insert(id, key)),
            Err(said) => wrong.push(said),
        }
    }
    let said = match wrong.first() {
        Some(first) => format!("{} of {} cannot be used, first {first}", wrong.len(), rows.len()),
        None => format!("{} can be used", rows.len()),
    };
    Ok((keys, Finding { what: "project keys", is_fine: wrong.is_empty(), said }))
}

type Named = Result<((ProjectId, i64), ProjectKey), String>;

fn project_key(opened: &Opened, row: &Row) -> Result<Named, SqlError> {
    let (team, project): (TeamId, ProjectId) = (row.parsed(0)?, row.parsed(1)?);
    let (Some(version), Some(kek), Some(wrapped)) =
        (row.maybe_number(2)?, row.maybe_number(3)?, row.maybe_bytes(4)?)
    else {
        return Ok(Err(format!("{project}, which has none")));
    };
    let address = Address::project(&opened.deployment, &team, &project).wrapped_by(kek);
    let key = opened.master.unwrap_key(Purpose::ProjectKey, &address, wrapped);
    Ok(match key {
        Ok(key) if kek == opened.kek => Ok(((project, version), ProjectKey::new(key))),
        // It is not said to be wrong because nobody could tell.
        Err(error) if !error.is_refusal() => Err(format!("{project}, version {version}: {error}")),
        _ => Err(format!("{project}, version {version}")),
    })
}

const VALUES: &str = "SELECT v.environment, v.name, v.version, v.key_version, v.wrapped, v.sealed, e.team, \
     e.project FROM secret_version v JOIN environment e ON e.id = v.environment \
     WHERE (v.environment, v.name, v.version) > ($1, $2, $3) AND v.sealed IS NOT NULL \
     ORDER BY v.environment, v.name, v.version LIMIT $4";

/// Opens values and forgets them.
fn values(opened: &mut Opened, keys: &Keys, extent: Extent) -> Result<Finding, SqlError> {
    // A sample begins anywhere, so that another one is taken each time.
    let begin = match extent {
        Extent::All => String::new(),
        Extent::Sample { .. } => EnvironmentId::new(hazmat::random()).to_string(),
    };
    let mut place = (begin, String::new(), 0);
    let (mut count, mut wrong, mut first) = (0_usize, 0_usize, None);
    let mut may_wrap = extent != Extent::All;
    loop {
        let (environment, name, version) = &place;
        let cells = [environment.as_str().into(), name.as_str().into(), (*version).into()];
        let [environment, name, version] = cells;
        let rows = opened.sql.rows(VALUES, &[environment, name, version, Cell::Number(PAGE)])?;
        for row in &rows {
            count += 1;
            if !opens(opened, keys, row)? {
                wrong += 1;
                first.get_or_insert(format!("`{}` in {}", row.text(1)?, row.text(0)?));
            }
        }
        let is_enough = extent != Extent::All && count >= SAMPLE;
        match rows.last() {
            _ if is_enough => break,
            Some(last) => place = (last.text(0)?.into(), last.text(1)?.into(), last.number(2)?),
            None if may_wrap => {
                // From the beginning, where a small store is looked at in part twice.
                place = (String::new(), String::new(), 0);
                may_wrap = false;
            }
            None => break,
        }
    }
    let said = match first {
        Some(first) => format!("{wrong} of {count} cannot be opened, first {first}"),
        None if extent == Extent::All => format!("all {count} can be opened"),
        None => format!("a sample of {count} can be opened"),
    };
    Ok(Finding { what: "values", is_fine: wrong == 0, said })
}

fn opens(opened: &Opened, keys: &Keys, row: &Row) -> Result<bool, SqlError> {
    let (team, project): (TeamId, ProjectId) = (row.parsed(6)?, row.parsed(7)?);
    let (environment, name): (EnvironmentId, SecretName) = (row.parsed(0)?, row.parsed(1)?);
    let (version, key_version) = (row.number(2)?, row.number(3)?);
    let address = Address::project(&opened.deployment, &team, &project);
    let address = address.version(&environment, &name, version);
    let wrapped = row.maybe_bytes(4)?.unwrap_or_default().to_vec();
    let value = SealedValue { wrapped, sealed: row.bytes(5)?.to_vec() };
    let key = keys.get(&(project, key_version));
    Ok(key.is_some_and(|key| key.open(&address, key_version, &value).is_ok()))
}

fn second_factors(opened: &mut Opened) -> Result<Finding, SqlError> {
    let sql = "SELECT id, totp FROM person WHERE totp IS NOT NULL ORDER BY id";
    let rows = opened.sql.rows(sql, &[])?;
    let mut first = None;
    for row in &rows {
        let id: PersonId = row.parsed(0)?;
        let address = Address::own(&opened.deployment, "totp", &id.to_string());
        let found = opened.master.unwrap_key(Purpose::Own, &address, row.bytes(1)?);
        first = first.or_else(|| found.is_err().then_some(id));
    }
    let said = match first {
        Some(first) => format!("that of {first} cannot be opened"),
        None => format!("{} can be opened", rows.len()),
    };
    Ok(Finding { what: "second factor", is_fine: first.is_none(), said })
}

fn record(opened: &mut Opened, extent: Extent) -> Result<Finding, SqlError> {
    let since = match extent {
        Extent::All => i64::MIN,
        Extent::Sample { since } => since,
    };
    let (is_fine, said) = match verify_record(opened, since)? {
        Ok(Summary { rows, heads, unsigned, after, .. }) => {
            let from = if after > 0 { format!(" behind head {after}") } else { String::new() };
            (true, format!("{rows} rows and {heads} heads{from}, {unsigned} rows not yet signed"))
        }
        Err(said) => (false, said),
    };
    Ok(Finding { what: "record", is_fine, said })
}

/// Verifies the record as an auditor would, by the key that the master key opens.
pub(crate) fn verify_record(
    opened: &mut Opened,
    since: i64,
) -> Result<Result<Summary, String>, SqlError> {
    let said: Identity = match identity(&mut *opened.sql) {
        Ok(identity) => identity,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let pinned = opened.signing.public().try_into().map_err(|_| SqlError::Shape(0))?;
    let mut lines = Lines {
        verifier: Verifier::new(Expected { key: Some(pinned), head: None }),
        begun: Vec::new(),
    };
    // What cannot be read in the table is no record either.
    let exported = Exporter::new(&mut *opened.sql, &mut lines).run(said, since);
    Ok(match exported {
        Ok(_) => lines.verifier.finish().map_err(|fault| fault.to_string()),
        Err(error) => Err(error.to_string()),
    })
}

/// Verifies what is written to it.
struct Lines {
    verifier: Verifier,
    begun: Vec<u8>,
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.begun.extend_from_slice(part);
            if let Some(line) = self.begun.strip_suffix(b"\n") {
                self.verifier.line(line).map_err(io::Error::other)?;
                self.begun.clear();
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
