//! How often somebody may try: so many times at once, and then one more now and then.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::problem::{Kind, Problem};

/// What is tried.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Door {
    /// A password, by whose it is to be.
    Person,
    /// A password, by where it comes from.
    Address,
    /// A code that a device shows.
    DeviceCode,
    /// A login that is begun.
    Begin,
    /// What may be tried so often by all together.
    Anywhere,
}

/// When a door opens again, by who stands before it. Bounded, and in memory alone.
#[derive(Default)]
pub(crate) struct Doors(Mutex<HashMap<(Door, String), Instant>>);

/// How many doors are remembered.
const MOST: usize = 16_384;

impl Door {
    /// How often at once, and in which time one more.
    fn pace(self) -> (u32, Duration) {
        match self {
            Self::Person => (10, Duration::from_secs(30)),
            Self::Address | Self::Begin => (30, Duration::from_secs(3)),
            Self::DeviceCode => (10, Duration::from_secs(10)),
            Self::Anywhere => (600, Duration::from_millis(100)),
        }
    }
}

impl Doors {
    /// Counts one try, or refuses it.
    pub(crate) fn knock(&self, door: Door, who: &str) -> Result<(), Problem> {
        self.knock_at(door, who, Instant::now()).map_err(|wait| {
            let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
            Problem {
                retry_after: Some(seconds),
                ..Problem::new(Kind::TooMany, "this was tried too often")
            }
        })
    }

    fn knock_at(&self, door: Door, who: &str, now: Instant) -> Result<(), Duration> {
        let (most, pause) = door.pace();
        let mut doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if doors.len() >= MOST {
            make_room(&mut doors, now);
        }
        let free = doors.entry((door, who.to_owned())).or_insert(now);
        let next = (*free).max(now) + pause;
        let ahead = next.duration_since(now);
        let allowed = pause * most;
        if ahead > allowed {
            return Err(ahead.saturating_sub(allowed));
        }
        *free = next;
        Ok(())
    }

    /// Forgets the tries of who was let in.
    pub(crate) fn forget(&self, door: Door, who: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(door, who.to_owned()));
    }
}

/// Forgets who may try as often as anybody; and, where that is not enough, the half that tried least.
fn make_room(doors: &mut HashMap<(Door, String), Instant>, now: Instant) {
    doors.retain(|_, free| *free > now);
    if doors.len() >= MOST {
        let mut times: Vec<_> = doors.values().copied().collect();
        let (_, middle, _) = times.select_nth_unstable(MOST / 2);
        let middle = *middle;
        doors.retain(|_, free| *free > middle);
    }
}

/// Who an address is: one, or the network that one line gets.
pub(crate) fn whence(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

impl fmt::Debug for Doors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doors").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_some_tries_one_waits_and_others_do_not() {
        let (doors, now) = (Doors::default(), Instant::now());
        let (most, pause) = Door::Person.pace();
        for _ in 0..most {
            assert_eq!(doors.knock_at(Door::Person, "a", now), Ok(()));
        }
        assert_eq!(doors.knock_at(Door::Person, "a", now), Err(pause));
        assert_eq!(doors.knock_at(Door::Address, "a", now), Ok(()));
        assert_eq!(doors.knock_at(Door::Person, "b", now), Ok(()));
        // Who goes on trying does not wait for longer.
        assert_eq!(doors.knock_at(Door::Person, "a", now + pause / 2), Err(pause / 2));
        assert_eq!(doors.knock_at(Door::Person, "a", now + pause), Ok(()));
        assert!(doors.knock_at(Door::Person, "a", now + pause).is_err());
        doors.forget(Door::Person, "a");
        assert_eq!(doors.knock_at(Door::Person, "a", now + pause), Ok(()));
    }

    #[test]
    fn as_many_as_there_are_do_not_fill_the_memory_or_free_who_tries_most() {
        let (doors, now) = (Doors::default(), Instant::now());
        while doors.knock_at(Door::Person, "often", now).is_ok() {}
        for number in 0..3 * MOST {
            let _ = doors.knock_at(Door::Person, &number.to_string(), now);
        }
        assert!(doors.0.lock().unwrap().len() <= MOST);
        assert!(doors.knock_at(Door::Person, "often", now).is_err());
    }

    #[test]
    fn a_line_is_one_address() {
        let whence = |text: &str| whence(text.parse().unwrap());
        assert_eq!(whence("2001:db8:1:2:3::4"), whence("2001:db8:1:2::9"));
        assert_ne!(whence("2001:db8:1:2:3::4"), whence("2001:db8:1:3::4"));
        assert_eq!(whence("::ffff:10.0.0.1"), "10.0.0.1");
    }
}
