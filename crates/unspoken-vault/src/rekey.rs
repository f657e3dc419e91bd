//! Moves the values of a project to its newest key, in the background.
//!
//! Rules:
//! - Only the keys of versions are wrapped anew; what they seal stays as it is.
//! - It goes step by step, and each step is small. Who is killed begins again, and passes over what has been
//!   moved. Several nodes may do it at once.
//! - An old key goes when nothing has needed it for longer than a request takes.

use std::collections::HashMap;
use std::slice::from_ref;
use std::time::{Duration, Instant};

use unspoken_model::{EnvironmentId, ProjectId, SecretName, TeamId};

use crate::chores::work;
use crate::db::{Cell, Row, SqlError};
use crate::http::App;
use crate::key::{Address, KeyRing, ProjectKey};
use crate::problem::Problem;

/// See the top.
pub(crate) struct Rekey {
    app: App,
    /// Since when nothing needs a key.
    unused: HashMap<(ProjectId, i64), Instant>,
}

/// A project that has an old key beside its newest.
#[derive(Clone)]
struct Move {
    team: TeamId,
    project: ProjectId,
    from: Version,
    to: Version,
}

/// One version of a project's key, wrapped.
#[derive(Clone)]
struct Version {
    number: i64,
    kek: i64,
    wrapped: Vec<u8>,
}

/// The wrapped key of one version of a value.
struct Wrapped {
    name: SecretName,
    version: i64,
    key: Vec<u8>,
}

/// How many keys are moved in one transaction.
const STEP: i64 = 500;

/// How long an old key is kept for requests that may have begun while it was needed.
const KEEP: Duration = Duration::from_secs(15);

const MOVES: &str = "SELECT p.team, p.id, o.version, o.kek, o.wrapped, n.version, n.kek, n.wrapped \
     FROM project p JOIN project_key n ON n.project = p.id AND n.version = p.key_version \
     JOIN project_key o ON o.project = p.id AND o.version < p.key_version \
     ORDER BY p.id, o.version LIMIT 100";

const PAGE: &str = "SELECT name, version, wrapped FROM secret_version \
     WHERE environment = $1 AND key_version = $2 AND wrapped IS NOT NULL \
     AND (name, version) > ($3, $4) ORDER BY name, version LIMIT $5";

impl Rekey {
    pub(crate) fn new(app: App) -> Self {
        Self { app, unused: HashMap::new() }
    }

    /// Moves all that there is to move. What fails is tried again the next time.
    pub(crate) async fn pass(&mut self) -> Result<(), Problem> {
        let moves = work(&self.app, |desk| read_all(&desk.rows(MOVES, &[])?, read_move)).await?;
        self.unused.retain(|key, _| moves.iter().any(|one| (one.project, one.from.number) == *key));
        for one in moves {
            let found = self.move_project(&one).await?;
            let id = (one.project, one.from.number);
            if found > 0 {
                self.unused.remove(&id);
            } else if self.unused.entry(id).or_insert_with(Instant::now).elapsed() > KEEP {
                self.forget(&one).await?;
            }
        }
        Ok(())
    }

    /// Tells how many values needed the old key.
    async fn move_project(&self, one: &Move) -> Result<usize, Problem> {
        let (deployment, owned, asked) = (self.app.deployment, one.clone(), Instant::now());
        let find = move |ring: &KeyRing| {
            let place = Address::project(&deployment, &owned.team, &owned.project);
            let find = |version: &Version| {
                ring.find(&place.clone().wrapped_by(version.kek), &version.wrapped, asked)
            };
            Ok((find(&owned.from)?, find(&owned.to)?))
        };
        let (old, new) = self.app.keys.ask(find).await?;
        let project = Cell::text(one.project);
        let environments = work(&self.app, move |desk| {
            let sql = "SELECT id FROM environment WHERE project = $1 ORDER BY id";
            read_all(&desk.rows(sql, from_ref(&project))?, |row| row.parsed(0))
        });
        let mut found = 0;
        for environment in environments.await? {
            found += self.move_environment(one, environment, &old, &new).await?;
        }
        Ok(found)
    }

    async fn move_environment(
        &self,
        one: &Move,
        environment: EnvironmentId,
        old: &ProjectKey,
        new: &ProjectKey,
    ) -> Result<usize, Problem> {
        let (from, to) = (one.from.number, one.to.number);
        let (mut name, mut version, mut found) = (String::new(), 0, 0);
        loop {
            let cells = [
                Cell::text(environment),
                from.into(),
                name.as_str().into(),
                version.into(),
                STEP.into(),
            ];
            let page =
                work(&self.app, move |desk| read_all(&desk.rows(PAGE, &cells)?, read_wrapped));
            let page = page.await?;
            let Some(last) = page.last() else { return Ok(found) };
            last.name.as_str().clone_into(&mut name);
            version = last.version;
            found += page.len();
            let place = Address::project(&self.app.deployment, &one.team, &one.project);
            let (old, new) = (old.clone(), new.clone());
            // Beside the runtime: it is many times as much as one request asks for.
            let wrap = move || {
                let anew = page.into_iter().filter_map(|Wrapped { name, version, key }| {
                    let address = place.clone().version(&environment, &name, version);
                    let key = old.rewrap(&new, &address, from, to, &key).ok()?;
                    let id = [Cell::text(environment), name.as_str().into(), version.into()];
                    Some([id.as_slice(), &[from.into(), to.into(), key.into()]].concat())
                });
                anew.collect::<Vec<_>>()
            };
            let anew = tokio::task::spawn_blocking(wrap).await.map_err(|_| Problem::internal())?;
            let write = move |desk: &mut crate::db::Desk<'_>| {
                desk.change_values(
                    "UPDATE secret_version SET key_version = $5, wrapped = $6 WHERE environment = $1 \
                     AND name = $2 AND version = $3 AND key_version = $4",
                    &anew,
                )?;
                Ok(())
            };
            work(&self.app, write).await?;
        }
    }

    /// Removes a key that nothing needs.
    async fn forget(&self, one: &Move) -> Result<(), Problem> {
        let id = [Cell::text(one.project), one.from.number.into()];
        let forget = move |desk: &mut crate::db::Desk<'_>| {
            desk.change(
                "DELETE FROM project_key WHERE project = $1 AND version = $2 AND NOT EXISTS \
                 (SELECT 1 FROM secret_version v JOIN environment e ON e.id = v.environment \
                 WHERE e.project = $1 AND v.key_version = $2 AND v.wrapped IS NOT NULL)",
                &id,
            )?;
            Ok(())
        };
        work(&self.app, forget).await
    }
}

fn read_all<T>(
    rows: &[Row],
    read: impl Fn(&Row) -> Result<T, SqlError>,
) -> Result<Vec<T>, Problem> {
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

fn read_move(row: &Row) -> Result<Move, SqlError> {
    let version = |at: usize| {
        let (number, kek) = (row.number(at)?, row.number(at + 1)?);
        Ok::<_, SqlError>(Version { number, kek, wrapped: row.bytes(at + 2)?.to_vec() })
    };
    Ok(Move { team: row.parsed(0)?, project: row.parsed(1)?, from: version(2)?, to: version(5)? })
}

fn read_wrapped(row: &Row) -> Result<Wrapped, SqlError> {
    Ok(Wrapped { name: row.parsed(0)?, version: row.number(1)?, key: row.bytes(2)?.to_vec() })
}
