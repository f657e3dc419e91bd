//! `unspoken agents allow`: a person's permission to show values to an agent.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, IsTerminal as _, Read as _, Write as _};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use unspoken_store::{Permission, Permissions, RealRoot};

use crate::agent_runtime::{AgentRuntime, Guarded};
use crate::commands::env::refuse_home_inside;
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure};
use crate::flags::EnvFlag;

/// Permit a command that shows values inside of a coding agent, for a while
///
/// Only for a person: it is refused inside of an agent, and asks at the terminal.
/// What the agent then prints is in its transcript for good. The permission is
/// kept on this machine, for this project, one environment and one command. An
/// agent that has your shell could write it itself: this is a guard-rail.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken agents allow get -e staging --for 15m\n  unspoken agents allow --list\n  unspoken agents allow --revoke"
)]
pub(crate) struct Allow {
    /// What to permit
    #[arg(required_unless_present_any = ["list", "revoke"])]
    command: Option<Guarded>,

    #[command(flatten)]
    env: EnvFlag,

    /// For how long, such as `15m` or `8h`; at most 24h
    #[arg(long = "for", value_name = "TIME", default_value = "15m", value_parser = parse_time)]
    time: SignedDuration,

    /// Take back all that was permitted in this project
    #[arg(long, conflicts_with_all = ["command", "list"])]
    revoke: bool,

    /// List what is permitted on this machine, in all projects
    #[arg(long, conflicts_with = "command")]
    list: bool,
}

fn parse_time(text: &str) -> Result<SignedDuration, String> {
    let wrong = || "expected minutes or hours, such as `15m` or `8h`".to_owned();
    let digits = text.trim_end_matches(['m', 'h']);
    let number: i64 = digits.parse().map_err(|_| wrong())?;
    let time = match text.strip_prefix(digits) {
        Some("m") => number.checked_mul(60),
        Some("h") => number.checked_mul(3600),
        _ => None,
    };
    let time = SignedDuration::from_secs(time.ok_or_else(wrong)?);
    if time <= SignedDuration::ZERO || time > Permissions::LONGEST {
        return Err("a permission lasts at least a minute and at most 24 hours".to_owned());
    }
    Ok(time)
}

impl Allow {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        if self.list {
            return list(cx);
        }
        let workspace = cx.workspace()?;
        refuse_home_inside(&workspace.project.root, &workspace.home)?;
        let root = RealRoot::find(&workspace.project.root)?;
        match self.command {
            // Taking back needs no person.
            None => revoke(cx, &workspace, &root),
            Some(command) => self.grant(cx, &workspace, &root, command),
        }
    }

    fn grant(
        &self,
        cx: &Context,
        workspace: &Workspace,
        root: &RealRoot,
        command: Guarded,
    ) -> Result<(), Failure> {
        if let Some(runtime) = AgentRuntime::notice(&cx.variables) {
            let message = format!("only a person can permit this, and it runs inside {runtime}");
            return Err(Failure::new(Code::Refused, message)
                .hint("Run `unspoken agents allow` in a terminal of your own."));
        }
        let environment = cx.environment(&workspace.project, &self.env)?.value;
        let project = workspace.project.file.project.to_string();
        let now = cx.now();
        let until = now + self.time;
        let question = format!(
            "may agents use `{}` on {environment} of {project} until {until:.0}? What it shows stays \
             in their transcripts.\nType `{environment}` to permit it: ",
            command.as_str()
        );
        if ask(&question)?.trim() != environment.as_str() {
            return Err(Failure::new(Code::Refused, "not confirmed, nothing was permitted"));
        }
        let mut record = match workspace.home.permissions().read(root)? {
            Some(record) if record.project == project => record,
            _ => Permissions { root: root.as_str().to_owned(), project, granted: Vec::new() },
        };
        let granted = Permission { environment, command: command.as_str().to_owned(), until };
        record.grant(granted.clone(), now);
        workspace.home.permissions().write(root, &record)?;
        cx.ui.report(
            &json!({ "root": root.as_str(), "permitted": one(&granted, now) }),
            &format!(
                "`{}` on {} is permitted until {until:.0}; take it back with `unspoken agents allow \
                 --revoke`",
                granted.command, granted.environment
            ),
        )
    }
}

/// Asks at the terminal itself, whatever standard input is.
fn ask(question: &str) -> Result<String, Failure> {
    let nobody = || {
        Failure::new(Code::Refused, "nobody is at a terminal to permit this")
            .hint("Run it yourself, in a terminal. No flag answers in your stead.")
    };
    let mut terminal =
        OpenOptions::new().read(true).write(true).open("/dev/tty").map_err(|_| nobody())?;
    if !terminal.is_terminal() {
        return Err(nobody());
    }
    terminal.write_all(question.as_bytes()).map_err(|_| nobody())?;
    let mut answer = String::new();
    let length = BufReader::new(terminal.take(1024)).read_line(&mut answer);
    if length.map_err(|_| nobody())? == 0 {
        return Err(Failure::new(Code::Interrupted, "interrupted, nothing was permitted"));
    }
    Ok(answer)
}

fn revoke(cx: &Context, workspace: &Workspace, root: &RealRoot) -> Result<(), Failure> {
    let removed = workspace.home.permissions().remove(root)?;
    let words = if removed { "nothing is permitted any more" } else { "nothing was permitted" };
    cx.ui.report(&json!({ "root": root.as_str(), "revoked": removed }), words)
}

fn list(cx: &Context) -> Result<(), Failure> {
    let records = cx.home()?.permissions().list()?;
    let now = cx.now();
    let held = |record: &Permissions| -> Vec<Permission> {
        record.granted.iter().filter(|permission| permission.holds(now)).cloned().collect()
    };
    if cx.ui.json {
        let projects = records.iter().map(|record| {
            let held: Vec<Value> = held(record).iter().map(|each| one(each, now)).collect();
            json!({ "root": record.root, "project": record.project, "permitted": held })
        });
        return cx.ui.print_json(&json!({ "projects": projects.collect::<Vec<_>>() }));
    }
    let mut text = String::new();
    for record in &records {
        for each in held(record) {
            text.push_str(&format!(
                "{}: {} on {} until {:.0}\n",
                unspoken_model::shown(&record.root),
                unspoken_model::shown(&each.command),
                each.environment,
                each.until
            ));
        }
    }
    if text.is_empty() {
        cx.ui.note("nothing is permitted on this machine");
        return Ok(());
    }
    cx.ui.print(&text)
}

fn one(permission: &Permission, now: Timestamp) -> Value {
    json!({
        "environment": permission.environment.as_str(),
        "command": permission.command,
        "until": permission.until.to_string(),
        "seconds": permission.until.duration_since(now).as_secs(),
    })
}

#[test]
fn a_time_is_minutes_or_hours_and_ends_within_a_day() {
    for (text, seconds) in [("15m", 900), ("1h", 3600), ("24h", 86_400), ("1440m", 86_400)] {
        assert_eq!(parse_time(text), Ok(SignedDuration::from_secs(seconds)), "{text}");
    }
    for wrong in ["", "m", "15", "15s", "0m", "-1m", "25h", "1441m", "1hm", "99999999999999999h"] {
        assert!(parse_time(wrong).is_err(), "{wrong}");
    }
}
