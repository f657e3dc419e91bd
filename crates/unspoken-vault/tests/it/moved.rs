//! Promise 4: a value cannot be moved between teams, projects, environments, names or versions, not
//! even by who writes to the database.

use std::sync::atomic::{AtomicUsize, Ordering};

use unspoken_testkit::{Ground, Vault, canary, canary_marker};

use crate::raw::Raw;
use crate::teams::{in_team, second_team};

/// A version of a value, and what stands in its row.
struct Cell {
    ground: Ground,
    name: &'static str,
    version: i64,
    value: String,
    wrapped: String,
    sealed: String,
}

impl Cell {
    fn path(&self) -> String {
        format!("{}?version={}", self.ground.secret(self.name), self.version)
    }

    fn place(&self) -> String {
        let (environment, name, version) = (&self.ground.environment, self.name, self.version);
        format!("environment = '{environment}' AND name = '{name}' AND version = {version}")
    }

    /// Puts something into its row.
    fn put(&self, wrapped: &str, sealed: &str) -> String {
        format!(
            "UPDATE secret_version SET wrapped = {wrapped}, sealed = {sealed} WHERE {}",
            self.place()
        )
    }
}

/// Two teams with two projects with two environments with two names with two versions.
fn cells(vault: &Vault, raw: &Raw) -> Vec<Cell> {
    let one = vault.ground();
    let two = second_team(vault, &one);
    let mut grounds = Vec::new();
    for (number, ground) in [one, two].into_iter().enumerate() {
        let beside = in_team(&ground, &ground.team, &format!("more-{number}"));
        for ground in [ground, beside] {
            grounds.push(ground.beside(&format!("other-{}", grounds.len())));
            grounds.push(ground);
        }
    }
    let mut cells = Vec::new();
    for (number, ground) in grounds.into_iter().enumerate() {
        for name in ["ALPHA", "BETA"] {
            for version in [1, 2] {
                let value = canary(&format!("{number}-{name}-{version}"));
                ground.set(name, &value);
                let (wrapped, sealed) = (String::new(), String::new());
                let ground = ground.clone();
                cells.push(Cell { ground, name, version, value, wrapped, sealed });
            }
        }
    }
    let bytes = |hex: &str| {
        let hex = hex.trim_start_matches("\\x");
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        raw.bytes(&(0..hex.len()).step_by(2).map(byte).collect::<Vec<_>>())
    };
    for cell in &mut cells {
        let place = cell.place();
        let row = raw.rows(&format!("SELECT wrapped, sealed FROM secret_version WHERE {place}"));
        (cell.wrapped, cell.sealed) = (bytes(&row[0][0]), bytes(&row[0][1]));
    }
    cells
}

/// Asks for all of them, and counts those that are what they were.
fn count(cells: &[Cell]) -> usize {
    let (next, right) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let client = cells[0].ground.owner.clone();
                while let Some(cell) = cells.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let answer = client.get(&cell.path());
                    if answer.status == 200 {
                        let pointer = format!("/secrets/{}/value", cell.name);
                        assert!(answer.text(&pointer) == cell.value, "a value was moved");
                        right.fetch_add(1, Ordering::SeqCst);
                    } else {
                        assert!(answer.status >= 500, "{answer:?}");
                        assert!(!answer.holds(&canary_marker()));
                    }
                }
            });
        }
    });
    right.into_inner()
}

#[test]
fn promise_4_no_part_of_a_version_serves_at_another_place() {
    Vault::each(|vault| {
        let raw = Raw::of(&vault);
        let cells = cells(&vault, &raw);
        assert_eq!((cells.len(), count(&cells)), (32, 32));
        // Each row gets what belongs to another one, for all the others in turn.
        for shift in 1..cells.len() {
            let from = |at: usize| &cells[(at + shift) % cells.len()];
            let all = |put: &dyn Fn(usize, &Cell) -> String| {
                let changes = cells.iter().enumerate().map(|(at, cell)| put(at, cell));
                raw.change(&changes.collect::<Vec<_>>().join(";"));
            };
            all(&|at, cell| cell.put(&cell.wrapped, &from(at).sealed));
            assert_eq!(count(&cells), 0, "the values, by {shift}");
            all(&|at, cell| cell.put(&from(at).wrapped, &cell.sealed));
            assert_eq!(count(&cells), 0, "the keys, by {shift}");
            all(&|at, cell| cell.put(&from(at).wrapped, &from(at).sealed));
            assert_eq!(count(&cells), 0, "both, by {shift}");
            // What is handed out as a whole environment is none of them either.
            for cell in cells.iter().step_by(4) {
                let answer = cell.ground.owner.get(&cell.ground.secrets());
                assert!(answer.status >= 500 && !answer.holds(&canary_marker()));
            }
            all(&|_, cell| cell.put(&cell.wrapped, &cell.sealed));
        }
        assert_eq!(count(&cells), 32);
    });
}

#[test]
fn promise_4_no_row_serves_under_another_owner() {
    Vault::each(|vault| {
        let raw = Raw::of(&vault);
        let cells = cells(&vault, &raw);
        let mut attacks = Vec::new();
        let of = |column: &str| raw.rows(&format!("SELECT {column}"));
        let environments = of("id, project, team FROM environment ORDER BY id");
        let keys = of("project, version, kek FROM project_key ORDER BY project");
        let teams = of("id FROM team ORDER BY id");
        for environment in &environments {
            let [id, project, team] = [0, 1, 2].map(|at| &environment[at]);
            let back = format!(
                "UPDATE environment SET project = '{project}', team = '{team}' WHERE id = '{id}'"
            );
            for other in keys.iter().map(|key| &key[0]).filter(|other| *other != project) {
                let there = format!("UPDATE environment SET project = '{other}'");
                attacks.push((format!("{there} WHERE id = '{id}'"), back.clone(), 4));
                let owner = format!("(SELECT team FROM project WHERE id = '{other}')");
                let there = format!("{there}, team = {owner} WHERE id = '{id}'");
                attacks.push((there, back.clone(), 4));
            }
            for other in teams.iter().map(|other| &other[0]).filter(|other| *other != team) {
                let there = format!("UPDATE environment SET team = '{other}' WHERE id = '{id}'");
                attacks.push((there, back.clone(), 4));
            }
        }
        // A project's key in another project's place; two swap them by way of a third.
        for (at, one) in keys.iter().enumerate() {
            for other in &keys[at + 1..] {
                let (one, other) = (one[0].as_str(), other[0].as_str());
                let swap = [(one, "nowhere"), (other, one), ("nowhere", other)];
                let swap = swap.map(|(from, to)| {
                    format!("UPDATE project_key SET project = '{to}' WHERE project = '{from}'")
                });
                let swap = swap.join("; ");
                attacks.push((swap.clone(), swap, 16));
            }
        }
        let all = cells.len();
        for (there, back) in [
            ("project_key SET kek = kek + 1", "project_key SET kek = kek - 1"),
            (
                "project_key SET version = 2; UPDATE secret_version SET key_version = 2",
                "project_key SET version = 1; UPDATE secret_version SET key_version = 1",
            ),
            (
                "secret_version SET version = version + 100; \
                 UPDATE secret_version SET version = 103 - version",
                "secret_version SET version = version + 100; \
                 UPDATE secret_version SET version = 103 - version",
            ),
            (
                "secret_version SET name = 'GAMMA' WHERE name = 'ALPHA'; \
                 UPDATE secret_version SET name = 'ALPHA' WHERE name = 'BETA'; \
                 UPDATE secret_version SET name = 'BETA' WHERE name = 'GAMMA'",
                "secret_version SET name = 'GAMMA' WHERE name = 'ALPHA'; \
                 UPDATE secret_version SET name = 'ALPHA' WHERE name = 'BETA'; \
                 UPDATE secret_version SET name = 'BETA' WHERE name = 'GAMMA'",
            ),
        ] {
            attacks.push((format!("UPDATE {there}"), format!("UPDATE {back}"), all));
        }
        for (there, back, lost) in attacks {
            raw.change(&there);
            assert_eq!(count(&cells), all - lost, "{there}");
            raw.change(&back);
        }
        assert_eq!(count(&cells), all);
    });
}
