//! `unspoken dev -- CMD…`: runs a command, and again whenever its secrets are
//! others.

mod session;
mod stamp;

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap_complete::engine::{ArgValueCompleter, PathCompleter};
use unspoken_deliver::child::{
    Descendants, Event as Happened, Handover, Passage, PlanError, Running, Watch, finish,
    limit_core, lock_memory, plan,
};
use unspoken_deliver::output::{Outlets, Relay};
use unspoken_model::{EnvironmentName, ProjectFile, SecretName};
use unspoken_seal::{Fingerprint, FingerprintKey, Secret, SecretSet, wipe_stack};
use unspoken_store::inbox_folder;
use unspoken_wire::{Bundle, Origin};

use self::session::{Action, Event, Session};
use self::stamp::Stamp;
use super::run::output;
use crate::context::{Context, Workspace};
use crate::failure::{Code, Failure};
use crate::flags::{DeliveryFlags, EnvFlag, RedactOffFlag, SelectionFlags};
use crate::launcher;
use crate::ui::counted;

/// Run a command, and start it again when its secrets change
///
/// Watches the project file, the documents and the keys. When they change, as
/// by `set`, an edit, a checkout or a rotation, the set is opened again and
/// compared: only when a value is another one, the command gets SIGTERM and is
/// started anew. A command that ends by itself is started with the next
/// change. What it has left running in its session ends, too, before it starts
/// anew, so that a port is free again. Signals are passed on; the terminal stays
/// the command's.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  unspoken dev -- npm run dev\n  unspoken dev --fd -- go run ./cmd/server\n  unspoken dev -e staging --grace 30 -- ./server"
)]
pub(crate) struct Dev {
    #[command(flatten)]
    env: EnvFlag,

    #[command(flatten)]
    choice: SelectionFlags,

    /// How many seconds the command has to end before it is killed
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=3600))]
    grace: u64,

    #[command(flatten)]
    delivery: DeliveryFlags,

    #[command(flatten)]
    output: RedactOffFlag,

    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "CMD", add = ArgValueCompleter::new(PathCompleter::any()))]
    command: Vec<OsString>,
}

/// What a round of `dev` needs.
struct Stage<'a> {
    dev: &'a Dev,
    terms: Terms,
    key: FingerprintKey,
    watch: Watch,
    descendants: Descendants,
    /// The way for the command's output, if values are to be left out of it.
    output: Option<(Relay, Outlets)>,
    begun: Instant,
}

/// What was decided when `dev` began. A project file that changes meanwhile, as
/// by a checkout, must not move the command to other secrets, or from a pipe to
/// variables, without a word from the user.
#[derive(Eq, PartialEq)]
struct Terms {
    environment: EnvironmentName,
    handover: Option<Handover>,
}

/// A set that was opened, and what it came from.
struct Opened {
    set: SecretSet,
    file: ProjectFile,
    origin: Origin,
    /// Whether the project file says other terms now.
    is_other: bool,
    paths: Vec<PathBuf>,
    /// Of these, before they were read.
    stamp: Stamp,
}

/// The command, and what it was started with.
struct Started {
    child: Option<Running>,
    print: Fingerprint,
    paths: Vec<PathBuf>,
    stamp: Stamp,
    at: Instant,
    /// Whether the set could not be opened the last time.
    is_troubled: bool,
}

impl Dev {
    pub(crate) fn run(self, cx: &mut Context) -> Result<(), Failure> {
        if self.delivery.harden() {
            limit_core()?;
        }
        let watch = Watch::begin().map_err(|error| broken(&error))?;
        let descendants = Descendants::begin().map_err(|error| broken(&error))?;
        let (key, begun) = (FingerprintKey::random(), Instant::now());
        let terms = self.terms(cx, &cx.workspace()?)?;
        let mut stage = Stage { dev: &self, terms, key, watch, descendants, output: None, begun };
        let mut started = stage.start(cx)?;
        wipe_stack();
        lock_memory();
        let mut session = Session::new(Duration::from_secs(self.grace));
        loop {
            let event = stage.next(cx, &mut started, session.pace())?;
            let mut actions = VecDeque::from(session.on(event, stage.begun.elapsed()));
            while let Some(action) = actions.pop_front() {
                if let Action::Exit(code) = action {
                    cx.passed_on = Some(code);
                    return stage.finish();
                }
                if let Some(event) = stage.perform(cx, action, &mut started) {
                    actions.extend(session.on(event, stage.begun.elapsed()));
                }
            }
        }
    }
}

impl Dev {
    /// What the flags and the project file ask for.
    fn terms(&self, cx: &Context, workspace: &Workspace) -> Result<Terms, Failure> {
        let environment = cx.environment(&workspace.project, &self.env)?.value;
        let handover = self.delivery.handover(workspace.project.file.run_mode);
        Ok(Terms { environment, handover })
    }
}

impl Stage<'_> {
    /// Does what was decided, and answers what came of it.
    fn perform(&mut self, cx: &Context, action: Action, started: &mut Started) -> Option<Event> {
        match action {
            Action::Start => {
                let event = self.start_again(cx, started);
                wipe_stack();
                return event;
            }
            Action::Open => {
                let event = self.open_again(cx, started);
                wipe_stack();
                return Some(event);
            }
            Action::Sweep(signal) => {
                return (!self.descendants.sweep(signal)).then_some(Event::Swept);
            }
            Action::Send(signal) => {
                if let Some(child) = &started.child {
                    child.signal(signal);
                }
            }
            Action::SayChanged(names) => {
                cx.ui.note(&format!("unspoken: restarting, changed: {}", listed(&names)));
            }
            Action::SayEnded(ending) => cx.ui.note(&format!(
                "unspoken: the command has ended ({ending}); it starts again when its secrets \
                 change. Ctrl-C to end."
            )),
            // Of this the loop takes care.
            Action::Exit(_) => {}
        }
        None
    }

    /// Passes on what the command has said to the end.
    fn finish(self) -> Result<(), Failure> {
        let Some((mut relay, outlets)) = self.output else { return Ok(()) };
        drop(outlets);
        finish(&self.watch, &mut relay)?;
        Ok(())
    }

    /// The command's ends of the way for its output.
    fn outlets(&mut self, set: &SecretSet, file: &ProjectFile) -> Result<Option<Outlets>, Failure> {
        match &mut self.output {
            Some((relay, _)) => relay.learn(set, &file.visible),
            None => self.output = output(self.dev.output.redact, set, file)?,
        }
        let outlets = self.output.as_ref().map(|(_, outlets)| outlets.again());
        outlets.transpose().map_err(|error| broken(&error))
    }

    /// Waits for the next thing that the session wants to know.
    fn next(
        &mut self,
        cx: &Context,
        started: &mut Started,
        pace: Duration,
    ) -> Result<Event, Failure> {
        let relay = self.output.as_mut().map(|(relay, _)| relay);
        let happened = self.watch.next(started.child.as_mut(), relay, Some(pace));
        Ok(match happened.map_err(|error| broken(&error))? {
            Happened::Ended(ending) => {
                if let Some((relay, _)) = &mut self.output {
                    self.watch.settle(relay).map_err(|error| broken(&error))?;
                }
                started.child = None;
                Event::Ended(ending)
            }
            Happened::Signal(signal) => Event::Signal(signal),
            Happened::Key(signal) => Event::Key(signal),
            Happened::Ready(port) => {
                let taken = started.at.elapsed().as_millis();
                cx.ui.note(&format!("unspoken: ready on port {port} after {taken} ms"));
                Event::Time
            }
            // Only a command on a terminal of its own tells when it stops.
            Happened::Stopped(_) => Event::Time,
            Happened::Time => {
                self.descendants.reap(started.child.as_ref());
                let stamp = Stamp::of(&started.paths);
                if stamp == started.stamp {
                    Event::Time
                } else {
                    started.stamp = stamp;
                    Event::Touched
                }
            }
        })
    }

    /// Opens the set, and starts the command with it.
    fn start(&mut self, cx: &Context) -> Result<Started, Failure> {
        let Opened { set, file, origin, is_other: _, paths, stamp } = self.open(cx)?;
        let print = self.key.of(&set);
        let count = set.len();
        let outlets = self.outlets(&set, &file)?;
        let mut environment = plan(std::env::vars_os(), set, &self.dev.choice.selection())?;
        let command = &self.dev.command;
        let child = match &self.terms.handover {
            None => Running::start(command, environment, None, outlets)?,
            Some(handover) => {
                limit_core()?;
                if let Some(reason) = launcher::closes_descriptors(command) {
                    cx.ui.warn(&reason);
                }
                let secrets = environment.take_secrets();
                let token = Some(Secret::random(32));
                let channel =
                    handover.prepare(&mut environment, &Bundle { origin, token, secrets })?;
                let descriptors = &handover.descriptors;
                let passage = Passage { channel, descriptors, asks_readiness: true };
                Running::start(command, environment, Some(passage), outlets)?
            }
        };
        cx.ui.detail(format_args!("started with {}", counted(count, "secret")));
        Ok(Started {
            child: Some(child),
            print,
            paths,
            stamp,
            at: Instant::now(),
            is_troubled: false,
        })
    }

    /// Starts the command anew; when that fails, says so and answers what came
    /// of it.
    fn start_again(&mut self, cx: &Context, started: &mut Started) -> Option<Event> {
        match self.start(cx) {
            Ok(anew) => {
                *started = anew;
                None
            }
            Err(failure) => {
                cx.ui.warn(&format!(
                    "the command cannot start, and waits for the next change: {}",
                    failure.message
                ));
                Some(Event::NotStarted)
            }
        }
    }

    /// Opens the set again and compares it with what the command has.
    fn open_again(&self, cx: &Context, started: &mut Started) -> Event {
        match self.open(cx) {
            Ok(opened) => {
                started.paths = opened.paths;
                started.stamp = opened.stamp;
                let mut changes = started.print.changes(&self.key.of(&opened.set));
                changes.retain(|name| self.dev.choice.has(name));
                if opened.is_other {
                    cx.ui.warn(
                        "the project file now names another environment or run mode; that counts from \
                         the next `unspoken dev` on",
                    );
                } else if started.is_troubled && changes.is_empty() {
                    cx.ui.note("unspoken: the secrets can be opened again, and are the same");
                }
                started.is_troubled = false;
                Event::Opened(changes)
            }
            Err(failure) => {
                cx.ui.warn(&format!(
                    "the command keeps the secrets that it has: {}",
                    failure.message
                ));
                started.is_troubled = true;
                Event::NotOpened
            }
        }
    }

    fn open(&self, cx: &Context) -> Result<Opened, Failure> {
        let workspace = cx.workspace()?;
        let environment = &self.terms.environment;
        let paths = paths(&workspace, environment);
        // Taken before: what is written while the set is opened is seen at the next look.
        let stamp = Stamp::of(&paths);
        let set = cx.open(&workspace, environment)?;
        // What would not start the command is no reason to end it.
        if let Some(name) = self.dev.choice.missing_in(&set) {
            return Err(PlanError::Missing {
                name: name.clone(),
                environment: environment.to_string(),
                nearest: set.nearest(name),
            }
            .into());
        }
        let origin = workspace.origin(&set);
        let is_other = self.dev.terms(cx, &workspace).is_ok_and(|terms| terms != self.terms);
        Ok(Opened { set, file: workspace.project.file, origin, is_other, paths, stamp })
    }
}

/// The files and folders that a set depends on.
fn paths(workspace: &Workspace, environment: &EnvironmentName) -> Vec<PathBuf> {
    let project = &workspace.project;
    let ancestry = project.file.ancestry(environment).unwrap_or_default();
    let mut paths = vec![project.root.join(ProjectFile::NAME), workspace.home.keys().path()];
    // What a vault has is asked for when something here changes.
    for ancestor in ancestry.into_iter().filter(|name| !project.file.is_in_vault(name)) {
        paths.push(project.document(&ancestor).0);
        paths.push(project.root.join(inbox_folder(&ancestor)));
    }
    paths
}

fn listed(names: &[SecretName]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<_> = names.iter().take(SHOWN).map(SecretName::as_str).collect();
    match names.len().checked_sub(SHOWN) {
        Some(more @ 1..) => format!("{} and {more} more", shown.join(", ")),
        _ => shown.join(", "),
    }
}

fn broken(error: &std::io::Error) -> Failure {
    Failure::new(Code::Other, format!("cannot watch over the command: {error}"))
}
