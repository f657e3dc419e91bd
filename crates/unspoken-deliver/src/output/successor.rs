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

use nix::fcntl::OFlag;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::stat::Mode;
use thiserror::Error;
use unspoken_model::{NameError, SecretName};
use unspoken_seal::{LazyMatcher, Secret};
use unspoken_wire::{Bundle, BundleError, Descriptors, DescriptorsError, Origin};
use zeroize::Zeroizing;

use super::relay::Relay;
use crate::child::{Watch, lock_memory};
use crate::fd::{
    Channel, ChannelKind, Inheritance, InheritanceError, apart_from, inherited, keep_only,
};

/// A pipe that was handed on, which stream of the process it belongs to, and where
/// the text is that was read from it and not passed on yet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Inlet {
    from: u16,
    stream: u16,
    held: u16,
}

/// Why a text is no [`Inlet`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("expected `FROM:STREAM:HELD`, such as `4:1:5`")]
pub struct InletError;

/// Why a process cannot go on with what another one has begun.
#[derive(Debug, Error)]
pub enum SuccessorError {
    #[error("the descriptor {number} is not open")]
    Closed { number: u16 },
    #[error(transparent)]
    Descriptors(#[from] DescriptorsError),
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
        let numbers: Vec<u16> = text.split(':').map_while(|number| number.parse().ok()).collect();
        match numbers.as_slice() {
            &[from, stream @ 1..=2, held] if from > VALUES && held > VALUES => {
                Ok(Self { from, stream, held })
            }
            _ => Err(InletError),
        }
    }
}

impl fmt::Display for Inlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.from, self.stream, self.held)
    }
}

impl Relay {
    /// Hands the lanes that are still open to another process.
    pub(crate) fn hand_on(&self) -> io::Result<()> {
        let open = self.lanes.iter().filter_map(|lane| Some((lane, lane.from.as_ref()?)));
        let (mut inlets, mut ends) = (Vec::new(), vec![memory(self.values()?)?]);
        for ((lane, from), number) in open.zip((VALUES + 1..).step_by(2)) {
            inlets.push(Inlet { from: number, stream: lane.stream.number(), held: number + 1 });
            ends.push(from.try_clone()?);
            ends.push(memory(lane.held())?);
        }
        let numbers: Vec<u16> = (VALUES..).take(ends.len()).collect();
        let ends = ends.into_iter().map(|end| apart_from(end, &numbers));
        let ends = ends.collect::<io::Result<Vec<_>>>()?;
        // Nothing of the caller's goes on with it: no lock, no pipe, no folder.
        keep_only(&[])?;
        let mut actions = PosixSpawnFileActions::init()?;
        actions.add_open(0, c"/dev/null", OFlag::O_RDONLY, Mode::empty())?;
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

    /// All values, as a bundle.
    fn values(&self) -> io::Result<Zeroizing<Vec<u8>>> {
        let copies = self.matcher.secrets().map(|(name, secret)| {
            let secret = Secret::new(secret.expose().as_bytes().to_vec());
            Some((name.as_str().to_owned(), secret.ok()?))
        });
        let secrets = copies.collect::<Option<Vec<_>>>().ok_or(io::ErrorKind::InvalidData)?;
        Ok(Bundle { origin: Origin::default(), token: None, secrets }.print())
    }
}

/// A memory file with these bytes.
fn memory(bytes: Zeroizing<Vec<u8>>) -> io::Result<OwnedFd> {
    Ok(Channel::new(ChannelKind::Memory, bytes).map_err(io::Error::other)?.read)
}

/// Goes on with what another process of this program has begun, to the end.
pub fn succeed(inlets: &[Inlet]) -> Result<(), SuccessorError> {
    let mut streams = Vec::new();
    for &Inlet { from: number, stream, held } in inlets {
        let from = inherited(number).ok_or(SuccessorError::Closed { number })?;
        streams.push((from, stream, take(held)?));
    }
    let bundle = Bundle::parse(take(VALUES)?.bytes())?;
    std::env::set_current_dir("/")?;
    lock_memory();
    let mut secrets = Vec::with_capacity(bundle.secrets.len());
    for (name, secret) in bundle.secrets {
        secrets.push((SecretName::parse(&name)?, secret));
    }
    let mut relay = Relay::resume(streams, LazyMatcher::new(secrets))?;
    let watch = Watch::begin()?;
    watch.drain(&mut relay, None)?;
    relay.failure().map_err(|error| SuccessorError::Io(io::Error::other(error)))
}

fn take(number: u16) -> Result<Inheritance, SuccessorError> {
    Ok(Inheritance::take(&Descriptors::parse(&number.to_string())?)?)
}
