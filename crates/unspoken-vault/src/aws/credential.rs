//! Who this program is to AWS, kept for as long as that holds.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use super::kms::KmsError;
use super::source::Source;

/// A key pair of AWS, for a while or for good. Wiped on drop.
pub(super) struct Credential {
    pub(super) id: Zeroizing<String>,
    pub(super) secret: Zeroizing<String>,
    pub(super) token: Option<Zeroizing<String>>,
    /// When it ends, if it does.
    pub(super) end: Option<Timestamp>,
}

/// Keeps a credential, and fetches the next one before it ends.
#[derive(Debug)]
pub(super) struct Keeper {
    source: Source,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    credential: Option<Arc<Credential>>,
    /// When none could be fetched the last time, and why.
    failed: Option<(Instant, KmsError)>,
}

/// How long before its end a credential is fetched anew.
const EARLY: SignedDuration = SignedDuration::from_mins(5);

/// How long before its end one is still used, where there is no other.
const LATE: SignedDuration = SignedDuration::from_secs(10);

impl Credential {
    fn holds(&self, now: Timestamp, margin: SignedDuration) -> bool {
        self.end.is_none_or(|end| end.duration_since(now) > margin)
    }
}

impl Keeper {
    pub(super) fn new(source: Source) -> Self {
        Self { source, held: Mutex::default() }
    }

    /// A credential that holds. May wait for who gives it.
    pub(super) fn find(&self) -> Result<Arc<Credential>, KmsError> {
        let asked = Instant::now();
        // A thread that panicked while it fetched has put nothing in.
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Timestamp::now();
        if let Some(found) = held.credential.as_ref().filter(|found| found.holds(now, EARLY)) {
            return Ok(Arc::clone(found));
        }
        let older = held.credential.as_ref().filter(|found| found.holds(now, LATE)).cloned();
        // Who waited while it failed does not let those behind wait once more.
        if let Some((_, error)) = held.failed.filter(|(at, _)| *at >= asked) {
            return older.ok_or(error);
        }
        match self.source.fetch() {
            Ok(fetched) => {
                let fetched = Arc::new(fetched);
                *held = Held { credential: Some(Arc::clone(&fetched)), failed: None };
                Ok(fetched)
            }
            Err(error) => {
                held.failed = Some((Instant::now(), error));
                older.ok_or(error)
            }
        }
    }

    /// Forgets a credential that AWS does not take.
    pub(super) fn forget(&self, refused: &Arc<Credential>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.credential.as_ref().is_some_and(|found| Arc::ptr_eq(found, refused)) {
            held.credential = None;
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential([REDACTED])")
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").finish_non_exhaustive()
    }
}
