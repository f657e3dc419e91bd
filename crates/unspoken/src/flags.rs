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

/// How a command gets the secrets.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DeliveryFlags {
    /// Hand the secrets over on descriptors, and put none into the environment [default: 3,20]
    #[arg(long, value_name = "NUMBERS", num_args = 0..=1, require_equals = true, default_missing_value = "3,20")]
    fd: Option<Descriptors>,

    /// Use the environment even where the project says `run_mode = "fd"`
    #[arg(long, conflicts_with_all = ["fd", "fd_kind"])]
    no_fd: bool,

    /// `pipe`, read once, or `memfd`, which every descendant can read again [default: pipe]
    #[arg(long, value_name = "KIND", value_parser = parse_kind())]
    fd_kind: Option<ChannelKind>,

    /// Let no crash of the command write its memory to disk; always so with `--fd`
    #[arg(long)]
    pub(crate) harden: bool,
}

fn parse_kind() -> impl clap::builder::TypedValueParser<Value = ChannelKind> {
    use clap::builder::TypedValueParser as _;
    clap::builder::PossibleValuesParser::new(["pipe", "memfd"]).map(|name| match name.as_str() {
        "memfd" => ChannelKind::Memory,
        _ => ChannelKind::Pipe,
    })
}

impl DeliveryFlags {
    /// Whether anything was said of it.
    pub(crate) fn is_given(&self) -> bool {
        self.fd.is_some() || self.no_fd || self.fd_kind.is_some() || self.harden
    }

    /// Whether, and how, the secrets are handed over on descriptors.
    pub(crate) fn handover(&self, usual: RunMode) -> Option<Handover> {
        let asked = self.fd.is_some() || self.fd_kind.is_some();
        let wanted = !self.no_fd && (asked || usual == RunMode::Descriptor);
        wanted.then(|| Handover {
            descriptors: self.fd.clone().unwrap_or_default(),
            kind: self.fd_kind.unwrap_or_default(),
        })
    }
}
