//! All streams of a command that are passed on.
//!
//! Rules:
//! - Streams that lead to one file are one, so that their order stays.
//! - Nothing is read while what was read before could not be written: a command
//!   is as fast as its reader.
//! - When the reader has gone, the command learns it as it would without us.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Instant;

use rustix::event::PollFd;
use rustix::fs::OFlags;
use rustix::pipe::PipeFlags;
use thiserror::Error;
use unspoken_model::SecretName;
use unspoken_seal::{LazyMatcher, SecretSet};

use super::lane::{Buffer, Lane};
use super::target::{Redact, Stream};
use crate::fd::Inheritance;
use crate::terminal::{Slave, Stage};

/// Reads what a command says, and passes it on without the values.
pub struct Relay {
    pub(super) lanes: Vec<Lane>,
    pub(super) matcher: LazyMatcher,
    buffer: Buffer,
    failed: Option<io::Error>,
    /// The terminal, and the number of its lane.
    stage: Option<(Box<Stage>, usize)>,
}

/// The ends that the command gets.
#[derive(Debug)]
pub struct Outlets {
    /// What it writes to, and on which numbers.
    pub(crate) pipes: Vec<(OwnedFd, Vec<u16>)>,
    pub(crate) slave: Option<Slave>,
}

/// Why what a command says cannot be passed on.
#[derive(Debug, Error)]
pub enum RelayError {
    #[error("cannot make a pipe for the command's output")]
    Pipe { source: io::Error },
    #[error("cannot make a terminal for the command")]
    Terminal { source: io::Error },
    #[error("cannot write what the command says")]
    Write { source: io::Error },
}

impl Relay {
    /// How much a pipe to us holds, where that is granted.
    const PIPE: usize = 256 * 1024;

    /// The number of what is typed, beside those of the lanes.
    const KEYS: usize = usize::MAX;

    /// More than a terminal holds that nobody has read yet.
    const TERMINAL: u64 = 256 * 1024;

    /// Makes the pipes, and the terminal, for the streams of this process that are to
    /// be passed on; `None` when none is.
    pub fn new(
        redact: Redact,
        matcher: LazyMatcher,
    ) -> Result<Option<(Self, Outlets)>, RelayError> {
        let is_passed = |stream: &Stream| match redact {
            Redact::Never => false,
            Redact::Auto => !stream.is_terminal() && !stream.is_null(),
            Redact::Always => !stream.is_null(),
        };
        let streams: Vec<Stream> = Stream::BOTH.into_iter().filter(is_passed).collect();
        if streams.is_empty() || matcher.is_empty() {
            return Ok(None);
        }
        let (terminals, streams): (Vec<Stream>, Vec<Stream>) =
            streams.into_iter().partition(|stream| stream.is_terminal());
        let groups = match streams.as_slice() {
            both @ [_, _] if Stream::are_one() => vec![both],
            streams => streams.chunks(1).collect(),
        };
        let mut relay =
            Self { lanes: Vec::new(), matcher, buffer: Buffer::new(), failed: None, stage: None };
        let mut pipes = Vec::new();
        for group in groups {
            let end = relay.add(group).map_err(|source| RelayError::Pipe { source })?;
            pipes.push((end, group.iter().map(|stream| stream.number()).collect()));
        }
        let slave = match terminals.first() {
            None => None,
            Some(&first) => {
                let numbers: Vec<u16> = terminals.iter().map(|stream| stream.number()).collect();
                let slave = relay.add_stage(first, &numbers);
                Some(slave.map_err(|source| RelayError::Terminal { source })?)
            }
        };
        Ok(Some((relay, Outlets { pipes, slave })))
    }

    fn add_stage(&mut self, stream: Stream, numbers: &[u16]) -> io::Result<Slave> {
        let (stage, slave) = Stage::open(numbers)?;
        self.lanes.push(Lane::new(stage.source()?, stream)?.for_a_person());
        self.stage = Some((Box::new(stage), self.lanes.len() - 1));
        Ok(slave)
    }

    /// Leaves the values of a newer set out as well.
    pub fn learn(&mut self, set: &SecretSet, visible: &BTreeSet<SecretName>) {
        self.matcher.add(set, visible);
    }

    /// Goes on with streams that another process has begun to pass on.
    pub fn resume(
        streams: Vec<(OwnedFd, u16, Inheritance)>,
        mut matcher: LazyMatcher,
    ) -> io::Result<Self> {
        let mut lanes = Vec::new();
        for (from, number, held) in streams {
            let stream = Stream::BOTH.into_iter().find(|stream| stream.number() == number);
            let mut lane = Lane::new(from, stream.ok_or(io::ErrorKind::InvalidInput)?)?;
            lane.take_up(held.bytes(), &mut matcher);
            lanes.push(lane);
        }
        Ok(Self { lanes, matcher, buffer: Buffer::new(), failed: None, stage: None })
    }

    fn add(&mut self, group: &[Stream]) -> io::Result<OwnedFd> {
        let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        // Of the reading end alone: the two ends are two open files.
        rustix::fs::fcntl_setfl(&read, OFlags::NONBLOCK)?;
        // Where it is not granted, more calls are needed.
        let _ = rustix::pipe::fcntl_setpipe_size(&read, Self::PIPE);
        let stream = group.first().copied().unwrap_or(Stream::Out);
        self.lanes.push(Lane::new(read, stream)?);
        Ok(write)
    }

    /// Whether all was passed on that will ever come.
    pub(crate) fn is_over(&self) -> bool {
        self.lanes.iter().all(Lane::is_over)
    }

    /// Notes that the command has ended: what it has said is passed on in any case.
    pub(crate) fn owe(&mut self) {
        self.lanes.iter_mut().for_each(Lane::owe);
    }

    /// Whether all was passed on that an ended command has said.
    pub(crate) fn is_even(&self) -> bool {
        self.lanes.iter().all(Lane::is_even)
    }

    /// What has to happen for each lane to go on, and which lane that is.
    pub(crate) fn wants(&self) -> impl Iterator<Item = (usize, PollFd<'_>)> {
        let numbered = self.lanes.iter().enumerate();
        let lanes = numbered.filter_map(|(number, lane)| Some((number, lane.wants()?)));
        let keys = self.stage.as_ref().and_then(|(stage, _)| stage.wants());
        lanes.chain(keys.map(|keys| (Self::KEYS, keys)))
    }

    /// When [`Relay::turn`] is needed at the latest.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.lanes.iter().filter_map(Lane::deadline).min()
    }

    /// Goes on with the lanes for which that has happened, and with what has waited
    /// long enough.
    pub(crate) fn turn(&mut self, ready: &[usize]) {
        let now = Instant::now();
        self.each(|number, lane, matcher, buffer| {
            if ready.contains(&number) {
                lane.turn(matcher, buffer)
            } else {
                lane.release(matcher, now)
            }
        });
        if let Some((stage, lane)) = &mut self.stage {
            if ready.contains(&Self::KEYS) {
                stage.turn();
            }
            if self.lanes.get(*lane).is_none_or(|lane| lane.from.is_none()) {
                // Whoever talks there learns that nobody reads.
                stage.close();
            }
        }
    }

    /// Passes on what waits: nobody goes on with it.
    pub(crate) fn release(&mut self) {
        self.each(|_, lane, matcher, _| lane.release_now(matcher).map(drop));
    }

    fn each(
        &mut self,
        act: impl Fn(usize, &mut Lane, &mut LazyMatcher, &mut Buffer) -> io::Result<()>,
    ) {
        for (number, lane) in self.lanes.iter_mut().enumerate() {
            if let Err(error) = act(number, lane, &mut self.matcher, &mut self.buffer) {
                lane.from = None;
                self.failed.get_or_insert(error);
            }
        }
    }

    pub(crate) fn stage_mut(&mut self) -> Option<&mut Stage> {
        self.stage.as_mut().map(|(stage, _)| &mut **stage)
    }

    /// The lane of the terminal, which is to pass on what was said so far, and
    /// whether there is some of it that could not be written yet.
    pub(crate) fn terminal_lane(&self) -> Option<(usize, bool)> {
        let (_, number) = self.stage.as_ref()?;
        let lane = self.lanes.get(*number).filter(|lane| !lane.is_over())?;
        Some((*number, lane.is_written()))
    }

    /// Notes that the terminal's lane is to pass on what was said so far.
    pub(crate) fn owe_terminal(&mut self) {
        if let Some((number, _)) = self.terminal_lane()
            && let Some(lane) = self.lanes.get_mut(number)
        {
            lane.owe_at_most(Self::TERMINAL);
        }
    }

    /// Passes on what waits in the terminal's lane, when nothing more is there or
    /// more than it may pass on. Answers whether that was all.
    pub(crate) fn settle_terminal(&mut self, is_dry: bool) -> bool {
        let Some((number, _)) = self.terminal_lane() else { return true };
        let Some(lane) = self.lanes.get_mut(number) else { return true };
        if !is_dry && !lane.is_even() {
            return false;
        }
        match lane.release_now(&mut self.matcher) {
            Ok(had_more) => !had_more,
            Err(error) => {
                lane.from = None;
                self.failed.get_or_insert(error);
                true
            }
        }
    }

    /// Gives the real terminal back, and lets nothing be said on the command's one
    /// any more.
    pub(crate) fn leave_terminal(&mut self) {
        let Some((mut stage, number)) = self.stage.take() else { return };
        stage.leave();
        if let Some(lane) = self.lanes.get_mut(number) {
            lane.from = None;
        }
    }

    /// Whose values were left out of what was written to the standard output.
    pub(crate) fn left_out(&mut self) -> Vec<String> {
        let lanes = self.lanes.iter().filter(|lane| lane.stream == Stream::Out);
        let seen: BTreeSet<usize> = lanes.flat_map(Lane::seen).collect();
        if seen.is_empty() {
            return Vec::new();
        }
        let names = self.matcher.get().names();
        seen.into_iter().filter_map(|name| names.get(name).cloned()).collect()
    }

    /// Why something was not passed on.
    pub(crate) fn failure(&mut self) -> Result<(), RelayError> {
        self.failed.take().map_or(Ok(()), |source| Err(RelayError::Write { source }))
    }
}

impl Outlets {
    /// The same pipes once more, for a command that is started anew. A terminal has one
    /// session, and is not passed on twice.
    pub fn again(&self) -> io::Result<Self> {
        let again = self.pipes.iter().map(|(end, numbers)| Ok((end.try_clone()?, numbers.clone())));
        Ok(Self { pipes: again.collect::<io::Result<_>>()?, slave: None })
    }
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("lanes", &self.lanes.len()).finish_non_exhaustive()
    }
}
