//! The projects' keys, in memory for a little while.
//!
//! Rules:
//! - A key is found by all that it was unwrapped from: the wrapped bytes and the address.
//! - It is forgotten five minutes after it was last used, an hour after it was
//!   unwrapped, and when there are too many.
//! - Several that want the same key wait for one unwrapping, and for its failure.
//! - The master key may be far away: it is asked by so many at a time, and the others wait where
//!   they leave nothing behind when they go away.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Address, MasterError, MasterKey, Purpose};
use crate::hazmat::{self, Key, Refused};
use crate::places::Places;
use crate::problem::Problem;

/// A project's key: wraps the keys of versions, which seal one value each.
#[derive(Clone)]
pub(crate) struct ProjectKey(Arc<Key>);

/// See the rules at the top.
pub(crate) struct KeyRing {
    master: Arc<dyn MasterKey>,
    /// What proves the master key, and where it belongs.
    check: (Address, Vec<u8>),
    held: Mutex<HashMap<[u8; 32], Arc<Slot>>>,
    places: Places,
}

/// A place that one unwraps for, while others wait.
#[derive(Default)]
struct Slot(Mutex<Wrapped>);

#[derive(Default)]
struct Wrapped {
    held: Option<Held>,
    /// When it could not be unwrapped the last time, and why.
    failed: Option<(Instant, MasterError)>,
}

struct Held {
    key: ProjectKey,
    since: Instant,
    used: Instant,
}

/// A version of a value, as it is stored.
pub(crate) struct SealedValue {
    /// Its key, wrapped by the project's.
    pub(crate) wrapped: Vec<u8>,
    pub(crate) sealed: Vec<u8>,
}

impl ProjectKey {
    pub(crate) fn new(key: Key) -> Self {
        Self(Arc::new(key))
    }

    /// Seals a value under a key of its own. `version` is its whole address.
    pub(crate) fn seal(
        &self,
        version: &Address,
        key_version: i64,
        value: &[u8],
    ) -> Result<SealedValue, Refused> {
        let key = Key::random();
        let wrap = version.clone().under(key_version);
        let wrapped = self.0.seal(&Purpose::DataKey.bind(&wrap), wrap.as_bytes(), key.expose())?;
        let sealed = key.seal(&Purpose::Value.bind(version), version.as_bytes(), value)?;
        Ok(SealedValue { wrapped, sealed })
    }

    /// Opens what [`ProjectKey::seal`] made for the same address.
    pub(crate) fn open(
        &self,
        version: &Address,
        key_version: i64,
        value: &SealedValue,
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, Refused> {
        let key = self.data_key(version, key_version, &value.wrapped)?;
        key.open(&Purpose::Value.bind(version), version.as_bytes(), &value.sealed)
    }

    fn data_key(
        &self,
        version: &Address,
        key_version: i64,
        wrapped: &[u8],
    ) -> Result<Key, Refused> {
        let wrap = version.clone().under(key_version);
        let opened = self.0.open(&Purpose::DataKey.bind(&wrap), wrap.as_bytes(), wrapped)?;
        Key::new(&opened).ok_or(Refused)
    }

    /// Wraps a version's key anew, for a newer key of the project. The value stays.
    pub(crate) fn rewrap(
        &self,
        newer: &Self,
        version: &Address,
        from: i64,
        to: i64,
        wrapped: &[u8],
    ) -> Result<Vec<u8>, Refused> {
        let key = self.data_key(version, from, wrapped)?;
        let wrap = version.clone().under(to);
        newer.0.seal(&Purpose::DataKey.bind(&wrap), wrap.as_bytes(), key.expose())
    }
}

impl KeyRing {
    const IDLE: Duration = Duration::from_mins(5);
    const WHOLE: Duration = Duration::from_hours(1);
    const MOST: usize = 1024;
    const PLACES: usize = 32;

    pub(crate) fn new(master: Arc<dyn MasterKey>, check: (Address, Vec<u8>)) -> Self {
        Self { master, check, held: Mutex::default(), places: Places::new(Self::PLACES) }
    }

    /// Has something done that may wait for who holds the master key.
    pub(crate) async fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, MasterError> + Send + 'static,
    ) -> Result<T, Problem> {
        let own = Arc::clone(self);
        let done = self.places.run(move || work(&own)).await?;
        done.map_err(|_| Problem::unavailable())
    }

    /// A project's key, unwrapped now or lately, for who wants it since `asked`. May wait for who
    /// holds the master key.
    pub(crate) fn find(
        &self,
        address: &Address,
        wrapped: &[u8],
        asked: Instant,
    ) -> Result<ProjectKey, MasterError> {
        let slot = self.slot(address, wrapped);
        // A thread that panicked while it unwrapped has put nothing in.
        let mut slot = slot.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some(held) = slot.held.as_mut().filter(|held| !held.is_over(now)) {
            held.used = now;
            return Ok(held.key.clone());
        }
        // Who waited while it failed does not let those behind wait once more.
        if let Some((_, error)) = slot.failed.filter(|(at, _)| *at >= asked) {
            return Err(error);
        }
        match self.master.unwrap_key(Purpose::ProjectKey, address, wrapped) {
            Ok(key) => {
                let (key, now) = (ProjectKey::new(key), Instant::now());
                *slot = Wrapped {
                    held: Some(Held { key: key.clone(), since: now, used: now }),
                    failed: None,
                };
                Ok(key)
            }
            Err(error) => {
                slot.failed = Some((Instant::now(), error));
                Err(error)
            }
        }
    }

    /// A project's key, if it is in memory. Never waits.
    pub(crate) fn peek(&self, address: &Address, wrapped: &[u8]) -> Option<ProjectKey> {
        let slot = self.slot(address, wrapped);
        let mut slot = slot.0.try_lock().ok()?;
        let now = Instant::now();
        let held = slot.held.as_mut().filter(|held| !held.is_over(now))?;
        held.used = now;
        Some(held.key.clone())
    }

    fn slot(&self, address: &Address, wrapped: &[u8]) -> Arc<Slot> {
        let length = (wrapped.len() as u64).to_be_bytes();
        let id = hazmat::sha256(&[&length, wrapped, address.as_bytes()]);
        let mut slots = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= Self::MOST && !slots.contains_key(&id) {
            slots.clear();
        }
        Arc::clone(slots.entry(id).or_default())
    }

    /// Wraps a new key for a project. May wait for who holds the master key.
    pub(crate) fn make(&self, address: &Address) -> Result<Vec<u8>, MasterError> {
        self.master.wrap(Purpose::ProjectKey, address, Key::random().expose())
    }

    /// Seals something of the store's own, or a person's. May wait for who holds the master key.
    pub(crate) fn seal_own(&self, address: &Address, key: &Key) -> Result<Vec<u8>, MasterError> {
        self.master.wrap(Purpose::Own, address, key.expose())
    }

    /// Opens what [`KeyRing::seal_own`] sealed.
    pub(crate) fn open_own(&self, address: &Address, sealed: &[u8]) -> Result<Key, MasterError> {
        self.master.unwrap_key(Purpose::Own, address, sealed)
    }

    /// Opens something that is nobody's, so that who has nothing sealed takes as long.
    pub(crate) fn open_nobodys(&self) -> Result<(), MasterError> {
        let (address, sealed) = &self.check;
        self.master.unwrap_key(Purpose::Check, address, sealed).map(drop)
    }

    /// Forgets what was held for long enough. Called now and then.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        let mut slots = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|_, slot| match slot.0.try_lock() {
            Ok(slot) => slot.held.as_ref().is_some_and(|held| !held.is_over(now)),
            Err(_) => true,
        });
    }
}

impl Held {
    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.used) > KeyRing::IDLE
            || now.duration_since(self.since) > KeyRing::WHOLE
    }
}

impl fmt::Debug for ProjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProjectKey([REDACTED])")
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("master", &self.master).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use unspoken_model::{DeploymentId, EnvironmentId, ProjectId, SecretName, TeamId};

    use super::super::Counting;
    use super::*;

    fn address(project: u8) -> Address {
        Address::project(
            &DeploymentId::new([1; 16]),
            &TeamId::new([2; 16]),
            &ProjectId::new([project; 16]),
        )
    }

    fn version(number: i64) -> Address {
        address(3).version(&EnvironmentId::new([4; 16]), &SecretName::parse("A").unwrap(), number)
    }

    fn find(ring: &KeyRing, project: u8, wrapped: &[u8]) -> Result<ProjectKey, MasterError> {
        ring.find(&address(project), wrapped, Instant::now())
    }

    #[test]
    fn a_value_opens_at_its_own_address_alone() {
        let key = ProjectKey::new(Key::random());
        let value = key.seal(&version(1), 1, b"canary").unwrap();
        assert_eq!(**key.open(&version(1), 1, &value).unwrap(), *b"canary");
        assert!(key.open(&version(2), 1, &value).is_err());
        assert!(key.open(&version(1), 2, &value).is_err());
        assert!(ProjectKey::new(Key::random()).open(&version(1), 1, &value).is_err());
        // A ciphertext with the wrapped key of another version.
        let other = key.seal(&version(2), 1, b"other").unwrap();
        let mixed = SealedValue { wrapped: other.wrapped, sealed: value.sealed };
        assert!(key.open(&version(1), 1, &mixed).is_err());
        assert!(key.open(&version(2), 1, &mixed).is_err());
    }

    #[test]
    fn a_wrapped_key_moves_to_a_newer_key_and_the_value_stays() {
        let (old, new) = (ProjectKey::new(Key::random()), ProjectKey::new(Key::random()));
        let value = old.seal(&version(1), 1, b"canary").unwrap();
        let wrapped = old.rewrap(&new, &version(1), 1, 2, &value.wrapped).unwrap();
        let moved = SealedValue { wrapped, sealed: value.sealed };
        assert_eq!(**new.open(&version(1), 2, &moved).unwrap(), *b"canary");
        assert!(old.open(&version(1), 2, &moved).is_err());
    }

    #[test]
    fn many_that_want_a_key_wait_for_one_unwrapping() {
        let master = Arc::new(Counting::new());
        let ring = KeyRing::new(Arc::clone(&master) as Arc<dyn MasterKey>, (address(0), vec![]));
        let wrapped = ring.make(&address(3)).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| find(&ring, 3, &wrapped).unwrap());
            }
        });
        assert_eq!(master.asked.load(Ordering::SeqCst), 1);
        assert_eq!(find(&ring, 4, &wrapped).unwrap_err(), MasterError::Refused);
        // The same bytes at another place are another key, and were asked for.
        assert_eq!(master.asked.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn who_waited_for_an_unwrapping_that_failed_does_not_begin_another() {
        let master = Arc::new(Counting::new());
        let ring = KeyRing::new(Arc::clone(&master) as Arc<dyn MasterKey>, (address(0), vec![]));
        let begin = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    begin.wait();
                    assert!(find(&ring, 3, b"nonsense").is_err());
                });
            }
        });
        let asked = master.asked.load(Ordering::SeqCst);
        assert!(asked < 4, "{asked}");
        // It is tried again by who comes later.
        assert!(find(&ring, 3, b"nonsense").is_err());
        assert_eq!(master.asked.load(Ordering::SeqCst), asked + 1);
    }
}
