//! `unspoken why NAME`: where a value comes from, and what else was considered.

use clap_complete::ArgValueCandidates;
use serde_json::{Value, json};
use unspoken_model::{EnvironmentName, Expiry, SecretName};
use unspoken_store::{Setting, StoreError};

use crate::complete;
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure};
use crate::flags::EnvFlag;
use crate::json;

/// Say where a secret's value comes from
///
/// Names the environment, the document and the key, and what else was looked at:
/// environments that have the name too, and a variable of the same name.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  unspoken why DATABASE_URL -e preview")]
pub(crate) struct Why {
    /// The secret's name
    #[arg(add = ArgValueCandidates::new(complete::names))]
    name: SecretName,

    #[command(flatten)]
    env: EnvFlag,
}

/// One environment that was looked at.
struct Step {
    environment: EnvironmentName,
    /// The document, or the vault.
    file: String,
    has: bool,
    revision: Option<u64>,
    expiry: Option<Expiry>,
    /// Which key opens it, or why none does.
    key: Result<String, String>,
}

impl Why {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let workspace = cx.workspace()?;
        let chosen = cx.environment(&workspace.project, &self.env)?;
        let ancestry = workspace.project.file.ancestry(&chosen.value).map_err(StoreError::from)?;
        let steps = ancestry
            .iter()
            .map(|environment| self.step(cx, &workspace, environment))
            .collect::<Result<Vec<_>, _>>()?;
        let used = steps.iter().position(|step| step.has);
        let used_step = used.and_then(|at| steps.get(at)).filter(|step| step.key.is_ok());
        // A value in a vault is not fetched to be looked at.
        let is_here = |step: &&Step| !workspace.project.file.is_in_vault(&step.environment);
        if let Some(step) = used_step.filter(is_here) {
            // The key fits; whether the values and the MAC do, opening tells.
            cx.store(&workspace).open_own(&step.environment)?;
            cx.warn_unless_sealed(&workspace, &step.environment);
        }
        let shadowed = std::env::var_os(self.name.as_str()).is_some();
        if cx.ui.json {
            cx.ui.print_json(&self.to_json(cx, &chosen, &steps, used, shadowed))?;
        } else {
            let mut text = self.print(&chosen, &steps, used, shadowed);
            if workspace.project.file.visible.contains(&self.name) {
                text.push_str("  may be seen in output (`visible` in unspoken.toml)\n");
            }
            cx.ui.print(&text)?;
        }
        if used.is_some() {
            return Ok(());
        }
        let message =
            format!("no secret `{}` in `{}` or what it inherits", self.name, chosen.value);
        Err(Failure::new(Code::Missing, message)
            .hint(format!("Run `unspoken set {} -e {}` to add it.", self.name, chosen.value)))
    }

    fn step(
        &self,
        cx: &Context,
        workspace: &Workspace,
        environment: &EnvironmentName,
    ) -> Result<Step, Failure> {
        if let Some(vault) = cx.vault_of(workspace, environment)? {
            let found = vault.names(environment)?;
            let one = found.names.get(&self.name);
            return Ok(Step {
                environment: environment.clone(),
                file: vault.url().to_string(),
                has: one.is_some(),
                revision: u64::try_from(found.revision).ok(),
                expiry: one.and_then(|one| one.expiry),
                key: Ok("this machine's token for the vault".to_owned()),
            });
        }
        let store = cx.store(workspace);
        let bytes = store.read(environment)?;
        let verified = store.verify(environment, &bytes)?;
        let document = verified.document();
        let block = document.block();
        Ok(Step {
            environment: environment.clone(),
            file: workspace.shown(&workspace.project.document(environment).0).to_string(),
            has: document.names().any(|name| name == self.name.as_str()),
            revision: block.map(|block| block.revision),
            expiry: block.and_then(|block| block.expires.get(&self.name).copied()),
            key: match store.unlock(environment, &verified) {
                Ok((_, origin)) => Ok(origin.to_string()),
                Err(error) => Err(error.to_string()),
            },
        })
    }

    fn print(
        &self,
        chosen: &Setting<EnvironmentName>,
        steps: &[Step],
        used: Option<usize>,
        shadowed: bool,
    ) -> String {
        let mut lines =
            vec![format!("{} in {} (chosen by {})", self.name, chosen.value, chosen.origin)];
        for (at, step) in steps.iter().enumerate() {
            let state = match used {
                Some(used) if used == at => "the value comes from here",
                Some(used) if used < at && step.has => "has it too, and is not asked",
                _ if step.has => "has it",
                _ => "does not have it",
            };
            let revision = step.revision.map_or(String::new(), |n| format!(", revision {n}"));
            lines.push(format!("  {}: {state} ({}{revision})", step.environment, step.file));
            if used == Some(at) {
                lines.push(match &step.key {
                    Ok(key) => format!("    opened by {key}"),
                    Err(error) => format!("    {error}"),
                });
                if let Some(expiry) = step.expiry {
                    lines.push(format!("    expires {expiry}"));
                }
            }
        }
        if shadowed {
            lines.push(format!("  the variable {} is set here; `run` replaces it", self.name));
        }
        lines.join("\n") + "\n"
    }

    fn to_json(
        &self,
        cx: &Context,
        chosen: &Setting<EnvironmentName>,
        steps: &[Step],
        used: Option<usize>,
        shadowed: bool,
    ) -> Value {
        let today = cx.today();
        let considered: Vec<Value> = steps
            .iter()
            .map(|step| {
                json!({
                    "environment": step.environment.as_str(),
                    "file": step.file,
                    "has": step.has,
                    "revision": step.revision,
                    "expiry": json::expiry(step.expiry, today),
                    "key": step.key.as_ref().ok(),
                })
            })
            .collect();
        json!({
            "name": self.name.as_str(),
            "environment": chosen.value.as_str(),
            "chosen_by": chosen.origin.to_string(),
            "from": used.and_then(|at| steps.get(at)).map(|step| step.environment.as_str()),
            "considered": considered,
            "variable_is_set": shadowed,
        })
    }
}
