//! The operating system's keychain, as a place for private keys and tokens.
//!
//! Rules:
//! - It is asked only when a stub in a key's place says so, when a key is
//!   moved, or for the token of a vault. Until then nothing is connected, and no thread is started.
//! - Whoever waits, waits for a bounded time: where nobody can be asked for a
//!   password, a keychain that is absent, silent or locked is an error within
//!   [`SILENT`].
//! - What it said once of itself as a whole, that it is not there, it is not
//!   asked again by the same process.
//! - Linux: the Secret Service over the session bus, and nothing else. The
//!   kernel's keyring forgets when the machine restarts, so it is no home.

mod patience;
#[cfg(target_os = "macos")]
#[path = "keychain/apple.rs"]
mod platform;
#[cfg(not(target_os = "macos"))]
#[path = "keychain/secret_service.rs"]
mod platform;

use std::fmt::Display;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::Variables;

/// How long a keychain may take that asks nobody.
const SILENT: Duration = Duration::from_millis(2500);
/// How long a person may take to type a password.
const ASKING: Duration = Duration::from_secs(90);
/// How much an entry may hold: as much as a key file.
const LIMIT: usize = 64 * 1024;

/// The keychain of the user that this process acts for.
#[derive(Clone, Debug)]
pub(crate) struct Keychain {
    reach: platform::Reach,
    /// Why it cannot be used at all, once that was found out.
    unusable: Arc<OnceLock<KeychainError>>,
}

/// Why a key could not be put into the keychain or taken from it.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum KeychainError {
    #[error(
        "there is no session bus to reach the keychain over: neither `DBUS_SESSION_BUS_ADDRESS` \
         nor `XDG_RUNTIME_DIR` leads to one"
    )]
    NoBus,
    #[error("`DBUS_SESSION_BUS_ADDRESS` names no socket of this machine")]
    OtherBus,
    #[error("cannot connect to the session bus, which leads to the keychain: {reason}")]
    Bus { reason: String },
    #[error("there is no keychain: no program on the session bus is `org.freedesktop.secrets`")]
    NoService,
    #[error("the keychain has no default collection to put a key into")]
    NoCollection,
    #[error("the keychain is locked, and there is no screen on which to ask for its password")]
    Locked,
    #[error("the keychain was not unlocked")]
    Dismissed,
    #[error("the keychain did not answer within {:.1} s", .after.as_secs_f32())]
    TimedOut { after: Duration },
    #[error("the keychain has no entry `{entry}`")]
    NotFound { entry: String },
    #[error("the keychain has {count} entries `{entry}` where there may be one")]
    Ambiguous { entry: String, count: usize },
    #[error("the keychain's entry `{entry}` is larger than a key may be")]
    TooLarge { entry: String },
    #[error("the keychain did not {operation}: {reason}")]
    Call { operation: &'static str, reason: String },
}

impl Keychain {
    /// Notes how the keychain would be reached. Nothing is connected.
    pub(crate) fn of(variables: &Variables) -> Self {
        Self { reach: platform::Reach::of(variables), unusable: Arc::default() }
    }

    /// Reads an entry; `None` when there is none.
    pub(crate) fn read(
        &self,
        entry: &impl Display,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, KeychainError> {
        let entry = entry.to_string();
        let found = self.perform({
            let entry = entry.clone();
            move |reach, clock| platform::read(reach, &entry, clock)
        })?;
        match found {
            Some(text) if text.len() > LIMIT => Err(KeychainError::TooLarge { entry }),
            found => Ok(found),
        }
    }

    /// Writes an entry, over one that is there.
    pub(crate) fn put(
        &self,
        entry: &impl Display,
        label: String,
        text: &[u8],
    ) -> Result<(), KeychainError> {
        let (entry, text) = (entry.to_string(), Zeroizing::new(text.to_vec()));
        self.perform(move |reach, clock| platform::put(reach, &entry, &label, &text, clock))
    }

    /// Removes an entry, if it is there.
    pub(crate) fn remove(&self, entry: &impl Display) -> Result<(), KeychainError> {
        let entry = entry.to_string();
        self.perform(move |reach, clock| platform::remove(reach, &entry, clock))
    }

    fn perform<T: Send + 'static>(
        &self,
        job: impl FnOnce(&platform::Reach, &patience::Clock) -> Result<T, KeychainError>
        + Send
        + 'static,
    ) -> Result<T, KeychainError> {
        if let Some(error) = self.unusable.get() {
            return Err(error.clone());
        }
        let reach = self.reach.clone();
        let outcome = patience::within((SILENT, ASKING), move |clock| job(&reach, clock));
        if let Err(error) = &outcome
            && error.is_of_the_whole()
        {
            // Whoever was faster has found out the same.
            let _ = self.unusable.set(error.clone());
        }
        outcome
    }
}

impl KeychainError {
    /// Whether it would be said of every entry.
    fn is_of_the_whole(&self) -> bool {
        match self {
            Self::NoBus
            | Self::OtherBus
            | Self::Bus { .. }
            | Self::NoService
            | Self::Locked
            | Self::Dismissed
            | Self::TimedOut { .. } => true,
            Self::NoCollection
            | Self::NotFound { .. }
            | Self::Ambiguous { .. }
            | Self::TooLarge { .. }
            | Self::Call { .. } => false,
        }
    }
}
