//! Stopping, going on and being signalled, as the command on its terminal does.

use std::io;

use nix::sys::signal::Signal;

use super::Order;
use crate::child::{Event, Running, Watch};
use crate::output::Relay;

/// The process in front, while its command runs.
pub(crate) struct Attendance<'a> {
    pub(crate) watch: &'a Watch,
    pub(crate) child: &'a Running,
    pub(crate) relay: &'a mut Relay,
}

impl Attendance<'_> {
    /// Does what an event asks for, other than the command's end.
    pub(crate) fn on(&mut self, event: Event) -> io::Result<()> {
        let Some(stage) = self.relay.stage_mut() else { return Ok(()) };
        match event {
            Event::Stopped(number) => self.stopped(number)?,
            Event::Signal(Signal::SIGWINCH) | Event::Key(Signal::SIGWINCH) => stage.resize(),
            // Who has stopped us may have set the terminal.
            Event::Signal(Signal::SIGCONT) | Event::Key(Signal::SIGCONT) => {
                stage.enter();
            }
            Event::Signal(Signal::SIGHUP) | Event::Key(Signal::SIGHUP) => {
                self.child.order(Order::Key(libc::SIGHUP));
                // A stopped one would not hear it.
                self.child.order(Order::Key(libc::SIGCONT));
            }
            Event::Signal(Signal::SIGTSTP) => self.child.order(Order::Key(libc::SIGTSTP)),
            Event::Signal(signal) => self.child.order(Order::Signal(signal as i32)),
            // On the command's own terminal nobody has pressed it.
            Event::Key(signal) => self.child.order(Order::Key(signal as i32)),
            Event::Ended(_) | Event::Ready(_) | Event::Time => {}
        }
        Ok(())
    }

    /// Stops as the command did, and lets it go on when we do.
    fn stopped(&mut self, number: i32) -> io::Result<()> {
        let wants_keys = [libc::SIGTTIN, libc::SIGTTOU].contains(&number);
        if wants_keys && self.relay.stage_mut().is_some_and(super::Stage::ask_for_keys) {
            self.go_on();
            return Ok(());
        }
        let interrupted = self.watch.exhaust(self.relay)?;
        if let Some(stage) = self.relay.stage_mut() {
            stage.leave();
        }
        let mut missed = self.watch.stop(Signal::try_from(number)?)?;
        let continued = |event: &Event| matches!(event, Event::Signal(Signal::SIGCONT));
        let has_stopped = missed.iter().any(continued);
        missed.extend(interrupted);
        let is_ours = self.relay.stage_mut().is_some_and(|stage| stage.is_ours());
        if wants_keys && !has_stopped && !is_ours {
            // Nobody could bring us to the foreground. The kernel does the same to such a group.
            self.child.order(Order::Key(libc::SIGHUP));
        }
        self.go_on();
        missed.retain(|event| !continued(event));
        missed.into_iter().try_for_each(|event| self.on(event))
    }

    fn go_on(&mut self) {
        let is_foreground = self.relay.stage_mut().is_some_and(super::Stage::enter);
        self.child.order(Order::Continue { is_foreground });
    }
}
