//! `unspoken run -- CMD…`: becomes the command, or stays beside it to leave values
//! out of its output, with the secrets in its environment or on a descriptor.

use std::ffi::OsString;

use clap_complete::engine::{ArgValueCompleter, PathCompleter};
use unspoken_deliver::child::{Environment, Handover, Outcome, exec, limit_core, plan, supervise};
use unspoken_deliver::output::{Outlets, Redact, Relay, is_written_to_file};
use unspoken_model::{ExpiryState, ProjectFile};
use unspoken_seal::{LazyMatcher, Secret, SecretSet};
use unspoken_wire::{Bundle, Origin};

use crate::agent_runtime::AgentRuntime;
use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::flags::{DeliveryFlags, EnvFlag, RedactFlag, SelectionFlags};
use crate::launcher;

/// Run a command with the secrets in its environment, or on a descriptor
///
/// On a terminal the process is replaced by the command, so its signals, its
/// terminal, its exit code and its process id are the command's own. Where the
/// output is a file or a pipe, as in CI or in an agent's hands, `run` stays beside
/// the command and prints `[REDACTED:NAME]` instead of each value: a net for what
/// is printed by accident, and not a wall. `--redact` decides otherwise.
///
/// A secret wins over a variable of the same name. Our own variables and keys
/// (`UNSPOKEN_*`, `SOPS_AGE_*`) never reach the command.
///
/// With `--fd` the command finds the secrets on a pipe, descriptor 3, as one
/// JSON object, and no variable holds them: what reads /proc/PID/environ, or
/// is started later, finds nothing. Our libraries read it, and `unspoken read`
/// does for everything else. A set that is larger than the pipe's buffer needs
/// this process to stay until the command ends.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken run -- npm start\n  unspoken run -e production --only DATABASE_URL -- ./migrate\n  unspoken run --fd -- node server.js\n  unspoken run --redact never -- pg_dump acme > acme.sql\n  unspoken run --rename DATABASE_URL=PGURL --prefix APP_ -- env\n  unspoken run -- sh -c 'psql \"$DATABASE_URL\"'"
)]
pub(crate) struct Run {
    #[command(flatten)]
    env: EnvFlag,

    #[command(flatten)]
    choice: SelectionFlags,

    #[command(flatten)]
    delivery: DeliveryFlags,

    #[command(flatten)]
    output: RedactFlag,

    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "CMD", add = ArgValueCompleter::new(PathCompleter::any()))]
    command: Vec<OsString>,
}

impl Run {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let workspace = cx.workspace()?;
        let environment = cx.environment(&workspace.project, &self.env)?.value;
        let set = cx.open(&workspace, &environment)?;
        warn_of_expired(cx, &set);
        let handover = self.delivery.handover(workspace.project.file.run_mode);
        let origin = workspace.origin(&set);
        let redact = self.redact(cx)?;
        let output = output(redact, &set, &workspace.project.file)?;
        let environment = plan(std::env::vars_os(), set, &self.choice.selection())?;
        for (name, variable) in environment.secrets() {
            cx.ui.detail(format_args!("{name} → {variable}"));
        }
        let delivery = Delivery {
            command: self.command,
            environment,
            handover,
            output,
            harden: self.delivery.harden(),
        };
        delivery.perform(cx, origin)
    }
}

impl Run {
    /// What a coding agent's terminal shows, the agent reads.
    fn redact(&self, cx: &Context) -> Result<Redact, Failure> {
        match self.output.redact {
            // An agent that sets no variable is looked for only where it matters.
            Redact::Auto if cx.ui.stdout_is_terminal() || cx.ui.stderr_is_terminal() => {
                let noticed = AgentRuntime::notice(&cx.variables).is_some();
                Ok(if noticed { Redact::Always } else { Redact::Auto })
            }
            Redact::Never => {
                if let Some(runtime) = AgentRuntime::by_variables(&cx.variables) {
                    return Err(refuse_never(&runtime));
                }
                Ok(Redact::Never)
            }
            asked => Ok(asked),
        }
    }
}

fn refuse_never(runtime: &AgentRuntime) -> Failure {
    let message = format!("`--redact never` shows values, and this runs inside {runtime}");
    Failure::new(Code::Refused, message)
        .hint("Leave it out: the command gets the values all the same. For data, ask a person.")
}

/// A command with all that it gets.
pub(crate) struct Delivery {
    pub(crate) command: Vec<OsString>,
    pub(crate) environment: Environment,
    /// How the secrets are handed over, when not in the environment.
    pub(crate) handover: Option<Handover>,
    /// How its output is passed on, when it is.
    pub(crate) output: Option<(Relay, Outlets)>,
    pub(crate) harden: bool,
}

/// The way for a command's output, if values are to be left out of it.
pub(crate) fn output(
    redact: Redact,
    set: &SecretSet,
    file: &ProjectFile,
) -> Result<Option<(Relay, Outlets)>, Failure> {
    if redact == Redact::Never {
        return Ok(None);
    }
    Ok(Relay::new(redact, LazyMatcher::of(set, &file.visible))?)
}

impl Delivery {
    /// Becomes the command, or stays until it ends.
    pub(crate) fn perform(mut self, cx: &mut Context, origin: Origin) -> Result<(), Failure> {
        if self.harden || self.handover.is_some() {
            limit_core()?;
        }
        let Some(handover) = self.handover else {
            if self.output.is_none() {
                return Err(exec(&self.command, self.environment).into());
            }
            let outcome = supervise(&self.command, self.environment, None, self.output)?;
            tell(cx, &outcome);
            return Ok(());
        };
        if let Some(reason) = launcher::closes_descriptors(&self.command) {
            cx.ui.warn(&reason);
        }
        cx.ui.detail(format_args!("handed over on the descriptors {}", handover.descriptors));
        let secrets = self.environment.take_secrets();
        let bundle = Bundle { origin, token: None::<Secret>, secrets };
        let outcome = handover.perform(&self.command, self.environment, bundle, self.output)?;
        tell(cx, &outcome);
        Ok(())
    }
}

/// Passes the exit code on, and says what was left out, where somebody may take the
/// output for data.
fn tell(cx: &mut Context, outcome: &Outcome) {
    cx.passed_on = Some(outcome.ending.code());
    if !outcome.left_out.is_empty() && (is_written_to_file() || cx.ui.stderr_is_terminal()) {
        cx.ui.note(&format!(
            "unspoken: left out of the output: {}; for data use `--redact never`",
            outcome.left_out.join(", ")
        ));
    }
}

fn warn_of_expired(cx: &Context, set: &SecretSet) {
    let mut expiries = set.expiries().peekable();
    // No clock is asked where nothing can expire.
    if expiries.peek().is_none() {
        return;
    }
    let today = cx.today();
    for (name, expiry) in expiries {
        if let ExpiryState::Expired { .. } = expiry.state(today) {
            cx.ui.warn(&format!("`{name}` expired on {expiry}"));
        }
    }
}
