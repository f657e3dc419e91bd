//! `unspoken run -- CMD…`: becomes the command, with the secrets in its
//! environment.

use std::ffi::OsString;

use clap_complete::ArgValueCandidates;
use unspoken_deliver::child::{Prefix, Selection, VariableName, exec, plan};
use unspoken_model::{ExpiryState, SecretName};
use unspoken_seal::SecretSet;

use crate::complete;
use crate::context::Context;
use crate::failure::Failure;
use crate::flags::EnvFlag;

/// Run a command with the secrets in its environment
///
/// The process is replaced by the command, so its signals, its terminal, its
/// exit code and its process id are the command's own. A secret wins over a
/// variable of the same name. Our own variables and keys (`UNSPOKEN_*`,
/// `SOPS_AGE_*`) never reach the command.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken run -- npm start\n  unspoken run -e production --only DATABASE_URL -- ./migrate\n  unspoken run --rename DATABASE_URL=PGURL --prefix APP_ -- env\n  unspoken run -- sh -c 'psql \"$DATABASE_URL\"'"
)]
pub(crate) struct Run {
    #[command(flatten)]
    env: EnvFlag,

    /// Only these names, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',', add = ArgValueCandidates::new(complete::names))]
    only: Vec<SecretName>,

    /// Deliver a secret as another variable; may be given several times
    #[arg(long, value_name = "NAME=VARIABLE", value_parser = parse_rename)]
    rename: Vec<(SecretName, VariableName)>,

    /// Put this before the variables that are not renamed
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<Prefix>,

    /// Of the present environment, keep only PATH, HOME, TERM, LANG, TMPDIR, TZ
    #[arg(long)]
    clean: bool,

    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "CMD")]
    command: Vec<OsString>,
}

fn parse_rename(text: &str) -> Result<(SecretName, VariableName), String> {
    let (name, variable) =
        text.split_once('=').ok_or("expected `NAME=VARIABLE`, such as `DATABASE_URL=PGURL`")?;
    let name = SecretName::parse(name).map_err(|error| error.to_string())?;
    let variable = VariableName::parse(variable).map_err(|error| error.to_string())?;
    Ok((name, variable))
}

impl Run {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let workspace = cx.workspace()?;
        let environment = cx.environment(&workspace.project, &self.env)?.value;
        let set = cx.open(&workspace, &environment)?;
        warn_of_expired(cx, &set);
        let selection = Selection {
            only: self.only,
            rename: self.rename,
            prefix: self.prefix,
            clean: self.clean,
        };
        let environment = plan(std::env::vars_os(), set, &selection)?;
        for (name, variable) in environment.secrets() {
            cx.ui.detail(format_args!("{name} → {variable}"));
        }
        Err(exec(&self.command, environment).into())
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
