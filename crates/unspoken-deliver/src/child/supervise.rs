//! Staying beside a command until it ends.

use std::ffi::OsString;
use std::io;
use std::time::Duration;

use nix::unistd::getpid;
use unspoken_seal::wipe_stack;

use super::harden::lock_memory;
use super::watch::Drained;
use super::{Descendants, Ending, Environment, Event, Passage, Running, StartError, Watch};
use crate::output::{Outlets, Relay};
use crate::terminal::Attendance;

/// How long an ended command's output may stay open before somebody else goes on
/// with it: the last processes of a pipeline end a little after the command.
const PATIENCE: Duration = Duration::from_millis(100);

/// How often the first process looks for orphans that have ended.
const PACE: Duration = Duration::from_secs(1);

/// What came of a command.
#[derive(Debug)]
pub struct Outcome {
    pub ending: Ending,
    /// The names whose values were left out of its standard output.
    pub left_out: Vec<String>,
}

/// Starts a command beside this process, gives it what it still has to read,
/// passes on what it says, and answers how it ended.
pub fn supervise(
    command: &[OsString],
    environment: Environment,
    passage: Option<Passage<'_>>,
    output: Option<(Relay, Outlets)>,
) -> Result<Outcome, StartError> {
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
    // In a container this may be the first process, whose children all orphans become.
    let is_first = getpid().as_raw() == 1;
    let orphans = is_first.then(Descendants::begin).transpose().map_err(broken)?;
    let pace = orphans.as_ref().map(|_| PACE);
    let ending = loop {
        match watch.next(Some(&mut child), relay.as_mut(), pace).map_err(broken)? {
            Event::Ended(ending) => break ending,
            Event::Time => orphans.iter().for_each(|orphans| orphans.reap(Some(&child))),
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
    let Some(mut relay) = relay else { return Ok(Outcome { ending, left_out: Vec::new() }) };
    let cut = finish(&watch, &mut relay)?;
    Ok(Outcome { ending: cut.unwrap_or(ending), left_out: relay.left_out() })
}

/// Passes on all that an ended command has said. What it has left behind and may
/// still talk is listened to by another process: who waits for the command must
/// not wait for that. Answers the signal that has cut it short.
pub fn finish(watch: &Watch, relay: &mut Relay) -> Result<Option<Ending>, StartError> {
    let mut patience = Some(PATIENCE);
    loop {
        match watch.drain(relay, patience).map_err(broken)? {
            Drained::Whole => break,
            Drained::Interrupted(signal) => return Ok(Some(Ending::Signal(signal as i32))),
            // Where none can be started, this process listens to the end.
            Drained::Open if relay.hand_on().is_ok() => return Ok(None),
            Drained::Open => patience = None,
        }
    }
    relay.failure()?;
    Ok(None)
}

fn broken(source: io::Error) -> StartError {
    StartError::Supervise { source }
}
