//! The login keychain of macOS.
//!
//! The system itself asks the person when it is locked, or when another build of
//! this program made the entry.

use security_framework::base::Error;
use security_framework::passwords::{
    PasswordOptions, delete_generic_password, generic_password, set_generic_password,
};
use zeroize::Zeroizing;

use super::KeychainError;
use super::patience::Clock;
use crate::Variables;

const SERVICE: &str = "unspoken";

/// The system's own numbers of what can go wrong.
const NOT_FOUND: i32 = -25300;
const NO_INTERACTION: i32 = -25308;
const CANCELLED: i32 = -128;
const NO_KEYCHAIN: [i32; 2] = [-25294, -25307];

/// There is one keychain, and nothing to know of the way to it.
#[derive(Clone, Debug)]
pub(super) struct Reach;

impl Reach {
    pub(super) fn of(_: &Variables) -> Self {
        Self
    }
}

pub(super) fn read(
    _: &Reach,
    entry: &str,
    clock: &Clock,
) -> Result<Option<Zeroizing<Vec<u8>>>, KeychainError> {
    clock.asking();
    match generic_password(PasswordOptions::new_generic_password(SERVICE, entry)) {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(error) if error.code() == NOT_FOUND => Ok(None),
        Err(error) => Err(failed("give a key", error)),
    }
}

pub(super) fn put(
    _: &Reach,
    entry: &str,
    _label: &str,
    text: &[u8],
    clock: &Clock,
) -> Result<(), KeychainError> {
    clock.asking();
    set_generic_password(SERVICE, entry, text).map_err(|error| failed("take a key", error))
}

pub(super) fn remove(_: &Reach, entry: &str, clock: &Clock) -> Result<(), KeychainError> {
    clock.asking();
    match delete_generic_password(SERVICE, entry) {
        Err(error) if error.code() != NOT_FOUND => Err(failed("remove a key", error)),
        _ => Ok(()),
    }
}

fn failed(operation: &'static str, error: Error) -> KeychainError {
    match error.code() {
        NO_INTERACTION => KeychainError::Locked,
        CANCELLED => KeychainError::Dismissed,
        code if NO_KEYCHAIN.contains(&code) => KeychainError::NoCollection,
        code => KeychainError::Call { operation, reason: format!("status {code}") },
    }
}
