//! What the jobs of one transaction have looked up: tokens and environments, locked until it ends.
//!
//! Rules:
//! - A token's row is locked before its rights are read, by another statement: so whoever
//!   changes rights, and the row with them, has either been waited for or has to wait.
//! - Locks are taken in one order everywhere: tokens, then environments, each sorted.
//! - What was changed is forgotten.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use unspoken_model::{EnvironmentId, ProjectId, SecretName, TeamId, TokenId};
use unspoken_seal::{HashedToken, TokenAuth, TokenKind};

use super::desk::About;
use super::sql::{Cell, Row, Sql, SqlError, own_time};

/// A token, as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct TokenRow {
    pub(crate) kind: TokenKind,
    pub(crate) hash: HashedToken,
    pub(crate) team: TeamId,
    pub(crate) expires: i64,
    pub(crate) idle: Option<i64>,
    pub(crate) is_revoked: bool,
    /// Networks, separated by spaces.
    pub(crate) addresses: Option<String>,
    /// Names, separated by spaces.
    pub(crate) names: Option<String>,
    pub(crate) made: i64,
    pub(crate) name: String,
    pub(crate) used: Option<i64>,
    pub(crate) remaining: Option<i64>,
    /// The ids of a machine's environments, separated by spaces.
    pub(crate) environments: String,
    /// The person's id and state.
    pub(crate) person: Option<(String, String)>,
    /// `team/project/environment/role`, separated by spaces.
    pub(crate) roles: String,
}

/// An environment, as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct EnvironmentRow {
    pub(crate) id: EnvironmentId,
    pub(crate) team: TeamId,
    pub(crate) project: ProjectId,
    pub(crate) revision: i64,
    /// For how many seconds a client may use a sealed copy while no node answers.
    pub(crate) offline: i64,
    /// The newest version of the master key that wraps a key of its project.
    pub(crate) kek: i64,
}

/// A token that was shown: its id, and what is kept of its secret half if it is the right one.
///
/// A row is looked for by both. So who knows an id alone locks nothing, and a wrong secret takes the
/// time that an unknown id takes.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Shown {
    pub(crate) id: TokenId,
    hash: [u8; 32],
}

impl Shown {
    pub(crate) fn new(auth: &TokenAuth) -> Self {
        Self { id: auth.id(), hash: *auth.hash().as_bytes() }
    }

    fn cells(self) -> Vec<Cell> {
        vec![Cell::text(self.id), Cell::Bytes(self.hash.to_vec())]
    }
}

#[derive(Default)]
pub(crate) struct Memo {
    tokens: HashMap<Shown, Option<TokenRow>>,
    environments: HashMap<EnvironmentId, Option<EnvironmentRow>>,
    secrets: HashMap<(EnvironmentId, SecretName), Option<Row>>,
}

const TOKEN: &str = "SELECT kind, hash, team, expires, idle, revoked, addresses, names, made, name \
     FROM token WHERE id = $1 AND hash = $2 FOR SHARE";

const RIGHTS: &str = "SELECT u.used, u.remaining, \
     COALESCE((SELECT string_agg(e.environment, ' ') FROM token_environment e \
     WHERE e.token = t.id), ''), p.id, p.state, \
     COALESCE((SELECT string_agg(m.team || '/' || m.project || '/' || m.environment || '/' || m.role, ' ') \
     FROM membership m WHERE m.person = t.person), '') \
     FROM token t LEFT JOIN token_use u ON u.token = t.id LEFT JOIN person p ON p.id = t.person \
     WHERE t.id = $1 AND t.hash = $2";

macro_rules! environment {
    ($lock:literal) => {
        concat!(
            "SELECT e.id, e.team, e.project, e.revision, e.offline, \
             (SELECT MAX(k.kek) FROM project_key k WHERE k.project = e.project) \
             FROM environment e WHERE e.id = $1 FOR ",
            $lock
        )
    };
}

const ENVIRONMENT_SHARED: &str = environment!("SHARE");
const ENVIRONMENT_OWN: &str = environment!("UPDATE");

const SECRET: &str = "SELECT v.name, v.version, v.expiry, v.key_version, v.wrapped, v.sealed, k.kek, k.wrapped \
     FROM secret s JOIN secret_version v ON v.environment = s.environment AND v.name = s.name \
     AND v.version = s.version JOIN environment e ON e.id = s.environment \
     JOIN project_key k ON k.project = e.project AND k.version = v.key_version \
     WHERE s.environment = $1 AND s.name = $2";

impl Memo {
    /// Looks up at once what jobs will ask for, and tells the time.
    pub(crate) fn prepare<'a>(
        &mut self,
        sql: &mut dyn Sql,
        jobs: impl Iterator<Item = &'a About>,
    ) -> Result<i64, SqlError> {
        let (mut tokens, mut secrets) = (BTreeSet::new(), BTreeSet::new());
        let mut environments = BTreeMap::new();
        for about in jobs {
            tokens.extend(about.token);
            if let Some(environment) = about.environment {
                *environments.entry(environment).or_insert(false) |= about.changes;
                secrets.extend(about.name.clone().map(|name| (environment, name)));
            }
        }
        if !sql.is_far() {
            // What nobody may see need not be looked at.
            secrets.clear();
        }
        let clock = sql.clock().map(|statement| (statement, Vec::new()));
        let mut asked: Vec<(&'static str, Vec<Cell>)> = clock.into_iter().collect();
        asked.extend(tokens.iter().map(|one| (TOKEN, one.cells())));
        asked.extend(tokens.iter().map(|one| (RIGHTS, one.cells())));
        asked.extend(environments.iter().map(|(id, changes)| {
            (if *changes { ENVIRONMENT_OWN } else { ENVIRONMENT_SHARED }, vec![Cell::text(id)])
        }));
        asked.extend(secrets.iter().map(|(environment, name)| {
            (SECRET, vec![Cell::text(environment), name.as_str().into()])
        }));
        let mut found = sql.rows_of_all(&asked)?.into_iter();
        let now = match sql.clock() {
            Some(_) => found.next().and_then(|rows| rows.first()?.number(0).ok()),
            None => Some(own_time()),
        };
        let locked: Vec<_> = found.by_ref().take(tokens.len()).collect();
        let rights: Vec<_> = found.by_ref().take(tokens.len()).collect();
        self.note_tokens(tokens, locked, rights)?;
        for (id, rows) in environments.into_keys().zip(found.by_ref()) {
            let row = rows.first().map(read_environment).transpose()?;
            self.environments.insert(id, row);
        }
        for (place, rows) in secrets.into_iter().zip(found) {
            self.secrets.insert(place, rows.into_iter().next());
        }
        now.ok_or(SqlError::Shape(0))
    }

    fn note_tokens(
        &mut self,
        ids: impl IntoIterator<Item = Shown>,
        locked: Vec<Vec<Row>>,
        rights: Vec<Vec<Row>>,
    ) -> Result<(), SqlError> {
        for ((id, token), rights) in ids.into_iter().zip(locked).zip(rights) {
            let row = token.first().zip(rights.first());
            let row = row.map(|(token, rights)| read_token(token, rights)).transpose()?;
            self.tokens.insert(id, row);
        }
        Ok(())
    }

    pub(crate) fn token(
        &mut self,
        sql: &mut dyn Sql,
        shown: Shown,
    ) -> Result<Option<TokenRow>, SqlError> {
        if !self.tokens.contains_key(&shown) {
            let asked = [TOKEN, RIGHTS].map(|statement| (statement, shown.cells()));
            let mut found = sql.rows_of_all(&asked)?;
            let rights = found.split_off(1);
            self.note_tokens([shown], found, rights)?;
        }
        Ok(self.tokens.get(&shown).cloned().flatten())
    }

    pub(crate) fn environment(
        &mut self,
        sql: &mut dyn Sql,
        id: EnvironmentId,
    ) -> Result<Option<EnvironmentRow>, SqlError> {
        if let Some(known) = self.environments.get(&id) {
            return Ok(known.clone());
        }
        let rows = sql.rows(ENVIRONMENT_OWN, &[Cell::text(id)])?;
        let row = rows.first().map(read_environment).transpose()?;
        self.environments.insert(id, row.clone());
        Ok(row)
    }

    /// The newest version of a value: its name, version, expiry, key's version, wrapped key and
    /// ciphertext, and the version and the bytes of the project's wrapped key.
    pub(crate) fn secret(
        &mut self,
        sql: &mut dyn Sql,
        environment: EnvironmentId,
        name: &SecretName,
    ) -> Result<Option<Row>, SqlError> {
        let place = (environment, name.clone());
        if let Some(known) = self.secrets.get(&place) {
            return Ok(known.clone());
        }
        let rows = sql.rows(SECRET, &[Cell::text(environment), name.as_str().into()])?;
        let row = rows.into_iter().next();
        self.secrets.insert(place, row.clone());
        Ok(row)
    }

    /// Forgets all: something was changed.
    pub(crate) fn clear(&mut self) {
        self.tokens.clear();
        self.environments.clear();
        self.secrets.clear();
    }

    pub(crate) fn note_revision(&mut self, id: &EnvironmentId, revision: i64) {
        if let Some(Some(row)) = self.environments.get_mut(id) {
            row.revision = revision;
        }
        self.secrets.retain(|(environment, _), _| environment != id);
    }

    /// Notes that a token was used once more.
    pub(crate) fn note_use(&mut self, id: &TokenId) {
        let rows = self.tokens.iter_mut().filter(|(shown, _)| shown.id == *id);
        for row in rows.filter_map(|(_, row)| row.as_mut()) {
            row.remaining = row.remaining.map(|remaining| remaining - 1);
        }
    }
}

fn read_token(token: &Row, rights: &Row) -> Result<TokenRow, SqlError> {
    let kind = token.text(0)?;
    let kind = TokenKind::ALL.into_iter().find(|one| one.as_str() == kind);
    let person = rights.maybe_text(3)?.zip(rights.maybe_text(4)?);
    Ok(TokenRow {
        kind: kind.ok_or(SqlError::Shape(0))?,
        hash: HashedToken::new(token.bytes(1)?).ok_or(SqlError::Shape(1))?,
        team: token.parsed(2)?,
        expires: token.number(3)?,
        idle: token.maybe_number(4)?,
        is_revoked: token.maybe_number(5)?.is_some(),
        addresses: token.maybe_text(6)?.map(str::to_owned),
        names: token.maybe_text(7)?.map(str::to_owned),
        made: token.number(8)?,
        name: token.text(9)?.to_owned(),
        used: rights.maybe_number(0)?,
        remaining: rights.maybe_number(1)?,
        environments: rights.text(2)?.to_owned(),
        person: person.map(|(id, state)| (id.to_owned(), state.to_owned())),
        roles: rights.text(5)?.to_owned(),
    })
}

fn read_environment(row: &Row) -> Result<EnvironmentRow, SqlError> {
    Ok(EnvironmentRow {
        id: row.parsed(0)?,
        team: row.parsed(1)?,
        project: row.parsed(2)?,
        revision: row.number(3)?,
        offline: row.number(4)?,
        kek: row.number(5)?,
    })
}
