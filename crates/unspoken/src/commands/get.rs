//! `unspoken get NAME`: prints one value, for a pipe or for a person who asked.

use clap_complete::ArgValueCandidates;
use serde_json::json;
use unspoken_model::SecretName;
use unspoken_seal::{Secret, SecretSet};

use crate::agent_runtime::Guarded;
use crate::complete;
use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::flags::EnvFlag;

/// Print one secret's value
///
/// The value goes to standard output as it is, with no newline added. To a
/// terminal it is printed only with `--show`; inside of a coding agent not at all,
/// unless `visible` in `unspoken.toml` has the name, or a person has permitted it
/// with `unspoken agents allow`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken get DATABASE_URL | pbcopy\n  unspoken get TLS_KEY -e production > /dev/shm/key.pem"
)]
pub(crate) struct Get {
    /// The secret's name
    #[arg(add = ArgValueCandidates::new(complete::names))]
    name: SecretName,

    #[command(flatten)]
    env: EnvFlag,

    /// Print to a terminal, where others may look on
    #[arg(long)]
    show: bool,
}

impl Get {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        refuse_terminal(cx, self.show)?;
        let workspace = cx.workspace()?;
        let environment = cx.environment(&workspace.project, &self.env)?.value;
        // What is no secret is printed by `run` as well.
        if !workspace.project.file.visible.contains(&self.name) {
            Guarded::Get.refuse_agents(cx, &workspace, &environment)?;
        }
        let set = cx.open(&workspace, &environment)?;
        let secret = set.get(&self.name).ok_or_else(|| missing(&self.name, &set))?;
        print_one(cx, self.name.as_str(), environment.as_str(), secret)
    }
}

/// Prints no value where others may look on, unless that was asked for.
pub(super) fn refuse_terminal(cx: &Context, show: bool) -> Result<(), Failure> {
    if cx.ui.stdout_is_terminal() && !show {
        let hint = "Pipe it on, or add `--show` to the same command.";
        return Err(Failure::new(Code::Refused, "standard output is a terminal").hint(hint));
    }
    Ok(())
}

/// Prints one value as it is, or as JSON where that was asked for.
pub(super) fn print_one(
    cx: &Context,
    name: &str,
    environment: &str,
    secret: &Secret,
) -> Result<(), Failure> {
    if cx.ui.json {
        let value = secret.expose();
        return cx.ui.print_json(&json!({
            "name": name,
            "environment": environment,
            "value": value,
        }));
    }
    cx.ui.write_value(secret.expose().as_bytes())?;
    // A person's prompt begins on its own line; a pipe gets the value alone.
    if cx.ui.stdout_is_terminal() {
        cx.ui.print("\n")?;
    }
    Ok(())
}

pub(crate) fn missing(name: &SecretName, set: &SecretSet) -> Failure {
    let message = format!("no secret `{name}` in `{}`", set.environment());
    let failure = Failure::new(Code::Missing, message);
    match set.nearest(name) {
        Some(nearest) => failure.hint(format!("Did you mean `{nearest}`?")),
        None => {
            let environment = set.environment();
            failure.hint(format!("Run `unspoken set {name} -e {environment}` to add it."))
        }
    }
}
