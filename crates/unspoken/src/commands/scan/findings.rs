//! What a scan has gathered, from all its threads.

use std::io::{self, ErrorKind};
use std::sync::{Mutex, PoisonError};

use super::search::Spot;
use super::trace::{Place, Trace};

/// Everything that was found, and what could not be looked at.
#[derive(Debug, Default)]
pub(crate) struct Findings(Mutex<Gathered>);

#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) traces: Vec<Trace>,
    /// Paths, and why.
    pub(crate) unread: Vec<(String, String)>,
    /// How many texts were looked at.
    pub(crate) looked: usize,
}

impl Findings {
    /// Notes what came of one text.
    pub(crate) fn add(&self, path: &str, place: &Place, outcome: io::Result<Vec<Spot>>) {
        let mut gathered = self.lock();
        match outcome {
            Ok(spots) => {
                gathered.looked += 1;
                gathered.traces.extend(spots.into_iter().map(|spot| Trace {
                    path: path.to_owned(),
                    position: spot.position,
                    place: place.clone(),
                    what: spot.what,
                    text: spot.text,
                }));
            }
            // It went away meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => gathered.unread.push((path.to_owned(), error.to_string())),
        }
    }

    /// Notes how many more texts were looked at.
    pub(crate) fn looked(&self, count: usize) {
        self.lock().looked += count;
    }

    pub(crate) fn push(&self, trace: Trace) {
        self.lock().traces.push(trace);
    }

    pub(crate) fn unread(&self, path: String, why: String) {
        self.lock().unread.push((path, why));
    }

    /// In the order of paths and places, each once.
    pub(crate) fn into_sorted(self) -> Gathered {
        let mut gathered = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        gathered.traces.sort();
        gathered.traces.dedup();
        gathered.unread.sort();
        gathered.unread.dedup();
        gathered
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Gathered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
