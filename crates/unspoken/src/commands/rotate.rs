//! `unspoken rotate`: makes an environment's keys anew; with a name, the value
//! of one secret.

use std::time::Duration;

use clap_complete::ArgValueCandidates;
use serde_json::json;
use unspoken_model::{EnvironmentName, SecretName};
use unspoken_seal::{Identity, Recipient};

use crate::access_change::people;
use crate::commands::env::refuse_home_inside;
use crate::commands::rotate_value::{Request, rotate_value};
use crate::commands::set::Lifetime;
use crate::complete;
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure};
use crate::flags::EnvFlag;
use crate::prompt;
use crate::ui::counted;

/// Make an environment's keys anew, or one secret's value
///
/// Without a name: a new data key, and a new environment key, for everybody on the access list.
/// Whoever had the old environment key needs the new one. Every earlier commit
/// stays readable with the old keys, so values that somebody may have seen must
/// be changed at their providers too.
///
/// With a name: the secret's rotation hook is started, a program of the project
/// that `unspoken.toml` names under `[rotation]`. It gets the old value on its
/// standard input, and what it prints is the new one. It is started only when
/// you have agreed to it, as it is now, with `unspoken trust`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken rotate -e production\n  unspoken rotate -e production --yes\n  unspoken rotate STRIPE_KEY -e production --expires 'in 90 days'"
)]
pub(crate) struct Rotate {
    /// The secret whose rotation hook is started
    #[arg(add = ArgValueCandidates::new(complete::names))]
    name: Option<SecretName>,

    #[command(flatten)]
    env: EnvFlag,

    /// Make an environment key that is safe from quantum computers, as it stays from then on
    #[arg(long, conflicts_with = "name")]
    post_quantum: bool,

    /// How long the hook may take [default: 60]
    #[arg(long, value_name = "SECONDS", requires = "name",
          value_parser = clap::value_parser!(u32).range(1..=3600))]
    timeout: Option<u32>,

    /// When the new value must be replaced: `2027-01-31`, `in 90 days` or `never`
    #[arg(long, value_name = "WHEN", requires = "name")]
    expires: Option<String>,

    /// Store the value that an earlier rotation could not store; starts no hook
    #[arg(long, requires = "name")]
    rescued: bool,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl Rotate {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let Some(name) = self.name else { return self.keys(cx) };
        let request = Request {
            name,
            limit: Duration::from_secs(self.timeout.unwrap_or(60).into()),
            lifetime: Lifetime::parse(cx, self.expires.as_deref())?,
            rescued: self.rescued,
            yes: self.yes,
        };
        let workspace = cx.workspace()?;
        let environment = cx.environment(&workspace.project, &self.env)?.value;
        refuse_vault(&workspace, &environment, &request.name)?;
        cx.fold(&workspace, &environment);
        rotate_value(cx, &workspace, &environment, &request)
    }

    fn keys(self, cx: &Context) -> Result<(), Failure> {
        let mut workspace = cx.workspace()?;
        let environment = cx.environment(&workspace.project, &self.env)?.value;
        refuse_home_inside(&workspace.project.root, &workspace.home)?;
        cx.fold(&workspace, &environment);
        let store = cx.store(&workspace);
        let plan = store.plan_access(&environment)?;
        store.listed(&environment)?;
        if !plan.is_empty() {
            let message = format!("who can read `{environment}` differs from the list");
            return Err(Failure::new(Code::Refused, message).hint(format!(
                "Nothing was changed. Run `unspoken recipients sync -e {environment}` first, which shows \
                 the difference."
            )));
        }
        // Before anything is asked: can this machine do it?
        store.open_own(&environment)?;
        let listed = workspace.project.file.access(&environment).len();
        cx.ui.lay_out(&format!(
            "{environment}: {} sealed anew, for a new environment key and {} on the list",
            counted(plan.names.len(), "value"),
            counted(listed, "recipient")
        ));
        let question = format!("make new keys for `{environment}`?");
        prompt::confirm(&cx.ui, &question, self.yes)?;
        let post_quantum = self.post_quantum
            || Recipient::parse(&plan.environment_key).is_ok_and(|key| key.is_post_quantum());
        let key =
            if post_quantum { Identity::generate_post_quantum() } else { Identity::generate() };
        let id = key.recipient().map(Recipient::key_id);
        let id = id.ok_or_else(|| Failure::new(Code::Other, "the new key has no public half"))?;
        let people = people(&workspace.project.file);
        let seal_key = cx.store(&workspace).rotate(&plan, &key, &people, cx.now())?;
        workspace.project.edit(|file| file.pin(&environment, seal_key))?;
        let names = if plan.names.is_empty() {
            String::new()
        } else {
            format!(
                "\nIf the old keys may have been seen, change these at their providers:\n  {}",
                plan.names.join("\n  ")
            )
        };
        cx.ui.report(
            &json!({
                "environment": environment.as_str(),
                "key_id": id.as_str(),
                "names": plan.names,
            }),
            &format!(
                "rotated {environment}: its key is now {id}\n\
                 Commit `unspoken.toml` and the document. Who uses the environment's own key needs \
                 the new one: `unspoken key export -e {environment}`.{names}"
            ),
        )
    }
}

/// A new value has its safe place beside a document; a vault has none yet.
fn refuse_vault(
    workspace: &Workspace,
    environment: &EnvironmentName,
    name: &SecretName,
) -> Result<(), Failure> {
    if !workspace.project.file.is_in_vault(environment) {
        return Ok(());
    }
    let message = format!("`{environment}` lives in a vault, where no rotation hook stores values");
    Err(Failure::new(Code::Refused, message).hint(format!(
        "Nothing was started. Pipe the new value in: `PROGRAM | unspoken set {name} -e {environment}`."
    )))
}
