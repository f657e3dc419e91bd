//! Another process that goes on with what an ended command has left behind.
//!
//! `sh -c 'server &'` ends and the server talks on. Whoever waits for the command
//! gets its exit code at once; the server must not be ended by a pipe that nobody
//! reads, nor be read without redaction. So this program is started once more, in a
//! session of its own, gets the values in sealed memory and the pipes, and
//! listens until nobody can say anything any more.

use std::ffi::CString;
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::str::FromStr;

use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use thiserror::Error;
use unspoken_model::{NameError, SecretName};
use unspoken_seal::LazyMatcher;
use unspoken_wire::{Bundle, BundleError, Descriptors, Origin};

use super::lane::Lane;
use super::relay::Relay;
use crate::child::Watch;
use crate::fd::{Channel, ChannelKind, Inheritance, InheritanceError, apart_from, inherited};

/// A pipe that was handed on, and which stream of the process it belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Inlet {
    from: u16,
    stream: u16,
}

/// Why a text is no [`Inlet`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("expected `FROM:STREAM`, such as `4:1`")]
pub struct InletError;

/// Why a process cannot go on with what another one has begun.
#[derive(Debug, Error)]
pub enum SuccessorError {
    #[error("the descriptor {number} is not open")]
    Closed { number: u16 },
    #[error(transparent)]
    Inheritance(#[from] InheritanceError),
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("cannot pass output on")]
    Io(#[from] io::Error),
}

/// The command of the program that calls [`succeed`].
pub const SUCCESSOR: &str = "pass-on";

/// Where the values are: the first of the usual descriptors.
const VALUES: u16 = Descriptors::FIRST;

impl FromStr for Inlet {
    type Err = InletError;

    fn from_str(text: &str) -> Result<Self, InletError> {
        let (from, stream) = text.split_once(':').ok_or(InletError)?;
        let [from, stream] = [from, stream].map(str::parse::<u16>);
        match (from, stream) {
            (Ok(from), Ok(stream @ 1..=2)) if from > VALUES => Ok(Self { from, stream }),
            _ => Err(InletError),
        }
    }
}

impl fmt::Display for Inlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.from, self.stream)
    }
}

impl Relay {
    /// Hands the lanes that are still open to another process.
    pub(crate) fn hand_on(&self) -> io::Result<()> {
        let open: Vec<(&Lane, &OwnedFd)> =
            self.lanes.iter().filter_map(|lane| Some((lane, lane.from.as_ref()?))).collect();
        let inlets: Vec<Inlet> = (VALUES + 1..)
            .zip(&open)
            .map(|(from, (lane, _))| Inlet { from, stream: lane.stream.number() })
            .collect();
        let copies = self.matcher.secrets().map(|(name, secret)| {
            let secret = unspoken_seal::Secret::new(secret.expose().as_bytes().to_vec());
            Some((name.as_str().to_owned(), secret.ok()?))
        });
        let secrets = copies.collect::<Option<Vec<_>>>().ok_or(io::ErrorKind::InvalidData)?;
        let origin = Origin::default();
        let bundle = Bundle { origin, token: None, secrets }.print();
        let channel = Channel::new(ChannelKind::Memory, bundle).map_err(io::Error::other)?;
        let numbers: Vec<u16> =
            std::iter::once(VALUES).chain(inlets.iter().map(|inlet| inlet.from)).collect();
        let mut actions = PosixSpawnFileActions::init()?;
        let mut ends = vec![apart_from(channel.read, &numbers)?];
        for (_, from) in &open {
            ends.push(apart_from(from.try_clone()?, &numbers)?);
        }
        for (end, &number) in ends.iter().zip(&numbers) {
            actions.add_dup2(end.as_raw_fd(), number.into())?;
        }
        let mut attributes = PosixSpawnAttr::init()?;
        // In a session of its own no key ends it.
        attributes.set_flags(PosixSpawnFlags::from_bits_retain(libc::POSIX_SPAWN_SETSID.into()))?;
        let words = ["unspoken", SUCCESSOR].map(str::to_owned);
        let words = words.into_iter().chain(inlets.iter().map(Inlet::to_string));
        let arguments = words.map(CString::new).collect::<Result<Vec<_>, _>>()?;
        posix_spawn(c"/proc/self/exe", &actions, &attributes, &arguments, &[] as &[CString])?;
        Ok(())
    }
}

/// Goes on with what another process of this program has begun, to the end.
pub fn succeed(inlets: &[Inlet]) -> Result<(), SuccessorError> {
    let mut streams = Vec::new();
    for &Inlet { from: number, stream } in inlets {
        let from = inherited(number).ok_or(SuccessorError::Closed { number })?;
        streams.push((from, stream));
    }
    let inheritance = Inheritance::take(&Descriptors::default())?;
    let bundle = Bundle::parse(inheritance.bytes())?;
    drop(inheritance);
    let mut secrets = Vec::with_capacity(bundle.secrets.len());
    for (name, secret) in bundle.secrets {
        secrets.push((SecretName::parse(&name)?, secret));
    }
    let mut relay = Relay::resume(streams, LazyMatcher::new(secrets))?;
    let watch = Watch::begin()?;
    watch.drain(&mut relay, None)?;
    relay.failure().map_err(|error| SuccessorError::Io(io::Error::other(error)))
}
