//! Flags that several commands share.

use clap_complete::ArgValueCandidates;
use unspoken_deliver::child::{Handover, Prefix, Selection, VariableName};
use unspoken_deliver::fd::ChannelKind;
use unspoken_deliver::output::Redact;
use unspoken_model::{EnvironmentName, RunMode, SecretName};
use unspoken_seal::SecretSet;
use unspoken_wire::Descriptors;

use crate::complete;

/// How much is said, and in which form.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct OutputFlags {
    /// Print data, and errors, as JSON
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,

    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Global options")]
    pub(crate) quiet: bool,

    /// Say what is done, never a value
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub(crate) verbose: bool,
}

/// `-e ENV`, for the commands that work on one environment.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct EnvFlag {
    /// The environment [default: `UNSPOKEN_ENV`, else the project's default]
    #[arg(short, long, value_name = "ENV", add = ArgValueCandidates::new(complete::environments))]
    pub(crate) env: Option<EnvironmentName>,
}

/// Which secrets a command gets, and under which names.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SelectionFlags {
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
}

fn parse_rename(text: &str) -> Result<(SecretName, VariableName), String> {
    let (name, variable) =
        text.split_once('=').ok_or("expected `NAME=VARIABLE`, such as `DATABASE_URL=PGURL`")?;
    let name = SecretName::parse(name).map_err(|error| error.to_string())?;
    let variable = VariableName::parse(variable).map_err(|error| error.to_string())?;
    Ok((name, variable))
}

impl SelectionFlags {
    pub(crate) fn selection(&self) -> Selection {
        Selection {
            only: self.only.clone(),
            rename: self.rename.clone(),
            prefix: self.prefix.clone(),
            clean: self.clean,
        }
    }

    /// Whether the command gets a secret.
    pub(crate) fn has(&self, name: &SecretName) -> bool {
        self.only.is_empty() || self.only.contains(name)
    }

    /// A name that is asked for and not there.
    pub(crate) fn missing_in(&self, set: &SecretSet) -> Option<&SecretName> {
        let renamed = self.rename.iter().map(|(name, _)| name);
        self.only.iter().chain(renamed).find(|name| set.get(name).is_none())
    }
}

/// How a command is handed the secrets.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct HandoverFlags {
    /// Hand the secrets over on descriptors 3 and 20, or on these, and put none into the environment
    #[arg(long, value_name = "NUMBERS", num_args = 0..=1, require_equals = true, default_missing_value = "3,20")]
    fd: Option<Descriptors>,

    /// On the descriptors: `pipe`, read once, or `memfd`, which every descendant can read again
    #[arg(long, value_name = "KIND", value_parser = parse_kind())]
    fd_kind: Option<ChannelKind>,

    /// Let no crash of the command write its memory to disk; always so on descriptors
    #[arg(long)]
    pub(crate) harden: bool,
}

/// The same, where the project may say what is usual.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DeliveryFlags {
    #[command(flatten)]
    asked: HandoverFlags,

    /// Use the environment even where the project says `run_mode = "fd"`
    #[arg(long, conflicts_with_all = ["fd", "fd_kind"])]
    no_fd: bool,
}

/// What is left out of a command's output.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct RedactFlag {
    /// Leave values out of the command's output: where it is not a terminal, `always`, or `never`
    #[arg(long, value_name = "WHEN", value_parser = parse_redact(&["auto", "always", "never"]), default_value = "auto")]
    pub(crate) redact: Redact,
}

/// The same for a command that stays on its terminal.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct RedactOffFlag {
    /// Leave values out of the command's output where it is not a terminal, or `never`
    #[arg(long, value_name = "WHEN", value_parser = parse_redact(&["auto", "never"]), default_value = "auto")]
    pub(crate) redact: Redact,
}

fn parse_redact(
    names: &'static [&'static str],
) -> impl clap::builder::TypedValueParser<Value = Redact> {
    use clap::builder::TypedValueParser as _;
    clap::builder::PossibleValuesParser::new(names).map(|name| match name.as_str() {
        "always" => Redact::Always,
        "never" => Redact::Never,
        _ => Redact::Auto,
    })
}

fn parse_kind() -> impl clap::builder::TypedValueParser<Value = ChannelKind> {
    use clap::builder::TypedValueParser as _;
    clap::builder::PossibleValuesParser::new(["pipe", "memfd"]).map(|name| match name.as_str() {
        "memfd" => ChannelKind::Memory,
        _ => ChannelKind::Pipe,
    })
}

impl HandoverFlags {
    /// How the secrets are handed over on descriptors, if that was asked for.
    pub(crate) fn handover(&self) -> Option<Handover> {
        (self.fd.is_some() || self.fd_kind.is_some()).then(|| self.on_descriptors())
    }

    /// Whether something of this was asked for, which only a command can get.
    pub(crate) fn are_given(&self) -> bool {
        self.fd.is_some() || self.fd_kind.is_some() || self.harden
    }

    fn on_descriptors(&self) -> Handover {
        Handover {
            descriptors: self.fd.clone().unwrap_or_default(),
            kind: self.fd_kind.unwrap_or_default(),
        }
    }
}

impl DeliveryFlags {
    /// How the secrets are handed over on descriptors, if that was asked for, or
    /// is usual here.
    pub(crate) fn handover(&self, usual: RunMode) -> Option<Handover> {
        match usual {
            RunMode::Descriptor if !self.no_fd => Some(self.asked.on_descriptors()),
            _ => self.asked.handover(),
        }
    }

    pub(crate) fn harden(&self) -> bool {
        self.asked.harden
    }
}
