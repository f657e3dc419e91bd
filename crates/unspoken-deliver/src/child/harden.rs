//! What a crash, or a neighbour, may see of a process that holds values.

use std::io;

use rustix::mm::MlockAllFlags;
use rustix::process::{DumpableBehavior, Resource, Rlimit};

use super::StartError;

/// Has the kernel write no core of this process or its children, also not into
/// a program that collects them: those are not started for a limit of one byte,
/// while they are for a limit of none.
///
/// Where the administrator allows none at all, who is not root cannot raise
/// that to one byte: then nothing is written to disk, and what a collecting
/// program gets is the administrator's choice.
pub fn limit_core() -> Result<(), StartError> {
    let limit = Rlimit { current: Some(1), maximum: Some(1) };
    match rustix::process::setrlimit(Resource::Core, limit) {
        Err(_) if rustix::process::getrlimit(Resource::Core).maximum == Some(0) => Ok(()),
        Err(error) => Err(StartError::Harden { source: io::Error::from(error) }),
        Ok(()) => Ok(()),
    }
}

/// Keeps debuggers of the same user away from this process, and cores from the
/// disk. A child starts without it: the kernel takes it back at `execve`.
pub fn close_to_others() {
    // Where it is refused, there is nothing else to be done.
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Keeps what this process holds at present out of swap, where the limit on
/// locked memory allows that. For a process that stays: the call alone takes
/// longer than a usual run holds anything.
pub fn lock_memory() {
    // The usual limit is smaller than this program.
    let _ = rustix::mm::mlockall(MlockAllFlags::CURRENT | MlockAllFlags::ONFAULT);
}
