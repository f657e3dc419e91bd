//! Wraps all that a master key wraps by another one.
//!
//! Rules:
//! - It is done in small transactions and can be killed at any time: who begins again goes on.
//! - Until it has come to its end no node starts. One that runs makes no new keys meanwhile, and does
//!   not use those that were wrapped anew.
//! - Nothing is changed that is not still as it was read.

use thiserror::Error;
use unspoken_model::{DeploymentId, PersonId, ProjectId, TeamId};

use crate::db::{Cell, Row, Sql, SqlError};
use crate::hazmat::Key;
use crate::key::{Address, MasterError, MasterKey, Purpose};
use crate::opened::{
    CHECK, KEK, NEXT_CHECK, NEXT_KEK, OpenError, SIGNING, check, find, find_deployment, signing,
};

/// See the top.
pub(crate) struct Rewrap<'a> {
    pub(crate) sql: &'a mut dyn Sql,
    pub(crate) old: &'a dyn MasterKey,
    pub(crate) new: &'a dyn MasterKey,
}

/// What was done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Rewrapped {
    /// As many projects' keys were wrapped anew, this time.
    Keys { count: u64, kek: i64 },
    /// All was so already.
    Nothing { kek: i64 },
}

/// Why keys cannot be wrapped anew.
#[derive(Debug, Error)]
pub(crate) enum RewrapError {
    #[error("the new master key is the old one")]
    Same,
    #[error("this was begun with another new master key, which has to be given again")]
    Another,
    #[error("the key of {0} cannot be unwrapped")]
    Key(ProjectId),
    #[error("what is sealed for {0} cannot be opened")]
    Person(PersonId),
    #[error(transparent)]
    Master(#[from] MasterError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Sql(#[from] SqlError),
}

/// How many keys are wrapped in one transaction.
const STEP: i64 = 100;

impl Rewrap<'_> {
    pub(crate) fn run(mut self) -> Result<Rewrapped, RewrapError> {
        let deployment = find_deployment(self.sql)?;
        let Some(kek) = self.within(|own| own.begin(&deployment))? else {
            return Ok(Rewrapped::Nothing { kek: number(self.sql, KEK)? });
        };
        let mut count = 0;
        loop {
            let step = self.step(&deployment, kek)?;
            count += step;
            if step > 0 {
                continue;
            }
            self.people(&deployment)?;
            if self.within(|own| own.finish(&deployment, kek))? {
                return Ok(Rewrapped::Keys { count, kek: kek + 1 });
            }
        }
    }

    /// Does something in a transaction.
    fn within<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, RewrapError>,
    ) -> Result<T, RewrapError> {
        self.sql.begin()?;
        match work(self) {
            Ok(done) => {
                self.sql.commit()?;
                Ok(done)
            }
            Err(error) => {
                self.sql.roll_back()?;
                Err(error)
            }
        }
    }

    /// Notes that it has begun, and tells the version of the old master key. `None` when the new one
    /// is the store's.
    fn begin(&mut self, deployment: &DeploymentId) -> Result<Option<i64>, RewrapError> {
        let kek = self.lock()?;
        let proof = find(self.sql, CHECK)?.ok_or(SqlError::Shape(0))?;
        let place = check(deployment, kek);
        let fits = |master: &dyn MasterKey| is_under(master, Purpose::Check, &place, &proof);
        match (fits(self.old)?, fits(self.new)?) {
            (true, true) => return Err(RewrapError::Same),
            (false, true) => return Ok(None),
            (false, false) => return Err(MasterError::Refused.into()),
            (true, false) => {}
        }
        let address = check(deployment, kek + 1);
        if let Some(next) = find(self.sql, NEXT_CHECK)? {
            let is_own = is_under(self.new, Purpose::Check, &address, &next)?;
            return if is_own { Ok(Some(kek)) } else { Err(RewrapError::Another) };
        }
        let proof = self.new.wrap(Purpose::Check, &address, Key::random().expose())?;
        // Who may wrap and not unwrap would leave a store that nobody can open.
        self.new.unwrap_key(Purpose::Check, &address, &proof)?;
        let statement = "INSERT INTO store (name, value) VALUES ($1, $2)";
        self.sql.change(statement, &[NEXT_CHECK.into(), proof.into()])?;
        let next = (kek + 1).to_string().into_bytes();
        self.sql.change(statement, &[NEXT_KEK.into(), next.into()])?;
        Ok(Some(kek))
    }

    /// Waits for nodes that just make a key; those that come later see what is done here.
    fn lock(&mut self) -> Result<i64, SqlError> {
        let statement = "SELECT value FROM store WHERE name = $1 FOR UPDATE";
        self.sql.rows(statement, &[KEK.into()])?;
        number(self.sql, KEK)
    }

    /// Wraps some keys anew, and tells how many. 0 when there are none left.
    fn step(&mut self, deployment: &DeploymentId, kek: i64) -> Result<u64, RewrapError> {
        let rows = self.sql.rows(
            "SELECT p.team, p.id, k.version, k.wrapped FROM project_key k \
             JOIN project p ON p.id = k.project WHERE k.kek = $1 ORDER BY p.id, k.version LIMIT $2",
            &[kek.into(), STEP.into()],
        )?;
        let anew = rows.iter().map(|row| self.wrap(deployment, kek, row));
        let anew = anew.collect::<Result<Vec<_>, _>>()?;
        self.within(|own| {
            let statement = "UPDATE project_key SET kek = $5, wrapped = $6 \
                             WHERE project = $1 AND version = $2 AND kek = $3 AND wrapped = $4";
            anew.iter().try_fold(0, |count, cells| Ok(count + own.sql.change(statement, cells)?))
        })
    }

    /// What the statement of [`Rewrap::step`] wants.
    fn wrap(
        &self,
        deployment: &DeploymentId,
        kek: i64,
        row: &Row,
    ) -> Result<Vec<Cell>, RewrapError> {
        let (team, project): (TeamId, ProjectId) = (row.parsed(0)?, row.parsed(1)?);
        let (version, wrapped) = (row.number(2)?, row.bytes(3)?);
        let address = |kek| Address::project(deployment, &team, &project).wrapped_by(kek);
        let key = self
            .old
            .unwrap_key(Purpose::ProjectKey, &address(kek), wrapped)
            .map_err(|error| refused(error, RewrapError::Key(project)))?;
        let anew = self.new.wrap(Purpose::ProjectKey, &address(kek + 1), key.expose())?;
        Ok(vec![
            Cell::text(project),
            version.into(),
            kek.into(),
            wrapped.into(),
            (kek + 1).into(),
            anew.into(),
        ])
    }

    /// Seals anew what second factors of people are made of.
    fn people(&mut self, deployment: &DeploymentId) -> Result<(), RewrapError> {
        let mut last = String::new();
        loop {
            let rows = self.sql.rows(
                "SELECT id, totp FROM person WHERE id > $1 AND totp IS NOT NULL ORDER BY id LIMIT $2",
                &[last.as_str().into(), STEP.into()],
            )?;
            let Some(row) = rows.last() else { return Ok(()) };
            row.text(0)?.clone_into(&mut last);
            let mut anew = Vec::new();
            for row in &rows {
                let (id, sealed): (PersonId, _) = (row.parsed(0)?, row.bytes(1)?);
                let address = Address::own(deployment, "totp", &id.to_string());
                // It does not say by which version it was sealed.
                if is_under(self.new, Purpose::Own, &address, sealed)? {
                    continue;
                }
                let opened = self.old.unwrap_key(Purpose::Own, &address, sealed);
                let opened = opened.map_err(|error| refused(error, RewrapError::Person(id)))?;
                let sealed_anew = self.new.wrap(Purpose::Own, &address, opened.expose())?;
                anew.push([Cell::text(id), sealed.into(), sealed_anew.into()]);
            }
            self.within(|own| {
                let statement = "UPDATE person SET totp = $3 WHERE id = $1 AND totp = $2";
                anew.iter().try_for_each(|cells| Ok(own.sql.change(statement, cells).map(drop)?))
            })?;
        }
    }

    /// Makes the new master key the store's, unless a key is left that it does not wrap.
    fn finish(&mut self, deployment: &DeploymentId, kek: i64) -> Result<bool, RewrapError> {
        if self.lock()? != kek {
            // Somebody else came to the end of it.
            return Ok(true);
        }
        let left = "SELECT project FROM project_key WHERE kek = $1 LIMIT 1";
        if !self.sql.rows(left, &[kek.into()])?.is_empty() {
            return Ok(false);
        }
        let row = |sql: &mut dyn Sql, name| find(sql, name)?.ok_or(SqlError::Shape(0));
        let sealed = row(self.sql, SIGNING)?;
        let seed = self.old.unwrap_key(Purpose::Own, &signing(deployment, kek), &sealed)?;
        let sealed = self.new.wrap(Purpose::Own, &signing(deployment, kek + 1), seed.expose())?;
        let (check, next) = (row(self.sql, NEXT_CHECK)?, row(self.sql, NEXT_KEK)?);
        for (name, value) in [(CHECK, check), (KEK, next), (SIGNING, sealed)] {
            let cells = [name.into(), value.into()];
            self.sql.change("UPDATE store SET value = $2 WHERE name = $1", &cells)?;
        }
        let names = [NEXT_CHECK.into(), NEXT_KEK.into()];
        self.sql.change("DELETE FROM store WHERE name = $1 OR name = $2", &names)?;
        Ok(true)
    }
}

/// Whether a master key wrapped this. That nobody can tell is no answer.
fn is_under(
    master: &dyn MasterKey,
    purpose: Purpose,
    address: &Address,
    wrapped: &[u8],
) -> Result<bool, MasterError> {
    match master.unwrap_key(purpose, address, wrapped) {
        Ok(_) => Ok(true),
        Err(error) if error.is_refusal() => Ok(false),
        Err(error) => Err(error),
    }
}

/// What it means that a master key does not open something that it should.
fn refused(error: MasterError, meaning: RewrapError) -> RewrapError {
    if error.is_refusal() { meaning } else { error.into() }
}

fn number(sql: &mut dyn Sql, name: &'static str) -> Result<i64, SqlError> {
    let text = find(sql, name)?.and_then(|bytes| String::from_utf8(bytes).ok());
    text.and_then(|text| text.parse().ok()).ok_or(SqlError::Shape(0))
}

#[cfg(test)]
mod tests;
