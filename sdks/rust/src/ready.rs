//! The way back: a server tells its supervisor which port it listens on.

use std::{env, io::Write as _, sync::OnceLock};

use crate::{
    Error,
    inherited::{self, Kind},
    source::numbers,
};

const READY: &str = "UNSPOKEN_READY_FD";

static SAID: OnceLock<Result<(), Error>> = OnceLock::new();

/// Says that the program is ready on `port`, where a supervisor wants to know; does nothing
/// elsewhere. Only the first call says anything, and later ones give its result.
pub fn ready(port: u16) -> Result<(), Error> {
    SAID.get_or_init(|| say(port)).clone()
}

fn say(port: u16) -> Result<(), Error> {
    let Some(listed) = env::var_os(READY) else { return Ok(()) };
    let numbers = numbers(READY, &listed)?;
    let mut pipe = inherited::take_first(&numbers, |kind| matches!(kind, Kind::Sink | Kind::Pipe))
        .ok_or(Error::Closed { variable: READY })?;
    inherited::take_variable(READY);
    // One write: a reader must not find half a number.
    let line = format!("{port}\n");
    pipe.file.write_all(line.as_bytes()).map_err(|error| Error::Unsaid { kind: error.kind() })
}
