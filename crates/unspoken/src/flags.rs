//! Flags that several commands share.

use clap_complete::ArgValueCandidates;
use unspoken_deliver::child::Handover;
use unspoken_deliver::fd::ChannelKind;
use unspoken_model::{EnvironmentName, RunMode};
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
