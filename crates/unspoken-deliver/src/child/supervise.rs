//! Staying beside a command until it ends.

use std::ffi::OsString;
use std::io;
use std::time::Duration;

use unspoken_seal::wipe_stack;

use super::harden::lock_memory;
use super::watch::Drained;
use super::{Ending, Environment, Event, Passage, Running, StartError, Watch};
use crate::output::{Outlets, Relay};
use crate::terminal::Attendance;

/// How long an ended command's output may stay open before somebody else goes on
/// with it: the last processes of a pipeline end a little after the command.
const PATIENCE: Duration = Duration::from_millis(100);

/// Starts a command beside this process, gives it what it still has to read,
/// passes on what it says, and answers how it ended.
pub fn supervise(
    command: &[OsString],
    environment: Environment,
    passage: Option<Passage<'_>>,
    output: Option<(Relay, Outlets)>,
) -> Result<Ending, StartError> {
    let broken = |source: io::Error| StartError::Supervise { source };
    let (mut relay, outlets) = output.unzip();
    let on_terminal = relay.as_mut().is_some_and(|relay| relay.stage_mut().is_some());
    let watch = if on_terminal { Watch::on_terminal() } else { Watch::begin() };
    let watch = watch.map_err(broken)?;
    let mut child = Running::start(command, environment, passage, outlets)?;
    wipe_stack();
    if relay.is_some() {
        lock_memory();
    }
    if let Some(stage) = relay.as_mut().and_then(Relay::stage_mut) {
        stage.enter();
    }
    let ending = loop {
        match watch.next(Some(&mut child), relay.as_mut(), None).map_err(broken)? {
            Event::Ended(ending) => break ending,
            event => match relay.as_mut().filter(|_| on_terminal) {
                Some(relay) => {
                    let mut attendance = Attendance { watch: &watch, child: &child, relay };
                    attendance.on(event).map_err(broken)?;
                }
                // What a key has sent, the command has got, too.
                None => {
                    if let Event::Signal(signal) = event {
                        child.signal(signal);
                    }
                }
            },
        }
    };
    if let Some(relay) = relay.as_mut().filter(|_| on_terminal) {
        watch.exhaust(relay).map_err(broken)?;
        relay.leave_terminal();
        // With it goes the terminal, of which nothing is to be read any more.
        child.release().map_err(broken)?;
    }
    if let Some(relay) = relay {
        finish(&watch, relay).map_err(broken)??;
    }
    Ok(ending)
}

/// Passes on all that an ended command has said. What it has left behind and may
/// still talk is listened to by another process: who waits for the command must
/// not wait for that.
fn finish(watch: &Watch, mut relay: Relay) -> io::Result<Result<(), StartError>> {
    let mut patience = Some(PATIENCE);
    while watch.drain(&mut relay, patience)? == Drained::Open {
        // Where none can be started, this process listens to the end.
        if relay.hand_on().is_ok() {
            return Ok(Ok(()));
        }
        patience = None;
    }
    Ok(relay.failure().map_err(StartError::from))
}
