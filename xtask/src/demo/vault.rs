//! The vault's main job: a token that reads one name for an hour, a row for what it fetched, and its end.

use anyhow::{Context as _, Result, ensure};

use super::stage::{Stage, say};

/// Shows it with the environment `development`, whose values are `values`.
pub(super) fn hand_out(stage: &Stage, url_value: &str) -> Result<()> {
    say("A team has a vault of its own: one program, here on this machine.");
    let said = stage.vault(&["init", "--data", "../vault", "--master-key-file", "../vault.key"])?;
    let invitation = said.split_whitespace().find(|word| word.starts_with("unsp_admin_"));
    let invitation = invitation.context("`init` invites nobody")?;
    let server = stage.serve(&[
        "serve",
        "--data",
        "../vault",
        "--master-key-file",
        "../vault.key",
        "--listen",
        "127.0.0.1:0",
    ])?;
    let url = server.url();

    say("Its owner logs in with the invitation, and moves the environment into it.");
    stage.typed(&["login", "--vault", url, "--token-stdin"], invitation)?;
    stage.unspoken(&["push", "development", "--vault", url, "--link", "--yes"], 0)?;

    say("An agent gets a token: it reads one name of one environment, for an hour.");
    let words = ["--only", "DATABASE_URL", "--expires", "in 1 hour"];
    let words = [&["token", "create", "agent", "-e", "development"][..], &words].concat();
    let token = stage.quietly(&words)?;
    let script = "echo \"the database is at $DATABASE_URL, the password is ${PASSWORD-not mine}\"";
    let run = ["run", "-e", "development", "--redact=never", "--", "sh", "-c", script];
    let said = stage.with_token((url, &token), &run, 0)?;
    ensure!(said.contains(url_value), "the agent did not get the value");
    ensure!(said.contains("not mine"), "the agent got more than it was to get");
    let set = ["set", "API_KEY", "-e", "development", "--generate"];
    stage.with_token((url, &token), &set, 11)?;

    say("What it fetched is written down: a value leaves the vault when its row is on the disk.");
    let rows = stage.unspoken(&["audit", "-e", "development", "--limit", "3"], 0)?;
    ensure!(rows.contains("environment.reveal"), "the fetch is not in the record");

    say("The token is revoked. From here on it gets nothing, anywhere.");
    stage.unspoken(&["token", "revoke", "agent"], 0)?;
    stage.with_token((url, &token), &["run", "-e", "development", "--", "touch", "started"], 11)?;
    ensure!(!stage.marks(), "the program was started all the same");
    Ok(())
}
