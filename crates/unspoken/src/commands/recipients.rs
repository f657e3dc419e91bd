//! `unspoken recipients`: who may read which environment.

use std::collections::BTreeSet;

use clap_complete::ArgValueCandidates;
use serde_json::json;
use unspoken_model::{EnvironmentName, ProjectFile, RecipientName};
use unspoken_seal::Recipient;
use unspoken_store::Project;

use crate::access_change::{AccessChange, People, people};
use crate::complete;
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure};
use crate::flags::EnvFlag;
use crate::git;
use crate::prompt;

/// Say who may read which environment
///
/// The list stands in `unspoken.toml`, where a pull request shows each change.
/// `add` and `remove` change the list and, where this machine can open the
/// document, wrap it for exactly those on it; `sync` does the latter after
/// somebody else changed the list.
#[derive(Debug, clap::Subcommand)]
#[command(
    visible_alias = "recipient",
    after_help = "Examples:\n  unspoken recipients add bob age1… -e development -e staging\n  unspoken recipients sync\n  unspoken recipients remove bob"
)]
pub(crate) enum Recipients {
    /// List people and machines, and what each may read
    #[command(visible_alias = "ls", after_help = "Example:\n  unspoken recipients list --json")]
    List,
    /// Let somebody read an environment
    #[command(
        after_help = "Examples:\n  unspoken recipients add bob age1… -e staging\n  unspoken recipients add deploy \"$(cat deploy.pub)\" -e production"
    )]
    Add(Add),
    /// Take access away from somebody, and say what they could read
    #[command(
        visible_alias = "rm",
        after_help = "Examples:\n  unspoken recipients remove bob\n  unspoken recipients remove ci -e staging --yes"
    )]
    Remove(Remove),
    /// Wrap the documents for exactly those on the list
    #[command(
        after_help = "Examples:\n  git pull && unspoken recipients sync\n  unspoken recipients sync -e production --yes"
    )]
    Sync(Sync),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    /// What to call the person or machine, in lower case
    name: RecipientName,

    /// The public key: `age1…`, or the line of an ssh public key file
    #[arg(required = true, num_args = 1.., value_name = "PUBLIC-KEY")]
    key: Vec<String>,

    /// An environment to read; may be given several times [default: as `-e` elsewhere]
    #[arg(short, long, value_name = "ENV", add = ArgValueCandidates::new(complete::environments))]
    env: Vec<EnvironmentName>,

    /// Do not ask, also when the list holds other changes or another key
    #[arg(short, long)]
    yes: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Remove {
    /// Whom
    #[arg(add = ArgValueCandidates::new(complete::recipients))]
    name: RecipientName,

    /// An environment to take away; may be given several times [default: all]
    #[arg(short, long, value_name = "ENV", add = ArgValueCandidates::new(complete::environments))]
    env: Vec<EnvironmentName>,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Sync {
    /// An environment; may be given several times [default: all]
    #[arg(short, long, value_name = "ENV", add = ArgValueCandidates::new(complete::environments))]
    env: Vec<EnvironmentName>,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl Recipients {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        match self {
            Self::List => list(cx),
            Self::Add(command) => command.run(cx),
            Self::Remove(command) => command.run(cx),
            Self::Sync(command) => command.run(cx),
        }
    }
}

fn list(cx: &Context) -> Result<(), Failure> {
    let project = cx.project()?;
    let file = &project.file;
    let reads = |name: &RecipientName| -> Vec<&str> {
        let environments = file.environments.iter();
        let may = environments.filter(|(_, entry)| entry.recipients.contains(name));
        may.map(|(environment, _)| environment.as_str()).collect()
    };
    if cx.ui.json {
        let list = file.recipients.iter().map(|(name, key)| {
            json!({ "name": name.as_str(), "public_key": key, "environments": reads(name) })
        });
        return cx.ui.print_json(&json!({ "recipients": list.collect::<Vec<_>>() }));
    }
    if file.recipients.is_empty() {
        cx.ui.note(
            "Nobody is listed; whoever has an environment's own key can read it. Run `unspoken \
             recipients add NAME PUBLIC-KEY` to add somebody.",
        );
        return Ok(());
    }
    let width = file.recipients.keys().map(|name| name.as_str().len()).max().unwrap_or(0);
    let line = |(name, key): (&RecipientName, &String)| {
        format!("{name:width$}  {}  {}\n", key, reads(name).join(", "))
    };
    cx.ui.print(&file.recipients.iter().map(line).collect::<String>())
}

impl Add {
    fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let key = self.key.join(" ");
        if key.contains("SECRET-KEY") || key.contains("PRIVATE KEY") {
            return Err(Failure::new(Code::Usage, "this is a private key, not a public one").hint(
                "It now stands in the shell's history: make a new one. `unspoken identity` prints \
                 the public half.",
            ));
        }
        let recipient = Recipient::parse(key.trim())
            .map_err(|error| Failure::new(Code::Usage, format!("the public key: {error}")))?;
        let mut workspace = cx.workspace()?;
        let file = &workspace.project.file;
        let reads: Vec<EnvironmentName> = file
            .environments
            .iter()
            .filter(|(_, entry)| entry.recipients.contains(&self.name))
            .map(|(environment, _)| environment.clone())
            .collect();
        // Whoever is listed already, and gets another key, keeps what they have.
        let mut environments = if self.env.is_empty() && !reads.is_empty() {
            reads.clone()
        } else {
            chosen(cx, &workspace.project, &self.env)?
        };
        self.check(cx, file, recipient.as_str())?;
        let before = people(file);
        let replaced = file.recipients.get(&self.name).is_some_and(|old| old != recipient.as_str());
        let granted = environments.clone();
        let change = |file: &mut ProjectFile| {
            file.introduce(&self.name, recipient.as_str());
            for environment in &granted {
                file.grant(environment, &self.name);
            }
        };
        if replaced {
            // The old key must open nothing any more, wherever it did.
            environments.extend(reads);
            environments.sort();
            environments.dedup();
        }
        let planned = plan(cx, &workspace, &environments, before, change)?;
        let own = |plan: &unspoken_store::AccessPlan| {
            plan.dropped.is_empty() && plan.added.iter().all(|key| key == recipient.as_str())
        };
        if !planned.plans.iter().all(own) {
            planned.lay_out(cx);
            prompt::confirm(&cx.ui, "change access like this?", self.yes)?;
        }
        workspace.project.edit(change)?;
        perform(cx, &mut workspace, &environments, &planned).map(drop)
    }

    /// Another key under the same name takes the old one's place, when that is
    /// meant; a key has one name.
    fn check(&self, cx: &Context, file: &ProjectFile, key: &str) -> Result<(), Failure> {
        if let Some(other) = file.name_of(key).filter(|other| **other != self.name) {
            let message = format!("this public key is `{other}`'s already");
            return Err(Failure::new(Code::Refused, message)
                .hint(format!("Run `unspoken recipients add {other} PUBLIC-KEY -e ENV`.")));
        }
        match file.recipients.get(&self.name) {
            Some(old) if old != key => {
                let question = format!("replace the public key of `{}`?", self.name);
                prompt::confirm(&cx.ui, &question, self.yes)
            }
            _ => Ok(()),
        }
    }
}

impl Remove {
    fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let mut workspace = cx.workspace()?;
        let file = &workspace.project.file;
        let named = file.recipients.contains_key(&self.name);
        if !named {
            let message = format!("nobody is called `{}` in `unspoken.toml`", self.name);
            return Err(
                Failure::new(Code::Missing, message).hint("Run `unspoken recipients list`.")
            );
        }
        let reads = |environment: &EnvironmentName| {
            file.entry(environment).is_some_and(|entry| entry.recipients.contains(&self.name))
        };
        let environments: Vec<EnvironmentName> = if self.env.is_empty() {
            file.environments.keys().filter(|name| reads(name)).cloned().collect()
        } else {
            chosen(cx, &workspace.project, &self.env)?
        };
        let before = people(file);
        let change = |file: &mut ProjectFile| {
            for environment in &environments {
                file.revoke(environment, &self.name);
            }
            if self.env.is_empty() {
                file.forget(&self.name);
            }
        };
        let planned = plan(cx, &workspace, &environments, before, change)?;
        planned.lay_out(cx);
        let question = format!("take access away from `{}`?", self.name);
        prompt::confirm(&cx.ui, &question, self.yes)?;
        workspace.project.edit(change)?;
        perform(cx, &mut workspace, &environments, &planned).map(drop)
    }
}

impl Sync {
    fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let mut workspace = cx.workspace()?;
        let environments: Vec<EnvironmentName> = if self.env.is_empty() {
            let file = &workspace.project.file;
            file.environments.keys().filter(|name| !file.is_in_vault(name)).cloned().collect()
        } else {
            chosen(cx, &workspace.project, &self.env)?
        };
        // Whoever is no longer in the file was, in the last commit.
        let mut names = git::committed_project_file(&workspace.project.root)
            .map(|file| people(&file))
            .unwrap_or_default();
        names.extend(people(&workspace.project.file));
        let planned = plan(cx, &workspace, &environments, names, |_| {})?;
        if planned.is_empty() {
            return cx.ui.report(
                &json!({ "environments": [] }),
                "every document is wrapped for exactly those on the list",
            );
        }
        planned.lay_out(cx);
        prompt::confirm(&cx.ui, "change access like this?", self.yes)?;
        let untouched = perform(cx, &mut workspace, &environments, &planned)?;
        if untouched.is_empty() {
            return Ok(());
        }
        let message = format!("no key on this machine opens {}", untouched.join(", "));
        Err(Failure::new(Code::NoKey, message)
            .hint("Somebody who has access runs the same command; see `unspoken access`."))
    }
}

/// The named environments, each once; without any, the one that is meant.
fn chosen(
    cx: &Context,
    project: &Project,
    names: &[EnvironmentName],
) -> Result<Vec<EnvironmentName>, Failure> {
    if names.is_empty() {
        return Ok(vec![cx.environment(project, &EnvFlag { env: None })?.value]);
    }
    let resolve = |name: &EnvironmentName| {
        cx.environment(project, &EnvFlag { env: Some(name.clone()) }).map(|found| found.value)
    };
    let resolved: Result<BTreeSet<_>, _> = names.iter().map(resolve).collect();
    Ok(resolved?.into_iter().collect())
}

/// What a change of the project file would do to the documents.
fn plan(
    cx: &Context,
    workspace: &Workspace,
    environments: &[EnvironmentName],
    people_before: People,
    change: impl Fn(&mut ProjectFile),
) -> Result<AccessChange, Failure> {
    // What waits is taken up first: it is for the readers that there are.
    for environment in environments {
        cx.fold(workspace, environment);
    }
    let mut project = workspace.project.clone();
    change(&mut project.file);
    let mut names = people(&project.file);
    names.extend(people_before);
    let after = Workspace { project, home: workspace.home.clone() };
    AccessChange::plan(cx, &after, environments, names)
}

/// Brings the documents in line with the project file, as it was shown. Returns
/// the environments that no key on this machine opens.
fn perform(
    cx: &Context,
    workspace: &mut Workspace,
    environments: &[EnvironmentName],
    shown: &AccessChange,
) -> Result<Vec<String>, Failure> {
    let planned = AccessChange::plan(cx, workspace, environments, shown.people.clone())?;
    if !planned.is_as(shown) {
        let message = "the list or a document was changed meanwhile, so no document was touched";
        return Err(Failure::new(Code::Refused, message)
            .hint("Look at `git diff unspoken.toml`, then run `unspoken recipients sync`."));
    }
    let outcomes = planned.perform(cx, workspace)?;
    let list: Vec<_> = outcomes.iter().map(crate::access_change::Outcome::to_json).collect();
    let mut words: Vec<_> = outcomes.iter().map(crate::access_change::Outcome::words).collect();
    if words.is_empty() {
        words.push("`unspoken.toml` is up to date; no document needed a change".to_owned());
    }
    cx.ui.report(&json!({ "environments": list }), &words.join("\n"))?;
    let untouched: Vec<String> =
        outcomes.iter().filter_map(crate::access_change::Outcome::untouched).collect();
    Ok(untouched)
}
