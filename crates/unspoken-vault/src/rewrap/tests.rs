//! A rewrap that is killed at each of its statements.

use std::path::Path;
use std::sync::Arc;

use unspoken_model::{DeploymentId, PersonId, ProjectId, TeamId};

use super::{Rewrap, RewrapError, Rewrapped};
use crate::db::{Cell, CommitError, Row, Sql, SqlError, Sqlite};
use crate::hazmat::Key;
use crate::key::{Address, LocalMaster, Purpose};
use crate::opened::{OpenError, Opened};

/// A connection that is lost at the nth change, or at the commit behind it.
struct Breaking {
    sql: Sqlite,
    left: usize,
}

impl Breaking {
    fn step(&mut self) -> Result<(), SqlError> {
        self.left = self.left.checked_sub(1).ok_or_else(|| SqlError::Failed("lost".to_owned()))?;
        Ok(())
    }
}

impl Sql for Breaking {
    fn begin(&mut self) -> Result<(), SqlError> {
        self.sql.begin()
    }

    fn commit(&mut self) -> Result<(), SqlError> {
        self.step()?;
        self.sql.commit()
    }

    fn insert_and_commit(
        &mut self,
        statement: &'static str,
        sets: &[Vec<Cell>],
    ) -> Result<(), CommitError> {
        self.sql.insert_and_commit(statement, sets)
    }

    fn roll_back(&mut self) -> Result<(), SqlError> {
        self.sql.roll_back()
    }

    fn set_mark(&mut self) -> Result<(), SqlError> {
        self.sql.set_mark()
    }

    fn drop_mark(&mut self) -> Result<(), SqlError> {
        self.sql.drop_mark()
    }

    fn undo_to_mark(&mut self) -> Result<(), SqlError> {
        self.sql.undo_to_mark()
    }

    fn rows(&mut self, statement: &'static str, cells: &[Cell]) -> Result<Vec<Row>, SqlError> {
        self.sql.rows(statement, cells)
    }

    fn change(&mut self, statement: &'static str, cells: &[Cell]) -> Result<u64, SqlError> {
        self.step()?;
        self.sql.change(statement, cells)
    }

    fn change_all(&mut self, statement: &'static str, sets: &[Vec<Cell>]) -> Result<(), SqlError> {
        self.step()?;
        self.sql.change_all(statement, sets)
    }

    fn rows_of_all(
        &mut self,
        asked: &[(&'static str, Vec<Cell>)],
    ) -> Result<Vec<Vec<Row>>, SqlError> {
        self.sql.rows_of_all(asked)
    }

    fn batch(&mut self, statements: &str) -> Result<(), SqlError> {
        self.sql.batch(statements)
    }

    fn renew(&mut self) -> Result<(), SqlError> {
        self.sql.renew()
    }

    fn is_far(&self) -> bool {
        self.sql.is_far()
    }

    fn clock(&self) -> Option<&'static str> {
        self.sql.clock()
    }
}

fn master(byte: u8) -> LocalMaster {
    LocalMaster::new(Key::new(&[byte; 32]).unwrap())
}

/// A store with some projects and a person who has a second factor.
fn store(file: &Path, projects: u8) -> DeploymentId {
    let made = Opened::make(Box::new(Sqlite::create(file).unwrap()), Arc::new(master(1)));
    let Opened { mut sql, deployment, master, kek, .. } = made.unwrap();
    sql.batch("PRAGMA synchronous = OFF; BEGIN;").unwrap();
    let team = TeamId::new([9; 16]);
    sql.change("INSERT INTO team (id, name, made) VALUES ($1, 'team', 0)", &[Cell::text(team)])
        .unwrap();
    for number in 0..projects {
        let id = ProjectId::new([number; 16]);
        let address = Address::project(&deployment, &team, &id).wrapped_by(kek);
        let wrapped = master.wrap(Purpose::ProjectKey, &address, &[number; 32]).unwrap();
        let statement = "INSERT INTO project (id, team, name, remotes, key_version, made) \
                         VALUES ($1, $2, $1, '', 1, 0)";
        sql.change(statement, &[Cell::text(id), Cell::text(team)]).unwrap();
        let statement =
            "INSERT INTO project_key (project, version, kek, wrapped) VALUES ($1, 1, $2, $3)";
        sql.change(statement, &[Cell::text(id), kek.into(), wrapped.into()]).unwrap();
    }
    let person = PersonId::new([3; 16]);
    let address = Address::own(&deployment, "totp", &person.to_string());
    let sealed = master.wrap(Purpose::Own, &address, &[3; 32]).unwrap();
    let statement = "INSERT INTO person (id, email, name, state, totp, made) \
                     VALUES ($1, 'a@example', 'A', 'active', $2, 0)";
    sql.change(statement, &[Cell::text(person), sealed.into()]).unwrap();
    sql.commit().unwrap();
    deployment
}

/// Whether all is under this key, and no node starts with the other one.
fn is_under(file: &Path, deployment: &DeploymentId, byte: u8, other: u8) {
    let open = |byte| Opened::look(Box::new(Sqlite::open(file).unwrap()), Arc::new(master(byte)));
    assert!(matches!(open(other), Err(OpenError::Master(_))));
    let Opened { mut sql, master, kek, .. } = open(byte).unwrap();
    let rows = sql.rows("SELECT project, kek, wrapped FROM project_key", &[]).unwrap();
    for row in rows {
        assert_eq!(row.number(1).unwrap(), kek);
        let (project, team) = (row.parsed(0).unwrap(), TeamId::new([9; 16]));
        let address = Address::project(deployment, &team, &project).wrapped_by(kek);
        master.unwrap_key(Purpose::ProjectKey, &address, row.bytes(2).unwrap()).unwrap();
    }
    let person = PersonId::new([3; 16]);
    let address = Address::own(deployment, "totp", &person.to_string());
    let rows = sql.rows("SELECT totp FROM person", &[]).unwrap();
    let key = master.unwrap_key(Purpose::Own, &address, rows[0].bytes(0).unwrap()).unwrap();
    assert!(key.expose() == &[3; 32]);
}

#[test]
fn killed_at_any_statement_it_comes_to_its_end_when_it_is_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let (first, file) = (folder.path().join("first.db"), folder.path().join("vault.db"));
    let deployment = store(&first, 103);
    for left in 0.. {
        std::fs::copy(&first, &file).unwrap();
        let (old, new, third) = (master(1), master(2), master(3));
        let run = |left, new: &LocalMaster| {
            let mut sql = Breaking { sql: Sqlite::open(&file).unwrap(), left };
            sql.batch("PRAGMA synchronous = OFF;").unwrap();
            Rewrap { sql: &mut sql, old: &old, new }.run()
        };
        let first = run(left, &new);
        // Once it is noted that it has begun, no other key and no node comes in between.
        if first.is_err() && left >= 3 {
            assert!(matches!(run(usize::MAX, &third), Err(RewrapError::Another)), "{left}");
            let opened = Opened::look(Box::new(Sqlite::open(&file).unwrap()), Arc::new(master(1)));
            assert!(matches!(opened, Err(OpenError::Rewrapping)), "{left}");
        }
        let again = run(usize::MAX, &new).unwrap();
        is_under(&file, &deployment, 2, 1);
        if let Ok(first) = first {
            assert_eq!(first, Rewrapped::Keys { count: 103, kek: 2 });
            assert_eq!(again, Rewrapped::Nothing { kek: 2 });
            // Every statement was the last one once.
            assert!(left > 103, "{left}");
            return;
        }
    }
}
