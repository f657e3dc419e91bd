//! How often a token, and an address, may ask. In memory, and bounded.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::db::Shown;

/// Who asks.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Asker {
    /// By its secret half as well: who knows an id alone takes nothing of its holder's.
    Token(Shown),
    /// An IPv6 network of 64 bits counts as one address.
    Address(IpAddr),
    /// All of whom there is no room to remember more.
    Others,
}

/// Lets each asker ask so many times a second, and twice as many at once.
#[derive(Debug)]
pub(crate) struct Limit {
    /// The time between two requests that go on for ever; `None` where there is no limit.
    interval: Option<Duration>,
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
    begin: Instant,
}

/// Times are counted from the beginning.
#[derive(Debug, Default)]
struct Shard {
    /// When each asker has made up for all that was asked.
    due: HashMap<Asker, Duration>,
    /// When those were forgotten last that have.
    swept: Duration,
}

impl Limit {
    const SHARDS: usize = 16;

    /// How many askers are remembered.
    const MOST: usize = 64 * 1024;

    const SWEEP: Duration = Duration::from_secs(1);

    /// How much may be asked at once, as a time.
    const BURST: Duration = Duration::from_secs(2);

    /// `rate` is in requests per second; 0 for no limit.
    pub(crate) fn new(rate: u32) -> Self {
        Self {
            interval: Duration::from_secs(1).checked_div(rate),
            shards: (0..Self::SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            begin: Instant::now(),
        }
    }

    /// Whether somebody may ask now; else in how long.
    pub(crate) fn admit(&self, asker: Asker) -> Result<(), Duration> {
        self.admit_at(asker, self.begin.elapsed())
    }

    fn admit_at(&self, asker: Asker, now: Duration) -> Result<(), Duration> {
        let Some(interval) = self.interval else { return Ok(()) };
        let asker = asker.grouped();
        let shard = usize::try_from(self.hasher.hash_one(asker)).unwrap_or(0) % Self::SHARDS;
        let Some(shard) = self.shards.get(shard) else { return Ok(()) };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let asker = Self::remembered(&mut shard, asker, now);
        let due = shard.due.get(&asker).copied().unwrap_or_default().max(now);
        let debt = due.saturating_sub(now);
        if debt > Self::BURST {
            return Err(debt.saturating_sub(Self::BURST));
        }
        shard.due.insert(asker, due + interval);
        Ok(())
    }

    /// The asker, or all others where there is no room.
    fn remembered(shard: &mut Shard, asker: Asker, now: Duration) -> Asker {
        let most = Self::MOST / Self::SHARDS;
        if shard.due.len() < most || shard.due.contains_key(&asker) {
            return asker;
        }
        // Not for each of a flood.
        if now >= shard.swept + Self::SWEEP {
            shard.swept = now;
            shard.due.retain(|_, due| *due > now);
        }
        if shard.due.len() < most { asker } else { Asker::Others }
    }
}

impl Asker {
    fn grouped(self) -> Self {
        match self {
            Self::Address(address) => match address.to_canonical() {
                IpAddr::V6(address) => {
                    let network = address.to_bits() >> 64 << 64;
                    Self::Address(IpAddr::V6(network.into()))
                }
                address @ IpAddr::V4(_) => Self::Address(address),
            },
            Self::Token(_) | Self::Others => self,
        }
    }
}

#[test]
fn who_asks_too_often_waits_and_nobody_else() {
    let limit = Limit::new(10);
    let asker = |last: u8| Asker::Address(IpAddr::from([10, 0, 0, last]));
    let admitted = |asker, from: u64, count: u64| {
        let at = |number| Duration::from_secs(from) + Duration::from_micros(number);
        (0..count).filter(|number| limit.admit_at(asker, at(*number)).is_ok()).count()
    };
    // Two seconds' worth at once, and one that begins the wait.
    assert_eq!(admitted(asker(1), 100, 1000), 21);
    assert_eq!(admitted(asker(2), 100, 5), 5);
    assert_eq!(admitted(asker(1), 101, 1000), 10);
    let wait = limit.admit_at(asker(1), Duration::from_secs(101)).unwrap_err();
    assert!(wait > Duration::ZERO && wait <= Duration::from_millis(200), "{wait:?}");
    // A whole network of IPv6 is one.
    let six = |end: u16| Asker::Address(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, end]));
    assert_eq!(
        (0..100).filter(|end| limit.admit_at(six(*end), Duration::from_secs(100)).is_ok()).count(),
        21
    );
    assert!((0..10_000).all(|_| Limit::new(0).admit(asker(1)).is_ok()));
}

#[test]
fn what_is_remembered_is_bounded() {
    let limit = Limit::new(1);
    for number in 0..200_000_u32 {
        let _ = limit
            .admit_at(Asker::Address(IpAddr::from(number.to_be_bytes())), Duration::from_secs(1));
    }
    let held: usize = limit.shards.iter().map(|shard| shard.lock().unwrap().due.len()).sum();
    assert!(held <= Limit::MOST + Limit::SHARDS, "{held}");
}
