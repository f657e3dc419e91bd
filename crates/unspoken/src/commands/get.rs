//! `unspoken get NAME`: prints one value, for a pipe or for a person who asked.

use clap_complete::ArgValueCandidates;
use serde_json::json;
use unspoken_model::SecretName;
use unspoken_seal::SecretSet;

use crate::complete;
use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::flags::EnvFlag;

/// Print one secret's value
///
/// The value goes to standard output as it is, with no newline added. To a
/// terminal it is printed only with `--show`.
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
        if cx.ui.stdout_is_terminal() && !self.show {
            let hint = "Pipe it on, or add `--show` to the same command.";
            return Err(Failure::new(Code::Refused, "standard output is a terminal").hint(hint));
        }
        let workspace = cx.workspace()?;
        let environment = cx.environment(&workspace.project, &self.env)?.value;
        let set = cx.open(&workspace, &environment)?;
        let secret = set.get(&self.name).ok_or_else(|| missing(&self.name, &set))?;
        if cx.ui.json {
            return cx.ui.print_json(&json!({
                "name": self.name.as_str(),
                "environment": environment.as_str(),
                "value": secret.expose(),
            }));
        }
        cx.ui.write_value(secret.expose().as_bytes())?;
        // A person's prompt begins on its own line; a pipe gets the value alone.
        if cx.ui.stdout_is_terminal() {
            cx.ui.print("\n")?;
        }
        Ok(())
    }
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
