//! Waiting for a keychain, and not longer than is sensible.
//!
//! The keychain's client has no time limits of its own, so it works in a thread
//! that is left behind when the time is over. What that thread holds then is
//! wiped when it ends, or gone with the process.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::KeychainError;

/// By which the work says that a person is being waited for.
#[derive(Debug)]
pub(super) struct Clock {
    asking: SyncSender<()>,
}

impl Clock {
    /// From now on the longer time counts.
    pub(super) fn asking(&self) {
        // When nobody listens any more, nobody waits.
        let _ = self.asking.send(());
    }
}

/// Performs `job` within the first time, or within the second one once the job
/// has said that somebody is asked.
pub(super) fn within<T: Send + 'static>(
    times: (Duration, Duration),
    job: impl FnOnce(&Clock) -> Result<T, KeychainError> + Send + 'static,
) -> Result<T, KeychainError> {
    let start = Instant::now();
    let (asking, asked) = sync_channel(1);
    let (sender, receiver) = sync_channel(1);
    let work = move || {
        let clock = Clock { asking };
        let outcome = job(&clock);
        // A receiver that went away makes this drop the outcome, which wipes it.
        let _ = sender.send(outcome);
    };
    let builder = thread::Builder::new().name("keychain".to_owned());
    builder
        .spawn(work)
        .map_err(|error| KeychainError::Call { operation: "begin", reason: error.to_string() })?;
    let timed_out = |after| KeychainError::TimedOut { after };
    match receive(&receiver, start, times.0) {
        Err(RecvTimeoutError::Timeout) if asked.try_recv().is_ok() => {
            receive(&receiver, start, times.1).map_err(|_| timed_out(times.1))?
        }
        Err(RecvTimeoutError::Timeout) => Err(timed_out(times.0)),
        Err(RecvTimeoutError::Disconnected) => Err(KeychainError::Call {
            operation: "answer",
            reason: "the work was broken off".to_owned(),
        }),
        Ok(outcome) => outcome,
    }
}

fn receive<T>(from: &Receiver<T>, start: Instant, time: Duration) -> Result<T, RecvTimeoutError> {
    from.recv_timeout(time.saturating_sub(start.elapsed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn silence_is_given_up_and_a_question_is_waited_for() {
        let silent = within((SHORT, LONG), |_| {
            thread::sleep(LONG);
            Ok(())
        });
        assert_eq!(silent, Err(KeychainError::TimedOut { after: SHORT }));

        let asking = within((SHORT, LONG), |clock| {
            clock.asking();
            thread::sleep(4 * SHORT);
            Ok(7)
        });
        assert_eq!(asking, Ok(7));

        let too_long = within((SHORT, 2 * SHORT), |clock| {
            clock.asking();
            thread::sleep(LONG);
            Ok(())
        });
        assert_eq!(too_long, Err(KeychainError::TimedOut { after: 2 * SHORT }));
    }

    #[test]
    fn work_that_breaks_off_is_an_error() {
        let outcome: Result<(), _> = within((LONG, LONG), |_| panic!("broken off"));
        assert!(matches!(outcome, Err(KeychainError::Call { operation: "answer", .. })));
    }
}
