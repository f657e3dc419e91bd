//! The record: rows in chains, and signed heads over them.

mod chain;

pub(crate) use chain::{Chain, Link, link_hash};
