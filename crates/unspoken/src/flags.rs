//! Flags that several commands share.

use clap_complete::ArgValueCandidates;
use unspoken_model::EnvironmentName;

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
