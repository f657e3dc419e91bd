//! The vault's interface under Schemathesis: requests that fit its description and requests that do
//! not, against the real program, for a bounded time.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use unspoken_testkit::{Database, Vault};

use crate::command::{Said, cargo, listen, must, program, target};
use crate::setup;

/// How long it looks, in seconds.
const TIME: &str = "30";

/// What an answer has to be like, whatever was asked.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,ignored_auth,\
                      unsupported_method";

/// What would end the session that all is asked with, or the place that it is asked about.
const LEFT_OUT: &[&str] =
    &["delete-session", "delete-tokens-token", "delete-environments-environment"];

/// What the vault's program prints as its description.
pub(crate) fn describe() -> Result<Vec<u8>> {
    Ok(must(program(binary()?).arg("openapi"))?.into_bytes())
}

/// Builds the vault's program.
pub(crate) fn binary() -> Result<PathBuf> {
    must(&mut cargo(["build", "--package", "unspoken-vault", "--locked", "--quiet"]))?;
    Ok(target().join("debug").join("unspoken-vault"))
}

pub(crate) fn check() -> Result<String> {
    let description = describe()?;
    let schemathesis = setup::ensure_schemathesis()?;
    let vault = Vault::on(Database::Sqlite);
    let ground = vault.ground();
    ground.set("KEY", "value");
    let folder = vault.folder();
    let file = folder.join("openapi.json");
    fs::write(&file, description).context("cannot write the description")?;
    let settings = folder.join("schemathesis.toml");
    let text = format!(
        "base-url = \"http://{}\"\nheaders = {{ Authorization = \"Bearer ${{SESSION}}\" }}\n\
         [phases.coverage]\nunexpected-methods = [\"TRACE\"]\n[parameters]\n\"path.team\" = \"{}\"\n\"path.project\" = \"{}\"\n\
         \"path.environment\" = \"{}\"\n",
        ground.owner.address(),
        ground.team,
        ground.project,
        ground.environment,
    );
    fs::write(&settings, text).context("cannot write the settings")?;
    let mut command = program(schemathesis);
    command.current_dir(folder).env("SESSION", ground.owner.token());
    command.arg("--config-file").arg(&settings).arg("run").arg(&file);
    command.args(["--checks", CHECKS, "--max-time", TIME, "--phases", "coverage,fuzzing"]);
    command.args(["--suppress-health-check", "all", "--warnings", "off", "--workers", "1"]);
    for id in LEFT_OUT {
        command.args(["--exclude-operation-id", id]);
    }
    let Said { text, success } = listen(&mut command)?;
    ensure!(success, "{text}\nSchemathesis found something");
    let cases = count(&text).context("Schemathesis does not say what it did")?;
    ensure!(cases > 500, "{text}\nSchemathesis made {cases} requests only");
    let after = vault.owner().get("/v1/session").status;
    ensure!(after == 200, "after all this the session gets {after}");
    Ok(format!("{cases} requests"))
}

/// How many requests a report counts: `1234 generated`.
fn count(report: &str) -> Option<u32> {
    let words: Vec<&str> = report.split_whitespace().collect();
    let at = words.windows(2).find(|pair| pair[1].starts_with("generated"))?;
    at[0].replace(',', "").parse().ok()
}
