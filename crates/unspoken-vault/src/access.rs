//! Who asks, and whether they may.
//!
//! Rules:
//! - [`Permit`] is made in this module alone, by a caller's rights and a place that was looked up in
//!   the same transaction. What reads and writes values wants one.
//! - A caller who may not gets the same answer as one who asks for what is not there.
//! - All parts of a token's rights have to agree: none of them can widen what another one
//!   narrows.

mod caller;
mod permit;

pub(crate) use caller::{Caller, Holder};
pub(crate) use permit::{Permit, Place};
