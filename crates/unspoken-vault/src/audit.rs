//! The record: rows in chains, and signed heads over them.
//!
//! Rules:
//! - A head covers every chain that has grown since the head before. A node signs its own chain from its
//!   memory, so that what somebody else wrote into the database is not signed as its own.
//! - What a node left behind that was killed is signed by another one a minute later, and marked as
//!   adopted: it was found in the database.
//! - Who verifies believes nothing but the public key that was kept apart.

mod chain;
mod export;
mod head;
mod verify;

#[cfg(test)]
mod tests;

pub(crate) use chain::{Chain, Link, link_hash};
pub(crate) use export::{Exporter, Identity};
pub(crate) use head::{Scope, Signer, head_hash, head_message};
pub(crate) use verify::{Expected, Summary, Verifier, verify};
