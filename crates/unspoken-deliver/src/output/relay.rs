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

/// Reads what a command says, and passes it on without the values.
pub struct Relay {
    pub(super) lanes: Vec<Lane>,
    pub(super) matcher: LazyMatcher,
    buffer: Buffer,
    failed: Option<io::Error>,
}

/// The ends that the command gets: what it writes to, and on which numbers.
#[derive(Debug)]
pub struct Outlets(pub(crate) Vec<(OwnedFd, Vec<u16>)>);

/// Why what a command says cannot be passed on.
#[derive(Debug, Error)]
pub enum RelayError {
    #[error("cannot make a pipe for the command's output")]
    Pipe { source: io::Error },
    #[error("cannot write what the command says")]
    Write { source: io::Error },
}

impl Relay {
    /// How much a pipe to us holds, where that is granted.
    const PIPE: usize = 256 * 1024;

    /// Makes the pipes for the streams of this process that are to be passed on;
    /// `None` when none is.
    pub fn new(
        redact: Redact,
        matcher: LazyMatcher,
    ) -> Result<Option<(Self, Outlets)>, RelayError> {
        let is_passed =
            |stream: &Stream| redact != Redact::Never && !stream.is_terminal() && !stream.is_null();
        let streams: Vec<Stream> = Stream::BOTH.into_iter().filter(is_passed).collect();
        if streams.is_empty() || matcher.is_empty() {
            return Ok(None);
        }
        let groups = match streams.as_slice() {
            both @ [_, _] if Stream::are_one() => vec![both],
            streams => streams.chunks(1).collect(),
        };
        let mut relay = Self { lanes: Vec::new(), matcher, buffer: Buffer::new(), failed: None };
        let mut outlets = Vec::new();
        for group in groups {
            let end = relay.add(group).map_err(|source| RelayError::Pipe { source })?;
            outlets.push((end, group.iter().map(|stream| stream.number()).collect()));
        }
        Ok(Some((relay, Outlets(outlets))))
    }

    /// Leaves the values of a newer set out as well.
    pub fn learn(&mut self, set: &SecretSet, visible: &BTreeSet<SecretName>) {
        self.matcher.add(set, visible);
    }

    /// Goes on with streams that another process has begun to pass on.
    pub fn resume(streams: Vec<(OwnedFd, u16)>, matcher: LazyMatcher) -> io::Result<Self> {
        let mut lanes = Vec::new();
        for (from, number) in streams {
            let stream = Stream::BOTH.into_iter().find(|stream| stream.number() == number);
            lanes.push(Lane::new(from, stream.ok_or(io::ErrorKind::InvalidInput)?)?);
        }
        Ok(Self { lanes, matcher, buffer: Buffer::new(), failed: None })
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
        numbered.filter_map(|(number, lane)| Some((number, lane.wants()?)))
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
                lane.release(matcher, Some(now))
            }
        });
    }

    /// Passes on what waits: nobody goes on with it.
    pub(crate) fn release(&mut self) {
        self.each(|_, lane, matcher, _| lane.release(matcher, None));
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

    /// Why something was not passed on.
    pub(crate) fn failure(&mut self) -> Result<(), RelayError> {
        self.failed.take().map_or(Ok(()), |source| Err(RelayError::Write { source }))
    }
}

impl Outlets {
    /// The same ends once more, for a command that is started anew.
    pub fn again(&self) -> io::Result<Self> {
        let again = self.0.iter().map(|(end, numbers)| Ok((end.try_clone()?, numbers.clone())));
        again.collect::<io::Result<_>>().map(Self)
    }
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("lanes", &self.lanes.len()).finish_non_exhaustive()
    }
}
