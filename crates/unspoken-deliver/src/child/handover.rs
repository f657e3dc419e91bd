//! A child that gets a set on a descriptor.

use std::ffi::OsString;
use std::os::fd::AsFd as _;

use unspoken_wire::{Bundle, Descriptors};

use super::exec::become_it;
use super::supervise::supervise;
use super::{Environment, Outcome, Passage, StartError};
use crate::fd::{Channel, ChannelKind, keep_only, place};
use crate::output::{Outlets, Relay};

/// How a bundle is handed over.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Handover {
    pub descriptors: Descriptors,
    pub kind: ChannelKind,
}

impl Handover {
    /// The variable that tells a child which descriptors are ours.
    pub const VARIABLE: &str = "UNSPOKEN_FD";

    /// Makes the channel, and notes in the environment where it will be.
    pub fn prepare(
        &self,
        environment: &mut Environment,
        bundle: &Bundle,
    ) -> Result<Channel, StartError> {
        self.fits_the_limit()?;
        environment.note(Self::VARIABLE, &self.descriptors.to_string());
        let printed = bundle.print();
        if printed.len() > Bundle::MAX_BYTES || bundle.secrets.len() > Bundle::MAX_NAMES {
            let (bytes, names) = (printed.len(), bundle.secrets.len());
            return Err(StartError::TooMuch { bytes, names });
        }
        Ok(Channel::new(self.kind, printed)?)
    }

    /// Replaces this process by the command. When the pipe does not hold the
    /// whole bundle, or the command's output is to be passed on, this process starts
    /// the command instead, stays, and answers how the command ended.
    pub fn perform(
        &self,
        command: &[OsString],
        mut environment: Environment,
        bundle: Bundle,
        output: Option<(Relay, Outlets)>,
    ) -> Result<Outcome, StartError> {
        let channel = self.prepare(&mut environment, &bundle)?;
        drop(bundle);
        if channel.is_full() && output.is_none() {
            self.place(&channel)?;
            return match become_it(command, environment) {
                Ok(never) => match never {},
                Err(error) => Err(error),
            };
        }
        let passage = Passage { channel, descriptors: &self.descriptors, asks_readiness: false };
        supervise(command, environment, Some(passage), output)
    }

    /// The kernel would only say that a number is bad, and after a start not
    /// even which.
    fn fits_the_limit(&self) -> Result<(), StartError> {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        match self.descriptors.numbers().iter().max() {
            Some(&number) if limit.is_some_and(|limit| u64::from(number) >= limit) => {
                Err(StartError::Limit { number, limit: limit.unwrap_or_default() })
            }
            _ => Ok(()),
        }
    }

    fn place(&self, channel: &Channel) -> Result<(), StartError> {
        let numbers = self.descriptors.numbers();
        let mut each = numbers.iter();
        let placed = each.try_for_each(|&number| place(channel.read.as_fd(), number));
        placed.and_then(|()| keep_only(numbers)).map_err(|source| StartError::Descriptors {
            descriptors: self.descriptors.clone(),
            source,
        })
    }
}
