//! `unspoken inbox`: values that wait for somebody who can open the document.

use serde_json::json;
use unspoken_model::{EnvironmentName, SecretName};
use unspoken_store::Waiting;

use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::flags::EnvFlag;
use crate::prompt;
use crate::ui::counted;

/// See which values wait to be taken up
///
/// `unspoken set` on a machine that cannot open a document leaves the value in
/// `secrets/ENV.inbox/`, sealed for those who can. The next command of theirs
/// that opens the environment takes it up. Look at who left what before you
/// merge such a file: anybody can make one.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken inbox -e production\n  unspoken inbox -e production --drop STRIPE_KEY"
)]
pub(crate) struct Inbox {
    /// One environment alone [default: all; with `--drop` as elsewhere]
    #[command(flatten)]
    env: EnvFlag,

    /// Throw away what waits under this name, instead of listing
    #[arg(long, value_name = "NAME")]
    drop: Option<SecretName>,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl Inbox {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let workspace = cx.workspace()?;
        let one = || cx.environment(&workspace.project, &self.env).map(|found| found.value);
        if let Some(name) = &self.drop {
            return self.throw_away(cx, name, &cx.store(&workspace).inbox(&one()?)?);
        }
        let environments = match self.env.env {
            Some(_) => vec![one()?],
            None => workspace.project.file.environments.keys().cloned().collect(),
        };
        let mut waiting = Vec::new();
        for environment in environments {
            for item in cx.store(&workspace).inbox(&environment)? {
                waiting.push((environment.clone(), item));
            }
        }
        if cx.ui.json {
            let list: Vec<_> = waiting.iter().map(to_json).collect();
            return cx.ui.print_json(&json!({ "waiting": list }));
        }
        if waiting.is_empty() {
            cx.ui.note("nothing waits");
        }
        let line = |(environment, waiting): &(EnvironmentName, Waiting)| {
            let label = &waiting.label;
            let (name, author, time) = (&label.name, &label.author, label.time());
            format!("{name} in {environment}  left by {author}, {time}\n")
        };
        cx.ui.print(&waiting.iter().map(line).collect::<String>())
    }

    fn throw_away(
        &self,
        cx: &Context,
        name: &SecretName,
        waiting: &[Waiting],
    ) -> Result<(), Failure> {
        let named: Vec<_> = waiting.iter().filter(|waiting| waiting.label.name == *name).collect();
        if named.is_empty() {
            let message = format!("nothing waits under `{name}`");
            return Err(Failure::new(Code::Missing, message).hint("Run `unspoken inbox`."));
        }
        let count = counted(named.len(), "waiting value");
        prompt::confirm(&cx.ui, &format!("throw away {count} of `{name}`?"), self.yes)?;
        for waiting in &named {
            std::fs::remove_file(&waiting.path).map_err(|error| {
                let path = waiting.path.display();
                Failure::new(Code::Other, format!("cannot remove `{path}`: {error}"))
            })?;
        }
        cx.ui.report(
            &json!({ "name": name.as_str(), "dropped": named.len() }),
            &format!("threw away {count} of {name}"),
        )
    }
}

fn to_json((environment, waiting): &(EnvironmentName, Waiting)) -> serde_json::Value {
    let label = &waiting.label;
    json!({
        "environment": environment.as_str(),
        "name": label.name.as_str(),
        "author": label.author.as_str(),
        "time": label.time(),
        "file": waiting.path.display().to_string(),
    })
}
