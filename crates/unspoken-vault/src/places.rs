//! Places for work that keeps a thread waiting, so that only so much is under way at a time.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::problem::Problem;

/// See the top.
///
/// Who goes away while waiting for a place leaves no work behind. What has begun keeps its place
/// until it ends, whether or not somebody waits for it.
#[derive(Debug)]
pub(crate) struct Places(Arc<Semaphore>);

impl Places {
    pub(crate) fn new(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count)))
    }

    /// Does something in a thread of its own, once there is a place for it.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let place = Arc::clone(&self.0).acquire_owned().await;
        let place = place.map_err(|_| Problem::unavailable())?;
        let work = move || {
            let done = work();
            drop(place);
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| Problem::internal())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// In a runtime, which a test has to bring along.
    fn run(test: impl Future<Output = ()>) {
        tokio::runtime::Runtime::new().unwrap().block_on(test);
    }

    #[test]
    fn what_nobody_waits_for_is_not_begun_and_what_has_begun_keeps_its_place() {
        run(nobody_waits());
    }

    async fn nobody_waits() {
        let (places, begun) = (Places::new(1), Arc::new(AtomicUsize::new(0)));
        let (go, wait) = mpsc::channel::<()>();
        let moment = Duration::from_millis(20);
        let first = Arc::clone(&begun);
        let long = places.run(move || {
            first.fetch_add(1, Ordering::SeqCst);
            wait.recv()
        });
        assert!(timeout(moment, long).await.is_err());
        for _ in 0..10 {
            let begun = Arc::clone(&begun);
            let next = places.run(move || begun.fetch_add(1, Ordering::SeqCst));
            assert!(timeout(moment, next).await.is_err());
        }
        assert_eq!(begun.load(Ordering::SeqCst), 1);
        go.send(()).unwrap();
        assert_eq!(places.run(|| 7).await.unwrap(), 7);
        assert_eq!(begun.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_fault_gives_its_place_back() {
        run(async {
            let places = Places::new(1);
            assert!(places.run(|| panic!("on purpose")).await.is_err());
            assert_eq!(places.run(|| 7).await.unwrap(), 7);
        });
    }
}
