//! `unspoken trust`: which rotation hooks may be started on this machine.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use unspoken_model::SecretName;
use unspoken_store::{Distrust, HookProgram, RealRoot, Trust as Record, TrustedHook};

use crate::commands::env::refuse_home_inside;
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure, command_line};
use crate::prompt;
use crate::ui::counted;

/// Agree to the project's rotation hooks, as they are now
///
/// A hook is a program in the repository that gets the value it rotates, so a
/// change of it by somebody else must not run unseen. What you agree to is the
/// program's content, its arguments and the project's path; when one of them
/// changes, the hook is not started until you have agreed again. What the
/// program itself loads or starts is not covered. Kept on this machine, outside
/// of the repository.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken trust\n  unspoken trust --list\n  unspoken trust --revoke"
)]
pub(crate) struct Trust {
    /// List what is trusted on this machine, in all projects
    #[arg(long, conflicts_with_all = ["revoke", "yes"])]
    list: bool,

    /// Trust no hook of this project any more
    #[arg(long, conflicts_with = "yes")]
    revoke: bool,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// A hook of the project, as it lies there now.
struct Seen {
    name: SecretName,
    command: Vec<String>,
    /// What it is, or why it cannot be used.
    program: Result<TrustedHook, Failure>,
    /// Why it is not trusted, if it is not.
    judged: Result<(), Distrust>,
}

impl Trust {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        if self.list {
            return list(cx);
        }
        let workspace = cx.workspace()?;
        refuse_home_inside(&workspace.project.root, &workspace.home)?;
        let root = RealRoot::find(&workspace.project.root)?;
        if self.revoke {
            return revoke(cx, &workspace, &root);
        }
        let before = workspace.home.trust().read(&root)?;
        let seen = look(&workspace, &root, before.as_ref());
        if seen.is_empty() {
            return Err(Failure::new(Code::Missing, "`unspoken.toml` names no rotation hook")
                .hint("Add `NAME = [\"scripts/PROGRAM\"]` to `[rotation]` there."));
        }
        if !cx.ui.json {
            cx.ui.lay_out(&describe(&seen));
        }
        let mut hooks = BTreeMap::new();
        for Seen { name, program, .. } in &seen {
            if let Ok(hook) = program {
                hooks.insert(name.clone(), hook.clone());
            }
        }
        if hooks.is_empty() {
            let first = seen.into_iter().find_map(|seen| seen.program.err());
            let failure = || Failure::new(Code::Other, "no hook can be used");
            return Err(first.unwrap_or_else(failure));
        }
        let record = Record { root: root.as_str().to_owned(), hooks };
        if before.as_ref() != Some(&record) {
            let what = counted(record.hooks.len(), "hook");
            let question = format!("may {what} run as you, with the values that they rotate?");
            prompt::confirm(&cx.ui, &question, self.yes)?;
            // Exactly what was looked at, whatever lies there by now.
            workspace.home.trust().write(&root, &record)?;
        }
        let what = counted(record.hooks.len(), "hook");
        cx.ui.report(
            &json!({ "root": root.as_str(), "hooks": seen.iter().map(Seen::json).collect::<Vec<_>>() }),
            &format!("{what} of {} trusted", root.as_str()),
        )
    }
}

impl Seen {
    /// How it stood before it was agreed to.
    fn state(&self) -> &'static str {
        match (&self.program, &self.judged) {
            (Err(_), _) => "unusable",
            (Ok(_), Ok(())) => "trusted before",
            (Ok(_), Err(Distrust::Never)) => "new",
            (Ok(_), Err(Distrust::Changed { .. })) => "changed",
        }
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name.as_str(),
            "command": self.command,
            "sha256": self.program.as_ref().ok().map(|hook| hook.checksum.to_string()),
            "state": self.state(),
        })
    }
}

/// Looks at every hook of the project file.
fn look(workspace: &Workspace, root: &RealRoot, before: Option<&Record>) -> Vec<Seen> {
    let hooks = workspace.project.file.rotation.iter();
    let seen = hooks.map(|(name, command)| {
        let below = command.first().map_or("", String::as_str);
        let program = HookProgram::read(root, below)
            .map(|program| TrustedHook { command: command.clone(), checksum: program.checksum })
            .map_err(Failure::from);
        let judged = match (before, &program) {
            (Some(before), Ok(hook)) => before.judge(name, hook),
            _ => Err(Distrust::Never),
        };
        Seen { name: name.clone(), command: command.clone(), program, judged }
    });
    seen.collect()
}

fn describe(seen: &[Seen]) -> String {
    let mut text = String::new();
    for each in seen {
        let _ = write!(text, "{}: {}", each.name, command_line(&each.command));
        match &each.program {
            Ok(hook) => {
                let _ = write!(text, "\n  {}, SHA-256 {}", each.state(), hook.checksum);
            }
            Err(failure) => {
                let _ = write!(text, "\n  left out: {}", failure.message);
            }
        }
        if let Err(Distrust::Changed { command, checksum }) = &each.judged {
            if let Some(was) = command {
                let _ = write!(text, "\n  its command was: {}", command_line(was));
            }
            if let Some(was) = checksum {
                let _ = write!(text, "\n  its program had the SHA-256 {was}");
            }
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text
}

fn revoke(cx: &Context, workspace: &Workspace, root: &RealRoot) -> Result<(), Failure> {
    let removed = workspace.home.trust().remove(root)?;
    let words =
        if removed { "no hook of {} is trusted any more" } else { "no hook of {} was trusted" };
    cx.ui.report(
        &json!({ "root": root.as_str(), "revoked": removed }),
        &words.replace("{}", root.as_str()),
    )
}

fn list(cx: &Context) -> Result<(), Failure> {
    let records = cx.home()?.trust().list()?;
    if cx.ui.json {
        let projects = records.iter().map(|record| {
            let hooks = record.hooks.iter().map(|(name, hook)| {
                json!({
                    "name": name.as_str(),
                    "command": hook.command,
                    "sha256": hook.checksum.to_string(),
                })
            });
            json!({ "root": record.root, "hooks": hooks.collect::<Vec<_>>() })
        });
        return cx.ui.print_json(&json!({ "projects": projects.collect::<Vec<_>>() }));
    }
    let mut text = String::new();
    for record in &records {
        let _ = writeln!(text, "{}", unspoken_model::shown(&record.root));
        for (name, hook) in &record.hooks {
            let command = command_line(&hook.command);
            let _ = writeln!(text, "  {name}: {command}\n    SHA-256 {}", hook.checksum);
        }
    }
    if text.is_empty() {
        cx.ui.note("no hook is trusted on this machine");
        return Ok(());
    }
    cx.ui.print(&text)
}
