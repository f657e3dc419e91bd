//! `dev` as a pure function: events in, actions out.
//!
//! Nothing here starts, waits, or reads a clock or a file. The command performs
//! the actions and reports what came of them. Time is what has passed since the
//! session began.

use std::time::Duration;

use unspoken_deliver::child::{Ending, Signal};
use unspoken_model::SecretName;

/// What happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Event {
    /// The command has ended.
    Ended(Ending),
    /// Somebody sent a signal to us alone.
    Signal(Signal),
    /// The terminal sent one, to the command as well.
    Key(Signal),
    /// A file that the set depends on is another one than before.
    Touched,
    /// The set was opened again; these names differ from what the command has.
    Opened(Vec<SecretName>),
    /// It could not be opened.
    NotOpened,
    /// The command could not be started again.
    NotStarted,
    /// What the command had started has ended, too.
    Swept,
    /// A moment has passed.
    Time,
}

/// What is to be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Action {
    Start,
    Open,
    Send(Signal),
    /// Send it to what the command has started and left behind.
    Sweep(Signal),
    /// Say that the command is stopped because of these.
    SayChanged(Vec<SecretName>),
    SayEnded(Ending),
    Exit(u8),
}

/// One run of `dev`.
#[derive(Debug)]
pub(super) struct Session {
    state: State,
    /// When a file was last seen to have changed, while nothing came of it yet.
    touched: Option<Duration>,
    /// Whether somebody asked for the end.
    asked: Asked,
    grace: Duration,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Running,
    /// Told to end, so that it can be started again.
    Stopping {
        since: Duration,
        killed: bool,
    },
    /// It has ended, but not all that it has started.
    Sweeping {
        since: Duration,
        /// The exit code, when that is what it is for; else it is a new start.
        exit: Option<u8>,
    },
    /// The command has ended by itself.
    Waiting,
    /// It could not be started again.
    Failed,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Asked {
    No,
    /// By a key, then.
    Key(Duration),
    /// By a signal to us alone, which means nothing else.
    Signal,
}

impl Session {
    /// How often files are looked at.
    const LOOK: Duration = Duration::from_millis(200);
    /// How often, when all that is missing is the end of others.
    const HASTE: Duration = Duration::from_millis(20);
    /// How long nothing may change before the set is opened again: a checkout
    /// writes one file after the other.
    pub(super) const CALM: Duration = Duration::from_millis(200);
    /// For how long after a key an end is what was asked for. Some programs
    /// take the key for something else, and go on.
    const ASKED: Duration = Duration::from_secs(10);

    /// The command has just been started.
    pub(super) fn new(grace: Duration) -> Self {
        Self { state: State::Running, touched: None, asked: Asked::No, grace }
    }

    /// How often there should be a [`Event::Time`].
    pub(super) fn pace(&self) -> Duration {
        match self.state {
            State::Sweeping { .. } => Self::HASTE,
            _ => Self::LOOK,
        }
    }

    /// Takes one event and says what to do, in order.
    pub(super) fn on(&mut self, event: Event, now: Duration) -> Vec<Action> {
        match event {
            Event::Ended(ending) => self.ended(ending, now),
            Event::Signal(signal @ (Signal::SIGUSR1 | Signal::SIGUSR2)) => match self.state {
                State::Running | State::Stopping { .. } => vec![Action::Send(signal)],
                _ => Vec::new(),
            },
            Event::Signal(signal) => match self.state {
                State::Running | State::Stopping { .. } => {
                    self.asked = Asked::Signal;
                    vec![Action::Send(signal)]
                }
                _ => vec![exit_by(signal)],
            },
            Event::Key(signal) => match self.state {
                State::Running | State::Stopping { .. } => {
                    if self.asked != Asked::Signal {
                        self.asked = Asked::Key(now);
                    }
                    Vec::new()
                }
                _ => vec![exit_by(signal)],
            },
            Event::Touched => {
                self.touched = Some(now);
                Vec::new()
            }
            Event::Opened(_) if self.state == State::Failed => self.start(),
            Event::Opened(changes) if !changes.is_empty() => self.changed(changes, now),
            Event::Opened(_) | Event::NotOpened => Vec::new(),
            Event::NotStarted => {
                self.state = State::Failed;
                Vec::new()
            }
            Event::Swept => match self.state {
                State::Sweeping { exit: None, .. } => self.start(),
                State::Sweeping { exit: Some(code), .. } => vec![Action::Exit(code)],
                _ => Vec::new(),
            },
            Event::Time => self.time(now),
        }
    }

    fn ended(&mut self, ending: Ending, now: Duration) -> Vec<Action> {
        let asked = match (self.asked, self.state) {
            (Asked::No, _) => false,
            // What the command has started has not got it.
            (Asked::Signal, _) => return self.sweep(now, Some(ending.code())),
            // Before that it went on in spite of the key.
            (Asked::Key(at), State::Stopping { since, .. }) => at >= since,
            (Asked::Key(at), _) => now.saturating_sub(at) < Self::ASKED,
        };
        if asked {
            return vec![Action::Exit(ending.code())];
        }
        if matches!(self.state, State::Stopping { .. }) {
            return self.sweep(now, None);
        }
        self.state = State::Waiting;
        vec![Action::SayEnded(ending)]
    }

    fn sweep(&mut self, now: Duration, exit: Option<u8>) -> Vec<Action> {
        self.state = State::Sweeping { since: now, exit };
        vec![Action::Sweep(Signal::SIGTERM)]
    }

    fn start(&mut self) -> Vec<Action> {
        self.state = State::Running;
        self.asked = Asked::No;
        vec![Action::Start]
    }

    fn changed(&mut self, changes: Vec<SecretName>, now: Duration) -> Vec<Action> {
        match self.state {
            State::Running => {
                self.state = State::Stopping { since: now, killed: false };
                vec![Action::SayChanged(changes), Action::Send(Signal::SIGTERM)]
            }
            // It may have left behind what is in the way of another.
            State::Waiting => {
                let mut actions = vec![Action::SayChanged(changes)];
                actions.extend(self.sweep(now, None));
                actions
            }
            // What it starts with is opened when it starts.
            State::Stopping { .. } | State::Sweeping { .. } | State::Failed => Vec::new(),
        }
    }

    fn time(&mut self, now: Duration) -> Vec<Action> {
        let mut actions = Vec::new();
        if let State::Sweeping { since, .. } = self.state {
            let is_over = now.saturating_sub(since) >= self.grace;
            let signal = if is_over { Signal::SIGKILL } else { Signal::SIGTERM };
            actions.push(Action::Sweep(signal));
        }
        if let State::Stopping { since, killed: false } = self.state
            && now.saturating_sub(since) >= self.grace
        {
            self.state = State::Stopping { since, killed: true };
            actions.push(Action::Send(Signal::SIGKILL));
        }
        if self.touched.is_some_and(|touched| now.saturating_sub(touched) >= Self::CALM) {
            self.touched = None;
            actions.push(Action::Open);
        }
        actions
    }
}

fn exit_by(signal: Signal) -> Action {
    Action::Exit(Ending::Signal(signal as i32).code())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDED: Event = Event::Ended(Ending::Code(0));

    fn changed() -> Event {
        Event::Opened(names())
    }

    fn names() -> Vec<SecretName> {
        vec![SecretName::parse("A").unwrap()]
    }

    /// Each event with its time in milliseconds and what must come of it.
    #[track_caller]
    fn story(steps: Vec<(u64, Event, Vec<Action>)>) {
        let mut session = Session::new(Duration::from_secs(5));
        for (at, event, expected) in steps {
            let found = session.on(event.clone(), Duration::from_millis(at));
            assert_eq!(found, expected, "{event:?} at {at}");
        }
    }

    #[test]
    fn a_change_is_opened_when_it_is_calm_and_restarts() {
        story(vec![
            (0, Event::Time, vec![]),
            (100, Event::Touched, vec![]),
            (250, Event::Touched, vec![]),
            (350, Event::Time, vec![]),
            (450, Event::Time, vec![Action::Open]),
            (460, changed(), vec![Action::SayChanged(names()), Action::Send(Signal::SIGTERM)]),
            (470, changed(), vec![]),
            (500, ENDED, vec![Action::Sweep(Signal::SIGTERM)]),
            (500, Event::Swept, vec![Action::Start]),
            (700, Event::Time, vec![]),
        ]);
    }

    #[test]
    fn a_set_that_is_the_same_or_cannot_be_opened_changes_nothing() {
        story(vec![
            (0, Event::Touched, vec![]),
            (200, Event::Time, vec![Action::Open]),
            (210, Event::Opened(vec![]), vec![]),
            (300, Event::Touched, vec![]),
            (500, Event::Time, vec![Action::Open]),
            (510, Event::NotOpened, vec![]),
            (600, Event::Time, vec![]),
        ]);
    }

    #[test]
    fn one_that_does_not_stop_is_killed_once() {
        story(vec![
            (0, changed(), vec![Action::SayChanged(names()), Action::Send(Signal::SIGTERM)]),
            (4_999, Event::Time, vec![]),
            (5_000, Event::Time, vec![Action::Send(Signal::SIGKILL)]),
            (6_000, Event::Time, vec![]),
            (6_100, Event::Ended(Ending::Signal(9)), vec![Action::Sweep(Signal::SIGTERM)]),
            (6_300, Event::Time, vec![Action::Sweep(Signal::SIGTERM)]),
            (11_100, Event::Time, vec![Action::Sweep(Signal::SIGKILL)]),
            (11_200, Event::Swept, vec![Action::Start]),
            (11_300, Event::Swept, vec![]),
        ]);
    }

    #[test]
    fn one_that_cannot_be_started_again_is_tried_with_the_next_touch() {
        story(vec![
            (0, changed(), vec![Action::SayChanged(names()), Action::Send(Signal::SIGTERM)]),
            (10, ENDED, vec![Action::Sweep(Signal::SIGTERM)]),
            (10, Event::Swept, vec![Action::Start]),
            (20, Event::NotStarted, vec![]),
            (30, Event::NotOpened, vec![]),
            (40, Event::Opened(vec![]), vec![Action::Start]),
            (50, Event::NotStarted, vec![]),
            (60, Event::Signal(Signal::SIGTERM), vec![Action::Exit(143)]),
        ]);
    }

    #[test]
    fn one_that_ended_by_itself_starts_with_the_next_change() {
        let crashed = Ending::Code(1);
        story(vec![
            (0, Event::Ended(crashed), vec![Action::SayEnded(crashed)]),
            (10, Event::Signal(Signal::SIGUSR1), vec![]),
            (20, Event::Opened(vec![]), vec![]),
            (30, changed(), vec![Action::SayChanged(names()), Action::Sweep(Signal::SIGTERM)]),
            (30, Event::Swept, vec![Action::Start]),
            (40, Event::Ended(crashed), vec![Action::SayEnded(crashed)]),
            (50, Event::Key(Signal::SIGINT), vec![Action::Exit(130)]),
        ]);
    }

    #[test]
    fn who_asks_for_the_end_gets_it_with_the_commands_own_code() {
        let forwarded = |signal| vec![Action::Send(signal)];
        story(vec![
            (0, Event::Signal(Signal::SIGTERM), forwarded(Signal::SIGTERM)),
            (10, Event::Ended(Ending::Code(7)), vec![Action::Sweep(Signal::SIGTERM)]),
            (20, Event::Swept, vec![Action::Exit(7)]),
        ]);
        story(vec![
            (0, Event::Key(Signal::SIGINT), vec![]),
            (10, Event::Ended(Ending::Signal(2)), vec![Action::Exit(130)]),
        ]);
        // However long it takes.
        story(vec![
            (0, Event::Signal(Signal::SIGTERM), forwarded(Signal::SIGTERM)),
            (60_000, ENDED, vec![Action::Sweep(Signal::SIGTERM)]),
            (60_010, Event::Signal(Signal::SIGINT), vec![Action::Exit(130)]),
        ]);
        // A key that the program used for something else.
        story(vec![
            (0, Event::Key(Signal::SIGINT), vec![]),
            (20_000, ENDED, vec![Action::SayEnded(Ending::Code(0))]),
        ]);
        story(vec![
            (0, Event::Key(Signal::SIGINT), vec![]),
            (10, changed(), vec![Action::SayChanged(names()), Action::Send(Signal::SIGTERM)]),
            (20, ENDED, vec![Action::Sweep(Signal::SIGTERM)]),
        ]);
        // Also while it is being stopped for a restart.
        story(vec![
            (0, changed(), vec![Action::SayChanged(names()), Action::Send(Signal::SIGTERM)]),
            (10, Event::Signal(Signal::SIGINT), forwarded(Signal::SIGINT)),
            (20, Event::Ended(Ending::Signal(15)), vec![Action::Sweep(Signal::SIGTERM)]),
            (20, Event::Swept, vec![Action::Exit(143)]),
        ]);
        story(vec![(0, Event::Signal(Signal::SIGUSR2), forwarded(Signal::SIGUSR2))]);
    }
}
