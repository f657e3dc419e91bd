//! A store that was opened: whose master key fits, and whose tables are this program's.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use thiserror::Error;
use tokio::runtime::Handle;
use unspoken_model::DeploymentId;

use crate::audit::Identity;
use crate::config::{StoreChoice, Variables};
use crate::db::{AddressError, Postgres, PostgresAddress, Sql, SqlError, Sqlite, migrate};
use crate::hazmat::{self, Key, SigningKey};
use crate::key::{Address, MasterError, MasterKey, Purpose};

/// See the top.
pub(crate) struct Opened {
    pub(crate) sql: Box<dyn Sql>,
    pub(crate) deployment: DeploymentId,
    pub(crate) master: Arc<dyn MasterKey>,
    /// The version of the master key.
    pub(crate) kek: i64,
    /// What proves the master key.
    pub(crate) check: Vec<u8>,
    pub(crate) signing: SigningKey,
}

/// Why a store cannot be opened, or made.
#[derive(Debug, Error)]
pub(crate) enum OpenError {
    #[error("there is a store already")]
    There,
    #[error("there is no store: it was never made")]
    NotThere,
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error("the folder cannot be made ({0})")]
    Folder(#[from] std::io::Error),
    #[error(transparent)]
    Sql(#[from] SqlError),
    #[error(transparent)]
    Master(#[from] MasterError),
    #[error("its keys are being wrapped by another master key, which has not come to its end")]
    Rewrapping,
}

/// Opens the database, whatever is in it.
pub(crate) fn connect(
    choice: StoreChoice<'_>,
    variables: &Variables,
    runtime: &Handle,
    make: bool,
) -> Result<Box<dyn Sql>, OpenError> {
    match choice {
        StoreChoice::Folder(folder) => {
            let file = folder.join(FILE);
            if !make {
                if !file.exists() {
                    return Err(OpenError::NotThere);
                }
                return Ok(Box::new(Sqlite::open(&file)?));
            }
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            Ok(Box::new(Sqlite::create(&file)?))
        }
        StoreChoice::Database(url) => {
            let mut address = PostgresAddress::parse(url)?;
            let config = &mut address.config;
            if let Some(password) = &variables.database_password
                && config.get_password().is_none()
            {
                config.password(password.as_bytes());
            }
            config.application_name("unspoken-vault");
            config.connect_timeout(std::time::Duration::from_secs(5));
            // What hangs is given up: others wait behind it.
            config.tcp_user_timeout(std::time::Duration::from_secs(10));
            config.keepalives_idle(std::time::Duration::from_secs(5));
            Ok(Box::new(Postgres::open(runtime.clone(), address)?))
        }
    }
}

/// The name of SQLite's file.
pub(crate) const FILE: &str = "vault.db";

/// The names of what belongs to a store as a whole.
const DEPLOYMENT: &str = "deployment";
pub(crate) const CHECK: &str = "check";
pub(crate) const SIGNING: &str = "signing";
const SIGNING_PUBLIC: &str = "signing-public";
pub(crate) const KEK: &str = "kek";
/// While the keys are wrapped by another master key: its version, and what proves it.
pub(crate) const NEXT_KEK: &str = "next-kek";
pub(crate) const NEXT_CHECK: &str = "next-check";

impl Opened {
    /// Makes a new store under a master key.
    pub(crate) fn make(
        mut sql: Box<dyn Sql>,
        master: Arc<dyn MasterKey>,
    ) -> Result<Self, OpenError> {
        migrate(&mut *sql)?;
        if find(&mut *sql, DEPLOYMENT)?.is_some() {
            return Err(OpenError::There);
        }
        let deployment = DeploymentId::new(hazmat::random());
        let (kek, seed) = (1, Key::random());
        let place = check(&deployment, kek);
        let check = master.wrap(Purpose::Check, &place, Key::random().expose())?;
        // Who may wrap and not unwrap would make a store that nobody can open.
        master.unwrap_key(Purpose::Check, &place, &check)?;
        let sealed = master.wrap(Purpose::Own, &signing(&deployment, kek), seed.expose())?;
        let signing = SigningKey::new(&seed).map_err(|_| MasterError::Refused)?;
        sql.begin()?;
        let rows: [(&str, Vec<u8>); 5] = [
            (DEPLOYMENT, deployment.to_string().into_bytes()),
            (KEK, kek.to_string().into_bytes()),
            (CHECK, check.clone()),
            (SIGNING, sealed),
            (SIGNING_PUBLIC, signing.public()),
        ];
        for (name, value) in rows {
            let statement = "INSERT INTO store (name, value) VALUES ($1, $2)";
            sql.change(statement, &[name.into(), value.into()])?;
        }
        sql.commit()?;
        Ok(Self { sql, deployment, master, kek, check, signing })
    }

    /// Opens a store, and brings its tables up to date. Nothing is written before its master key is
    /// known to fit.
    pub(crate) fn open(sql: Box<dyn Sql>, master: Arc<dyn MasterKey>) -> Result<Self, OpenError> {
        let mut opened = Self::look(sql, master)?;
        migrate(&mut *opened.sql)?;
        Ok(opened)
    }

    /// Opens a store without writing anything into it.
    pub(crate) fn look(
        mut sql: Box<dyn Sql>,
        master: Arc<dyn MasterKey>,
    ) -> Result<Self, OpenError> {
        let deployment = find_deployment(&mut *sql)?;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|_| SqlError::Shape(1));
        if find(&mut *sql, NEXT_KEK)?.is_some() {
            return Err(OpenError::Rewrapping);
        }
        let mut row = |name| find(&mut *sql, name)?.ok_or(SqlError::Shape(1));
        let kek: i64 = text(row(KEK)?)?.parse().map_err(|_| SqlError::Shape(1))?;
        let proof = row(CHECK)?;
        master.unwrap_key(Purpose::Check, &check(&deployment, kek), &proof)?;
        let seed = master.unwrap_key(Purpose::Own, &signing(&deployment, kek), &row(SIGNING)?)?;
        let signing = SigningKey::new(&seed).map_err(|_| MasterError::Refused)?;
        Ok(Self { sql, deployment, master, kek, check: proof, signing })
    }
}

/// Whose store it is, for what needs no master key. Nobody has vouched for it.
pub(crate) fn identity(sql: &mut dyn Sql) -> Result<Identity, OpenError> {
    let deployment = find_deployment(sql)?;
    let key = find(sql, SIGNING_PUBLIC)?.and_then(|key| key.try_into().ok());
    Ok(Identity { deployment: deployment.to_string(), key: key.ok_or(SqlError::Shape(1))? })
}

pub(crate) fn find_deployment(sql: &mut dyn Sql) -> Result<DeploymentId, OpenError> {
    let known = find(sql, DEPLOYMENT).map_err(|error| match error {
        // There are no tables.
        SqlError::Failed(text) if text.contains("42P01") || text.starts_with("SQLite: Unknown") => {
            OpenError::NotThere
        }
        error => OpenError::Sql(error),
    })?;
    let known = String::from_utf8(known.ok_or(OpenError::NotThere)?);
    Ok(known.ok().and_then(|text| text.parse().ok()).ok_or(SqlError::Shape(1))?)
}

pub(crate) fn check(deployment: &DeploymentId, kek: i64) -> Address {
    Address::own(deployment, CHECK, "").wrapped_by(kek)
}

pub(crate) fn signing(deployment: &DeploymentId, kek: i64) -> Address {
    Address::own(deployment, SIGNING, "").wrapped_by(kek)
}

pub(crate) fn find(sql: &mut dyn Sql, name: &'static str) -> Result<Option<Vec<u8>>, SqlError> {
    let rows = sql.rows("SELECT value FROM store WHERE name = $1", &[name.into()])?;
    rows.first().map(|row| row.bytes(0).map(<[u8]>::to_vec)).transpose()
}

/// Whether one path lies in the other.
pub(crate) fn is_within(path: &Path, folder: &Path) -> bool {
    let whole = |path: &Path| {
        let known = path.ancestors().find_map(|part| Some((part, fs::canonicalize(part).ok()?)));
        known.and_then(|(part, whole)| Some(whole.join(path.strip_prefix(part).ok()?)))
    };
    match (whole(path), whole(folder)) {
        (Some(path), Some(folder)) => path.starts_with(folder),
        _ => false,
    }
}
