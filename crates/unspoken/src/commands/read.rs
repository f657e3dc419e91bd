//! `unspoken read`: the receiving end of `run --fd`, for shells and for
//! languages without a library.

use std::ffi::OsString;
use std::path::PathBuf;

use clap_complete::engine::{ArgValueCompleter, PathCompleter};
use serde_json::{Map, Value};
use unspoken_deliver::child::{Selection, VariableName, pass_on};
use unspoken_deliver::fd::Inheritance;
use unspoken_model::nearest;
use unspoken_store::env_vars::{UNSPOKEN_BUNDLE, UNSPOKEN_FD};
use unspoken_wire::{Bundle, Descriptors};

use super::get::{print_one, refuse_terminal};
use super::run::Delivery;
use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::flags::HandoverFlags;
use crate::input::read_file;

/// Read the secrets that this process was handed by `run --fd`
///
/// Reads the bundle from the descriptor that `UNSPOKEN_FD` names, or else from
/// the variable `UNSPOKEN_BUNDLE`, or from a file that a container or systemd
/// put into memory. Prints one value, or all as JSON, or becomes a command that
/// gets the chosen ones. No project and no key are needed.
///
/// A pipe is read once: a script that needs several values starts itself, or
/// its part that needs them, by `unspoken read -- CMD`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken run --fd -- sh -c 'unspoken read API_TOKEN | ./upload --token-stdin'\n  unspoken read --only PGPASSWORD -- pg_dump          # in a program that runs with --fd\n  unspoken read --json | jq -r .API_TOKEN\n  unspoken read --file \"$CREDENTIALS_DIRECTORY/unspoken\" --fd -- node server.js"
)]
pub(crate) struct Read {
    /// The secret's name
    name: Option<VariableName>,

    /// Read the bundle from this file, or from standard input for `-`
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Print to a terminal, where others may look on
    #[arg(long)]
    show: bool,

    /// With a command: only these names, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "command")]
    only: Vec<VariableName>,

    /// With a command: of the present environment, keep only PATH, HOME, TERM, LANG, TMPDIR, TZ
    #[arg(long, requires = "command")]
    clean: bool,

    #[command(flatten)]
    handover: HandoverFlags,

    /// A command that gets the secrets, and its arguments
    #[arg(last = true, value_name = "CMD", add = ArgValueCompleter::new(PathCompleter::any()), conflicts_with = "name")]
    command: Vec<OsString>,
}

impl Read {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        let prints = self.command.is_empty();
        if prints && self.name.is_none() && !cx.ui.json {
            return Err(Failure::new(Code::Usage, "there is nothing to do with the secrets")
                .hint("Say what: `unspoken read NAME`, `unspoken read --json`, or `unspoken read -- CMD`."));
        }
        if prints && self.handover.are_given() {
            return Err(Failure::new(Code::Usage, "there is no command to hand the secrets to")
                .hint("Add it: `unspoken read --fd -- CMD`."));
        }
        if prints {
            refuse_terminal(cx, self.show)?;
        }
        let bundle = self.bundle(cx)?;
        match &self.name {
            Some(name) => {
                let secret = bundle.get(name.as_str()).ok_or_else(|| missing(&bundle, name))?;
                print_one(cx, name.as_str(), &bundle.origin.environment, secret)
            }
            None if prints => print_all(cx, &bundle),
            None => self.deliver(cx, bundle),
        }
    }

    fn bundle(&self, cx: &Context) -> Result<Bundle, Failure> {
        if let Some(path) = &self.file {
            return Ok(Bundle::parse(&read_file(path, Bundle::MAX_BYTES + 1)?)?);
        }
        let listed = cx
            .variables
            .text(UNSPOKEN_FD)
            .map_err(|error| Failure::because(Code::Bundle, &error))?;
        if let Some(listed) = listed {
            let descriptors = Descriptors::parse(listed).map_err(|error| {
                Failure::new(
                    Code::Bundle,
                    format!("the variable `UNSPOKEN_FD` lists no descriptors: {error}"),
                )
            })?;
            match Inheritance::take(&descriptors) {
                Ok(inheritance) => return Ok(Bundle::parse(inheritance.bytes())?),
                Err(error) if !cx.variables.is_set(UNSPOKEN_BUNDLE) => return Err(error.into()),
                Err(_) => {}
            }
        }
        match cx.variables.expose_keys(UNSPOKEN_BUNDLE) {
            Some(bytes) => Ok(Bundle::parse(bytes)?),
            None => Err(Failure::new(Code::Missing, "no secrets were handed to this process")
                .hint("Start it by `unspoken run --fd -- CMD`. In a project, `unspoken get NAME` reads the document itself.")),
        }
    }

    fn deliver(self, cx: &mut Context, mut bundle: Bundle) -> Result<(), Failure> {
        for name in &self.only {
            if bundle.get(name.as_str()).is_none() {
                return Err(missing(&bundle, name));
            }
        }
        if !self.only.is_empty() {
            bundle.secrets.retain(|(name, _)| self.only.iter().any(|only| only.as_str() == name));
        }
        let illegal = |name: &String| VariableName::parse(name).is_err();
        if let Some((name, _)) = bundle.secrets.iter().find(|(name, _)| illegal(name)) {
            let message =
                format!("`{}` cannot be the name of a variable", unspoken_model::shown(name));
            return Err(Failure::new(Code::Bundle, message).hint("Choose others with `--only`."));
        }
        let selection = Selection { clean: self.clean, ..Selection::default() };
        let environment = pass_on(std::env::vars_os(), bundle.secrets, &selection)?;
        let delivery = Delivery {
            command: self.command,
            environment,
            handover: self.handover.handover(),
            // The one who handed over looks at the output.
            output: None,
            harden: self.handover.harden,
        };
        delivery.perform(cx, bundle.origin)
    }
}

/// One flat object, as `export --format json`.
fn print_all(cx: &Context, bundle: &Bundle) -> Result<(), Failure> {
    let pair = |(name, secret): &(String, unspoken_seal::Secret)| {
        (name.clone(), Value::from(secret.expose()))
    };
    cx.ui.print_json(&Value::Object(bundle.secrets.iter().map(pair).collect::<Map<_, _>>()))
}

fn missing(bundle: &Bundle, name: &VariableName) -> Failure {
    let environment = unspoken_model::shown(&bundle.origin.environment);
    let message = format!("no secret `{name}` in what was handed over from `{environment}`");
    let failure = Failure::new(Code::Missing, message);
    let names = bundle.secrets.iter().map(|(name, _)| name.as_str());
    match nearest(name.as_str(), names) {
        Some(nearest) => {
            failure.hint(format!("Did you mean `{}`?", unspoken_model::shown(nearest)))
        }
        None => failure.hint(
            "It may have been left out: see `--only` of the `unspoken run` that started this.",
        ),
    }
}
