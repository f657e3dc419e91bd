//! `unspoken pass-on`: goes on with the output of what a redacted command has left
//! behind. Started by `run` alone: see `unspoken_deliver::output`.

use unspoken_deliver::output::{Inlet, succeed};

use crate::context::Context;
use crate::failure::{Code, Failure};

/// Go on with output that `run` has begun to pass on
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(crate) struct PassOn {
    /// Which descriptor belongs to which stream
    #[arg(required = true, value_name = "FROM:STREAM:HELD")]
    inlets: Vec<Inlet>,
}

impl PassOn {
    pub(crate) fn run(self, _cx: &mut Context) -> Result<(), Failure> {
        succeed(&self.inlets).map_err(|error| Failure::because(Code::Other, &error))
    }
}
