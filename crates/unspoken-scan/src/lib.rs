//! What a leak looks like, and where it stands.
//!
//! Pure: bytes in, sightings out. No files, no clock, no environment. Nothing
//! here keeps what it has found: a sighting is a kind and a range, and the
//! baseline of accepted findings holds keyed hashes.
//!
//! It is a net: a password that looks like a word, a token of a vendor that is
//! not in the table, or one that was cut in two goes through.

#![forbid(unsafe_code)]

mod baseline;
mod crc;
mod floor;
mod kind;
mod kinds;
pub mod plaintext;
mod position;
mod rule;
mod sighting;

pub use baseline::{Accepted, Baseline, BaselineError, BaselineKey, Leak};
pub use kind::Kind;
pub use kinds::Kinds;
pub use position::{Lines, Position};
pub use sighting::{Sighting, Verified};
