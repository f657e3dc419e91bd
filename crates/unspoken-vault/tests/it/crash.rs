//! Promise 7: kill -9 at any time loses no acknowledged write and no row of an answered fetch.
//!
//! `cargo xtask test long` has these trials take two minutes each; here they take seconds.

mod load;

use std::time::{Duration, Instant};

use load::Load;
use unspoken_testkit::{Database, Vault, canary};

use crate::raw::Raw;
use crate::wish;

/// How long each of them harms what it harms.
fn span() -> Duration {
    Duration::from_secs(wish("UNSPOKEN_KILL_SECONDS", 10) as u64)
}

/// Does it again and again, once a second, until the time is over. Tells how often.
fn each_second(mut harm: impl FnMut(usize)) -> usize {
    let begun = Instant::now();
    let mut times = 0;
    while begun.elapsed() < span() {
        let next = Instant::now() + Duration::from_secs(1);
        std::thread::sleep(Duration::from_millis(700));
        harm(times);
        times += 1;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    times
}

#[test]
fn promise_7_killing_a_node_every_second_loses_nothing_that_was_answered() {
    Vault::each(|mut vault| {
        let load = Load::on(&vault);
        let kills = load.during(|| {
            each_second(|_| {
                vault.kill();
                vault.start();
                load.go_to(vault.addresses());
                load.is_answered();
            })
        });
        load.account(&vault, "a node", kills);
    });
}

#[test]
fn promise_7_killing_each_of_two_nodes_in_turn_loses_nothing_that_was_answered() {
    let mut vault = Vault::on(Database::Postgres);
    vault.start();
    let load = Load::on(&vault);
    let kills = load.during(|| {
        each_second(|_| {
            vault.kill_one(0);
            // Before anybody has told the clients, those of the other one are answered.
            load.is_answered();
            load.go_to(vault.addresses());
            vault.start();
            load.go_to(vault.addresses());
            load.is_answered();
        })
    });
    load.account(&vault, "each of two nodes", kills);
}

#[test]
fn promise_7_killing_the_database_loses_nothing_that_was_answered() {
    let mut vault = Vault::on_own_cluster();
    vault.start();
    let load = Load::on(&vault);
    let (cluster, _) = vault.cluster();
    let kills = load.during(|| {
        each_second(|time| {
            if time % 2 == 0 {
                cluster.kill();
            } else {
                cluster.crash();
            }
            load.is_refused();
            cluster.start();
            load.is_answered();
        })
    });
    load.account(&vault, "the database of two nodes", kills);
}

#[test]
fn promise_7_a_database_that_is_told_to_answer_early_loses_nothing_all_the_same() {
    let mut vault = Vault::on_own_cluster();
    let (_, name) = vault.cluster();
    Raw::of(&vault).change(&format!("ALTER DATABASE {name} SET synchronous_commit = off"));
    vault.stop();
    vault.start();
    let (ground, value) = (vault.ground(), canary("early"));
    let (cluster, _) = vault.cluster();
    for number in 0..5 {
        let name = format!("KEY_{number}");
        ground.set(&name, &value);
        cluster.kill();
        cluster.start();
        let found = || ground.owner.get(&ground.secret(&name));
        let begun = Instant::now();
        while found().status == 503 {
            assert!(begun.elapsed() < Duration::from_secs(10), "it does not serve again");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(found().ok().text(&format!("/secrets/{name}/value")) == value);
    }
}
