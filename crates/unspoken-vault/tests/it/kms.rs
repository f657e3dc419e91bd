//! A vault whose master key AWS KMS holds, or what stands in for it.

mod imitation;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use serde_json::{Value, json};
use unspoken_testkit::{Database, Ground, Vault, canary, vault_binary};

use crate::raw::Raw;
use imitation::{Imitation, Mood, POD_TOKEN, SECRET};

fn each(story: impl Fn(&Imitation, &str, Vault)) {
    for database in Database::ALL {
        let kms = Imitation::start();
        let name = kms.make_key("one");
        let vault = Vault::under(database, &name, kms.variables());
        story(&kms, &name, vault);
    }
}

/// How often a key of a project was unwrapped.
fn unwrapped(kms: &Imitation) -> usize {
    let calls = kms.calls();
    let is_unwrap = |call: &&imitation::Call| {
        call.action == "Decrypt" && call.context["purpose"] == "project-key"
    };
    calls.iter().filter(is_unwrap).count()
}

#[test]
fn a_store_under_kms_is_a_store_like_others() {
    each(|kms, name, mut vault| {
        let ground = vault.ground();
        let value = canary("kms");
        ground.set("KEY", &value);
        let calls = kms.calls();
        let wrap = calls
            .iter()
            .find(|call| call.action == "Encrypt" && call.context["purpose"] == "project-key");
        let context = &wrap.unwrap().context;
        assert_eq!(context["team"], ground.team);
        assert_eq!(context["project"], ground.project);
        assert_eq!(context["kek"], "1");
        assert!(context["deployment"].starts_with("dep_"));

        let agent = ground.agent().client;
        vault.stop();
        kms.calls();
        let address = vault.start();
        let started: Vec<_> = kms.calls().iter().map(|call| call.action.clone()).collect();
        assert_eq!(started, ["Decrypt", "Decrypt"], "what proves the master key, and the signer's");
        // Whoever asks first, and however many at once, the key is unwrapped once.
        std::thread::scope(|scope| {
            for _ in 0..12 {
                scope.spawn(|| ground.has(&agent.at(address), "KEY", &value));
            }
        });
        assert_eq!(unwrapped(kms), 1);
        let owner = ground.owner.at(address);
        let path = format!("/v1/projects/{}/rewrap", ground.project);
        assert_eq!(owner.post(&path, &json!({})).ok().number("/key_version"), 2);
        let newer = Ground { owner, ..ground.clone() };
        newer.set("NEW", &value);
        newer.has(&newer.owner, "NEW", &value);
        newer.has(&newer.owner, "KEY", &value);

        let checked = vault.run(&["check", "--all"]);
        let said = String::from_utf8(checked.stdout).unwrap();
        assert!(checked.status.success(), "{said}");
        assert!(!vault.logs().contains(&value) && !vault.logs().contains(SECRET));
        // By its name on the command line and in a variable as well: it is no secret.
        for (words, variable) in [(vec!["--master-key", name], None), (vec![], Some(name))] {
            let mut command = Command::new(vault_binary());
            command.env_clear().envs(kms.variables()).args(["check"]).args(&words);
            match vault.database() {
                Database::Sqlite => command.arg("--data").arg(vault.folder().join("data")),
                Database::Postgres => command.args(["--database", &vault.url()]),
            };
            command.envs(variable.map(|name| ("UNSPOKEN_VAULT_MASTER_KEY", name)));
            let said = command.output().unwrap();
            assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        }
        let other = vault.run(&["check", "--master-key", name]);
        assert_eq!(other.status.code(), Some(2), "one of the two ways to name a key");
    });
}

#[test]
fn while_kms_is_away_nothing_is_handed_out_and_afterwards_it_is() {
    const MOODS: [Mood; 7] = [
        Mood::Throttles,
        Mood::Broken,
        Mood::Hangs,
        Mood::Denies,
        Mood::AnotherKey,
        Mood::Gone,
        Mood::Nonsense,
    ];
    each(|kms, _, mut vault| {
        let value = canary("kms-away");
        let grounds =
            MOODS.map(|mood| Ground::make(vault.owner(), &format!("{mood:?}").to_lowercase(), "e"));
        for ground in &grounds {
            ground.set("KEY", &value);
        }
        let near = Ground::make(vault.owner(), "near", "e");
        near.set("KEY", &value);
        vault.stop();
        let address = vault.start();
        let owner = vault.owner().at(address);
        near.has(&owner, "KEY", &value);
        for (mood, ground) in MOODS.into_iter().zip(&grounds) {
            kms.feel(mood);
            let begun = Instant::now();
            let refused = owner.get(&ground.secret("KEY")).is(503);
            assert_eq!(refused.code(), "unavailable");
            assert!(!refused.holds(&value));
            assert!(begun.elapsed() < Duration::from_secs(11), "{mood:?}");
            // What is in memory goes on, and nothing that needs a new key.
            near.has(&owner, "KEY", &value);
            if mood == Mood::Gone {
                let path = format!("/v1/teams/{}/projects", ground.team);
                owner.post(&path, &json!({ "name": "never" })).is(503);
            }
            // Nor does a node start, and it says why.
            let said = vault.run(&["serve", "--listen", "127.0.0.1:0"]);
            let said = String::from_utf8(said.stderr).unwrap();
            assert!(said.starts_with("error: ") && said.contains("AWS"), "{mood:?}: {said}");
            kms.feel(Mood::Well);
            ground.has(&owner, "KEY", &value);
        }
        let logs = vault.logs();
        assert!(logs.contains("AWS KMS answers again") && !logs.contains(&value), "{logs}");
        assert!(logs.contains("AWS KMS does not answer: keys of projects"), "{logs}");
        let list = owner.get("/v1/projects").ok().json();
        let is_never = |project: &Value| project["name"] == "never";
        assert!(!list["projects"].as_array().unwrap().iter().any(is_never));
    });
}

#[test]
fn what_kms_puts_off_once_is_asked_again() {
    let kms = Imitation::start();
    let name = kms.make_key("one");
    let mut vault = Vault::under(Database::Sqlite, &name, kms.variables());
    let ground = vault.ground();
    ground.set("KEY", &canary("again"));
    vault.stop();
    let address = vault.start();
    kms.feel(Mood::ThrottlesOnce);
    ground.has(&ground.owner.at(address), "KEY", &canary("again"));
}

#[test]
fn a_key_that_was_moved_to_another_project_opens_nothing() {
    each(|_, _, mut vault| {
        let one = vault.ground();
        one.set("KEY", &canary("one"));
        let other = Ground::make(one.owner.clone(), "other", "production");
        other.set("KEY", &canary("other"));
        vault.stop();
        let raw = Raw::of(&vault);
        let wrapped = "SELECT wrapped FROM project_key WHERE project";
        raw.change(&format!(
            "CREATE TABLE kept AS {wrapped} = '{0}'; \
             UPDATE project_key SET wrapped = ({wrapped} = '{1}') WHERE project = '{0}'; \
             UPDATE project_key SET wrapped = (SELECT wrapped FROM kept) WHERE project = '{1}'",
            one.project, other.project
        ));
        drop(raw);
        let address = vault.start();
        for ground in [&one, &other] {
            let refused = ground.owner.at(address).get(&ground.secret("KEY")).is(503);
            assert!(!refused.holds(&canary("one")) && !refused.holds(&canary("other")));
        }
    });
}

#[test]
fn a_store_moves_into_kms_to_another_key_of_it_and_back() {
    for database in Database::ALL {
        let kms = Imitation::start();
        let names = [kms.make_key("one"), kms.make_key("two")];
        let mut vault = Vault::on(database);
        vault.set_variables(kms.variables());
        let ground = vault.ground();
        let value = canary("rewrap-kms");
        ground.set("KEY", &value);
        vault.stop();
        let file = vault.master_key();
        let first = fs::read(&file).unwrap();
        let back = vault.folder().join("back.key");
        for step in 0..3 {
            let begun = match names.get(step) {
                Some(name) => vault.run(&["rewrap", "--new-master-key", name]),
                None => vault.run(&["rewrap", "--new-master-key-file", back.to_str().unwrap()]),
            };
            let said = String::from_utf8(begun.stderr).unwrap();
            assert!(begun.status.success(), "{said}");
            // What it was under before does not open it.
            let said = vault.run(&["serve", "--listen", "127.0.0.1:0"]);
            let said = String::from_utf8(said.stderr).unwrap();
            assert!(said.contains("does not open what was wrapped"), "{said}");
            match names.get(step) {
                Some(name) => fs::write(&file, name).unwrap(),
                None => fs::copy(&back, &file).map(drop).unwrap(),
            }
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
            let address = vault.start();
            ground.has(&ground.owner.at(address), "KEY", &value);
            vault.stop();
            assert!(vault.run(&["check", "--all"]).status.success());
        }
        assert!(fs::read(&file).unwrap() != first);
        // While nobody can tell whose the keys are, nothing is changed.
        kms.feel(Mood::Gone);
        let begun = vault.run(&["rewrap", "--new-master-key", &names[0]]);
        let said = String::from_utf8(begun.stderr).unwrap();
        assert!(said.contains("AWS KMS does not answer"), "{said}");
        assert!(vault.run(&["check", "--all"]).status.success());
    }
}

#[test]
fn whoever_gives_credentials_is_asked_in_time() {
    let kms = Imitation::start();
    let name = kms.make_key("one");
    let mut vault = Vault::under(Database::Sqlite, &name, kms.variables());
    let url = format!("http://{}", kms.address);
    let file = vault.folder().join("web-token");
    fs::write(&file, "a.web&identity=token\n").unwrap();
    let pod_file = vault.folder().join("pod-token");
    fs::write(&pod_file, POD_TOKEN).unwrap();
    let (file, pod_file) = (file.to_str().unwrap(), pod_file.to_str().unwrap());
    let container = format!("{url}/v1/credentials");
    let role = [
        ("AWS_ENDPOINT_URL_STS", url.as_str()),
        ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/vault"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", file),
    ];
    let pod = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", pod_file),
    ];
    let machine = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", url.as_str())];
    for (whose, variables) in [("role", &role[..]), ("pod", &pod), ("machine", &machine)] {
        vault.set_variables(kms.variables_with(variables));
        for (lifetime, fewest) in [(3600, 1), (60, 2)] {
            kms.give_for(SignedDuration::from_secs(lifetime));
            kms.calls();
            let said = vault.run(&["check"]);
            assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
            let mut who: Vec<_> = kms.calls().into_iter().map(|call| call.who).collect();
            who.dedup();
            assert!(who.iter().all(|id| id.starts_with(&format!("ASIA{whose}"))), "{who:?}");
            // One that ends in a minute is not waited for.
            assert!(who.len() >= fewest && (lifetime == 60 || who.len() == 1), "{who:?}");
        }
    }
    let none = [("AWS_EC2_METADATA_DISABLED", "true")];
    let wrong = [("AWS_ACCESS_KEY_ID", "AKIATEST"), ("AWS_SECRET_ACCESS_KEY", "another")];
    for (variables, expected) in [(&none[..], "no credentials"), (&wrong, "does not accept")] {
        vault.set_variables(kms.variables_with(variables));
        let said = vault.run(&["serve", "--listen", "127.0.0.1:0"]);
        let said = String::from_utf8(said.stderr).unwrap();
        assert!(said.contains(expected) && !said.contains("another"), "{said}");
    }
}
